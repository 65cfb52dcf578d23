//! The rule of the ledger, against a naive model and by the cases that it is for.

use proptest::prelude::*;

use super::*;
use ConsentStatus::{Granted, Refused, Withdrawn};

const EMAIL: Option<Channel> = Some(Channel::Email);
const SMS: Option<Channel> = Some(Channel::Sms);

fn at(instant: i64) -> Timestamp {
    Timestamp::from_micros(instant)
}

fn scope(channel: Option<Channel>, contact_point: &str) -> Scope {
    Scope {
        channel,
        contact_point: ContactPoint::parse(contact_point).unwrap(),
    }
}

/// A record that was recorded as soon as it was said, and holds for ever.
fn said(from: i64, scope: Scope, status: ConsentStatus) -> Consent {
    Consent {
        id: Uuid::nil(),
        customer: CustomerId::parse("ada").unwrap(),
        purpose: ConsentPurpose::Marketing,
        scope,
        status,
        legal_basis: None,
        text_version: String::new(),
        source: "test".into(),
        actor: String::new(),
        valid_from: at(from),
        valid_until: Timestamp::MAX,
        recorded_at: at(from),
    }
}

fn asked(instant: i64, scope: Scope) -> Question {
    Question {
        purpose: ConsentPurpose::Marketing,
        scope,
        at: at(instant),
        known_at: Timestamp::MAX,
    }
}

fn allowed(records: &[Consent], instant: i64, scope: Scope) -> bool {
    decide(records, &asked(instant, scope)).is_allowed()
}

#[test]
fn silence_is_no_consent() {
    assert_eq!(decide(&[], &asked(1, Scope::default())), Decision::Silent);
}

#[test]
fn the_narrower_record_decides() {
    let records = [
        said(1, Scope::default(), Granted),
        said(2, scope(EMAIL, ""), Refused),
        said(3, scope(EMAIL, "a@x"), Granted),
    ];
    assert!(allowed(&records, 9, scope(SMS, "")));
    assert!(!allowed(&records, 9, scope(EMAIL, "b@x")));
    assert!(allowed(&records, 9, scope(EMAIL, " A@x ")));
    assert!(allowed(&records, 9, Scope::default()));
}

#[test]
fn a_later_no_for_everything_ends_a_narrower_yes_and_a_later_yes_does_not_end_a_narrower_no() {
    let withdrawn = [
        said(1, scope(EMAIL, ""), Granted),
        said(2, Scope::default(), Withdrawn),
    ];
    assert!(allowed(&withdrawn, 1, scope(EMAIL, "")));
    assert!(!allowed(&withdrawn, 2, scope(EMAIL, "")));

    let granted = [
        said(1, scope(EMAIL, ""), Refused),
        said(2, Scope::default(), Granted),
    ];
    assert!(!allowed(&granted, 2, scope(EMAIL, "")));
    assert!(allowed(&granted, 2, scope(SMS, "")));
}

#[test]
fn what_is_recorded_late_does_not_overwrite_what_was_said_later() {
    let mut late = said(1, Scope::default(), Granted);
    late.recorded_at = at(100);
    let records = [said(2, Scope::default(), Withdrawn), late];

    assert!(!allowed(&records, 3, Scope::default()));
    assert!(allowed(&records, 1, Scope::default()));
}

#[test]
fn what_was_known_then_stays_answerable() {
    let mut late = said(1, Scope::default(), Granted);
    late.recorded_at = at(100);
    let question = Question {
        known_at: at(99),
        ..asked(50, Scope::default())
    };
    assert_eq!(decide([&late], &question), Decision::Silent);
}

#[test]
fn what_expired_says_nothing_and_brings_nothing_back() {
    let mut short = said(2, Scope::default(), Granted);
    short.valid_until = at(5);
    let records = [said(1, Scope::default(), Granted), short.clone()];

    assert!(allowed(&records, 4, Scope::default()));
    let over = asked(5, Scope::default());
    assert_eq!(decide(&records, &over), Decision::Expired(&short));
}

#[test]
fn a_contact_point_is_not_shown() {
    let point = ContactPoint::parse("a@example.org").unwrap().unwrap();
    assert_eq!(format!("{point:?}"), "ContactPoint(..)");
}

/// The rule in words, with a loop for each quantifier.
fn naively_allowed(records: &[Consent], question: &Question) -> bool {
    let counts = |r: &Consent| {
        let channel = r.scope.channel;
        let point = &r.scope.contact_point;
        r.purpose == question.purpose
            && (channel.is_none() || channel == question.scope.channel)
            && (point.is_none() || *point == question.scope.contact_point)
            && r.valid_from <= question.at
            && r.recorded_at <= question.known_at
    };
    let later = |a: &Consent, b: &Consent| {
        a.valid_from > b.valid_from
            || (a.valid_from == b.valid_from && a.recorded_at > b.recorded_at)
    };
    let narrower = |a: &Consent, b: &Consent| {
        let parts = |r: &Consent| (r.scope.contact_point.is_some(), r.scope.channel.is_some());
        parts(a) > parts(b)
    };
    let speaks = |r: &Consent| {
        let mut replaced = records.iter().filter(|other| counts(other));
        counts(r)
            && !replaced.any(|other| other.scope == r.scope && later(other, r))
            && r.valid_until > question.at
    };
    let yes = |r: &Consent| r.status == Granted;
    records.iter().any(|r| {
        speaks(r)
            && yes(r)
            && !records.iter().any(|o| speaks(o) && narrower(o, r))
            && !records.iter().any(|o| speaks(o) && !yes(o) && later(o, r))
    })
}

prop_compose! {
    fn any_record()(
        from in 0..8_i64, lasts in prop::option::of(1..6_i64), channel in 0..3_usize,
        point in 0..3_usize, status in 0..3_usize, research in prop::bool::weighted(0.1),
        delay in 0..4_i64,
    ) -> (Consent, i64) {
        let scope = scope([None, EMAIL, SMS][channel], ["", "a@x", "b@x"][point]);
        let mut record = said(from, scope, [Granted, Refused, Withdrawn][status]);
        record.valid_until = lasts.map_or(Timestamp::MAX, |lasts| at(from + lasts));
        if research {
            record.purpose = ConsentPurpose::Research;
        }
        (record, delay)
    }
}

proptest! {
    #[test]
    fn the_rule_is_the_one_in_words(
        drawn in prop::collection::vec(any_record(), 0..12),
        instant in 0..16_i64, known in 0..80_i64, channel in 0..3_usize, point in 0..3_usize,
    ) {
        // No two records of a customer are recorded at one instant.
        let mut clock = 0;
        let mut records = Vec::new();
        for (mut record, delay) in drawn {
            clock += 1 + delay;
            record.recorded_at = at(clock);
            records.push(record);
        }
        let question = Question {
            known_at: at(known),
            ..asked(instant, scope([None, EMAIL, SMS][channel], ["", "a@x", "b@x"][point]))
        };

        let decided = decide(&records, &question).is_allowed();

        prop_assert_eq!(decided, naively_allowed(&records, &question));
        let backwards: Vec<_> = records.iter().rev().collect();
        prop_assert_eq!(decide(backwards, &question).is_allowed(), decided);
    }
}
