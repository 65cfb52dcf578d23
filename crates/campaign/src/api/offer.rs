//! Offers: create, get, list.

use tenure_core::{OfferId, PageToken, Violations};
use tenure_core::{RequestId, Timestamp};
use tenure_proto::campaign::v1 as proto;
use tenure_proto::campaign::v1::{
    CreateOfferRequest, CreateOfferResponse, GetOfferRequest, GetOfferResponse, ListOffersRequest,
    ListOffersResponse,
};
use tenure_rpc::{RequestError, fields};
use tenure_sql::Tx;
use tonic::Status;

use super::turn::{self, Begun, Effect};
use super::wire;
use crate::Inner;
use crate::domain::campaign::Offer;
use crate::domain::words::OfferKind;
use crate::error::Error;
use crate::store;

/// The longest name for people, in bytes.
pub(super) const NAME_LENGTH_MAX: usize = 200;
/// The longest description or objective, in bytes.
pub(super) const TEXT_LENGTH_MAX: usize = 1_000;

/// Creates an offer.
pub(super) async fn create(
    inner: &Inner,
    request: &CreateOfferRequest,
) -> Result<CreateOfferResponse, Status> {
    let (request_id, offer) = parse(request, inner.clock.now())?;
    let mut turn = match turn::begin(inner, request, request_id).await? {
        Begun::New(turn) => turn,
        Begun::Before(answer) => return answer,
    };
    let created = insert(
        &mut turn.tx,
        Offer {
            created_at: turn.now,
            ..offer
        },
    )
    .await;
    turn.end(created).await
}

async fn insert(tx: &mut Tx, offer: Offer) -> Result<Effect<CreateOfferResponse>, Error> {
    if !store::offer::insert(tx, &offer).await? {
        return Err(Error::OfferExists(offer.id));
    }
    let offer = Some(wire::offer(&offer));
    Ok((
        CreateOfferResponse {
            offer,
            replayed: false,
        },
        Vec::new(),
    ))
}

fn parse(request: &CreateOfferRequest, now: Timestamp) -> Result<(RequestId, Offer), Error> {
    let mut v = Violations::new();
    let request_id = fields::request_id(&mut v, &request.request_id);
    let offer = fields::required(&mut v, "offer", request.offer.as_ref())
        .and_then(|offer| v.within("offer.", |v| parse_offer(v, offer, now)));
    match (request_id, offer) {
        (Some(request_id), Some(offer)) if v.is_empty() => Ok((request_id, offer)),
        _ => Err(refused(v)),
    }
}

fn parse_offer(v: &mut Violations, offer: &proto::Offer, now: Timestamp) -> Option<Offer> {
    let id = v.take("offer_id", OfferId::parse(&offer.offer_id));
    let name = fields::text(v, "display_name", &offer.display_name, NAME_LENGTH_MAX);
    if offer.description.len() > TEXT_LENGTH_MAX {
        let found = format!("{} bytes", offer.description.len());
        v.add(
            "description",
            format!("at most {TEXT_LENGTH_MAX} bytes"),
            found,
        );
    }
    let kind = OfferKind::from_number(offer.kind);
    if kind.is_none() {
        v.add("kind", "a kind of offer", offer.kind.to_string());
    }
    let cost = offer.cost.as_ref().and_then(|cost| {
        if cost.amount_minor < 0 {
            v.add(
                "cost.amount_minor",
                "0 or more",
                cost.amount_minor.to_string(),
            );
        }
        let money = fields::parse_money(&cost.currency_code, cost.amount_minor);
        v.take("cost.currency_code", money)
    });
    Some(Offer {
        id: id?,
        display_name: name?.to_owned(),
        description: offer.description.clone(),
        kind: kind?,
        cost,
        created_at: now,
    })
}

/// Returns the refusal of a request whose fields are wrong.
pub(super) fn refused(violations: Violations) -> Error {
    RequestError::from(violations.into_result().err().unwrap_or_default()).into()
}

/// Returns one offer.
pub(super) async fn get(
    inner: &Inner,
    request: &GetOfferRequest,
) -> Result<GetOfferResponse, Error> {
    let mut v = Violations::new();
    let Some(id) = v.take("offer_id", OfferId::parse(&request.offer_id)) else {
        return Err(refused(v));
    };
    let offer = store::offer::get(&inner.db, &id).await?;
    let offer = offer.ok_or(Error::OfferNotFound(id))?;
    Ok(GetOfferResponse {
        offer: Some(wire::offer(&offer)),
    })
}

/// Lists offers by id.
pub(super) async fn list(
    inner: &Inner,
    request: &ListOffersRequest,
) -> Result<ListOffersResponse, Error> {
    let mut v = Violations::new();
    let Some(size) = fields::page_size(&mut v, request.page_size) else {
        return Err(refused(v));
    };
    let token = fields::page_token(&request.page_token, b"offers").map_err(RequestError::from)?;
    let offers = store::offer::list(&inner.db, after(token.as_ref()), size).await?;
    let (offers, next) = tenure_core::page::cut(offers, size, |offer| vec![offer.id.to_string()]);
    Ok(ListOffersResponse {
        offers: offers.iter().map(wire::offer).collect(),
        next_page_token: next.map(|token| token.seal(b"offers")).unwrap_or_default(),
    })
}

/// Returns the key after which a page starts; the empty one comes before all.
pub(super) fn after(token: Option<&PageToken>) -> &str {
    token
        .and_then(|token| token.keys().first())
        .map_or("", String::as_str)
}
