//! Terms of a reward, from the wire into words of the domain.

use std::collections::BTreeSet;

use tenure_core::{AccountId, Timestamp, Violations};
use tenure_proto::loyalty::v1 as pb;
use tenure_rpc::fields;

use crate::domain::{
    ORDER_QUANTITY_MAX, POINTS_MAX, PRICES_MAX, Price, REWARD_ID_LENGTH_MAX, REWARD_TIERS_MAX,
    RewardTerms,
};

/// The longest name.
const NAME_LENGTH_MAX: usize = 128;
/// The most money of one thing, in the smallest unit: a thousand of them can be added up.
const MINOR_MAX: i64 = 1_000_000_000_000;
const TENURE_MONTHS_MAX: u16 = 600;

/// Returns the id of a reward, or notes why it is none.
pub(super) fn reward_id<'i>(v: &mut Violations, id: &'i str) -> Option<&'i str> {
    v.take("reward_id", AccountId::parse(id))?;
    if id.len() > REWARD_ID_LENGTH_MAX {
        let wanted = format!("at most {REWARD_ID_LENGTH_MAX} characters");
        v.add("reward_id", wanted, format!("{} characters", id.len()));
        return None;
    }
    Some(id)
}

/// Returns a number within limits, or notes why it is not.
pub(super) fn within(
    v: &mut Violations,
    field: &str,
    number: i64,
    (from, to): (i64, i64),
) -> Option<i64> {
    if (from..=to).contains(&number) {
        return Some(number);
    }
    v.add(field, format!("{from} to {to}"), number.to_string());
    None
}

/// Returns how many things are ordered.
pub(super) fn quantity(v: &mut Violations, quantity: i64) -> Option<i64> {
    match quantity {
        0 => Some(1),
        quantity => within(v, "quantity", quantity, (1, ORDER_QUANTITY_MAX)),
    }
}

/// Returns terms, or notes everything that is wrong with them.
pub(super) fn terms(v: &mut Violations, message: Option<&pb::RewardTerms>) -> Option<RewardTerms> {
    let message = fields::required(v, "terms", message)?;
    v.within("terms.", |v| read(v, message))
}

fn read(v: &mut Violations, message: &pb::RewardTerms) -> Option<RewardTerms> {
    let name = fields::text(v, "display_name", &message.display_name, NAME_LENGTH_MAX);
    let from = fields::optional_time(v, "valid_from_time", message.valid_from_time.as_ref());
    let until = fields::optional_time(v, "valid_until_time", message.valid_until_time.as_ref());
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        v.add(
            "valid_until_time",
            "an instant after the first",
            "an earlier one",
        );
    }
    if message.prices.is_empty() {
        v.add("prices", "at least one", "none");
    }
    fields::at_most(v, "prices", &message.prices, PRICES_MAX);
    let (mut prices, mut keys) = (Vec::new(), BTreeSet::new());
    for (at, asked) in message.prices.iter().enumerate().take(PRICES_MAX) {
        v.within(&format!("prices[{at}]."), |v| {
            if !keys.insert(&asked.price_id) {
                v.add("price_id", "another key than those before", "the same");
            }
            prices.extend(price(v, asked));
        });
    }
    let everybody = pb::RewardEligibility::default();
    let eligible = message.eligibility.as_ref().unwrap_or(&everybody);
    let eligible = v.within("eligibility.", |v| {
        fields::at_most(v, "tier_ids", &eligible.tier_ids, REWARD_TIERS_MAX);
        for tier in eligible.tier_ids.iter().take(REWARD_TIERS_MAX) {
            v.take("tier_ids", AccountId::parse(tier));
        }
        let months = i64::from(eligible.tenure_months_min);
        let months = within(
            v,
            "tenure_months_min",
            months,
            (0, TENURE_MONTHS_MAX.into()),
        );
        let most = eligible.account_quantity_max;
        let most = within(v, "account_quantity_max", most, (0, POINTS_MAX));
        Some((eligible.tier_ids.clone(), months?, most?))
    });
    let (tiers, months, account_max) = eligible?;
    Some(RewardTerms {
        name: name?.to_owned(),
        valid_from: from.map(Timestamp::as_micros),
        valid_until: until.map(Timestamp::as_micros),
        prices,
        tiers,
        tenure_months: u16::try_from(months).unwrap_or(TENURE_MONTHS_MAX),
        account_max,
    })
}

fn price(v: &mut Violations, message: &pb::RewardPrice) -> Option<Price> {
    let key = v.take("price_id", AccountId::parse(&message.price_id));
    let points = within(v, "points", message.points, (1, POINTS_MAX));
    let money = match &message.money {
        None => Some(None),
        Some(money) => v.within("money.", |v| {
            let minor = within(v, "amount_minor", money.amount_minor, (1, MINOR_MAX));
            let parsed = fields::parse_money(&money.currency_code, money.amount_minor);
            let currency = v.take("currency_code", parsed)?.currency;
            Some(Some((currency.as_str().to_owned(), minor?)))
        }),
    };
    Some(Price {
        key: key?.to_string(),
        points: points?,
        money: money?,
    })
}
