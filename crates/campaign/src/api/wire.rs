//! Words of the domain as they are sent.

use tenure_core::{Money, Span, Timestamp};
use tenure_proto::campaign::v1 as proto;
use tenure_proto::r#type::v1 as common;
use tenure_rpc::fields::time;

use crate::domain::attribute::{Condition, Value};
use crate::domain::audience::Audience;
use crate::domain::campaign::{Campaign, Offer};
use crate::domain::contact::{Contact, ContactState};
use crate::domain::enrolment::Enrolment;
use crate::domain::state::State;

fn maybe(at: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    at.map(time)
}

pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn money(money: &Money) -> common::Money {
    common::Money {
        currency_code: money.currency.to_string(),
        amount_minor: money.minor,
    }
}

fn duration(span: Span) -> prost_types::Duration {
    let micros = span.as_micros();
    let nanos = i32::try_from(micros % 1_000_000 * 1_000).expect("below a second");
    prost_types::Duration {
        seconds: micros / 1_000_000,
        nanos,
    }
}

pub(super) fn offer(offer: &Offer) -> proto::Offer {
    proto::Offer {
        offer_id: offer.id.to_string(),
        display_name: offer.display_name.clone(),
        description: offer.description.clone(),
        kind: offer.kind.number(),
        cost: offer.cost.as_ref().map(money),
        create_time: Some(time(offer.created_at)),
    }
}

pub(super) fn campaign(campaign: &Campaign) -> proto::Campaign {
    let Campaign {
        draft, progress, ..
    } = campaign;
    proto::Campaign {
        campaign_id: draft.id.to_string(),
        display_name: draft.display_name.clone(),
        objective: draft.objective.clone(),
        offer_id: draft.offer.to_string(),
        channel: draft.channel.number(),
        audience: Some(audience(&draft.audience)),
        control_share: draft.control_share,
        bonus_points: draft.bonus_points,
        measurement_window: Some(duration(draft.window)),
        author: draft.author.clone(),
        approver: campaign.approver.clone().unwrap_or_default(),
        state: campaign.state.number(),
        create_time: Some(time(campaign.created_at)),
        launch_time: maybe(campaign.launched_at),
        end_time: maybe(campaign.ended_at),
        treated_count: signed(progress.treated),
        control_count: signed(progress.control),
        etag: campaign.etag(),
    }
}

fn audience(audience: &Audience) -> proto::Audience {
    proto::Audience {
        stages: audience.stages.iter().map(|word| word.number()).collect(),
        risk_bands: audience
            .risk_bands
            .iter()
            .map(|word| word.number())
            .collect(),
        value_tiers: audience
            .value_tiers
            .iter()
            .map(|word| word.number())
            .collect(),
        min_churn_probability: audience.min_churn_probability,
        conditions: audience.conditions.iter().map(condition).collect(),
        max_customers: audience.max_customers.map_or(0, signed),
    }
}

fn condition(condition: &Condition) -> proto::AttributeCondition {
    use common::attribute_value::Kind;
    let kind = match &condition.value {
        Value::Text(text) => Kind::Text(text.clone()),
        Value::Integer(integer) => Kind::Integer(*integer),
        Value::Number(number) => Kind::Number(*number),
        Value::Flag(flag) => Kind::Flag(*flag),
        Value::Instant(instant) => Kind::Instant(time(*instant)),
    };
    proto::AttributeCondition {
        name: condition.name.clone(),
        comparison: condition.comparison.number(),
        value: Some(common::AttributeValue { kind: Some(kind) }),
    }
}

pub(super) fn enrolment(enrolment: &Enrolment, campaign: &Campaign) -> proto::Enrolment {
    proto::Enrolment {
        campaign_id: enrolment.campaign.to_string(),
        customer_id: enrolment.customer.to_string(),
        arm: enrolment.arm.number(),
        enrol_time: Some(time(enrolment.enrolled_at)),
        churn_probability: enrolment.churn_probability,
        churn_time: maybe(enrolment.churned_at),
        contact: enrolment
            .contact
            .as_ref()
            .map(|inner| contact(enrolment, inner, campaign)),
    }
}

/// Returns the contact of an enrolment, without its lease token, which only the puller gets.
pub(super) fn contact(
    enrolment: &Enrolment,
    contact: &Contact,
    campaign: &Campaign,
) -> proto::Contact {
    let is_open = matches!(contact.state, ContactState::Pending | ContactState::Leased);
    let state = if is_open && campaign.state == State::Ended {
        proto::ContactState::Dropped.into()
    } else {
        contact.state.number()
    };
    proto::Contact {
        contact_id: contact.id.to_string(),
        campaign_id: enrolment.campaign.to_string(),
        customer_id: enrolment.customer.to_string(),
        offer_id: campaign.draft.offer.to_string(),
        channel: campaign.draft.channel.number(),
        state,
        lease_token: String::new(),
        lease_expire_time: maybe(contact.lease.map(|lease| lease.expires_at)),
        deliver_time: maybe(contact.delivered_at),
        response: contact.answer.map_or(0, |(answer, _)| answer.number()),
        response_time: maybe(contact.answer.map(|(_, at)| at)),
        granted_points: contact.granted_points,
    }
}
