//! A way to a service that is built after those that call it.

use tenure_rpc::{EdgeConfig, Later, status};
use tonic::Code;

use crate::probe::{Client, Probe, in_one_process};

async fn refusal(later: &mut Client) -> (Code, Option<String>) {
    let refused = later.call("Echo", "a").await.unwrap_err();
    (refused.code(), status::reason(&refused))
}

#[tokio::test]
async fn nobody_answers_before_the_service_is_there_and_after_it_is_gone() {
    let served = in_one_process(Probe::default(), EdgeConfig::default());
    let later = Later::default();
    let mut client = Client::new(later.transport());
    let gone = (Code::Unavailable, Some("SERVER_DRAINING".to_owned()));

    assert_eq!(refusal(&mut client).await, gone);
    later.fill(served.transport.clone());
    assert_eq!(client.call("Echo", "a").await.unwrap(), "a");
    drop(later);

    assert_eq!(refusal(&mut client).await, gone);
}
