//! One batch of an import: each row wholly or not at all, and the progress with them.

use tenure_core::{RequestId, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::{Fingerprint, fields};
use tonic::Status;
use uuid::Uuid;

use super::import::import_id;
use super::once::{Begun, Write, begin_as};
use super::quality::gate::{self, Passed};
use super::rows::{RECORDS_MAX, Rows};
use super::show;
use super::turn::Turns;
use crate::domain::{BatchProgress, Import, ImportState};
use crate::store::import_undo::Before;
use crate::{Deps, Error, store};

pub(super) async fn apply(
    deps: &Deps,
    turns: &Turns,
    mut request: wire::ApplyImportBatchRequest,
) -> Result<wire::ApplyImportBatchResponse, Status> {
    let (id, import_id) = check(&request)?;
    let turn = turns.enter(import_id, request.batch_number);
    // Read while the batches before are written.
    let fingerprint = Fingerprint::of(&request);
    let passed = gate::pass(deps, import_id, &request.records).await?;
    let mut rows = Rows::parse(std::mem::take(&mut request.records), deps.clock.now());
    if let Some(passed) = &passed {
        rows.refuse(&passed.refused);
    }
    turn.wait().await;
    let begun = begin_as::<wire::ApplyImportBatchRequest>(deps, id, &fingerprint);
    let mut write = match begun.await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let applied = apply_in(deps, &mut write, &request, (import_id, passed), rows).await;
    write.finish(applied).await
}

fn check(request: &wire::ApplyImportBatchRequest) -> Result<(RequestId, Uuid), Error> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let import_id = import_id(&mut violations, &request.import_id);
    fields::at_most(&mut violations, "records", &request.records, RECORDS_MAX);
    let counts = [
        ("batch_number", request.batch_number),
        ("done_bytes", request.done_bytes),
        ("done_lines", request.done_lines),
        ("reader_reject_count", request.reader_reject_count),
    ];
    for (field, count) in counts {
        if count < 0 {
            violations.add(field, "0 or more", count.to_string());
        }
    }
    violations.into_result()?;
    Ok(id.zip(import_id).expect("what is missing is a violation"))
}

async fn apply_in(
    deps: &Deps,
    write: &mut Write,
    request: &wire::ApplyImportBatchRequest,
    (import_id, passed): (Uuid, Option<Passed>),
    rows: Rows,
) -> Result<wire::ApplyImportBatchResponse, Error> {
    let lane = store::import::lane(write.lanes, import_id);
    let mut book = rows.open(deps, &mut write.tx, &[lane], write.now).await?;
    let import = store::import::load(&mut write.tx, write.lanes, import_id).await?;
    let mut import = import.ok_or_else(|| Error::ImportNotFound(import_id.to_string()))?;
    check_order(&import, request)?;
    let before = import.is_undo_kept.then(|| Before::of(&book));
    let taken = rows.take(&mut book, import_id, &mut ());
    if let Some(before) = before {
        let undo = before.undo(import_id, &book);
        store::import_undo::keep(&mut write.tx, write.lanes, &undo, write.now).await?;
    }
    let progress = BatchProgress {
        done_bytes: request.done_bytes,
        done_lines: request.done_lines,
        accepted_rows: taken.accepted,
        rejected_rows: taken.refused.saturating_add(request.reader_reject_count),
        last: request.last,
    };
    import.advance(progress, write.now);
    store::import::update(&mut write.tx, write.lanes, &import).await?;
    if let Some(passed) = &passed {
        passed.save(&mut write.tx, write.lanes, import_id).await?;
    }
    write.save(book).await?;
    let import = Some(show::import(&import));
    Ok(wire::ApplyImportBatchResponse {
        import,
        rejects: taken.rejects,
        replayed: false,
    })
}

fn check_order(import: &Import, request: &wire::ApplyImportBatchRequest) -> Result<(), Error> {
    match import.state {
        ImportState::Running => {}
        ImportState::Completed => return Err(Error::ImportCompleted(import.id.to_string())),
        ImportState::Reverting | ImportState::Reverted => {
            return Err(Error::ImportReverted(import.id.to_string()));
        }
    }
    if request.batch_number != import.next_batch_number {
        return Err(Error::ImportBatchOutOfOrder(import.next_batch_number));
    }
    let mut violations = Violations::new();
    let wanted = |done: i64| format!("not less than the {done} that are done already");
    if request.done_bytes < import.done_bytes {
        violations.add(
            "done_bytes",
            wanted(import.done_bytes),
            request.done_bytes.to_string(),
        );
    }
    if request.done_lines < import.done_lines {
        violations.add(
            "done_lines",
            wanted(import.done_lines),
            request.done_lines.to_string(),
        );
    }
    Ok(violations.into_result()?)
}
