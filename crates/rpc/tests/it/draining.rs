//! How a server ends: what is under way finishes, what follows is sent away, nothing waits for ever.

use std::time::Duration;

use tenure_rpc::lifecycle::Ending;
use tenure_rpc::{EdgeConfig, Lifecycle, ServerConfig, status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;

use crate::probe::{Probe, each_transport, over_a_socket};

/// Longer than any test may take.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn streams_that_follow_are_told_to_reconnect() {
    each_transport(EdgeConfig::default(), |served| async move {
        let mut stream = served
            .client()
            .stream("WatchForEver", "first")
            .await
            .unwrap();
        assert_eq!(stream.message().await.unwrap().as_deref(), Some("first"));

        served.lifecycle.stop();
        let ended = stream.message().await.unwrap_err();

        assert_eq!(ended.code(), Code::Unavailable);
        assert_eq!(status::reason(&ended).as_deref(), Some("SERVER_DRAINING"));
        assert_eq!(served.lifecycle.finish(LONG).await, Ending::Clean);
    })
    .await;
}

#[tokio::test]
async fn a_call_under_way_is_answered_and_a_new_one_is_not() {
    let served = over_a_socket(Probe::default(), ServerConfig::default()).await;
    let mut client = served.client();
    let first = client.call("Gated", "under way");
    let rest = async {
        served.probe.begun.notified().await;
        served.lifecycle.stop();
        // The port is closed once the server has seen the stop; until then a call may still come in.
        while served.client().call("Echo", "").await.is_ok() {
            tokio::task::yield_now().await;
        }
        served.probe.gate.notify_one();
    };

    let (answer, ()) = tokio::join!(first, rest);

    assert_eq!(answer.unwrap(), "under way");
    assert_eq!(served.lifecycle.finish(LONG).await, Ending::Clean);
}

#[tokio::test]
async fn a_call_that_never_ends_is_cut_after_the_grace() {
    let served = over_a_socket(Probe::default(), ServerConfig::default()).await;
    let mut client = served.client();
    let call = client.call("Gated", "");
    let rest = async {
        served.probe.begun.notified().await;
        served.lifecycle.finish(Duration::from_millis(20)).await
    };

    let (answer, ending) = tokio::join!(call, rest);

    assert!(answer.is_err());
    assert_eq!(ending, Ending::Forced);
}

#[tokio::test]
async fn health_says_no_while_calls_are_still_accepted() {
    let config = ServerConfig {
        drain_notice_seconds: 60,
        ..ServerConfig::default()
    };
    let served = over_a_socket(Probe::default(), config).await;
    let mut client = served.client();
    assert!(client.call("Echo", "").await.is_ok());

    served.lifecycle.stop();

    let mut health = tonic_health::pb::health_client::HealthClient::new(served.transport.clone());
    let request = || tonic_health::pb::HealthCheckRequest {
        service: String::new(),
    };
    while health.check(request()).await.unwrap().into_inner().status == 1 {
        tokio::task::yield_now().await;
    }
    assert!(client.call("Echo", "").await.is_ok());
}

#[tokio::test]
async fn a_task_that_panics_makes_the_process_unhealthy_and_the_others_go_on() {
    let lifecycle = Lifecycle::new();
    let (done, other) = tokio::sync::oneshot::channel();
    lifecycle.spawn("broken", async {
        panic!("a task of the test fails on purpose")
    });
    lifecycle.spawn("other", async { done.send(()).unwrap() });
    other.await.unwrap();

    assert_eq!(lifecycle.finish(LONG).await, Ending::Clean);

    assert!(!lifecycle.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn tasks_have_their_grace_and_not_more() {
    let lifecycle = Lifecycle::new();
    let stop = lifecycle.draining();
    lifecycle.spawn("tidy", stop);
    lifecycle.spawn_daemon("daemon", std::future::pending());
    assert_eq!(lifecycle.finish(LONG).await, Ending::Clean);

    let lifecycle = Lifecycle::new();
    lifecycle.spawn("stubborn", std::future::pending());
    assert_eq!(lifecycle.finish(LONG).await, Ending::Forced);
}

/// Says hello as an HTTP/2 client does and returns the type of every frame that comes, until the
/// server closes.
async fn frames_until_the_end(address: std::net::SocketAddr) -> Vec<u8> {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(&settings).await.unwrap();
    let mut types = Vec::new();
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.unwrap();
        types.push(head[3]);
        if head[3] == PING && head[4] == 0 {
            head[4] = 1;
            stream
                .write_all(&[&head[..], &payload[..]].concat())
                .await
                .unwrap();
        }
    }
    types
}

const PING: u8 = 6;
const GOAWAY: u8 = 7;

#[tokio::test(start_paused = true)]
async fn a_connection_that_grows_old_is_asked_to_go() {
    let config = ServerConfig {
        connection_age_seconds: 600,
        ..ServerConfig::default()
    };
    let served = over_a_socket(Probe::default(), config).await;
    let begin = tokio::time::Instant::now();

    let types = frames_until_the_end(served.address.unwrap()).await;

    assert!(types.contains(&GOAWAY), "{types:?}");
    assert!(
        (300..=601).contains(&begin.elapsed().as_secs()),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test]
async fn an_idle_connection_is_asked_to_go_when_the_server_drains() {
    let served = over_a_socket(Probe::default(), ServerConfig::default()).await;
    let stop = async {
        served.client().call("Echo", "").await.unwrap();
        served.lifecycle.finish(LONG).await
    };

    let (types, ending) = tokio::join!(frames_until_the_end(served.address.unwrap()), stop);

    assert!(types.contains(&GOAWAY), "{types:?}");
    assert_eq!(ending, Ending::Clean);
}
