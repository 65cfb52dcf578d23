//! The writes of the callers: sent, and what is known of them then.

use std::sync::Mutex;

use anyhow::{Context as _, Result};
use tenure_proto::customer::v1 as customer;
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::loyalty::v1::operation_result::Result as Answering;
use tonic::{Code, Status};

use super::book::{Book, Told};
use super::shop::{self, Step};
use super::{lock, partners};
use crate::clients::Clients;

/// A write, with the request ids that make it happen once.
#[derive(Debug, Clone)]
pub(super) enum Write {
    One(Asking),
    Batch(pb::BatchExecuteOperationsRequest),
    /// A settled bill, which earns points through the change feed.
    Bill(customer::BatchUpsertBillsRequest),
    /// What comes after an order.
    Order(Step),
    /// Points of a member for its pool.
    Contribute(pb::ContributePointsRequest),
    /// More things of a reward, or fewer.
    Restock(pb::AdjustStockRequest),
    /// Points that a partner buys.
    Block(pb::AddPointBlockRequest),
    Settle(pb::SettlePartnerRequest),
}

/// What a caller was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answered {
    Done(Done),
    Refused(String),
}

impl Answered {
    pub(super) fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Done(one), Self::Done(other)) => {
                let of = |done: &Done| (done.account.clone(), done.delta, done.hold.clone());
                of(one) == of(other) && one.order == other.order
            }
            (one, other) => one == other,
        }
    }
}

/// What an operation did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Done {
    pub(super) account: String,
    /// What it moved, where the answer says it.
    pub(super) delta: Option<i64>,
    pub(super) hold: Option<String>,
    pub(super) reversible: Option<String>,
    /// The order of a reward, as this left it.
    pub(super) order: Option<Box<pb::RewardOrder>>,
    /// The member of a pool, and the partner, that the request named, where its entry names them.
    pub(super) named: Option<(String, String)>,
}

pub(super) fn account(number: usize) -> String {
    format!("C{number:03}")
}

/// Sends a write and notes what is known of it then; returns false when its outcome is unknown.
pub(super) async fn send(clients: &Clients, book: &Mutex<Book>, write: &Write) -> bool {
    let sent = match write {
        Write::One(asking) => one(clients, book, asking).await,
        Write::Batch(request) => batch(clients, book, request).await,
        Write::Bill(request) => bill(clients, book, request).await,
        Write::Order(step) => heard(book, step.request_id(), step.send(clients).await),
        Write::Contribute(request) => {
            let done = contribute(clients, request).await;
            heard(book, &request.request_id, done)
        }
        Write::Restock(request) => {
            let told = shop::restock(clients, request).await;
            told_of(book, &request.request_id, told)
        }
        Write::Block(request) => {
            let told = partners::buy(clients, request).await;
            told_of(book, &request.request_id, told)
        }
        Write::Settle(request) => {
            let told = partners::settle(clients, request).await;
            told_of(book, &request.request_id, told)
        }
    };
    let mut book = lock(book);
    match sent {
        Ok(()) => {
            book.note_write(write);
            true
        }
        Err(status) => {
            let reason = tenure_rpc::status::reason(&status);
            let reason = reason.unwrap_or_else(|| format!("{:?}", status.code()));
            book.note_error(reason, status.message());
            false
        }
    }
}

/// Returns request id and account of an operation.
fn names(asking: &Asking) -> (&str, &str) {
    macro_rules! names {
        ($($kind:ident),*) => {
            match asking {
                $(Asking::$kind(it) => (&it.request_id, &it.account_id),)*
            }
        };
    }
    names!(
        CreateAccount,
        EarnPoints,
        RedeemPoints,
        CreateHold,
        ConfirmHold,
        ReleaseHold,
        ReverseEntry,
        ActivatePoints,
        AdjustPoints,
        ExpirePoints,
        ReinstatePoints,
        TransferPoints,
        RedeemReward
    )
}

/// What an operation is answered with, where it is done.
type Parts = (Option<pb::Entry>, Option<pb::Hold>, Option<pb::RewardOrder>);

fn done(asking: &Asking, (entry, hold, order): Parts) -> Done {
    let (_, account) = names(asking);
    let reversible = match asking {
        Asking::EarnPoints(_) | Asking::RedeemPoints(_) | Asking::ConfirmHold(_) => {
            entry.as_ref().map(|entry| entry.entry_id.clone())
        }
        _ => None,
    };
    let is_new_hold = matches!(asking, Asking::CreateHold(_));
    Done {
        account: account.to_owned(),
        delta: match asking {
            Asking::CreateHold(_) | Asking::ReleaseHold(_) => Some(0),
            _ => entry.map(|entry| entry.points_delta),
        },
        hold: hold.filter(|_| is_new_hold).map(|hold| hold.hold_id),
        reversible,
        order: order.map(Box::new),
        named: match asking {
            Asking::EarnPoints(it) => Some((String::new(), it.partner_id.clone())),
            Asking::RedeemPoints(it) => Some((it.member_account_id.clone(), it.partner_id.clone())),
            Asking::CreateHold(it) => Some((it.member_account_id.clone(), it.partner_id.clone())),
            _ => None,
        },
    }
}

/// A refusal is an answer too.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists
    )
}

/// Notes what was heard of a request, unless its outcome is unknown.
fn heard(book: &Mutex<Book>, request_id: &str, done: Result<Done, Status>) -> Result<(), Status> {
    let answer = match done {
        Ok(done) => Answered::Done(done),
        Err(status) if is_refusal(status.code()) => {
            Answered::Refused(tenure_rpc::status::reason(&status).unwrap_or_default())
        }
        Err(status) => return Err(status),
    };
    lock(book).note(request_id, answer);
    Ok(())
}

/// Notes what was told of a request that no entry tells of, unless its outcome is unknown.
fn told_of(book: &Mutex<Book>, request_id: &str, told: Result<Told, Status>) -> Result<(), Status> {
    let told = match told {
        Err(status) if is_refusal(status.code()) => {
            Told::Refused(tenure_rpc::status::reason(&status).unwrap_or_default())
        }
        told => told?,
    };
    lock(book).note_told(request_id, told);
    Ok(())
}

async fn one(clients: &Clients, book: &Mutex<Book>, asking: &Asking) -> Result<(), Status> {
    let parts = call(clients, asking).await;
    heard(
        book,
        names(asking).0,
        parts.map(|parts| done(asking, parts)),
    )
}

async fn contribute(
    clients: &Clients,
    request: &pb::ContributePointsRequest,
) -> Result<Done, Status> {
    let mut client = clients.loyalty.clone();
    let answer = client
        .contribute_points(request.clone())
        .await?
        .into_inner();
    let entry = answer.entry.unwrap_or_default();
    Ok(Done {
        account: request.account_id.clone(),
        delta: Some(entry.points_delta),
        ..Done::default()
    })
}

/// Calls the RPC of an operation.
async fn call(clients: &Clients, asking: &Asking) -> Result<Parts, Status> {
    let mut client = clients.loyalty.clone();
    /// Sends a request whose answer has an entry.
    macro_rules! entry {
        ($method:ident, $request:expr) => {{
            let answer = client.$method($request.clone()).await?;
            Ok((answer.into_inner().entry, None, None))
        }};
    }
    match asking {
        Asking::EarnPoints(request) => entry!(earn_points, request),
        Asking::RedeemPoints(request) => entry!(redeem_points, request),
        Asking::ConfirmHold(request) => entry!(confirm_hold, request),
        Asking::ReverseEntry(request) => entry!(reverse_entry, request),
        Asking::TransferPoints(request) => entry!(transfer_points, request),
        Asking::CreateHold(request) => {
            let answer = client.create_hold(request.clone()).await?;
            Ok((None, answer.into_inner().hold, None))
        }
        Asking::ReleaseHold(request) => {
            let answer = client.release_hold(request.clone()).await?;
            Ok((None, answer.into_inner().hold, None))
        }
        Asking::RedeemReward(request) => {
            let mut client = clients.rewards.clone();
            let answer = client.redeem_reward(request.clone()).await?.into_inner();
            Ok((answer.entry, None, answer.order))
        }
        _ => Err(Status::unimplemented("no caller draws it")),
    }
}

async fn batch(
    clients: &Clients,
    book: &Mutex<Book>,
    request: &pb::BatchExecuteOperationsRequest,
) -> Result<(), Status> {
    let mut client = clients.loyalty.clone();
    let answer = client.batch_execute_operations(request.clone()).await?;
    let results = answer.into_inner().results;
    // One that is not answered makes the whole to be repeated.
    for result in &results {
        if let Some(Answering::Error(error)) = &result.result
            && !is_refusal(Code::from_i32(error.code))
        {
            return Err(Status::new(Code::from_i32(error.code), &error.reason));
        }
    }
    for (operation, result) in request.operations.iter().zip(results) {
        let Some(asking) = &operation.operation else {
            continue;
        };
        let answer = match result.result {
            Some(Answering::Outcome(outcome)) => {
                Answered::Done(done(asking, (outcome.entry, outcome.hold, outcome.order)))
            }
            Some(Answering::Error(error)) => Answered::Refused(error.reason),
            None => return Err(Status::internal("a result of a batch is empty")),
        };
        lock(book).note(names(asking).0, answer);
    }
    Ok(())
}

async fn bill(
    clients: &Clients,
    book: &Mutex<Book>,
    request: &customer::BatchUpsertBillsRequest,
) -> Result<(), Status> {
    let mut client = clients.customer.clone();
    client.batch_upsert_bills(request.clone()).await?;
    let mut book = lock(book);
    for bill in &request.bills {
        let minor = bill.paid_amount.as_ref().map_or(0, |it| it.amount_minor);
        let earned = (bill.customer_id.clone(), minor / 100);
        book.bills.insert(bill.bill_id.clone(), earned);
    }
    Ok(())
}

/// Returns all entries of an account.
pub(super) async fn entries_of(clients: &Clients, account_id: &str) -> Result<Vec<pb::Entry>> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListEntriesRequest {
            account_id: account_id.to_owned(),
            page_size: 1_000,
            page_token,
        };
        let page = clients.loyalty.clone().list_entries(request).await;
        let page = page.context("cannot list entries")?.into_inner();
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(entries);
        }
    }
}
