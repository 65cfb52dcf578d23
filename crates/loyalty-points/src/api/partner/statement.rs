//! `GetPartnerStatement`.

use tenure_core::{Timestamp, Violations};
use tenure_proto::loyalty::v1::{
    GetPartnerStatementRequest, GetPartnerStatementResponse, PartnerPosition, PartnerStatement,
};
use tenure_rpc::fields;

use super::{money, partner_id, require};
use crate::Shared;
use crate::api::parse;
use crate::api::programme::Failed;
use crate::store;
use crate::store::partners::StoredPartner;

pub(super) async fn get(
    shared: &Shared,
    message: GetPartnerStatementRequest,
) -> Result<GetPartnerStatementResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let id = partner_id(v, &message.partner_id);
    let from = fields::optional_time(v, "start_time", message.start_time.as_ref());
    let until = fields::optional_time(v, "end_time", message.end_time.as_ref());
    let from = from.unwrap_or(Timestamp::MIN);
    let until = until.unwrap_or_else(|| shared.clock.now());
    if until < from {
        v.add("end_time", "an instant not before start_time", "one before");
    }
    let id = parse::all(violations, id)?;
    let partner = require(shared, &id).await?;
    let found = store::partner_statement(&shared.db, &id, (from, until)).await?;
    let position = |position: &store::PartnerPosition| Some(show(&partner, position));
    let statement = PartnerStatement {
        partner_id: id,
        start_time: message.start_time,
        end_time: Some(fields::time(until)),
        opening: position(&found.opening),
        movements: position(&found.movements),
        settled: position(&found.settled),
        closing: position(&found.closing),
        rounding_amount: money(&partner, found.rounding),
        settlement_numbers: found.settlements,
    };
    Ok(GetPartnerStatementResponse {
        statement: Some(statement),
    })
}

fn show(partner: &StoredPartner, position: &store::PartnerPosition) -> PartnerPosition {
    PartnerPosition {
        accrued_points: position.accrued.points,
        cancelled_points: position.accrued.returned,
        redeemed_points: position.burned.points,
        returned_points: position.burned.returned,
        net_amount: money(partner, position.net),
    }
}
