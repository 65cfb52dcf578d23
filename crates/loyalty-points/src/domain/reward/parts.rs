//! Refunds in any parts come to the whole.

use std::sync::Arc;

use proptest::prelude::*;
use tenure_core::{AccountId, CustomerId, ProgrammeId};

use super::*;
use crate::domain::fixture::{at, programme};
use crate::domain::{Account, Command, Decision, Earn, Entry, Ledger, Lot, Order, Target};

const LANE: Lane = 3;

fn ada() -> AccountId {
    AccountId::parse("ada").unwrap()
}

fn done(ledger: &mut Ledger, second: i64, command: Command) -> Entry {
    let order = Order {
        lane: LANE,
        account: ada(),
        request: None,
        command,
    };
    match ledger.decide(&order, at(second), &programme()) {
        Decision::New(Ok(record)) => record.entry().unwrap().clone(),
        refused => panic!("wanted an entry, found {refused:?}"),
    }
}

/// Ada with lots of so many points, and an order of so many things at a price.
fn bought(lots: &[i64], quantity: i64, price: i64) -> (Vec<Lot>, Ledger, Entry) {
    let mut ledger = Ledger::default();
    ledger.load_head(LANE, 40);
    let (customer, programme) = (CustomerId::parse("ada"), ProgrammeId::parse("default"));
    let account = Account::new(LANE, ada(), customer.unwrap(), programme.unwrap());
    ledger.load_account(account);
    for (number, points) in lots.iter().enumerate() {
        let source = format!("bill/{number}").as_str().into();
        let command = Command::Earn(Earn::new(*points, source));
        done(&mut ledger, number as i64, command);
    }
    let before = ledger.account(&ada()).unwrap().lots.to_vec();
    let price = Price {
        key: "points".into(),
        points: price,
        money: None,
    };
    let terms = RewardTerms {
        name: "A mug".into(),
        valid_from: None,
        valid_until: None,
        prices: vec![price],
        tiers: Vec::new(),
        tenure_months: 0,
        account_max: 0,
    };
    let offer = Offer {
        reward: "mug".into(),
        programme: ProgrammeId::parse("default").unwrap(),
        version: 1,
        terms,
        stock: None,
    };
    let buying = Buying {
        reward: "mug".into(),
        offer: Some(Arc::new(offer)),
        price: "".into(),
        quantity,
        payment: "".into(),
        reserves: None,
        tier: "".into(),
    };
    let command = Command::Reward(Box::new(RewardCommand::Buy(buying)));
    let entry = done(&mut ledger, 100, command);
    let writes = ledger.finish();
    let mut ledger = Ledger::default();
    for (lane, seq) in writes.heads {
        ledger.load_head(lane, seq);
    }
    for account in writes.changed {
        ledger.load_account(account);
    }
    ledger.load_order(ada(), (**entry.reward.as_ref().unwrap()).clone());
    ledger.load_target(Target {
        entry: entry.clone(),
        ended_by: None,
        reversed: 0,
    });
    (before, ledger, entry)
}

fn refund(order: &RewardOrder, quantity: i64) -> Command {
    Command::Reward(Box::new(RewardCommand::Go {
        order: order.id,
        step: Step::Refund {
            reason: "broken".into(),
            goods: Goods::Returned,
            quantity: Some(quantity),
        },
        known: None,
    }))
}

proptest! {
    #[test]
    fn parts_in_any_sequence_add_up_to_the_whole_to_the_original_lots(
        lots in prop::collection::vec(1..500_i64, 1..8),
        parts in prop::collection::vec(1..6_i64, 1..8),
        price in 1..60_i64,
    ) {
        let quantity: i64 = parts.iter().sum();
        let (have, price) = (lots.iter().sum::<i64>(), price);
        prop_assume!(quantity * price <= have);
        let (before, mut ledger, entry) = bought(&lots, quantity, price);
        let order = entry.reward.as_deref().unwrap();

        for (number, part) in parts.iter().enumerate() {
            let back = done(&mut ledger, 200 + number as i64, refund(order, *part));
            prop_assert_eq!(back.points, part * price);
        }

        let account = ledger.account(&ada()).unwrap();
        prop_assert_eq!(account.lots.to_vec(), before);
        prop_assert_eq!(account.available(), have);
    }

    #[test]
    fn the_parts_of_any_amount_come_to_it_and_none_is_off_by_one(
        whole in 0..1_000_000_000_i64,
        parts in prop::collection::vec(1..50_i64, 1..20),
    ) {
        let (_, _, entry) = bought(&[1], 1, 1);
        let order = RewardOrder {
            quantity: parts.iter().sum(),
            ..entry.reward.as_deref().unwrap().clone()
        };
        let (mut things, mut sum) = (0, 0);
        for part in &parts {
            let back = order.part(whole, things + part) - order.part(whole, things);
            let exact = whole as f64 * *part as f64 / order.quantity as f64;
            prop_assert!((back as f64 - exact).abs() < 1.001);
            things += part;
            sum += back;
        }
        prop_assert_eq!(sum, whole);
    }
}
