//! Changes of campaigns and enrolments in the feed.

use prost::Message;
use tenure_core::{Lanes, Timestamp};
use tenure_proto::campaign::v1 as proto;
use tenure_proto::campaign::v1::change::Fact;
use tenure_rpc::fields::time;
use tenure_sql::SqlError;
use tenure_sql::feed::NewChange;

use super::wire;
use crate::domain::campaign::Campaign;
use crate::domain::enrolment::Enrolment;

/// Returns the change of a campaign, to be appended.
pub(crate) fn of_campaign(lanes: Lanes, campaign: &Campaign, at: Timestamp) -> NewChange {
    let key = campaign.id().to_string();
    let fact = Fact::Campaign(wire::campaign(campaign));
    NewChange {
        lane: lanes.of(&key),
        kind: "campaign",
        key,
        happened_at: at,
        body: encode(fact),
    }
}

/// Returns the change of an enrolment, to be appended.
pub(crate) fn of_enrolment(enrolment: &Enrolment, campaign: &Campaign, at: Timestamp) -> NewChange {
    let fact = Fact::Enrolment(wire::enrolment(enrolment, campaign));
    let key = enrolment.customer.to_string();
    let lane = enrolment.lane;
    NewChange {
        lane,
        kind: "enrolment",
        key,
        happened_at: at,
        body: encode(fact),
    }
}

fn encode(fact: Fact) -> Vec<u8> {
    proto::Change {
        event_time: None,
        record_time: None,
        fact: Some(fact),
    }
    .encode_to_vec()
}

/// Returns a stored change as it is sent.
pub(super) fn decode(change: &tenure_sql::feed::Change) -> Result<proto::Change, SqlError> {
    let message = proto::Change::decode(change.body.as_slice());
    let mut message = message.map_err(|_| SqlError::corrupt("column body holds no change"))?;
    message.event_time = Some(time(change.happened_at));
    message.record_time = Some(time(change.recorded_at));
    Ok(message)
}
