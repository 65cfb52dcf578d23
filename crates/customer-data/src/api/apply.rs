//! One batch of an import: each row wholly or not at all, and the progress with them.

use tenure_core::{CustomerId, RequestId, Timestamp, Violation, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;
use uuid::Uuid;

use super::import::import_id;
use super::once::{Begun, Write, begin};
use super::turn::Turns;
use super::{parse, screen, show};
use crate::domain::{
    BatchProgress, Bill, Book, CustomerPatch, Import, ImportMark, ImportState, Interaction, Msisdn,
    Refusal, Subscription, Touched, UsageSummary,
};
use crate::{Deps, Error, store};

/// The most rows of one batch.
const RECORDS_MAX: usize = 5_000;
/// The most subscriptions, bills, summaries or interactions of one row.
const PARTS_MAX: usize = 16;
/// The most that is told about one row.
const REJECTS_OF_ROW_MAX: usize = 8;

/// When there is more to tell about a batch, one thing is told about each row: the answer has to stay
/// below what a message may hold.
const REJECTS_MAX: usize = 8_000;

/// One row of the file as it is to be taken in.
struct Row {
    line: i64,
    customer: CustomerPatch,
    subscriptions: Vec<Subscription>,
    bills: Vec<Bill>,
    usage: Vec<UsageSummary>,
    interactions: Vec<Interaction>,
}

pub(super) async fn apply(
    deps: &Deps,
    turns: &Turns,
    mut request: wire::ApplyImportBatchRequest,
) -> Result<wire::ApplyImportBatchResponse, Status> {
    let (id, import_id) = check(&request)?;
    let turn = turns.enter(import_id, request.batch_number);
    // Read while the batches before are written.
    let now = deps.clock.now();
    let mut rejects = Vec::new();
    let mut rows = Vec::with_capacity(request.records.len());
    for record in &mut request.records {
        match parse_row(record, now) {
            Ok(row) => rows.push(row),
            Err(violations) => rejects.extend(rejects_of(record.line, &violations)),
        }
    }
    turn.wait().await;
    let mut write = match begin(deps, id, &request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let rows = (rows, rejects);
    let applied = apply_in(deps, &mut write, &request, import_id, rows).await;
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

fn parse_row(record: &mut wire::ImportRecord, now: Timestamp) -> Result<Row, Vec<Violation>> {
    let mut violations = Violations::new();
    if record.line < 1 {
        violations.add("line", "1 or more", record.line.to_string());
    }
    let customer = record.customer.as_ref();
    let given = fields::required(&mut violations, "customer", customer);
    let whose = given.map_or(String::new(), |given| given.customer_id.clone());
    let customer = violations.within("customer.", |inner| parse::customer(inner, given?));
    own_parts(&mut violations, record, &whose);
    let at = &mut violations;
    let subscriptions = parts(at, "subscriptions", &record.subscriptions, |at, item| {
        parse::subscription(at, item, now)
    });
    let bills = parts(at, "bills", &record.bills, |at, item| {
        parse::bill(at, item, now)
    });
    let usage = parts(
        at,
        "usage_summaries",
        &record.usage_summaries,
        |at, item| parse::usage(at, item, now),
    );
    let interactions = parts(at, "interactions", &record.interactions, |at, item| {
        parse::interaction(at, item, now)
    });
    if let Err(mut violations) = violations.into_result() {
        if CustomerId::parse(&whose).is_err() {
            // The parts have their customer id from the row: telling it once is enough.
            violations.retain(|violation| !violation.field.ends_with("].customer_id"));
        }
        return Err(violations);
    }
    let customer = customer.expect("what is missing is a violation");
    Ok(Row {
        line: record.line,
        customer,
        subscriptions,
        bills,
        usage,
        interactions,
    })
}

/// Everything of a row is its customer's: an empty customer id means it, another one is wrong.
fn own_parts(violations: &mut Violations, record: &mut wire::ImportRecord, whose: &str) {
    let mut own = |list: &str, at: usize, id: &mut String| {
        if id.is_empty() {
            whose.clone_into(id);
        } else if id != whose {
            let field = format!("{list}[{at}].customer_id");
            violations.add(
                &field,
                "the customer of the row, or nothing",
                "another customer",
            );
        }
    };
    for (at, part) in record.subscriptions.iter_mut().enumerate() {
        own("subscriptions", at, &mut part.customer_id);
    }
    for (at, part) in record.bills.iter_mut().enumerate() {
        own("bills", at, &mut part.customer_id);
    }
    for (at, part) in record.usage_summaries.iter_mut().enumerate() {
        own("usage_summaries", at, &mut part.customer_id);
    }
    for (at, part) in record.interactions.iter_mut().enumerate() {
        own("interactions", at, &mut part.customer_id);
    }
}

fn parts<W, T>(
    violations: &mut Violations,
    list: &str,
    items: &[W],
    parse: impl Fn(&mut Violations, &W) -> Option<T>,
) -> Vec<T> {
    if !fields::at_most(violations, list, items, PARTS_MAX) {
        return Vec::new();
    }
    let parse_one = |(at, item): (usize, &W)| {
        violations.within(&format!("{list}[{at}]."), |inner| parse(inner, item))
    };
    items.iter().enumerate().filter_map(parse_one).collect()
}

fn rejects_of(line: i64, violations: &[Violation]) -> Vec<wire::RowReject> {
    let reject = |violation: &Violation| wire::RowReject {
        line,
        column: violation.field.clone(),
        wanted: violation.wanted.clone(),
        found: violation.found.clone(),
    };
    violations
        .iter()
        .take(REJECTS_OF_ROW_MAX)
        .map(reject)
        .collect()
}

async fn apply_in(
    deps: &Deps,
    write: &mut Write,
    request: &wire::ApplyImportBatchRequest,
    import_id: Uuid,
    (rows, mut rejects): (Vec<Row>, Vec<wire::RowReject>),
) -> Result<wire::ApplyImportBatchResponse, Error> {
    let mut touched = Touched::default();
    rows.iter().for_each(|row| row.touch(&mut touched));
    let lane = store::import::lane(write.lanes, import_id);
    let mut book =
        store::open_book(&mut write.tx, write.lanes, &touched, &[lane], write.now).await?;
    let newcomers = rows.iter().map(|row| (&row.customer, row.numbers()));
    screen::customers(deps, write, newcomers, &mut book).await?;
    let import = store::import::load(&mut write.tx, write.lanes, import_id).await?;
    let mut import = import.ok_or_else(|| Error::ImportNotFound(import_id.to_string()))?;
    check_order(&import, request)?;
    let mut accepted: i64 = 0;
    for row in rows {
        let line = row.line;
        match row.take(&mut book, import_id) {
            Ok(()) => {
                book.keep();
                accepted += 1;
            }
            Err(violation) => {
                book.undo();
                rejects.extend(rejects_of(line, &[violation]));
            }
        }
    }
    rejects.sort_by_key(|reject| reject.line);
    if rejects.len() > REJECTS_MAX {
        rejects.dedup_by_key(|reject| reject.line);
    }
    let refused = i64::try_from(request.records.len()).expect("at most 5,000") - accepted;
    let progress = BatchProgress {
        done_bytes: request.done_bytes,
        done_lines: request.done_lines,
        accepted_rows: accepted,
        rejected_rows: refused.saturating_add(request.reader_reject_count),
        last: request.last,
    };
    import.advance(progress, write.now);
    store::import::update(&mut write.tx, write.lanes, &import).await?;
    write.save(book).await?;
    let import = Some(show::import(&import));
    Ok(wire::ApplyImportBatchResponse {
        import,
        rejects,
        replayed: false,
    })
}

fn check_order(import: &Import, request: &wire::ApplyImportBatchRequest) -> Result<(), Error> {
    if import.state == ImportState::Completed {
        return Err(Error::ImportCompleted(import.id.to_string()));
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

impl Row {
    fn numbers(&self) -> Vec<&Msisdn> {
        let subscriptions = self.subscriptions.iter();
        subscriptions.filter_map(|it| it.msisdn.as_ref()).collect()
    }

    fn touch(&self, touched: &mut Touched) {
        touched.customer(&self.customer);
        self.subscriptions
            .iter()
            .for_each(|part| touched.subscription(part));
        self.bills.iter().for_each(|part| touched.bill(part));
        self.usage.iter().for_each(|part| touched.usage(part));
        self.interactions
            .iter()
            .for_each(|part| touched.interaction(part));
    }

    /// Takes in the whole row, or tells what is against it and where.
    fn take(self, book: &mut Book, import_id: Uuid) -> Result<(), Violation> {
        let mark = Some(ImportMark {
            import_id,
            line: self.line,
        });
        let customer = book.upsert_customer(&self.customer, mark);
        customer.map_err(|refusal| refusal.violation("customer."))?;
        let below = |list: &str, at: usize| {
            let prefix = format!("{list}[{at}].");
            move |refusal: Refusal| refusal.violation(&prefix)
        };
        for (at, part) in self.subscriptions.into_iter().enumerate() {
            book.upsert_subscription(part)
                .map_err(below("subscriptions", at))?;
        }
        for (at, part) in self.bills.into_iter().enumerate() {
            book.upsert_bill(part).map_err(below("bills", at))?;
        }
        for (at, part) in self.usage.into_iter().enumerate() {
            book.upsert_usage(part)
                .map_err(below("usage_summaries", at))?;
        }
        for (at, part) in self.interactions.into_iter().enumerate() {
            book.upsert_interaction(part)
                .map_err(below("interactions", at))?;
        }
        Ok(())
    }
}
