//! Who belongs together, what becomes of complaints, and how people leave.

use std::collections::HashSet;

use tenure_simulator::{
    COMPETITORS, ChurnKind, CustomerKind, Department, EMPLOYEE_CHANCE, Interaction, Operator,
    PORT_CHANCE, PROMISE_CHANCE, PROMISE_KEPT_CHANCE, REOPEN_CHANCE, Ticket,
};

use crate::{assert_binomial, life, operator};

#[test]
fn nobody_lives_in_two_households_and_every_payer_in_their_own() {
    let operator = operator(3, 5_003);
    let mut settled = HashSet::new();

    for household in operator.households() {
        assert!((2..=4).contains(&household.members.len()), "{household:?}");
        assert!(household.members.contains(&household.payer));
        let payer = operator.customer(household.payer);
        for member in &household.members {
            assert!(settled.insert(*member), "{member} lives twice");
            let member = operator.customer(*member);
            assert_eq!(member.kind, CustomerKind::Individual);
            assert!(member.birth_year_band >= payer.birth_year_band);
            assert!(member.index < 5_003);
        }
    }
    assert!(settled.len() > 2_000, "{} live with others", settled.len());
}

/// Only the last block knows how many customers there are.
#[test]
fn a_bigger_operator_has_the_same_households_and_companies() {
    let (small, big) = (operator(3, 800), operator(3, 8_000));

    let households: Vec<_> = big.households().collect();
    assert!(small.households().all(|it| households.contains(&it)));
    let companies: Vec<_> = big.companies().collect();
    assert!(small.companies().all(|it| companies.contains(&it)));
}

#[test]
fn individuals_beside_a_company_work_there_as_often_as_is_stated() {
    let operator = operator(4, 8_000);
    let companies: Vec<_> = operator.companies().collect();
    let organisations = (operator.customers()).filter(|it| it.kind == CustomerKind::Organisation);
    assert_eq!(companies.len(), organisations.count());

    let employed = companies.iter().flat_map(|company| &company.employees);
    let distinct: HashSet<_> = employed.clone().collect();
    assert_eq!(distinct.len(), employed.count(), "nobody works twice");
    let blocks: HashSet<_> = companies.iter().map(|it| it.organisation / 8).collect();
    let beside = operator
        .customers()
        .filter(|it| it.kind == CustomerKind::Individual && blocks.contains(&(it.index / 8)));
    assert_binomial(
        "employees",
        distinct.len(),
        &vec![EMPLOYEE_CHANCE; beside.count()],
    );
}

fn complaints(operator: &Operator) -> Vec<(Interaction, Ticket)> {
    let months = (0..operator.config().customers).flat_map(|index| life(operator, index));
    let complaints = months.filter_map(|month| month.complaint);
    complaints
        .map(|complaint| (complaint, operator.ticket(&complaint).unwrap()))
        .collect()
}

#[test]
fn a_ticket_is_in_somebodys_hands_from_the_complaint_to_its_solution() {
    for (complaint, ticket) in complaints(&operator(5, 1_500)) {
        let mut expected = complaint.at;
        for step in &ticket.steps {
            if Some(step.begun_at) == ticket.reopened_at {
                assert!(step.begun_at > expected, "{ticket:?}");
                assert_eq!(step.department, Department::Care);
            } else {
                assert_eq!(step.begun_at, expected, "{ticket:?}");
            }
            assert!(step.ended_at > step.begun_at);
            let promised = step.promised_until.since(step.begun_at);
            assert_eq!(promised, step.department.promised());
            expected = step.ended_at;
        }
        assert_eq!(ticket.resolved_at(), expected);
        assert!((1..=3).contains(&ticket.severity));
    }
}

/// The share that is late: the logarithm of the pace, a sum of four uniform numbers scaled to
/// variance 0.36 around -0.5, exceeds 0 where the sum exceeds its mean by 0.5 / 0.6 deviations. With
/// u the sum of four numbers in 0..1 (variance 1/3), that is u > 2 + (5/6) / sqrt(3) = 2.4811; the
/// Irwin-Hall distribution of four gives P(u > x) = ((4 - x)^4 - 4 (3 - x)^4) / 24 for 2 <= x <= 3.
#[test]
fn steps_are_late_tickets_return_and_promises_are_kept_as_often_as_is_stated() {
    let x = 2.0 + 5.0 / 6.0 / 3.0_f64.sqrt();
    let late = ((4.0 - x).powi(4) - 4.0 * (3.0 - x).powi(4)) / 24.0;
    let tickets = complaints(&operator(6, 6_000));

    let steps: Vec<_> = tickets.iter().flat_map(|(_, it)| &it.steps).collect();
    let found = steps.iter().filter(|step| step.is_late()).count();
    assert_binomial("late steps", found, &vec![late; steps.len()]);
    let found = tickets.iter().filter(|(_, it)| it.reopened_at.is_some());
    assert_binomial(
        "returns",
        found.count(),
        &vec![REOPEN_CHANCE; tickets.len()],
    );
    let callbacks: Vec<_> = tickets.iter().filter_map(|(_, it)| it.callback).collect();
    let chances = vec![PROMISE_CHANCE; tickets.len()];
    assert_binomial("promises", callbacks.len(), &chances);
    let kept = callbacks.iter().filter(|it| it.kept_at <= it.due_at);
    let chances = vec![PROMISE_KEPT_CHANCE; callbacks.len()];
    assert_binomial("kept promises", kept.count(), &chances);
}

#[test]
fn leavers_give_notice_and_take_their_number_to_a_competitor_as_often_as_is_stated() {
    let operator = operator(7, 6_000);
    let (mut portable, mut ported) = (0, 0);

    for customer in operator.customers() {
        let months = life(&operator, customer.index);
        let Some(end) = months.last().and_then(|month| month.termination) else {
            continue;
        };
        let Some(departure) = operator.departure(&customer, &end) else {
            assert_eq!(end.kind, ChurnKind::PassiveArrears);
            continue;
        };
        assert!(departure.notice_at < end.at && departure.notice_at >= customer.joined_at);
        let is_rivals = end.kind == ChurnKind::Competitor;
        assert_eq!(departure.competitor.is_some(), is_rivals);
        let known = |name| COMPETITORS.iter().any(|(rival, _)| *rival == name);
        assert!(departure.competitor.is_none_or(known));
        assert!(!departure.is_ported() || (is_rivals && customer.is_portable));
        portable += usize::from(is_rivals && customer.is_portable);
        ported += usize::from(departure.is_ported());
    }

    assert_binomial("ported", ported, &vec![PORT_CHANCE; portable]);
}
