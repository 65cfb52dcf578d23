//! Making the records of a month: usage, bill, interactions, answer, end.

use tenure_core::{Currency, Money, Span, Timestamp};

use crate::calendar::Calendar;
use crate::customer::{Customer, CustomerKind};
use crate::draw::{Draws, MonthDraws};
use crate::math::exp;
use crate::model::{enquiry_chance, growth_level, usage_level};
use crate::month::{
    Bill, ChurnKind, ComplaintReason, CustomerMonth, EnquiryTopic, Interaction, InteractionKind,
    Termination, UsageSummary,
};
use crate::plan::{GIGABYTE_PRICE_MINOR, MINUTE_PRICE_MINOR};
use crate::state::{State, Turn};
use crate::treatment::Response;

/// How much more than usual people call and surf, January to December.
const VOICE_SEASON: [f64; 12] = [
    1.02, 1.00, 1.01, 1.00, 0.99, 0.97, 0.94, 0.93, 0.99, 1.01, 1.03, 1.11,
];
const DATA_SEASON: [f64; 12] = [
    0.98, 0.97, 0.98, 0.98, 1.00, 1.03, 1.09, 1.08, 0.99, 0.97, 0.97, 0.96,
];
const SMS_SEASON: [f64; 12] = [
    1.08, 0.98, 0.98, 0.98, 0.98, 0.96, 0.96, 0.96, 0.97, 0.97, 0.98, 1.20,
];

/// The spread of a month around the personal level, as the standard deviation of its logarithm.
const VOICE_NOISE: f64 = 0.16;
const DATA_NOISE: f64 = 0.18;
const SMS_NOISE: f64 = 0.25;

/// The most that a month's use beyond the plan costs, in minor units: the law wants a limit.
const OVERAGE_MINOR_MAX: u32 = 3_000;

/// Bills are issued on the second of a month.
const ISSUED_AFTER: Span = Span::from_days(1);
/// How long a bill may lie.
const DUE_AFTER: Span = Span::from_days(20);
/// Contacts are made in the first week, and relationships end after it.
const CONTACT_WEEK: Span = Span::from_days(7);
/// The day span after the first week within which relationships end.
const TERMINATION_DAYS: f64 = 20.0;

/// Everything the records of a month are made from.
pub(crate) struct Recorder<'a> {
    pub(crate) calendar: &'a Calendar,
    pub(crate) currency: Currency,
    pub(crate) customer: &'a Customer,
    pub(crate) draws: &'a Draws,
    pub(crate) month: u32,
    pub(crate) tenure: u32,
    pub(crate) month_draws: MonthDraws,
}

impl Recorder<'_> {
    /// Returns the records of a month that begins in `state` and brings `turn`, and the state of
    /// the next month.
    pub(crate) fn record(
        &self,
        state: &State,
        turn: &Turn,
        is_contacted: bool,
    ) -> (CustomerMonth, State) {
        let termination = turn.ended.map(|kind| self.termination(kind));
        let from = if self.tenure == 0 {
            self.customer.joined_at
        } else {
            self.start()
        };
        let until = termination.map_or(self.start() + self.length(), |end| end.at);
        let active = until.since(from).as_days() / self.length().as_days();
        let usage = self.usage(turn.next.drift, active);
        let settled_at = self.settled_at(turn);
        let paid_earlier = if settled_at.is_some() {
            u32::from(state.arrears)
        } else {
            0
        };
        let record = CustomerMonth {
            index: self.customer.index,
            month: self.month,
            tenure_months: self.tenure,
            hazard: turn.hazard,
            joined_at: (self.tenure == 0).then_some(self.customer.joined_at),
            usage,
            bill: self.bill(state, settled_at),
            // Of the bills from before the operator's first month nothing is told.
            earlier_bills_settled: paid_earlier.min(self.month),
            complaint: turn
                .complained
                .then(|| self.complaint(turn.next.drift, from, until)),
            enquiry: self.enquiry(turn.next.drift, from, until),
            response: is_contacted.then(|| self.response()),
            termination,
        };
        let unbilled_minor = self.price_minor(&usage, active);
        (
            record,
            State {
                unbilled_minor,
                ..turn.next
            },
        )
    }

    fn start(&self) -> Timestamp {
        self.calendar.start_of(self.month as i32)
    }

    fn length(&self) -> Span {
        self.calendar.length_of(self.month as i32)
    }

    fn termination(&self, kind: ChurnKind) -> Termination {
        let days = match kind {
            ChurnKind::PassiveArrears => TERMINATION_DAYS,
            ChurnKind::Competitor | ChurnKind::MovedAway => {
                self.month_draws.churn_instant() * TERMINATION_DAYS
            }
        };
        Termination {
            at: self.start() + CONTACT_WEEK + span_of_days(days),
            kind,
        }
    }

    fn usage(&self, drift: u8, active: f64) -> UsageSummary {
        let (traits, draws) = (&self.customer.traits, &self.month_draws);
        let season = self.calendar.season_of(self.month as i32);
        let level = growth_level(self.tenure) * usage_level(drift) * active;
        let voice = traits.voice_level * VOICE_SEASON[season];
        let data = traits.data_level * DATA_SEASON[season];
        let sms = traits.sms_level * SMS_SEASON[season];
        UsageSummary {
            voice_minutes: (voice * level * exp(VOICE_NOISE * draws.voice_noise())) as u32,
            data_mb: (data * level * exp(DATA_NOISE * draws.data_noise())) as u32,
            sms_count: (sms * level * exp(SMS_NOISE * draws.sms_noise())) as u32,
            // Who talks less to everybody talks first of all less to the group.
            in_group_share: traits.in_group_share * (0.6 + 0.4 * usage_level(drift)),
        }
    }

    /// Returns what the month costs: prices by the part of the month, and use beyond the plan.
    fn price_minor(&self, usage: &UsageSummary, active: f64) -> u32 {
        let plan = self.customer.plan;
        let minutes = usage.voice_minutes.saturating_sub(plan.voice_minutes);
        let gigabytes = usage.data_mb.saturating_sub(plan.data_mb).div_ceil(1_000);
        let overage = minutes * MINUTE_PRICE_MINOR + gigabytes * GIGABYTE_PRICE_MINOR;
        let prices = self.customer.monthly_price_minor() as f64 * active.min(1.0) + 0.5;
        prices as u32 + overage.min(OVERAGE_MINOR_MAX)
    }

    fn bill(&self, state: &State, settled_at: Option<Timestamp>) -> Option<Bill> {
        if self.tenure == 0 {
            return None;
        }
        let issued_at = self.start() + ISSUED_AFTER;
        Some(Bill {
            index: self.customer.index,
            period_start: self.calendar.start_of(self.month as i32 - 1),
            issued_at,
            due_at: issued_at + DUE_AFTER,
            amount: Money {
                currency: self.currency,
                minor: i64::from(state.unbilled_minor),
            },
            settled_at,
        })
    }

    /// Returns when this month's bill is paid, if in this month: within the 20 days that it may
    /// lie or, by those with little discipline, up to five days late.
    fn settled_at(&self, turn: &Turn) -> Option<Timestamp> {
        if turn.skipped_payment || self.tenure == 0 {
            return None;
        }
        let draws = &self.month_draws;
        let late_chance = 0.10 - 0.05 * self.customer.traits.payment_discipline;
        let days = if draws.payment_delay() < late_chance {
            20.0 + 5.0 * draws.payment_instant()
        } else {
            1.0 + 19.0 * draws.payment_instant()
        };
        Some(self.start() + ISSUED_AFTER + span_of_days(days))
    }

    fn complaint(&self, drift: u8, from: Timestamp, until: Timestamp) -> Interaction {
        let draw = self.month_draws.complaint_reason();
        // Of those who turn away, most complain of service, as in requirement C9.
        let (network, billing) = if drift > 0 {
            (0.25, 0.20)
        } else {
            (0.35, 0.40)
        };
        let reason = if draw < network {
            ComplaintReason::Network
        } else if draw < network + billing {
            ComplaintReason::Billing
        } else {
            ComplaintReason::Service
        };
        let instant = self.month_draws.complaint_instant();
        self.interaction(
            InteractionKind::Complaint(reason),
            within(from, until, instant),
        )
    }

    fn enquiry(&self, drift: u8, from: Timestamp, until: Timestamp) -> Option<Interaction> {
        if self.month_draws.enquiry() >= enquiry_chance(self.tenure, drift) {
            return None;
        }
        let draw = self.month_draws.enquiry_topic();
        let port_out = if drift > 0 && self.customer.is_portable {
            0.3
        } else {
            0.01
        };
        let topic = if draw < port_out {
            EnquiryTopic::PortOut
        } else if draw < 0.55 {
            EnquiryTopic::Bill
        } else if draw < 0.80 || self.customer.kind == CustomerKind::Organisation {
            EnquiryTopic::Plan
        } else {
            EnquiryTopic::Device
        };
        let instant = self.month_draws.enquiry_instant();
        Some(self.interaction(
            InteractionKind::Enquiry(topic),
            within(from, until, instant),
        ))
    }

    fn interaction(&self, kind: InteractionKind, at: Timestamp) -> Interaction {
        Interaction {
            index: self.customer.index,
            month: self.month,
            kind,
            at,
        }
    }

    fn response(&self) -> Response {
        let (draw, instant) = self.draws.response(self.month);
        let days = crate::math::uniform(instant) * CONTACT_WEEK.as_days();
        let kind = self.customer.response_probability().pick(draw);
        Response {
            kind,
            at: self.start() + span_of_days(days),
        }
    }
}

/// Returns a span of days in whole seconds.
fn span_of_days(days: f64) -> Span {
    Span::from_seconds((days * 86_400.0) as i64)
}

/// Returns the instant at a share of the way between two.
fn within(from: Timestamp, until: Timestamp, share: f64) -> Timestamp {
    from + span_of_days(until.since(from).as_days() * share)
}
