//! `AllocatePrice`, `GetLiability`.

mod convert;
mod parse;

use tenure_core::{PageError, PageToken, Violations, page};
use tenure_proto::loyalty::v1::{
    AllocatePriceRequest, AllocatePriceResponse, AllocationMethod, GetLiabilityRequest,
    GetLiabilityResponse, LiabilityTotal, Vintage,
};
use tenure_rpc::{RequestError, fields};

use super::{accounts, parse as common};
use crate::domain::Cohort;
use crate::domain::revenue::{allocate, allocate_fair_value};
use crate::error::Error;
use crate::{Shared, store};

use convert::Sum;

pub(super) fn allocate_price(
    message: &AllocatePriceRequest,
) -> Result<AllocatePriceResponse, Error> {
    let mut violations = Violations::new();
    let asked = parse::sale(&mut violations, message);
    let sale = common::all(violations, asked)?;
    let points = (sale.points, sale.value);
    let split = match sale.method {
        AllocationMethod::FairValue => allocate_fair_value(sale.price, points, sale.expected),
        _ => allocate(sale.price, sale.goods, points, sale.expected),
    };
    // Each amount is within its limit, so only their product can be beyond what is reckoned with.
    let split = split.ok_or_else(|| parse::too_large("price"))?;
    Ok(AllocatePriceResponse {
        revenue: Some(convert::money(sale.currency, split.revenue)),
        deferred: Some(convert::money(sale.currency, split.deferred)),
    })
}

pub(super) async fn get(
    shared: &Shared,
    message: GetLiabilityRequest,
) -> Result<GetLiabilityResponse, Error> {
    let catalogue = accounts::catalogue_with(shared, &[&message.programme_id]).await?;
    let mut violations = Violations::new();
    let v = &mut violations;
    let programme = accounts::programme(&catalogue, &message.programme_id, shared.clock.now());
    let programme = v.take("programme_id", programme);
    let days = parse::days(v, &message);
    let terms = parse::terms(v, &message);
    let size = fields::page_size(v, message.page_size);
    let parsed = programme.zip(days).zip(terms).zip(size);
    let (((programme, days), terms), size) = common::all(violations, parsed)?;
    let arguments = format!("liability\u{1f}{programme}\u{1f}{days:?}\u{1f}{terms:?}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let after = place(token.map_err(RequestError::from)?.as_ref())?;

    let books = store::vintage_books(&shared.db, &programme, days).await?;
    let (mut total, mut own) = (Sum::default(), Sum::default());
    let mut shown: Vec<(Cohort, Sum)> = Vec::new();
    for (cohort, moved) in books.vintages {
        let sum = Sum::of(&cohort, &moved, &terms)?;
        total.add(&sum)?;
        if cohort.partner.is_empty() {
            own.add(&sum)?;
        }
        let is_later = after
            .as_ref()
            .is_none_or(|after| key(&cohort) > (after.0, &after.1, &after.2));
        if is_later && shown.len() <= size.get() {
            shown.push((cohort, sum));
        }
    }
    let (shown, next) = page::cut(shown, size, |(cohort, _)| {
        let (month, points_type, partner) = key(cohort);
        vec![month.to_string(), points_type.into(), partner.into()]
    });
    let vintage = |(cohort, sum): &(Cohort, Sum)| -> Vintage { sum.vintage(cohort, &terms) };
    let whole = |sum: &Sum| LiabilityTotal {
        points: Some(sum.points()),
        money: Some(sum.money(terms.currency)),
    };
    Ok(GetLiabilityResponse {
        programme_id: programme.to_string(),
        vintages: shown.iter().map(vintage).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
        total: Some(whole(&total)),
        own_funded: Some(whole(&own)),
        lot_points: books.lot_points.unwrap_or(0),
    })
}

/// The place of a cohort among those of its programme.
fn key(cohort: &Cohort) -> (i64, &str, &str) {
    (cohort.month, &cohort.points_type, &cohort.partner)
}

/// Returns the cohort after which a page starts.
fn place(token: Option<&PageToken>) -> Result<Option<(i64, String, String)>, RequestError> {
    let Some(token) = token else { return Ok(None) };
    let month = common::number(token.keys().first());
    match (month, token.keys().get(1), token.keys().get(2)) {
        (Ok(month), Some(points_type), Some(partner)) => {
            Ok(Some((month, points_type.clone(), partner.clone())))
        }
        _ => Err(PageError::Invalid.into()),
    }
}
