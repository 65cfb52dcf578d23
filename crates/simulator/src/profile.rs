//! Drawing a customer's profile, and the state in which the operator's first month finds them.

use tenure_core::{Span, Timestamp};

use crate::calendar::Calendar;
use crate::customer::{AcquisitionChannel, Customer, CustomerKind, REGIONS, Traits};
use crate::draw::{Draws, OrderedDraws};
use crate::math::exp;
use crate::plan::{ContractKind, Plan, Product};
use crate::state::{DRIFT_MAX, State};
use crate::treatment::ContactEffect;

/// The longest tenure at the operator's start, in months.
pub(crate) const TENURE_AT_START_MAX: u32 = 96;

/// New customers in a month as a share of those at the start: about what churn takes away.
pub(crate) const MONTHLY_GROWTH: f64 = 0.022;

const PLAN_WEIGHTS_INDIVIDUAL: [f64; 6] = [0.24, 0.34, 0.26, 0.0, 0.16, 0.0];
const PLAN_WEIGHTS_ORGANISATION: [f64; 6] = [0.0, 0.05, 0.10, 0.55, 0.0, 0.30];
const REGION_WEIGHTS: [f64; 6] = [0.28, 0.20, 0.18, 0.16, 0.13, 0.05];
const CHANNEL_WEIGHTS: [f64; 4] = [0.38, 0.32, 0.14, 0.16];
const CONTRACT_WEIGHTS: [f64; 3] = [0.50, 0.30, 0.20];
const PRODUCT_COUNT_WEIGHTS: [f64; 4] = [0.46, 0.30, 0.17, 0.07];

/// The longest chain of renewed terms that is drawn: 10 terms of 12 months exceed every window
/// that shows more than a few survivors.
const RENEWALS_MAX: u32 = 9;

/// Returns the profile at `index` and the state at the operator's start or, for those who join
/// later, on joining. The order of the draws is part of the model: append, never insert.
pub(crate) fn draw(
    seed: u64,
    index: u32,
    months: u32,
    calendar: &Calendar,
    draws: &Draws,
) -> (Customer, State) {
    let mut draw = draws.profile();
    let (join_month, joined_at) = draw_join(&mut draw, months, calendar);
    let kind = if draw.uniform() < 0.12 {
        CustomerKind::Organisation
    } else {
        CustomerKind::Individual
    };
    let plan = Customer::plan_at(draw.pick(match kind {
        CustomerKind::Individual => &PLAN_WEIGHTS_INDIVIDUAL,
        CustomerKind::Organisation => &PLAN_WEIGHTS_ORGANISATION,
    }));
    let region = REGIONS[draw.pick(&REGION_WEIGHTS)];
    let birth = 1940 + 5 * (draw.uniform() * 13.0) as u16;
    let channel = AcquisitionChannel::ALL[draw.pick(&CHANNEL_WEIGHTS)];
    let (contract, contract_end_tenure) = draw_contract(&mut draw);
    let products = draw_products(&mut draw);
    let is_portable = draw.uniform() < 0.8;
    let has_rival_sim = draw.uniform() < 0.15;
    let traits = draw_traits(&mut draw, plan, kind, channel, join_month);
    let customer = Customer {
        index,
        kind,
        region,
        birth_year_band: (kind == CustomerKind::Individual).then_some(birth),
        plan,
        contract,
        contract_end_tenure,
        channel,
        joined_at,
        join_month,
        is_portable,
        has_rival_sim,
        traits,
        products,
        msisdn_seed: seed,
    };
    let state = draw_state(&mut draw, &customer);
    (customer, state)
}

fn draw_join(draw: &mut OrderedDraws, months: u32, calendar: &Calendar) -> (i32, Timestamp) {
    let share_at_start = 1.0 / (1.0 + MONTHLY_GROWTH * f64::from(months));
    let (who, when, day) = (draw.uniform(), draw.uniform(), draw.uniform());
    let month = if who < share_at_start {
        // Falls linearly to nothing at the longest tenure: few stay that long.
        let tenure = f64::from(TENURE_AT_START_MAX) * (1.0 - (1.0 - when).sqrt());
        -1 - tenure as i32
    } else {
        (when * f64::from(months)) as i32
    };
    // Shops are closed at the end of a month: the last day anybody joins on is the 28th.
    let seconds = (day * 28.0 * 86_400.0) as i64;
    (
        month,
        calendar.start_of(month) + Span::from_seconds(seconds),
    )
}

fn draw_contract(draw: &mut OrderedDraws) -> (ContractKind, u32) {
    let kinds = [
        ContractKind::MonthToMonth,
        ContractKind::Months12,
        ContractKind::Months24,
    ];
    let contract = kinds[draw.pick(&CONTRACT_WEIGHTS)];
    let mut rest = draw.uniform();
    let mut terms = 1;
    // Every other customer signs again at the end of a term.
    while terms <= RENEWALS_MAX && rest < 0.5 {
        rest *= 2.0;
        terms += 1;
    }
    (contract, terms * contract.term_months())
}

fn draw_products(draw: &mut OrderedDraws) -> u8 {
    let count = 1 + draw.pick(&PRODUCT_COUNT_WEIGHTS);
    let starts_with_broadband = draw.uniform() < 0.7;
    let order = if starts_with_broadband {
        [
            Product::Mobile,
            Product::Broadband,
            Product::Tv,
            Product::SecondSim,
        ]
    } else {
        [
            Product::Mobile,
            Product::SecondSim,
            Product::Broadband,
            Product::Tv,
        ]
    };
    order[..count]
        .iter()
        .fold(0, |set, product| set | 1 << *product as u8)
}

fn draw_traits(
    draw: &mut OrderedDraws,
    plan: &Plan,
    kind: CustomerKind,
    channel: AcquisitionChannel,
    join_month: i32,
) -> Traits {
    // Those who have stayed for years are those to whom price matters less.
    let loyalty = f64::from((-join_month).max(0)) / f64::from(TENURE_AT_START_MAX);
    let price_sensitivity = draw.normal() - 0.5 * loyalty;
    let service_sensitivity = draw.normal();
    let dealer = if channel == AcquisitionChannel::Dealer {
        0.4
    } else {
        0.0
    };
    let unhealth = draw.normal() + dealer;
    let payment_discipline = draw.normal();
    let persuadability = draw.normal();
    let redemption_appetite = draw.normal();
    let contact_effect = draw_contact_effect(draw, price_sensitivity, persuadability);
    let base_share = if kind == CustomerKind::Organisation {
        0.45
    } else {
        0.2
    };
    Traits {
        price_sensitivity,
        service_sensitivity,
        payment_discipline,
        unhealth,
        persuadability,
        redemption_appetite,
        contact_effect,
        voice_level: f64::from(plan.voice_minutes) * exp(-0.7 + 0.5 * draw.normal()),
        data_level: f64::from(plan.data_mb) * exp(-0.6 + 0.55 * draw.normal()),
        sms_level: exp(2.5 + 0.7 * draw.normal()),
        in_group_share: (base_share + 0.1 * draw.normal()).clamp(0.01, 0.95),
    }
}

/// One customer in sixteen is a sleeping dog: a contact wakes the thought of leaving.
const SLEEPING_DOG_SHARE: f64 = 1.0 / 16.0;

fn draw_contact_effect(
    draw: &mut OrderedDraws,
    price_sensitivity: f64,
    persuadability: f64,
) -> ContactEffect {
    let (dog, size, span) = (draw.uniform(), draw.uniform(), draw.uniform());
    let log_odds = if dog < SLEEPING_DOG_SHARE {
        0.2 + 0.4 * size
    } else {
        let moved = 0.87 + 0.35 * persuadability + 0.15 * price_sensitivity + 0.3 * (size - 0.5);
        -moved.clamp(0.05, 2.2)
    };
    ContactEffect {
        log_odds,
        months: 3 + (span * 4.0) as u32,
    }
}

/// Returns the state that the operator's first month finds: some are in the middle of a decline,
/// have complained or are behind with a bill. Who joins later starts with a clean sheet.
fn draw_state(draw: &mut OrderedDraws, customer: &Customer) -> State {
    let (declines, depth, complains, owes) = (
        draw.uniform(),
        draw.uniform(),
        draw.uniform(),
        draw.uniform(),
    );
    if customer.join_month >= 0 {
        return State::default();
    }
    let drift = if declines < 0.185 {
        1 + (depth * f64::from(DRIFT_MAX)) as u8
    } else {
        0
    };
    // Each of the last three months has its bit.
    let complaints = if complains < 0.15 {
        1 << ((complains * 20.0) as u8).min(2)
    } else {
        0
    };
    let arrears = u8::from(owes < 0.04);
    State {
        drift,
        complaints,
        arrears,
        unbilled_minor: customer.monthly_price_minor() as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn population(customers: u32) -> Vec<Customer> {
        let calendar = Calendar::new(Timestamp::parse("2024-01-01").unwrap(), 24);
        (0..customers)
            .map(|i| draw(7, i, 24, &calendar, &Draws::of(7, i)).0)
            .collect()
    }

    #[test]
    fn traits_are_spread_as_their_names_say() {
        let customers = population(20_000);
        let mean = |of: fn(&Customer) -> f64| {
            customers.iter().map(of).sum::<f64>() / customers.len() as f64
        };

        // Four standard errors of a mean of 20,000 numbers of variance 1 are 0.028.
        assert!(mean(|c| c.traits.service_sensitivity).abs() < 0.03);
        assert!(mean(|c| c.traits.payment_discipline).abs() < 0.03);
        // The expectation of the brief: about -0.8 on average, and some for whom it backfires.
        assert!((mean(|c| c.traits.contact_effect.log_odds) + 0.8).abs() < 0.05);
        let dogs = mean(|c| f64::from(u8::from(c.traits.contact_effect.log_odds > 0.0)));
        assert!((dogs - SLEEPING_DOG_SHARE).abs() < 0.007, "{dogs}");
    }

    #[test]
    fn tenures_at_the_start_reach_from_1_to_96_months() {
        let customers = population(20_000);
        let tenures = || {
            customers
                .iter()
                .filter_map(|c| u32::try_from(-c.join_month).ok())
        };
        let at_start = tenures().filter(|t| *t > 0).count() as f64;

        assert_eq!(tenures().filter(|t| *t > 0).min(), Some(1));
        assert!(tenures().max().unwrap() >= 90 && tenures().max().unwrap() <= 96);
        // 1 / (1 + 0.022 * 24) of all are there at the start.
        assert!((at_start / 20_000.0 - 0.654).abs() < 0.014, "{at_start}");
    }
}
