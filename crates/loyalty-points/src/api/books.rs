//! `GetBooks`.

use tenure_core::{Timestamp, Violations};
use tenure_proto::loyalty::v1::{Books, GetBooksRequest, GetBooksResponse};
use tenure_rpc::fields;

use super::{accounts, parse};
use crate::error::Error;
use crate::store::Period;
use crate::{Shared, store};

pub(super) async fn get(
    shared: &Shared,
    message: GetBooksRequest,
) -> Result<GetBooksResponse, Error> {
    let catalogue = accounts::catalogue_with(shared, &[&message.programme_id]).await?;
    let mut violations = Violations::new();
    let v = &mut violations;
    let programme = accounts::programme(&catalogue, &message.programme_id, shared.clock.now());
    let programme = v.take("programme_id", programme);
    let start = fields::optional_time(v, "start_time", message.start_time.as_ref());
    let end = fields::optional_time(v, "end_time", message.end_time.as_ref());
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        v.add(
            "end_time",
            "an instant not before start_time",
            "an earlier one",
        );
    }
    let programme = parse::all(violations, programme)?;
    let now = shared.clock.now();
    let period = Period {
        start: start.unwrap_or(Timestamp::MIN),
        end,
    };
    let sums = store::books(&shared.db, &programme, period).await?;
    let books = Books {
        programme_id: programme.to_string(),
        start_time: start.map(fields::time),
        end_time: Some(fields::time(end.unwrap_or(now))),
        opening_points: sums.opening,
        earned_points: sums.moved.earned,
        redeemed_points: sums.moved.redeemed,
        expired_points: sums.moved.expired,
        reversed_redeemed_points: sums.moved.reversed_redeemed,
        reversed_earned_points: sums.moved.reversed_earned,
        closing_points: sums.closing(),
        lot_points: sums.lot_points,
        account_count: sums.accounts,
        adjusted_points: sums.moved.adjusted,
        reinstated_points: sums.moved.reinstated,
        voided_points: sums.moved.voided,
        debt_repaid_points: sums.moved.debt_repaid,
        transferred_points: sums.moved.transferred,
    };
    Ok(GetBooksResponse { books: Some(books) })
}
