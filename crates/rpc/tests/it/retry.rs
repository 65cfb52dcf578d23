//! Retries: few, apart from each other, and never past the deadline.

use std::cell::Cell;
use std::time::Duration;

use tenure_rpc::retry_unavailable;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Tries something that is unavailable the first `failures` times; returns the tries and the answer.
async fn try_with(failures: u32, code: Code, asked: Duration) -> (u32, Result<(), Status>) {
    let tries = Cell::new(0);
    let answer = retry_unavailable(4, || {
        tries.set(tries.get() + 1);
        let failed = tries.get() <= failures;
        let details = ErrorDetails::with_retry_info(Some(asked));
        let status = Status::with_error_details(code, "not now", details);
        async move { if failed { Err(status) } else { Ok(()) } }
    })
    .await;
    (tries.get(), answer)
}

#[tokio::test(start_paused = true)]
async fn what_is_unavailable_is_tried_four_times() {
    let (tries, answer) = try_with(3, Code::Unavailable, Duration::ZERO).await;
    assert_eq!((tries, answer.is_ok()), (4, true));

    let (tries, answer) = try_with(9, Code::Unavailable, Duration::ZERO).await;
    assert_eq!((tries, answer.unwrap_err().code()), (4, Code::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn nothing_else_is_tried_again() {
    for code in [
        Code::Internal,
        Code::Aborted,
        Code::DeadlineExceeded,
        Code::ResourceExhausted,
    ] {
        let (tries, answer) = try_with(9, code, Duration::ZERO).await;
        assert_eq!((tries, answer.unwrap_err().code()), (1, code));
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_are_as_long_as_the_server_asks() {
    let begin = Instant::now();
    try_with(9, Code::Unavailable, Duration::ZERO)
        .await
        .1
        .unwrap_err();
    // 100, 200 and 400 ms, of which between half and all.
    let paused = begin.elapsed();
    assert!((350..=720).contains(&paused.as_millis()), "{paused:?}");

    let begin = Instant::now();
    try_with(9, Code::Unavailable, Duration::from_secs(2))
        .await
        .1
        .unwrap_err();
    assert!(
        begin.elapsed() >= Duration::from_secs(6),
        "{:?}",
        begin.elapsed()
    );
}
