//! Complaints, promises and surveys in the book.

use tenure_core::{ComplaintId, CustomerId, PromiseId, SurveyId, Timestamp};

use super::{Book, Outcome, Owned};
use crate::domain::complaint::{Hand, NewComplaint, Step, Terms};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::{Complaint, Fact, Promise, Shelf, Survey};

/// Whose ticket and which.
type ComplaintKey = (CustomerId, ComplaintId);

/// Complaints, promises and surveys that a batch touches.
#[derive(Debug, Default)]
pub struct Care {
    /// Complaints.
    pub complaints: Shelf<ComplaintKey, Complaint>,
    /// Steps of complaints by their number: only those that begin or end, for no rule asks for others.
    pub steps: Shelf<(ComplaintKey, i32), Step>,
    /// Promises.
    pub promises: Shelf<(CustomerId, PromiseId), Promise>,
    /// Surveys.
    pub surveys: Shelf<(CustomerId, SurveyId), Survey>,
}

impl Care {
    pub(super) fn keep(&mut self) {
        self.complaints.keep();
        self.steps.keep();
        self.promises.keep();
        self.surveys.keep();
    }

    pub(super) fn undo(&mut self) {
        self.complaints.undo();
        self.steps.undo();
        self.promises.undo();
        self.surveys.undo();
    }
}

impl Book {
    /// Takes in a new complaint.
    ///
    /// # Errors
    /// When the customer or the subscription is unknown, the id is taken, or a promised time is not
    /// ahead, or too far.
    pub fn open_complaint(
        &mut self,
        new: NewComplaint,
        hand: Hand,
        terms: Terms,
    ) -> Result<Complaint, Refusal> {
        self.require_customer(&new.customer)?;
        if let Some(id) = &new.subscription {
            self.subscription(&new.customer, id)?;
        }
        self.claim(
            Owned::Complaint,
            new.id.as_str(),
            &new.customer,
            (Reason::ComplaintExists, "complaint_id"),
        )?;
        let complaint = Complaint::open(new, hand, terms, self.now)?;
        self.write_complaint(complaint.updated_at, complaint.clone());
        Ok(complaint)
    }

    /// Changes a complaint and writes down the step that ended with that, if one did. What passed
    /// before is noted first, under the name of whoever had the complaint until now.
    ///
    /// # Errors
    /// When there is no such customer or complaint, or `change` refuses.
    pub fn change_complaint(
        &mut self,
        customer: &CustomerId,
        id: &ComplaintId,
        change: impl FnOnce(&mut Complaint, Timestamp) -> Result<Changed, Refusal>,
    ) -> Result<Complaint, Refusal> {
        self.require_customer(customer)?;
        let key = (customer.clone(), id.clone());
        self.note_breaches(&key);
        let Some(known) = self.care.complaints.get(&key) else {
            return Err(unknown_complaint(id));
        };
        let mut complaint = known.clone();
        match change(&mut complaint, self.now)? {
            Changed::Nothing => return Ok(complaint),
            Changed::Matter => {}
            Changed::Step(ended) => {
                let key = (key, ended.number);
                self.care.steps.put(key, *ended);
            }
        }
        self.write_complaint(complaint.updated_at, complaint.clone());
        Ok(complaint)
    }

    /// Notes the promised times of a complaint that have passed, each with a change of its own, and
    /// says how many these are.
    pub fn note_breaches(&mut self, key: &(CustomerId, ComplaintId)) -> i64 {
        let mut noted = 0;
        let Some(known) = self.care.complaints.get(key) else {
            return noted;
        };
        let mut complaint = known.clone();
        while let Some(at) = complaint.due_at()
            && complaint.note_breach(self.now)
        {
            self.write_complaint(at, complaint.clone());
            noted += 1;
        }
        noted
    }

    fn write_complaint(&mut self, event_at: Timestamp, complaint: Complaint) {
        let key = (complaint.customer.clone(), complaint.id.clone());
        let step = (key.clone(), complaint.step.number);
        self.care.steps.put(step, complaint.step.clone());
        self.tell(event_at, Fact::Complaint(complaint.clone()));
        self.care.complaints.put(key, complaint);
    }

    /// Writes down a promise.
    ///
    /// # Errors
    /// When the customer or the complaint is unknown, or the id is taken.
    pub fn record_promise(&mut self, promise: Promise) -> Result<Promise, Refusal> {
        self.require_customer(&promise.customer)?;
        self.require_complaint(&promise.customer, promise.complaint.as_ref())?;
        self.claim(
            Owned::Promise,
            promise.id.as_str(),
            &promise.customer,
            (Reason::PromiseExists, "promise_id"),
        )?;
        self.write_promise(promise.promised_at, promise.clone());
        Ok(promise)
    }

    /// Settles a promise. When it is overdue by now and nobody noted that, this is noted first,
    /// unless it was kept in time.
    ///
    /// # Errors
    /// When there is no such customer or promise, or `settle` refuses.
    pub fn settle_promise(
        &mut self,
        customer: &CustomerId,
        id: &PromiseId,
        kept_at: Option<Timestamp>,
        settle: impl FnOnce(&mut Promise, Timestamp) -> Result<(), Refusal>,
    ) -> Result<Promise, Refusal> {
        self.require_customer(customer)?;
        let key = (customer.clone(), id.clone());
        let Some(known) = self.care.promises.get(&key) else {
            let wanted = "a promise to this customer";
            let refusal = Refusal::new(Reason::PromiseNotFound, "promise_id", wanted, "another");
            return Err(refusal.with("promise_id", id.as_str()));
        };
        if kept_at.is_none_or(|at| at > known.due_at) {
            self.note_overdue(&key);
        }
        let known = self.care.promises.get(&key);
        let mut promise = known.expect("found above").clone();
        settle(&mut promise, self.now)?;
        self.write_promise(promise.settled_at.unwrap_or(self.now), promise.clone());
        Ok(promise)
    }

    /// Notes that the time of a promise has passed, and says whether that is news.
    pub fn note_overdue(&mut self, key: &(CustomerId, PromiseId)) -> bool {
        let Some(known) = self.care.promises.get(key) else {
            return false;
        };
        let mut promise = known.clone();
        let is_news = promise.note_overdue(self.now);
        if is_news {
            self.write_promise(promise.due_at, promise);
        }
        is_news
    }

    fn write_promise(&mut self, event_at: Timestamp, promise: Promise) {
        let key = (promise.customer.clone(), promise.id.clone());
        self.tell(event_at, Fact::Promise(promise.clone()));
        self.care.promises.put(key, promise);
    }

    /// Takes in a survey; it replaces the one of the same id.
    ///
    /// # Errors
    /// When the customer or the complaint is unknown, or the id is another customer's.
    pub fn upsert_survey(&mut self, new: Survey) -> Result<Outcome, Refusal> {
        self.require_customer(&new.customer)?;
        self.require_complaint(&new.customer, new.complaint.as_ref())?;
        let key = (new.customer.clone(), new.id.clone());
        let outcome = match self.care.surveys.get(&key) {
            None => {
                let taken = (Reason::SurveyExists, "survey_id");
                self.own(Owned::Survey, new.id.as_str(), &new.customer, taken)?;
                Outcome::Created
            }
            Some(known) if *known == new => return Ok(Outcome::Unchanged),
            Some(_) => Outcome::Updated,
        };
        self.tell(new.answered_at, Fact::Survey(new.clone()));
        self.care.surveys.put(key, new);
        Ok(outcome)
    }

    /// Refuses when a complaint is named that the customer does not have.
    pub(super) fn require_complaint(
        &self,
        customer: &CustomerId,
        id: Option<&ComplaintId>,
    ) -> Result<(), Refusal> {
        let Some(id) = id else {
            return Ok(());
        };
        let key = (customer.clone(), id.clone());
        let known = self.care.complaints.get(&key);
        known.map(|_| ()).ok_or_else(|| unknown_complaint(id))
    }

    /// Makes a new key the customer's, or refuses when anybody has it.
    fn claim(
        &mut self,
        owned: Owned,
        id: &str,
        customer: &CustomerId,
        (reason, field): (Reason, &'static str),
    ) -> Result<(), Refusal> {
        let key = (owned, id.into());
        if self.owners.get(&key).is_some() {
            let refusal = Refusal::new(reason, field, "a new id", "one that is taken");
            return Err(refusal.with(field, id));
        }
        self.owners.put(key, customer.clone());
        Ok(())
    }
}

/// What became of a complaint.
#[derive(Debug)]
pub enum Changed {
    /// It is as it was.
    Nothing,
    /// Something was added.
    Matter,
    /// A step ended and another began.
    Step(Box<Step>),
}

fn unknown_complaint(id: &ComplaintId) -> Refusal {
    let wanted = "a complaint of this customer";
    let refusal = Refusal::new(Reason::ComplaintNotFound, "complaint_id", wanted, "another");
    refusal.with("complaint_id", id.as_str())
}
