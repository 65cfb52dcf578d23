//! The writes of the callers: drawn, sent, and what is known of them then.

use std::sync::Mutex;

use anyhow::{Context as _, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tenure_core::{Clock as _, Ids, Span, SystemClock};
use tenure_proto::customer::v1 as customer;
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::loyalty::v1::operation_result::Result as Answering;
use tenure_proto::r#type::v1 as types;
use tonic::{Code, Status};

use super::book::Book;
use super::lock;
use crate::clients::Clients;
use crate::wire::timestamp;

/// A write, with the request ids that make it happen once.
#[derive(Debug, Clone)]
pub(super) enum Write {
    One(Asking),
    Batch(pb::BatchExecuteOperationsRequest),
    /// A settled bill, which earns points through the change feed.
    Bill(customer::BatchUpsertBillsRequest),
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
                one.account == other.account && one.delta == other.delta && one.hold == other.hold
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
}

pub(super) fn account(number: usize) -> String {
    format!("C{number:03}")
}

fn request_id() -> String {
    Ids::system().uuid(SystemClock.now()).to_string()
}

/// Draws writes.
pub(super) struct Writer {
    random: ChaCha8Rng,
    accounts: usize,
}

/// How many operations a batch has at most.
const BATCH_MAX: u32 = 12;

impl Writer {
    pub(super) fn new(seed: u64, accounts: usize) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            accounts,
        }
    }

    fn below(&mut self, end: u32) -> u32 {
        self.random.next_u32() % end
    }

    pub(super) fn draw(&mut self, book: &Mutex<Book>) -> Write {
        match self.below(100) {
            0..6 => {
                let mode = if self.below(2) == 0 {
                    pb::BatchMode::Independent
                } else {
                    pb::BatchMode::AllOrNothing
                };
                let count = 2 + self.below(BATCH_MAX - 1);
                let operations = (0..count).map(|_| pb::Operation {
                    operation: Some(self.operation(book)),
                });
                Write::Batch(pb::BatchExecuteOperationsRequest {
                    operations: operations.collect(),
                    mode: mode.into(),
                })
            }
            6..12 => Write::Bill(self.bill()),
            _ => Write::One(self.operation(book)),
        }
    }

    fn operation(&mut self, book: &Mutex<Book>) -> Asking {
        let number = self.below(u32::try_from(self.accounts).unwrap_or(1)) as usize;
        let (account_id, request_id) = (account(number), request_id());
        let points = i64::from(self.below(50) + 1);
        let kind = self.below(100);
        let known = {
            let mut book = lock(book);
            match kind {
                70..85 => book.holds.pop_front(),
                85..93 => book.reversible.pop_front(),
                _ => None,
            }
        };
        match (kind, known) {
            (20..50, _) => Asking::RedeemPoints(pb::RedeemPointsRequest {
                request_id,
                account_id,
                points: points % 8 + 1,
                source: "order".to_owned(),
                member_account_id: String::new(),
                partner_id: String::new(),
            }),
            (50..70, _) => Asking::CreateHold(pb::CreateHoldRequest {
                request_id,
                account_id,
                points: points % 9 + 1,
                source: "order".to_owned(),
                member_account_id: String::new(),
                // Some run out meanwhile.
                hold_duration: Some(prost_types::Duration {
                    seconds: 1 + points,
                    nanos: 0,
                }),
                partner_id: String::new(),
            }),
            (70..80, Some((account_id, hold_id))) => Asking::ConfirmHold(pb::ConfirmHoldRequest {
                request_id,
                account_id,
                hold_id,
                points: points % 2,
                allow_top_up: false,
                partner_id: String::new(),
            }),
            (80..85, Some((account_id, hold_id))) => Asking::ReleaseHold(pb::ReleaseHoldRequest {
                request_id,
                account_id,
                hold_id,
            }),
            (85..93, Some((account_id, entry_id))) => {
                Asking::ReverseEntry(pb::ReverseEntryRequest {
                    request_id,
                    account_id,
                    entry_id,
                    source: "returned".to_owned(),
                    points: points % 2,
                })
            }
            (93.., _) => Asking::TransferPoints(pb::TransferPointsRequest {
                request_id,
                recipient_account_id: account((number + 1) % self.accounts),
                account_id,
                points: points % 5 + 1,
                source: "gift".to_owned(),
            }),
            _ => Asking::EarnPoints(earning(request_id, account_id, points)),
        }
    }

    fn bill(&mut self) -> customer::BatchUpsertBillsRequest {
        let number = self.below(u32::try_from(self.accounts).unwrap_or(1)) as usize;
        let (customer_id, request_id) = (account(number), request_id());
        let at = SystemClock.now() - Span::from_days(1);
        let amount = types::Money {
            currency_code: "EUR".to_owned(),
            amount_minor: i64::from(self.below(50) + 1) * 100 + 99,
        };
        let bill = customer::Bill {
            bill_id: format!("B{}", request_id.replace('-', "")),
            customer_id,
            issue_time: Some(timestamp(at)),
            due_time: Some(timestamp(at.plus_months(1))),
            amount: Some(amount.clone()),
            state: customer::BillState::Settled.into(),
            settle_time: Some(timestamp(at)),
            paid_amount: Some(amount),
            update_time: None,
        };
        customer::BatchUpsertBillsRequest {
            request_id,
            bills: vec![bill],
        }
    }
}

fn earning(request_id: String, account_id: String, points: i64) -> pb::EarnPointsRequest {
    pb::EarnPointsRequest {
        source: format!("gift/{request_id}"),
        request_id,
        account_id,
        points,
        ..Default::default()
    }
}

/// Creates the customers, and for each an account with points and a recipient.
pub(super) async fn found(clients: &Clients, accounts: usize, book: &Mutex<Book>) -> Result<()> {
    let joined = SystemClock.now().plus_months(-12);
    let customers = (0..accounts).map(|number| customer::Customer {
        customer_id: account(number),
        kind: customer::CustomerKind::Individual.into(),
        join_time: Some(timestamp(joined)),
        ..Default::default()
    });
    let request = customer::BatchUpsertCustomersRequest {
        request_id: request_id(),
        customers: customers.collect(),
    };
    let mut client = clients.customer.clone();
    client.batch_upsert_customers(request).await?;
    let mut client = clients.loyalty.clone();
    for number in 0..accounts {
        let request = pb::CreateAccountRequest {
            request_id: request_id(),
            account_id: account(number),
            customer_id: account(number),
            join_time: Some(timestamp(joined)),
            ..Default::default()
        };
        client.create_account(request).await?;
    }
    for number in 0..accounts {
        let request = pb::RegisterRecipientRequest {
            request_id: request_id(),
            account_id: account(number),
            recipient_account_id: account((number + 1) % accounts),
            replaced_account_id: String::new(),
        };
        let (id, account_id) = (request.request_id.clone(), request.account_id.clone());
        client.register_recipient(request).await?;
        let done = Done {
            account: account_id,
            delta: Some(0),
            ..Done::default()
        };
        lock(book).note(&id, Answered::Done(done));
        let write = Write::One(Asking::EarnPoints(earning(
            request_id(),
            account(number),
            500,
        )));
        anyhow::ensure!(send(clients, book, &write).await, "the first points");
    }
    Ok(())
}

/// Sends a write and notes what is known of it then; returns false when its outcome is unknown.
pub(super) async fn send(clients: &Clients, book: &Mutex<Book>, write: &Write) -> bool {
    let sent = match write {
        Write::One(asking) => one(clients, book, asking).await,
        Write::Batch(request) => batch(clients, book, request).await,
        Write::Bill(request) => bill(clients, book, request).await,
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

fn done(asking: &Asking, entry: Option<pb::Entry>, hold: Option<pb::Hold>) -> Done {
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
    }
}

/// A refusal is an answer too.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists
    )
}

async fn one(clients: &Clients, book: &Mutex<Book>, asking: &Asking) -> Result<(), Status> {
    let answer = match call(clients, asking).await {
        Ok((entry, hold)) => Answered::Done(done(asking, entry, hold)),
        Err(status) if is_refusal(status.code()) => {
            Answered::Refused(tenure_rpc::status::reason(&status).unwrap_or_default())
        }
        Err(status) => return Err(status),
    };
    lock(book).note(names(asking).0, answer);
    Ok(())
}

/// Calls the RPC of an operation.
async fn call(
    clients: &Clients,
    asking: &Asking,
) -> Result<(Option<pb::Entry>, Option<pb::Hold>), Status> {
    let mut client = clients.loyalty.clone();
    /// Sends a request whose answer has an entry.
    macro_rules! entry {
        ($method:ident, $request:expr) => {{
            let answer = client.$method($request.clone()).await?;
            Ok((answer.into_inner().entry, None))
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
            Ok((None, answer.into_inner().hold))
        }
        Asking::ReleaseHold(request) => {
            let answer = client.release_hold(request.clone()).await?;
            Ok((None, answer.into_inner().hold))
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
                Answered::Done(done(asking, outcome.entry, outcome.hold))
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
