//! What passes between the operator and the customer over a ticket: notices and proposals.

use tenure_core::Timestamp;

use super::words::{Event, ResolutionState};
use super::{Complaint, wrong};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::staff::StaffMember;
use crate::domain::words::Channel;

/// The most notices of a ticket: a weekly one for a year.
pub const NOTICES_MAX: i32 = 50;
/// The most proposals of a ticket.
pub const RESOLUTIONS_MAX: i32 = 20;

/// That the customer was told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// By which way.
    pub channel: Channel,
    /// What, in the operator's code.
    pub message: String,
}

/// A proposed resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Counts from 1.
    pub number: i32,
    /// What is proposed, in the operator's code.
    pub code: String,
    /// What is proposed, in words. Personal data.
    pub text: String,
    /// By whom.
    pub proposed_by: StaffMember,
    /// When.
    pub proposed_at: Timestamp,
    /// What the customer answered.
    pub state: ResolutionState,
    /// When.
    pub answered_at: Option<Timestamp>,
}

impl Complaint {
    /// Notes that the customer was told something; also after the end.
    ///
    /// # Errors
    /// When it was told before the ticket was taken in, or there are too many notices.
    pub fn notify(&mut self, notice: Notice, now: Timestamp) -> Result<(), Refusal> {
        if notice.at < self.created_at {
            let wanted = "not before the complaint was taken in";
            return Err(wrong("notice_time", wanted, "an earlier instant"));
        }
        if count(&self.notices) >= NOTICES_MAX {
            return Err(self.full("complaint_id", NOTICES_MAX));
        }
        let place = self.notices.partition_point(|known| known.at <= notice.at);
        self.notices.insert(place, notice);
        self.happen(Event::CustomerNotified, now);
        Ok(())
    }

    /// Notes a proposal.
    ///
    /// # Errors
    /// When the ticket has ended, or there are too many proposals.
    pub fn propose(
        &mut self,
        (code, text): (String, String),
        proposed_by: StaffMember,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.require_open()?;
        let known = count(&self.resolutions);
        if known >= RESOLUTIONS_MAX {
            return Err(self.full("complaint_id", RESOLUTIONS_MAX));
        }
        self.resolutions.push(Resolution {
            number: known + 1,
            code,
            text,
            proposed_by,
            proposed_at: self.instant(now),
            state: ResolutionState::Proposed,
            answered_at: None,
        });
        self.happen(Event::ResolutionProposed, now);
        Ok(())
    }

    /// Notes what the customer answered, and says whether that is news.
    ///
    /// # Errors
    /// When the ticket has ended, or there is no such proposal, or it was answered otherwise.
    pub fn answer(
        &mut self,
        number: i32,
        state: ResolutionState,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        let at = self.instant(now);
        let ended = self.require_open();
        let id = self.id.clone();
        let refusal = |reason, wanted, found| {
            Refusal::new(reason, "resolution_number", wanted, found)
                .with("complaint_id", id.as_str())
                .with("resolution_number", &number.to_string())
        };
        let mut resolutions = self.resolutions.iter_mut();
        let Some(resolution) = resolutions.find(|it| it.number == number) else {
            let wanted = "a resolution of this complaint";
            return Err(refusal(Reason::ResolutionNotFound, wanted, "another"));
        };
        if resolution.state == state {
            return Ok(false);
        }
        if resolution.state != ResolutionState::Proposed {
            let (wanted, found) = ("a resolution without an answer", "one that has another");
            return Err(refusal(Reason::ResolutionAnswered, wanted, found));
        }
        ended?;
        resolution.state = state;
        resolution.answered_at = Some(at);
        self.happen(Event::ResolutionAnswered, now);
        Ok(true)
    }

    fn require_open(&self) -> Result<(), Refusal> {
        match self.ended_at {
            None => Ok(()),
            Some(_) => {
                let wanted = "a complaint that has not ended";
                Err(self.forbidden("complaint_id", wanted, self.state()))
            }
        }
    }

    fn happen(&mut self, event: Event, now: Timestamp) {
        self.updated_at = self.instant(now);
        self.last_event = event;
    }
}

/// Lists are far shorter than their numbers reach.
fn count<T>(list: &[T]) -> i32 {
    i32::try_from(list.len()).unwrap_or(i32::MAX)
}
