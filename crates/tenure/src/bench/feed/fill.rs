//! Changes and facts to read: interactions, the smallest and most frequent of all facts.

use anyhow::Result;
use prost_types::Timestamp as Wire;
use tenure_core::{Clock as _, Ids, Lane, Span, SystemClock, Timestamp};
use tenure_customer_data::{PrivacyConfig, seal_changes};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_rpc::Transport;
use tenure_sql::Db;
use tenure_sql::feed::{self, NewChange};

use crate::wire::timestamp;

/// Changes of one transaction.
const BATCH: u32 = 1_000;
/// How many customers the changes are about.
const CUSTOMERS: u32 = 20_000;

/// Appends changes as the service would, and returns how many bytes their bodies have.
pub(super) async fn feed(db: &Db, changes: u32) -> Result<u64> {
    let db = tenure_customer_data::Db::new(db.clone(), &PrivacyConfig::default());
    let (lanes, mut bytes) = (db.lanes(), 0);
    let mut number = 0;
    while number < changes {
        let until = (number + BATCH).min(changes);
        let of = |number| change(number, |key| lanes.of(key));
        let mut batch: Vec<NewChange> = (number..until).map(of).collect();
        let mut tx = db.begin().await?;
        seal_changes(&mut tx, lanes, &mut batch).await?;
        bytes += batch.iter().map(|it| it.body.len() as u64).sum::<u64>();
        feed::append(&mut tx, batch, start()).await?;
        tx.commit().await?;
        number = until;
    }
    Ok(bytes)
}

fn start() -> Timestamp {
    Timestamp::from_date(2025, 1, 1).expect("a day that exists")
}

fn change(number: u32, lane: impl Fn(&str) -> Lane) -> NewChange {
    let interaction = interaction(number, 0);
    let key = interaction.customer_id.clone();
    let happened_at = start() + Span::from_micros(i64::from(number) * 1_000_000);
    let change = pb::Change {
        event_time: Some(timestamp(happened_at)),
        record_time: Some(timestamp(start())),
        customer_id: key.clone(),
        fact: Some(pb::change::Fact::Interaction(interaction)),
    };
    NewChange {
        lane: lane(&key),
        kind: "interaction",
        key,
        happened_at,
        body: prost::Message::encode_to_vec(&change),
    }
}

/// Returns the interaction of a number, in one of its versions.
pub(super) fn interaction(number: u32, version: u32) -> pb::Interaction {
    let at: Wire = timestamp(start() + Span::from_micros(i64::from(number) * 1_000));
    pb::Interaction {
        interaction_id: format!("I{number:010}"),
        customer_id: customer(number),
        event_time: Some(at),
        channel: 2,
        direction: pb::InteractionDirection::Inbound.into(),
        kind: pb::InteractionKind::Enquiry.into(),
        reason: "BILLING".to_owned(),
        resolution: match version {
            0 => String::new(),
            version => format!("V{version}"),
        },
        ..Default::default()
    }
}

fn customer(number: u32) -> String {
    format!("C{:07}", number % CUSTOMERS)
}

pub(super) fn request_id() -> String {
    Ids::system().uuid(SystemClock.now()).to_string()
}

/// Takes in the customers and so many interactions, as a caller.
pub(super) async fn facts(transport: &Transport, count: u32) -> Result<()> {
    let mut client = CustomerServiceClient::new(transport.clone());
    for from in (0..CUSTOMERS.min(count)).step_by(BATCH as usize) {
        let numbers = from..(from + BATCH).min(CUSTOMERS.min(count));
        let customers = numbers.map(|number| pb::Customer {
            customer_id: customer(number),
            kind: pb::CustomerKind::Individual.into(),
            ..Default::default()
        });
        let request = pb::BatchUpsertCustomersRequest {
            request_id: request_id(),
            customers: customers.collect(),
        };
        client.batch_upsert_customers(request).await?;
    }
    for from in (0..count).step_by(BATCH as usize) {
        upsert(
            &mut client,
            (from..(from + BATCH).min(count)).map(|it| (it, 0)),
        )
        .await?;
    }
    Ok(())
}

/// Takes in versions of interactions.
pub(super) async fn upsert(
    client: &mut CustomerServiceClient<Transport>,
    versions: impl Iterator<Item = (u32, u32)>,
) -> Result<()> {
    let interactions = versions.map(|(number, version)| interaction(number, version));
    let request = pb::BatchUpsertInteractionsRequest {
        request_id: request_id(),
        interactions: interactions.collect(),
    };
    client.batch_upsert_interactions(request).await?;
    Ok(())
}
