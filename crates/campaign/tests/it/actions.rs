//! What there is for a customer who is there now: looked at, never handed out.

use tenure_proto::campaign::v1::action_service_client::ActionServiceClient;
use tenure_proto::campaign::v1::*;
use tenure_proto::r#type::v1::Channel;
use tenure_rpc::in_process;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, campaign, each_suite};

async fn peek(
    suite: &Suite,
    customer: &str,
    channel: Channel,
) -> Result<Vec<NextAction>, tonic::Status> {
    let request = PeekNextActionsRequest {
        customer_id: customer.to_owned(),
        channel: channel.into(),
    };
    let mut client = ActionServiceClient::new(in_process(suite.service.routes()));
    let answer = client.peek_next_actions(request).await?.into_inner();
    Ok(answer.actions)
}

/// Returns one customer of each arm.
async fn arms(suite: &Suite) -> (String, String) {
    let enrolments = suite.enrolments("spring").await;
    let of = |arm: Arm| {
        let mut found = enrolments.iter().filter(|one| one.arm() == arm);
        found.next().unwrap().customer_id.clone()
    };
    (of(Arm::Treated), of(Arm::Control))
}

fn kinds(actions: &[NextAction]) -> Vec<NextActionKind> {
    actions.iter().map(NextAction::kind).collect()
}

#[tokio::test]
async fn an_offer_is_shown_to_its_channel_before_and_to_every_channel_after_it_was_made() {
    each_suite(async |suite| {
        let suite = suite.with_customers(20);
        suite.run(campaign("spring")).await;
        let (treated, _) = arms(&suite).await;

        let waiting = peek(&suite, &treated, Channel::Sms).await.unwrap();
        let elsewhere = peek(&suite, &treated, Channel::Store).await.unwrap();
        let delivered = suite.deliver(1_000).await;
        let told = peek(&suite, &treated, Channel::Store).await.unwrap();
        suite
            .respond(&delivered, ResponseKind::Declined)
            .await
            .unwrap();
        let answered = peek(&suite, &treated, Channel::Store).await.unwrap();

        assert_eq!(kinds(&waiting), [NextActionKind::MakeOffer]);
        assert_eq!(elsewhere, []);
        assert_eq!(kinds(&told), [NextActionKind::FollowUp]);
        assert_eq!(answered, []);
        let offer = &told[0];
        assert_eq!(
            (offer.campaign_id.as_str(), offer.offer_id.as_str()),
            ("spring", "bonus")
        );
        assert_eq!((offer.channel(), offer.bonus_points), (Channel::Sms, 100));
        assert!(offer.deliver_time.is_some() && waiting[0].deliver_time.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_look_hands_nothing_out_and_shows_nothing_to_the_control_group() {
    each_suite(async |suite| {
        let suite = suite.with_customers(20);
        let running = suite.run(campaign("spring")).await;
        let (treated, control) = arms(&suite).await;

        for _ in 0..3 {
            assert_eq!(peek(&suite, &treated, Channel::Sms).await.unwrap().len(), 1);
            assert_eq!(peek(&suite, &control, Channel::Sms).await.unwrap(), []);
        }

        let pulled = suite.pull(1_000).await;
        assert_eq!(
            pulled.len(),
            usize::try_from(running.treated_count).unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn a_campaign_that_rests_and_a_customer_whom_nobody_knows_have_nothing() {
    each_suite(async |suite| {
        let suite = suite.with_customers(20);
        suite.run(campaign("spring")).await;
        let (treated, _) = arms(&suite).await;

        suite.pause("spring").await.unwrap();

        assert_eq!(peek(&suite, &treated, Channel::Sms).await.unwrap(), []);
        assert_eq!(peek(&suite, "nobody", Channel::Sms).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_look_without_a_customer_or_channel_names_both() {
    each_suite(async |suite| {
        let refused = peek(&suite, "", Channel::Unspecified).await.unwrap_err();

        assert_reason(&refused, "INVALID_FIELDS");
    })
    .await;
}
