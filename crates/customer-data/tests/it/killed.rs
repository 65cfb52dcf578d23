//! Imports that are killed: service and reader in a process of their own, without any farewell.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tenure_core::Ids;
use tenure_customer_data::import::{Job, Observer, Progress, RejectFile, digest, run};
use tenure_customer_data::{Config, Deps, MIGRATIONS, Peers, PrivacyConfig, Service};
use tenure_rpc::{Lifecycle, in_process};
use tenure_sql::scratch::ScratchDatabase;
use tenure_sql::{Db, DbOptions};
use tenure_testkit::{manual_clock, postgres_server};
use uuid::Uuid;

use crate::sample::{HEADER, MAPPING};
use crate::tables::digests;

/// Rows of the file: several batches.
const ROWS: u32 = 21_000;
/// What the child finds in its folder when it is to do something: the URL of its database.
const ORDER: &str = "database.url";
const FILE: &str = "file.csv";

/// What the other tests start and kill. In a folder without an order it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_taken_in_when_the_folder_says_so() {
    let Ok(url) = std::fs::read_to_string(ORDER) else {
        return;
    };
    let db = Db::open(&url, &DbOptions::default(), &MIGRATIONS)
        .await
        .unwrap();
    let deps = Deps {
        db: tenure_customer_data::Db::new(db, &PrivacyConfig::default()),
        clock: Arc::new(manual_clock()),
        ids: Ids::seeded(1),
        config: Config::default(),
        lifecycle: Lifecycle::new(),
        peers: Peers::default(),
    };
    let transport = in_process(Service::new(deps).unwrap().routes());
    let file = File::open(FILE).unwrap();
    let (content_digest, size_bytes) = digest(&file).unwrap();
    let job = Job {
        source_name: FILE.into(),
        content_digest,
        size_bytes,
        mapping: MAPPING.into(),
        request_id: Uuid::from_u128(1),
    };
    let mut rejects = RejectFile::beside(Path::new(FILE));
    run(transport, &job, file, &mut rejects, &mut Tell)
        .await
        .unwrap();
}

/// Tells the parent about every batch.
struct Tell;

impl Observer for Tell {
    fn observe(&mut self, progress: Progress) {
        let mut out = std::io::stdout();
        writeln!(out, "rows {}", progress.accepted_rows).unwrap();
        out.flush().unwrap();
    }
}

/// When a child is killed: so long after so many batches that this run finished.
type Kill = (usize, Duration);

/// Runs the child until it ends, or is killed; true when it ended by itself.
fn child(folder: &Path, kill: Option<Kill>) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::a_file_is_taken_in_when_the_folder_says_so",
            "--nocapture",
        ])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (tell, told) = channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let rows = |line: &String| line.contains("rows ");
        for line in out.lines().map_while(Result::ok).filter(rows) {
            let _ = tell.send(line);
        }
    });
    if let Some((batches, after)) = kill {
        let was_told = (0..batches).all(|_| told.recv().is_ok());
        // Nobody is told anything meanwhile that would matter: this only waits.
        let (_open, never) = channel::<()>();
        let waited = never.recv_timeout(after) == Err(RecvTimeoutError::Timeout);
        assert!(waited, "nobody says anything there");
        if was_told {
            child.kill().unwrap();
        }
    }
    let ended = end(&mut child);
    reader.join().unwrap();
    ended
}

fn end(child: &mut Child) -> bool {
    let status = child.wait().unwrap();
    // A signal has no code.
    assert!(
        status.success() || status.code().is_none(),
        "the import failed: {status}"
    );
    status.success()
}

/// A file in a folder for the child.
fn folder(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = HEADER.to_owned();
    for number in 0..ROWS {
        let id = if number % 7 == 3 {
            format!("C {number}")
        } else {
            format!("C{number}")
        };
        let tenure = if number % 100 == 50 { "x" } else { "3" };
        let msisdn = 100_000_000 + u64::from(number) * 7_919 % 1_000_003;
        text.push_str(&format!(
            "{id},p,,crm{number},{},+999{msisdn},{tenure},,No,\n",
            number % 90
        ));
    }
    std::fs::write(folder.path().join(FILE), text).unwrap();
    let order = match url {
        "" => format!("sqlite://{}", folder.path().join("data.db").display()),
        url => url.to_owned(),
    };
    std::fs::write(folder.path().join(ORDER), order).unwrap();
    folder
}

/// Returns the digest of each table.
async fn tables(folder: &Path) -> BTreeMap<String, String> {
    let url = std::fs::read_to_string(folder.join(ORDER)).unwrap();
    let db = Db::open(&url, &DbOptions::default(), &MIGRATIONS)
        .await
        .unwrap();
    let digests = digests(&db).await;
    db.close().await;
    digests
}

/// Points in the first, a middle and the last batches, while others are on their way.
const KILLS: [Kill; 4] = [
    (0, Duration::from_millis(300)),
    (1, Duration::from_millis(20)),
    (1, Duration::from_millis(90)),
    (2, Duration::ZERO),
];

/// Kills an import several times, lets it end, and compares with one that nobody disturbed.
async fn killed_ends_like_whole(killed: &Path, whole: &Path) {
    let kills = KILLS
        .into_iter()
        .filter(|kill| !child(killed, Some(*kill)))
        .count();
    assert!(kills > 1, "it was killed {kills} times in the middle");
    assert!(child(killed, None));
    assert!(child(whole, None));

    let (one, other) = (tables(killed).await, tables(whole).await);
    let refused = (0..ROWS).filter(|n| n % 100 == 50 || n % 7 == 3).count();
    let customers = format!("{} rows", usize::try_from(ROWS).unwrap() - refused);
    assert!(other["customer"].starts_with(&customers), "{other:?}");
    assert_eq!(one, other);
    let rejects = |folder: &Path| std::fs::read_to_string(folder.join("file.csv.rejects.csv"));
    assert_eq!(rejects(killed).unwrap(), rejects(whole).unwrap());
}

#[tokio::test]
async fn killed_in_the_middle_an_import_ends_with_the_same_database() {
    let (killed, whole) = (folder(""), folder(""));

    killed_ends_like_whole(killed.path(), whole.path()).await;
}

#[tokio::test]
async fn killed_in_the_middle_on_postgresql_it_ends_with_the_same_database() {
    let server = postgres_server();
    let killed = ScratchDatabase::create(&server).await.unwrap();
    let whole = ScratchDatabase::create(&server).await.unwrap();

    killed_ends_like_whole(folder(&killed.url()).path(), folder(&whole.url()).path()).await;

    killed.drop().await.unwrap();
    whole.drop().await.unwrap();
}
