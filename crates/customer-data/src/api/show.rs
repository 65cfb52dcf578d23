//! From words of the domain to the wire.

mod care;

use tenure_core::{ComplaintId, CustomerId, Money, Timestamp};
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{
    Attribute, AttributeValue as WireValue, ExternalId, Money as WireMoney,
};
use tenure_rpc::fields::time;

use crate::domain::words::{Channel, InteractionPhase, LegalBasis};
pub(super) use care::{breach, complaint, promise, resolution, staff, step, survey};

use crate::domain::{
    AttributeName, AttributeValue, Bill, Change, Consent, Customer, Erasure, Etag, Fact, Import,
    Interaction, Subscription, UsageSummary,
};

pub(super) fn customer(customer: &Customer) -> wire::Customer {
    let external_ids = customer.external_ids.iter().map(|id| ExternalId {
        system: id.system().to_owned(),
        id: id.id().to_owned(),
    });
    let attributes = customer.attributes.iter();
    let attributes = attributes.map(|(name, value)| attribute(name, value));
    wire::Customer {
        customer_id: customer.id.to_string(),
        kind: customer.kind.number(),
        display_name: customer.display_name.clone(),
        external_ids: external_ids.collect(),
        attributes: attributes.collect(),
        join_time: Some(time(customer.joined_at)),
        create_time: Some(time(customer.created_at)),
        update_time: Some(time(customer.updated_at)),
        etag: Etag::of(customer.version).to_string(),
        payment_status: customer.payment.map_or(0, |(status, _)| status.number()),
        payment_status_time: customer.payment.map(|(_, since)| time(since)),
    }
}

pub(super) fn attribute(name: &AttributeName, value: &AttributeValue) -> Attribute {
    named(name, Some(value))
}

/// Returns a name, with a value if there is one.
pub(super) fn named(name: &AttributeName, value: Option<&AttributeValue>) -> Attribute {
    let value = value.map(|value| WireValue {
        kind: Some(kind(value)),
    });
    Attribute {
        name: name.as_str().to_owned(),
        value,
    }
}

fn kind(value: &AttributeValue) -> Kind {
    match value {
        AttributeValue::Text(text) => Kind::Text(text.clone()),
        AttributeValue::Integer(integer) => Kind::Integer(*integer),
        AttributeValue::Number(number) => Kind::Number(*number),
        AttributeValue::Flag(flag) => Kind::Flag(*flag),
        AttributeValue::Instant(instant) => Kind::Instant(time(*instant)),
    }
}

pub(super) fn subscription(subscription: &Subscription) -> wire::Subscription {
    let end = subscription.termination.as_ref();
    let standing = &subscription.standing;
    let suspension = standing.suspension.as_ref();
    let state = match (end, suspension) {
        (Some(_), _) => wire::SubscriptionState::Terminated,
        (None, Some(_)) => wire::SubscriptionState::Suspended,
        (None, None) => wire::SubscriptionState::Active,
    };
    let customer = |id: &Option<CustomerId>| id.as_ref().map_or(String::new(), ToString::to_string);
    wire::Subscription {
        subscription_id: subscription.id.to_string(),
        customer_id: subscription.customer.to_string(),
        service: subscription.service.number(),
        product_code: subscription.product_code.clone(),
        msisdn: subscription
            .msisdn
            .as_ref()
            .map_or("", |number| number.as_str())
            .to_owned(),
        start_time: Some(time(subscription.started_at)),
        contract_end_time: subscription.contract_ends_at.map(time),
        monthly_fee: subscription.monthly_fee.map(money),
        state: state.into(),
        terminate_time: end.map(|end| time(end.at)),
        churn_kind: end.map_or(0, |end| end.kind.number()),
        churn_reason: end.map_or(String::new(), |end| end.reason.clone()),
        update_time: Some(time(subscription.updated_at)),
        suspension_kind: suspension.map_or(0, |it| it.kind.number()),
        suspension_reason: suspension.map_or(String::new(), |it| it.reason.clone()),
        state_time: Some(time(standing.since)),
        ported_out: end.is_some_and(|end| end.is_ported_out),
        transferred_to_customer_id: customer(&standing.transferred_to),
        transferred_from_customer_id: customer(&standing.transferred_from),
    }
}

pub(super) fn bill(bill: &Bill) -> wire::Bill {
    wire::Bill {
        bill_id: bill.id.to_string(),
        customer_id: bill.customer.to_string(),
        issue_time: Some(time(bill.issued_at)),
        due_time: Some(time(bill.due_at)),
        amount: Some(money(bill.amount)),
        state: bill.state.number(),
        settle_time: bill.settled_at.map(time),
        paid_amount: bill.paid.map(money),
        update_time: Some(time(bill.updated_at)),
    }
}

pub(super) fn money(money: Money) -> WireMoney {
    WireMoney {
        currency_code: money.currency.to_string(),
        amount_minor: money.minor,
    }
}

pub(super) fn usage(usage: &UsageSummary) -> wire::UsageSummary {
    let subscription = usage.key.subscription.as_ref();
    wire::UsageSummary {
        customer_id: usage.key.customer.to_string(),
        subscription_id: subscription.map_or(String::new(), ToString::to_string),
        period: usage.key.period.number(),
        start_time: Some(time(usage.key.started_at)),
        voice_seconds: usage.voice_seconds,
        in_group_voice_seconds: usage.in_group_voice_seconds,
        data_megabytes: usage.data_megabytes,
        sms_count: usage.sms_count,
        roaming_seconds: usage.roaming_seconds,
        roaming_megabytes: usage.roaming_megabytes,
        forwarded_offnet_seconds: usage.forwarded_offnet_seconds,
        forwarded_offnet_count: usage.forwarded_offnet_count,
        voice_count: usage.voice_count,
    }
}

pub(super) fn interaction(interaction: &Interaction) -> wire::Interaction {
    wire::Interaction {
        interaction_id: interaction.id.to_string(),
        customer_id: interaction.customer.to_string(),
        event_time: Some(time(interaction.happened_at)),
        channel: interaction.channel.number(),
        direction: interaction.direction.number(),
        kind: interaction.kind.number(),
        reason: interaction.reason.clone(),
        resolution: interaction.resolution.clone(),
        phase: interaction.phase.map_or(0, InteractionPhase::number),
        complaint_id: complaint_of(interaction.complaint.as_ref()),
    }
}

pub(super) fn consent(consent: &Consent) -> wire::Consent {
    let contact_point = consent.scope.contact_point.as_ref();
    let until = (consent.valid_until != Timestamp::MAX).then_some(consent.valid_until);
    wire::Consent {
        consent_id: consent.id.to_string(),
        customer_id: consent.customer.to_string(),
        purpose: consent.purpose.number(),
        channel: consent.scope.channel.map_or(0, Channel::number),
        contact_point: contact_point.map_or(String::new(), |point| point.as_str().to_owned()),
        status: consent.status.number(),
        legal_basis: consent.legal_basis.map_or(0, LegalBasis::number),
        text_version: consent.text_version.clone(),
        source: consent.source.clone(),
        actor: consent.actor.clone(),
        valid_from: Some(time(consent.valid_from)),
        valid_until: until.map(time),
        record_time: Some(time(consent.recorded_at)),
    }
}

/// Returns the complaint that something is about, or nothing.
fn complaint_of(id: Option<&ComplaintId>) -> String {
    id.map_or(String::new(), ToString::to_string)
}

/// Shows an erasure that waits for the receipts of some services.
pub(super) fn erasure(erasure: &Erasure, services: &[String]) -> wire::Erasure {
    let receipts = erasure.receipts.iter().map(|it| wire::ErasureReceipt {
        service: it.service.clone(),
        step: it.step.clone(),
        row_count: it.rows,
        done_time: Some(time(it.done_at)),
    });
    wire::Erasure {
        erasure_id: erasure.id.to_string(),
        customer_id: erasure.customer.to_string(),
        reason: erasure.reason.clone(),
        requested_by: erasure.requested_by.clone(),
        state: erasure.state.number(),
        create_time: Some(time(erasure.created_at)),
        complete_time: erasure.completed_at.map(time),
        receipts: receipts.collect(),
        awaited_services: erasure.awaited(services),
    }
}

pub(super) fn import(import: &Import) -> wire::Import {
    wire::Import {
        import_id: import.id.to_string(),
        source_name: import.source_name.clone(),
        content_digest: import.content_digest.clone(),
        mapping_digest: import.mapping_digest.clone(),
        state: import.state.number(),
        next_batch_number: import.next_batch_number,
        done_bytes: import.done_bytes,
        accepted_row_count: import.accepted_rows,
        rejected_row_count: import.rejected_rows,
        create_time: Some(time(import.created_at)),
        update_time: Some(time(import.updated_at)),
        done_lines: import.done_lines,
    }
}

pub(super) fn change(change: &Change, recorded_at: Timestamp) -> wire::Change {
    let fact = match &change.fact {
        Fact::Customer(fact) => wire::change::Fact::Customer(customer(fact)),
        Fact::Subscription(fact) => wire::change::Fact::Subscription(subscription(fact)),
        Fact::Bill(fact) => wire::change::Fact::Bill(bill(fact)),
        Fact::Usage(fact) => wire::change::Fact::UsageSummary(usage(fact)),
        Fact::Interaction(fact) => wire::change::Fact::Interaction(interaction(fact)),
        Fact::Consent(fact) => wire::change::Fact::Consent(consent(fact)),
        Fact::Erasure(customer, id) => wire::change::Fact::Erasure(wire::Erased {
            erasure_id: id.to_string(),
            customer_id: customer.to_string(),
        }),
        Fact::Removal(fact) => wire::change::Fact::Removal(super::reversal::removal(fact)),
        Fact::Complaint(fact) => wire::change::Fact::Complaint(complaint(fact)),
        Fact::Promise(fact) => wire::change::Fact::Promise(promise(fact)),
        Fact::Survey(fact) => wire::change::Fact::Survey(survey(fact)),
        Fact::Merge(fact) => wire::change::Fact::Merge(super::identity::show::merge(fact)),
        Fact::Relationship(_, fact) => {
            wire::change::Fact::Relationship(super::party::show::relationship(fact))
        }
        Fact::Account(fact) => wire::change::Fact::Account(super::account::account(fact)),
        Fact::Payment(_, fact) => {
            wire::change::Fact::AccountSubscription(super::account::payment(fact))
        }
        Fact::Group(fact) => wire::change::Fact::Group(super::group::membership(fact)),
        Fact::Lead(fact) => wire::change::Fact::Lead(super::lead::lead(fact)),
        Fact::Terms(fact) => wire::change::Fact::SubscriptionTerms(super::terms::terms(fact)),
        Fact::Signal(fact) => wire::change::Fact::LeavingSignal(super::terms::signal(fact)),
        Fact::Sim(fact) => wire::change::Fact::Resource(super::resource::sim(fact)),
        Fact::Profile(fact) => wire::change::Fact::ProfileClaim(super::profile::wire_claim(fact)),
        Fact::Party(fact) => wire::change::Fact::Party(super::party::show::party(fact)),
    };
    wire::Change {
        event_time: Some(time(change.event_at)),
        record_time: Some(time(recorded_at)),
        customer_id: change.fact.customer().to_string(),
        fact: Some(fact),
    }
}
