//! `VerifyLedger`, `SealLedger`.

use tenure_core::{ProgrammeId, Violations};
use tenure_proto::loyalty::v1::{
    LedgerFinding, LedgerInvariant, SealLedgerRequest, SealLedgerResponse, VerifyLedgerRequest,
    VerifyLedgerResponse,
};

use super::parse;
use crate::domain::{Finding, Invariant, OrderOfUse};
use crate::error::Error;
use crate::verify::{Report, verify as verify_ledger};
use crate::{Shared, job};

/// How many records one call looks at when nothing is said.
const RECORDS_DEFAULT: i32 = 20_000;
/// The most records of one call.
const RECORDS_MAX: i32 = 1_000_000;

pub(super) async fn verify(
    shared: &Shared,
    message: VerifyLedgerRequest,
) -> Result<VerifyLedgerResponse, Error> {
    let VerifyLedgerRequest {
        resume_token,
        record_limit,
    } = message;
    let mut violations = Violations::new();
    if record_limit < 0 {
        violations.add("record_limit", "0 or more", record_limit.to_string());
    }
    let limit = match record_limit {
        0 => RECORDS_DEFAULT,
        some => some.min(RECORDS_MAX),
    };
    let limit = parse::all(violations, Some(i64::from(limit)))?;
    let catalogue = shared.rules.fresh(&shared.db, shared.clock.now()).await?;
    let order = |id: &ProgrammeId, version: &str| -> Option<OrderOfUse> {
        let rules = catalogue.activated(id, version)?;
        Some(rules.programme.policies.order_of_use)
    };
    let report = verify_ledger(&shared.db, &resume_token, limit, &order).await?;
    let lanes = shared.db.lanes().count();
    Ok(response(report, i32::try_from(lanes).unwrap_or(i32::MAX)))
}

fn response(report: Report, lane_total: i32) -> VerifyLedgerResponse {
    let Report {
        findings,
        position,
        resume_token,
    } = report;
    VerifyLedgerResponse {
        findings: findings.into_iter().map(finding).collect(),
        resume_token,
        record_count: position.records,
        record_total: position.records_total.max(position.records),
        account_count: position.accounts,
        block_count: position.blocks,
        finding_count: position.findings,
        lane_count: position.lane,
        lane_total,
    }
}

fn finding(found: Finding) -> LedgerFinding {
    let invariant = match found.breach.invariant {
        Invariant::Postings => LedgerInvariant::Postings,
        Invariant::Account => LedgerInvariant::Account,
        Invariant::Lot => LedgerInvariant::Lot,
        Invariant::Allocation => LedgerInvariant::Allocation,
        Invariant::Request => LedgerInvariant::Request,
        Invariant::Hold => LedgerInvariant::Hold,
        Invariant::Reversal => LedgerInvariant::Reversal,
        Invariant::Catalogue => LedgerInvariant::Catalogue,
        Invariant::Sequence => LedgerInvariant::Sequence,
        Invariant::Books => LedgerInvariant::Books,
        Invariant::Debt => LedgerInvariant::Debt,
        Invariant::Stored => LedgerInvariant::Stored,
        Invariant::Seal => LedgerInvariant::Seal,
    };
    LedgerFinding {
        invariant: invariant.into(),
        lane: found.lane,
        record_number: found.seq,
        entry_id: found.entry.map(|id| id.to_string()).unwrap_or_default(),
        account_id: found.account,
        block: found.block.unwrap_or(0),
        subject: found.breach.what,
        wanted: found.breach.wanted,
        found: found.breach.found,
    }
}

pub(super) async fn seal(
    shared: &Shared,
    _: SealLedgerRequest,
) -> Result<SealLedgerResponse, Error> {
    let record_count = job::seal(shared).await?;
    Ok(SealLedgerResponse { record_count })
}
