//! Whether an account's row is what its records say.

use tenure_core::Timestamp;

use super::finding::{Breach, Invariant, holds, same};
use super::replay::Replay;
use crate::domain::account::Account;
use crate::domain::pool::Pool;
use crate::domain::standing::Standing;

impl Replay {
    /// Compares the account as it is stored, with the columns that repeat what it says.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(
        &self,
        account: &Account,
        balance: i64,
        next_due: Timestamp,
    ) -> Result<(), Breach> {
        use Invariant::Stored;
        let Some(opened) = &self.opened else {
            let what = "the account's first record";
            return Err(Breach::new(
                Invariant::Sequence,
                what,
                "its opening",
                "none",
            ));
        };
        same(
            Stored,
            "customer and programme of the stored account",
            &(opened.customer.as_str(), opened.programme.as_str()),
            &(account.customer.as_str(), account.programme.as_str()),
        )?;
        same(
            Stored,
            "number of entries and last record of the stored account",
            &(self.number, self.last_seq),
            &(account.entries, account.last_seq),
        )?;
        same(
            Stored,
            "opening and last change of the stored account",
            &(opened.at.as_micros(), self.updated_at.as_micros()),
            &(
                account.created_at.as_micros(),
                account.updated_at.as_micros(),
            ),
        )?;
        same(
            Stored,
            "lots of the stored account",
            &self.lots.all,
            &account.lots,
        )?;
        same(
            Stored,
            "open holds of the stored account",
            &self.holds,
            &account.holds,
        )?;
        same(
            Stored,
            "debt of the stored account",
            &self.debt,
            &account.debt,
        )?;
        let counted = |(day, points): (i64, i64)| if points == 0 { (0, 0) } else { (day, points) };
        same(
            Stored,
            "day of the last expiry of the stored account, its points",
            &counted(self.expired),
            &counted(account.expired),
        )?;
        same(
            Stored,
            "balance column of the stored account",
            &self.lots.sums().balance,
            &balance,
        )?;
        same(
            Stored,
            "next instant that something of the stored account is due",
            &self.next_due().as_micros(),
            &next_due.as_micros(),
        )?;
        let none = Standing::default();
        self.compare_standing(account.standing.as_deref().unwrap_or(&none))
    }

    fn compare_standing(&self, stored: &Standing) -> Result<(), Breach> {
        use Invariant::Stored;
        let facts = |it: &Standing| (it.is_closed, it.joined_at, it.blocks.clone());
        same(
            Stored,
            "whether the stored account is closed, since when its customer is there, its blocks",
            &facts(&self.standing),
            &facts(stored),
        )?;
        same(
            Stored,
            "gifts of a month of the stored account",
            &self.standing.gifts,
            &stored.gifts,
        )?;
        let none = Pool::default();
        same(
            Stored,
            "members and pool of the stored account",
            self.standing.pool.as_deref().unwrap_or(&none),
            stored.pool.as_deref().unwrap_or(&none),
        )?;
        for recipient in &stored.recipients {
            let since = self.registered.get(&recipient.account);
            holds(
                since.is_some_and(|at| recipient.effective_at >= *at),
                Stored,
                "a recipient of the stored account",
                "one that an entry registered, not before it",
                recipient.effective_at,
            )?;
        }
        Ok(())
    }

    fn next_due(&self) -> Timestamp {
        let mut next = Timestamp::MAX;
        for lot in self.lots.all.iter().filter(|lot| lot.remaining > 0) {
            next = next.min(lot.expires_at);
            next = next.min(lot.active_from.unwrap_or(Timestamp::MAX));
        }
        for hold in &self.holds {
            next = next.min(hold.expires_at);
        }
        next
    }
}
