//! The bus to other systems, with a real server of NATS that is killed in the middle.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, Context};
use serde_json::{Value, json};
use tenure_core::Ids;
use tenure_customer_data::{BusConfig, Config, Deps, MIGRATIONS, Peers, Service};
use tenure_rpc::Lifecycle;
use tenure_sql::Db;
use tenure_testkit::{each_backend, free_address};

use crate::suite::*;

/// How long something may take that happens in the background.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether it did.
const LOOK: Duration = Duration::from_millis(20);

/// A server of its own, killed when it is dropped. Its folder outlives it.
struct Nats {
    child: Child,
    address: SocketAddr,
}

impl Nats {
    fn start(folder: &Path, address: SocketAddr) -> Self {
        let program = [
            "/usr/sbin/nats-server",
            "/usr/bin/nats-server",
            "/usr/local/bin/nats-server",
        ];
        let program = program.iter().find(|it| Path::new(it).is_file());
        let program = program.unwrap_or(&"nats-server");
        let mut command = Command::new(program);
        command.arg("--jetstream").arg("--store_dir").arg(folder);
        command.args(["--addr", "127.0.0.1", "--port", &address.port().to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("nats-server is installed: `cargo xtask test` does so");
        Self { child, address }
    }

    fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    async fn connect(&self) -> Context {
        let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
        let client = options.connect(self.url()).await.unwrap();
        client.flush().await.unwrap();
        jetstream::new(client)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A replica of the service with its jobs. Stopped when it is dropped.
struct Replica(Lifecycle);

impl Replica {
    fn start(db: &Db, bus: BusConfig) -> Self {
        let lifecycle = Lifecycle::new();
        let config = Config {
            feed_poll_ms: 10,
            bus,
            ..Config::default()
        };
        let service = Service::new(Deps {
            db: tenure_customer_data::Db::new(db.clone(), &config.privacy),
            clock: Arc::new(tenure_testkit::manual_clock()),
            ids: Ids::seeded(2),
            config,
            lifecycle: lifecycle.clone(),
            peers: Peers::default(),
        });
        service.unwrap().spawn_jobs(&lifecycle);
        Self(lifecycle)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // In the midst of whatever it does, as a kill would.
        self.0.kill();
    }
}

/// Looks again and again until there is something to see.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(LOOK);
    let seen = tokio::time::timeout(PATIENCE, async {
        loop {
            ticks.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    });
    seen.await
        .unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Returns the messages of a stream once there are so many.
async fn messages(bus: &Context, stream: &str, count: u64) -> Vec<(String, Value, String)> {
    let found: Stream = eventually("a stream with messages", async || {
        let mut stream = bus.get_stream(stream).await.ok()?;
        (stream.info().await.ok()?.state.messages >= count).then_some(stream)
    })
    .await;
    let mut messages = Vec::new();
    for sequence in 1..=count {
        let message = found.get_raw_message(sequence).await.unwrap();
        let reason = message
            .headers
            .get("Tenure-Reason")
            .map(ToString::to_string);
        let payload = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
        messages.push((
            message.subject.to_string(),
            payload,
            reason.unwrap_or_default(),
        ));
    }
    messages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_on_the_bus_once_though_bus_and_service_are_killed() {
    each_backend(&MIGRATIONS, async |db| {
        let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
        let nats = Nats::start(folder.path(), address);
        let bus = BusConfig {
            url: nats.url(),
            ..BusConfig::default()
        };
        let mut suite = Suite::new(db.clone());
        let ids = |from: usize| {
            (from..from + 40)
                .map(|n| customer(&format!("C{n:03}")))
                .collect()
        };
        let replica = Replica::start(&db, bus.clone());
        suite.upsert(ids(0)).await.unwrap();
        messages(&nats.connect().await, "TENURE_CUSTOMER", 40).await;

        drop(nats);
        suite.upsert(ids(40)).await.unwrap();
        drop(replica);
        let nats = Nats::start(folder.path(), address);
        let replicas = [Replica::start(&db, bus.clone()), Replica::start(&db, bus)];
        suite.upsert(ids(80)).await.unwrap();
        suite
            .subscribe(vec![line("C001", "S1", "", "2024-02-01")])
            .await
            .unwrap();

        let bus = nats.connect().await;
        let told = messages(&bus, "TENURE_CUSTOMER", 121).await;
        let mut stream = bus.get_stream("TENURE_CUSTOMER").await.unwrap();
        assert_eq!(stream.info().await.unwrap().state.messages, 121);
        let ids: BTreeSet<String> = told
            .iter()
            .map(|(_, event, _)| event["id"].to_string())
            .collect();
        assert_eq!(ids.len(), 121);
        let of = |subject: &str| told.iter().filter(|it| it.0 == subject).count();
        assert_eq!(
            (
                of("tenure.customer.customer"),
                of("tenure.customer.subscription")
            ),
            (120, 1)
        );
        let (_, event, _) = told
            .iter()
            .find(|it| it.0.ends_with("subscription"))
            .unwrap();
        let words =
            ["specversion", "type", "subject", "time", "partitionkey"].map(|it| event[it].clone());
        let wanted = [
            "1.0",
            "tenure.customer.v1.Change.subscription",
            "C001",
            "2024-02-01T00:00:00Z",
            "C001",
        ];
        assert_eq!(words, wanted.map(Value::from));
        assert_eq!(event["data"]["subscription"]["productCode"], "BASIC");
        drop(replicas);
    })
    .await;
}

fn event(id: &str, request: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "crm",
        "type": format!("tenure.customer.v1.{request}"), "data": data,
    })
}

fn customers(id: &str, ids: &[&str]) -> Value {
    let customers = ids
        .iter()
        .map(|id| json!({"customerId": id, "kind": "CUSTOMER_KIND_INDIVIDUAL"}));
    let data = json!({"customers": customers.collect::<Vec<_>>()});
    event(id, "BatchUpsertCustomersRequest", &data)
}

/// What takes in interactions.
const CONTACTS: &str = "BatchUpsertInteractionsRequest";

fn contact(customer: &str) -> Value {
    json!({"interactions": [{
        "interactionId": "I1", "customerId": customer, "eventTime": "2024-05-01T10:00:00Z",
        "channel": "CHANNEL_CALL_CENTRE", "direction": "INTERACTION_DIRECTION_INBOUND",
        "kind": "INTERACTION_KIND_COMPLAINT", "reason": "BILLING",
    }]})
}

/// What cannot be taken in, each with the reason that its dead letter tells.
fn poison() -> [(String, &'static str); 6] {
    [
        ("no JSON".to_owned(), "INVALID_EVENT"),
        (
            event("3", "DropTableRequest", &json!({})).to_string(),
            "INVALID_EVENT",
        ),
        (
            event("4", CONTACTS, &json!({"interactions": 7})).to_string(),
            "INVALID_EVENT",
        ),
        (
            event("5", CONTACTS, &contact("nobody")).to_string(),
            "CUSTOMER_NOT_FOUND",
        ),
        (
            event("6", CONTACTS, &json!({"interactions": [{}]})).to_string(),
            "INVALID_FIELDS",
        ),
        (customers("1", &["eve"]).to_string(), "REQUEST_ID_REUSED"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_taken_in_once_and_what_cannot_be_is_a_dead_letter_with_the_reason() {
    each_backend(&MIGRATIONS, async |db| {
        let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
        let nats = Nats::start(folder.path(), address);
        let config = BusConfig {
            url: nats.url(),
            publish: false,
            consume: true,
            ..BusConfig::default()
        };
        let replica = Replica::start(&db, config.clone());
        let bus = nats.connect().await;
        eventually("the stream", async || {
            bus.get_stream("TENURE_CUSTOMER_IN").await.ok()
        })
        .await;
        let send = async |bus: &Context, payload: String| {
            let sent = bus
                .publish("tenure.in.customer.crm", payload.into())
                .await
                .unwrap();
            sent.await.unwrap();
        };
        send(&bus, customers("1", &["ada", "bob"]).to_string()).await;
        send(&bus, event("2", CONTACTS, &contact("ada")).to_string()).await;
        let poison = poison();
        for (payload, _) in &poison {
            send(&bus, payload.clone()).await;
        }

        drop(nats);
        drop(replica);
        let nats = Nats::start(folder.path(), address);
        let replicas = [
            Replica::start(&db, config.clone()),
            Replica::start(&db, config),
        ];
        let bus = nats.connect().await;
        // The same event again is the same request.
        send(&bus, customers("1", &["ada", "bob"]).to_string()).await;
        send(&bus, customers("7", &["cyd"]).to_string()).await;

        let mut suite = Suite::new(db.clone());
        let changes = eventually("the last event", async || {
            let changes = suite.changes().await;
            changes
                .iter()
                .any(|it| it.customer_id == "cyd")
                .then_some(changes)
        })
        .await;
        let mut whose: Vec<_> = changes.iter().map(|it| it.customer_id.as_str()).collect();
        whose.sort_unstable();
        assert_eq!(whose, ["ada", "ada", "bob", "cyd"]);
        let dead = messages(&bus, "TENURE_CUSTOMER_DEAD", 6).await;
        let reasons: Vec<_> = dead.iter().map(|it| it.2.as_str()).collect();
        assert_eq!(reasons, poison.each_ref().map(|it| it.1));
        drop(replicas);
    })
    .await;
}
