//! `EstimateValue`: what a relationship is worth, by one of three formulas.

use tenure_core::{Money, Violations};
use tenure_proto::scoring::v1 as proto;
use tenure_proto::r#type::v1 as wire;
use tenure_rpc::{RequestError, fields};

use crate::Error;
use crate::domain::assess::minor;
use crate::domain::value::retention::RetentionModel;
use crate::domain::value::{ValueInput, ValueModel, lifetime_value};

/// Computes the value.
pub(crate) fn estimate(
    request: &proto::EstimateValueRequest,
) -> Result<proto::EstimateValueResponse, Error> {
    let mut violations = Violations::new();
    let model = formula(&mut violations, request.formula);
    let v = &mut violations;
    let income = fields::required(v, "yearly_income", request.yearly_income.as_ref());
    let income = income.and_then(|amount| money(v, "yearly_income", amount));
    let mut optional = |field: &str, amount: &Option<wire::Money>, is_used: bool| {
        let amount = amount.as_ref()?;
        if !is_used {
            v.add(field, "nothing with this formula", "an amount");
        }
        let amount = money(v, field, amount)?;
        if income.is_some_and(|income| income.currency != amount.currency) {
            v.add(
                field,
                "the currency of yearly_income",
                amount.currency.to_string(),
            );
        }
        Some(amount)
    };
    let (with_cost, with_acquisition) = (
        model != Some(ValueModel::Revenue),
        matches!(model, None | Some(ValueModel::Profit)),
    );
    let cost = optional("yearly_cost", &request.yearly_cost, with_cost);
    let acquisition = optional(
        "acquisition_cost",
        &request.acquisition_cost,
        with_acquisition,
    );
    let first = optional("first_purchase", &request.first_purchase, true);
    let input = ValueInput {
        annual_income: amount(income),
        annual_cost: amount(cost),
        acquisition_cost: amount(acquisition),
        first_purchase: amount(first),
        years: request.years,
        rate: request.discount_rate,
        curve: request.retention_curve.map(|curve| RetentionModel {
            alpha: curve.alpha,
            beta: curve.beta,
        }),
    };
    if request.years <= 0.0 {
        violations.add("years", "above 0, at most 100", request.years.to_string());
    } else if let Err(found) = input.check() {
        found
            .into_iter()
            .for_each(|f| violations.add(wire_name(&f.field), f.wanted, f.found));
    }
    violations.into_result().map_err(RequestError::from)?;
    let (Some(model), Some(income)) = (model, income) else {
        return Err(Error::Broken(
            "a value without formula or income passed its check".into(),
        ));
    };
    let currency_code = income.currency.to_string();
    let value = minor(lifetime_value(model, &input));
    Ok(proto::EstimateValueResponse {
        value: Some(wire::Money {
            currency_code,
            amount_minor: value,
        }),
        annuity_factor: input.annuity(),
    })
}

fn formula(violations: &mut Violations, number: i32) -> Option<ValueModel> {
    match proto::ValueFormula::try_from(number) {
        Ok(proto::ValueFormula::Revenue) => Some(ValueModel::Revenue),
        Ok(proto::ValueFormula::Profit) => Some(ValueModel::Profit),
        Ok(proto::ValueFormula::Contribution) => Some(ValueModel::Contribution),
        Ok(proto::ValueFormula::Unspecified) | Err(_) => {
            violations.add(
                "formula",
                "REVENUE, PROFIT or CONTRIBUTION",
                number.to_string(),
            );
            None
        }
    }
}

fn money(violations: &mut Violations, field: &str, amount: &wire::Money) -> Option<Money> {
    let parsed = fields::parse_money(&amount.currency_code, amount.amount_minor);
    violations.take(&format!("{field}.currency_code"), parsed)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "amounts above 2^53 cents may lose the last cent"
)]
fn amount(money: Option<Money>) -> f64 {
    money.map_or(0.0, |money| money.minor as f64)
}

/// The domain's names of fields in the words of the API.
fn wire_name(field: &str) -> &str {
    match field {
        "annual_income" => "yearly_income",
        "annual_cost" => "yearly_cost",
        "rate" => "discount_rate",
        "curve.alpha" => "retention_curve.alpha",
        "curve.beta" => "retention_curve.beta",
        other => other,
    }
}
