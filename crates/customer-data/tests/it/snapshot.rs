//! A new reader: every fact as it is, while writers go on, then every change since; and readers who
//! want less than everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prost::Message as _;
use tenure_core::{Clock, Span};
use tenure_customer_data::MIGRATIONS;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_sql::feed;
use tenure_testkit::{assert_code, each_backend};
use tonic::Code;

use crate::suite::*;

/// What a reader knows: the last that was said of each fact.
#[derive(Debug, Default, PartialEq)]
struct Table(BTreeMap<String, Fact>);

impl Table {
    fn apply(&mut self, change: &wire::Change) {
        let fact = change.fact.clone().unwrap();
        self.0.insert(key(&fact), fact);
    }
}

pub(crate) fn key(fact: &Fact) -> String {
    match fact {
        Fact::Customer(it) => format!("customer {}", it.customer_id),
        Fact::Subscription(it) => format!("subscription {}", it.subscription_id),
        Fact::Bill(it) => format!("bill {}", it.bill_id),
        Fact::UsageSummary(it) => format!("usage {} {:?}", it.customer_id, it.start_time),
        Fact::Interaction(it) => format!("interaction {}", it.interaction_id),
        Fact::Consent(it) => format!("consent {}", it.consent_id),
        Fact::Erasure(it) => format!("erasure {}", it.erasure_id),
        Fact::Removal(it) => format!("removal {}", it.import_id),
        Fact::Complaint(it) => format!("complaint {}", it.complaint_id),
        Fact::Promise(it) => format!("promise {}", it.promise_id),
        Fact::Survey(it) => format!("survey {}", it.survey_id),
        Fact::Merge(it) => format!("merge {}", it.merge_id),
        Fact::Relationship(it) => format!("relationship {}", it.relationship_id),
        Fact::Account(it) => format!("account {}", it.account_id),
        Fact::AccountSubscription(it) => format!("paid {} {:?}", it.subscription_id, it.from_time),
        Fact::Group(it) => format!(
            "group {} {} {:?}",
            it.group_id, it.customer_id, it.from_time
        ),
        Fact::Resource(it) => format!("sim {} {:?}", it.subscription_id, it.from_time),
        Fact::Party(it) => format!("party {}", it.customer_id),
        Fact::Lead(it) => format!("lead {}", it.lead_id),
        Fact::SubscriptionTerms(it) => format!("terms {}", it.subscription_id),
        Fact::LeavingSignal(it) => format!("signal {}", it.signal_id),
        Fact::ProfileClaim(it) => {
            let name = it.attribute.as_ref().map_or("", |it| it.name.as_str());
            format!("profile {} {name} {}", it.customer_id, it.source)
        }
    }
}

fn snapshot() -> wire::WatchChangesRequest {
    wire::WatchChangesRequest {
        start: wire::WatchStart::Snapshot.into(),
        ..Default::default()
    }
}

/// Reads on from a token until the stream ends or some messages came; returns the last token.
async fn read(
    suite: &mut Suite,
    request: wire::WatchChangesRequest,
    messages_max: usize,
    mut see: impl FnMut(&wire::WatchChangesResponse),
) -> (String, bool) {
    let mut resume_token = request.resume_token.clone();
    let mut stream = suite
        .client
        .watch_changes(request)
        .await
        .unwrap()
        .into_inner();
    for _ in 0..messages_max {
        let Some(message) = stream.message().await.unwrap() else {
            return (resume_token, true);
        };
        see(&message);
        resume_token = message.resume_token;
    }
    (resume_token, false)
}

/// Some customers with a subscription, a bill, a summary and a contact each.
async fn fill(suite: &mut Suite, ids: std::ops::Range<usize>) {
    let id = |n: usize| format!("C{n:04}");
    suite
        .upsert(ids.clone().map(|n| customer(&id(n))).collect())
        .await
        .unwrap();
    let lines = ids
        .clone()
        .map(|n| line(&id(n), &format!("S{n}"), "", "2024-02-01"));
    suite.subscribe(lines.collect()).await.unwrap();
    suite
        .bill(
            ids.clone()
                .map(|n| sent(&id(n), &format!("B{n}"), 0))
                .collect(),
        )
        .await
        .unwrap();
    let usage = wire::BatchUpsertUsageSummariesRequest {
        request_id: fresh(),
        usage_summaries: ids
            .clone()
            .map(|n| month(&id(n), "", "2024-02-01"))
            .collect(),
    };
    suite
        .client
        .batch_upsert_usage_summaries(usage)
        .await
        .unwrap();
    let contacts = wire::BatchUpsertInteractionsRequest {
        request_id: fresh(),
        interactions: ids
            .map(|n| complaint(&id(n), &format!("I{n}"), 3))
            .collect(),
    };
    suite
        .client
        .batch_upsert_interactions(contacts)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_snapshot_holds_every_fact_once_as_the_history_ends_with_it() {
    each_suite(async |mut suite| {
        fill(&mut suite, 0..300).await;
        crate::care_suite::fill(&suite).await;
        let end = terminate("C0007", "S7", day("2024-12-01"));
        suite.client.terminate_subscription(end).await.unwrap();
        let mut history = Table::default();
        read(&mut suite, Default::default(), usize::MAX, |message| {
            message.changes.iter().for_each(|it| history.apply(it));
        })
        .await;

        let (mut seen, mut count, mut percents) = (Table::default(), 0, Vec::new());
        let (token, _) = read(&mut suite, snapshot(), usize::MAX, |message| {
            message.changes.iter().for_each(|it| seen.apply(it));
            count += message.changes.len();
            percents.push(message.snapshot_percent);
        })
        .await;

        assert_eq!(count, history.0.len(), "each of them once");
        assert_eq!(seen, history);
        assert!(
            percents.is_sorted_by_key(|it| it.unwrap_or(100)),
            "{percents:?}"
        );
        assert_eq!(
            (percents[0].is_some(), percents.last().unwrap()),
            (true, &None)
        );
        suite.upsert(vec![customer("later")]).await.unwrap();
        let mut later = Vec::new();
        let on = wire::WatchChangesRequest {
            resume_token: token,
            ..Default::default()
        };
        read(&mut suite, on, usize::MAX, |message| {
            later.extend(message.changes.clone());
        })
        .await;
        assert_eq!(later.len(), 1);
    })
    .await;
}

/// The reader is broken off after every message or two and goes on from its token; whatever a
/// message says is as new as what was said before.
#[tokio::test]
async fn a_snapshot_that_is_broken_off_goes_on_and_ends_equal_to_the_table_while_writers_write() {
    each_suite(async |mut suite| {
        fill(&mut suite, 0..400).await;
        let (is_over, mut writer) = (Arc::new(AtomicBool::new(false)), suite.client.clone());
        let writing = async {
            let mut round = 0_usize;
            while !is_over.load(Ordering::Relaxed) {
                round += 1;
                let customers = (0..20).map(|n| wire::Customer {
                    display_name: format!("{round:06}"),
                    ..customer(&format!("C{:04}", (round * 37 + n * 19) % 450))
                });
                let request = wire::BatchUpsertCustomersRequest {
                    request_id: fresh(),
                    customers: customers.collect(),
                };
                writer.batch_upsert_customers(request).await.unwrap();
            }
        };
        let mut reader = Suite {
            client: suite.client.clone(),
            transport: suite.transport.clone(),
            clock: suite.clock.clone(),
            lifecycle: suite.lifecycle.clone(),
        };
        let reading = async {
            let (mut seen, mut token, mut broken_off) = (Table::default(), String::new(), 0);
            let mut in_snapshot = true;
            while in_snapshot || broken_off < 20 {
                let on = wire::WatchChangesRequest {
                    resume_token: token,
                    ..snapshot()
                };
                let see = |message: &wire::WatchChangesResponse| {
                    in_snapshot = message.snapshot_percent.is_some();
                    for change in &message.changes {
                        if let Some(Fact::Customer(now)) = &change.fact {
                            let before = seen.0.get(&format!("customer {}", now.customer_id));
                            if let Some(Fact::Customer(before)) = before {
                                assert!(before.display_name <= now.display_name, "went back");
                            }
                        }
                        seen.apply(change);
                    }
                };
                (token, _) = read(&mut reader, on, 1 + broken_off % 2, see).await;
                broken_off += 1;
            }
            is_over.store(true, Ordering::Relaxed);
            (seen, token)
        };
        let ((mut seen, token), ()) = tokio::join!(reading, writing);
        let on = wire::WatchChangesRequest {
            resume_token: token,
            ..Default::default()
        };
        read(&mut suite, on, usize::MAX, |message| {
            message.changes.iter().for_each(|it| seen.apply(it));
        })
        .await;

        let mut table = Table::default();
        read(&mut suite, snapshot(), usize::MAX, |message| {
            message.changes.iter().for_each(|it| table.apply(it));
        })
        .await;
        assert_eq!(seen, table);
    })
    .await;
}

#[tokio::test]
async fn a_new_reader_gets_a_snapshot_when_history_was_deleted() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        fill(&mut suite, 0..3).await;
        let tomorrow = suite.clock.now() + Span::from_days(1);
        feed::prune(&db, tomorrow).await.unwrap();
        suite.upsert(vec![customer("later")]).await.unwrap();

        let mut seen = Table::default();
        read(&mut suite, Default::default(), usize::MAX, |message| {
            message.changes.iter().for_each(|it| seen.apply(it));
        })
        .await;
        assert_eq!(seen.0.len(), 16);

        let oldest = wire::WatchChangesRequest {
            start: wire::WatchStart::Oldest.into(),
            ..Default::default()
        };
        let mut kept = Vec::new();
        read(&mut suite, oldest, usize::MAX, |message| {
            kept.extend(message.changes.clone());
        })
        .await;
        assert_eq!(kept.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_reader_gets_only_the_kinds_customers_and_share_it_asked_for() {
    each_suite(async |mut suite| {
        fill(&mut suite, 0..200).await;
        for start in [wire::WatchStart::Unspecified, wire::WatchStart::Snapshot] {
            let all = wire::WatchChangesRequest {
                start: start.into(),
                ..Default::default()
            };
            let some = wire::WatchChangesRequest {
                fact_kinds: vec!["bill".into(), "interaction".into()],
                customer_ids: vec!["C0001".into(), "C0150".into()],
                ..all.clone()
            };
            let mut keys = Vec::new();
            read(&mut suite, some, usize::MAX, |message| {
                keys.extend(
                    message
                        .changes
                        .iter()
                        .map(|it| key(it.fact.as_ref().unwrap())),
                );
            })
            .await;
            keys.sort();
            assert_eq!(
                keys,
                ["bill B1", "bill B150", "interaction I1", "interaction I150"]
            );

            let mut counts = [0; 2];
            for share_index in 0..2 {
                let share = wire::WatchChangesRequest {
                    share_count: 2,
                    share_index,
                    ..all.clone()
                };
                let count = &mut counts[usize::try_from(share_index).unwrap()];
                read(&mut suite, share, usize::MAX, |message| {
                    *count += message.changes.len();
                })
                .await;
            }
            assert_eq!(counts[0] + counts[1], 1_000);
            assert!(counts.iter().all(|count| *count > 200), "{counts:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_is_good_for_its_own_filter_only() {
    each_suite(async |mut suite| {
        fill(&mut suite, 0..3).await;
        let bills = wire::WatchChangesRequest {
            fact_kinds: vec!["bill".into()],
            ..Default::default()
        };
        let (token, _) = read(&mut suite, bills.clone(), usize::MAX, |_| {}).await;
        let with = |kinds: &[&str]| wire::WatchChangesRequest {
            resume_token: token.clone(),
            fact_kinds: kinds.iter().map(|it| (*it).to_owned()).collect(),
            ..Default::default()
        };

        assert!(suite.client.watch_changes(with(&["bill"])).await.is_ok());
        for other in [with(&[]), with(&["customer"])] {
            let refused = suite.client.watch_changes(other).await.unwrap_err();
            assert_code(&refused, Code::InvalidArgument, "INVALID_RESUME_TOKEN");
        }
        let (whole, _) = read(&mut suite, Default::default(), usize::MAX, |_| {}).await;
        let refused = wire::WatchChangesRequest {
            resume_token: whole,
            ..bills
        };
        let refused = suite.client.watch_changes(refused).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "INVALID_RESUME_TOKEN");
    })
    .await;
}

#[tokio::test]
async fn a_reader_begins_at_an_instant_or_is_told_that_it_is_not_kept() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone());
        for n in 0..10 {
            suite
                .upsert(vec![customer(&format!("C{n}"))])
                .await
                .unwrap();
            suite.clock.advance(Span::from_days(1));
        }
        let since = |days: i64| wire::WatchChangesRequest {
            start_time: Some(tenure_rpc::fields::time(
                suite.clock.now() - Span::from_days(days),
            )),
            ..Default::default()
        };
        let (three, none, all) = (since(3), since(-1), since(100));
        let mut ids = Vec::new();
        read(&mut suite, three.clone(), usize::MAX, |message| {
            ids.extend(message.changes.iter().map(|it| it.customer_id.clone()));
        })
        .await;
        ids.sort();
        assert_eq!(ids, ["C7", "C8", "C9"]);
        let mut counts = Vec::new();
        for request in [none, all.clone()] {
            let mut count = 0;
            read(&mut suite, request, usize::MAX, |message| {
                count += message.changes.len();
            })
            .await;
            counts.push(count);
        }
        assert_eq!(counts, [0, 10]);

        feed::prune(&db, suite.clock.now() - Span::from_days(1))
            .await
            .unwrap();
        let mut stream = suite.client.watch_changes(all).await.unwrap().into_inner();
        let refused = stream.message().await.unwrap_err();
        assert_code(&refused, Code::OutOfRange, "RESUME_TOKEN_EXPIRED");
    })
    .await;
}

#[tokio::test]
async fn wrong_wishes_are_named_all_at_once() {
    each_suite(async |mut suite| {
        let request = wire::WatchChangesRequest {
            start: 77,
            start_time: Some(prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: 0,
            }),
            fact_kinds: vec!["bill".into(), "Bill".into()],
            customer_ids: vec!["a b".into()],
            share_count: 1_025,
            share_index: -1,
            ..Default::default()
        };
        let refused = suite.client.watch_changes(request).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let named = [
            "start_time",
            "start",
            "fact_kinds[1]",
            "customer_ids[0]",
            "share_count",
            "share_index",
        ];
        assert_eq!(fields(&refused), named);
        let both = wire::WatchChangesRequest {
            start: wire::WatchStart::Snapshot.into(),
            start_time: later(0),
            ..Default::default()
        };
        let refused = suite.client.watch_changes(both).await.unwrap_err();
        assert_eq!(fields(&refused), ["start_time"]);
    })
    .await;
}

/// Who adds a kind of fact gives it its table in `store/table.rs`, or new readers miss it.
#[test]
fn every_kind_of_fact_is_in_the_snapshot() {
    use prost_types::FileDescriptorSet;
    let set = FileDescriptorSet::decode(tenure_proto::FILE_DESCRIPTOR_SET).unwrap();
    let file = set.file.iter().find(|it| {
        it.package() == "tenure.customer.v1"
            && it.message_type.iter().any(|it| it.name() == "Change")
    });
    let change = file
        .unwrap()
        .message_type
        .iter()
        .find(|it| it.name() == "Change")
        .unwrap();
    let facts = change
        .field
        .iter()
        .filter(|field| field.oneof_index.is_some());
    let facts: Vec<_> = facts.map(|field| field.name().to_owned()).collect();

    let tables = tenure_customer_data::store::FactTable::ALL.map(|table| table.kind().to_owned());
    // Erasures and removals are news: no row is left that could be in a snapshot.
    let is_row = |fact: &&String| !["erasure", "removal"].contains(&fact.as_str());
    let rows: Vec<_> = facts.iter().filter(is_row).collect();
    assert_eq!(rows, tables.iter().collect::<Vec<_>>());
    assert_eq!(
        facts,
        tenure_customer_data::domain::FACT_KINDS.map(str::to_owned)
    );
}
