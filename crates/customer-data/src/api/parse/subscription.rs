//! Subscriptions from the wire.

use tenure_core::{CustomerId, SubscriptionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;

use super::{money, optional_word, required_word};
use crate::domain::subscription::{CHURN_REASON_LENGTH_MAX, PRODUCT_CODE_LENGTH_MAX};
use crate::domain::words::{ChurnKind, ServiceKind, SuspensionKind};
use crate::domain::{Msisdn, Standing, Subscription, Suspension, Termination, limits, text};

/// Parses a subscription that arrives now.
pub(in crate::api) fn subscription(
    violations: &mut Violations,
    wire: &wire::Subscription,
    now: Timestamp,
) -> Option<Subscription> {
    let id = violations.take(
        "subscription_id",
        SubscriptionId::parse(&wire.subscription_id),
    );
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let service = required_word(
        violations,
        "service",
        wire.service,
        ServiceKind::from_number,
    );
    let product = text::parse_required(&wire.product_code, PRODUCT_CODE_LENGTH_MAX);
    let product = violations.take("product_code", product);
    let msisdn = Some(wire.msisdn.as_str()).filter(|text| !text.is_empty());
    let msisdn = msisdn.map(|text| violations.take("msisdn", Msisdn::parse(text)));
    let started_at = fields::required_time(violations, "start_time", wire.start_time.as_ref());
    let contract = wire.contract_end_time.as_ref();
    let contract = fields::optional_time(violations, "contract_end_time", contract);
    let fee = money(violations, "monthly_fee", wire.monthly_fee.as_ref());
    let termination = termination(violations, wire, now);
    let subscription = Subscription {
        id: id?,
        customer: customer?,
        service: service?,
        product_code: product?,
        msisdn: msisdn.flatten(),
        msisdn_from: None,
        started_at: started_at?,
        contract_ends_at: contract,
        monthly_fee: fee,
        termination,
        standing: Standing::since(Timestamp::MIN),
        // Set when it is taken in.
        updated_at: Timestamp::MIN,
    };
    subscription.check(violations);
    Some(subscription)
}

fn termination(
    violations: &mut Violations,
    wire: &wire::Subscription,
    now: Timestamp,
) -> Option<Termination> {
    let at = wire.terminate_time.as_ref();
    let reason = churn_reason(violations, &wire.churn_reason);
    let Some(at) = at else {
        if wire.churn_kind != 0 {
            violations.add("churn_kind", "nothing without terminate_time", "a kind");
        }
        if !wire.churn_reason.is_empty() {
            violations.add("churn_reason", "nothing without terminate_time", "a reason");
        }
        if wire.ported_out {
            violations.add("ported_out", "false without terminate_time", "true");
        }
        return None;
    };
    let at = violations.take("terminate_time", fields::parse_time(at));
    limits::check_happened(violations, "terminate_time", at, now);
    let kind = optional_word(
        violations,
        "churn_kind",
        wire.churn_kind,
        ChurnKind::from_number,
    );
    if wire.churn_kind == 0 {
        violations.add("churn_kind", "a kind with terminate_time", "nothing");
    }
    check_port_out(violations, wire.ported_out, kind);
    Some(Termination {
        at: at?,
        kind: kind?,
        reason: reason?,
        is_ported_out: wire.ported_out,
    })
}

/// Notes a number that went to a competitor when the customer did not.
pub(in crate::api) fn check_port_out(
    violations: &mut Violations,
    is_ported_out: bool,
    kind: Option<ChurnKind>,
) {
    if is_ported_out && kind.is_some_and(|kind| kind != ChurnKind::Competitor) {
        violations.add("ported_out", "true only with a competitor", "another kind");
    }
}

/// Parses why a subscription is suspended.
pub(in crate::api) fn suspension(
    violations: &mut Violations,
    request: &wire::SuspendSubscriptionRequest,
) -> Option<Suspension> {
    let (field, kind) = ("suspension_kind", request.suspension_kind);
    let kind = required_word(violations, field, kind, SuspensionKind::from_number);
    let reason = text::parse(&request.suspension_reason, CHURN_REASON_LENGTH_MAX);
    let reason = violations.take("suspension_reason", reason);
    Some(Suspension {
        kind: kind?,
        reason: reason?,
    })
}

/// Parses the required kind of an ending.
pub(in crate::api) fn churn_kind(violations: &mut Violations, kind: i32) -> Option<ChurnKind> {
    required_word(violations, "churn_kind", kind, ChurnKind::from_number)
}

/// Parses the reason of an ending.
pub(in crate::api) fn churn_reason(violations: &mut Violations, reason: &str) -> Option<String> {
    violations.take("churn_reason", text::parse(reason, CHURN_REASON_LENGTH_MAX))
}
