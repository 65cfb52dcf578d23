//! What a complaint says beyond its columns, as one column: no statement asks for a part of it.

use serde::{Deserialize, Serialize};
use tenure_core::{SubscriptionId, Timestamp};
use tenure_sql::SqlError;

use crate::domain::Complaint;
use crate::domain::complaint::words::{BreachKind, Event, ResolutionState};
use crate::domain::complaint::{Breach, Notice, Resolution, Step};
use crate::domain::words::Channel;
use crate::store::rows::{read, staff};

/// Instants are microseconds since 1970, words their numbers, people department and person.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    subject: String,
    description: String,
    subscription: Option<String>,
    channel: i32,
    state_since: i64,
    updated_at: i64,
    expected_at: i64,
    expected_breach_at: Option<i64>,
    resolved_at: Option<i64>,
    step: StoredStep,
    reopen_count: i32,
    breach_count: i32,
    last_breach: Option<StoredBreach>,
    notices: Vec<StoredNotice>,
    resolutions: Vec<StoredResolution>,
    last_event: i32,
}

/// The current step; state and owner are columns of the complaint.
#[derive(Serialize, Deserialize)]
struct StoredStep {
    number: i32,
    begun_at: i64,
    promised_until: Option<i64>,
    breach_at: Option<i64>,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct StoredBreach {
    kind: i32,
    step: i32,
    owner: (String, String),
    promised_until: i64,
    noted_at: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredNotice {
    at: i64,
    channel: i32,
    message: String,
}

#[derive(Serialize, Deserialize)]
struct StoredResolution {
    code: String,
    text: String,
    by: (String, String),
    at: i64,
    state: i32,
    answered_at: Option<i64>,
}

impl Record {
    pub(super) fn of(complaint: &Complaint) -> Self {
        let step = &complaint.step;
        let subscription = complaint.subscription.as_ref();
        Self {
            subject: complaint.subject.clone(),
            description: complaint.description.clone(),
            subscription: subscription.map(ToString::to_string),
            channel: complaint.channel.number(),
            state_since: complaint.state_since.as_micros(),
            updated_at: complaint.updated_at.as_micros(),
            expected_at: complaint.expected_at.as_micros(),
            expected_breach_at: complaint.expected_breach_at.map(Timestamp::as_micros),
            resolved_at: complaint.resolved_at.map(Timestamp::as_micros),
            step: StoredStep {
                number: step.number,
                begun_at: step.begun_at.as_micros(),
                promised_until: step.promised_until.map(Timestamp::as_micros),
                breach_at: step.breach_at.map(Timestamp::as_micros),
                reason: step.reason.clone(),
            },
            reopen_count: complaint.reopen_count,
            breach_count: complaint.breach_count,
            last_breach: complaint.last_breach.as_ref().map(StoredBreach::of),
            notices: complaint.notices.iter().map(StoredNotice::of).collect(),
            resolutions: complaint
                .resolutions
                .iter()
                .map(StoredResolution::of)
                .collect(),
            last_event: complaint.last_event.number(),
        }
    }

    /// Puts what is known by columns and by the record together.
    pub(super) fn join(self, columns: super::Columns) -> Result<Complaint, SqlError> {
        let subscription = self.subscription.map(|id| SubscriptionId::parse(&id));
        let number = |at: usize| i32::try_from(at + 1).expect("a complaint has few of them");
        let resolutions = self.resolutions.into_iter().enumerate();
        let resolutions = resolutions.map(|(at, it)| it.known(number(at)));
        let last_breach = self.last_breach.map(StoredBreach::known);
        let notices = self.notices.into_iter().map(StoredNotice::known);
        Ok(Complaint {
            id: columns.id,
            customer: columns.customer,
            kind: columns.kind,
            severity: columns.severity,
            subject: self.subject,
            description: self.description,
            subscription: read("record", subscription.transpose().ok())?,
            channel: read("record", Channel::from_number(self.channel))?,
            state_since: Timestamp::from_micros(self.state_since),
            created_at: columns.created_at,
            updated_at: Timestamp::from_micros(self.updated_at),
            expected_at: Timestamp::from_micros(self.expected_at),
            expected_breach_at: self.expected_breach_at.map(Timestamp::from_micros),
            resolved_at: self.resolved_at.map(Timestamp::from_micros),
            ended_at: columns.ended_at,
            step: Step {
                number: self.step.number,
                state: columns.state,
                owner: columns.owner,
                begun_at: Timestamp::from_micros(self.step.begun_at),
                promised_until: self.step.promised_until.map(Timestamp::from_micros),
                // The last step ends with the complaint.
                ended_at: columns.ended_at,
                breach_at: self.step.breach_at.map(Timestamp::from_micros),
                reason: self.step.reason,
            },
            reopen_count: self.reopen_count,
            breach_count: self.breach_count,
            last_breach: last_breach.transpose()?,
            notices: notices.collect::<Result<_, _>>()?,
            resolutions: resolutions.collect::<Result<_, _>>()?,
            last_event: read("record", Event::from_number(self.last_event))?,
        })
    }
}

impl StoredBreach {
    fn of(breach: &Breach) -> Self {
        let Breach {
            kind,
            step_number,
            owner,
            promised_until,
            noted_at,
        } = breach;
        Self {
            kind: kind.number(),
            step: *step_number,
            owner: (owner.department.to_string(), owner.person.to_string()),
            promised_until: promised_until.as_micros(),
            noted_at: noted_at.as_micros(),
        }
    }

    fn known(self) -> Result<Breach, SqlError> {
        Ok(Breach {
            kind: read("record", BreachKind::from_number(self.kind))?,
            step_number: self.step,
            owner: staff(&self.owner.0, &self.owner.1)?,
            promised_until: Timestamp::from_micros(self.promised_until),
            noted_at: Timestamp::from_micros(self.noted_at),
        })
    }
}

impl StoredNotice {
    fn of(notice: &Notice) -> Self {
        Self {
            at: notice.at.as_micros(),
            channel: notice.channel.number(),
            message: notice.message.clone(),
        }
    }

    fn known(self) -> Result<Notice, SqlError> {
        Ok(Notice {
            at: Timestamp::from_micros(self.at),
            channel: read("record", Channel::from_number(self.channel))?,
            message: self.message,
        })
    }
}

impl StoredResolution {
    fn of(resolution: &Resolution) -> Self {
        let by = &resolution.proposed_by;
        Self {
            code: resolution.code.clone(),
            text: resolution.text.clone(),
            by: (by.department.to_string(), by.person.to_string()),
            at: resolution.proposed_at.as_micros(),
            state: resolution.state.number(),
            answered_at: resolution.answered_at.map(Timestamp::as_micros),
        }
    }

    fn known(self, number: i32) -> Result<Resolution, SqlError> {
        Ok(Resolution {
            number,
            code: self.code,
            text: self.text,
            proposed_by: staff(&self.by.0, &self.by.1)?,
            proposed_at: Timestamp::from_micros(self.at),
            state: read("record", ResolutionState::from_number(self.state))?,
            answered_at: self.answered_at.map(Timestamp::from_micros),
        })
    }
}
