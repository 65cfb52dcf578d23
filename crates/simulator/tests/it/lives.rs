//! Lives are pure functions: of the configuration, the index and the customer's own contacts.

use proptest::prelude::*;
use tenure_core::Timestamp;
use tenure_simulator::{CustomerMonth, Operator, OperatorConfig, Treatments};

use crate::{life, nobody, operator};

const CUSTOMERS: u32 = 60;

prop_compose! {
    fn any_operator()(
        seed: u64,
        first in 0..400_i32,
        months in 1..40_u32,
        customers in 1..CUSTOMERS,
    ) -> Operator {
        let start = Timestamp::parse("2000-01-01").unwrap().plus_months(first);
        Operator::new(OperatorConfig { seed, customers, start, months }).unwrap()
    }
}

fn any_treatments() -> impl Strategy<Value = Treatments> {
    prop::collection::vec((0..CUSTOMERS, 0..40_u32), 0..120).prop_map(|contacts| {
        let mut treatments = Treatments::none();
        for (index, month) in contacts {
            treatments.contact(index, month);
        }
        treatments
    })
}

fn by_life(operator: &Operator, treatments: &Treatments) -> Vec<CustomerMonth> {
    let lives = (0..operator.config().customers).flat_map(|i| operator.life(i, treatments));
    let mut records: Vec<_> = lives.collect();
    records.sort_by_key(|record| (record.month, record.index));
    records
}

proptest! {
    #[test]
    fn stepping_all_by_month_gives_the_same_as_one_life_after_the_other(
        operator in any_operator(),
        treatments in any_treatments(),
    ) {
        let mut stepper = operator.stepper();
        let mut stepped = Vec::new();

        while !stepper.is_at_end() {
            stepped.extend(stepper.step(&treatments));
        }

        prop_assert_eq!(stepped, by_life(&operator, &treatments));
        prop_assert_eq!(stepper.step(&treatments).count(), 0);
    }

    #[test]
    fn a_contact_may_be_added_when_its_month_comes(
        operator in any_operator(),
        treatments in any_treatments(),
    ) {
        let mut stepper = operator.stepper();
        let mut stepped = Vec::new();
        let mut known = Treatments::none();

        while !stepper.is_at_end() {
            let month = stepper.month();
            for index in 0..CUSTOMERS {
                if treatments.of(index).contains(&month) {
                    known.contact(index, month);
                }
            }
            stepped.extend(stepper.step(&known));
        }

        prop_assert_eq!(stepped, by_life(&operator, &treatments));
    }

    #[test]
    fn a_contact_changes_nothing_before_its_month_and_later_only_who_leaves(
        operator in any_operator(),
        index in 0..CUSTOMERS,
        month in 0..40_u32,
    ) {
        let contact = Treatments::none().with_contact(index, month);
        let without = life(&operator, index);
        let with: Vec<_> = operator.life(index, &contact).collect();

        for (a, b) in without.iter().zip(&with) {
            if a.month < month {
                prop_assert_eq!(a, b);
            } else if a.termination == b.termination {
                prop_assert_eq!(*a, CustomerMonth { hazard: a.hazard, response: None, ..*b });
            }
        }
        for other in (0..CUSTOMERS).filter(|other| *other != index) {
            prop_assert!(operator.life(other, &contact).eq(operator.life(other, &nobody())));
        }
    }
}

#[test]
fn equal_configurations_make_equal_operators_and_other_seeds_others() {
    let lives = |seed| by_life(&operator(seed, 200), &nobody());

    assert_eq!(lives(3), lives(3));
    assert_ne!(lives(3), lives(4));
}

#[test]
fn a_life_does_not_depend_on_how_many_customers_there_are() {
    let (small, big) = (operator(5, 10), operator(5, 10_000_000));

    for index in 0..10 {
        assert_eq!(small.customer(index), big.customer(index));
        assert_eq!(life(&small, index), life(&big, index));
    }
}

#[test]
fn two_steppers_that_share_the_customers_give_what_one_gives() {
    let operator = operator(6, 500);
    let treatments = Treatments::none().with_contact(120, 3).with_contact(400, 5);
    let (mut all, mut low, mut high) = (
        operator.stepper(),
        operator.stepper_of(0..200),
        operator.stepper_of(200..500),
    );

    while !all.is_at_end() {
        let both: Vec<_> = low
            .step(&treatments)
            .chain(high.step(&treatments))
            .collect();
        assert_eq!(all.step(&treatments).collect::<Vec<_>>(), both);
    }
}

#[test]
fn a_month_that_is_dropped_half_way_has_happened_to_everybody() {
    let operator = operator(7, 300);
    let treatments = nobody();
    let (mut whole, mut cut) = (operator.stepper(), operator.stepper());

    assert!(whole.step(&treatments).count() > 10);
    assert_eq!(cut.step(&treatments).take(10).count(), 10);

    assert!(whole.step(&treatments).eq(cut.step(&treatments)));
}

#[test]
fn a_contact_before_joining_reaches_nobody() {
    let operator = operator(8, 500);
    let joiner = operator.customers().find(|c| c.join_month > 3).unwrap();
    let month = joiner.join_month.unsigned_abs();
    let early = Treatments::none().with_contact(joiner.index, month - 1);
    let same = Treatments::none().with_contact(joiner.index, month);

    for contact in [early, same] {
        assert_eq!(
            operator.life(joiner.index, &contact).collect::<Vec<_>>(),
            life(&operator, joiner.index)
        );
    }
}
