//! One run of an import: finds out how far an earlier one came, and sends the rest.
//!
//! It reads files in the calling task: it is meant for a program that does nothing else meanwhile.

use std::collections::VecDeque;
use std::io::{self, Read, Seek};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_rpc::{Transport, retry_unavailable};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use super::Reject;
use super::mapping::{Mapping, MappingError, hex};
use super::plan::PlanError;
use super::progress::{Observer, Progress};
use super::reader::{Opening, Reader};
use super::rejects::{RejectFile, Resume};

/// Batches that are on their way at once: one is written, one is read by the service, one by us.
const BATCHES_SENT_MAX: usize = 3;
/// A batch may take this long.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
/// How often a call is tried.
pub(super) const ATTEMPTS: u32 = 4;

/// What is to be taken in.
#[derive(Debug, Clone)]
pub struct Job {
    /// Name of the file, for people.
    pub source_name: String,
    /// [`digest`] of the file.
    pub content_digest: String,
    /// Bytes of the file.
    pub size_bytes: i64,
    /// The mapping's text.
    pub mapping: String,
    /// A new id for this run.
    pub request_id: Uuid,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The import as it is now.
    pub import: wire::Import,
    /// An earlier run had finished it: this one did nothing.
    pub was_complete: bool,
}

/// Why a run ended early. A further run goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The mapping cannot be read. Nothing was sent.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The mapping does not fit the file. Nothing was sent.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The file has no header that can be read. Nothing was sent.
    #[error("the file has no header: {0}")]
    Header(String),
    /// The file is no Parquet file that can be read. What was sent before stays.
    #[error("the Parquet file cannot be read: {0}")]
    Parquet(String),
    /// The file, or the one of rejects, cannot be read or written.
    #[error("cannot read or write")]
    Io(#[from] io::Error),
    /// The service refused.
    #[error("the service refused: {}", .0.message())]
    Service(Box<Status>),
    /// The service did not answer.
    #[error(
        "the service cannot be reached: {}; running the import again goes on where it stopped",
        .0.message()
    )]
    Unreachable(Box<Status>),
    /// The service answered without what it promised.
    #[error("the service answered without an import")]
    Incomplete,
}

impl From<Status> for ImportError {
    fn from(status: Status) -> Self {
        // Only the service gives reasons: all else comes from the way there.
        let is_answer = tenure_rpc::status::reason(&status).is_some();
        let is_lost = matches!(
            status.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown
        );
        if is_lost && !is_answer {
            return Self::Unreachable(Box::new(status));
        }
        Self::Service(Box::new(status))
    }
}

/// Returns the digest and the size of a file.
///
/// # Errors
/// When it cannot be read.
pub fn digest(mut source: impl Read) -> io::Result<(String, i64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            return Ok((hex(&hash.finalize()), size));
        }
        hash.update(&buffer[..read]);
        size += i64::try_from(read).expect("a buffer is not that large");
    }
}

/// Takes in a file: all of it, or what an earlier run left. Two runs at once do each batch once.
///
/// # Errors
/// When mapping and file do not fit, the service refuses, or a file cannot be read or written.
pub async fn run(
    transport: Transport,
    job: &Job,
    mut source: impl Read + Seek + Send + 'static,
    rejects: &mut RejectFile,
    observer: &mut dyn Observer,
) -> Result<Summary, ImportError> {
    let mapping = Mapping::parse(&job.mapping)?;
    let opening = Opening::of(&mapping, &mut source)?;
    let mut client = CustomerServiceClient::new(transport);
    let import = begin(&mut client, job).await?;
    let is_complete = import.state() == wire::ImportState::Completed;
    let Some(from) = resume(&import, rejects, opening.start) else {
        return Ok(Summary {
            import,
            was_complete: true,
        });
    };
    if is_complete && from.batch_number == import.next_batch_number {
        // The earlier run ended between the last batch and its own end.
        rejects.complete(import.rejected_row_count > 0)?;
        return Ok(Summary {
            import,
            was_complete: true,
        });
    }
    rejects.open_at(from.reject_bytes)?;
    let done = (from.done_bytes, from.done_lines);
    let reader = opening.read(source, done, from.done_rows)?;
    let mut run = Run {
        reader,
        at: from,
        import,
    };
    let observe = |import: &wire::Import, next: &Resume| {
        observer.observe(Progress {
            done_bytes: next.done_bytes,
            total_bytes: job.size_bytes,
            accepted_rows: import.accepted_row_count,
            rejected_rows: import.rejected_row_count,
        });
    };
    run.send_all(&client, rejects, observe).await?;
    rejects.complete(run.import.rejected_row_count > 0)?;
    Ok(Summary {
        import: run.import,
        was_complete: is_complete,
    })
}

async fn begin(
    client: &mut CustomerServiceClient<Transport>,
    job: &Job,
) -> Result<wire::Import, ImportError> {
    let request = wire::CreateImportRequest {
        request_id: job.request_id.to_string(),
        source_name: job.source_name.clone(),
        content_digest: job.content_digest.clone(),
        mapping_digest: Mapping::digest(&job.mapping),
    };
    let created = retry_unavailable(ATTEMPTS, || {
        let (mut client, request) = (client.clone(), request.clone());
        async move { client.create_import(request).await }
    });
    created
        .await?
        .into_inner()
        .import
        .ok_or(ImportError::Incomplete)
}

/// Returns where to go on; nothing when nothing is left to do.
fn resume(import: &wire::Import, rejects: &RejectFile, start: (i64, i64)) -> Option<Resume> {
    let known = rejects.resume(&import.import_id);
    let known = known.filter(|known| known.batch_number <= import.next_batch_number);
    let is_complete = import.state() == wire::ImportState::Completed;
    let has_rejects = import.rejected_row_count == 0 || rejects.path().exists();
    match known {
        Some(known) => Some(known),
        None if is_complete && has_rejects => None,
        // Nobody knows which rejects were written: all batches are sent again, and those that are
        // done are answered as they were.
        None => Some(Resume {
            import_id: import.import_id.clone(),
            batch_number: 0,
            done_bytes: start.0,
            done_lines: start.1,
            done_rows: 0,
            reject_bytes: 0,
        }),
    }
}

struct Run<S> {
    reader: Reader<S>,
    at: Resume,
    import: wire::Import,
}

/// Rows that are sent together, and what the reader refused among them.
struct Batch {
    request: wire::ApplyImportBatchRequest,
    rejects: Vec<Reject>,
    /// Where the file is when it is done.
    next: Resume,
}

/// A batch on its way.
struct Sent {
    /// What is needed to send it again.
    request: Arc<wire::ApplyImportBatchRequest>,
    answer: AbortOnDropHandle<Result<wire::ApplyImportBatchResponse, Status>>,
    rejects: Vec<Reject>,
    next: Resume,
}

type Client = CustomerServiceClient<Transport>;

impl<S: Read + Seek + Send + 'static> Run<S> {
    /// Sends what is left of the file. Several batches are on their way at once, and are finished in
    /// their order.
    async fn send_all(
        &mut self,
        client: &Client,
        file: &mut RejectFile,
        mut observe: impl FnMut(&wire::Import, &Resume),
    ) -> Result<(), ImportError> {
        let mut sent = VecDeque::new();
        let mut read = Ok(());
        let mut is_read = false;
        loop {
            while !is_read && sent.len() < BATCHES_SENT_MAX {
                match self.next_batch() {
                    Ok(batch) => {
                        is_read = batch.request.last;
                        sent.push_back(send(client, batch));
                        // Lets what was sent go on its way before the next is read.
                        tokio::task::yield_now().await;
                    }
                    // What is on its way is finished before the end.
                    Err(error) => (is_read, read) = (true, Err(error)),
                }
            }
            let Some(first) = sent.pop_front() else {
                return read;
            };
            let next = self.finish(client, first, file).await?;
            observe(&self.import, &next);
        }
    }

    fn next_batch(&mut self) -> Result<Batch, ImportError> {
        let read = self.reader.next_rows()?;
        self.at.done_rows = self.reader.rows_done();
        (self.at.done_bytes, self.at.done_lines) = self.reader.done();
        let request = wire::ApplyImportBatchRequest {
            request_id: batch_request_id(&self.at)?.to_string(),
            import_id: self.at.import_id.clone(),
            batch_number: self.at.batch_number,
            done_bytes: self.at.done_bytes,
            done_lines: self.at.done_lines,
            records: read.records,
            reader_reject_count: read.refused_rows,
            last: read.is_last,
        };
        self.at.batch_number += 1;
        Ok(Batch {
            request,
            rejects: read.rejects,
            next: self.at.clone(),
        })
    }

    /// Waits for the answer to the first batch on its way, and writes what was refused of it.
    async fn finish(
        &mut self,
        client: &Client,
        sent: Sent,
        file: &mut RejectFile,
    ) -> Result<Resume, ImportError> {
        let answer = match sent.answer.await.map_err(io::Error::other)? {
            // It overtook the one before, which is done by now.
            Err(status) if is_too_early(&status) => {
                apply(client.clone(), sent.request.clone()).await?
            }
            answer => answer?,
        };
        self.import = answer.import.ok_or(ImportError::Incomplete)?;
        let mut rejects = sent.rejects;
        rejects.extend(
            answer
                .rejects
                .into_iter()
                .map(|reject| self.reader.named(reject)),
        );
        rejects.sort_by_key(|reject| reject.line);
        file.finish_batch(&rejects, sent.next.clone())?;
        Ok(sent.next)
    }
}

fn is_too_early(status: &Status) -> bool {
    tenure_rpc::status::reason(status).as_deref() == Some("IMPORT_BATCH_OUT_OF_ORDER")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the task ends with its handle, which the run holds"
)]
fn send(client: &Client, batch: Batch) -> Sent {
    let request = Arc::new(batch.request);
    let answer = tokio::spawn(apply(client.clone(), request.clone()));
    Sent {
        request,
        answer: AbortOnDropHandle::new(answer),
        rejects: batch.rejects,
        next: batch.next,
    }
}

async fn apply(
    client: Client,
    request: Arc<wire::ApplyImportBatchRequest>,
) -> Result<wire::ApplyImportBatchResponse, Status> {
    let answer = retry_unavailable(ATTEMPTS, || {
        let mut client = client.clone();
        let mut request = Request::new(wire::ApplyImportBatchRequest::clone(&request));
        request.set_timeout(DEADLINE);
        async move { client.apply_import_batch(request).await }
    });
    Ok(answer.await?.into_inner())
}

/// Returns the request id of a batch: the same in every run.
fn batch_request_id(at: &Resume) -> Result<Uuid, ImportError> {
    let import = Uuid::try_parse(&at.import_id).map_err(|_| ImportError::Incomplete)?;
    Ok(Uuid::new_v5(&import, &at.batch_number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn an_error_does_not_repeat_its_source() {
        let io = ImportError::from(io::Error::other("broken off"));
        let mapping = ImportError::from(Mapping::parse("[custom]").unwrap_err());
        for error in [io, mapping] {
            let source = error.source().unwrap().to_string();
            assert!(!error.to_string().contains(source.trim()), "{error}");
        }
    }

    #[test]
    fn a_service_that_cannot_be_reached_did_not_refuse() {
        let lost = ImportError::from(Status::unavailable("tcp connect error")).to_string();
        assert!(
            lost.contains("cannot be reached: tcp connect error"),
            "{lost}"
        );
        assert!(lost.contains("running the import again"), "{lost}");

        let answer = crate::Error::ImportCompleted("1".into());
        let refused = ImportError::from(Status::from(answer)).to_string();
        assert_eq!(refused, "the service refused: import 1 is complete");
        let answer = tenure_rpc::status::draining();
        assert!(matches!(ImportError::from(answer), ImportError::Service(_)));
    }
}
