//! Calls and answers that go past an inspector, over sockets and in one process.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use prost::Message as _;
use tenure_rpc::inspect::{Admission, Checked, Convert, Inspected, Inspector};
use tenure_rpc::transport::in_process_as;
use tenure_rpc::{Principal, Routes};
use tonic::{Code, Status};

use crate::probe::{Client, Probe};

/// Writes down who was answered, and answers louder.
#[derive(Default)]
pub(crate) struct Loud {
    pub(crate) seen: Mutex<Vec<(Principal, String)>>,
}

fn louder(message: &[u8]) -> Result<Vec<u8>, Status> {
    let text = String::decode(message).map_err(|error| Status::internal(error.to_string()))?;
    if text.contains("secret") {
        return Err(Status::permission_denied("it is secret"));
    }
    Ok(text.to_uppercase().encode_to_vec())
}

impl Inspector for Loud {
    fn admit(&self, call: &Inspected) -> Result<Admission, Status> {
        Ok(match call.path.rsplit('/').next().unwrap() {
            "Panic" => return Err(Status::permission_denied("not this")),
            "Long" => Admission::Unseen,
            method if method.starts_with("Watch") => Admission::Stream,
            _ => Admission::Message {
                needs_request: true,
            },
        })
    }

    fn answered<'a>(&'a self, call: &'a Inspected, message: Bytes) -> Checked<'a, Bytes> {
        Box::pin(async move {
            let asked = String::decode(call.request.clone()).unwrap();
            self.seen
                .lock()
                .unwrap()
                .push((call.principal.clone(), asked));
            Ok(louder(&message)?.into())
        })
    }

    fn stream(&self, _: &Inspected) -> Option<Arc<Convert>> {
        Some(Arc::new(louder))
    }
}

/// The probe behind an inspector.
pub(crate) fn behind(loud: &Arc<Loud>) -> Routes {
    let inspector: Arc<dyn Inspector> = loud.clone();
    Routes::default()
        .add_service(Probe::default())
        .through(&inspector)
}

#[tokio::test]
async fn an_inspector_knows_call_and_answer_and_may_change_or_refuse_it() {
    let loud = Arc::new(Loud::default());
    let own = in_process_as(behind(&loud), Principal::Service("own"));
    let mut client = Client::new(own);

    assert_eq!(client.call("Echo", "hello").await.unwrap(), "HELLO");
    let large = "x".repeat(100_000);
    assert_eq!(
        client.call("Echo", &large).await.unwrap(),
        large.to_uppercase()
    );
    assert_eq!(client.call("Echo", "").await.unwrap(), "");
    assert_eq!(
        client.call("Long", "3").await.unwrap(),
        "xxx",
        "not looked at"
    );
    let secret = client.call("Echo", "a secret").await.unwrap_err();
    assert_eq!(secret.code(), Code::PermissionDenied);
    let refused = client.call("Panic", "it would").await.unwrap_err();
    assert_eq!(refused.message(), "not this");
    let failed = client.call("Nothing", "").await.unwrap_err();
    assert_eq!(failed.code(), Code::Unimplemented, "an error is no answer");

    let seen = loud.seen.lock().unwrap();
    let asked: Vec<_> = seen.iter().map(|(_, asked)| asked.len()).collect();
    assert_eq!(asked, ["hello".len(), large.len(), 0, "a secret".len()]);
    assert!(
        seen.iter()
            .all(|(who, _)| *who == Principal::Service("own"))
    );
}

#[tokio::test]
async fn each_message_of_a_stream_is_changed() {
    let loud = Arc::new(Loud::default());
    let own = in_process_as(behind(&loud), Principal::Anonymous);
    let mut client = Client::new(own);

    let mut messages = client.stream("WatchBusy", "from here").await.unwrap();

    for _ in 0..1_000 {
        assert_eq!(messages.message().await.unwrap().unwrap(), "MORE");
    }
    let seen = loud.seen.lock().unwrap();
    assert_eq!(*seen, [(Principal::Anonymous, "from here".to_owned())]);
}
