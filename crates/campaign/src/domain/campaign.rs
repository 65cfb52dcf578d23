//! Offers and campaigns as they are kept.

use tenure_core::{CampaignId, Money, OfferId, Span, Timestamp};

use super::audience::Audience;
use super::state::{State, Step, after};
use super::words::{Channel, OfferKind};

/// Something that can be offered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    /// The operator's key.
    pub(crate) id: OfferId,
    /// Name for people.
    pub(crate) display_name: String,
    /// What it says.
    pub(crate) description: String,
    /// The kind.
    pub(crate) kind: OfferKind,
    /// What it costs the operator when it is accepted.
    pub(crate) cost: Option<Money>,
    /// When it was created.
    pub(crate) created_at: Timestamp,
}

/// What somebody wrote: the part of a campaign that never changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    /// The operator's key.
    pub(crate) id: CampaignId,
    /// Name for people.
    pub(crate) display_name: String,
    /// What it is to achieve.
    pub(crate) objective: String,
    /// What is offered.
    pub(crate) offer: OfferId,
    /// Through which channel.
    pub(crate) channel: Channel,
    /// Who it is for.
    pub(crate) audience: Audience,
    /// The share that is left alone.
    pub(crate) control_share: f64,
    /// Points for each customer who accepts.
    pub(crate) bonus_points: i64,
    /// How long staying or leaving counts.
    pub(crate) window: Span,
    /// Who wrote it.
    pub(crate) author: String,
}

/// How far the audience of a launched campaign is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// How many pages are done; moved by compare-and-swap.
    pub(crate) page: i64,
    /// Where the next page of scores starts.
    pub(crate) cursor: String,
    /// True when there is no next page.
    pub(crate) is_enrolled: bool,
    /// How many customers are to be treated.
    pub(crate) treated: u64,
    /// How many customers are left alone.
    pub(crate) control: u64,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Campaign {
    /// What was written.
    pub(crate) draft: Draft,
    /// Who approved it.
    pub(crate) approver: Option<String>,
    /// Where it is in its life.
    pub(crate) state: State,
    /// How far enrolment is.
    pub(crate) progress: Progress,
    /// When it was created.
    pub(crate) created_at: Timestamp,
    /// When the audience was read.
    pub(crate) launched_at: Option<Timestamp>,
    /// When it ended.
    pub(crate) ended_at: Option<Timestamp>,
    /// Raised with every change.
    pub(crate) version: i64,
}

/// Why a step was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepRefusal {
    /// The state forbids it.
    State(State),
    /// The author may not approve.
    ApproverIsAuthor,
}

impl Campaign {
    /// Creates a campaign from what was written.
    pub(crate) fn new(draft: Draft, now: Timestamp) -> Self {
        Self {
            draft,
            approver: None,
            state: State::Draft,
            progress: Progress::default(),
            created_at: now,
            launched_at: None,
            ended_at: None,
            version: 1,
        }
    }

    /// Returns the id.
    pub(crate) fn id(&self) -> &CampaignId {
        &self.draft.id
    }

    /// Returns the text that changes with every change.
    pub(crate) fn etag(&self) -> String {
        format!("v{}", self.version)
    }

    /// Approves the draft.
    pub(crate) fn approve(&mut self, approver: &str) -> Result<(), StepRefusal> {
        if self.state == State::Draft && approver == self.draft.author {
            return Err(StepRefusal::ApproverIsAuthor);
        }
        self.step(Step::Approve)?;
        self.approver = Some(approver.to_owned());
        Ok(())
    }

    /// Launches, pauses, resumes or ends the campaign at `now`.
    pub(crate) fn take(&mut self, step: Step, now: Timestamp) -> Result<(), StepRefusal> {
        self.step(step)?;
        match step {
            Step::Launch => self.launched_at = Some(now),
            Step::End => self.ended_at = Some(now),
            Step::Approve | Step::Complete | Step::Pause | Step::Resume => {}
        }
        Ok(())
    }

    /// Takes in one page of the audience: how many were enrolled, and where the next page starts if
    /// there is one and there is room for it.
    pub(crate) fn turn_page(
        &mut self,
        treated: u64,
        control: u64,
        next: Option<String>,
    ) -> Result<(), StepRefusal> {
        if self.state != State::Enrolling {
            return Err(StepRefusal::State(self.state));
        }
        self.progress.page += 1;
        self.progress.treated += treated;
        self.progress.control += control;
        match next {
            Some(cursor) if self.room() > 0 => {
                self.progress.cursor = cursor;
                self.version += 1;
                Ok(())
            }
            _ => {
                self.progress.cursor = String::new();
                self.progress.is_enrolled = true;
                self.step(Step::Complete)
            }
        }
    }

    /// Returns how many more customers may be enrolled.
    pub(crate) fn room(&self) -> u64 {
        self.draft
            .audience
            .room_after(self.progress.treated + self.progress.control)
    }

    fn step(&mut self, step: Step) -> Result<(), StepRefusal> {
        self.state = after(self.state, step, self.progress.is_enrolled)
            .ok_or(StepRefusal::State(self.state))?;
        self.version += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(max_customers: Option<u64>) -> Campaign {
        let draft = Draft {
            id: CampaignId::parse("spring").unwrap(),
            display_name: "Spring".into(),
            objective: "keep them".into(),
            offer: OfferId::parse("bonus").unwrap(),
            channel: Channel::Sms,
            audience: Audience {
                max_customers,
                ..Audience::default()
            },
            control_share: 0.2,
            bonus_points: 100,
            window: Span::from_days(30),
            author: "ada".into(),
        };
        Campaign::new(draft, Timestamp::from_micros(1))
    }

    fn launched(max_customers: Option<u64>) -> Campaign {
        let mut campaign = campaign(max_customers);
        campaign.approve("bob").unwrap();
        campaign
            .take(Step::Launch, Timestamp::from_micros(2))
            .unwrap();
        campaign
    }

    #[test]
    fn an_author_cannot_approve_but_somebody_else_can() {
        let mut campaign = campaign(None);

        assert_eq!(campaign.approve("ada"), Err(StepRefusal::ApproverIsAuthor));
        assert_eq!(campaign.approve("bob"), Ok(()));
        assert_eq!(
            campaign.approve("cyd"),
            Err(StepRefusal::State(State::Approved))
        );
        assert_eq!(campaign.approver.as_deref(), Some("bob"));
    }

    #[test]
    fn enrolment_ends_with_the_last_page() {
        let mut campaign = launched(None);

        campaign.turn_page(8, 2, Some("next".into())).unwrap();
        assert_eq!(campaign.state, State::Enrolling);
        campaign.turn_page(1, 0, None).unwrap();

        assert_eq!(campaign.state, State::Running);
        assert_eq!(
            (campaign.progress.treated, campaign.progress.control),
            (9, 2)
        );
    }

    #[test]
    fn enrolment_ends_when_there_are_enough() {
        let mut campaign = launched(Some(10));

        campaign.turn_page(8, 2, Some("next".into())).unwrap();

        assert_eq!(campaign.state, State::Running);
        assert_eq!(campaign.room(), 0);
    }

    #[test]
    fn enrolment_rests_during_a_pause() {
        let mut campaign = launched(None);
        let now = Timestamp::from_micros(3);
        campaign.turn_page(8, 2, Some("next".into())).unwrap();
        campaign.take(Step::Pause, now).unwrap();

        assert_eq!(
            campaign.turn_page(1, 1, None),
            Err(StepRefusal::State(State::Paused))
        );
        campaign.take(Step::Resume, now).unwrap();

        assert_eq!(campaign.state, State::Enrolling);
        assert_eq!(campaign.progress.cursor, "next");
    }

    #[test]
    fn every_change_changes_the_etag() {
        let mut campaign = launched(None);
        let mut seen = vec![campaign.etag()];
        campaign.turn_page(0, 0, Some("next".into())).unwrap();
        seen.push(campaign.etag());
        campaign.turn_page(0, 0, None).unwrap();
        seen.push(campaign.etag());
        campaign.take(Step::End, Timestamp::from_micros(9)).unwrap();
        seen.push(campaign.etag());

        seen.dedup();
        assert_eq!(seen.len(), 4);
        assert_eq!(campaign.ended_at, Some(Timestamp::from_micros(9)));
    }
}
