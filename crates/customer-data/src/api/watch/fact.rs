//! Which fact a change is about: a later change of the same fact replaces it.

use prost_types::Timestamp;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;

/// Returns what tells the fact of a change from all others of its kind. Nothing where no later change
/// replaces it.
pub(super) fn name(change: &wire::Change) -> Option<String> {
    let id = id(change.fact.as_ref()?)?;
    // What two customers are told of is told to each of them.
    Some(format!("{} {id}", change.customer_id))
}

/// Returns what tells a fact from others of its kind and its customer. Every kind is named here, so
/// that who adds one decides.
fn id(fact: &Fact) -> Option<String> {
    Some(match fact {
        // One of each customer. Every merge says what the record of its customer is from then on.
        Fact::Customer(_) | Fact::Party(_) | Fact::Merge(_) => String::new(),
        Fact::Subscription(it) => it.subscription_id.clone(),
        Fact::Bill(it) => it.bill_id.clone(),
        Fact::UsageSummary(it) => {
            let start = instant(it.start_time.as_ref());
            format!("{start} {} {}", it.period, it.subscription_id)
        }
        Fact::Interaction(it) => it.interaction_id.clone(),
        Fact::Complaint(it) => it.complaint_id.clone(),
        Fact::Promise(it) => it.promise_id.clone(),
        Fact::Survey(it) => it.survey_id.clone(),
        Fact::Relationship(it) => it.relationship_id.clone(),
        Fact::Account(it) => it.account_id.clone(),
        Fact::AccountSubscription(it) => {
            let from = instant(it.from_time.as_ref());
            format!("{} {} {from}", it.account_id, it.subscription_id)
        }
        Fact::Group(it) => format!("{} {}", it.group_id, instant(it.from_time.as_ref())),
        Fact::Lead(it) => it.lead_id.clone(),
        Fact::SubscriptionTerms(it) => it.subscription_id.clone(),
        Fact::LeavingSignal(it) => it.signal_id.clone(),
        Fact::Resource(it) => {
            let from = instant(it.from_time.as_ref());
            format!("{} {from}", it.subscription_id)
        }
        Fact::ProfileClaim(it) => {
            let name = it.attribute.as_ref().map_or("", |it| it.name.as_str());
            format!("{name} {}", it.source)
        }
        // Consents are a ledger: each is told once and stands. Of each erasure and removal, whoever kept
        // something of the customer has to hear.
        Fact::Consent(_) | Fact::Erasure(_) | Fact::Removal(_) => return None,
    })
}

/// Returns an instant as a part of a key, exactly.
fn instant(at: Option<&Timestamp>) -> String {
    at.map_or(String::new(), |at| {
        format!("{}.{:09}", at.seconds, at.nanos)
    })
}
