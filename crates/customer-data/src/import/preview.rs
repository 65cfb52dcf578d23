//! What a file would do: the reader of an import, and a service that decides and does not write.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read, Seek};
use std::path::Path;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::import_service_client::ImportServiceClient;
use tenure_rpc::{Transport, retry_unavailable};
use tonic::Request;

use super::Reject;
use super::mapping::Mapping;
use super::progress::{Observer, Progress};
use super::reader::{Opening, ReadRows, Reader};
use super::rejects::RejectFile;
use super::run::{ATTEMPTS, DEADLINE, ImportError};

/// What a call shows at most.
const DIFFERENCES_OF_CALL_MAX: usize = 1_000;

/// What would become of the facts of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many would be new.
    pub created: i64,
    /// How many are known and would change.
    pub updated: i64,
    /// How many are known as they are.
    pub unchanged: i64,
}

/// What would become of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// How many rows would be taken in.
    pub accepted_rows: i64,
    /// How many rows would be refused.
    pub rejected_rows: i64,
    /// The facts in the rows that would be taken in, by their kind.
    pub facts: BTreeMap<String, Counts>,
    /// In how many facts a field would change, by the kind of the fact and the field.
    pub fields: BTreeMap<(String, String), i64>,
    /// How many differences the file of them shows.
    pub differences: usize,
}

/// Where the first differences go, with personal data: line, kind, customer, field, before, after.
#[derive(Debug)]
pub struct DifferenceFile {
    writer: csv::Writer<File>,
    left: usize,
}

impl DifferenceFile {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, limit: usize) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(File::create(path)?);
        writer.write_record(["line", "kind", "customer", "field", "before", "after"])?;
        Ok(Self {
            writer,
            left: limit,
        })
    }

    /// Writes what there is still room for, and returns how many that was.
    fn add(&mut self, differences: &[wire::FieldDifference]) -> io::Result<usize> {
        let shown = differences.len().min(self.left);
        for it in &differences[..shown] {
            let line = it.line.to_string();
            let row = [
                &line,
                &it.kind,
                &it.customer_id,
                &it.field,
                &it.before,
                &it.after,
            ];
            self.writer.write_record(row)?;
        }
        self.left -= shown;
        Ok(shown)
    }
}

/// Says what an import of a file would do, and writes nothing but the rejects and the first differences into
/// files. Rows that come one after the other know of each other within a batch; beyond it only a customer
/// who comes twice is found.
///
/// # Errors
/// When mapping and file do not fit, the service refuses, or a file cannot be read or written.
pub async fn preview(
    transport: Transport,
    (mapping, size_bytes, mut source): (&str, i64, impl Read + Seek + Send + 'static),
    rejects: &mut RejectFile,
    differences: &mut DifferenceFile,
    observer: &mut dyn Observer,
) -> Result<Preview, ImportError> {
    let mapping = Mapping::parse(mapping)?;
    let opening = Opening::of(&mapping, &mut source)?;
    let start = opening.start;
    let mut reader = opening.read(source, start, 0)?;
    let client = ImportServiceClient::new(transport);
    let mut seen = Seen::default();
    let mut preview = Preview::default();
    rejects.open_at(0)?;
    loop {
        let mut rows = reader.next_rows()?;
        let is_last = rows.is_last;
        rows.rejects
            .extend(seen.take_known(&reader, &mut rows.records));
        let told = ask(&client, &rows, differences.left).await?;
        seen.add(&rows.records, &told.rejects);
        preview.differences += differences.add(&told.differences)?;
        rejects.add(&preview.add(&reader, rows, told))?;
        observer.observe(Progress {
            done_bytes: reader.done().0,
            total_bytes: size_bytes,
            accepted_rows: preview.accepted_rows,
            rejected_rows: preview.rejected_rows,
        });
        if is_last {
            break;
        }
    }
    differences.writer.flush()?;
    rejects.complete(preview.rejected_rows > 0)?;
    Ok(preview)
}

async fn ask(
    client: &ImportServiceClient<Transport>,
    rows: &ReadRows,
    differences: usize,
) -> Result<wire::PreviewImportBatchResponse, ImportError> {
    let limit = differences.min(DIFFERENCES_OF_CALL_MAX);
    let request = wire::PreviewImportBatchRequest {
        records: rows.records.clone(),
        difference_limit: i32::try_from(limit).expect("at most 1,000"),
    };
    let told = retry_unavailable(ATTEMPTS, || {
        let mut client = client.clone();
        let mut request = Request::new(request.clone());
        request.set_timeout(DEADLINE);
        async move { client.preview_import_batch(request).await }
    });
    Ok(told.await?.into_inner())
}

impl Preview {
    /// Adds what was told of a batch, and returns its rejects by lines.
    fn add<S: Read + Seek + Send + 'static>(
        &mut self,
        reader: &Reader<S>,
        rows: ReadRows,
        told: wire::PreviewImportBatchResponse,
    ) -> Vec<Reject> {
        self.accepted_rows += told.accepted_row_count;
        self.rejected_rows = reader.rows_done() - self.accepted_rows;
        for it in told.facts {
            let counts = self.facts.entry(it.kind).or_default();
            counts.created += it.created_count;
            counts.updated += it.updated_count;
            counts.unchanged += it.unchanged_count;
        }
        for it in told.fields {
            *self.fields.entry((it.kind, it.field)).or_default() += it.count;
        }
        let mut rejects = rows.rejects;
        rejects.extend(told.rejects.into_iter().map(|it| reader.named(it)));
        rejects.sort_by_key(|reject| reject.line);
        rejects
    }
}

/// The customers of the file so far, by hashes of their ids: 16 bytes for each, and the line.
#[derive(Default)]
struct Seen(HashMap<u64, i64>);

impl Seen {
    /// Takes out the rows of customers who came with an earlier batch, and refuses them as an import does.
    fn take_known<S: Read + Seek + Send + 'static>(
        &self,
        reader: &Reader<S>,
        records: &mut Vec<wire::ImportRecord>,
    ) -> Vec<Reject> {
        let mut rejects = Vec::new();
        records.retain(|record| {
            let Some(line) = self.0.get(&hash(record)) else {
                return true;
            };
            rejects.push(reader.named(wire::RowReject {
                line: record.line,
                column: "customer.customer_id".to_owned(),
                wanted: "each customer once in a file".to_owned(),
                found: format!("the customer of line {line}"),
            }));
            false
        });
        rejects
    }

    /// Notes the customers whose rows would be taken in.
    fn add(&mut self, records: &[wire::ImportRecord], rejects: &[wire::RowReject]) {
        // Both are in the order of the lines.
        let mut rejects = rejects.iter().map(|reject| reject.line).peekable();
        for record in records {
            while rejects.next_if(|line| *line < record.line).is_some() {}
            if rejects.peek() != Some(&record.line) {
                self.0.insert(hash(record), record.line);
            }
        }
    }
}

fn hash(record: &wire::ImportRecord) -> u64 {
    let mut hasher = DefaultHasher::new();
    let customer = record.customer.as_ref();
    customer.map_or("", |it| &it.customer_id).hash(&mut hasher);
    hasher.finish()
}
