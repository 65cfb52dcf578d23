//! Bonus points that are owed: under which names they are booked, and when to try again.

use tenure_core::{CampaignId, CustomerId, Span};
use uuid::Uuid;

use super::contact::ContactId;

/// The namespace of request ids made from contact ids: every try for a contact carries the same one.
const NAMESPACE: Uuid = Uuid::from_u128(0x8c1d_2f6b_5a0e_4f57_9d83_1e5b_c7a4_6620);

/// The longest source that loyalty-points takes.
const SOURCE_LENGTH_MAX: usize = 128;

const BACKOFF_FIRST: Span = Span::from_seconds(1);
const BACKOFF_MAX: Span = Span::from_seconds(3_600);

/// Returns the request id under which the points of a contact are booked, in every try.
pub(crate) fn request_id(contact: ContactId) -> Uuid {
    Uuid::new_v5(&NAMESPACE, contact.as_uuid().as_bytes())
}

/// Returns what the points are for, as loyalty-points keeps it; it books each source once. Two keys
/// that are too long together are replaced by a hash of both.
pub(crate) fn source(campaign: &CampaignId, customer: &CustomerId) -> String {
    let source = format!("campaign/{campaign}/{customer}");
    if source.len() <= SOURCE_LENGTH_MAX {
        return source;
    }
    format!("campaign/{}", Uuid::new_v5(&NAMESPACE, source.as_bytes()))
}

/// Returns how long to wait after the try number `tried`, counted from 1: a second, doubling up to
/// an hour.
pub(crate) fn backoff(tried: i64) -> Span {
    let doublings = u32::try_from(tried.saturating_sub(1).clamp(0, 20)).unwrap_or(20);
    let wait = BACKOFF_FIRST.as_micros() << doublings;
    Span::from_micros(wait.min(BACKOFF_MAX.as_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_try_for_a_contact_carries_the_same_id() {
        let contact = ContactId::new(Uuid::from_u128(5), 1);
        let other = ContactId::new(Uuid::from_u128(5), 2);

        assert_eq!(request_id(contact), request_id(contact));
        assert_ne!(request_id(contact), request_id(other));
    }

    #[test]
    fn a_source_names_campaign_and_customer_and_is_never_too_long() {
        let source = |campaign: &str, customer: &str| {
            let campaign = CampaignId::parse(campaign).unwrap();
            source(&campaign, &CustomerId::parse(customer).unwrap())
        };
        let long = "x".repeat(64);

        assert_eq!(source("spring", "C1"), "campaign/spring/C1");
        assert!(source(&long, &long).len() <= SOURCE_LENGTH_MAX);
        assert_ne!(source(&long, &long), source(&long, &"y".repeat(64)));
    }

    #[test]
    fn tries_become_rarer_up_to_an_hour() {
        let seconds: Vec<_> = [1, 2, 3, 12, 13, 1_000]
            .map(|tried| backoff(tried).as_micros() / 1_000_000)
            .into();

        assert_eq!(seconds, [1, 2, 4, 2_048, 3_600, 3_600]);
    }
}
