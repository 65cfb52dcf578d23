//! What a caller sees when a call goes wrong, the same on every transport.

use std::time::Duration;

use tenure_rpc::{EdgeConfig, status};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::probe::{Client, NAME, OURS, Probe, each_transport, in_one_process};

fn assert_refused(status: &Status, code: Code, reason: &str) {
    assert_eq!(
        (status.code(), status::reason(status).as_deref()),
        (code, Some(reason)),
        "{status:?}"
    );
    assert_eq!(
        status.get_details_error_info().unwrap().domain,
        "rpc.tenure"
    );
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_default_one() {
    let limits = EdgeConfig {
        deadline_default_ms: 30,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let late = served.client().call("Hang", "").await.unwrap_err();

        assert_refused(&late, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    })
    .await;
}

#[tokio::test]
async fn no_call_may_take_longer_than_the_cap_whatever_it_asks_for() {
    let limits = EdgeConfig {
        deadline_default_ms: 30,
        deadline_slow_ms: 30,
        deadline_cap_ms: 30,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let mut client = served.client().with_timeout(Duration::from_secs(3_600));

        let late = client.call("Hang", "").await.unwrap_err();

        assert_refused(&late, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    })
    .await;
}

#[tokio::test]
async fn the_callers_deadline_counts_when_it_is_shorter() {
    each_transport(EdgeConfig::default(), |served| async move {
        let mut client = served.client().with_timeout(Duration::from_millis(30));

        let late = client.call("Hang", "").await.unwrap_err();

        assert_refused(&late, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_follows_outlives_the_default_but_not_its_own_deadline() {
    let limits = EdgeConfig {
        deadline_default_ms: 1,
        deadline_cap_ms: 1,
        deadline_slow_ms: 1,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let mut client = served.client().with_timeout(Duration::from_millis(300));
        let mut stream = client.stream("WatchForEver", "first").await.unwrap();
        assert_eq!(stream.message().await.unwrap().as_deref(), Some("first"));

        let late = stream.message().await.unwrap_err();

        assert_refused(&late, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    })
    .await;
}

#[tokio::test]
async fn any_other_stream_ends_at_the_default_deadline() {
    let limits = EdgeConfig {
        deadline_default_ms: 30,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let mut client = served.client();
        let mut stream = client.stream("StreamAndHang", "first").await.unwrap();
        assert_eq!(stream.message().await.unwrap().as_deref(), Some("first"));

        let late = stream.message().await.unwrap_err();

        assert_refused(&late, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_never_quiet_ends_at_its_deadline_too() {
    each_transport(EdgeConfig::default(), |served| async move {
        let mut client = served.client().with_timeout(Duration::from_millis(300));
        let mut stream = client.stream("WatchBusy", "").await.unwrap();

        let late = loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                other => break other.unwrap_err(),
            }
        };

        assert_refused(&late, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_internal_and_tells_nothing_but_the_callers_id() {
    each_transport(EdgeConfig::default(), |served| async move {
        let mut client = served.client().with_request_id("ticket-7");

        let failed = client.call("Panic", "hunter2").await.unwrap_err();

        assert_refused(&failed, Code::Internal, "INTERNAL_ERROR");
        assert_eq!(failed.message(), "internal error ticket-7");
        assert_eq!(
            status::metadata(&failed, "correlation_id").as_deref(),
            Some("ticket-7")
        );
        assert!(!format!("{failed:?}").contains("hunter2"));
        assert_eq!(
            client.call("Echo", "still here").await.unwrap(),
            "still here"
        );
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_the_middle_of_a_stream_is_internal_too() {
    each_transport(EdgeConfig::default(), |served| async move {
        let mut client = served.client();
        let mut stream = client.stream("WatchPanic", "first").await.unwrap();
        assert_eq!(stream.message().await.unwrap().as_deref(), Some("first"));

        let failed = stream.message().await.unwrap_err();

        assert_refused(&failed, Code::Internal, "INTERNAL_ERROR");
        assert!(!format!("{failed:?}").contains("late secret"));
    })
    .await;
}

#[tokio::test]
async fn a_message_is_too_large_by_one_byte() {
    let limits = EdgeConfig {
        message_bytes: 4_096,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let mut client = served.client();
        // A string in field 1 has one byte of key and two of length.
        let largest = "x".repeat(4_096 - 3);

        assert_eq!(client.call("Echo", &largest).await.unwrap(), largest);
        let refused = client
            .call("Echo", &format!("{largest}x"))
            .await
            .unwrap_err();
        let answered = client
            .call("Long", &(4_096 - 2).to_string())
            .await
            .unwrap_err();

        assert_refused(&refused, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
        assert_refused(&answered, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    })
    .await;
}

#[tokio::test]
async fn calls_beyond_the_limit_are_shed_and_told_when_to_come_back() {
    let limits = EdgeConfig {
        concurrency: 1,
        queue: 0,
        queue_wait_ms: 60_000,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let mut first = served.client();
        let first = async { first.call("Gated", "first").await };
        let second = async {
            served.probe.begun.notified().await;
            let shed = served.client().call("Echo", "second").await.unwrap_err();
            served.probe.gate.notify_one();
            shed
        };

        let (first, shed) = tokio::join!(first, second);

        assert_eq!(first.unwrap(), "first");
        assert_refused(&shed, Code::Unavailable, "OVERLOADED");
        assert!(shed.get_details_retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
        assert_eq!(
            served.client().call("Echo", "third").await.unwrap(),
            "third"
        );
    })
    .await;
}

#[tokio::test]
async fn a_call_in_the_queue_gets_its_turn() {
    let limits = EdgeConfig {
        concurrency: 1,
        queue: 1,
        queue_wait_ms: 60_000,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let (mut first, mut second) = (served.client(), served.client());
        let first = async { first.call("Gated", "first").await };
        let second = async {
            served.probe.begun.notified().await;
            let second = second.call("Echo", "second");
            served.probe.gate.notify_one();
            second.await
        };

        let (first, second) = tokio::join!(first, second);

        assert_eq!(
            (first.unwrap(), second.unwrap()),
            ("first".to_owned(), "second".to_owned())
        );
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_handler_and_gives_its_place_back() {
    let limits = EdgeConfig {
        concurrency: 1,
        queue: 0,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let mut client = served.client();
        tokio::select! {
            _ = client.call("Gated", "") => unreachable!("nobody opens the gate"),
            () = served.probe.begun.notified() => {}
        }

        // Well before the deadline of the call would end it.
        let soon = Duration::from_secs(3);
        tokio::time::timeout(soon, served.probe.ended.notified())
            .await
            .unwrap();

        assert_eq!(served.client().call("Echo", "next").await.unwrap(), "next");
    })
    .await;
}

#[tokio::test]
async fn a_request_id_is_echoed_if_it_is_short() {
    each_transport(EdgeConfig::default(), |served| async move {
        let echoed = |id: &'static str| {
            let mut client = served.client().with_request_id(id);
            async move {
                let answer = client.respond("Echo", "").await.unwrap();
                answer
                    .metadata()
                    .get("x-request-id")
                    .map(|id| id.to_str().unwrap().to_owned())
            }
        };

        assert_eq!(echoed("abc").await.as_deref(), Some("abc"));
        assert_eq!(echoed(&"x".repeat(65).leak()[..]).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_call_made_for_another_one_has_less_time_and_the_same_id() {
    let inner = in_one_process(Probe::default(), EdgeConfig::default());
    let outer = Probe {
        inner: Some(inner.transport.clone()),
        ..Probe::default()
    };
    let served = in_one_process(outer, EdgeConfig::default());
    let mut client = served
        .client()
        .with_timeout(Duration::from_secs(2))
        .with_request_id("one");

    let answer = client.call("Relay", "").await.unwrap();

    let mut parts = answer.split(' ');
    let (left, id) = (parts.next().unwrap(), parts.next().unwrap());
    let left: u64 = left.parse().unwrap();
    assert!(left < 2_000, "{left} ms");
    assert_eq!(id, "one");
}

#[tokio::test]
async fn services_may_call_each_other_deeply_in_one_process() {
    let mut transport = in_one_process(Probe::default(), EdgeConfig::default()).transport;
    for _ in 0..200 {
        let probe = Probe {
            inner: Some(transport),
            ..Probe::default()
        };
        transport = in_one_process(probe, EdgeConfig::default()).transport;
    }

    assert!(Client::new(transport).call("Relay", "").await.is_ok());
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented_and_so_is_an_unknown_service() {
    each_transport(EdgeConfig::default(), |served| async move {
        let method = served.client().call("NoSuchMethod", "").await;
        let service = served.client().raw("no.such.Service", "Echo", b"").await;
        let nearly = served.client().raw(&NAME[1..], "Echo", b"").await;

        let code = |status: Status| status.code();
        assert_eq!(method.unwrap_err().code(), Code::Unimplemented);
        assert_eq!(service.map_err(code).unwrap_err(), Code::Unimplemented);
        assert_eq!(nearly.map_err(code).unwrap_err(), Code::Unimplemented);
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_mistake_and_are_not_told() {
    each_transport(EdgeConfig::default(), |served| async move {
        // A text in Latin-1, a field that ends too early, a wire type that does not exist.
        for bytes in [&b"\x0a\x03a\xe4b"[..], b"\x0a\x09a", b"\x0f\x0f\x0f"] {
            for (service, method, domain) in [
                (NAME, "Echo", "rpc.tenure"),
                (NAME, "StreamAndHang", "rpc.tenure"),
                (OURS, "GetCustomer", "customer.tenure"),
            ] {
                let refused = served.client().raw(service, method, bytes).await;

                let status = refused.unwrap_err();
                let info = status.get_details_error_info().unwrap();
                assert_eq!(
                    (status.code(), info.reason.as_str(), info.domain.as_str()),
                    (Code::InvalidArgument, "INVALID_FIELDS", domain),
                );
                assert!(!status.message().contains("Protobuf"), "{status:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_internal_error_without_details_gets_an_id_to_find_it_by() {
    each_transport(EdgeConfig::default(), |served| async move {
        let mut client = served.client().with_request_id("call-7");

        let unary = client.call("Internal", "hunter2").await.unwrap_err();
        let mut stream = client.stream("WatchInternal", "hunter2").await.unwrap();
        let streamed = loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                other => break other.unwrap_err(),
            }
        };

        for status in [unary, streamed] {
            assert_refused(&status, Code::Internal, "INTERNAL_ERROR");
            assert_eq!(status.message(), "internal error call-7");
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_edge_answers_for_a_service_of_ours_is_in_its_domain() {
    let limits = EdgeConfig {
        message_bytes: 1_024,
        deadline_default_ms: 30,
        deadline_slow_ms: 30,
        ..EdgeConfig::default()
    };
    each_transport(limits, |served| async move {
        let large = [&b"\x0a\x80\x10"[..], &[b'x'; 2_048]].concat();

        let refused = served.client().raw(OURS, "GetCustomer", &large).await;
        let late = served.client().raw(OURS, "BatchGetCustomers", b"").await;

        for (result, reason) in [(refused, "MESSAGE_TOO_LARGE"), (late, "DEADLINE_EXCEEDED")] {
            let info = result.unwrap_err().get_details_error_info().unwrap();
            assert_eq!(
                (info.reason.as_str(), info.domain.as_str()),
                (reason, "customer.tenure")
            );
        }
    })
    .await;
}
