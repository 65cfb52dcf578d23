//! Tickets against a naive model: whatever is done to them, steps follow each other without gaps and
//! each promised time that passes is noted once.

use proptest::prelude::*;
use tenure_core::{DepartmentCode, PersonCode};

use super::words::{BreachKind, ResolutionState};
use super::*;

const HOUR: Span = Span::from_seconds(3_600);
const TERMS: Terms = Terms {
    resolution: Span::from_days(15),
    step: Span::from_days(1),
};

fn start() -> Timestamp {
    Timestamp::from_date(2024, 3, 1).unwrap()
}

fn hours(hours: i64) -> Timestamp {
    start() + Span::from_seconds(hours * 3_600)
}

fn staff(department: &str) -> StaffMember {
    StaffMember {
        department: DepartmentCode::parse(department).unwrap(),
        person: PersonCode::parse("p1").unwrap(),
    }
}

fn hand(department: &str, promised_until: Option<Timestamp>) -> Hand {
    Hand {
        owner: staff(department),
        promised_until,
        reason: String::new(),
    }
}

fn ticket(promised_until: Option<Timestamp>, expected_at: Option<Timestamp>) -> Complaint {
    let new = NewComplaint {
        id: ComplaintId::parse("T1").unwrap(),
        customer: CustomerId::parse("C1").unwrap(),
        kind: Kind::Complaint,
        severity: Severity::Minor,
        subject: "BILLING".into(),
        description: String::new(),
        subscription: None,
        channel: Channel::Store,
        expected_at,
    };
    Complaint::open(new, hand("desk", promised_until), TERMS, start()).unwrap()
}

fn to(complaint: &mut Complaint, state: State, at: i64) -> Result<Step, Refusal> {
    complaint.change_state(state, hand("desk", None), None, TERMS, hours(at))
}

fn note(complaint: &mut Complaint, now: Timestamp) -> Vec<Breach> {
    let mut noted = Vec::new();
    while complaint.note_breach(now) {
        noted.extend(complaint.last_breach.clone());
    }
    noted
}

#[test]
fn the_owner_of_the_time_that_passed_is_named_whoever_has_it_now() {
    let mut complaint = ticket(Some(hours(4)), None);
    note(&mut complaint, hours(3));
    assert_eq!(complaint.breach_count, 0);
    let noted = note(&mut complaint, hours(5));
    complaint
        .hand_over(hand("network", Some(hours(9))), hours(5))
        .unwrap();
    let more = note(&mut complaint, hours(9));

    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].kind, noted[0].step_number), (BreachKind::Step, 1));
    assert_eq!(
        (&noted[0].owner, noted[0].promised_until),
        (&staff("desk"), hours(4))
    );
    assert_eq!(more, [], "at the promised instant there is still time");
    assert_eq!(complaint.step.owner, staff("network"));
}

#[test]
fn what_is_not_promised_follows_from_the_terms_and_never_lies_behind() {
    let mut complaint = ticket(None, Some(hours(30)));
    assert_eq!(complaint.step.promised_until, Some(hours(24)));
    // The same owner goes on with what they promised.
    to(&mut complaint, State::InProgress, 10).unwrap();
    assert_eq!(complaint.step.promised_until, Some(hours(24)));
    // Another has a day, but not more than the customer was told for the whole.
    let other = hand("network", None);
    complaint
        .change_state(State::Pending, other, None, TERMS, hours(20))
        .unwrap();
    assert_eq!(complaint.step.promised_until, Some(hours(30)));
    // Where that has passed, a day is a day.
    to(&mut complaint, State::InProgress, 40).unwrap();
    assert_eq!(complaint.step.promised_until, Some(hours(64)));
    to(&mut complaint, State::Resolved, 41).unwrap();
    assert_eq!(complaint.step.promised_until, None);
}

#[test]
fn a_reopened_ticket_has_a_new_clock_for_the_whole() {
    let mut complaint = ticket(None, Some(hours(2)));
    to(&mut complaint, State::InProgress, 1).unwrap();
    assert_eq!(note(&mut complaint, hours(3)).len(), 2);
    to(&mut complaint, State::Resolved, 4).unwrap();
    assert_eq!(complaint.resolved_at, Some(hours(4)));
    assert_eq!(complaint.due_at(), None);

    to(&mut complaint, State::InProgress, 10).unwrap();

    assert_eq!((complaint.reopen_count, complaint.resolved_at), (1, None));
    assert_eq!(complaint.expected_at, hours(10) + TERMS.resolution);
    let later = complaint.expected_at + HOUR;
    let noted = note(&mut complaint, later);
    let kinds: Vec<_> = noted.iter().map(|breach| breach.kind).collect();
    assert_eq!(kinds, [BreachKind::Step, BreachKind::Resolution]);
    assert_eq!(complaint.breach_count, 4);
}

#[test]
fn times_that_mean_nothing_are_refused() {
    let mut complaint = ticket(None, None);
    let field = |refusal: Refusal| (refusal.reason, refusal.field);
    let invalid = |name: &str| (Reason::InvalidFields, name.to_owned());
    for promised in [None, Some(start()), Some(start() + Span::from_days(367))] {
        let refusal = complaint.hand_over(hand("network", promised), start());
        assert_eq!(field(refusal.unwrap_err()), invalid("promised_time"));
    }
    let at_the_end = hand("desk", Some(hours(5)));
    let refusal = complaint.change_state(State::Rejected, at_the_end, None, TERMS, start());
    assert_eq!(field(refusal.unwrap_err()), invalid("promised_time"));
    let expected = Some(hours(5));
    let (state, hand) = (State::InProgress, hand("desk", None));
    let refusal = complaint.change_state(state, hand, expected, TERMS, start());
    assert_eq!(
        field(refusal.unwrap_err()),
        invalid("expected_resolution_time")
    );
    assert_eq!(complaint, ticket(None, None), "a refusal changes nothing");
}

#[test]
fn a_proposal_is_answered_once() {
    let mut complaint = ticket(None, None);
    let what = || ("CREDIT".to_owned(), String::new());
    complaint.propose(what(), staff("desk"), hours(1)).unwrap();
    assert_eq!(
        complaint
            .answer(2, ResolutionState::Accepted, hours(2))
            .unwrap_err()
            .reason,
        Reason::ResolutionNotFound
    );
    assert!(
        complaint
            .answer(1, ResolutionState::Refused, hours(2))
            .unwrap()
    );
    assert!(
        !complaint
            .answer(1, ResolutionState::Refused, hours(3))
            .unwrap()
    );
    assert_eq!(complaint.resolutions[0].answered_at, Some(hours(2)));
    let otherwise = complaint
        .answer(1, ResolutionState::Accepted, hours(3))
        .unwrap_err();
    assert_eq!(otherwise.reason, Reason::ResolutionAnswered);
    to(&mut complaint, State::Cancelled, 4).unwrap();
    let late = complaint
        .propose(what(), staff("desk"), hours(5))
        .unwrap_err();
    assert_eq!(late.reason, Reason::ComplaintStateForbids);
}

#[test]
fn lists_of_a_ticket_have_an_end() {
    let mut complaint = ticket(None, None);
    let notice = |at: i64| Notice {
        at: hours(at),
        channel: Channel::Sms,
        message: "RECEIVED".into(),
    };
    for at in (0..i64::from(NOTICES_MAX)).rev() {
        complaint.notify(notice(at), hours(99)).unwrap();
    }
    assert!(complaint.notices.is_sorted_by_key(|notice| notice.at));
    let reason = |refusal: Refusal| refusal.reason;
    let full = complaint.notify(notice(1), hours(99)).unwrap_err();
    assert_eq!(reason(full), Reason::ComplaintFull);
    let early = Notice {
        at: start() - HOUR,
        ..notice(0)
    };
    let early = complaint.notify(early, hours(99)).unwrap_err();
    assert_eq!(early.field, "notice_time");
    for _ in 0..RESOLUTIONS_MAX {
        let what = ("CREDIT".into(), String::new());
        complaint.propose(what, staff("desk"), hours(99)).unwrap();
    }
    let what = ("CREDIT".into(), String::new());
    let full = complaint
        .propose(what, staff("desk"), hours(99))
        .unwrap_err();
    assert_eq!(reason(full), Reason::ComplaintFull);
    for _ in 1..STEPS_MAX {
        complaint
            .hand_over(hand("desk", Some(hours(200))), hours(99))
            .unwrap();
    }
    let full = complaint.hand_over(hand("desk", Some(hours(200))), hours(99));
    assert_eq!(reason(full.unwrap_err()), Reason::ComplaintFull);
}

/// What is done after some hours: nothing but looking at the clock, a hand-over with a promise of
/// some hours, or a wish for a state.
#[derive(Debug, Clone)]
enum Act {
    Look,
    HandOver(i64),
    Move(State, Option<i64>),
}

fn act() -> impl Strategy<Value = (i64, Act)> {
    let state = prop::sample::select(State::ALL.to_vec());
    let what = prop_oneof![
        Just(Act::Look),
        (1..40_i64).prop_map(Act::HandOver),
        (state, prop::option::of(1..40_i64)).prop_map(|(state, until)| Act::Move(state, until)),
    ];
    (0..30_i64, what)
}

proptest! {
    #[test]
    fn steps_add_up_to_the_life_of_a_ticket_and_each_passing_is_noted_once(
        acts in prop::collection::vec(act(), 0..40),
        expected in 1..200_i64,
    ) {
        let mut complaint = ticket(Some(hours(8)), Some(hours(expected)));
        let mut ended: Vec<Step> = Vec::new();
        let mut noted: Vec<Breach> = Vec::new();
        // Naive: every clock of the whole that ever ran, with when it stopped.
        let mut wholes = vec![(hours(expected), None)];
        let mut reopened = 0;
        let mut now = 0;
        for (later, act) in acts {
            now += later;
            noted.extend(note(&mut complaint, hours(now)));
            let before = complaint.state();
            let done = match act {
                Act::Look => continue,
                Act::HandOver(until) => {
                    complaint.hand_over(hand("network", Some(hours(now + until))), hours(now))
                }
                Act::Move(state, until) => {
                    let until = until.filter(|_| !state.is_end());
                    let hand = hand("desk", until.map(|until| hours(now + until)));
                    complaint.change_state(state, hand, None, TERMS, hours(now))
                }
            };
            let Ok(step) = done else { continue };
            ended.push(step);
            let after = complaint.state();
            if before == State::Resolved && after == State::InProgress {
                reopened += 1;
                wholes.push((hours(now) + TERMS.resolution, None));
            } else if after != before && (after == State::Resolved || after.is_end()) {
                let whole = wholes.last_mut().unwrap();
                whole.1 = whole.1.or(Some(hours(now)));
            }
        }

        let last = complaint.step.clone();
        let is_over = last.state.is_end();
        let end = if is_over { last.begun_at } else { hours(now) };
        let mut steps = ended;
        steps.push(Step { ended_at: Some(end), ..last });
        let life: i64 = steps
            .iter()
            .map(|step| step.ended_at.unwrap().since(step.begun_at).as_micros())
            .sum();
        prop_assert_eq!(life, end.since(start()).as_micros());
        for pair in steps.windows(2) {
            prop_assert_eq!(pair[0].ended_at, Some(pair[1].begun_at));
            prop_assert_eq!(pair[0].number + 1, pair[1].number);
        }

        let is_late = |step: &&Step| step.promised_until.is_some_and(|it| it < step.ended_at.unwrap());
        let late: Vec<_> = steps.iter().filter(is_late).collect();
        let told: Vec<_> = noted.iter().filter(|it| it.kind == BreachKind::Step).collect();
        prop_assert_eq!(late.len(), told.len());
        for (step, breach) in late.iter().zip(&told) {
            prop_assert_eq!(&step.owner, &breach.owner);
            prop_assert_eq!(step.promised_until, Some(breach.promised_until));
            prop_assert!(step.breach_at.is_some());
        }
        let wholes = wholes.iter().filter(|(until, stopped)| *until < stopped.unwrap_or(hours(now)));
        prop_assert_eq!(wholes.count(), noted.len() - told.len());
        prop_assert_eq!(complaint.breach_count, i32::try_from(noted.len()).unwrap());
        prop_assert_eq!(complaint.reopen_count, reopened);
    }
}
