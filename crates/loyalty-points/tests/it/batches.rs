//! Several operations in one call.

use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::loyalty::v1::operation_result::Result as Answering;
use tenure_proto::loyalty::v1::*;
use tonic::Code;

use crate::suite::{Answer, Suite, each, new_id};

fn earn(account_id: &str, points: i64, source: &str) -> Asking {
    Asking::EarnPoints(EarnPointsRequest {
        request_id: new_id(),
        account_id: account_id.into(),
        points,
        source: source.into(),
        open_account: true,
        ..EarnPointsRequest::default()
    })
}

fn redeem(account_id: &str, points: i64) -> Asking {
    Asking::RedeemPoints(RedeemPointsRequest {
        request_id: new_id(),
        account_id: account_id.into(),
        points,
        source: "order/1".into(),
        member_account_id: String::new(),
        partner_id: String::new(),
    })
}

fn batch(mode: BatchMode, asked: &[Asking]) -> BatchExecuteOperationsRequest {
    let operation = |asked: &Asking| Operation {
        operation: Some(asked.clone()),
    };
    BatchExecuteOperationsRequest {
        operations: asked.iter().map(operation).collect(),
        mode: mode.into(),
    }
}

async fn run(
    loyalty: &Suite,
    request: BatchExecuteOperationsRequest,
) -> Answer<Vec<OperationResult>> {
    let mut client = loyalty.client.clone();
    let answer = client.batch_execute_operations(request).await?;
    Ok(answer.into_inner().results)
}

/// The points available after each operation, or the reason why it was refused.
fn told(results: &[OperationResult]) -> Vec<String> {
    let tell = |result: &OperationResult| match result.result.as_ref().unwrap() {
        Answering::Outcome(done) => done.available_points.to_string(),
        Answering::Error(error) => error.reason.clone(),
    };
    results.iter().map(tell).collect()
}

fn replayed(results: &[OperationResult]) -> Vec<bool> {
    let tell = |result: &OperationResult| match result.result.as_ref().unwrap() {
        Answering::Outcome(done) => done.replayed,
        Answering::Error(_) => false,
    };
    results.iter().map(tell).collect()
}

#[tokio::test]
async fn independent_operations_stand_for_themselves_and_keep_their_order() {
    each(async |loyalty| {
        let asked = [
            earn("ada", 100, "bill/1"),
            redeem("ada", 70),
            redeem("ada", 70),
            redeem("ada", 30),
            redeem("bob", 1),
            redeem("ada", -1),
        ];

        let results = run(&loyalty, batch(BatchMode::Independent, &asked))
            .await
            .unwrap();

        let wanted = [
            "100",
            "30",
            "INSUFFICIENT_POINTS",
            "0",
            "ACCOUNT_NOT_FOUND",
            "INVALID_FIELDS",
        ];
        assert_eq!(told(&results), wanted);
        let Some(Answering::Error(error)) = &results[2].result else {
            panic!("the second redemption was done");
        };
        assert_eq!(error.code, Code::FailedPrecondition as i32);
        assert_eq!(error.metadata["needed_points"], "70");
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_repeated_gets_the_same_answers() {
    each(async |loyalty| {
        for mode in [BatchMode::Independent, BatchMode::AllOrNothing] {
            let account = mode.as_str_name();
            let asked = [earn(account, 100, "bill/1"), redeem(account, 40)];
            let first = run(&loyalty, batch(mode, &asked)).await.unwrap();

            let again = run(&loyalty, batch(mode, &asked)).await.unwrap();

            assert_eq!(told(&again), told(&first));
            assert_eq!(replayed(&again), [true, true]);
            assert_eq!(loyalty.balance(account).await, (60, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn of_a_batch_that_stands_or_falls_together_nothing_is_left_when_one_is_refused() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let hold = loyalty.hold("ada", 20, 600).await.unwrap();
        let confirm = Asking::ConfirmHold(ConfirmHoldRequest {
            request_id: new_id(),
            account_id: "ada".into(),
            hold_id: hold.hold_id.clone(),
            ..ConfirmHoldRequest::default()
        });
        let asked = [
            redeem("ada", 30),
            earn("new", 5, "bill/1"),
            confirm.clone(),
            redeem("ada", 51),
        ];

        let refused = run(&loyalty, batch(BatchMode::AllOrNothing, &asked))
            .await
            .unwrap();
        loyalty.earn("ada", 1_000, "bill/2").await;
        let again = run(&loyalty, batch(BatchMode::AllOrNothing, &asked))
            .await
            .unwrap();

        let wanted = [
            "BATCH_REFUSED",
            "BATCH_REFUSED",
            "BATCH_REFUSED",
            "INSUFFICIENT_POINTS",
        ];
        assert_eq!(told(&refused), wanted);
        assert_eq!(again, refused);
        assert_eq!(loyalty.balance("ada").await, (1_080, 20));
        let missing = GetAccountRequest {
            account_id: "new".into(),
        };
        let missing = loyalty
            .client
            .clone()
            .get_account(missing)
            .await
            .unwrap_err();
        assert_eq!(missing.code(), Code::NotFound);
        // The source has not earned, and the hold is open.
        loyalty.earn("new", 5, "bill/1").await;
        loyalty.confirm(&hold, 0).await.unwrap();
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_moves_points_between_accounts_of_many_lanes_or_not_at_all() {
    each(async |loyalty| {
        let names: Vec<String> = (0..40).map(|n| format!("A{n}")).collect();
        let fill: Vec<Asking> = names.iter().map(|name| earn(name, 10, "bill/1")).collect();
        run(&loyalty, batch(BatchMode::AllOrNothing, &fill))
            .await
            .unwrap();

        let spend: Vec<Asking> = names.iter().map(|name| redeem(name, 10)).collect();
        let mut too_much = spend.clone();
        too_much.push(redeem("A0", 1));
        let refused = run(&loyalty, batch(BatchMode::AllOrNothing, &too_much))
            .await
            .unwrap();
        let refused_points = loyalty.books().await.lot_points;
        let spend: Vec<Asking> = names.iter().map(|name| redeem(name, 10)).collect();
        let done = run(&loyalty, batch(BatchMode::AllOrNothing, &spend))
            .await
            .unwrap();

        assert_eq!(
            told(&refused)
                .iter()
                .filter(|it| *it == "BATCH_REFUSED")
                .count(),
            40
        );
        assert_eq!((refused_points, loyalty.books().await.lot_points), (400, 0));
        assert!(told(&done).iter().all(|it| it == "0"));
        loyalty.assert_books_tie().await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_wrong_in_itself_does_nothing_and_keeps_nothing() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let good = redeem("ada", 10);
        let bad = redeem("ada", 0);
        let both = [good.clone(), bad];
        let empty = batch(BatchMode::AllOrNothing, &[]);
        let many = vec![good.clone(); 1_001];
        let mut reused = redeem("ada", 11);
        if let (Asking::RedeemPoints(reused), Asking::RedeemPoints(good)) = (&mut reused, &good) {
            reused.request_id.clone_from(&good.request_id);
        }
        let twice = [good.clone(), reused];

        let refused = [
            (
                batch(BatchMode::AllOrNothing, &both),
                "operations[1].points",
            ),
            (empty, "operations"),
            (batch(BatchMode::Independent, &many), "operations"),
            (batch(BatchMode::AllOrNothing, &twice), "points"),
        ];
        for (request, field) in refused {
            let status = run(&loyalty, request).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().contains(field), "{}", status.message());
        }

        assert_eq!(loyalty.balance("ada").await, (100, 0));
        let done = run(&loyalty, batch(BatchMode::AllOrNothing, &[good]))
            .await
            .unwrap();
        assert_eq!(
            (told(&done), replayed(&done)),
            (vec!["90".to_owned()], vec![false])
        );
    })
    .await;
}

/// The reason of a refusal, and the facts it tells.
fn facts(result: &OperationResult) -> (String, Vec<(String, String)>) {
    let Some(Answering::Error(error)) = &result.result else {
        panic!("it was done: {result:?}");
    };
    let mut facts: Vec<_> = error.metadata.clone().into_iter().collect();
    facts.sort();
    (error.reason.clone(), facts)
}

fn pairs(reason: &str, facts: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    (reason.to_owned(), facts.iter().map(own).collect())
}

#[tokio::test]
async fn a_refusal_of_a_batch_that_was_taken_back_names_the_operation_in_the_way() {
    each(async |loyalty| {
        let earned = loyalty.earn("ada", 100, "bill/1").await.entry.unwrap();
        let reverse = || {
            Asking::ReverseEntry(ReverseEntryRequest {
                request_id: new_id(),
                account_id: "ada".into(),
                entry_id: earned.entry_id.clone(),
                source: "a mistake".into(),
                points: 0,
            })
        };
        let create = || {
            Asking::CreateAccount(CreateAccountRequest {
                request_id: new_id(),
                account_id: "new".into(),
                customer_id: "new".into(),
                ..CreateAccountRequest::default()
            })
        };
        let asked = [
            redeem("ada", 1),
            earn("ada", 5, "bill/2"),
            earn("ada", 5, "bill/2"),
            earn("ada", 5, "bill/1"),
            reverse(),
            reverse(),
            create(),
            create(),
        ];

        let refused = run(&loyalty, batch(BatchMode::AllOrNothing, &asked))
            .await
            .unwrap();
        let again = run(&loyalty, batch(BatchMode::AllOrNothing, &asked))
            .await
            .unwrap();

        let twice = [("operation_index", "1"), ("source", "bill/2")];
        assert_eq!(facts(&refused[2]), pairs("EVENT_ALREADY_EARNED", &twice));
        // What stood before the batch stands, and is named as ever.
        let before = [("entry_id", &*earned.entry_id), ("source", "bill/1")];
        assert_eq!(facts(&refused[3]), pairs("EVENT_ALREADY_EARNED", &before));
        let back = [("entry_id", &*earned.entry_id), ("operation_index", "4")];
        assert_eq!(facts(&refused[5]), pairs("ENTRY_ALREADY_REVERSED", &back));
        let opened = [("account_id", "new"), ("operation_index", "6")];
        assert_eq!(facts(&refused[7]), pairs("ACCOUNT_EXISTS", &opened));
        for given_up in [0, 1, 4, 6] {
            let first = [("reason", "EVENT_ALREADY_EARNED")];
            assert_eq!(facts(&refused[given_up]), pairs("BATCH_REFUSED", &first));
        }
        assert_eq!(again, refused);
        assert_eq!(loyalty.balance("ada").await, (100, 0));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_stands_twice_in_a_batch_is_given_up_twice() {
    each(async |loyalty| {
        let once = earn("ada", 100, "bill/1");
        let asked = [once.clone(), once.clone(), redeem("ada", 101)];

        let refused = run(&loyalty, batch(BatchMode::AllOrNothing, &asked))
            .await
            .unwrap();
        let done = run(
            &loyalty,
            batch(
                BatchMode::AllOrNothing,
                &[earn("ada", 100, "bill/1"), redeem("ada", 100)],
            ),
        )
        .await
        .unwrap();

        let wanted = ["BATCH_REFUSED", "BATCH_REFUSED", "INSUFFICIENT_POINTS"];
        assert_eq!(told(&refused), wanted);
        assert_eq!(told(&done), ["100", "0"]);
        loyalty.assert_verifies().await;
    })
    .await;
}
