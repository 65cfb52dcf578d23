//! Billing accounts, and for what they pay when.

use tenure_core::{BillingAccountId, Currency, CustomerId, SubscriptionId, Timestamp, Violations};

use super::Interval;
use super::refusal::{Reason, Refusal};
use super::words::numbered;

/// The longest name of an account, in bytes.
pub const NAME_LENGTH_MAX: usize = 100;
/// Every month has this day.
pub const CYCLE_DAY_MAX: i32 = 28;
/// All of a bill, in hundredths of a percent.
pub const BASIS_POINTS_MAX: i32 = 10_000;

numbered! {
    /// Whose money an account is.
    AccountKind {
        /// Of one person.
        Personal = 1,
        /// Of a household.
        Household = 2,
        /// Of an organisation.
        Corporate = 3,
    }
}
numbered! {
    /// Whether an account is in use.
    AccountState {
        /// In use.
        Active = 1,
        /// Not used for a time.
        Suspended = 2,
        /// Closed for ever.
        Closed = 3,
    }
}

/// What an employer takes over of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reimbursement {
    /// Minor units a month, in the currency of the account.
    Amount(i64),
    /// A share in hundredths of a percent.
    BasisPoints(i32),
}

/// What was agreed for a corporate account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorporateTerms {
    /// The members pay no monthly fee.
    pub is_fee_waived: bool,
    /// What is taken over.
    pub reimbursement: Option<Reimbursement>,
}

/// An account by which a customer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingAccount {
    /// The operator's own key.
    pub id: BillingAccountId,
    /// Who pays.
    pub customer: CustomerId,
    /// Whose money it is.
    pub kind: AccountKind,
    /// For people.
    pub name: String,
    /// Whether it is in use.
    pub state: AccountState,
    /// Of its bills.
    pub currency: Currency,
    /// The day of the month on which bills are made.
    pub cycle_day: i32,
    /// What was agreed, for a corporate account alone.
    pub corporate: Option<CorporateTerms>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl BillingAccount {
    /// Notes where fields contradict each other or are out of bounds.
    pub fn check(&self, violations: &mut Violations) {
        if !(1..=CYCLE_DAY_MAX).contains(&self.cycle_day) {
            let found = self.cycle_day.to_string();
            violations.add("billing_cycle_day", format!("1 to {CYCLE_DAY_MAX}"), found);
        }
        if self.corporate.is_some() && self.kind != AccountKind::Corporate {
            let wanted = "nothing for other kinds than CORPORATE";
            violations.add("corporate_terms", wanted, "terms");
        }
    }

    /// Returns the account as `self` says over what is known; nothing when it says the same.
    ///
    /// # Errors
    /// When the account is closed, or has another currency.
    pub fn replace(mut self, known: &Self) -> Result<Option<Self>, Refusal> {
        let updated_at = self.updated_at;
        self.created_at = known.created_at;
        self.updated_at = known.updated_at;
        if self == *known {
            return Ok(None);
        }
        known.require_open()?;
        if self.currency != known.currency {
            let (field, wanted) = ("billing_account.currency_code", "the one it has");
            return Err(Refusal::new(
                Reason::InvalidFields,
                field,
                wanted,
                "another",
            ));
        }
        self.updated_at = updated_at;
        Ok(Some(self))
    }

    /// Refuses when the account is closed.
    ///
    /// # Errors
    /// See above.
    pub fn require_open(&self) -> Result<(), Refusal> {
        if self.state != AccountState::Closed {
            return Ok(());
        }
        let (reason, wanted) = (
            Reason::BillingAccountClosed,
            "an account that is not closed",
        );
        let refusal = Refusal::new(reason, "account_id", wanted, "a closed one");
        Err(refusal.with("account_id", self.id.as_str()))
    }
}

/// That an account pays for a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The account.
    pub account: BillingAccountId,
    /// Who pays.
    pub payer: CustomerId,
    /// Who has the subscription.
    pub user: CustomerId,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// When.
    pub valid: Interval,
}

impl Payment {
    /// Refuses a payment that overlaps another for the same subscription.
    ///
    /// # Errors
    /// See above.
    pub fn check(&self, others: &[Self]) -> Result<(), Refusal> {
        let Some(other) = others.iter().find(|it| it.valid.overlaps(self.valid)) else {
            return Ok(());
        };
        let wanted = "a time in which no account pays";
        let reason = Reason::SubscriptionPaid;
        let refusal = Refusal::new(reason, "from_time", wanted, "one that overlaps");
        Err(refusal.with("account_id", other.account.as_str()))
    }

    /// Returns the payment that lasts until an instant or longer, ended then; with whether that
    /// changes it. Nothing when there is none.
    #[must_use]
    pub fn ended(payments: Vec<Self>, at: Timestamp) -> Option<(Self, bool)> {
        payments.into_iter().find_map(|it| {
            let valid = it.valid.cut(at)?;
            let is_changed = valid != it.valid;
            Some((Self { valid, ..it }, is_changed))
        })
    }
}
