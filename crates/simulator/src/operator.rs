//! The operator: its customers, and their lives one by one.

use tenure_core::violation::Mismatch;
use tenure_core::{Currency, Points, Timestamp};

use crate::calendar::Calendar;
use crate::customer::Customer;
use crate::draw::{Draws, MonthStream};
use crate::math::logistic;
use crate::month::CustomerMonth;
use crate::profile;
use crate::record::Recorder;
use crate::state::State;
use crate::treatment::Treatments;

/// The most customers of an operator: two numbers each still fit the MSISDN range.
pub const CUSTOMERS_MAX: u32 = 100_000_000;

/// The most months of an operator: a customer's working life.
pub const MONTHS_MAX: u32 = 480;

/// What makes an operator; equal configurations make equal operators on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorConfig {
    /// Everything random follows from it.
    pub seed: u64,
    /// How many customers there are over all months: some at the start, the others join later.
    pub customers: u32,
    /// The first instant of the first month.
    pub start: Timestamp,
    /// How many months there are.
    pub months: u32,
}

/// A synthetic operator with known truth. It holds no customers: each is drawn when asked for.
#[derive(Debug, Clone)]
pub struct Operator {
    pub(crate) config: OperatorConfig,
    pub(crate) calendar: Calendar,
    currency: Currency,
}

impl Operator {
    /// Creates an operator.
    ///
    /// # Errors
    /// When the start is not the first instant of a month, or there are no customers or months, or
    /// more than [`CUSTOMERS_MAX`] or [`MONTHS_MAX`].
    pub fn new(config: OperatorConfig) -> Result<Self, Mismatch> {
        if config.start.month_start() != config.start {
            return Err(Mismatch::new(
                "the first instant of a month",
                config.start.to_string(),
            ));
        }
        if !(1..=CUSTOMERS_MAX).contains(&config.customers) {
            let found = format!("{} customers", config.customers);
            return Err(Mismatch::new("1 to 100,000,000 customers", found));
        }
        if !(1..=MONTHS_MAX).contains(&config.months) {
            return Err(Mismatch::new(
                "1 to 480 months",
                format!("{} months", config.months),
            ));
        }
        let calendar = Calendar::new(config.start, config.months);
        let currency = Currency::parse("EUR").expect("three capital letters");
        Ok(Self {
            config,
            calendar,
            currency,
        })
    }

    /// Returns what makes this operator.
    #[must_use]
    pub fn config(&self) -> &OperatorConfig {
        &self.config
    }

    /// Returns the currency of its bills.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Returns the first instant of `month`, counted from 0; the month after the last one begins
    /// where all ends.
    ///
    /// # Panics
    /// When `month` exceeds the number of months.
    #[must_use]
    pub fn month_start(&self, month: u32) -> Timestamp {
        assert!(
            month <= self.config.months,
            "month {month} lies beyond the last one"
        );
        self.calendar.start_of(month as i32)
    }

    /// Returns the customer at `index`. The answer does not depend on how many customers there
    /// are, so an index beyond the last one is a customer of a bigger operator.
    #[must_use]
    pub fn customer(&self, index: u32) -> Customer {
        self.begin(index).0
    }

    /// Returns all customers.
    pub fn customers(&self) -> impl Iterator<Item = Customer> + '_ {
        (0..self.config.customers).map(|index| self.customer(index))
    }

    /// Returns the life of a customer: the months in which they are active, from the operator's
    /// first month (or of joining) to the last (or of leaving).
    #[must_use]
    pub fn life(&self, index: u32, treatments: &Treatments) -> Life<'_> {
        let (customer, state, draws) = self.begin(index);
        let month = customer.join_month.max(0) as u32;
        Life {
            operator: self,
            contacts: treatments.of(index).to_vec(),
            stream: draws.months_from(month),
            next: (month < self.config.months).then_some((month, state)),
            customer,
            draws,
        }
    }

    /// Returns how many of `available` points a customer redeems in `month`. The draw belongs to
    /// the customer and the month; the number follows from it and what is there.
    #[must_use]
    pub fn redemption(&self, customer: &Customer, month: u32, available: Points) -> Points {
        let (whether, share) = Draws::of(self.config.seed, customer.index).redemption(month);
        if !available.is_positive() || whether >= redemption_probability(customer) {
            return Points::ZERO;
        }
        let points = available.get() as f64 * (0.2 + 0.8 * share);
        Points::new((points as i64).clamp(1, available.get()))
    }

    /// Returns the profile, the first state and the draws of a customer.
    pub(crate) fn begin(&self, index: u32) -> (Customer, State, Draws) {
        let draws = Draws::of(self.config.seed, index);
        let months = self.config.months;
        let (customer, state) =
            profile::draw(self.config.seed, index, months, &self.calendar, &draws);
        (customer, state, draws)
    }

    /// Moves a customer through `month`: the one step that everything is made of.
    pub(crate) fn step(
        &self,
        customer: &Customer,
        draws: &Draws,
        stream: &mut MonthStream,
        month: u32,
        state: &State,
        contacts: &[u32],
    ) -> (CustomerMonth, State) {
        let tenure = customer
            .tenure_months(month)
            .expect("nobody is stepped before joining");
        let month_draws = stream.next_month();
        let contacts = customer.contacts_heard(contacts);
        let effect = customer.traits.contact_effect.at(contacts, month);
        let turn = state.turn(customer, tenure, effect, &month_draws);
        let recorder = Recorder {
            calendar: &self.calendar,
            currency: self.currency,
            customer,
            draws,
            month,
            tenure,
            month_draws,
        };
        recorder.record(state, &turn, contacts.binary_search(&month).is_ok())
    }
}

/// Returns the probability that a customer who has points redeems some of them in a month.
#[must_use]
pub fn redemption_probability(customer: &Customer) -> f64 {
    logistic(-2.2 + 0.7 * customer.traits.redemption_appetite)
}

/// The months of a customer, in order.
#[derive(Debug, Clone)]
pub struct Life<'a> {
    operator: &'a Operator,
    customer: Customer,
    contacts: Vec<u32>,
    draws: Draws,
    stream: MonthStream,
    next: Option<(u32, State)>,
}

impl Life<'_> {
    /// Returns whose life it is.
    #[must_use]
    pub fn customer(&self) -> &Customer {
        &self.customer
    }
}

impl Iterator for Life<'_> {
    type Item = CustomerMonth;

    fn next(&mut self) -> Option<CustomerMonth> {
        let (month, state) = self.next.take()?;
        let Self {
            operator,
            customer,
            contacts,
            draws,
            stream,
            ..
        } = self;
        let (record, state) = operator.step(customer, draws, stream, month, &state, contacts);
        let goes_on = record.termination.is_none() && month + 1 < operator.config.months;
        self.next = goes_on.then_some((month + 1, state));
        Some(record)
    }
}
