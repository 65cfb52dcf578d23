//! Merges against a model: random graphs of merges, relations and writes, and merges that meet.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::hash::mix64;
use tenure_proto::customer::v1 as wire;
use tenure_testkit::{assert_code, error_info};
use tonic::Code;

use crate::identity_suite::*;
use crate::suite::*;

const IDS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mix64(self.0) % sides as u64).unwrap()
    }

    fn id(&mut self) -> &'static str {
        IDS[self.below(IDS.len())]
    }
}

/// What should be there: merges in force in the order in which they were made, and whose rows are.
#[derive(Default)]
struct Model {
    merges: Vec<(String, String, Vec<String>)>,
    rows: BTreeMap<&'static str, Vec<(i64, String, String)>>,
}

impl Model {
    fn record_of(&self, id: &str) -> BTreeSet<String> {
        let mut members = BTreeSet::from([id.to_owned()]);
        loop {
            let before = members.len();
            for (_, survivor, losers) in &self.merges {
                let all = || std::iter::once(survivor).chain(losers);
                if all().any(|it| members.contains(it)) {
                    members.extend(all().cloned());
                }
            }
            if members.len() == before {
                return members;
            }
        }
    }

    /// Nobody has a name here, so whoever was named first keeps standing for all.
    fn survivor_of(&self, id: &str) -> String {
        let mut heads: BTreeMap<String, String> = IDS
            .iter()
            .map(|it| ((*it).to_owned(), (*it).to_owned()))
            .collect();
        for (_, survivor, losers) in &self.merges {
            let head = heads[survivor].clone();
            for loser in losers {
                let old = heads[loser].clone();
                for at in heads.values_mut().filter(|at| **at == old) {
                    at.clone_from(&head);
                }
            }
        }
        heads[id].clone()
    }

    fn list(&self, kind: &str, id: &str) -> Vec<String> {
        let members = self.record_of(id);
        let mut rows: Vec<_> = self.rows.get(kind).cloned().unwrap_or_default();
        rows.retain(|(_, _, whose)| members.contains(whose));
        rows.sort_by_key(|(at, key, _)| (-at, key.clone()));
        rows.into_iter()
            .map(|(_, key, whose)| format!("{key} {whose}"))
            .collect()
    }
}

async fn check(suite: &mut Suite, model: &Model, size: i32) {
    for id in IDS {
        let members: Vec<String> = model.record_of(id).into_iter().collect();
        let explained = suite.explain(id).await;
        let record = explained.record.unwrap();
        assert_eq!(record.member_customer_ids, members, "{id}");
        assert_eq!(record.survivor_customer_id, model.survivor_of(id), "{id}");
        assert_eq!(explained.links.len(), members.len() - 1, "{id}");
        let lists = suite.everything(id, size).await;
        for kind in ["subscriptions", "bills", "interactions"] {
            assert_eq!(lists[kind], model.list(kind, id), "{kind} of {id}");
        }
    }
}

/// What any read says of anybody.
async fn picture(suite: &mut Suite) -> Vec<(wire::Customer, BTreeMap<&'static str, Vec<String>>)> {
    let mut picture = Vec::new();
    for id in IDS {
        picture.push((suite.get(id).await, suite.everything(id, 7).await));
    }
    picture
}

async fn write(suite: &mut Suite, model: &mut Model, dice: &mut Dice, step: usize) {
    let whose = dice.id();
    let days = i64::try_from(dice.below(4)).unwrap();
    let (kind, key, at) = match dice.below(4) {
        0 => {
            let key = format!("S{step:03}");
            suite
                .subscribe(vec![line(whose, &key, "", "2023-01-01")])
                .await
                .unwrap();
            ("subscriptions", key, 0)
        }
        1 => {
            let key = format!("B{step:03}");
            suite.bill(vec![sent(whose, &key, days)]).await.unwrap();
            ("bills", key, days)
        }
        2 => {
            let key = format!("I{step:03}");
            suite.talk(vec![complaint(whose, &key, days)]).await;
            ("interactions", key, days)
        }
        _ => {
            let attributes = vec![text("last", &format!("{step}"))];
            let said = wire::Customer {
                attributes,
                ..customer(whose)
            };
            suite.upsert(vec![said]).await.unwrap();
            return;
        }
    };
    model
        .rows
        .entry(kind)
        .or_default()
        .push((at, key, whose.to_owned()));
}

async fn merge(suite: &mut Suite, model: &mut Model, dice: &mut Dice) {
    let (survivor, loser) = (dice.id(), dice.id());
    let is_circle = model.record_of(survivor).contains(loser);
    match suite.merge(survivor, &[loser]).await {
        Ok(merged) => {
            assert!(!is_circle);
            let named = (merged.merge_id, survivor.to_owned(), vec![loser.to_owned()]);
            model.merges.push(named);
        }
        Err(status) => {
            assert!(is_circle);
            assert_code(&status, Code::FailedPrecondition, "ALREADY_ONE_RECORD");
        }
    }
}

async fn unmerge(suite: &mut Suite, model: &mut Model, dice: &mut Dice) {
    if !model.merges.is_empty() {
        let (merge, _, _) = model.merges.remove(dice.below(model.merges.len()));
        suite.unmerge(&merge).await.unwrap();
    }
}

#[tokio::test]
async fn records_are_what_the_merges_in_force_say_whatever_is_merged_undone_and_written() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&IDS).await;
        let (mut model, mut dice) = (Model::default(), Dice(1));
        for step in 0..90 {
            match dice.below(5) {
                0 | 1 => merge(&mut suite, &mut model, &mut dice).await,
                2 => unmerge(&mut suite, &mut model, &mut dice).await,
                _ => write(&mut suite, &mut model, &mut dice, step).await,
            }
            if step % 9 == 8 {
                let size = i32::try_from(1 + dice.below(5)).unwrap();
                check(&mut suite, &model, size).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_merged_and_undone_in_any_order_is_as_before() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&IDS).await;
        let (mut model, mut dice) = (Model::default(), Dice(2));
        for round in 0..6 {
            for step in 0..6 {
                write(&mut suite, &mut model, &mut dice, round * 10 + step).await;
            }
            // Some merges stay from round to round: these are before and after.
            merge(&mut suite, &mut model, &mut dice).await;
            let (before, kept) = (picture(&mut suite).await, model.merges.len());
            for _ in 0..4 {
                merge(&mut suite, &mut model, &mut dice).await;
            }
            while model.merges.len() > kept {
                let at = kept + dice.below(model.merges.len() - kept);
                let (merge, _, _) = model.merges.remove(at);
                suite.unmerge(&merge).await.unwrap();
            }
            assert_eq!(picture(&mut suite).await, before);
        }
        for (merge, _, _) in std::mem::take(&mut model.merges) {
            suite.unmerge(&merge).await.unwrap();
        }
        let ids = wire::BatchGetCustomersRequest {
            customer_ids: IDS.iter().map(|id| (*id).to_owned()).collect(),
        };
        let own = suite
            .client
            .batch_get_customers(ids)
            .await
            .unwrap()
            .into_inner();
        for (id, own) in IDS.iter().zip(own.customers) {
            assert_eq!(suite.get(id).await, own);
        }
        check(&mut suite, &model, 3).await;
    })
    .await;
}

#[tokio::test]
async fn merges_that_meet_end_in_one_record() {
    each_suite(async |mut suite| {
        for round in 0..12 {
            let ids = ["A", "B", "C", "D"].map(|it| format!("{it}{round}"));
            let [a, b, c, d] = ids.each_ref().map(String::as_str);
            suite
                .upsert(ids.iter().map(|id| customer(id)).collect())
                .await
                .unwrap();
            let (suite, turned) = (&suite, round % 2 == 1);
            let (one, other) = if turned {
                ((b, c), (a, b))
            } else {
                ((a, b), (b, c))
            };
            let (first, second, third) = tokio::join!(
                suite.merge_two(one.0, one.1),
                suite.merge_two(other.0, other.1),
                suite.merge_two(d, if turned { a } else { c }),
            );
            let merges = [first.unwrap(), second.unwrap(), third.unwrap()];

            let record = suite.explain(a).await.record;
            for id in [b, c, d] {
                assert_eq!(suite.explain(id).await.record, record);
            }
            assert_eq!(record.unwrap().member_customer_ids, ids);
            let [one, other, third] = merges.each_ref().map(|it| it.merge_id.as_str());
            let undone = tokio::join!(
                suite.unmerge(one),
                suite.unmerge(other),
                suite.unmerge(third)
            );
            assert!(undone.0.is_ok() && undone.1.is_ok() && undone.2.is_ok());
            for id in [a, b, c, d] {
                assert_eq!(suite.explain(id).await.record, record_alone(id));
            }
        }
    })
    .await;
}

fn record_alone(id: &str) -> Option<wire::IdentityRecord> {
    record(id, &[id])
}

#[tokio::test]
async fn of_merges_in_a_ring_one_is_refused() {
    each_suite(async |mut suite| {
        for round in 0..8 {
            let ids = ["A", "B", "C"].map(|it| format!("{it}{round}"));
            let [a, b, c] = ids.each_ref().map(String::as_str);
            suite
                .upsert(ids.iter().map(|id| customer(id)).collect())
                .await
                .unwrap();
            let ring = tokio::join!(
                suite.merge_two(a, b),
                suite.merge_two(b, c),
                suite.merge_two(c, a),
            );
            let refused: Vec<_> = [ring.0, ring.1, ring.2]
                .into_iter()
                .filter_map(Result::err)
                .map(|status| error_info(&status).reason)
                .collect();
            assert_eq!(refused, ["ALREADY_ONE_RECORD"]);
            let record = suite.explain(b).await.record.unwrap();
            assert_eq!(record.member_customer_ids, ids);
        }
    })
    .await;
}
