//! `SimulateProgrammeChange`: a replay in slices, each a short read.

use std::sync::Arc;

use futures_util::stream;
use tenure_core::{Lane, ProgrammeId, Timestamp, Violations};
use tenure_proto::loyalty::v1 as pb;
use tenure_proto::r#type::v1::Money;
use tenure_rpc::IntoStatus;
use tenure_rpc::feed::ResponseStream;
use tenure_rpc::fields;
use tonic::Status;

use super::{Failed, programmes, versions};
use crate::api::parse;
use crate::domain::{Event, Moved, RuleReplay};
use crate::error::Error;
use crate::store::{self, After};
use crate::{DOMAIN, Shared};

/// Events of one slice: a read of some milliseconds, after each of which the sums are told.
const SLICE: i64 = 2_000;
/// The longest period, in months: of ten years.
const MONTHS_MAX: i32 = 120;

/// What is asked, and how far the replay is.
struct Walk {
    shared: Arc<Shared>,
    programme: ProgrammeId,
    period: (Timestamp, Timestamp),
    price: Option<Money>,
    replay: RuleReplay,
    lanes: Vec<Lane>,
    after: After,
}

pub(super) async fn simulate(
    shared: &Arc<Shared>,
    message: pb::SimulateProgrammeChangeRequest,
) -> Result<ResponseStream<pb::SimulateProgrammeChangeResponse>, Failed> {
    let now = shared.clock.now();
    let catalogue = shared.rules.fresh(&shared.db, now).await?;
    let mut violations = Violations::new();
    let v = &mut violations;
    let programme = programmes::id_or_default(v, &message.programme_id, &catalogue);
    let start = fields::required_time(v, "start_time", message.start_time.as_ref());
    let end = fields::optional_time(v, "end_time", message.end_time.as_ref()).unwrap_or(now);
    if start.is_some_and(|start| end < start || end > start.plus_months(MONTHS_MAX)) {
        v.add(
            "end_time",
            "an instant up to ten years after start_time",
            "another",
        );
    }
    if let Some(price) = &message.price_of_thousand_points {
        v.take(
            "price_of_thousand_points",
            fields::parse_money(&price.currency_code, price.amount_minor),
        );
        if !(0..=Event::PAID_MAX).contains(&price.amount_minor) {
            let wanted = format!("0 to {} minor units", Event::PAID_MAX);
            v.add(
                "price_of_thousand_points",
                wanted,
                price.amount_minor.to_string(),
            );
        }
    }
    let (programme, start) = parse::all(violations, programme.zip(start))?;
    let number = message.version_number;
    let version = versions::require_version(shared, &programme, number).await?;
    let mut lanes: Vec<Lane> = shared.db.lanes().all().collect();
    lanes.reverse();
    let walk = Walk {
        shared: shared.clone(),
        programme,
        period: (start, end),
        price: message.price_of_thousand_points,
        replay: RuleReplay::new(version.rules),
        lanes,
        after: After::default(),
    };
    let steps = stream::unfold(Some(walk), |walk| async move {
        let mut walk = walk?;
        match walk.step().await {
            Ok(message) => {
                let more = (!message.done).then_some(walk);
                Some((Ok(message), more))
            }
            Err(status) => Some((Err(status), None)),
        }
    });
    Ok(Box::pin(steps))
}

impl Walk {
    /// Reads one slice and tells the sums.
    async fn step(&mut self) -> Result<pb::SimulateProgrammeChangeResponse, Status> {
        let mut left = SLICE;
        while let Some(lane) = self.lanes.last().copied()
            && left > 0
        {
            let (from, to) = self.period;
            let period = (&self.programme, from, to);
            let read = store::walk(&self.shared.db, lane, &self.after, period, left).await;
            let (found, read, next) =
                read.map_err(|error| Error::from(error).into_status(DOMAIN))?;
            left -= read.max(1);
            for event in found {
                let body = &event.body;
                self.replay
                    .take(&event.account, &body.event, &body.facts, &body.lines);
            }
            match next {
                Some(next) => self.after = next,
                None => {
                    self.replay.close();
                    self.lanes.pop();
                    self.after = After::default();
                }
            }
        }
        Ok(self.sums())
    }

    fn sums(&self) -> pb::SimulateProgrammeChangeResponse {
        let month = |(year, month): (i32, i32), moved: Moved| pb::ProgrammeChangeMonth {
            year,
            month,
            event_count: moved.events,
            booked_points: moved.booked,
            simulated_points: moved.simulated,
            liability_delta: self.price.as_ref().map(|price| priced(price, &moved)),
            simulated_endless_points: moved.simulated_endless,
            booked_endless_points: moved.booked_endless,
        };
        let months = self.replay.months();
        let (account_count, gaining_account_count, losing_account_count) = self.replay.accounts();
        pb::SimulateProgrammeChangeResponse {
            months: months.map(|(at, moved)| month(at.parts(), moved)).collect(),
            total: Some(month((0, 0), self.replay.total())),
            account_count,
            gaining_account_count,
            losing_account_count,
            done: self.lanes.is_empty(),
        }
    }
}

fn priced(price: &Money, moved: &Moved) -> Money {
    let delta = i128::from(moved.simulated) - i128::from(moved.booked);
    let minor = delta * i128::from(price.amount_minor) / 1_000;
    let bound = if minor < 0 { i64::MIN } else { i64::MAX };
    Money {
        currency_code: price.currency_code.clone(),
        amount_minor: i64::try_from(minor).unwrap_or(bound),
    }
}
