//! Reversals that are killed: a process of its own that goes away between and within steps.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tenure_core::{Ids, Span};
use tenure_customer_data::{Config, Deps, MIGRATIONS, Peers, PrivacyConfig, Service};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::customer::v1::import_reversal_service_client::ImportReversalServiceClient;
use tenure_rpc::{Lifecycle, in_process};
use tenure_sql::scratch::ScratchDatabase;
use tenure_sql::{Db, DbOptions};
use tenure_testkit::{manual_clock, postgres_server};
use uuid::Uuid;

use crate::suite::Suite;
use crate::tables::digests;

/// What the child finds in its folder when it is to do something: the URL of its database.
const ORDER: &str = "database.url";
const ROWS: u32 = 6_000;

async fn open(folder: &Path) -> Db {
    let url = std::fs::read_to_string(folder.join(ORDER)).unwrap();
    let options = DbOptions::default();
    Db::open(&url, &options, &MIGRATIONS).await.unwrap()
}

/// What the other tests start and kill. In a folder without an order it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_reverted_when_the_folder_says_so() {
    if !Path::new(ORDER).exists() {
        return;
    }
    let clock = manual_clock();
    clock.advance(Span::from_days(1));
    let deps = Deps {
        db: tenure_customer_data::Db::new(open(Path::new("")).await, &PrivacyConfig::default()),
        clock: Arc::new(clock),
        ids: Ids::seeded(1),
        config: Config::default(),
        lifecycle: Lifecycle::new(),
        peers: Peers::default(),
    };
    let transport = in_process(Service::new(deps).unwrap().routes());
    let mut customers = CustomerServiceClient::new(transport.clone());
    let imports = customers.list_imports(wire::ListImportsRequest::default());
    let imports = imports.await.unwrap().into_inner().imports;
    let second = imports.iter().find(|it| it.source_name == "second.csv");
    let import_id = second.unwrap().import_id.clone();
    let mut reversals = ImportReversalServiceClient::new(transport);
    let begin = wire::RevertImportRequest {
        request_id: Uuid::from_u128(1).to_string(),
        import_id: import_id.clone(),
        give_up_running: false,
    };
    reversals.revert_import(begin).await.unwrap();
    loop {
        let go_on = wire::RunImportReversalRequest {
            import_id: import_id.clone(),
            step_limit: 1,
        };
        let answer = reversals.run_import_reversal(go_on).await.unwrap();
        let reversal = answer.into_inner().import_reversal.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "step {}", reversal.removed_customer_count).unwrap();
        out.flush().unwrap();
        if reversal.state() == wire::ImportState::Reverted {
            return;
        }
    }
}

fn start(folder: &Path) -> Child {
    let test = "reversal_killed::an_import_is_reverted_when_the_folder_says_so";
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs the child until it has told so many steps and kills it, in the middle of the next one; or until it
/// ends. Returns true when it ended.
fn run(folder: &Path, kill_after: Option<usize>) -> bool {
    let mut child = start(folder);
    let mut steps = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let Ok(line) = line else { break };
        steps += usize::from(line.contains("step "));
        if kill_after == Some(steps) {
            // It may have ended by itself.
            let _ = child.kill();
        }
    }
    let status = child.wait().unwrap();
    assert!(status.success() || status.code().is_none(), "{status}");
    status.success()
}

fn rows(from: u32, name: &str) -> String {
    let row = |n: u32| {
        format!(
            "C{n},{name}{n},{name}{n},1,L0,+9991{n:06},1{}.00,B0,{},I0\n",
            name.len(),
            n % 9
        )
    };
    (from..ROWS).map(row).collect()
}

/// Fills a database with two files that overlap by half.
async fn filled(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let url = match url {
        "" => format!("sqlite://{}", folder.path().join("data.db").display()),
        url => url.to_owned(),
    };
    std::fs::write(folder.path().join(ORDER), url).unwrap();
    let db = open(folder.path()).await;
    let suite = Suite::new(db.clone());
    let first: String = rows(0, "A")
        .lines()
        .take(2_000)
        .map(|it| format!("{it}\n"))
        .collect();
    for (name, rows) in [("first.csv", first), ("second.csv", rows(1_000, "BB"))] {
        let sample = crate::reversal::file(&rows);
        let summary = sample.run_as(&suite, name).await.unwrap();
        assert_eq!(summary.import.rejected_row_count, 0);
        suite.clock.advance(Span::from_seconds(60));
    }
    db.close().await;
    folder
}

async fn tables(folder: &Path) -> BTreeMap<String, String> {
    let db = open(folder).await;
    let mut tables = digests(&db).await;
    // The requests that filled the databases had ids of their own.
    tables.remove("answer");
    db.close().await;
    tables
}

async fn killed_ends_like_whole(killed: &Path, whole: &Path) {
    let killed_often = [1, 3, 7, 5].map(|steps| !run(killed, Some(steps)));
    assert!(
        killed_often.contains(&true),
        "it was never killed in the middle"
    );
    assert!(run(killed, None));
    assert!(run(whole, None));

    let (one, other) = (tables(killed).await, tables(whole).await);
    assert!(other["customer"].starts_with("2000 rows"), "{other:?}");
    // Of the first file, which could still be taken back, and not of the second.
    assert!(other["import_undo"].starts_with("2000 rows"), "{other:?}");
    assert_eq!(one, other);
}

#[tokio::test]
async fn killed_in_the_middle_a_reversal_ends_with_the_same_database() {
    let (killed, whole) = (filled("").await, filled("").await);

    killed_ends_like_whole(killed.path(), whole.path()).await;
}

#[tokio::test]
async fn killed_in_the_middle_on_postgresql_a_reversal_ends_with_the_same_database() {
    let server = postgres_server();
    let killed = ScratchDatabase::create(&server).await.unwrap();
    let whole = ScratchDatabase::create(&server).await.unwrap();
    let folders = (filled(&killed.url()).await, filled(&whole.url()).await);

    killed_ends_like_whole(folders.0.path(), folders.1.path()).await;

    killed.drop().await.unwrap();
    whole.drop().await.unwrap();
}
