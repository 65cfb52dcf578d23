//! Reads the feed of customer-data: settled bills earn points, each once, and what happens to customers
//! has its effects.

use std::collections::HashMap;
use std::sync::Arc;

use tenure_core::{AccountId, Timestamp};
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::customer::v1::{
    BatchGetCustomersRequest, Bill, BillState, Change, WatchChangesRequest, WatchChangesResponse,
};
use tenure_rpc::feed::{Consumer, Outcome};
use tenure_rpc::{IntoStatus, erasure, fields};
use tenure_sql::SqlError;
use tenure_sql::feed::consumer;
use tonic::{Status, Streaming};

use super::erase::{self, Failure};
use super::news;
use crate::domain::{Event, EventKind, Facts};
use crate::store::{self, Earned, Fed, Happened, Move, NotBooked, Strangers, Told};
use crate::{DOMAIN, Shared};

/// The name under which the position is kept.
const NAME: &str = "loyalty-points<customer-data";
/// How many customers may be asked for at once.
const CUSTOMERS_MAX: usize = 1_000;

/// Reads the feed of customer-data. The lanes of a batch are locked by its transaction as by any
/// other writer's, so that committers and this reader may work at once.
pub(crate) struct BillReader {
    shared: Arc<Shared>,
    at: Option<String>,
    applied: i64,
    /// Why our own side failed, for whoever must tell it from a failure of the source.
    failed: Option<SqlError>,
}

impl BillReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            at: None,
            applied: 0,
            failed: None,
        }
    }

    /// Returns how many changes this reader applied.
    pub(crate) fn applied(&self) -> i64 {
        self.applied
    }

    /// Returns why our own database failed, if that ended the reading.
    pub(crate) fn failure(self) -> Option<SqlError> {
        self.failed
    }

    fn fail(&mut self, error: SqlError) -> Status {
        let status = error.clone().into_status(DOMAIN);
        self.failed = Some(error);
        status
    }

    /// Books what a batch tells, which goes on to `to`.
    async fn book(&mut self, to: &str, told: &mut [Told]) -> Result<Fed, Status> {
        let first = self.take_in(to, told, Strangers::Named).await;
        let first = first.map_err(|error| self.fail(error))?;
        let Fed::Strangers(accounts) = &first else {
            return Ok(first);
        };
        // Asked between two transactions: no lock waits for another service.
        let joined = self.joined(accounts).await?;
        for told in &mut *told {
            if let Told::Bill(bill) = told {
                bill.joined_at = joined.get(bill.account.as_str()).copied();
            }
        }
        let second = self.take_in(to, told, Strangers::Opened).await;
        second.map_err(|error| self.fail(error))
    }

    async fn take_in(
        &self,
        to: &str,
        told: &mut [Told],
        strangers: Strangers,
    ) -> Result<Fed, SqlError> {
        let step = Move {
            consumer: NAME,
            from: self.at.as_deref(),
            to,
        };
        let (db, clock, rules) = (&self.shared.db, &*self.shared.clock, &self.shared.rules);
        store::take_in(db, clock, rules, step, (told, strangers)).await
    }

    /// Returns since when customers are there, of those who are known.
    async fn joined(&self, accounts: &[AccountId]) -> Result<HashMap<String, Timestamp>, Status> {
        let mut client = CustomerServiceClient::new(self.shared.customer_data.clone());
        let mut joined = HashMap::new();
        for ids in accounts.chunks(CUSTOMERS_MAX) {
            let customer_ids = ids.iter().map(ToString::to_string).collect();
            let request = BatchGetCustomersRequest { customer_ids };
            let answer = client.batch_get_customers(request).await?.into_inner();
            for customer in answer.customers {
                let at = customer.join_time.as_ref().map(fields::parse_time);
                if let Some(Ok(at)) = at {
                    joined.insert(customer.customer_id, at);
                }
            }
        }
        Ok(joined)
    }

    async fn forget(&mut self, changes: &[Change]) -> Result<(), Status> {
        let forgotten = erase::forget(&self.shared, changes).await;
        forgotten.map_err(|failure| match failure {
            Failure::Sql(error) => self.fail(error),
            Failure::Source(status) => status,
        })
    }

    /// Returns what changes tell; of who was erased, nothing from before.
    fn all_told(&self, changes: &[Change]) -> Vec<Told> {
        let mut all: Vec<Told> = Vec::with_capacity(changes.len());
        for change in changes {
            match erasure::told(change) {
                Some(erased) => all.retain(|told| told.customer() != erased.customer_id),
                None => all.extend(self.told(change)),
            }
        }
        all
    }

    fn told(&self, change: &Change) -> Option<Told> {
        let now = self.shared.clock.now();
        match change.fact.as_ref()? {
            Fact::Bill(bill) => Some(Told::Bill(Box::new(self.happened(bill)?))),
            Fact::Subscription(it) => news::subscription(it, change, now),
            Fact::Customer(it) => news::payment(it, change, now),
            // What else customer-data tells, today and later, moves no points.
            _ => None,
        }
    }

    fn happened(&self, bill: &Bill) -> Option<Happened> {
        if bill.state() != BillState::Settled {
            return None;
        }
        let Ok(account) = AccountId::parse(&bill.customer_id) else {
            tracing::error!("a bill names no customer");
            return None;
        };
        let paid = bill
            .paid_amount
            .as_ref()
            .map_or(0, |paid| paid.amount_minor);
        let at = settled_at(bill).unwrap_or_else(|| self.shared.clock.now());
        let event = Event {
            kind: EventKind::Bill,
            id: bill.bill_id.clone(),
            at: at.as_micros(),
            paid,
            parts: Vec::new(),
            code: String::new(),
            referred: String::new(),
        };
        Some(Happened {
            lane: self.shared.lane(account.as_str()),
            account,
            event,
            facts: Facts::default(),
            open: true,
            joined_at: None,
            formerly: Vec::new(),
        })
    }
}

fn settled_at(bill: &Bill) -> Option<Timestamp> {
    fields::parse_time(bill.settle_time.as_ref()?).ok()
}

impl Consumer for BillReader {
    type Response = WatchChangesResponse;

    fn name(&self) -> &'static str {
        NAME
    }

    async fn token(&mut self) -> Result<String, Status> {
        let at = consumer::position(&self.shared.db, NAME).await;
        self.at = at.map_err(|error| self.fail(error))?;
        Ok(self.at.clone().unwrap_or_default())
    }

    async fn open(
        &mut self,
        resume_token: String,
        follow: bool,
    ) -> Result<Streaming<WatchChangesResponse>, Status> {
        let mut client = CustomerServiceClient::new(self.shared.customer_data.clone());
        let request = WatchChangesRequest {
            resume_token,
            follow,
            ..Default::default()
        };
        Ok(client.watch_changes(request).await?.into_inner())
    }

    async fn apply(&mut self, response: WatchChangesResponse) -> Result<Outcome, Status> {
        let to = response.resume_token;
        if response.changes.is_empty() && self.at.as_deref() == Some(to.as_str()) {
            return Ok(Outcome::Applied);
        }
        let count = i64::try_from(response.changes.len()).unwrap_or(i64::MAX);
        self.forget(&response.changes).await?;
        let mut told = self.all_told(&response.changes);
        let fed = self.book(&to, &mut told).await?;
        let Fed::Done(outcomes) = fed else {
            return Ok(Outcome::Lost);
        };
        report(&told, &outcomes);
        self.at = Some(to);
        self.applied += count;
        Ok(Outcome::Applied)
    }
}

/// A bill that was seen before earns nothing again, nor does one of an account that is closed or
/// blocked, which is as it should be; any other refusal somebody must look into.
fn report(told: &[Told], outcomes: &[Earned]) {
    use tenure_core::Coded as _;
    let bills = told.iter().filter_map(|told| match told {
        Told::Bill(bill) => Some(bill),
        Told::News(_) => None,
    });
    for (happened, outcome) in bills.zip(outcomes) {
        let reason = match outcome {
            Ok(_) => continue,
            Err(NotBooked::Ledger(refusal)) => refusal.reason(),
            Err(NotBooked::Programme(refusal)) => refusal.reason(),
        };
        let is_expected = matches!(
            reason,
            "EVENT_ALREADY_EARNED" | "ACCOUNT_CLOSED" | "ACCOUNT_BLOCKED"
        );
        if !is_expected {
            let account = &happened.account;
            tracing::error!(account.id = %account, reason, "a settled bill earned nothing");
        }
    }
}
