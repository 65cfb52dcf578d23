//! What rows of a file would do: decided as by an import, told, and not written.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::{Map, Value};
use tenure_core::{BillId, CustomerId, InteractionId, SubscriptionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::import_service_server::ImportService;
use tenure_rpc::fields;
use tonic::{Request, Response};
use uuid::Uuid;

use super::rows::{RECORDS_MAX, Row, Rows, Watch};
use super::{Answer, Api, show};
use crate::domain::{Book, Change, Fact, Outcome, UsageKey};
use crate::{Deps, Error, bus};

/// The most differences of one call.
const DIFFERENCES_MAX: i32 = 1_000;
/// The most fields that are counted: attributes have names of the operator's choice.
const FIELDS_MAX: usize = 1_000;
/// Longer values are cut.
const VALUE_CHARS_MAX: usize = 200;
/// Fields that say nothing of the customer: they follow from all others.
const BOOKKEEPING: [&str; 3] = ["create_time", "etag", "update_time"];

#[tonic::async_trait]
impl ImportService for Api {
    async fn preview_import_batch(
        &self,
        request: Request<wire::PreviewImportBatchRequest>,
    ) -> Answer<wire::PreviewImportBatchResponse> {
        let preview = preview(&self.0, request.into_inner()).await?;
        Ok(Response::new(preview))
    }
}

async fn preview(
    deps: &Deps,
    request: wire::PreviewImportBatchRequest,
) -> Result<wire::PreviewImportBatchResponse, Error> {
    let mut violations = Violations::new();
    fields::at_most(&mut violations, "records", &request.records, RECORDS_MAX);
    let limit = request.difference_limit;
    if !(0..=DIFFERENCES_MAX).contains(&limit) {
        let wanted = format!("0 to {DIFFERENCES_MAX}");
        violations.add("difference_limit", wanted, limit.to_string());
    }
    violations.into_result()?;
    let now = deps.clock.now();
    let rows = Rows::parse(request.records, now);
    let mut tx = deps.db.begin().await?;
    let mut book = rows.open(deps, &mut tx, &[], now).await?;
    tx.rollback().await?;
    let mut preview = Preview::new(now, usize::try_from(limit).unwrap_or(0));
    // No import has this id: what an earlier one took in is no second row of this file.
    let taken = rows.take(&mut book, Uuid::nil(), &mut preview);
    let fields = preview.fields.into_iter();
    let fields = fields.map(|((kind, field), count)| wire::FieldPreview {
        kind: kind.to_owned(),
        field,
        count,
    });
    let facts = preview.facts.into_iter();
    let facts = facts.map(|(kind, counts)| wire::FactPreview {
        kind: kind.to_owned(),
        ..counts
    });
    Ok(wire::PreviewImportBatchResponse {
        accepted_row_count: taken.accepted,
        facts: facts.collect(),
        fields: fields.collect(),
        differences: preview.differences,
        rejects: taken.rejects,
    })
}

/// Counts what becomes of facts, and keeps the first differences.
struct Preview {
    now: Timestamp,
    limit: usize,
    facts: BTreeMap<&'static str, wire::FactPreview>,
    fields: BTreeMap<(&'static str, String), i64>,
    differences: Vec<wire::FieldDifference>,
    /// The facts of the row that is being taken in, as they were before it.
    known: Vec<(Key, Option<Fact>)>,
}

impl Watch for Preview {
    fn begin(&mut self, row: &Row, book: &Book) {
        self.known.clear();
        let keys = Key::all(row).into_iter();
        self.known.extend(keys.map(|key| {
            let before = key.find(book);
            (key, before)
        }));
    }

    fn took(&mut self, line: i64, book: &Book, outcomes: &[Outcome]) {
        let known = std::mem::take(&mut self.known);
        for ((key, before), outcome) in known.into_iter().zip(outcomes) {
            let counts = self.facts.entry(key.kind()).or_default();
            match outcome {
                Outcome::Created => counts.created_count += 1,
                Outcome::Updated => counts.updated_count += 1,
                Outcome::Unchanged => counts.unchanged_count += 1,
            }
            if *outcome == Outcome::Updated
                && let (Some(before), Some(after)) = (before, key.find(book))
            {
                self.compare(line, &before, &after);
            }
        }
    }
}

impl Preview {
    fn new(now: Timestamp, limit: usize) -> Self {
        Self {
            now,
            limit,
            facts: BTreeMap::new(),
            fields: BTreeMap::new(),
            differences: Vec::new(),
            known: Vec::new(),
        }
    }

    fn compare(&mut self, line: i64, before: &Fact, fact: &Fact) {
        let (before, after) = (texts(before, self.now), texts(fact, self.now));
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            if old == new {
                continue;
            }
            let key = (fact.kind(), name.clone());
            if self.fields.len() < FIELDS_MAX || self.fields.contains_key(&key) {
                *self.fields.entry(key).or_default() += 1;
            }
            if self.differences.len() < self.limit {
                self.differences.push(wire::FieldDifference {
                    line,
                    kind: fact.kind().to_owned(),
                    customer_id: fact.customer().to_string(),
                    field: name.clone(),
                    before: cut(old),
                    after: cut(new),
                });
            }
        }
    }
}

fn cut(value: Option<&String>) -> String {
    let chars = value.into_iter().flat_map(|text| text.chars());
    chars.take(VALUE_CHARS_MAX).collect()
}

/// Where a fact stands in the book.
enum Key {
    Customer(CustomerId),
    Subscription((CustomerId, SubscriptionId)),
    Bill((CustomerId, BillId)),
    Usage(UsageKey),
    Interaction((CustomerId, InteractionId)),
}

impl Key {
    /// Returns the keys of a row's facts, in the order in which they are taken in.
    fn all(row: &Row) -> Vec<Self> {
        let mut keys = vec![Self::Customer(row.customer.id.clone())];
        let subscriptions = row.subscriptions.iter();
        keys.extend(
            subscriptions.map(|it| Self::Subscription((it.customer.clone(), it.id.clone()))),
        );
        let bills = row.bills.iter();
        keys.extend(bills.map(|it| Self::Bill((it.customer.clone(), it.id.clone()))));
        keys.extend(row.usage.iter().map(|it| Self::Usage(it.key.clone())));
        let interactions = row.interactions.iter();
        keys.extend(interactions.map(|it| Self::Interaction((it.customer.clone(), it.id.clone()))));
        keys
    }

    fn find(&self, book: &Book) -> Option<Fact> {
        match self {
            Self::Customer(key) => book.customers.get(key).cloned().map(Fact::Customer),
            Self::Subscription(key) => book.subscriptions.get(key).cloned().map(Fact::Subscription),
            Self::Bill(key) => book.bills.get(key).cloned().map(Fact::Bill),
            Self::Usage(key) => book.usage.get(key).cloned().map(Fact::Usage),
            Self::Interaction(key) => book.interactions.get(key).cloned().map(Fact::Interaction),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Customer(_) => "customer",
            Self::Subscription(_) => "subscription",
            Self::Bill(_) => "bill",
            Self::Usage(_) => "usage_summary",
            Self::Interaction(_) => "interaction",
        }
    }
}

/// Returns the fields of a fact as the API shows them, so that none can be forgotten here.
fn texts(fact: &Fact, now: Timestamp) -> BTreeMap<String, String> {
    let change = Change {
        event_at: now,
        fact: fact.clone(),
    };
    let message = show::change(&change, now).encode_to_vec();
    let descriptor = bus::descriptor("Change").expect("the feed tells changes");
    let message = DynamicMessage::decode(descriptor, message.as_slice());
    let message = message.expect("it was encoded by the same description");
    let options = SerializeOptions::new().use_proto_field_name(true);
    let json = message.serialize_with_options(serde_json::value::Serializer, &options);
    let mut json = json.expect("messages of the API are always JSON");
    let mut texts = BTreeMap::new();
    if let Value::Object(fields) = json[fact.kind()].take() {
        let told = |name: &str| !BOOKKEEPING.contains(&name);
        for (name, value) in fields.into_iter().filter(|(name, _)| told(name)) {
            flatten(name, value, &mut texts);
        }
    }
    texts
}

/// Adds a value by its name; what has names of its own inside, by those.
fn flatten(name: String, value: Value, texts: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                flatten(format!("{name}.{inner}"), value, texts);
            }
        }
        Value::Array(items) => {
            for item in items {
                named(&name, item, texts);
            }
        }
        Value::String(text) => add(name, &text, texts),
        value => add(name, &value.to_string(), texts),
    }
}

/// Adds one of a list: an attribute by its name, a name in another system by the system.
fn named(list: &str, item: Value, texts: &mut BTreeMap<String, String>) {
    let Value::Object(mut fields) = item else {
        return flatten(list.to_owned(), item, texts);
    };
    let text =
        |fields: &Map<String, Value>, name: &str| Some(fields.get(name)?.as_str()?.to_owned());
    if let Some(name) = text(&fields, "name") {
        let value = fields.remove("value").unwrap_or_default();
        let value = match value {
            Value::Object(kinds) => kinds.into_iter().next().map(|(_, value)| value),
            value => Some(value),
        };
        flatten(format!("{list}.{name}"), value.unwrap_or_default(), texts);
    } else if let Some(system) = text(&fields, "system") {
        let id = text(&fields, "id").unwrap_or_default();
        add(format!("{list}.{system}"), &id, texts);
    } else {
        flatten(list.to_owned(), Value::Object(fields), texts);
    }
}

/// What comes several times under one name stands side by side.
fn add(name: String, text: &str, texts: &mut BTreeMap<String, String>) {
    let known = texts.entry(name).or_default();
    if !known.is_empty() {
        known.push_str(", ");
    }
    known.push_str(text);
}
