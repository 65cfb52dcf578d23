//! What becomes of a complaint: who works at it, what was promised, when it is solved.

use tenure_core::{Span, Timestamp};

use crate::draw::Draws;
use crate::math::exp;
use crate::month::{ComplaintReason, Interaction, InteractionKind};
use crate::operator::Operator;

/// A department's time for a step is log-normal: the middle one takes this share of the promise,
/// as a logarithm ...
pub const PACE_LOG_MEAN: f64 = -0.5;
/// ... with this standard deviation of the logarithm. So nearly every fifth step is late.
pub const PACE_LOG_DEVIATION: f64 = 0.6;

/// The chance that a solved complaint comes back.
pub const REOPEN_CHANCE: f64 = 0.08;

/// The chance that whoever takes a complaint promises to call back.
pub const PROMISE_CHANCE: f64 = 0.5;
/// The chance that such a promise is kept in time.
pub const PROMISE_KEPT_CHANCE: f64 = 0.8;

/// A department that works at complaints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Department {
    /// Takes complaints, and solves those of service itself.
    Care,
    /// Corrects bills.
    Billing,
    /// Plans and mends the network.
    Network,
}

impl Department {
    /// Returns the name for files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Care => "CARE",
            Self::Billing => "BILLING",
            Self::Network => "NETWORK",
        }
    }

    /// Returns within which time the department promises to end a step.
    #[must_use]
    pub fn promised(self) -> Span {
        match self {
            Self::Care => Span::from_seconds(4 * 3_600),
            Self::Billing => Span::from_days(3),
            Self::Network => Span::from_days(5),
        }
    }
}

/// A complaint in the hands of one department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketStep {
    /// Who has it.
    pub department: Department,
    /// The person, for example `CARE-17`.
    pub owner: String,
    /// Since when.
    pub begun_at: Timestamp,
    /// Until when it was promised to be done.
    pub promised_until: Timestamp,
    /// When it was handed on or solved.
    pub ended_at: Timestamp,
}

impl TicketStep {
    /// Returns true when it took longer than was promised.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.ended_at > self.promised_until
    }
}

/// A promise to call back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callback {
    /// Until when.
    pub due_at: Timestamp,
    /// When it was kept, in time or late.
    pub kept_at: Timestamp,
}

/// What became of one complaint. Times may lie in the months after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The operator's key of it, for example `T0000042-007`.
    pub key: String,
    /// What it is about.
    pub reason: ComplaintReason,
    /// 1 (everybody may wait) to 3 (nobody may).
    pub severity: u8,
    /// Who had it when, without a gap, from the complaint to its solution.
    pub steps: Vec<TicketStep>,
    /// When the customer said that it is not solved; then the last step is that of care again.
    pub reopened_at: Option<Timestamp>,
    /// What care promised when it took the complaint.
    pub callback: Option<Callback>,
}

impl Ticket {
    /// Returns when it was solved, at last.
    #[must_use]
    pub fn resolved_at(&self) -> Timestamp {
        let last = self.steps.last().expect("a ticket has a step");
        last.ended_at
    }
}

impl Operator {
    /// Returns what became of a complaint of one of its customers; nothing for an enquiry.
    #[must_use]
    pub fn ticket(&self, interaction: &Interaction) -> Option<Ticket> {
        let InteractionKind::Complaint(reason) = interaction.kind else {
            return None;
        };
        let draws = Draws::of(self.config().seed, interaction.index);
        let mut draw = draws.ticket(interaction.month);
        let (severity, returns, calls) = (draw.uniform(), draw.uniform(), draw.uniform());
        let (kept, pace) = (draw.uniform(), draw.uniform());
        let mut steps = Vec::new();
        let mut now = interaction.at;
        for department in route(reason) {
            let step = step(*department, now, draw.normal(), draw.uniform());
            now = step.ended_at;
            steps.push(step);
        }
        let reopened_at = (returns < REOPEN_CHANCE).then(|| now + Span::from_days(1));
        if let Some(reopened_at) = reopened_at {
            steps.push(step(
                Department::Care,
                reopened_at,
                draw.normal(),
                draw.uniform(),
            ));
        }
        Some(Ticket {
            key: format!("T{:07}-{:03}", interaction.index, interaction.month),
            reason,
            severity: 1 + (severity * 3.0) as u8,
            steps,
            reopened_at,
            callback: (calls < PROMISE_CHANCE).then(|| callback(interaction.at, kept, pace)),
        })
    }
}

/// Care takes every complaint and hands on what it cannot solve.
fn route(reason: ComplaintReason) -> &'static [Department] {
    match reason {
        ComplaintReason::Service => &[Department::Care],
        ComplaintReason::Billing => &[Department::Care, Department::Billing],
        ComplaintReason::Network => &[Department::Care, Department::Network],
    }
}

fn step(department: Department, begun_at: Timestamp, normal: f64, who: f64) -> TicketStep {
    let promised = department.promised();
    let share = exp(PACE_LOG_MEAN + PACE_LOG_DEVIATION * normal);
    let seconds = (promised.as_days() * 86_400.0 * share) as i64;
    TicketStep {
        department,
        owner: format!("{}-{:02}", department.as_str(), (who * 40.0) as u8),
        begun_at,
        promised_until: begun_at + promised,
        ended_at: begun_at + Span::from_seconds(seconds.max(60)),
    }
}

fn callback(taken_at: Timestamp, kept: f64, pace: f64) -> Callback {
    let day = 86_400.0;
    let share = if kept < PROMISE_KEPT_CHANCE {
        pace
    } else {
        1.0 + 2.0 * pace
    };
    Callback {
        due_at: taken_at + Span::from_days(1),
        kept_at: taken_at + Span::from_seconds(1 + (share * day) as i64),
    }
}
