//! A synthetic operator with known truth.
//!
//! An [`Operator`] has customers who join, call, pay, complain and leave by a model that is written
//! down in [`model`]. Equal configurations give equal operators on every machine, and each
//! customer is a pure function of (seed, first month, number of months, index, contacts), so ten
//! million of them need no more memory than one.
//!
//! ```
//! use tenure_core::Timestamp;
//! use tenure_simulator::{Operator, OperatorConfig, Treatments};
//!
//! let start = Timestamp::from_date(2024, 1, 1).expect("a day");
//! let config = OperatorConfig { seed: 7, customers: 1_000, start, months: 24 };
//! let operator = Operator::new(config)?;
//! let nobody = Treatments::none();
//! // A customer at a time ...
//! let months: usize = (0..1_000).map(|index| operator.life(index, &nobody).count()).sum();
//! // ... or a month at a time: the same records.
//! let mut stepper = operator.stepper();
//! let mut stepped = 0;
//! while !stepper.is_at_end() {
//!     stepped += stepper.step(&nobody).count();
//! }
//! assert_eq!(stepped, months);
//! # Ok::<(), tenure_core::violation::Mismatch>(())
//! ```
//!
//! Beside the lives stand the community (households with a payer, companies with their people, the
//! exchange that serves a place), the ticket of each complaint with its hand-overs and what the
//! customer says of it, leads and consents, and the notice and the port-out of those who leave.
//! They follow from the lives and change nothing in them.
//!
//! In a month a customer is contacted (first week), gets the bill for the month before (second
//! day) and pays it or not, uses the service, may complain or ask, and may leave (after the first
//! week). Truth is as of the begin of a month: what happens in it is unknown then.

mod calendar;
mod community;
mod customer;
mod departure;
mod draw;
mod lead;
mod math;
pub mod model;
mod month;
mod operator;
mod opinion;
mod plan;
mod profile;
mod record;
mod state;
mod stepper;
mod ticket;
mod treatment;
mod truth;

pub use community::{
    Company, EMPLOYEE_CHANCE, EXCHANGE_PLACES, HOUSEHOLD_SIZE_WEIGHTS, Household, exchange_key,
};
pub use customer::{
    AcquisitionChannel, Customer, CustomerKind, REGIONS, Subscription, Traits, customer_key,
    subscription_key,
};
pub use departure::{COMPETITORS, Departure, PORT_CHANCE};
pub use lead::{LOST_LEAD_CHANCE, LOST_REASONS, Lead};
pub use month::{
    Bill, ChurnKind, ComplaintReason, CustomerMonth, EnquiryTopic, Interaction, InteractionKind,
    Settlement, Termination, UsageSummary, bill_key,
};
pub use operator::{
    CUSTOMERS_MAX, Life, MONTHS_MAX, Operator, OperatorConfig, redemption_probability,
};
pub use opinion::{
    ANSWER_CHANCE, Consents, MARKETING_CHANCE, PROFILING_CHANCE, Survey, WITHDRAWAL_CHANCE,
};
pub use plan::{ContractKind, PLANS, Plan, Product};
pub use stepper::{MonthStep, Stepper};
pub use ticket::{
    Callback, Department, PACE_LOG_DEVIATION, PACE_LOG_MEAN, PROMISE_CHANCE, PROMISE_KEPT_CHANCE,
    REOPEN_CHANCE, Ticket, TicketStep,
};
pub use treatment::{ContactEffect, Response, ResponseKind, ResponseProbability, Treatments};
pub use truth::{ChurnProbability, Effect, HORIZON_MAX, PotentialOutcomes};
