//! Which fact a stored change is about: a later change of the same fact replaces it.

use prost::Message as _;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_sql::feed::Change;

/// Returns what tells the fact of a change from all others of its kind. Nothing where no later change
/// replaces it, or where it cannot be read: such a change stays. So does every change of a kind that
/// is not named here.
pub(crate) fn fact_of(change: &Change) -> Option<String> {
    let change = wire::Change::decode(change.body.as_slice()).ok()?;
    let fact = change.fact?;
    if let Fact::Customer(it) = &fact {
        return Some(it.customer_id.clone());
    }
    if let Fact::Subscription(it) = &fact {
        // A subscription that was taken over is told of both customers.
        return Some(format!("{} {}", it.customer_id, it.subscription_id));
    }
    if let Fact::Bill(it) = &fact {
        return Some(it.bill_id.clone());
    }
    if let Fact::UsageSummary(it) = &fact {
        let start = it.start_time.as_ref().map_or(0, |start| start.seconds);
        let (customer, subscription) = (&it.customer_id, &it.subscription_id);
        return Some(format!("{customer} {start} {} {subscription}", it.period));
    }
    if let Fact::Interaction(it) = &fact {
        return Some(it.interaction_id.clone());
    }
    if matches!(fact, Fact::Merge(_)) {
        // Each says what the record of this customer is from then on.
        return Some(change.customer_id);
    }
    None
}
