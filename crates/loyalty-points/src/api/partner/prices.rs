//! Prices from the wire and back.

use std::collections::BTreeMap;

use tenure_core::Violations;
use tenure_proto::loyalty::v1 as pb;

use crate::api::{convert, parse};
use crate::domain::{PartnerKind, Prices, WHOLE};

/// The most prices of one partner.
const PRICES_MAX: usize = 32;
/// The highest price of 1,000 points, in minor units.
const PRICE_MAX: i64 = 1_000_000_000;

/// Reads prices. `kind` is what the partner does, where the request says it.
pub(super) fn read(
    v: &mut Violations,
    said: &pb::PartnerPrices,
    kind: Option<PartnerKind>,
) -> Option<Prices> {
    if said.accrual_prices.len() > PRICES_MAX {
        let found = format!("{} entries", said.accrual_prices.len());
        v.add(
            "accrual_prices",
            format!("at most {PRICES_MAX} entries"),
            found,
        );
        return None;
    }
    let mut accrual = BTreeMap::new();
    for (at, said) in said.accrual_prices.iter().enumerate() {
        let within = format!("accrual_prices[{at}].");
        v.within(&within, |v| {
            let points_type = parse::optional_key(v, "points_type", &said.points_type);
            let price = price(v, "minor_per_thousand", said.minor_per_thousand);
            if let Some((points_type, price)) = points_type.zip(price)
                && accrual.insert(points_type.to_string(), price).is_some()
            {
                v.add("points_type", "each type once", "one that was named before");
            }
        });
    }
    if !accrual.contains_key("") && kind.is_some_and(|kind| kind != PartnerKind::Redemption) {
        v.add("accrual_prices", "a price without a type", "none");
    }
    let billing = billing(v, said.billing_basis_points);
    let field = "redemption_minor_per_thousand";
    let redemption = price(v, field, said.redemption_minor_per_thousand);
    Some(Prices {
        accrual,
        billing: billing?,
        redemption: redemption?,
    })
}

fn price(v: &mut Violations, field: &str, price: i64) -> Option<i64> {
    if (0..=PRICE_MAX).contains(&price) {
        return Some(price);
    }
    v.add(field, format!("0 to {PRICE_MAX}"), price.to_string());
    None
}

fn billing(v: &mut Violations, part: i32) -> Option<u32> {
    match u32::try_from(part) {
        Ok(0) => Some(WHOLE),
        Ok(part) if part <= WHOLE => Some(part),
        _ => {
            v.add(
                "billing_basis_points",
                format!("0 to {WHOLE}"),
                part.to_string(),
            );
            None
        }
    }
}

/// Shows prices.
pub(super) fn show(prices: &Prices) -> pb::PartnerPrices {
    let price = |(points_type, price): (&String, &i64)| pb::AccrualPrice {
        points_type: points_type.clone(),
        minor_per_thousand: *price,
    };
    pb::PartnerPrices {
        accrual_prices: prices.accrual.iter().map(price).collect(),
        billing_basis_points: convert::basis_points(prices.billing),
        redemption_minor_per_thousand: prices.redemption,
    }
}
