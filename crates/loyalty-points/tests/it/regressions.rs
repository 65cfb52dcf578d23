//! Bugs that others had, by the tracker they were told in: ours must not have them.

use futures_util::future::join_all;
use tenure_loyalty_points::domain::{Policies, RevokePolicy};
use tenure_proto::loyalty::v1::operation::Operation as Asking;
use tenure_proto::loyalty::v1::*;
use tenure_testkit::{assert_reason, error_info};

use crate::programme_suite::{earning, event, per_unit};
use crate::suite::{Suite, each, each_with, new_id};

/// Odoo 249775: two quotes each passed the check, and together left -100 points.
#[tokio::test]
async fn two_quotes_that_are_redeemed_together_do_not_overdraw() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        loyalty.quote("ada", 100).await.unwrap();
        loyalty.quote("ada", 100).await.unwrap();

        let (one, other) =
            futures_util::join!(loyalty.redeem("ada", 100), loyalty.redeem("ada", 100));

        assert!(one.is_ok() != other.is_ok());
        assert_eq!(loyalty.balance("ada").await, (0, 0));
    })
    .await;
}

/// Odoo 257854: a refund left the points that the order had earned.
#[tokio::test]
async fn a_refunded_order_keeps_no_points_that_it_earned() {
    let policies = Policies {
        revoke: RevokePolicy::BelowZero,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        let earned = loyalty.earn("ada", 40, "order/1").await.entry.unwrap();
        loyalty.redeem("ada", 40).await.unwrap();

        loyalty.reverse(&earned).await.unwrap();

        let account = loyalty.account("ada").await;
        assert_eq!((account.available_points, account.debt_points), (0, 40));
    })
    .await;
}

/// Odoo 212922: a refund charged the points again. Blnk 152: a refund was repeated for ever.
#[tokio::test]
async fn a_refund_gives_back_once() {
    each(async |loyalty| {
        loyalty.earn("ada", 40, "order/1").await;
        let redeemed = loyalty.redeem("ada", 30).await.unwrap().entry.unwrap();

        loyalty.reverse(&redeemed).await.unwrap();
        let again = loyalty.reverse(&redeemed).await.unwrap_err();

        assert_reason(&again, "ENTRY_ALREADY_REVERSED");
        assert_eq!(loyalty.balance("ada").await, (40, 0));
    })
    .await;
}

/// ERPNext 32951: a return in parts gave back nothing, or more than the whole.
#[tokio::test]
async fn returns_in_parts_add_up_to_the_whole() {
    each(async |loyalty| {
        let earned = loyalty.earn("ada", 40, "order/1").await.entry.unwrap();

        for points in [10, 25, 5] {
            loyalty.reverse_part(&earned, points).await.unwrap();
        }
        let more = loyalty.reverse_part(&earned, 1).await.unwrap_err();

        assert_reason(&more, "ENTRY_ALREADY_REVERSED");
        assert_eq!(loyalty.balance("ada").await, (0, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// compressor 1476 and Formance 1464: an event that came again, under another request id, paid again.
#[tokio::test]
async fn an_event_that_is_replayed_earns_once() {
    each(async |loyalty| {
        loyalty.earn("ada", 40, "order/1").await;

        let again = loyalty.earn_with(loyalty.earning("ada", 40, "order/1"));

        assert_reason(&again.await.unwrap_err(), "EVENT_ALREADY_EARNED");
        assert_eq!(loyalty.balance("ada").await, (40, 0));
    })
    .await;
}

/// Formance 364, 1633 and 1636: the same id twice at once, also within one batch.
#[tokio::test]
async fn one_request_sent_many_times_at_once_has_one_effect() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "order/1").await;
        let request = loyalty.redeeming("ada", 7);

        let answers = join_all((0..40).map(|_| loyalty.redeem_with(request.clone()))).await;

        let entries: Vec<Entry> = answers
            .iter()
            .map(|answer| answer.as_ref().unwrap().entry.clone().unwrap())
            .collect();
        assert!(entries.iter().all(|entry| *entry == entries[0]));
        let fresh = answers
            .iter()
            .filter(|answer| !answer.as_ref().unwrap().replayed);
        assert_eq!(fresh.count(), 1);
        assert_eq!(loyalty.balance("ada").await, (93, 0));
    })
    .await;
}

/// Blnk 181: points in flight did not count.
#[tokio::test]
async fn held_points_cannot_be_spent() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "order/1").await;
        loyalty.hold("ada", 60, 60).await.unwrap();

        let refused = loyalty.redeem("ada", 41).await.unwrap_err();

        assert_reason(&refused, "INSUFFICIENT_POINTS");
        assert_eq!(error_info(&refused).metadata["available_points"], "40");
    })
    .await;
}

/// Blnk 182, 41: what was rejected could be applied; what was void was void again.
#[tokio::test]
async fn a_hold_ends_once() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "order/1").await;
        let hold = loyalty.hold("ada", 60, 60).await.unwrap();
        loyalty.release(&hold).await.unwrap();

        let confirmed = loyalty.confirm(&hold, 0).await.unwrap_err();
        let released = loyalty.release(&hold).await.unwrap_err();

        assert_reason(&confirmed, "HOLD_ALREADY_RELEASED");
        assert_reason(&released, "HOLD_ALREADY_RELEASED");
        assert_eq!(loyalty.balance("ada").await, (100, 0));
    })
    .await;
}

/// Formance 246 and 341, Blnk 105: the limit of an overdraft was not kept.
#[tokio::test]
async fn a_debt_never_grows_beyond_its_limit() {
    let policies = Policies {
        revoke: RevokePolicy::BelowZero,
        debt_limit: 25,
        ..Policies::default()
    };
    each_with(policies, async |loyalty| {
        let mut earned = Vec::new();
        for number in 0..4 {
            let source = format!("order/{number}");
            earned.push(loyalty.earn("ada", 10, &source).await.entry.unwrap());
        }
        loyalty.redeem("ada", 40).await.unwrap();

        let answers = join_all(earned.iter().map(|entry| loyalty.reverse(entry))).await;

        let done = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!((done, loyalty.account("ada").await.debt_points), (2, 20));
    })
    .await;
}

/// Midaz 1974: a repeat after a month's end must still be known as one.
#[tokio::test]
async fn a_request_is_known_again_after_a_year() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "order/1").await;
        let request = loyalty.redeeming("ada", 7);
        let first = loyalty.redeem_with(request.clone()).await.unwrap();
        loyalty.advance_days(366);

        let again = loyalty.redeem_with(request).await.unwrap();

        assert!(again.replayed);
        assert_eq!(again.entry, first.entry);
    })
    .await;
}

/// liberu 1056: lots were chosen for expiry by a label, so that those with another never expired.
#[tokio::test]
async fn points_of_every_kind_expire() {
    each(async |loyalty| {
        loyalty.earn("ada", 10, "bill/1").await;
        loyalty.earn_special("ada", 10, "promotion").await;
        loyalty.adjust("ada", 10, "").await.unwrap();
        loyalty.earn_pending("ada", 10, None).await;

        loyalty.advance_days(3 * 366);
        loyalty.catch_up().await;

        assert!(loyalty.lots("ada").await.is_empty());
        assert_eq!(loyalty.books().await.expired_points, 40);
    })
    .await;
}

/// FloCafe 78: a lot that was spent expired too, and the balance collapsed.
#[tokio::test]
async fn a_spent_lot_expires_no_second_time() {
    each(async |loyalty| {
        loyalty.earn_for("ada", 30, 10).await;
        loyalty.earn("ada", 20, "bill/1").await;
        loyalty.redeem("ada", 30).await.unwrap();

        loyalty.advance_days(11);
        loyalty.catch_up().await;

        assert_eq!(loyalty.balance("ada").await, (20, 0));
    })
    .await;
}

/// Voucherify: points that were given away started a new life on the day of the gift.
#[tokio::test]
async fn a_gift_does_not_prolong_points() {
    each(async |loyalty| {
        loyalty.create_member("ada", 12).await;
        loyalty.create_member("bob", 12).await;
        loyalty.earn_for("ada", 30, 10).await;
        loyalty.register("ada", "bob", "").await.unwrap();
        loyalty.register("bob", "ada", "").await.unwrap();
        loyalty.give("ada", "bob", 30).await.unwrap();
        loyalty.give("bob", "ada", 30).await.unwrap();

        loyalty.advance_days(10);

        assert_eq!(loyalty.balance("ada").await, (0, 0));
    })
    .await;
}

/// Rollback by a remembered balance over-credits (Leetcode-City 690): ours adds entries.
#[tokio::test]
async fn a_reversal_does_not_undo_what_happened_in_between() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "bill/1").await;
        let redeemed = loyalty.redeem("ada", 60).await.unwrap().entry.unwrap();
        loyalty.redeem("ada", 30).await.unwrap();
        loyalty.earn("ada", 5, "bill/2").await;

        loyalty.reverse(&redeemed).await.unwrap();

        assert_eq!(loyalty.balance("ada").await, (75, 0));
    })
    .await;
}

/// RepairDesk 1050: gift cards earned, and so did the part of a price that was paid by points.
#[tokio::test]
async fn neither_gift_cards_nor_what_is_paid_by_points_earns() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        let rule = &mut rules.rules[0];
        rule.event_kind = EventKind::Purchase.into();
        if let Some(earning_rule::Basis::PerUnit(basis)) = &mut rule.basis {
            basis.excluded_parts = vec!["gift_card".into()];
        }
        loyalty.rule_by(rules).await;
        loyalty.earn("ada", 50, "bill/1").await;
        // A basket of 200.00, 80.00 of it gift cards; 50.00 are paid by 50 points.
        loyalty.redeem("ada", 50).await.unwrap();
        let gift_card = AmountPart {
            part: "gift_card".into(),
            amount_minor: 8_000,
        };
        let basket = EarningEvent {
            parts: vec![gift_card.clone()],
            ..event(EventKind::Purchase, "P1", 15_000)
        };
        let card_only = EarningEvent {
            parts: vec![gift_card],
            ..event(EventKind::Purchase, "P2", 8_000)
        };

        let basket = loyalty.earn_for_event(earning("ada", basket)).await;
        let card_only = loyalty.earn_for_event(earning("ada", card_only)).await;
        let by_points = event(EventKind::Purchase, "P3", 0);
        let by_points = loyalty.earn_for_event(earning("ada", by_points)).await;

        assert_eq!(basket.unwrap().available_points, 70);
        for nothing in [card_only, by_points] {
            let nothing = nothing.unwrap();
            assert_eq!((nothing.entries.len(), nothing.available_points), (0, 70));
        }
    })
    .await;
}

/// Runs operations in one call and returns their outcomes.
async fn all(loyalty: &Suite, asked: Vec<Asking>) -> Vec<OperationOutcome> {
    let operation = |asked| Operation {
        operation: Some(asked),
    };
    let request = BatchExecuteOperationsRequest {
        operations: asked.into_iter().map(operation).collect(),
        mode: BatchMode::AllOrNothing.into(),
    };
    let mut client = loyalty.client.clone();
    let answer = client.batch_execute_operations(request).await.unwrap();
    let outcome = |result: OperationResult| match result.result.unwrap() {
        operation_result::Result::Outcome(outcome) => outcome,
        operation_result::Result::Error(error) => panic!("refused: {error:?}"),
    };
    answer
        .into_inner()
        .results
        .into_iter()
        .map(outcome)
        .collect()
}

/// Open Loyalty 129: points could not be added any more once there were many customers.
#[tokio::test]
async fn points_are_added_when_there_are_many_customers() {
    each(async |loyalty| {
        for batch in 0..5 {
            let customers = (0..1_000).map(|n| {
                let account = format!("customer/{}", batch * 1_000 + n);
                Asking::EarnPoints(loyalty.earning(&account, 1, "welcome"))
            });
            all(&loyalty, customers.collect()).await;
        }

        let known = loyalty.earn("customer/0", 10, "bill/1").await;
        let last = loyalty.earn("customer/4999", 10, "bill/1").await;
        let new = loyalty.earn("customer/5000", 10, "bill/1").await;

        let available = [known, last, new].map(|answer| answer.available_points);
        assert_eq!(available, [11, 11, 10]);
        assert_eq!(loyalty.books().await.lot_points, 5_030);
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Blnk 195: what was put in flight in bulk could not be committed.
#[tokio::test]
async fn holds_that_one_batch_made_are_confirmed_alone_and_by_a_batch() {
    each(async |loyalty| {
        let accounts: Vec<String> = (0..20).map(|n| format!("A{n}")).collect();
        for account in &accounts {
            loyalty.earn(account, 100, "bill/1").await;
        }
        let hold = |account: &String| {
            Asking::CreateHold(CreateHoldRequest {
                request_id: new_id(),
                account_id: account.clone(),
                points: 60,
                source: "order/1".into(),
                hold_duration: None,
                ..CreateHoldRequest::default()
            })
        };
        let held = all(&loyalty, accounts.iter().map(hold).collect()).await;
        let holds: Vec<Hold> = held.into_iter().map(|held| held.hold.unwrap()).collect();
        let (alone, together) = holds.split_at(10);

        for hold in alone {
            loyalty.confirm(hold, 0).await.unwrap();
        }
        let confirm = |hold: &Hold| Asking::ConfirmHold(loyalty.confirming(hold, 45));
        let confirmed = all(&loyalty, together.iter().map(confirm).collect()).await;

        assert!(confirmed.iter().all(|done| done.available_points == 55));
        for (account, wanted) in accounts.iter().zip([[40; 10], [55; 10]].concat()) {
            assert_eq!(loyalty.balance(account).await, (wanted, 0));
        }
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Blnk 55: the rate was not recorded with what was in flight.
#[tokio::test]
async fn what_is_multiplied_and_waits_is_recorded_as_it_is_multiplied() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.rules[0].pending_days = 14;
        if let Some(earning_rule::Basis::PerUnit(basis)) = &mut rules.rules[0].basis {
            let factors = vec![StarFactor {
                star: "five".into(),
                basis_points: 15_000,
            }];
            let star = StarFactors {
                factors,
                otherwise_basis_points: 10_000,
            };
            basis.multiplier = Some(per_unit_basis::Multiplier::Star(star));
        }
        loyalty.rule_by(rules).await;
        let asked = EarnForEventRequest {
            facts: Some(CustomerFacts {
                star: "five".into(),
                ..CustomerFacts::default()
            }),
            ..earning("ada", event(EventKind::Bill, "B1", 10_000))
        };

        let earned = loyalty.earn_for_event(asked).await.unwrap();
        // Rules that came later do not change what waits.
        loyalty.rule_by(per_unit(7)).await;
        loyalty.advance_days(14);
        let redeemed = loyalty.redeem("ada", 150).await.unwrap();

        let entry = &earned.entries[0];
        assert_eq!((entry.points_delta, entry.pending_points_delta), (150, 150));
        assert_eq!(redeemed.available_points, 0);
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Formance 1500 and 1520: amounts that are computed only when they are decided were not loaded.
#[tokio::test]
async fn a_batch_computes_amounts_from_what_it_did_itself() {
    each(async |loyalty| {
        let earn =
            |points, source: &str| Asking::EarnPoints(loyalty.earning("ada", points, source));
        let redeem = Asking::RedeemPoints(loyalty.redeeming("ada", 5));
        let expire_all = Asking::ExpirePoints(ExpirePointsRequest {
            request_id: new_id(),
            account_id: "ada".into(),
            lot_id: String::new(),
            reason: "campaign over".into(),
            author: "clerk".into(),
        });

        let done = all(
            &loyalty,
            vec![
                earn(30, "bill/1"),
                earn(12, "bill/2"),
                redeem,
                expire_all,
                earn(8, "bill/3"),
            ],
        )
        .await;

        let deltas: Vec<i64> = done
            .iter()
            .map(|done| done.entry.as_ref().unwrap().points_delta)
            .collect();
        assert_eq!(deltas, [30, 12, -5, -37, 8]);
        assert_eq!(loyalty.balance("ada").await, (8, 0));
        loyalty.assert_books_tie().await;
    })
    .await;
}

/// Formance 1633: the same key twice within one batch brought the server down.
#[tokio::test]
async fn one_request_twice_in_a_batch_has_one_effect() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "order/1").await;
        let request = loyalty.redeeming("ada", 7);
        let twice = vec![Asking::RedeemPoints(request); 2];

        let done = all(&loyalty, twice.clone()).await;
        let again = all(&loyalty, twice).await;

        let replayed = |done: &[OperationOutcome]| [done[0].replayed, done[1].replayed];
        assert_eq!(
            (replayed(&done), replayed(&again)),
            ([false, true], [true; 2])
        );
        assert!(
            done.iter()
                .chain(&again)
                .all(|it| it.entry == done[0].entry)
        );
        assert_eq!(loyalty.balance("ada").await, (93, 0));
    })
    .await;
}
