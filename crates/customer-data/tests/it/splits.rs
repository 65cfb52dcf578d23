//! However a stream of upserts is cut into batches, the same table comes of it.

use proptest::prelude::*;
use tenure_proto::customer::v1 as wire;

use crate::suite::*;

/// One upsert of one of four customers: which, and the attribute that it sets or removes.
type Step = (u8, u8, Option<u8>);

fn patch((who, name, value): Step) -> wire::Customer {
    let name = format!("a{name}");
    let attribute = match value {
        Some(value) => text(&name, &value.to_string()),
        None => attribute(&name, None),
    };
    wire::Customer {
        attributes: vec![attribute],
        ..customer(&format!("C{who}"))
    }
}

/// Cuts steps into batches at the given places, and wherever a customer would stand twice in one.
fn batches(steps: &[Step], cuts: &[bool]) -> Vec<Vec<wire::Customer>> {
    let mut batches: Vec<Vec<wire::Customer>> = vec![Vec::new()];
    for (step, cut) in steps.iter().zip(cuts) {
        let patch = patch(*step);
        let last = batches.last_mut().unwrap();
        if *cut
            || last
                .iter()
                .any(|known| known.customer_id == patch.customer_id)
        {
            batches.push(vec![patch]);
        } else {
            last.push(patch);
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// Returns the table: who has which attributes, and how often each was changed.
async fn table(mut suite: Suite, batches: Vec<Vec<wire::Customer>>) -> Vec<wire::Customer> {
    for batch in batches {
        suite.upsert(batch).await.unwrap();
    }
    let all = wire::ListCustomersRequest::default();
    suite
        .client
        .list_customers(all)
        .await
        .unwrap()
        .into_inner()
        .customers
}

#[test]
fn any_split_into_batches_gives_the_same_table() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let steps = prop::collection::vec((0..4_u8, 0..3_u8, prop::option::of(0..3_u8)), 1..24);
    let with_cuts = steps.prop_flat_map(|steps| {
        let cuts = prop::collection::vec(any::<bool>(), steps.len());
        (Just(steps), cuts)
    });
    let config = ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..Default::default()
    };
    proptest!(config, |((steps, cuts) in with_cuts)| {
        runtime.block_on(async {
            let one_by_one = vec![true; steps.len()];
            let tables = std::sync::Mutex::new(Vec::new());
            for cuts in [&one_by_one, &cuts] {
                each_suite(async |suite| {
                    let made = table(suite, batches(&steps, cuts)).await;
                    tables.lock().unwrap().push(made);
                })
                .await;
            }
            let tables = tables.into_inner().unwrap();
            assert!(tables.iter().all(|table| *table == tables[0]), "{tables:?}");
        });
    });
}
