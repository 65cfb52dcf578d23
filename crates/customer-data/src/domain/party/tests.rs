//! Statuses and contact media of one party.

use super::*;
use CustomerStatus::{Active, Closed, Deceased, Initialized, Validated};

fn at(instant: i64) -> Timestamp {
    Timestamp::from_micros(instant)
}

fn party() -> Party {
    Party {
        customer: CustomerId::parse("C1").unwrap(),
        status: None,
        name: PartyName::default(),
        media: Vec::new(),
    }
}

fn mail(id: &str, is_preferred: bool) -> ContactMedium {
    ContactMedium {
        id: MediumId::parse(id).unwrap(),
        reach: Reach::Email(EmailAddress::parse("a@b").unwrap()),
        is_preferred,
        valid: Interval::new(at(0), Some(at(10))).unwrap(),
    }
}

#[test]
fn only_these_steps_lead_from_status_to_status() {
    let steps = [
        (Initialized, vec![Validated, Active, Closed, Deceased]),
        (Validated, vec![Active, Closed, Deceased]),
        (Active, vec![Closed, Deceased]),
        (Closed, vec![Active, Deceased]),
        (Deceased, vec![Validated]),
    ];
    for (from, allowed) in steps {
        for to in CustomerStatus::ALL.iter().copied().filter(|to| *to != from) {
            let mut party = party();
            let kind = CustomerKind::Individual;
            party
                .change_status(kind, from, String::new(), at(1))
                .unwrap();

            let changed = party.change_status(kind, to, String::new(), at(2));

            assert_eq!(changed.is_ok(), allowed.contains(&to), "{from:?} to {to:?}");
        }
    }
}

#[test]
fn a_status_ends_when_the_next_begins_and_an_equal_one_changes_nothing() {
    let mut party = party();
    let kind = CustomerKind::Organisation;
    let first = party
        .change_status(kind, Active, "NEW".into(), at(5))
        .unwrap()
        .unwrap();
    assert!(first.0.is_none());
    let same = party
        .change_status(kind, Active, "NEW".into(), at(7))
        .unwrap();
    assert_eq!(same, None);

    let (ended, begun) = party
        .change_status(kind, Closed, String::new(), at(8))
        .unwrap()
        .unwrap();

    assert_eq!(
        ended.unwrap().valid,
        Interval::new(at(5), Some(at(8))).unwrap()
    );
    assert_eq!(begun.valid, Interval::new(at(8), None).unwrap());
    let early = party
        .change_status(kind, Active, String::new(), at(8))
        .unwrap_err();
    assert_eq!(early.field, "from_time");
    let dead = party
        .clone()
        .change_status(kind, Deceased, String::new(), at(9));
    assert_eq!(dead.unwrap_err().field, "status");
}

#[test]
fn one_medium_of_a_kind_is_preferred() {
    let mut party = party();
    party.put_medium(mail("b", true)).unwrap();
    let changed = party.put_medium(mail("a", true)).unwrap();
    let ids: Vec<_> = changed.iter().map(|medium| medium.id.as_str()).collect();
    assert_eq!(ids, ["b", "a"]);
    let preferred: Vec<_> = party
        .media
        .iter()
        .map(|medium| medium.is_preferred)
        .collect();
    assert_eq!(preferred, [true, false]);
    assert!(party.put_medium(mail("a", true)).unwrap().is_empty());
    assert!(party.clone().at(at(10)).media.is_empty());

    for n in 2..MEDIA_MAX {
        party.put_medium(mail(&format!("m{n}"), false)).unwrap();
    }
    assert!(party.put_medium(mail("one-more", false)).is_err());
}

#[test]
fn an_email_address_has_one_at_between_two_parts_and_is_not_shown() {
    assert!(EmailAddress::parse("ada@example.org").is_ok());
    let long = format!("a@{}", "b".repeat(253));
    for text in ["", "@b", "a@", "a@b@c", "a b@c", "ab", &long] {
        assert!(EmailAddress::parse(text).is_err(), "{text}");
    }
    let shown = format!("{:?}", mail("a", false).reach);
    assert_eq!(shown, "Email(EmailAddress(..))");
}
