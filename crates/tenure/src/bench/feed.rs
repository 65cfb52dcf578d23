//! Changes a second to one reader of a feed, beside the same rows by a plain SELECT; and a new reader
//! who takes a snapshot while others write.

mod fill;
mod snapshot;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_rpc::Transport;
use tenure_sql::feed::{self, Positions};
use tenure_sql::{Db, DbOptions};

use super::cpu::Used;
use super::server::{Backend, TestServer};
use crate::cli::FeedArgs;
use crate::service::ServiceName;
use crate::show::{self, grouped};

/// Changes of a page of the plain SELECT: as many as in a message.
const PAGE: usize = 1_000;

/// Measures both and prints them.
///
/// # Errors
/// When a server does not start, a change is missing, or the reader's table is not the server's.
pub async fn feed(postgres: Option<&str>, length: Duration, args: &FeedArgs) -> Result<()> {
    let mut backends = vec![Backend::Sqlite];
    backends.extend(postgres.map(Backend::Postgres));
    let (mut tails, mut snapshots) = (Vec::new(), Vec::new());
    for backend in backends {
        tails.push(tail(backend, length, args.changes).await?);
        snapshots.push(snapshot::measure(backend, args).await?);
    }
    show::heading("The feed to one reader, who decodes it, beside a plain SELECT of the same rows");
    let headings = [
        "Database",
        "Changes#",
        "Bytes each#",
        "SELECT rows/s#",
        "Changes/s#",
        "Ratio#",
        "CPU us a change (client + server + PostgreSQL)#",
    ];
    show::table(&headings, &tails);
    show::heading("A new reader takes a snapshot while others write; its table is the server's");
    let headings = [
        "Database",
        "Facts#",
        "Writes/s wanted#",
        "Writes/s done#",
        "Snapshot s#",
        "Facts and changes/s#",
        "Server MB before / after#",
    ];
    show::table(&headings, &snapshots);
    Ok(())
}

/// How fast something went, and what it took.
struct Speed {
    count: u64,
    elapsed: Duration,
    used: Used,
}

#[expect(clippy::cast_precision_loss, reason = "rates")]
impl Speed {
    fn rate(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }

    fn cpu(&self) -> String {
        let each = |micros: u64| micros as f64 / self.count as f64;
        let used = [self.used.client, self.used.server, self.used.postgres].map(each);
        format!("{:.2} + {:.2} + {:.2}", used[0], used[1], used[2])
    }
}

async fn tail(backend: Backend<'_>, length: Duration, changes: u32) -> Result<Vec<String>> {
    show::note(&format!("{}: filling a feed ...", backend.name()));
    let mut bytes = 0;
    let server = TestServer::start_on(backend, &[], &ServiceName::ALL, async |url| {
        let db = open(&url).await?;
        bytes = fill::feed(&db, changes).await?;
        db.close().await;
        Ok(())
    })
    .await?;
    let db = open(&server.database(ServiceName::CustomerData)).await?;
    let transport = server.connect()?;
    // Once unmeasured: caches are warm for all that follows.
    read(&transport, server.id(), changes, Duration::ZERO).await?;
    show::note(&format!("{}: reading it ...", backend.name()));
    let selected = select(&db, changes, length).await?;
    let speed = read(&transport, server.id(), changes, length).await?;
    db.close().await;
    server.stop().await?;
    Ok(vec![
        backend.name().to_owned(),
        grouped(changes.into()),
        (bytes / u64::from(changes)).to_string(),
        format!("{:.0}", selected.rate()),
        format!("{:.0}", speed.rate()),
        format!("{:.2}", speed.rate() / selected.rate()),
        speed.cpu(),
    ])
}

async fn open(url: &str) -> Result<Db> {
    let options = crate::config::Config::default().db_options(url);
    let options = DbOptions {
        connections_max: 4,
        ..options
    };
    let migrations = ServiceName::CustomerData.migrations();
    Db::open(url, &options, migrations)
        .await
        .context("cannot open the database of the feed")
}

/// Reads the rows in this process, as often as there is time, once at least.
async fn select(db: &Db, changes: u32, length: Duration) -> Result<Speed> {
    let (begin, used) = (Instant::now(), Used::now(0));
    let mut count = 0;
    while count == 0 || begin.elapsed() < length {
        let (mut at, mut found) = (Positions::start(), 0);
        loop {
            let (changes, next) = feed::read(db, &at, &[], PAGE).await?;
            found += changes.len() as u64;
            if next == at {
                break;
            }
            at = next;
        }
        ensure!(found >= u64::from(changes), "{found} changes of {changes}");
        count += found;
    }
    Ok(Speed {
        count,
        elapsed: begin.elapsed(),
        used: Used::now(0).since(used),
    })
}

/// Reads the feed over its RPC, as often as there is time, once at least.
async fn read(transport: &Transport, server: u32, changes: u32, length: Duration) -> Result<Speed> {
    let (begin, used) = (Instant::now(), Used::now(server));
    let mut count = 0;
    while count == 0 || begin.elapsed() < length {
        let mut client = CustomerServiceClient::new(transport.clone());
        let all = pb::WatchChangesRequest::default();
        let mut stream = client.watch_changes(all).await?.into_inner();
        let mut found = 0;
        while let Some(message) = stream.message().await? {
            found += message.changes.len() as u64;
        }
        ensure!(found >= u64::from(changes), "{found} changes of {changes}");
        count += found;
    }
    Ok(Speed {
        count,
        elapsed: begin.elapsed(),
        used: Used::now(server).since(used),
    })
}
