//! Everything that is known of a customer, as the customer may ask for it.

use serde_json::{Map, Value, json};
use tenure_core::{Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::Channel;

use super::customer::{require_known, required_customer};
use super::page::Page;
use crate::domain::{AttributeValue, Customer};
use crate::store::export::export;
use crate::store::personal::TABLES;
use crate::{Deps, Error, store};

pub(super) async fn customer(
    deps: &Deps,
    request: &wire::ExportCustomerRequest,
) -> Result<wire::ExportCustomerResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("export/{customer}");
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let mut table: usize = page.number(0)?.unwrap_or_default();
    let mut from: i64 = page.number(1)?.unwrap_or_default();
    require_known(deps, &customer).await?;
    let mut left = page.size.get();
    let mut rows = Vec::new();
    while let Some(of) = TABLES.get(table) {
        if !of.is_exported {
            (table, from) = (table + 1, 0);
            continue;
        }
        let limit = i64::try_from(left).expect("at most 1,000") + 1;
        let mut found = export(&deps.db, of, &customer, from, limit).await?;
        let is_cut = found.len() > left;
        found.truncate(left);
        left -= found.len();
        from += i64::try_from(found.len()).expect("at most 1,000");
        for row in found {
            rows.push(wire::ExportedRow {
                table: of.name.to_owned(),
                json: readable(deps, of.name, row, &customer).await?.to_string(),
            });
        }
        if is_cut {
            let next = tenure_core::PageToken::after([table.to_string(), from.to_string()]);
            let next_page_token = page.seal(&next);
            return Ok(wire::ExportCustomerResponse {
                rows,
                next_page_token,
            });
        }
        (table, from) = (table + 1, 0);
    }
    Ok(wire::ExportCustomerResponse {
        rows,
        next_page_token: String::new(),
    })
}

/// Makes a row readable for the person it is about.
async fn readable(
    deps: &Deps,
    table: &str,
    mut row: Map<String, Value>,
    id: &tenure_core::CustomerId,
) -> Result<Value, Error> {
    row.remove("lane");
    if table == "customer"
        && let Some(customer) = store::customer::get(&deps.db, id).await?
    {
        row.remove("facts");
        row.extend(facts(&customer));
    }
    for (column, value) in &mut row {
        let Some(number) = value.as_i64() else {
            continue;
        };
        let is_instant = ["_at", "_from", "_until", "_since"];
        if is_instant.iter().any(|end| column.ends_with(end)) {
            let instant = Timestamp::from_micros(number);
            *value = match instant {
                Timestamp::MAX => Value::Null,
                instant => instant.to_string().into(),
            };
        } else if let Some(word) = word(table, column, number) {
            *value = word.into();
        }
    }
    Ok(Value::Object(row))
}

fn facts(customer: &Customer) -> Map<String, Value> {
    let attributes = customer.attributes.iter().map(|(name, value)| {
        let value = match value {
            AttributeValue::Text(text) => json!(text),
            AttributeValue::Integer(integer) => json!(integer),
            AttributeValue::Number(number) => json!(number),
            AttributeValue::Flag(flag) => json!(flag),
            AttributeValue::Instant(instant) => json!(instant.to_string()),
        };
        (name.as_str().to_owned(), value)
    });
    let external_ids = customer.external_ids.iter();
    let external_ids = external_ids.map(|id| json!({"system": id.system(), "id": id.id()}));
    let mut facts = Map::new();
    facts.insert("display_name".into(), customer.display_name.clone().into());
    facts.insert("attributes".into(), Value::Object(attributes.collect()));
    facts.insert("external_ids".into(), external_ids.collect());
    if let Some((status, since)) = customer.payment {
        let status = wire::PaymentStatus::try_from(status.number());
        let status = status.map(|status| status.as_str_name());
        facts.insert("payment_status".into(), json!(status.ok()));
        facts.insert("payment_status_since".into(), since.to_string().into());
    }
    facts
}

/// Returns the name of a word of a closed set.
fn word(table: &str, column: &str, number: i64) -> Option<&'static str> {
    let number = i32::try_from(number).ok()?;
    macro_rules! named {
        ($words:ty) => {
            <$words>::try_from(number).ok()?.as_str_name()
        };
    }
    Some(match (table, column) {
        ("customer" | "prospect", "kind") => named!(wire::CustomerKind),
        ("party_status", "status") => named!(wire::CustomerStatus),
        ("relationship", "kind") => named!(wire::RelationshipKind),
        ("billing_account", "kind") => named!(wire::BillingAccountKind),
        ("billing_account", "state") => named!(wire::BillingAccountState),
        ("customer_group", "kind") | ("group_membership", "group_kind") => named!(wire::GroupKind),
        ("subscription_penalty", "shape") => named!(wire::PenaltyShape),
        ("leaving_signal", "kind") => named!(wire::LeavingSignalKind),
        ("lead", "state") => named!(wire::LeadState),
        ("subscription", "service") => named!(wire::ServiceKind),
        ("subscription", "churn_kind") => named!(wire::ChurnKind),
        ("bill", "state") => named!(wire::BillState),
        ("usage_summary", "period") => named!(wire::UsagePeriod),
        ("interaction", "kind") => named!(wire::InteractionKind),
        ("interaction", "direction") => named!(wire::InteractionDirection),
        ("interaction" | "consent" | "survey", "channel") => named!(Channel),
        ("interaction", "phase") => named!(wire::InteractionPhase),
        ("complaint", "kind") => named!(wire::ComplaintKind),
        ("complaint", "severity") => named!(wire::ComplaintSeverity),
        ("complaint" | "complaint_step", "state") => named!(wire::ComplaintState),
        ("promise", "state") => named!(wire::PromiseState),
        ("consent", "purpose") => named!(wire::ConsentPurpose),
        ("consent", "status") => named!(wire::ConsentStatus),
        ("consent", "legal_basis") => named!(wire::LegalBasis),
        _ => return None,
    })
}
