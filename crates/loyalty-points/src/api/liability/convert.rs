//! Vintages, for the wire.

use tenure_core::{Currency, Timestamp};
use tenure_proto::loyalty::v1::{Vintage, VintageMoney, VintagePoints};
use tenure_proto::r#type::v1::Money;
use tenure_rpc::fields;

use super::key;
use super::parse::{Terms, too_large};
use crate::domain::revenue::Progress;
use crate::domain::{Cohort, DAY, Movements};
use crate::error::Error;
use crate::store::Moved;

/// One vintage or several: points and the money for them, in minor units.
#[derive(Debug, Default)]
pub(super) struct Sum {
    opening: i64,
    within: Movements,
    closing: Movements,
    allocated: i64,
    recognised: i64,
    breakage: i64,
    expected_breakage: i64,
}

impl Sum {
    pub(super) fn of(cohort: &Cohort, moved: &Moved, terms: &Terms) -> Result<Self, Error> {
        let mut closing = moved.before;
        closing.merge(&moved.within);
        let progress = Progress {
            allocated: terms.allocated(key(cohort), closing.issued())?,
            issued: closing.issued(),
            used: closing.used(),
            outstanding: closing.outstanding(),
            expected: terms.expected(key(cohort)),
        };
        Ok(Self {
            opening: moved.before.outstanding(),
            within: moved.within,
            closing,
            allocated: progress.allocated,
            recognised: progress.recognised(),
            breakage: progress.breakage(),
            expected_breakage: progress.expected_breakage(),
        })
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<(), Error> {
        self.opening += other.opening;
        self.within.merge(&other.within);
        self.closing.merge(&other.closing);
        let allocated = self.allocated.checked_add(other.allocated);
        self.allocated = allocated.ok_or_else(|| too_large("allocated_price"))?;
        // Neither is more than what was allocated.
        self.recognised += other.recognised;
        self.breakage += other.breakage;
        self.expected_breakage += other.expected_breakage;
        Ok(())
    }

    pub(super) fn points(&self) -> VintagePoints {
        let Movements { held, pending, .. } = self.closing;
        let (moved, closing) = (&self.within, self.closing.outstanding());
        VintagePoints {
            opening_points: self.opening,
            earned_points: moved.earned,
            redeemed_points: moved.redeemed,
            expired_points: moved.expired,
            reversed_redeemed_points: moved.reversed_redeemed,
            reversed_earned_points: moved.reversed_earned,
            adjusted_points: moved.adjusted,
            reinstated_points: moved.reinstated,
            voided_points: moved.voided,
            debt_repaid_points: moved.debt_repaid,
            transferred_points: moved.transferred,
            closing_points: closing,
            available_points: closing - held - pending,
            held_points: held,
            pending_points: pending,
            expected_breakage_points: self.expected_breakage,
        }
    }

    pub(super) fn money(&self, currency: Currency) -> VintageMoney {
        let amount = |minor| Some(money(currency, minor));
        VintageMoney {
            allocated: amount(self.allocated),
            recognised: amount(self.recognised),
            deferred: amount(self.allocated - self.recognised),
            breakage: amount(self.breakage),
        }
    }

    pub(super) fn vintage(&self, cohort: &Cohort, terms: &Terms) -> Vintage {
        let ppm = terms.expected(key(cohort)).ppm();
        Vintage {
            earn_month: Some(fields::time(Timestamp::from_micros(cohort.month * DAY))),
            points_type: cohort.points_type.to_string(),
            partner_id: cohort.partner.to_string(),
            points: Some(self.points()),
            money: Some(self.money(terms.currency)),
            expected_redemption_ppm: i32::try_from(ppm).expect("a share fits"),
        }
    }
}

pub(super) fn money(currency: Currency, amount_minor: i64) -> Money {
    Money {
        currency_code: currency.to_string(),
        amount_minor,
    }
}
