//! Files to take in, each in a folder of its own.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use tenure_customer_data::import::{
    DifferenceFile, ImportError, Job, Observer, Preview, RejectFile, Silent, Summary, digest,
    preview, run,
};
use tenure_proto::customer::v1 as wire;
use tenure_testkit::request_id;

use crate::suite::Suite;

pub(crate) const MAPPING: &str = r#"
    snapshot = "2024-10-01"
    currency = "EUR"
    row_bytes_max = 400
    skip = ["note"]

    [customer]
    customer_id = { column = "id" }
    kind = { column = "kind", values = { p = "INDIVIDUAL", o = "ORGANISATION" }, blank = "INDIVIDUAL" }
    join_time = { column = "joined", format = "%d.%m.%Y" }

    [customer.external_ids]
    crm = { column = "crm" }

    [attributes]
    age = { column = "age", type = "integer" }

    [[subscriptions]]
    subscription_id = { template = "{id}-{row}" }
    service = { constant = "MOBILE" }
    product_code = { constant = "BASIC" }
    msisdn = { column = "number" }
    start_time = { column = "tenure", before_snapshot = "months" }
    monthly_fee = { column = "fee" }

    [subscriptions.termination]
    when = { column = "churn", is = ["Yes"], otherwise = ["No"] }
    terminate_time = { constant = 1, after_snapshot = "days" }
    churn_kind = { constant = "UNSTATED" }
"#;
pub(crate) const HEADER: &str = "id,kind,joined,crm,age,number,tenure,fee,churn,note\n";

/// A file in a folder of its own, and what was refused of it.
pub(crate) struct Sample {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) bytes: Vec<u8>,
    pub(crate) mapping: String,
}

impl Sample {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            bytes: bytes.into(),
            mapping: MAPPING.into(),
        }
    }

    pub(crate) fn rows(rows: &str) -> Self {
        Self::new(format!("{HEADER}{rows}"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("file.csv")
    }

    pub(crate) fn job(&self) -> Job {
        let (content_digest, size_bytes) = digest(self.bytes.as_slice()).unwrap();
        Job {
            source_name: "file.csv".into(),
            content_digest,
            size_bytes,
            mapping: self.mapping.clone(),
            request_id: request_id(),
        }
    }

    pub(crate) async fn run(&self, suite: &Suite) -> Result<Summary, ImportError> {
        self.observed(suite, &mut Silent).await
    }

    pub(crate) async fn observed(
        &self,
        suite: &Suite,
        observer: &mut dyn Observer,
    ) -> Result<Summary, ImportError> {
        let mut rejects = RejectFile::beside(&self.path());
        let mut source = Cursor::new(self.bytes.clone());
        // Whoever took the digest leaves a file at its end.
        source.set_position(self.bytes.len() as u64);
        run(
            suite.transport.clone(),
            &self.job(),
            source,
            &mut rejects,
            observer,
        )
        .await
    }

    /// Takes the file in under a name.
    pub(crate) async fn run_as(&self, suite: &Suite, name: &str) -> Result<Summary, ImportError> {
        let job = Job {
            source_name: name.into(),
            ..self.job()
        };
        let mut rejects = RejectFile::beside(&self.path());
        let source = Cursor::new(self.bytes.clone());
        let transport = suite.transport.clone();
        run(transport, &job, source, &mut rejects, &mut Silent).await
    }

    /// Asks what an import would do, and returns that, the rejects and up to some differences.
    pub(crate) async fn preview(&self, suite: &Suite, limit: usize) -> (Preview, String, String) {
        let [refused, differing] =
            ["refused.csv", "differing.csv"].map(|it| self.folder.path().join(it));
        let mut rejects = RejectFile::at(&refused);
        let mut differences = DifferenceFile::create(&differing, limit).unwrap();
        let size = i64::try_from(self.bytes.len()).unwrap();
        let file = (self.mapping.as_str(), size, Cursor::new(self.bytes.clone()));
        let transport = suite.transport.clone();
        let told = preview(transport, file, &mut rejects, &mut differences, &mut Silent).await;
        let [refused, differing] =
            [refused, differing].map(|path| std::fs::read_to_string(path).unwrap_or_default());
        (told.unwrap(), refused, differing)
    }

    /// Runs until the source breaks after some bytes.
    pub(crate) async fn run_until(&self, suite: &Suite, breaks_at: u64) -> ImportError {
        let (job, mut rejects) = (self.job(), RejectFile::beside(&self.path()));
        let source = Breaking {
            source: Cursor::new(self.bytes.clone()),
            breaks_at,
        };
        run(
            suite.transport.clone(),
            &job,
            source,
            &mut rejects,
            &mut Silent,
        )
        .await
        .unwrap_err()
    }

    pub(crate) fn rejects(&self) -> String {
        let path = RejectFile::beside(&self.path()).path().to_owned();
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

/// Reads up to a byte, then fails, as a process does that is killed there.
struct Breaking {
    source: Cursor<Vec<u8>>,
    breaks_at: u64,
}

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.breaks_at.saturating_sub(self.source.position());
        let length = buffer.len().min(usize::try_from(left).unwrap());
        if length == 0 {
            return Err(io::Error::other("broken off"));
        }
        self.source.read(&mut buffer[..length])
    }
}

impl Seek for Breaking {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

pub(crate) fn counts(import: &wire::Import) -> (i64, i64) {
    (import.accepted_row_count, import.rejected_row_count)
}
