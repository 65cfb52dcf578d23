//! Parties and relationships to the wire.

use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::time;

use crate::domain::party::{ContactMedium, Party, PostalAddress, Reach, Status};
use crate::domain::relationship::Relationship;

pub(in crate::api) fn party(party: &Party) -> wire::Party {
    let name = &party.name;
    wire::Party {
        customer_id: party.customer.to_string(),
        status: party.status.as_ref().map(status),
        name: (!name.is_empty()).then(|| wire::PartyName {
            title: name.title.clone(),
            given_name: name.given_name.clone(),
            middle_name: name.middle_name.clone(),
            family_name: name.family_name.clone(),
            legal_name: name.legal_name.clone(),
        }),
        contact_media: party.media.iter().map(medium).collect(),
    }
}

pub(super) fn status(status: &Status) -> wire::StatusPeriod {
    wire::StatusPeriod {
        status: status.status.number(),
        reason: status.reason.clone(),
        from_time: Some(time(status.valid.from())),
        until_time: status.valid.end().map(time),
    }
}

fn medium(medium: &ContactMedium) -> wire::ContactMedium {
    use wire::contact_medium::Value;
    let value = match &medium.reach {
        Reach::Phone(number) => Value::PhoneNumber(number.as_str().to_owned()),
        Reach::Email(address) => Value::EmailAddress(address.as_str().to_owned()),
        Reach::Post(at) => Value::PostalAddress(address(at)),
    };
    wire::ContactMedium {
        medium_id: medium.id.to_string(),
        value: Some(value),
        preferred: medium.is_preferred,
        from_time: Some(time(medium.valid.from())),
        until_time: medium.valid.end().map(time),
    }
}

fn address(at: &PostalAddress) -> wire::PostalAddress {
    wire::PostalAddress {
        street: at.street.clone(),
        postal_code: at.postal_code.clone(),
        city: at.city.clone(),
        region: at.region.clone(),
        country_code: at.country_code.clone(),
    }
}

pub(in crate::api) fn relationship(it: &Relationship) -> wire::Relationship {
    wire::Relationship {
        relationship_id: it.id.to_string(),
        kind: it.kind.number(),
        from_customer_id: it.first.to_string(),
        to_customer_id: it.second.to_string(),
        role: it.role.clone(),
        from_time: Some(time(it.valid.from())),
        until_time: it.valid.end().map(time),
        create_time: Some(time(it.created_at)),
        update_time: Some(time(it.updated_at)),
    }
}
