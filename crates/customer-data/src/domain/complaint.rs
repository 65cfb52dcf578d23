//! Tickets: their states, whose they are, and the clocks of what was promised for them.

mod breach;
mod matter;
#[cfg(test)]
mod tests;
pub mod words;

use tenure_core::{ComplaintId, CustomerId, Span, SubscriptionId, Timestamp};

pub use breach::Breach;
pub use matter::{NOTICES_MAX, Notice, RESOLUTIONS_MAX, Resolution};

use super::refusal::{Reason, Refusal};
use super::staff::StaffMember;
use super::words::Channel;
use words::{Event, Kind, Severity, State};

/// The longest code of a subject, a message or a resolution, in bytes.
pub const SUBJECT_LENGTH_MAX: usize = 64;
/// The longest code of a reason, in bytes.
pub const REASON_LENGTH_MAX: usize = 128;
/// The longest description, in bytes: a page.
pub const DESCRIPTION_LENGTH_MAX: usize = 2_000;
/// The longest text of a proposal or a promise, in bytes: a paragraph.
pub const TEXT_LENGTH_MAX: usize = 500;
/// The most steps: a ticket that is handed around more often has lost its meaning.
pub const STEPS_MAX: i32 = 1_000;
/// How far ahead a time may be promised: a leap year.
const AHEAD_MAX: Span = Span::from_days(366);

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The operator's own key.
    pub id: ComplaintId,
    /// Whose.
    pub customer: CustomerId,
    /// What it is.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, in the operator's code.
    pub subject: String,
    /// What the customer says. Personal data.
    pub description: String,
    /// The subscription it is about.
    pub subscription: Option<SubscriptionId>,
    /// Where it came in.
    pub channel: Channel,
    /// Since when it stands where [`Step::state`] of the current step says.
    pub state_since: Timestamp,
    /// When it was taken in.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Until when the customer may expect that it is resolved.
    pub expected_at: Timestamp,
    /// When it was noted that this had passed.
    pub expected_breach_at: Option<Timestamp>,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// When it was closed, rejected or cancelled.
    pub ended_at: Option<Timestamp>,
    /// The current or last step.
    pub step: Step,
    /// How often it was reopened.
    pub reopen_count: i32,
    /// How many promised times passed.
    pub breach_count: i32,
    /// The last of them.
    pub last_breach: Option<Breach>,
    /// When the customer was told something, oldest first.
    pub notices: Vec<Notice>,
    /// What was proposed, oldest first.
    pub resolutions: Vec<Resolution>,
    /// What happened last.
    pub last_event: Event,
}

/// A time in one state with one owner and one promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Counts from 1.
    pub number: i32,
    /// Where the ticket stands.
    pub state: State,
    /// Whose it is.
    pub owner: StaffMember,
    /// When it began.
    pub begun_at: Timestamp,
    /// Until when the owner promised to be done.
    pub promised_until: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was noted that the promised time had passed.
    pub breach_at: Option<Timestamp>,
    /// Why it began, in the operator's code.
    pub reason: String,
}

/// What is told of a new ticket.
#[derive(Debug, Clone)]
pub struct NewComplaint {
    /// The operator's own key.
    pub id: ComplaintId,
    /// Whose.
    pub customer: CustomerId,
    /// What it is.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: String,
    /// What the customer says.
    pub description: String,
    /// The subscription it is about.
    pub subscription: Option<SubscriptionId>,
    /// Where it came in.
    pub channel: Channel,
    /// Until when it is expected to be resolved, when that is not left to the terms.
    pub expected_at: Option<Timestamp>,
}

/// Who takes a ticket, and what they promise.
#[derive(Debug, Clone)]
pub struct Hand {
    /// Whose it is from now on.
    pub owner: StaffMember,
    /// Until when they promise to be done, when that is not left to the terms.
    pub promised_until: Option<Timestamp>,
    /// Why, in the operator's code.
    pub reason: String,
}

/// How long things may take where nobody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// A resolution.
    pub resolution: Span,
    /// A step.
    pub step: Span,
}

impl Complaint {
    /// Takes in a ticket.
    ///
    /// # Errors
    /// When a promised time is not ahead, or too far.
    pub fn open(
        new: NewComplaint,
        hand: Hand,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let expected_at = expected(new.expected_at, terms, now)?;
        let promised = match hand.promised_until {
            Some(promised) => ahead("promised_time", promised, now)?,
            None => (now + terms.step).min(expected_at),
        };
        let step = Step {
            number: 1,
            state: State::Acknowledged,
            owner: hand.owner,
            begun_at: now,
            promised_until: Some(promised),
            ended_at: None,
            breach_at: None,
            reason: hand.reason,
        };
        Ok(Self {
            id: new.id,
            customer: new.customer,
            kind: new.kind,
            severity: new.severity,
            subject: new.subject,
            description: new.description,
            subscription: new.subscription,
            channel: new.channel,
            state_since: now,
            created_at: now,
            updated_at: now,
            expected_at,
            expected_breach_at: None,
            resolved_at: None,
            ended_at: None,
            step,
            reopen_count: 0,
            breach_count: 0,
            last_breach: None,
            notices: Vec::new(),
            resolutions: Vec::new(),
            last_event: Event::Created,
        })
    }

    /// Returns where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.step.state
    }

    /// Returns since when it is as it is: a breach begins when the time passed, not when that was
    /// noted.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        match &self.last_breach {
            Some(breach) if self.last_event == Event::Breached => breach.promised_until,
            _ => self.updated_at,
        }
    }

    /// Moves it to another state and returns the step that ended with that. A reopened ticket is
    /// expected to be resolved at `expected_at`, or as the terms say.
    ///
    /// # Errors
    /// When the state cannot follow, the ticket has all the steps it may have, or a promised time
    /// is not ahead, too far, or stands where it means nothing.
    pub fn change_state(
        &mut self,
        to: State,
        hand: Hand,
        expected_at: Option<Timestamp>,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        let from = self.state();
        if !from.may_become(to) {
            return Err(self.forbidden("state", "a state that can follow", from));
        }
        let at = self.instant(now);
        let is_reopened = from == State::Resolved && to == State::InProgress;
        if expected_at.is_some() && !is_reopened {
            let field = "expected_resolution_time";
            return Err(wrong(field, "nothing unless it is reopened", "an instant"));
        }
        let expected_at = if is_reopened {
            expected(expected_at, terms, at)?
        } else {
            self.expected_at
        };
        let promised = self.promise(to, &hand, expected_at, terms, at)?;
        let ended = self.begin_step(to, hand, promised, at)?;
        self.state_since = at;
        self.last_event = Event::StateChanged;
        if is_reopened {
            self.reopen_count += 1;
            self.expected_at = expected_at;
            self.expected_breach_at = None;
            self.resolved_at = None;
            self.last_event = Event::Reopened;
        }
        if to == State::Resolved {
            self.resolved_at = Some(at);
        }
        if to.is_end() {
            // Who ends it is written down too, in a step without length.
            self.ended_at = Some(at);
            self.step.ended_at = Some(at);
        }
        Ok(ended)
    }

    /// Gives it to another owner, or lets the owner promise anew, and returns the step that ended
    /// with that.
    ///
    /// # Errors
    /// When the ticket has ended or has all the steps it may have, or no time is promised, or one
    /// that is not ahead, or too far.
    pub fn hand_over(&mut self, hand: Hand, now: Timestamp) -> Result<Step, Refusal> {
        let state = self.state();
        if state.is_end() {
            return Err(self.forbidden("complaint_id", "a complaint that has not ended", state));
        }
        let at = self.instant(now);
        let Some(promised) = hand.promised_until else {
            return Err(wrong("promised_time", "an instant", "nothing"));
        };
        let promised = ahead("promised_time", promised, at)?;
        self.last_event = Event::HandedOver;
        self.begin_step(state, hand, Some(promised), at)
    }

    /// Returns until when whoever takes it in a state promises to be done.
    fn promise(
        &self,
        to: State,
        hand: &Hand,
        expected_at: Timestamp,
        terms: Terms,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, Refusal> {
        match hand.promised_until {
            Some(_) if to.is_end() => {
                let wanted = "nothing where the complaint ends";
                Err(wrong("promised_time", wanted, "an instant"))
            }
            Some(promised) => ahead("promised_time", promised, at).map(Some),
            None if to.is_end() || to == State::Resolved => Ok(None),
            None => {
                let before = self.step.promised_until;
                let before = before.filter(|it| self.step.owner == hand.owner && *it > at);
                let by_terms = at + terms.step;
                let whole = if expected_at > at {
                    expected_at
                } else {
                    by_terms
                };
                Ok(Some(before.unwrap_or(by_terms.min(whole))))
            }
        }
    }

    fn begin_step(
        &mut self,
        state: State,
        hand: Hand,
        promised_until: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<Step, Refusal> {
        if self.step.number >= STEPS_MAX {
            return Err(self.full("complaint_id", STEPS_MAX));
        }
        let next = Step {
            number: self.step.number + 1,
            state,
            owner: hand.owner,
            begun_at: at,
            promised_until,
            ended_at: None,
            breach_at: None,
            reason: hand.reason,
        };
        let mut ended = std::mem::replace(&mut self.step, next);
        ended.ended_at = Some(at);
        self.updated_at = at;
        Ok(ended)
    }

    /// Clocks of replicas differ a little: what follows is never earlier than what was.
    fn instant(&self, now: Timestamp) -> Timestamp {
        now.max(self.updated_at)
    }

    fn forbidden(&self, field: &str, wanted: &str, state: State) -> Refusal {
        let found = format!("a complaint that is {}", state.as_str());
        Refusal::new(Reason::ComplaintStateForbids, field, wanted, found)
            .with("complaint_id", self.id.as_str())
            .with("state", state.as_str())
    }

    fn full(&self, field: &str, limit: i32) -> Refusal {
        let limit = limit.to_string();
        let wanted = format!("at most {limit} of a complaint");
        Refusal::new(Reason::ComplaintFull, field, wanted, "one more")
            .with("complaint_id", self.id.as_str())
            .with("limit", &limit)
    }
}

fn expected(given: Option<Timestamp>, terms: Terms, at: Timestamp) -> Result<Timestamp, Refusal> {
    match given {
        Some(given) => ahead("expected_resolution_time", given, at),
        None => Ok(at + terms.resolution),
    }
}

fn ahead(field: &str, promised: Timestamp, at: Timestamp) -> Result<Timestamp, Refusal> {
    if promised <= at {
        return Err(wrong(field, "later than now", "now or earlier"));
    }
    if promised > at + AHEAD_MAX {
        return Err(wrong(field, "at most 366 days from now", "a later instant"));
    }
    Ok(promised)
}

fn wrong(field: &str, wanted: &str, found: &str) -> Refusal {
    Refusal::new(Reason::InvalidFields, field, wanted, found)
}
