//! Verifies the ledger in slices, each in a snapshot of its own, on a database that is in use.
//!
//! A lane is verified in four phases: all its records in their order (numbers, seals, what stands
//! beside each), the stored endings, then its stocks and its accounts by id, each replayed along its
//! chain and compared with its row; behind the last lane, the settlements with partners. Records never
//! change, so that a later slice may know more of them than an
//! earlier one; an account is compared within the snapshot that read its row. Between slices nothing
//! but a [`Position`] is kept, whatever the size of the ledger.

mod accounts;
mod records;
mod settlements;
mod stocks;
mod token;

use tenure_sql::{Db, SqlError};

use crate::domain::{Breach, Finding, Invariant, Orders, Phase, Position};
use crate::error::Error;
use crate::store;

/// The most findings of one call: who has more has seen enough.
const FINDINGS_MAX: usize = 100;

/// What one call has found.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    pub(crate) position: Position,
    /// Where to go on; empty at the end.
    pub(crate) resume_token: String,
}

/// Verifies about `limit` records from the position of a token on, or all of one account when it has
/// more.
pub(crate) async fn verify(
    db: &Db,
    token: &str,
    limit: i64,
    orders: Orders<'_>,
) -> Result<Report, Error> {
    let mut position = token::parse(db, token)?;
    if token.is_empty() {
        position.records_total = store::heads(db).await?;
    }
    let mut run = Run {
        db,
        orders,
        position,
        findings: Vec::new(),
        left: limit,
    };
    let lanes = i64::from(db.lanes().count());
    while run.left > 0 && run.findings.len() < FINDINGS_MAX && i64::from(run.position.lane) < lanes
    {
        run.step().await?;
    }
    let Run {
        position, findings, ..
    } = run;
    let is_over = i64::from(position.lane) >= lanes;
    let resume_token = if is_over {
        String::new()
    } else {
        token::write(db, &position)
    };
    Ok(Report {
        findings,
        position,
        resume_token,
    })
}

/// One call under way.
struct Run<'r> {
    db: &'r Db,
    orders: Orders<'r>,
    position: Position,
    findings: Vec<Finding>,
    /// How many records may still be looked at.
    left: i64,
}

impl Run<'_> {
    async fn step(&mut self) -> Result<(), SqlError> {
        match self.position.phase {
            Phase::Records => self.records().await,
            Phase::Endings => self.endings().await,
            Phase::Accounts => self.accounts().await,
            Phase::Settlements => self.settlements().await,
            Phase::Stocks => self.stocks().await,
        }
    }

    fn report(&mut self, finding: Finding) {
        self.position.findings += 1;
        self.findings.push(finding);
    }

    fn report_all(&mut self, found: Result<(), Finding>) {
        if let Err(finding) = found {
            self.report(finding);
        }
    }

    /// Compares which records the accounts have reached with those that there are.
    fn end_lane(&mut self) {
        let (all, reached) = (self.position.check.chained, self.position.reached);
        if all != reached && !self.position.is_partial {
            let lane = self.position.lane;
            // When it is one record, the difference of the sums is its number.
            let seq = if all.count - reached.count == 1 {
                all.sum.wrapping_sub(reached.sum)
            } else {
                0
            };
            let breach = Breach {
                invariant: Invariant::Sequence,
                what: "records of the lane that stand in the chain of an account or a stock"
                    .to_owned(),
                wanted: all.count.to_string(),
                found: reached.count.to_string(),
            };
            self.report(breach.at(lane, seq, None, ""));
        }
        if i64::from(self.position.lane) + 1 == i64::from(self.db.lanes().count()) {
            self.begin_settlements();
        } else {
            self.position.next_lane();
        }
    }
}

/// Words for what must not be there.
fn breach(invariant: Invariant, what: &str, wanted: String, found: String) -> Breach {
    Breach {
        invariant,
        what: what.to_owned(),
        wanted,
        found,
    }
}
