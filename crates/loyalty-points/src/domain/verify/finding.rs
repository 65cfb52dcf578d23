//! What is wrong, and where.

use std::fmt::Debug;

use tenure_core::Lane;

use crate::domain::entry_id::EntryId;

/// What a ledger promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// What an entry moves adds up to zero in the books; both sides of a transfer agree.
    Postings = 1,
    /// The balances of an account are the sums of its lots and holds, and not negative.
    Account = 2,
    /// Points of a lot are remaining, held or moved by an entry, and never more than came.
    Lot = 3,
    /// The lots of an entry add up to it, are taken in order, and had not expired.
    Allocation = 4,
    /// A request has one effect, a source earns once.
    Request = 5,
    /// A hold ends once, in time, and what was confirmed and came back is what was held.
    Hold = 6,
    /// No more comes back than went.
    Reversal = 7,
    /// What there is of a reward is what came in, less what went out, plus what came back; an order has
    /// one debit.
    Catalogue = 8,
    /// Records are numbered without gaps, follow their account's record before, and never lie
    /// before it in time.
    Sequence = 9,
    /// The books are the sums of the entries.
    Books = 10,
    /// There is no debt beside available points.
    Debt = 11,
    /// What is stored beside the records is what the records say.
    Stored = 12,
    /// The records are those that were sealed.
    Seal = 13,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub invariant: Invariant,
    /// What was looked at.
    pub what: String,
    /// What it was to be.
    pub wanted: String,
    /// What it is.
    pub found: String,
}

impl Breach {
    pub(super) fn new(
        invariant: Invariant,
        what: impl Into<String>,
        wanted: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self {
            invariant,
            what: what.into(),
            wanted: wanted.into(),
            found: found.into(),
        }
    }

    /// Names the record at which it was seen.
    #[must_use]
    pub fn at(self, lane: Lane, seq: i64, entry: Option<EntryId>, account: &str) -> Finding {
        Finding {
            lane,
            seq,
            entry,
            account: account.to_owned(),
            block: None,
            breach: Box::new(self),
        }
    }
}

/// Compares, and says what is compared.
pub(super) fn same<T: PartialEq + Debug>(
    invariant: Invariant,
    what: &str,
    wanted: &T,
    found: &T,
) -> Result<(), Breach> {
    if wanted == found {
        return Ok(());
    }
    let (wanted, found) = (format!("{wanted:?}"), format!("{found:?}"));
    Err(Breach::new(invariant, what, wanted, found))
}

/// Demands a fact.
#[expect(
    clippy::needless_pass_by_value,
    reason = "numbers and short texts, so that callers stay short"
)]
pub(super) fn holds(
    is_so: bool,
    invariant: Invariant,
    what: &str,
    wanted: &str,
    found: impl ToString,
) -> Result<(), Breach> {
    if is_so {
        return Ok(());
    }
    Err(Breach::new(invariant, what, wanted, found.to_string()))
}

/// A breach, and the first record that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The lane.
    pub lane: Lane,
    /// The number of the record in the lane; 0 when it is about no single record.
    pub seq: i64,
    /// The entry, when the record can be read.
    pub entry: Option<EntryId>,
    /// The account; empty when it is about none.
    pub account: String,
    /// The sealed block that does not match.
    pub block: Option<i64>,
    /// What is wrong.
    pub breach: Box<Breach>,
}
