//! `CreatePartner`, `UpdatePartner`, `GetPartner`, `ListPartners`.

use tenure_core::{Currency, Timestamp, Violations, page};
use tenure_proto::loyalty::v1::{
    self as pb, CreatePartnerRequest, CreatePartnerResponse, GetPartnerRequest, GetPartnerResponse,
    ListPartnersRequest, ListPartnersResponse, UpdatePartnerRequest, UpdatePartnerResponse,
};
use tenure_rpc::{RequestError, fields};

use super::{partner_id, prices, require};
use crate::Shared;
use crate::api::once::{Begun, begin};
use crate::api::parse;
use crate::api::programme::Failed;
use crate::domain::{PartnerKind, Payment, Prices};
use crate::error::Error;
use crate::store::partners::{self as store, StoredPartner, StoredTerms, Update};

/// The longest name of a partner.
const NAME_LENGTH_MAX: usize = 128;
/// The longest name of who did something.
const ACTOR_LENGTH_MAX: usize = 64;
/// The longest id of a prepaid partner: that of the stock of a block is made of it.
const PREPAID_ID_MAX: usize = 48;
/// The highest limit below which somebody is told.
const ALERT_MAX: i64 = 1_000_000_000_000;

fn kind(v: &mut Violations, kind: i32) -> Option<PartnerKind> {
    let found = i16::try_from(kind).ok().and_then(PartnerKind::from_number);
    if found.is_none() {
        v.add("kind", "ACCRUAL, REDEMPTION or BOTH", kind.to_string());
    }
    found
}

fn alert(v: &mut Violations, points: i64) -> Option<i64> {
    if (0..=ALERT_MAX).contains(&points) {
        return Some(points);
    }
    v.add(
        "alert_points",
        format!("0 to {ALERT_MAX}"),
        points.to_string(),
    );
    None
}

/// What is asked of a new partner.
fn read(
    v: &mut Violations,
    message: &CreatePartnerRequest,
    now: Timestamp,
) -> Option<(StoredPartner, Prices)> {
    let id = partner_id(v, &message.partner_id);
    let name = fields::text(v, "display_name", &message.display_name, NAME_LENGTH_MAX);
    let kind = kind(v, message.kind);
    let payment = i16::try_from(message.funding)
        .ok()
        .and_then(Payment::from_number);
    if payment.is_none() {
        v.add(
            "funding",
            "PREPAID or POSTPAID",
            message.funding.to_string(),
        );
    }
    if payment == Some(Payment::Prepaid) && id.as_ref().is_some_and(|id| id.len() > PREPAID_ID_MAX)
    {
        let found = message.partner_id.len().to_string();
        v.add("partner_id", format!("up to {PREPAID_ID_MAX} bytes"), found);
    }
    let currency = v.take("currency_code", Currency::parse(&message.currency_code));
    let said = fields::required(v, "prices", message.prices.as_ref());
    let prices = said.and_then(|said| v.within("prices.", |v| prices::read(v, said, kind)));
    let alert = alert(v, message.alert_points);
    let by = fields::text(v, "created_by", &message.created_by, ACTOR_LENGTH_MAX)?.to_owned();
    let partner = StoredPartner {
        id: id?,
        name: name?.to_owned(),
        kind: kind?,
        payment: payment?,
        currency: currency?,
        is_closed: false,
        alert: alert?,
        terms: 1,
        created_at: now,
        created_by: by.clone(),
        updated_at: now,
        updated_by: by,
    };
    Some((partner, prices?))
}

pub(super) async fn create(
    shared: &Shared,
    message: CreatePartnerRequest,
) -> Result<CreatePartnerResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let wanted = read(v, &message, shared.clock.now());
    let (request, (mut wanted, prices)) = parse::all(violations, request.zip(wanted))?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    (wanted.created_at, wanted.updated_at) = (write.now, write.now);
    let lanes = shared.db.lanes().all();
    let created = store::create(&mut write.tx, lanes, &wanted, &prices).await?;
    let terms = StoredTerms::first(&wanted, prices);
    let answer = created.map(|()| CreatePartnerResponse {
        partner: Some(show(&wanted, &[terms], wanted.created_at)),
        replayed: false,
    });
    Ok(write.finish(answer.map_err(Error::from)).await?)
}

/// What is asked of a known partner, but from when on new terms are in force.
fn changes(v: &mut Violations, message: &UpdatePartnerRequest) -> Option<Update> {
    let name = match message.display_name.as_str() {
        "" => None,
        name => fields::text(v, "display_name", name, NAME_LENGTH_MAX).map(str::to_owned),
    };
    let kind = match message.kind {
        0 => None,
        number => kind(v, number),
    };
    let is_closed = match pb::PartnerState::try_from(message.state) {
        Ok(pb::PartnerState::Unspecified) => None,
        Ok(state) => Some(state == pb::PartnerState::Closed),
        Err(_) => {
            v.add("state", "ACTIVE or CLOSED", message.state.to_string());
            None
        }
    };
    let alert = message.alert_points.and_then(|points| alert(v, points));
    let effective = fields::optional_time(v, "effective_time", message.effective_time.as_ref());
    if effective.is_some() && message.prices.is_none() {
        v.add("effective_time", "nothing without prices", "an instant");
    }
    let said = message.prices.as_ref();
    let prices = said.and_then(|said| v.within("prices.", |v| prices::read(v, said, kind)));
    Some(Update {
        name,
        kind,
        is_closed,
        alert,
        // Now is known later.
        prices: prices.map(|prices| (prices, effective.unwrap_or(Timestamp::MIN))),
    })
}

pub(super) async fn update(
    shared: &Shared,
    message: UpdatePartnerRequest,
) -> Result<UpdatePartnerResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = partner_id(v, &message.partner_id);
    let by = fields::text(v, "updated_by", &message.updated_by, ACTOR_LENGTH_MAX);
    let changes = changes(v, &message);
    let parsed = request.zip(id).zip(by.zip(changes));
    let ((request, id), (by, mut changes)) = parse::all(violations, parsed)?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let now = write.now;
    if let Some((_, from)) = &mut changes.prices {
        if *from == Timestamp::MIN {
            *from = now;
        } else if *from < now {
            let mut violations = Violations::new();
            let wanted = "an instant not in the past";
            violations.add("effective_time", wanted, "one that has passed");
            parse::all(violations, Some(()))?;
        }
    }
    let lanes = shared.db.lanes().all();
    let what = (id.as_str(), changes);
    let updated = store::update(&mut write.tx, lanes, &shared.rules, what, (now, by)).await?;
    let answer = match updated {
        Ok(found) => {
            let terms = store::terms_in(&mut write.tx, &id).await?;
            Ok(UpdatePartnerResponse {
                partner: Some(show(&found, &terms, now)),
                replayed: false,
            })
        }
        Err(refusal) => Err(Error::from(refusal)),
    };
    Ok(write.finish(answer).await?)
}

pub(super) async fn get(
    shared: &Shared,
    message: GetPartnerRequest,
) -> Result<GetPartnerResponse, Failed> {
    let mut violations = Violations::new();
    let id = partner_id(&mut violations, &message.partner_id);
    let id = parse::all(violations, id)?;
    let found = require(shared, &id).await?;
    let terms = store::terms_of(&shared.db, &id).await?;
    Ok(GetPartnerResponse {
        partner: Some(show(&found, &terms, shared.clock.now())),
        terms: terms.iter().map(show_terms).collect(),
    })
}

pub(super) async fn list(
    shared: &Shared,
    message: ListPartnersRequest,
) -> Result<ListPartnersResponse, Failed> {
    let mut violations = Violations::new();
    let size = fields::page_size(&mut violations, message.page_size);
    let size = parse::all(violations, size)?;
    let arguments = b"partners";
    let token = fields::page_token(&message.page_token, arguments).map_err(RequestError::from)?;
    let after = token.as_ref().and_then(|token| token.keys().first());
    let after = after.map_or("", String::as_str);
    let rows = store::page(&shared.db, after, size).await?;
    let (rows, next) = page::cut(rows, size, |partner| vec![partner.id.clone()]);
    let mut partners = Vec::with_capacity(rows.len());
    let now = shared.clock.now();
    for found in &rows {
        let terms = store::terms_of(&shared.db, &found.id).await?;
        partners.push(show(found, &terms, now));
    }
    Ok(ListPartnersResponse {
        partners,
        next_page_token: next.map(|next| next.seal(arguments)).unwrap_or_default(),
    })
}

fn show(found: &StoredPartner, terms: &[StoredTerms], now: Timestamp) -> pb::Partner {
    let current = store::in_force(terms, now);
    let state = if found.is_closed {
        pb::PartnerState::Closed
    } else {
        pb::PartnerState::Active
    };
    pb::Partner {
        partner_id: found.id.clone(),
        display_name: found.name.clone(),
        kind: i32::from(found.kind.number()),
        funding: i32::from(found.payment.number()),
        currency_code: found.currency.to_string(),
        state: state.into(),
        alert_points: found.alert,
        current_terms: current.map(show_terms),
        create_time: Some(fields::time(found.created_at)),
        created_by: found.created_by.clone(),
        update_time: Some(fields::time(found.updated_at)),
        updated_by: found.updated_by.clone(),
    }
}

fn show_terms(found: &StoredTerms) -> pb::PartnerTerms {
    let from = found.terms.effective_from;
    pb::PartnerTerms {
        terms_number: found.terms.number,
        effective_time: (from > Timestamp::MIN).then(|| fields::time(from)),
        prices: Some(prices::show(&found.terms.prices)),
        create_time: Some(fields::time(found.created_at)),
        created_by: found.created_by.clone(),
    }
}
