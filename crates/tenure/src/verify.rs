//! A verification of the ledger from its beginning to its end, over `VerifyLedger`.

use anyhow::{Context as _, Result};
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_proto::loyalty::v1::{LedgerFinding, VerifyLedgerRequest, VerifyLedgerResponse};
use tenure_rpc::Transport;

use crate::wire::patient;

/// How many records one call looks at: about a second's work.
const RECORD_LIMIT: i32 = 20_000;
/// Whoever has more findings has seen enough.
const FINDINGS_MAX: usize = 1_000;

/// What was verified, and what was found.
#[derive(Debug)]
pub struct Verified {
    /// What breaks an invariant, in the order in which it was met.
    pub findings: Vec<LedgerFinding>,
    /// The last answer, with the counts.
    pub over: VerifyLedgerResponse,
}

/// Verifies the ledger from `resume_token` on; tells `progress` how many records of how many were
/// looked at. It ends early when there is very much to find.
///
/// # Errors
/// When a call fails; the error names the token to go on from.
pub async fn verify(
    client: &LoyaltyServiceClient<Transport>,
    mut resume_token: String,
    progress: impl Fn(i64, i64),
) -> Result<Verified> {
    let mut client = client.clone();
    let mut findings = Vec::new();
    loop {
        let request = VerifyLedgerRequest {
            resume_token: resume_token.clone(),
            record_limit: RECORD_LIMIT,
        };
        let answer = client.verify_ledger(patient(request)).await;
        let mut over = answer
            .with_context(|| format!("the verification broke off; go on with `{resume_token}`"))?
            .into_inner();
        findings.append(&mut over.findings);
        progress(over.record_count, over.record_total);
        resume_token.clone_from(&over.resume_token);
        if resume_token.is_empty() || findings.len() >= FINDINGS_MAX {
            return Ok(Verified { findings, over });
        }
    }
}

/// Returns the name of the invariant that a finding breaks.
#[must_use]
pub fn invariant(found: &LedgerFinding) -> String {
    let name = found.invariant().as_str_name();
    let name = name.trim_start_matches("LEDGER_INVARIANT_");
    if found.block == 0 {
        name.to_lowercase()
    } else {
        format!("{}, block {}", name.to_lowercase(), found.block)
    }
}

/// Returns where a finding was met.
#[must_use]
pub fn place(found: &LedgerFinding) -> String {
    let place = format!("{}/{}", found.lane, found.record_number);
    if found.entry_id.is_empty() {
        place
    } else {
        format!("{place} {}", found.entry_id)
    }
}
