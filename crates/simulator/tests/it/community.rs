//! Who belongs together, what becomes of complaints, and how people leave.

use std::collections::HashSet;

use tenure_simulator::{
    ANSWER_CHANCE, COMPETITORS, ChurnKind, CustomerKind, Department, EMPLOYEE_CHANCE, Interaction,
    LOST_LEAD_CHANCE, MARKETING_CHANCE, Operator, PORT_CHANCE, PROFILING_CHANCE, PROMISE_CHANCE,
    PROMISE_KEPT_CHANCE, REOPEN_CHANCE, Ticket, WITHDRAWAL_CHANCE, exchange_key,
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

#[test]
fn a_port_out_has_its_signs_before_it_and_in_order() {
    let operator = operator(8, 4_000);
    let mut ported = 0;

    for customer in operator.customers() {
        let months = life(&operator, customer.index);
        let Some(end) = months.last().and_then(|month| month.termination) else {
            continue;
        };
        let Some(departure) = operator.departure(&customer, &end) else {
            continue;
        };
        assert_eq!(departure.rival_asked_at.is_some(), departure.is_ported());
        if let (Some(asked), Some(rival)) = (departure.port_asked_at, departure.rival_asked_at) {
            assert!(departure.notice_at <= asked && asked <= rival && rival < end.at);
            ported += 1;
        }
    }

    assert!(ported > 50, "{ported} numbers were ported");
}

/// Blocks are never torn, so that a household is served by one exchange.
#[test]
fn a_household_and_a_company_are_served_by_one_exchange() {
    let operator = operator(3, 5_003);

    for household in operator.households() {
        let served = household.members.iter().map(|it| exchange_key(*it));
        assert_eq!(served.collect::<HashSet<_>>().len(), 1, "{household:?}");
    }
    for company in operator.companies() {
        let own = exchange_key(company.organisation);
        assert!(company.employees.iter().all(|it| exchange_key(*it) == own));
    }
}

#[test]
fn all_who_join_were_leads_in_order_and_some_leads_are_lost_as_often_as_is_stated() {
    let operator = operator(9, 6_000);
    let start = operator.month_start(0);
    let (mut joiners, mut lost) = (0, 0);
    let mut keys = HashSet::new();

    for customer in operator.customers() {
        let leads = operator.leads(&customer);
        assert_eq!(leads.is_empty(), customer.join_month < 0);
        for lead in &leads {
            assert!(keys.insert(lead.key.clone()), "{} twice", lead.key);
            let course = [
                lead.asked_at,
                lead.contacted_at,
                lead.qualified_at,
                lead.decided_at,
            ];
            assert!(course.is_sorted() && course[0] >= start, "{lead:?}");
            let is_own = lead.prospect == customer.key();
            assert_eq!(is_own, lead.lost_reason.is_none());
            assert!(!is_own || lead.decided_at == customer.joined_at);
        }
        joiners += usize::from(!leads.is_empty());
        lost += leads.len().saturating_sub(1);
    }

    assert_binomial("lost leads", lost, &vec![LOST_LEAD_CHANCE; joiners]);
}

#[test]
fn consents_are_given_and_taken_back_as_often_as_is_stated() {
    let operator = operator(10, 6_000);
    let said: Vec<_> = (operator.customers())
        .map(|customer| (customer.joined_at, operator.consents(&customer)))
        .collect();

    let agreed: Vec<_> = said.iter().filter(|(_, it)| it.marketing).collect();
    assert_binomial("offers", agreed.len(), &vec![MARKETING_CHANCE; said.len()]);
    let profiled = said.iter().filter(|(_, it)| it.profiling).count();
    assert_binomial("profiles", profiled, &vec![PROFILING_CHANCE; said.len()]);
    let withdrawn = agreed.iter().filter(|(_, it)| it.withdrawn_at.is_some());
    let chances = vec![WITHDRAWAL_CHANCE; agreed.len()];
    assert_binomial("withdrawals", withdrawn.count(), &chances);
    for (joined_at, consents) in &said {
        assert_eq!(consents.said_at, *joined_at);
        assert!(consents.withdrawn_at.is_none_or(|at| at > *joined_at));
        assert!(consents.marketing || consents.withdrawn_at.is_none());
    }
}

#[test]
fn surveys_come_after_the_solution_and_delays_cost_their_grades() {
    let operator = operator(11, 6_000);
    let complaints = complaints(&operator);
    let mut answered = 0;

    for (complaint, ticket) in &complaints {
        let Some(survey) = operator.survey(complaint, ticket) else {
            continue;
        };
        answered += 1;
        let after = survey.at.since(ticket.resolved_at()).as_days();
        assert!((1.0..=3.0).contains(&after), "after {after} days");
        assert!(survey.nps <= 10);
        assert!((1..=7).contains(&survey.reliability));
        assert!((1..=7).contains(&survey.responsiveness));
        let late = ticket.steps.iter().filter(|step| step.is_late()).count();
        // At most 10 less two for each late step, at least 3 less where nothing else went wrong.
        assert!(usize::from(survey.nps) <= 10_usize.saturating_sub(2 * late));
        let is_smooth = late == 0 && ticket.reopened_at.is_none() && ticket.callback.is_none();
        assert!(!is_smooth || survey.nps >= 7, "{survey:?}");
    }

    assert_binomial("answers", answered, &vec![ANSWER_CHANCE; complaints.len()]);
}

#[test]
fn every_mobile_line_has_a_sim_of_its_own() {
    let operator = operator(3, 3_000);
    let mut seen = HashSet::new();

    for subscription in operator
        .customers()
        .flat_map(|it| it.subscriptions().collect::<Vec<_>>())
    {
        assert_eq!(subscription.iccid.is_some(), subscription.msisdn.is_some());
        if let Some(iccid) = subscription.iccid {
            assert!((18..=20).contains(&iccid.len()) && iccid.starts_with("89"));
            assert!(iccid.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(seen.insert(iccid), "two lines have one SIM");
        }
    }
}
