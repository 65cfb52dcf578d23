//! Usage summaries from the wire.

use tenure_core::{CustomerId, SubscriptionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;

use super::required_word;
use crate::domain::words::UsagePeriod;
use crate::domain::{UsageKey, UsageSummary, limits};

/// Parses a usage summary that arrives now.
pub(in crate::api) fn usage(
    violations: &mut Violations,
    wire: &wire::UsageSummary,
    now: Timestamp,
) -> Option<UsageSummary> {
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let subscription = Some(wire.subscription_id.as_str()).filter(|id| !id.is_empty());
    let subscription =
        subscription.map(|id| violations.take("subscription_id", SubscriptionId::parse(id)));
    let period = required_word(violations, "period", wire.period, UsagePeriod::from_number);
    let started_at = fields::required_time(violations, "start_time", wire.start_time.as_ref());
    limits::check_happened(violations, "start_time", started_at, now);
    let usage = UsageSummary {
        key: UsageKey {
            customer: customer?,
            started_at: started_at?,
            period: period?,
            subscription: subscription.flatten(),
        },
        voice_seconds: wire.voice_seconds,
        in_group_voice_seconds: wire.in_group_voice_seconds,
        data_megabytes: wire.data_megabytes,
        sms_count: wire.sms_count,
        roaming_seconds: wire.roaming_seconds,
        roaming_megabytes: wire.roaming_megabytes,
        forwarded_offnet_seconds: wire.forwarded_offnet_seconds,
        forwarded_offnet_count: wire.forwarded_offnet_count,
        voice_count: wire.voice_count,
    };
    usage.check(violations);
    Some(usage)
}
