//! `BatchExecuteOperations`.

use std::sync::Arc;

use futures_util::future::join_all;
use tenure_core::{Coded as _, Violation, Violations};
use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::loyalty::v1::operation_result::Result as Answering;
use tenure_proto::loyalty::v1::{
    BatchExecuteOperationsRequest, BatchExecuteOperationsResponse, BatchMode, Operation,
    OperationOutcome, OperationResult,
};
use tenure_rpc::{call, to_item_error};

use super::accounts;
use super::reward::{Met, meet_offer};
use super::submit::{Asked, Done, answer, prepare};
use crate::domain::{Catalogue, Order};
use crate::error::Error;
use crate::{DOMAIN, Shared};

/// The most operations of one call.
const OPERATIONS_MAX: usize = 1_000;

type Answer = Result<Done, Error>;

pub(super) async fn execute(
    shared: &Shared,
    message: BatchExecuteOperationsRequest,
) -> Result<BatchExecuteOperationsResponse, Error> {
    let count = message.operations.len();
    if !(1..=OPERATIONS_MAX).contains(&count) {
        let mut violations = Violations::new();
        violations.add(
            "operations",
            format!("1 to {OPERATIONS_MAX}"),
            count.to_string(),
        );
        violations.into_result()?;
    }
    let catalogue = catalogue(shared, &message.operations).await?;
    let operations = message.operations.iter();
    let met = meet(shared, &message.operations).await?;
    let prepared = operations.zip(&met);
    let prepared = prepared.map(|(asked, met)| parse(shared, (&catalogue, met), asked));
    let answers = match message.mode() {
        BatchMode::AllOrNothing => together(shared, prepared.collect()).await?,
        BatchMode::Unspecified | BatchMode::Independent => each(shared, prepared.collect()).await,
    };
    Ok(BatchExecuteOperationsResponse {
        results: answers.into_iter().map(result).collect(),
    })
}

/// Returns the rules, which know the programmes of all accounts that are to be created if there are
/// such programmes.
async fn catalogue(shared: &Shared, operations: &[Operation]) -> Result<Arc<Catalogue>, Error> {
    let named = operations.iter().filter_map(|it| match &it.operation {
        Some(Asking::CreateAccount(it)) => Some(it.programme_id.as_str()),
        _ => None,
    });
    accounts::catalogue_with(shared, &named.collect::<Vec<_>>()).await
}

/// Reads what the orders of rewards among the operations need.
async fn meet(shared: &Shared, operations: &[Operation]) -> Result<Vec<Met>, Error> {
    let mut all = Vec::with_capacity(operations.len());
    for operation in operations {
        all.push(match &operation.operation {
            Some(Asking::RedeemReward(it)) => {
                meet_offer(shared, &it.account_id, &it.reward_id).await?
            }
            _ => Met::default(),
        });
    }
    Ok(all)
}

/// Parses one operation as the RPC of its name does.
fn parse(
    shared: &Shared,
    (catalogue, met): (&Catalogue, &Met),
    operation: &Operation,
) -> Result<(Order, Asked), Error> {
    let Some(asking) = &operation.operation else {
        return Err(Error::from(vec![Violation {
            field: "operation".to_owned(),
            wanted: "what to do".to_owned(),
            found: "nothing".to_owned(),
        }]));
    };
    match asking {
        Asking::CreateAccount(it) => prepare(shared, catalogue, it, met),
        Asking::EarnPoints(it) => prepare(shared, catalogue, it, met),
        Asking::RedeemPoints(it) => prepare(shared, catalogue, it, met),
        Asking::CreateHold(it) => prepare(shared, catalogue, it, met),
        Asking::ConfirmHold(it) => prepare(shared, catalogue, it, met),
        Asking::ReleaseHold(it) => prepare(shared, catalogue, it, met),
        Asking::ReverseEntry(it) => prepare(shared, catalogue, it, met),
        Asking::ActivatePoints(it) => prepare(shared, catalogue, it, met),
        Asking::AdjustPoints(it) => prepare(shared, catalogue, it, met),
        Asking::ExpirePoints(it) => prepare(shared, catalogue, it, met),
        Asking::ReinstatePoints(it) => prepare(shared, catalogue, it, met),
        Asking::TransferPoints(it) => prepare(shared, catalogue, it, met),
        Asking::RedeemReward(it) => prepare(shared, catalogue, it, met),
    }
}

/// Does each operation for itself; they are committed in groups like those of other callers.
async fn each(shared: &Shared, prepared: Vec<Result<(Order, Asked), Error>>) -> Vec<Answer> {
    let deadline = call::deadline();
    let work = prepared.into_iter().map(|prepared| {
        // Sent before anything is waited for, so that operations on one account keep their order.
        let sent = prepared
            .and_then(|(order, asked)| Ok((shared.committers.send_one(order, deadline)?, asked)));
        async move {
            let (decided, asked) = sent?;
            answer(&asked, decided.await?)
        }
    });
    let work: Vec<_> = work.collect();
    join_all(work).await
}

/// Does all operations or none.
async fn together(
    shared: &Shared,
    prepared: Vec<Result<(Order, Asked), Error>>,
) -> Result<Vec<Answer>, Error> {
    let (mut orders, mut asked, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (index, prepared) in prepared.into_iter().enumerate() {
        match prepared {
            Ok((order, with)) => {
                orders.push(order);
                asked.push(with);
            }
            Err(error) => wrong.extend(error.violations().iter().map(|found| Violation {
                field: format!("operations[{index}].{}", found.field),
                ..found.clone()
            })),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    let deadline = call::deadline();
    let decisions = shared.committers.commit_together(orders, deadline).await?;
    let mut answers = Vec::with_capacity(decisions.len());
    for (asked, decision) in asked.iter().zip(decisions) {
        match answer(asked, decision) {
            // The request is wrong: nothing was done, and nothing is kept.
            Err(Error::Request(error)) => return Err(error.into()),
            answered => answers.push(answered),
        }
    }
    Ok(answers)
}

fn result(answer: Answer) -> OperationResult {
    let result = match answer {
        Ok(done) => Answering::Outcome(OperationOutcome {
            account: done.account(),
            entry: done.entry(),
            hold: done.hold(),
            order: done.order(),
            available_points: done.available_points(),
            replayed: done.replayed,
        }),
        Err(error) => Answering::Error(to_item_error(&error, DOMAIN)),
    };
    OperationResult {
        result: Some(result),
    }
}
