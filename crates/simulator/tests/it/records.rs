//! Usage, bills, interactions and answers agree with each other and with what happens next.

use std::collections::BTreeSet;

use tenure_simulator::{
    ChurnKind, CustomerMonth, EnquiryTopic, InteractionKind, ResponseKind, Treatments,
};

use crate::{assert_binomial, life, nobody, operator, share};

#[test]
fn whatever_happens_in_a_month_is_dated_within_it() {
    let operator = operator(1, 2_000);
    let treatments = (0..2_000).fold(Treatments::none(), |t, i| t.with_contact(i, i % 24));

    for record in (0..2_000).flat_map(|i| operator.life(i, &treatments)) {
        let month = operator.month_start(record.month)..operator.month_start(record.month + 1);
        let until = record.termination.map_or(month.end, |end| end.at);
        assert!(
            record.joined_at.is_none_or(|at| month.contains(&at)),
            "{record:?}"
        );
        assert!(
            record.termination.is_none_or(|end| month.contains(&end.at)),
            "{record:?}"
        );
        assert!(
            record
                .response
                .is_none_or(|r| month.contains(&r.at) && r.at < until),
            "{record:?}"
        );
        for interaction in record.interactions() {
            let from = record.joined_at.unwrap_or(month.start);
            assert!(
                interaction.at >= from && interaction.at <= until,
                "{record:?}"
            );
        }
        if let Some(bill) = record.bill {
            assert!(month.contains(&bill.issued_at) && bill.issued_at < bill.due_at);
            assert_eq!(bill.period_start.plus_months(1), month.start);
            assert!(
                bill.settled_at
                    .is_none_or(|at| at > bill.issued_at && month.contains(&at))
            );
        }
    }
}

/// A naive ledger: bills in, settlements out. What is left must explain passive churn.
#[test]
fn settlements_pay_each_bill_once_and_three_unpaid_bills_end_the_relationship() {
    let operator = operator(2, 4_000);
    let mut ended_passively = 0;

    for index in 0..4_000 {
        let mut unpaid = BTreeSet::new();
        let joined_later = operator.customer(index).join_month >= 0;
        for record in operator.life(index, &nobody()) {
            unpaid.extend(record.bill.map(|bill| bill.key()));
            for settlement in record.settlements() {
                assert!(unpaid.remove(&settlement.bill_key()), "{record:?}");
            }
            assert!(
                record
                    .bill
                    .is_none_or(|b| b.settled_at.is_none() || unpaid.is_empty())
            );
            let is_voluntary = record
                .termination
                .is_some_and(|end| end.kind.is_voluntary());
            let is_passive = record.termination.is_some() && !is_voluntary;
            // Those who were there before the first month may owe bills from before it.
            assert!(unpaid.len() <= 3);
            assert!(!joined_later || is_voluntary || is_passive == (unpaid.len() == 3));
            assert!(!is_passive || unpaid.len() >= 2);
            ended_passively += usize::from(is_passive);
        }
    }

    assert!(
        ended_passively > 20,
        "{ended_passively} of 4,000 left for arrears"
    );
}

#[test]
fn a_bill_is_the_price_of_the_month_before_and_what_went_beyond_the_plan() {
    let operator = operator(3, 2_000);

    for index in 0..2_000 {
        let customer = operator.customer(index);
        let months = life(&operator, index);
        for pair in months.windows(2) {
            let (used, bill) = (&pair[0].usage, pair[1].bill.unwrap());
            let minutes = used
                .voice_minutes
                .saturating_sub(customer.plan.voice_minutes);
            let megabytes = used.data_mb.saturating_sub(customer.plan.data_mb);
            let beyond = i64::from(minutes) * 5 + i64::from(megabytes.div_ceil(1_000)) * 150;
            let expected = customer.monthly_price_minor() + beyond.min(3_000);
            if pair[0].joined_at.is_none() {
                assert_eq!(bill.amount.minor, expected, "{bill:?}");
            } else {
                assert!(bill.amount.minor <= expected, "{bill:?}");
            }
        }
    }
}

fn data_between(months: &[CustomerMonth], from: usize, until: usize) -> f64 {
    months[from..until]
        .iter()
        .map(|m| f64::from(m.usage.data_mb))
        .sum()
}

#[test]
fn usage_falls_in_the_months_before_voluntary_churn_and_not_otherwise() {
    let operator = operator(4, 30_000);
    let (mut leaving, mut staying) = ([0.0; 2], [0.0; 2]);

    for index in 0..30_000 {
        let months = life(&operator, index);
        // Beyond the growth of the first months; the last month is a part of one.
        let Some(at) = months.len().checked_sub(1).filter(|n| *n >= 10) else {
            continue;
        };
        if months[at].tenure_months < 22 {
            continue;
        }
        let leaves = months[at]
            .termination
            .is_some_and(|end| end.kind.is_voluntary());
        let sums = if leaves { &mut leaving } else { &mut staying };
        sums[0] += data_between(&months, at - 9, at - 6);
        sums[1] += data_between(&months, at - 3, at);
    }

    // The model takes 28 % after three months of decline and 49 % after five; most leavers
    // decline. Seasons move the mean of three months by less than a tenth.
    assert!(leaving[1] / leaving[0] < 0.85, "{leaving:?}");
    assert!((staying[1] / staying[0] - 1.0).abs() < 0.15, "{staying:?}");
    assert!(leaving[1] / leaving[0] < staying[1] / staying[0] - 0.1);
}

#[test]
fn usage_grows_in_the_first_months() {
    let operator = operator(5, 20_000);
    let mut by_tenure = [(0.0, 0.0); 12];

    for record in (0..20_000).flat_map(|i| operator.life(i, &nobody())) {
        let is_whole = record.joined_at.is_none() && record.termination.is_none();
        if let Some(sum) = by_tenure
            .get_mut(record.tenure_months as usize)
            .filter(|_| is_whole)
        {
            sum.0 += f64::from(record.usage.voice_minutes);
            sum.1 += 1.0;
        }
    }

    // The model: 60 % of the mature level in month 1, 95 % in month 8, less a few who decline.
    let mean = |tenure: usize| by_tenure[tenure].0 / by_tenure[tenure].1;
    assert!(mean(8) / mean(1) > 1.35, "{by_tenure:?}");
}

#[test]
fn complaints_are_more_frequent_before_voluntary_churn() {
    let operator = operator(6, 20_000);
    let (mut before, mut otherwise) = (Vec::new(), Vec::new());

    for index in 0..20_000 {
        let months = life(&operator, index);
        let leaves = months
            .last()
            .and_then(|last| last.termination)
            .is_some_and(|end| end.kind.is_voluntary());
        for (back, record) in months.iter().rev().enumerate() {
            let list = if leaves && (1..=3).contains(&back) {
                &mut before
            } else {
                &mut otherwise
            };
            list.push(record.complaint.is_some());
        }
    }

    let (before, otherwise) = (share(before), share(otherwise));
    assert!(before > 1.5 * otherwise, "{before} against {otherwise}");
}

#[test]
fn answers_come_as_often_as_their_probabilities_say() {
    let operator = operator(7, 10_000);
    let treatments = (0..10_000).fold(Treatments::none(), |t, i| t.with_contact(i, 6));
    let mut answers = Vec::new();

    for index in 0..10_000 {
        let answer = operator
            .life(index, &treatments)
            .find_map(|record| record.response);
        let probability = operator.customer(index).response_probability();
        let sum = probability.accepted + probability.declined + probability.no_answer;
        assert!((sum - 1.0_f64).abs() < 1e-12);
        answers.extend(answer.map(|answer| (answer.kind, probability)));
    }

    let count = |kind| answers.iter().filter(|(answer, _)| *answer == kind).count();
    let accepted: Vec<_> = answers.iter().map(|(_, p)| p.accepted).collect();
    let declined: Vec<_> = answers.iter().map(|(_, p)| p.declined).collect();
    assert!(answers.len() > 5_000);
    assert_binomial("accepted", count(ResponseKind::Accepted), &accepted);
    assert_binomial("declined", count(ResponseKind::Declined), &declined);
}

#[test]
fn keys_of_bills_and_interactions_are_unique_and_name_their_customer() {
    let operator = operator(8, 1_000);
    let mut keys = BTreeSet::new();

    for record in (0..1_000).flat_map(|i| operator.life(i, &nobody())) {
        for key in record
            .interactions()
            .map(|i| i.key())
            .chain(record.bill.map(|b| b.key()))
        {
            assert_eq!(key[1..8], record.customer_key()[1..]);
            assert!(keys.insert(key));
        }
    }
}

#[test]
fn those_who_decline_ask_how_to_take_their_number_along() {
    let operator = operator(9, 20_000);
    let (mut before, mut otherwise) = (Vec::new(), Vec::new());

    for index in 0..20_000 {
        let months = life(&operator, index);
        let end = months.last().and_then(|last| last.termination);
        let leaves = end.is_some_and(|end| end.kind == ChurnKind::Competitor);
        for (back, record) in months.iter().rev().enumerate() {
            let topic = InteractionKind::Enquiry(EnquiryTopic::PortOut);
            let asks = record.enquiry.is_some_and(|enquiry| enquiry.kind == topic);
            if leaves && back < 3 {
                before.push(asks);
            } else {
                otherwise.push(asks);
            }
        }
    }

    let (before, otherwise) = (share(before), share(otherwise));
    assert!(before > 3.0 * otherwise, "{before} against {otherwise}");
}
