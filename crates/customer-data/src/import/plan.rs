//! A mapping joined with the header of one file: reads rows into records.

use tenure_core::violation::Mismatch;
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::{Attribute, AttributeValue, ExternalId};
use tenure_rpc::fields::time;

use super::cell::{Header, RowView};
use super::json::Keys;
use super::lines::{COLUMN_NUMBER, Row};
use super::mapping::{CustomerMap, Mapping, Rows, Type, ValueMap};
use super::part::{BillPlan, InteractionPlan, SubscriptionPlan, UsagePlan};
use super::value::{Context, Value};
use super::word::{self, Word};
use super::{Reject, part};
use crate::domain::AttributeName;

/// Everything that is wrong with a mapping for a file. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mapping does not fit the file: {}", .0.join("; "))]
pub struct PlanError(pub Vec<String>);

/// How rows of one file become records.
#[derive(Debug)]
pub struct Plan {
    columns: Vec<String>,
    /// Which of them fields are read from.
    used: Vec<bool>,
    /// Where rows are JSON objects.
    json: Option<Keys>,
    customer: CustomerPlan,
    attributes: Vec<(String, Type, Value)>,
    subscriptions: Vec<SubscriptionPlan>,
    bills: Vec<BillPlan>,
    usage: Vec<UsagePlan>,
    interactions: Vec<InteractionPlan>,
}

#[derive(Debug)]
struct CustomerPlan {
    id: Value,
    kind: Word,
    name: Option<Value>,
    joined: Option<Value>,
    external_ids: Vec<(String, Value)>,
}

impl Plan {
    /// Joins a mapping with a header.
    ///
    /// # Errors
    /// When the header lacks mapped columns or has others that the mapping does not mention, or the
    /// mapping contradicts itself: all of it at once.
    pub fn compile(mapping: &Mapping, header: &[String]) -> Result<Self, PlanError> {
        let is_json = mapping.rows == Rows::JsonLines;
        let mut header = match mapping.rows {
            Rows::Csv | Rows::Parquet => Header::new(header),
            Rows::JsonLines => Header::open(),
        };
        let context = Context::compile(mapping, &mut header);
        let at = &mut header;
        let customer = CustomerPlan::compile(&mapping.customer, context, at);
        let mut attributes = Vec::new();
        for (name, map) in &mapping.attributes {
            let field = format!("attributes.{name}");
            if let Err(error) = AttributeName::parse(name) {
                at.problems.push(format!("`{field}`: {error}"));
            }
            match map.value.clone().try_into::<ValueMap>() {
                Ok(value) => attributes.extend(
                    Value::compile(&field, &value, context, at)
                        .map(|value| (name.clone(), map.r#type, value)),
                ),
                Err(error) => at.problems.push(format!("`{field}`: {}", error.message())),
            }
        }
        let subscriptions = part::compile(
            "subscriptions",
            &mapping.subscriptions,
            context,
            at,
            SubscriptionPlan::compile,
        );
        let bills = part::compile("bills", &mapping.bills, context, at, BillPlan::compile);
        let usage = part::compile(
            "usage_summaries",
            &mapping.usage_summaries,
            context,
            at,
            UsagePlan::compile,
        );
        let interactions = part::compile(
            "interactions",
            &mapping.interactions,
            context,
            at,
            InteractionPlan::compile,
        );
        let used = header.used();
        let skips_all = mapping.skip.iter().any(|name| name == "*");
        if !is_json {
            for name in mapping.skip.iter().filter(|name| *name != "*") {
                header.find(name);
            }
            if !skips_all {
                header.refuse_unused();
            }
        }
        let columns = header.names.into_owned();
        let json = is_json.then(|| Keys::new(&columns, &mapping.skip));
        match (customer, header.problems) {
            (Some(customer), problems) if problems.is_empty() => Ok(Self {
                columns,
                used,
                json,
                customer,
                attributes,
                subscriptions,
                bills,
                usage,
                interactions,
            }),
            (_, problems) => Err(PlanError(problems)),
        }
    }

    /// Returns which columns fields are read from.
    pub(super) fn used(&self) -> &[bool] {
        &self.used
    }

    /// Reads a row, which is the one of this number among the rows of the file, from 1.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(&self, number: i64, row: &Row) -> Result<wire::ImportRecord, Vec<Reject>> {
        let unpacked;
        let cells = match &self.json {
            None => &row.cells,
            Some(keys) => {
                unpacked = keys.cells(row, &self.columns)?;
                &unpacked
            }
        };
        let mut reader = Reader {
            row: RowView {
                number,
                line: row.line,
                cells,
            },
            rejects: Vec::new(),
        };
        if cells.len() != self.columns.len() {
            let wanted = format!("{} columns", self.columns.len());
            reader.reject("", Mismatch::new(wanted, cells.len().to_string()));
            return Err(reader.rejects);
        }
        let at = &mut reader;
        let record = wire::ImportRecord {
            line: row.line,
            customer: Some(self.customer(at)),
            subscriptions: self
                .subscriptions
                .iter()
                .filter_map(|plan| plan.read(at))
                .collect(),
            bills: self.bills.iter().filter_map(|plan| plan.read(at)).collect(),
            usage_summaries: self.usage.iter().filter_map(|plan| plan.read(at)).collect(),
            interactions: self
                .interactions
                .iter()
                .filter_map(|plan| plan.read(at))
                .collect(),
        };
        if reader.rejects.is_empty() {
            Ok(record)
        } else {
            Err(reader.rejects)
        }
    }

    fn customer(&self, reader: &mut Reader<'_>) -> wire::Customer {
        let plan = &self.customer;
        let external_ids = plan.external_ids.iter().filter_map(|(system, value)| {
            let id = reader.text(Some(value));
            (!id.is_empty()).then(|| ExternalId {
                system: system.clone(),
                id,
            })
        });
        let external_ids = external_ids.collect();
        let attributes = self.attributes.iter().filter_map(|(name, r#type, value)| {
            let kind = reader.parsed(value, |text| value.typed(text, *r#type))?;
            let value = Some(AttributeValue { kind: Some(kind) });
            Some(Attribute {
                name: name.clone(),
                value,
            })
        });
        let attributes = attributes.collect();
        wire::Customer {
            customer_id: reader.required(&plan.id),
            kind: reader.word(&plan.kind),
            display_name: reader.text(plan.name.as_ref()),
            external_ids,
            attributes,
            join_time: reader.instant(plan.joined.as_ref()),
            ..Default::default()
        }
    }

    /// Names the column that the reader of lines only knows by its number.
    #[must_use]
    pub fn with_column_name(&self, reject: Reject) -> Reject {
        let number = reject
            .column
            .strip_prefix(COLUMN_NUMBER)
            .and_then(|text| text.parse().ok());
        let name = number.and_then(|number: usize| self.columns.get(number.checked_sub(1)?));
        Reject {
            column: name.cloned().unwrap_or(reject.column),
            ..reject
        }
    }

    /// Returns the name of the column behind a field that the service rejected, if it is one.
    #[must_use]
    pub fn column_of(&self, field: &str) -> Option<&str> {
        let value = match field {
            "customer.customer_id" => &self.customer.id,
            "customer.kind" => &self.customer.kind.value,
            "customer.display_name" => self.customer.name.as_ref()?,
            "customer.join_time" => self.customer.joined.as_ref()?,
            _ => {
                let (list, rest) = field.split_once('[')?;
                let (at, field) = rest.split_once("].")?;
                let plan = (list == "subscriptions").then_some(&self.subscriptions)?;
                plan.get(at.parse::<usize>().ok()?)?.value_of(field)?
            }
        };
        Some(&value.cell.name)
    }
}

impl CustomerPlan {
    fn compile(map: &CustomerMap, context: Context, header: &mut Header<'_>) -> Option<Self> {
        let mut value = |field: &str, map: &ValueMap| {
            Value::compile(&format!("customer.{field}"), map, context, header)
        };
        let id = value("customer_id", &map.customer_id);
        let name = map
            .display_name
            .as_ref()
            .map(|map| value("display_name", map));
        let joined = map.join_time.as_ref().map(|map| value("join_time", map));
        let mut external_ids = Vec::new();
        for (system, map) in &map.external_ids {
            let value = value(&format!("external_ids.{system}"), map);
            external_ids.extend(value.map(|value| (system.clone(), value)));
        }
        let (name, joined) = (name.flatten(), joined.flatten());
        let words = &word::CUSTOMER_KIND;
        let kind = Word::compile("customer.kind", &map.kind, words, context, header);
        Some(Self {
            id: id?,
            kind: kind?,
            name,
            joined,
            external_ids,
        })
    }
}

/// Reads the values of one row and keeps what is wrong.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) row: RowView<'a>,
    rejects: Vec<Reject>,
}

impl Reader<'_> {
    pub(super) fn reject(&mut self, column: &str, mismatch: Mismatch) {
        let Mismatch { wanted, found } = mismatch;
        let column = column.to_owned();
        // Two fields may read one column: telling it once is enough.
        let reject = Reject {
            line: self.row.line,
            column,
            wanted,
            found,
        };
        if !self.rejects.contains(&reject) {
            self.rejects.push(reject);
        }
    }

    /// Reads a value that may be blank.
    pub(super) fn parsed<T>(
        &mut self,
        value: &Value,
        parse: impl Fn(&str) -> Result<T, Mismatch>,
    ) -> Option<T> {
        let text = value.text(self.row);
        match text.and_then(|text| text.map(|text| parse(&text)).transpose()) {
            Ok(parsed) => parsed,
            Err(mismatch) => {
                self.reject(&value.cell.name, mismatch);
                None
            }
        }
    }

    /// Returns a text; empty when it is blank or not mapped.
    pub(super) fn text(&mut self, value: Option<&Value>) -> String {
        let text = value.and_then(|value| self.parsed(value, |text| Ok(text.to_owned())));
        text.unwrap_or_default()
    }

    /// Returns a text that must not be blank.
    pub(super) fn required(&mut self, value: &Value) -> String {
        self.present(value, |text| Ok(text.to_owned()))
            .unwrap_or_default()
    }

    /// Reads a value that must not be blank.
    pub(super) fn present<T>(
        &mut self,
        value: &Value,
        parse: impl Fn(&str) -> Result<T, Mismatch>,
    ) -> Option<T> {
        let known = self.rejects.len();
        let parsed = self.parsed(value, parse);
        if parsed.is_none() && self.rejects.len() == known {
            self.reject(&value.cell.name, Mismatch::new("a value", "nothing"));
        }
        parsed
    }

    /// Returns an instant that may be blank or not mapped.
    pub(super) fn instant(&mut self, value: Option<&Value>) -> Option<prost_types::Timestamp> {
        let value = value?;
        self.parsed(value, |text| value.instant(text)).map(time)
    }

    /// Returns an instant that must not be blank.
    pub(super) fn required_instant(&mut self, value: &Value) -> Option<prost_types::Timestamp> {
        self.present(value, |text| value.instant(text)).map(time)
    }

    /// Returns the number of a word that must not be blank.
    pub(super) fn word(&mut self, word: &Word) -> i32 {
        self.present(&word.value, |text| word.parse(text))
            .unwrap_or_default()
    }
}
