//! What a desk of the operator tells customer-data in one call, and when.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use tenure_core::Timestamp;
use tenure_proto::customer::v1 as pb;

use super::ingest::Ingest;

/// A word of its own for each kind of call, so that what was sent can be counted.
macro_rules! deeds {
    ($($(#[$doc:meta])* $name:ident: $($client:ident).+ => $call:ident($request:ident);)+) => {
        /// One call.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Deed {
            $($(#[$doc])* $name(Box<pb::$request>),)+
        }

        impl Deed {
            /// Returns the name of the RPC.
            #[must_use]
            pub fn call(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($call),)+
                }
            }

            /// Makes the call, once, under a request id of its own.
            ///
            /// # Errors
            /// When customer-data refuses or does not answer.
            pub async fn send(self, ingest: &Ingest<'_>) -> Result<()> {
                match self {
                    $(Self::$name(mut request) => {
                        request.request_id = ingest.request_id();
                        let mut client = ingest.clients.$($client).+.clone();
                        client.$call(*request).await.context(stringify!($call))?;
                    })+
                }
                Ok(())
            }
        }

        $(impl From<pb::$request> for Deed {
            fn from(request: pb::$request) -> Self {
                Self::$name(Box::new(request))
            }
        })+
    };
}

deeds! {
    /// Somebody is interested.
    Prospect: desks.leads => upsert_prospect(UpsertProspectRequest);
    /// In something.
    Lead: desks.leads => upsert_lead(UpsertLeadRequest);
    /// It goes on, or is lost.
    LeadState: desks.leads => change_lead_state(ChangeLeadStateRequest);
    /// They join.
    Activate: desks.leads => activate_prospect(ActivateProspectRequest);
    /// One customer is something to another.
    Relationship: desks.parties => create_relationship(CreateRelationshipRequest);
    /// Somebody pays by it.
    Account: desks.accounts => upsert_billing_account(UpsertBillingAccountRequest);
    /// For a subscription.
    Payment: desks.accounts => add_account_subscription(AddAccountSubscriptionRequest);
    /// Some belong together.
    Group: desks.groups => upsert_group(UpsertGroupRequest);
    /// These.
    Members: desks.groups => add_group_members(AddGroupMembersRequest);
    /// Leaving early costs something.
    Penalty: desks.terms => set_contract_penalty(SetContractPenaltyRequest);
    /// A SIM for a line.
    Sim: desks.resources => assign_sim(AssignSimRequest);
    /// The customer wants to leave.
    Notice: desks.terms => give_termination_notice(GiveTerminationNoticeRequest);
    /// Or may want to.
    Signal: desks.terms => record_leaving_signal(RecordLeavingSignalRequest);
    /// Bills are not paid.
    Suspension: customer => suspend_subscription(SuspendSubscriptionRequest);
    /// A complaint comes in.
    Ticket: desks.complaints => create_complaint(CreateComplaintRequest);
    /// Another department takes it over.
    HandOver: desks.complaints => hand_over_complaint(HandOverComplaintRequest);
    /// It is worked on, solved, closed.
    TicketState: desks.complaints => change_complaint_state(ChangeComplaintStateRequest);
    /// The customer is told.
    Notification: desks.complaints => notify_customer(NotifyCustomerRequest);
    /// Something is proposed.
    Proposal: desks.complaints => propose_resolution(ProposeResolutionRequest);
    /// The customer agrees.
    Answer: desks.complaints => answer_resolution(AnswerResolutionRequest);
    /// Something is promised.
    Promise: desks.complaints => record_promise(RecordPromiseRequest);
    /// And done.
    PromiseKept: desks.complaints => keep_promise(KeepPromiseRequest);
    /// Or not.
    PromiseBroken: desks.complaints => break_promise(BreakPromiseRequest);
}

/// What is to be told when. Of one instant, in the order in which it was noted.
#[derive(Debug, Default)]
pub struct Agenda {
    entries: BTreeMap<(Timestamp, u64), Deed>,
    noted: u64,
}

impl Agenda {
    /// Notes something for an instant.
    pub fn note(&mut self, at: Timestamp, deed: impl Into<Deed>) {
        self.noted += 1;
        self.entries.insert((at, self.noted), deed.into());
    }

    /// Takes what comes before `end`, in order.
    pub fn take_before(
        &mut self,
        end: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Deed)> + use<> {
        let later = self.entries.split_off(&(end, 0));
        let now = std::mem::replace(&mut self.entries, later);
        now.into_iter().map(|((at, _), deed)| (at, deed))
    }
}
