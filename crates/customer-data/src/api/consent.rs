//! The consent ledger: record, check, list.

use std::cmp::Reverse;

use tenure_core::{Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;

use super::customer::required_customer;
use super::once::{Begun, Write, begin};
use super::page::Page;
use super::{identity, parse, show};
use crate::domain::consent::{Consent, Decision, Question, decide};
use crate::domain::words::{ConsentPurpose, ConsentStatus};
use crate::domain::{Refusal, Touched};
use crate::{Deps, Error, store};

pub(super) async fn record(
    deps: &Deps,
    request: &wire::RecordConsentRequest,
) -> Result<wire::RecordConsentResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let given = fields::required(&mut violations, "consent", request.consent.as_ref());
    let now = deps.clock.now();
    let consent = violations.within("consent.", |inner| parse::consent(inner, given?, now));
    violations.into_result().map_err(Error::from)?;
    let (id, consent) = id.zip(consent).expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let recorded = record_in(deps, &mut write, vec![consent], |_| "consent.".into()).await;
    let recorded = recorded.map(|recorded| wire::RecordConsentResponse {
        consent: recorded.first().map(show::consent),
        replayed: false,
    });
    write.finish(recorded).await
}

pub(super) async fn batch_record(
    deps: &Deps,
    request: &wire::BatchRecordConsentsRequest,
) -> Result<wire::BatchRecordConsentsResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let now = deps.clock.now();
    // Two records that say something else of the same at the same time would depend on their order.
    let (key, key_of) = ("customer_id", |item: &Consent| {
        let (customer, scope) = (item.customer.clone(), item.scope.clone());
        (customer, item.purpose, scope, item.valid_from)
    });
    let consents = parse::batch(
        &mut violations,
        "consents",
        &request.consents,
        |at, item| parse::consent(at, item, now),
        key,
        key_of,
    );
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let recorded = record_in(deps, &mut write, consents, |at| format!("consents[{at}].")).await;
    let recorded = recorded.map(|recorded| wire::BatchRecordConsentsResponse {
        consent_ids: recorded.iter().map(|it| it.id.to_string()).collect(),
        replayed: false,
    });
    write.finish(recorded).await
}

/// Adds records in their order, or names everything that is against them.
async fn record_in(
    deps: &Deps,
    write: &mut Write,
    consents: Vec<Consent>,
    prefix: impl Fn(usize) -> String,
) -> Result<Vec<Consent>, Error> {
    let mut touched = Touched::default();
    consents.iter().for_each(|item| touched.consent(item));
    let mut book = write.open(&touched).await?;
    let mut recorded = Vec::with_capacity(consents.len());
    let mut first: Option<Box<Refusal>> = None;
    let mut violations = Vec::new();
    for (at, mut consent) in consents.into_iter().enumerate() {
        consent.id = deps.ids.uuid(write.now);
        match book.record_consent(consent) {
            Ok(consent) => recorded.push(consent),
            Err(refusal) => {
                violations.push(refusal.violation(&prefix(at)));
                first.get_or_insert(Box::new(refusal));
            }
        }
    }
    if let Some(first) = first {
        return Err(Error::Refused { first, violations });
    }
    book.keep();
    write.save(book).await?;
    Ok(recorded)
}

pub(super) async fn check(
    deps: &Deps,
    request: &wire::CheckConsentRequest,
) -> Result<wire::CheckConsentResponse, Error> {
    let mut violations = Violations::new();
    let customer = tenure_core::CustomerId::parse(&request.customer_id);
    let customer = violations.take("customer_id", customer);
    let purpose = parse::purpose(&mut violations, request.purpose);
    let scope = parse::scope(&mut violations, request.channel, &request.contact_point);
    let at = request.at_time.as_ref();
    let at = fields::optional_time(&mut violations, "at_time", at);
    let known_at = request.known_at_time.as_ref();
    let known_at = fields::optional_time(&mut violations, "known_at_time", known_at);
    violations.into_result()?;
    let (customer, purpose) = customer
        .zip(purpose)
        .expect("what is missing is a violation");
    let question = Question {
        purpose,
        scope: scope.expect("what is missing is a violation"),
        at: at.unwrap_or_else(|| deps.clock.now()),
        known_at: known_at.unwrap_or(Timestamp::MAX),
    };
    let mut records = Vec::new();
    for member in &identity::members(deps, &customer).await? {
        records.extend(store::consent::latest(&deps.db, member, &question).await?);
    }
    Ok(answer(&decide(&records, &question)))
}

fn answer(decision: &Decision<'_>) -> wire::CheckConsentResponse {
    use wire::ConsentReason as Reason;
    let (reason, record) = match decision {
        Decision::Said(record) => match record.status {
            ConsentStatus::Granted => (Reason::Granted, Some(*record)),
            ConsentStatus::Refused => (Reason::Refused, Some(*record)),
            ConsentStatus::Withdrawn => (Reason::Withdrawn, Some(*record)),
        },
        Decision::Expired(record) => (Reason::Expired, Some(*record)),
        Decision::Silent => (Reason::NotRecorded, None),
    };
    wire::CheckConsentResponse {
        allowed: decision.is_allowed(),
        reason: reason.into(),
        consent: record.map(show::consent),
    }
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListConsentsRequest,
) -> Result<wire::ListConsentsResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let mut violations = Violations::new();
    let purpose = ConsentPurpose::from_number;
    let purpose = parse::optional_word(&mut violations, "purpose", request.purpose, purpose);
    let arguments = format!("consents/{customer}/{}", request.purpose);
    let page = Page::parse(
        violations,
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let before = page.newest_first()?;
    let limit = page.size.probe();
    let order = |row: &Consent| Reverse((row.recorded_at, row.customer.clone()));
    let rows = identity::page_of_record!(deps, &customer, limit, order, member => {
        store::consent::list(&deps.db, member, purpose, before, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        let recorded_at = row.recorded_at.as_micros().to_string();
        vec![recorded_at, row.customer.to_string()]
    });
    Ok(wire::ListConsentsResponse {
        consents: rows.iter().map(show::consent).collect(),
        next_page_token,
    })
}
