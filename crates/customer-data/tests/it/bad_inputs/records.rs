//! Bills, usage and interactions.

use tenure_proto::customer::v1 as wire;

use super::{KEY, MINOR_TOO_MUCH, Mistake, SECRET, assert_each, far, money};
use crate::suite::*;

const BILLS: &[Mistake<wire::Bill>] = &[
    (|b| b.bill_id.clear(), "bills[0].bill_id", KEY),
    (
        |b| b.bill_id = "x".repeat(65),
        "bills[0].bill_id",
        "found 65 bytes",
    ),
    (
        |b| b.customer_id = "\u{7f}".into(),
        "bills[0].customer_id",
        "U+007F at byte 0",
    ),
    (
        |b| b.issue_time = None,
        "bills[0].issue_time",
        "found nothing",
    ),
    (|b| b.due_time = None, "bills[0].due_time", "found nothing"),
    (
        |b| b.due_time = later(-1),
        "bills[0].due_time",
        "not before issue_time",
    ),
    (|b| b.amount = None, "bills[0].amount", "found nothing"),
    (
        |b| b.amount = money("EURO", 1),
        "bills[0].amount.currency_code",
        "three capital letters",
    ),
    (
        |b| b.amount = money("EUR", -MINOR_TOO_MUCH),
        "bills[0].amount.amount_minor",
        "minor units",
    ),
    (|b| b.state = 0, "bills[0].state", "found nothing"),
    (|b| b.state = 4, "bills[0].state", "found the number 4"),
    (
        |b| b.settle_time = None,
        "bills[0].settle_time",
        "an instant with the state SETTLED",
    ),
    (
        |b| b.settle_time = later(-1),
        "bills[0].settle_time",
        "not before issue_time",
    ),
    (
        |b| b.settle_time = day("2025-01-03"),
        "bills[0].settle_time",
        "at most a day from now",
    ),
    (
        |b| b.paid_amount = None,
        "bills[0].paid_amount",
        "an amount with the state SETTLED",
    ),
    (
        |b| b.paid_amount = money("USD", 1),
        "bills[0].paid_amount.currency_code",
        "the currency of amount, EUR",
    ),
    (
        |b| {
            b.state = 2;
            b.settle_time = later(1);
        },
        "bills[0].settle_time",
        "nothing without the state SETTLED",
    ),
    (
        |b| {
            b.state = 1;
            b.settle_time = None;
        },
        "bills[0].paid_amount",
        "nothing with the state SENT",
    ),
];

#[tokio::test]
async fn every_mistake_in_a_bill_is_told() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        assert_each(
            &mut suite,
            settled("ada", "B1", 0),
            BILLS,
            async |suite, bad| suite.bill(vec![bad, sent("ada", "B2", 0)]).await.map(drop),
        )
        .await;
    })
    .await;
}

const USAGE: &[Mistake<wire::UsageSummary>] = &[
    (
        |u| u.customer_id.clear(),
        "usage_summaries[0].customer_id",
        KEY,
    ),
    (
        |u| u.subscription_id = "a b".into(),
        "usage_summaries[0].subscription_id",
        "U+0020",
    ),
    (
        |u| u.period = 0,
        "usage_summaries[0].period",
        "found nothing",
    ),
    (
        |u| u.period = 3,
        "usage_summaries[0].period",
        "found the number 3",
    ),
    (
        |u| u.start_time = None,
        "usage_summaries[0].start_time",
        "found nothing",
    ),
    (
        |u| u.start_time = day("2024-03-02"),
        "usage_summaries[0].start_time",
        "first instant of a day or month",
    ),
    (
        |u| u.start_time = day("2025-02-01"),
        "usage_summaries[0].start_time",
        "at most a day from now",
    ),
    (
        |u| u.voice_seconds = 1_000_000_000_001,
        "usage_summaries[0].voice_seconds",
        "0 to 1000000000000",
    ),
    (
        |u| u.in_group_voice_seconds = -1,
        "usage_summaries[0].in_group_voice_seconds",
        "found -1",
    ),
    (
        |u| u.in_group_voice_seconds = 61,
        "usage_summaries[0].in_group_voice_seconds",
        "at most voice_seconds",
    ),
    (
        |u| u.data_megabytes = -1,
        "usage_summaries[0].data_megabytes",
        "found -1",
    ),
    (
        |u| u.data_megabytes = i64::MAX,
        "usage_summaries[0].data_megabytes",
        "0 to 1000000000000",
    ),
    (
        |u| u.sms_count = i64::MIN,
        "usage_summaries[0].sms_count",
        "0 to 1000000000000",
    ),
];

#[tokio::test]
async fn every_mistake_in_a_usage_summary_is_told() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let good = month("ada", "", "2024-03-01");
        assert_each(&mut suite, good, USAGE, async |suite, bad| {
            let request = wire::BatchUpsertUsageSummariesRequest {
                request_id: fresh(),
                usage_summaries: vec![bad, month("ada", "", "2024-04-01")],
            };
            suite
                .client
                .batch_upsert_usage_summaries(request)
                .await
                .map(drop)
        })
        .await;
    })
    .await;
}

const INTERACTIONS: &[Mistake<wire::Interaction>] = &[
    (
        |i| i.interaction_id.clear(),
        "interactions[0].interaction_id",
        KEY,
    ),
    (
        |i| i.interaction_id = "x".repeat(65),
        "interactions[0].interaction_id",
        "found 65 bytes",
    ),
    (
        |i| i.customer_id = "a\tb".into(),
        "interactions[0].customer_id",
        "U+0009 at byte 1",
    ),
    (
        |i| i.event_time = None,
        "interactions[0].event_time",
        "found nothing",
    ),
    (
        |i| i.event_time = day("2025-01-03"),
        "interactions[0].event_time",
        "at most a day from now",
    ),
    (
        |i| i.event_time = far(),
        "interactions[0].event_time",
        "between the years",
    ),
    (
        |i| i.channel = 0,
        "interactions[0].channel",
        "found nothing",
    ),
    (
        |i| i.channel = 1_000,
        "interactions[0].channel",
        "found the number 1000",
    ),
    (
        |i| i.direction = 0,
        "interactions[0].direction",
        "found nothing",
    ),
    (
        |i| i.direction = 3,
        "interactions[0].direction",
        "found the number 3",
    ),
    (|i| i.kind = 0, "interactions[0].kind", "found nothing"),
    (
        |i| i.kind = 1_000,
        "interactions[0].kind",
        "found the number 1000",
    ),
    (
        |i| i.reason = SECRET.repeat(17),
        "interactions[0].reason",
        "found 136 bytes",
    ),
    (
        |i| i.resolution = "done\r\n".into(),
        "interactions[0].resolution",
        "U+000D at byte 4",
    ),
];

#[tokio::test]
async fn every_mistake_in_an_interaction_is_told() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let good = complaint("ada", "I1", 0);
        assert_each(&mut suite, good, INTERACTIONS, async |suite, bad| {
            let request = wire::BatchUpsertInteractionsRequest {
                request_id: fresh(),
                interactions: vec![bad, complaint("ada", "I2", 0)],
            };
            suite
                .client
                .batch_upsert_interactions(request)
                .await
                .map(drop)
        })
        .await;
    })
    .await;
}
