//! Prices, shares and days of the books, from the wire into words of the domain.

use std::collections::BTreeMap;

use prost_types::Timestamp as Wire;
use tenure_core::{Currency, Timestamp, Violations};
use tenure_proto::loyalty::v1::{
    AllocatePriceRequest, AllocationMethod, GetLiabilityRequest, PointPrice, VintageEstimate,
};
use tenure_proto::r#type::v1::Money;
use tenure_rpc::fields;

use super::common;
use crate::domain::revenue::{AMOUNT_MAX, Price, Share};
use crate::domain::{BALANCE_MAX, DAY, day_of};
use crate::error::Error;
use crate::store::Days;

/// The most estimates of vintages.
const ESTIMATES_MAX: usize = 1_000;

/// A sale whose price is to be split.
#[derive(Debug)]
pub(super) struct Sale {
    pub(super) currency: Currency,
    pub(super) price: i64,
    pub(super) goods: i64,
    pub(super) points: i64,
    pub(super) value: Price,
    pub(super) expected: Share,
    pub(super) method: AllocationMethod,
}

pub(super) fn sale(v: &mut Violations, message: &AllocatePriceRequest) -> Option<Sale> {
    let method = AllocationMethod::try_from(message.method);
    if method.is_err() {
        v.add("method", "a method", message.method.to_string());
    }
    let price = amount(v, "price", message.price.as_ref(), None);
    let currency = price.map(|(currency, _)| currency);
    let goods = match (&message.goods_price, method) {
        (None, Ok(AllocationMethod::FairValue)) => Some(0),
        (goods, _) => amount(v, "goods_price", goods.as_ref(), currency).map(|(_, minor)| minor),
    };
    if !(0..=BALANCE_MAX).contains(&message.points) {
        let wanted = format!("0 to {BALANCE_MAX}");
        v.add("points", wanted, message.points.to_string());
    }
    let value = point_price(v, "point_value", message.point_value.as_ref(), currency);
    let expected = share(v, message.expected_redemption_ppm);
    let (currency, price) = price?;
    Some(Sale {
        currency,
        price,
        goods: goods?,
        points: message.points,
        value: value?.1,
        expected: expected?,
        method: method.ok()?,
    })
}

/// What the liability is reckoned with.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) currency: Currency,
    price: Price,
    expected: Share,
    estimates: BTreeMap<(i64, String, String), (Share, Option<i64>)>,
}

impl Terms {
    /// Returns the share of a vintage that is expected to be redeemed.
    pub(super) fn expected(&self, (month, points_type, partner): (i64, &str, &str)) -> Share {
        self.estimate(month, points_type, partner)
            .map_or(self.expected, |(expected, _)| *expected)
    }

    /// Returns the money deferred for the issued points of a vintage.
    pub(super) fn allocated(
        &self,
        (month, points_type, partner): (i64, &str, &str),
        issued: i64,
    ) -> Result<i64, Error> {
        match self.estimate(month, points_type, partner) {
            Some((_, Some(allocated))) => Ok(*allocated),
            _ => {
                let allocated = self.price.of(issued);
                allocated.ok_or_else(|| too_large("allocated_price"))
            }
        }
    }

    fn estimate(
        &self,
        month: i64,
        points_type: &str,
        partner: &str,
    ) -> Option<&(Share, Option<i64>)> {
        if self.estimates.is_empty() {
            return None;
        }
        let key = (month, points_type.to_owned(), partner.to_owned());
        self.estimates.get(&key)
    }
}

pub(super) fn terms(v: &mut Violations, message: &GetLiabilityRequest) -> Option<Terms> {
    let price = message.allocated_price.as_ref();
    let price = point_price(v, "allocated_price", price, None);
    let expected = share(v, message.expected_redemption_ppm);
    let mut estimates = BTreeMap::new();
    if fields::at_most(v, "estimates", &message.estimates, ESTIMATES_MAX) {
        let currency = price.map(|(currency, _)| currency);
        for (at, asked) in message.estimates.iter().enumerate() {
            let parsed = v.within(&format!("estimates[{at}]."), |v| {
                estimate(v, asked, currency)
            });
            let Some((key, estimate)) = parsed else {
                continue;
            };
            if estimates.insert(key, estimate).is_some() {
                v.add(
                    &format!("estimates[{at}]"),
                    "each vintage once",
                    "one again",
                );
            }
        }
    }
    let (currency, price) = price?;
    Some(Terms {
        currency,
        price,
        expected: expected?,
        estimates,
    })
}

type Estimate = ((i64, String, String), (Share, Option<i64>));

fn estimate(
    v: &mut Violations,
    asked: &VintageEstimate,
    currency: Option<Currency>,
) -> Option<Estimate> {
    let month = fields::required_time(v, "earn_month", asked.earn_month.as_ref());
    if let Some(month) = month
        && month.month_start() != month
    {
        v.add("earn_month", "the first instant of a month", "another one");
    }
    let points_type = common::optional_key(v, "points_type", &asked.points_type);
    let partner = common::optional_key(v, "partner_id", &asked.partner_id);
    let expected = share(v, asked.expected_redemption_ppm);
    let allocated = asked.allocated.as_ref().map(|allocated| {
        let allocated = amount(v, "allocated", Some(allocated), currency);
        allocated.map(|(_, minor)| minor)
    });
    let key = (
        day_of(month?),
        points_type?.as_ref().to_owned(),
        partner?.as_ref().to_owned(),
    );
    match allocated {
        Some(allocated) => Some((key, (expected?, Some(allocated?)))),
        None => Some((key, (expected?, None))),
    }
}

/// Returns the days of the period.
pub(super) fn days(v: &mut Violations, message: &GetLiabilityRequest) -> Option<Days> {
    let start = day(v, "start_time", message.start_time.as_ref(), i64::MIN);
    let end = day(v, "as_of_time", message.as_of_time.as_ref(), Days::NO_END);
    let (start, end) = start.zip(end)?;
    if end < start {
        v.add("start_time", "a day not after as_of_time", "a later one");
    }
    Some(Days { start, end })
}

/// Returns the day that begins at an instant, or `otherwise` when none is told.
fn day(v: &mut Violations, field: &str, time: Option<&Wire>, otherwise: i64) -> Option<i64> {
    if time.is_none() {
        return Some(otherwise);
    }
    let instant: Timestamp = fields::optional_time(v, field, time)?;
    let day = day_of(instant);
    if day * DAY != instant.as_micros() {
        v.add(field, "the first instant of a day in UTC", "another one");
        return None;
    }
    Some(day)
}

/// Returns an amount of money that is not negative; in `currency`, if that is told.
fn amount(
    v: &mut Violations,
    field: &str,
    money: Option<&Money>,
    currency: Option<Currency>,
) -> Option<(Currency, i64)> {
    let money = fields::required(v, field, money)?;
    let parsed = fields::parse_money(&money.currency_code, money.amount_minor);
    let money = v.take(&format!("{field}.currency_code"), parsed)?;
    if currency.is_some_and(|currency| currency != money.currency) {
        let field = format!("{field}.currency_code");
        v.add(&field, "the currency of the first amount", "another one");
        return None;
    }
    if !(0..=AMOUNT_MAX).contains(&money.minor) {
        let field = format!("{field}.amount_minor");
        v.add(
            &field,
            format!("0 to {AMOUNT_MAX}"),
            money.minor.to_string(),
        );
        return None;
    }
    Some((money.currency, money.minor))
}

fn point_price(
    v: &mut Violations,
    field: &str,
    price: Option<&PointPrice>,
    currency: Option<Currency>,
) -> Option<(Currency, Price)> {
    let price = fields::required(v, field, price)?;
    let points = price.points;
    let amount = amount(
        v,
        &format!("{field}.amount"),
        price.amount.as_ref(),
        currency,
    );
    if !(1..=AMOUNT_MAX).contains(&points) {
        let field = format!("{field}.points");
        v.add(&field, format!("1 to {AMOUNT_MAX}"), points.to_string());
    }
    let (currency, minor) = amount?;
    Some((currency, Price::new(minor, points)?))
}

fn share(v: &mut Violations, ppm: i32) -> Option<Share> {
    let share = u32::try_from(ppm).ok().and_then(Share::from_ppm);
    if share.is_none() {
        let wanted = format!("0 to {}", Share::WHOLE);
        v.add("expected_redemption_ppm", wanted, ppm.to_string());
    }
    share
}

/// Returns the refusal of amounts that are too large together.
pub(super) fn too_large(field: &str) -> Error {
    let mut violations = Violations::new();
    let wanted = format!("amounts of at most {AMOUNT_MAX} minor units");
    violations.add(field, wanted, "a larger one for all points");
    let violations = violations.into_result().expect_err("one was added");
    violations.into()
}
