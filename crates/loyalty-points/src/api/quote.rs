//! `QuoteRedemption`.

use tenure_core::Violations;
use tenure_proto::loyalty::v1::{QuoteRedemptionRequest, QuoteRedemptionResponse};
use tenure_rpc::fields::time;

use super::{convert, parse};
use crate::domain::{Command, Context, Journal, Refusal, apply};
use crate::error::Error;
use crate::{Shared, store};

/// Decides the redemption on a copy of the account that nobody keeps.
pub(super) async fn quote(
    shared: &Shared,
    message: QuoteRedemptionRequest,
) -> Result<QuoteRedemptionResponse, Error> {
    let mut violations = Violations::new();
    let account = parse::account(&mut violations, &message.account_id);
    let points = parse::points(&mut violations, message.points);
    let (id, points) = parse::all(violations, account.zip(points))?;
    let found = store::account(&shared.db, shared.lane(id.as_str()), &id).await?;
    let mut account = found.ok_or_else(|| Refusal::AccountNotFound {
        account: id.to_string(),
    })?;
    let (now, sequence_number) = (shared.clock.now(), account.entries);
    let catalogue = shared.rules.fresh(&shared.db, now).await?;
    let rules = catalogue.of_account(Some(&account.programme), now);
    let rules = rules.ok_or(Error::Internal("the default programme has no rules"))?;
    let (lane, head) = (account.lane, account.last_seq);
    let mut journal = Journal::new(lane, head, now, &rules.programme);
    let command = Command::Redeem {
        points,
        source: "quote".into(),
        partner: None,
    };
    let context = Context {
        now,
        request: None,
        target: None,
        partner: None,
        order: None,
        had: 0,
    };
    let index = apply(&mut account, &command, context, &mut journal)?;
    let entry = convert::entry(&journal.entries()[index]);
    Ok(QuoteRedemptionResponse {
        allocations: entry.allocations,
        available_points: journal.entries()[index].available,
        sequence_number,
        quote_time: Some(time(now)),
        programme_version: entry.programme_version,
    })
}
