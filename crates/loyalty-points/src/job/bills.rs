//! Earns points for settled bills, each once.

use std::sync::Arc;

use tenure_core::{AccountId, Timestamp};
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::customer::v1::{
    Bill, BillState, Change, WatchChangesRequest, WatchChangesResponse,
};
use tenure_rpc::feed::{Consumer, Outcome};
use tenure_rpc::{IntoStatus, fields};
use tenure_sql::SqlError;
use tenure_sql::feed::consumer;
use tonic::{Status, Streaming};

use crate::domain::{Command, Decision, Earn, Order, POINTS_MAX, Refusal};
use crate::store::{self, Move};
use crate::{DOMAIN, Shared};

/// The name under which the position is kept.
const NAME: &str = "loyalty-points<customer-data";

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

    fn order(&self, change: Change) -> Option<Order> {
        let Some(Fact::Bill(bill)) = change.fact else {
            return None;
        };
        if bill.state() != BillState::Settled {
            return None;
        }
        let paid = bill
            .paid_amount
            .as_ref()
            .map_or(0, |paid| paid.amount_minor);
        let points = self.shared.programme.points_for(paid);
        if points == 0 {
            return None;
        }
        let Ok(account) = AccountId::parse(&bill.customer_id) else {
            tracing::error!("a bill names no customer");
            return None;
        };
        if points > POINTS_MAX {
            tracing::error!(bill.id = %bill.bill_id, "a bill would earn more points than one entry may");
            return None;
        }
        let lane = self.shared.lane(account.as_str());
        let earned_at = settled_at(&bill);
        let source = format!("bill/{}", bill.bill_id).into();
        let command = Command::Earn(Earn {
            earned_at,
            open: true,
            ..Earn::new(points, source)
        });
        Some(Order {
            lane,
            account,
            request: None,
            command,
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
        };
        Ok(client.watch_changes(request).await?.into_inner())
    }

    async fn apply(&mut self, response: WatchChangesResponse) -> Result<Outcome, Status> {
        let to = response.resume_token;
        if response.changes.is_empty() && self.at.as_deref() == Some(to.as_str()) {
            return Ok(Outcome::Applied);
        }
        let count = i64::try_from(response.changes.len()).unwrap_or(i64::MAX);
        let orders: Vec<Order> = response
            .changes
            .into_iter()
            .filter_map(|change| self.order(change))
            .collect();
        let shared = &self.shared;
        let step = Move {
            consumer: NAME,
            from: self.at.as_deref(),
            to: &to,
        };
        let (db, clock) = (&shared.db, &*shared.clock);
        let applied = store::decide_from_feed(db, clock, &shared.programme, step, &orders).await;
        let Some(decisions) = applied.map_err(|error| self.fail(error))? else {
            return Ok(Outcome::Lost);
        };
        report(&orders, &decisions);
        self.at = Some(to);
        self.applied += count;
        Ok(Outcome::Applied)
    }
}

/// A bill that was seen before earns nothing again, nor does one of an account that is closed or
/// blocked, which is as it should be; any other refusal somebody must look into.
fn report(orders: &[Order], decisions: &[Decision]) {
    use tenure_core::Coded as _;
    for (order, decision) in orders.iter().zip(decisions) {
        let Decision::New(Err(refusal)) = decision else {
            continue;
        };
        let is_expected = matches!(
            refusal,
            Refusal::EventAlreadyEarned { .. }
                | Refusal::AccountClosed { .. }
                | Refusal::AccountBlocked { .. }
        );
        if !is_expected {
            let (account, reason) = (&order.account, refusal.reason());
            tracing::error!(account.id = %account, reason, "a settled bill earned nothing");
        }
    }
}
