//! Rows of a file: read, then decided in their order, each wholly or not at all. What an import writes and a
//! preview tells.

use std::collections::BTreeMap;

use tenure_core::{CustomerId, Lane, Timestamp, Violation, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use uuid::Uuid;

use super::{parse, screen};
use crate::domain::{
    Bill, Book, CustomerPatch, ImportMark, Interaction, Msisdn, Outcome, Refusal, Subscription,
    Touched, UsageSummary,
};
use crate::store::Tx;
use crate::{Deps, Error, store};

/// The most rows of one call.
pub(super) const RECORDS_MAX: usize = 5_000;
/// The most subscriptions, bills, summaries or interactions of one row.
const PARTS_MAX: usize = 16;
/// The most that is told about one row.
const REJECTS_OF_ROW_MAX: usize = 8;

/// When there is more to tell about a batch, one thing is told about each row: the answer has to stay
/// below what a message may hold.
const REJECTS_MAX: usize = 8_000;

/// The rows of one call, and what was refused of them so far.
pub(super) struct Rows {
    rows: Vec<Row>,
    touched: Touched,
    rejects: Vec<wire::RowReject>,
    count: usize,
}

/// One row of the file as it is to be taken in.
pub(super) struct Row {
    pub(super) line: i64,
    pub(super) customer: CustomerPatch,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) bills: Vec<Bill>,
    pub(super) usage: Vec<UsageSummary>,
    pub(super) interactions: Vec<Interaction>,
}

/// What became of rows.
pub(super) struct Taken {
    /// How many are in the book.
    pub(super) accepted: i64,
    /// How many were refused.
    pub(super) refused: i64,
    /// Why, by lines.
    pub(super) rejects: Vec<wire::RowReject>,
}

/// Looks on while rows are taken in.
pub(super) trait Watch {
    /// Is told of a row before it is taken in.
    fn begin(&mut self, row: &Row, book: &Book);
    /// Is told what became of the facts of that row, when it was taken in.
    fn took(&mut self, line: i64, book: &Book, outcomes: &[Outcome]);
}

/// Nobody looks.
impl Watch for () {
    fn begin(&mut self, _: &Row, _: &Book) {}
    fn took(&mut self, _: i64, _: &Book, _: &[Outcome]) {}
}

impl Rows {
    /// Reads records. What is wrong with one is noted.
    pub(super) fn parse(records: Vec<wire::ImportRecord>, now: Timestamp) -> Self {
        let mut read = Self {
            rows: Vec::with_capacity(records.len()),
            touched: Touched::default(),
            rejects: Vec::new(),
            count: records.len(),
        };
        for mut record in records {
            match parse_row(&mut record, now) {
                Ok(row) => {
                    row.touch(&mut read.touched);
                    read.rows.push(row);
                }
                Err(violations) => read.rejects.extend(rejects_of(record.line, &violations)),
            }
        }
        read
    }

    /// Refuses rows, by their lines.
    pub(super) fn refuse(&mut self, refused: &BTreeMap<i64, Vec<Violation>>) {
        self.rows.retain(|row| !refused.contains_key(&row.line));
        let rejects = refused
            .iter()
            .flat_map(|(line, why)| rejects_of(*line, why));
        self.rejects.extend(rejects);
    }

    /// Opens the book of everything that the rows name, behind its locks and those of further lanes.
    pub(super) async fn open(
        &self,
        deps: &Deps,
        tx: &mut Tx,
        further: &[Lane],
        now: Timestamp,
    ) -> Result<Book, Error> {
        let mut book = store::open_book(tx, deps.db.lanes(), &self.touched, further, now).await?;
        let newcomers = self.rows.iter().map(|row| (&row.customer, row.numbers()));
        screen::customers(deps, tx, newcomers, &mut book).await?;
        Ok(book)
    }

    /// Takes the rows into the book.
    pub(super) fn take(self, book: &mut Book, import_id: Uuid, watch: &mut impl Watch) -> Taken {
        let mut rejects = self.rejects;
        let mut accepted: i64 = 0;
        for row in self.rows {
            let line = row.line;
            watch.begin(&row, book);
            match row.take(book, import_id) {
                Ok(outcomes) => {
                    book.keep();
                    accepted += 1;
                    watch.took(line, book, &outcomes);
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
        Taken {
            accepted,
            refused: i64::try_from(self.count).expect("at most 5,000") - accepted,
            rejects,
        }
    }
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

    /// Takes in the whole row and returns what became of its facts, the customer first and then the parts in
    /// their order; or tells what is against it and where.
    fn take(self, book: &mut Book, import_id: Uuid) -> Result<Vec<Outcome>, Violation> {
        let mark = Some(ImportMark {
            import_id,
            line: self.line,
        });
        let customer = book.upsert_customer(&self.customer, mark);
        let mut outcomes = vec![customer.map_err(|refusal| refusal.violation("customer."))?];
        let below = |list: &str, at: usize| {
            let prefix = format!("{list}[{at}].");
            move |refusal: Refusal| refusal.violation(&prefix)
        };
        for (at, part) in self.subscriptions.into_iter().enumerate() {
            outcomes.push(
                book.upsert_subscription(part)
                    .map_err(below("subscriptions", at))?,
            );
        }
        for (at, part) in self.bills.into_iter().enumerate() {
            outcomes.push(book.upsert_bill(part).map_err(below("bills", at))?);
        }
        for (at, part) in self.usage.into_iter().enumerate() {
            outcomes.push(
                book.upsert_usage(part)
                    .map_err(below("usage_summaries", at))?,
            );
        }
        for (at, part) in self.interactions.into_iter().enumerate() {
            outcomes.push(
                book.upsert_interaction(part)
                    .map_err(below("interactions", at))?,
            );
        }
        Ok(outcomes)
    }
}
