//! What is called true is true: probabilities are hit, effects are what the lives show.

use tenure_core::hash::bucket;
use tenure_simulator::model::{Covariates, voluntary_log_odds};
use tenure_simulator::{Effect, Operator, Treatments, customer_key};

use crate::{assert_binomial, nobody, operator, share};

fn usual() -> Covariates {
    Covariates {
        tenure_months: 36,
        contract_remaining_months: 0,
        months_off_contract: None,
        complaints: 0,
        price_burden: 0.0,
        product_count: 1,
        usage_fall: 0.0,
        unpaid_bills: 0,
        is_portable: false,
        unhealth: 0.0,
        service_sensitivity: 0.0,
    }
}

/// Golden vector G7 of the requirements: tenure 1, 11, 12, 60, 61 months.
#[test]
fn hazard_is_higher_in_tenure_months_1_to_11_and_from_61_on() {
    let stable = voluntary_log_odds(&usual());
    let is_elevated = |tenure_months| {
        voluntary_log_odds(&Covariates {
            tenure_months,
            ..usual()
        }) > stable
    };

    assert_eq!(
        [1, 11, 12, 60, 61].map(is_elevated),
        [true, true, false, false, true]
    );
}

#[test]
fn more_leave_in_tenure_months_1_to_11_and_from_61_on() {
    let operator = operator(20, 30_000);
    let (mut early, mut stable, mut late) = (Vec::new(), Vec::new(), Vec::new());

    for record in (0..30_000).flat_map(|i| operator.life(i, &nobody())) {
        let leaves = record
            .termination
            .is_some_and(|end| end.kind.is_voluntary());
        match record.tenure_months {
            0 => assert!(!leaves, "left in the month of joining"),
            1..=11 => early.push(leaves),
            12..=60 => stable.push(leaves),
            61.. => late.push(leaves),
        }
    }

    let [early, stable, late] = [early, stable, late].map(share);
    assert!(early > 1.1 * stable, "{early} early, {stable} in between");
    assert!(late > 1.1 * stable, "{late} late, {stable} in between");
}

#[test]
fn each_covariate_moves_the_hazard_in_the_direction_the_requirements_name() {
    let stable = voluntary_log_odds(&usual());
    let change = |x: Covariates| voluntary_log_odds(&x) - stable;

    assert!(
        change(Covariates {
            contract_remaining_months: 6,
            ..usual()
        }) < 0.0
    );
    assert!(
        change(Covariates {
            product_count: 3,
            ..usual()
        }) < 0.0
    );
    assert!(
        change(Covariates {
            months_off_contract: Some(1),
            ..usual()
        }) > 0.0
    );
    assert!(
        change(Covariates {
            complaints: 1,
            ..usual()
        }) > 0.0
    );
    assert!(
        change(Covariates {
            price_burden: 1.0,
            ..usual()
        }) > 0.0
    );
    assert!(
        change(Covariates {
            usage_fall: 0.3,
            ..usual()
        }) > 0.0
    );
    assert!(
        change(Covariates {
            unpaid_bills: 2,
            ..usual()
        }) > 0.0
    );
    assert!(
        change(Covariates {
            is_portable: true,
            ..usual()
        }) > 0.0
    );
}

/// Returns (true probability, left) of voluntary churn within a horizon, the riskiest first.
fn predictions(operator: &Operator, month: u32, horizon: u32) -> Vec<(f64, bool)> {
    let mut rows = Vec::new();
    for index in 0..operator.config().customers {
        let Some(churn) = operator.true_probability(index, month, horizon, &nobody()) else {
            continue;
        };
        let last = operator.life(index, &nobody()).last().unwrap();
        let leaves = last.termination.is_some_and(|end| end.kind.is_voluntary());
        rows.push((churn.voluntary, leaves && last.month < month + horizon));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows
}

#[test]
fn customers_leave_as_often_as_their_true_probabilities_say_in_every_band_of_risk() {
    let operator = operator(21, 40_000);

    for horizon in [1, 3, 6] {
        let rows = predictions(&operator, 9, horizon);
        for (band, rows) in rows.chunks(rows.len().div_ceil(5)).enumerate() {
            let probabilities: Vec<_> = rows.iter().map(|row| row.0).collect();
            let left = rows.iter().filter(|row| row.1).count();
            let what = format!("fifth {band} of risk, {horizon} months");
            assert_binomial(&what, left, &probabilities);
        }
    }
}

#[test]
fn passive_churn_comes_as_often_as_its_true_probability_says() {
    let operator = operator(22, 30_000);
    let (mut left, mut probabilities) = (0, Vec::new());

    for index in 0..30_000 {
        if let Some(churn) = operator.true_probability(index, 9, 3, &nobody()) {
            let last = operator.life(index, &nobody()).last().unwrap();
            let is_passive = last.termination.is_some_and(|end| !end.kind.is_voluntary());
            left += usize::from(is_passive && last.month < 12);
            probabilities.push(churn.passive);
        }
    }

    assert_binomial("passive churn", left, &probabilities);
}

#[test]
fn a_fifth_to_a_quarter_leaves_in_a_year_and_risk_is_concentrated() {
    let operator = operator(23, 20_000);
    let nobody = nobody();
    let stepper = operator.stepper();
    let of = |horizon: u32| {
        let chance = |index| {
            stepper
                .true_probability(index, horizon, &nobody)
                .unwrap()
                .voluntary
        };
        stepper.active().map(chance).collect::<Vec<f64>>()
    };
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;

    let year = mean(&of(12));
    assert!((0.18..=0.28).contains(&year), "{year} leave in a year");

    let mut month = of(1);
    month.sort_by(|a, b| b.total_cmp(a));
    let lift = mean(&month[..month.len() / 10]) / mean(&month);
    assert!(lift > 3.0, "the top tenth has {lift} times the mean");
}

#[test]
fn the_true_hazard_is_the_one_that_a_month_begins_with() {
    let operator = operator(24, 300);
    let treatments = (0..300).fold(nobody(), |t, i| t.with_contact(i, 4).with_contact(i, 6));

    for record in (0..300).flat_map(|i| operator.life(i, &treatments)) {
        let truth = operator.true_hazard(record.index, record.month, &treatments);
        match truth {
            Some(hazard) => assert!((hazard - record.hazard).abs() < 1e-12),
            None => assert!(record.joined_at.is_some(), "{record:?}"),
        }
    }
}

#[test]
fn a_stepper_sees_the_same_truth_as_the_operator() {
    let operator = operator(25, 300);
    let treatments = (0..300).fold(nobody(), |t, i| t.with_contact(i, 2));
    let mut stepper = operator.stepper();
    for _ in 0..5 {
        assert!(stepper.step(&treatments).count() > 100);
    }

    for index in 0..300 {
        let stepped = stepper.true_probability(index, 4, &treatments);
        assert_eq!(stepped, operator.true_probability(index, 5, 4, &treatments));
        assert_eq!(
            stepped.is_some(),
            stepper.active().any(|active| active == index)
        );
    }
}

#[test]
fn the_effect_of_a_contact_is_what_the_lives_with_and_without_it_show() {
    let operator = operator(26, 6_000);
    let (month, horizon) = (8, 4);
    let earlier = (0..6_000)
        .step_by(3)
        .fold(nobody(), |t, i| t.with_contact(i, 6));
    let is_retained = |index: u32, treatments: &Treatments| {
        operator
            .life(index, treatments)
            .any(|r| r.month == month + horizon)
            || operator
                .life(index, treatments)
                .any(|r| r.month == month + horizon - 1 && r.termination.is_none())
    };
    let mut shown = (0.0, 0.0, 0.0);
    for index in 0..6_000 {
        if operator.true_hazard(index, month, &earlier).is_none() {
            continue;
        }
        let with = earlier.clone().with_contact(index, month);
        shown.0 += f64::from(u8::from(is_retained(index, &with)));
        shown.1 += f64::from(u8::from(is_retained(index, &earlier)));
        shown.2 += 1.0;
    }

    let effect = operator.retention_effect(0..6_000, month, horizon, &earlier);

    assert_eq!(f64::from(effect.customers), shown.2);
    assert!((effect.retained_treated - shown.0 / shown.2).abs() < 1e-12);
    assert!((effect.retained_control - shown.1 / shown.2).abs() < 1e-12);
    assert!((effect.sample - (shown.0 - shown.1) / shown.2).abs() < 1e-12);
    assert!(effect.sample > 0.0 && effect.expected > 0.0);
}

#[test]
fn the_effect_of_an_audience_does_not_depend_on_whom_the_campaign_really_contacted() {
    let operator = operator(27, 2_000);
    let happened = (0..2_000)
        .step_by(2)
        .fold(nobody(), |t, i| t.with_contact(i, 8));

    assert_eq!(
        operator.retention_effect(0..2_000, 8, 3, &happened),
        operator.retention_effect(0..2_000, 8, 3, &nobody())
    );
}

#[test]
fn contacts_keep_most_and_wake_the_sleeping_dogs() {
    let operator = operator(28, 3_000);
    let mut dogs = Vec::new();

    for customer in operator.customers() {
        let Some(outcome) = operator.potential_outcomes(customer.index, 6, 3, &nobody()) else {
            continue;
        };
        let is_dog = customer.traits.contact_effect.log_odds > 0.0;
        dogs.push(is_dog);
        assert_eq!(
            outcome.probability_treated < outcome.probability_control,
            is_dog
        );
        // Common luck: nobody is lost by what helps them, nor kept by what harms them.
        let (treated, control) = (outcome.is_retained_treated, outcome.is_retained_control);
        assert!(if is_dog {
            treated <= control
        } else {
            treated >= control
        });
    }

    let dogs = share(dogs);
    assert!((0.04..0.09).contains(&dogs), "{dogs} are sleeping dogs");
}

#[test]
fn the_sample_effect_scatters_around_the_expected_one() {
    let operator = operator(29, 20_000);

    let effect = operator.retention_effect(0..20_000, 9, 3, &nobody());

    // Y(1) - Y(0) is -1, 0 or 1; where it is not 0 in a share q, its variance is at most q.
    let moved = effect.sample.abs().max(effect.expected);
    let deviation = (moved / f64::from(effect.customers)).sqrt();
    assert!(
        (effect.sample - effect.expected).abs() < 4.0 * deviation,
        "{effect:?}"
    );
}

/// A campaign with a control group by hash, and Wald's interval of the difference of two shares.
fn interval_and_truth(seed: u64) -> (f64, f64, Effect) {
    let (operator, month, horizon) = (operator(seed, 1_500), 12, 3);
    let risk = |index| operator.true_probability(index, month, horizon, &nobody());
    let mut risks: Vec<_> = (0..1_500)
        .filter_map(|i| Some((risk(i)?.voluntary, i)))
        .collect();
    risks.sort_by(|a, b| b.0.total_cmp(&a.0));
    let audience = || risks.iter().take(risks.len() / 3).map(|risk| risk.1);
    let is_treated = |index: &u32| bucket("retention", &customer_key(*index), 2) == 0;
    let treatments = audience()
        .filter(is_treated)
        .fold(nobody(), |t, index| t.with_contact(index, month));
    let mut retained = [Vec::new(), Vec::new()];

    for index in audience() {
        let last = operator.life(index, &treatments).last().unwrap();
        let is_retained = last.month >= month + horizon || last.termination.is_none();
        retained[usize::from(is_treated(&index))].push(is_retained);
    }

    let variance = |arm: &Vec<bool>| {
        let p = share(arm.iter().copied());
        p * (1.0 - p) / arm.len() as f64
    };
    let error = 1.96 * retained.iter().map(variance).sum::<f64>().sqrt();
    let [control, treated] = retained.map(share);
    let truth = operator.retention_effect(audience(), month, horizon, &treatments);
    (treated - control - error, treated - control + error, truth)
}

#[test]
fn a_95_percent_interval_of_a_controlled_campaign_covers_the_truth_as_often_as_it_says() {
    let campaigns: Vec<_> = (0..200).map(interval_and_truth).collect();
    let covers = |truth: fn(&Effect) -> f64| {
        share(
            campaigns
                .iter()
                .map(|(low, high, effect)| (*low..=*high).contains(&truth(effect))),
        )
    };

    // 200 draws of 95 % lie within 90 and 99 % in 99.7 of 100 cases.
    let (sample, expected) = (covers(|e| e.sample), covers(|e| e.expected));
    assert!(
        (0.90..=0.99).contains(&sample),
        "{sample} of the intervals cover the sample effect"
    );
    assert!(
        (0.90..=0.99).contains(&expected),
        "{expected} cover the expected effect"
    );
}
