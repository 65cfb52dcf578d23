//! What the demo shows of one customer: the briefing that a person on the hotline gets.

use anyhow::{Context as _, Result};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::brief_touchpoint_request::Key;
use tenure_proto::r#type::v1 as types;

use crate::clients::Clients;
use crate::report::chart::percent;
use crate::show;

/// Prints a briefing of a customer, with what else is known of their complaints and their people.
///
/// # Errors
/// When customer-data does not answer.
pub async fn brief(clients: &Clients, customer_id: &str) -> Result<()> {
    let request = pb::BriefTouchpointRequest {
        key: Some(Key::CustomerId(customer_id.to_owned())),
        channel: types::Channel::CallCentre.into(),
    };
    let mut client = clients.desks.briefings.clone();
    let answer = client.brief_touchpoint(request).await;
    let briefing = answer.context("brief_touchpoint")?.into_inner().briefing;
    let briefing = briefing.unwrap_or_default();
    show::heading(&format!("{customer_id} calls the hotline: the briefing"));
    let mut rows = told(&briefing);
    rows.push(row("tickets", tickets(clients, customer_id).await?));
    rows.push(row("promises", promises(clients, customer_id).await?));
    rows.push(row(
        "belongs to",
        relationships(clients, customer_id).await?,
    ));
    rows.retain(|row| !row[1].is_empty());
    show::table(&["What", "Said"], &rows);
    Ok(())
}

fn row(what: &str, said: String) -> Vec<String> {
    vec![what.to_owned(), said]
}

/// Returns the parts of the briefing itself; those that are missing with their reason.
fn told(briefing: &pb::Briefing) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    if let Some(caller) = &briefing.caller {
        rows.push(row("who", caller.display_name.clone()));
    }
    if let Some(part) = &briefing.subscriptions {
        let has = part.subscriptions.iter().map(|it| it.product_code.as_str());
        rows.push(row("has", has.collect::<Vec<_>>().join(", ")));
    }
    if let Some(status) = &briefing.status {
        let bills = format!("{} bills overdue", status.overdue_bill_count);
        rows.push(row("bills", bills));
    }
    if let Some(part) = &briefing.complaints {
        let open = part.complaints.iter().map(complaint);
        rows.push(row(
            "waits for an answer",
            open.collect::<Vec<_>>().join(", "),
        ));
    }
    if let Some(part) = &briefing.contacts {
        let last = part.interactions.iter().map(|it| {
            let day = it.event_time.map(|at| day(&at)).unwrap_or_default();
            format!("{day} {}", it.reason)
        });
        rows.push(row("last contacts", last.collect::<Vec<_>>().join(", ")));
    }
    if let Some(part) = &briefing.score {
        let reasons = part.reasons.iter().map(|it| it.statement.as_str());
        let why = reasons.take(2).collect::<Vec<_>>().join("; ");
        let said = format!("{} ({why})", percent(part.churn_probability));
        rows.push(row("risk of leaving", said + &missing(part.state.as_ref())));
    }
    if let Some(part) = &briefing.points {
        let points = part.accounts.iter().map(|it| it.available_points);
        let said = show::grouped(points.sum());
        rows.push(row("points", said + &missing(part.state.as_ref())));
    }
    if let Some(part) = &briefing.actions {
        let names = part.actions.iter().map(|it| it.offer_display_name.as_str());
        let said = names.collect::<Vec<_>>().join(", ");
        rows.push(row("what to offer", said + &missing(part.state.as_ref())));
    }
    rows
}

fn complaint(ticket: &pb::BriefComplaint) -> String {
    let late = if ticket.breached { " (late)" } else { "" };
    format!("{}{late}", ticket.subject_code)
}

fn missing(state: Option<&pb::PartState>) -> String {
    match state.map(pb::PartState::missing_reason) {
        None | Some(pb::MissingReason::Unspecified) => String::new(),
        Some(reason) => format!(" missing: {}", reason.as_str_name()),
    }
}

async fn tickets(clients: &Clients, customer_id: &str) -> Result<String> {
    let request = pb::ListComplaintsRequest {
        customer_id: customer_id.to_owned(),
        ..Default::default()
    };
    let answer = clients
        .desks
        .complaints
        .clone()
        .list_complaints(request)
        .await;
    let tickets = answer.context("list_complaints")?.into_inner().complaints;
    let lines = tickets.iter().map(|ticket| {
        let owner = ticket
            .current_step
            .as_ref()
            .and_then(|it| it.owner.as_ref());
        let owner = owner.map_or("", |it| it.person_code.as_str());
        format!(
            "{} {}: {} with {owner}, {} promised times missed",
            ticket.complaint_id,
            ticket.subject_code,
            word(ticket.state().as_str_name(), "COMPLAINT_STATE_"),
            ticket.breach_count,
        )
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

async fn promises(clients: &Clients, customer_id: &str) -> Result<String> {
    let request = pb::ListPromisesRequest {
        customer_id: customer_id.to_owned(),
        ..Default::default()
    };
    let answer = clients
        .desks
        .complaints
        .clone()
        .list_promises(request)
        .await;
    let promises = answer.context("list_promises")?.into_inner().promises;
    let lines = promises.iter().map(|promise| {
        let due = promise.due_time.map(|at| day(&at)).unwrap_or_default();
        let state = word(promise.state().as_str_name(), "PROMISE_STATE_");
        format!("{} by {due}: {state}", promise.subject_code)
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

async fn relationships(clients: &Clients, customer_id: &str) -> Result<String> {
    let request = pb::ListRelationshipsRequest {
        customer_id: customer_id.to_owned(),
        ..Default::default()
    };
    let answer = clients
        .desks
        .parties
        .clone()
        .list_relationships(request)
        .await;
    let related = answer.context("list_relationships")?.into_inner();
    let lines = related.relationships.iter().map(|it| {
        let kind = word(it.kind().as_str_name(), "RELATIONSHIP_KIND_");
        format!("{} is {kind} of {}", it.from_customer_id, it.to_customer_id)
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Returns the word of an enumeration for people.
fn word(name: &str, prefix: &str) -> String {
    let word = name.strip_prefix(prefix).unwrap_or(name);
    word.to_lowercase().replace('_', " ")
}

fn day(at: &prost_types::Timestamp) -> String {
    let (year, month, day) = crate::wire::instant(at).date();
    format!("{year}-{month:02}-{day:02}")
}
