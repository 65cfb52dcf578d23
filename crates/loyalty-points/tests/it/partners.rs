//! Partners: registered, changed, closed; and what entries say of them.

use tenure_core::{Clock, Span};
use tenure_proto::loyalty::v1::*;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;
use tonic_types::StatusExt;

use crate::partner_suite::{accrual, creating, prices, updating};
use crate::programme_suite::{flat, per_unit, rule};
use crate::suite::{Suite, each, new_id};

async fn get(loyalty: &Suite, partner_id: &str) -> GetPartnerResponse {
    let partner_id = partner_id.into();
    let mut client = loyalty.partners();
    let answer = client.get_partner(GetPartnerRequest { partner_id }).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn a_partner_is_created_once_and_read_back() {
    each(async |loyalty| {
        let request = creating("cafe");
        let mut client = loyalty.partners();
        let first = client
            .create_partner(request.clone())
            .await
            .unwrap()
            .into_inner();
        let again = client
            .create_partner(request.clone())
            .await
            .unwrap()
            .into_inner();

        assert_eq!((first.replayed, again.replayed), (false, true));
        assert_eq!(first.partner, again.partner);
        let partner = first.partner.unwrap();
        assert_eq!(partner.kind(), PartnerKind::Both);
        assert_eq!(partner.funding(), PartnerFundingModel::Postpaid);
        assert_eq!(partner.state(), PartnerState::Active);
        let terms = partner.current_terms.clone().unwrap();
        assert_eq!((terms.terms_number, terms.effective_time), (1, None));
        assert_eq!(terms.prices.unwrap().billing_basis_points, 10_000);
        assert_eq!(get(&loyalty, "cafe").await.partner, Some(partner));

        let twice = CreatePartnerRequest {
            request_id: new_id(),
            ..request.clone()
        };
        assert_reason(
            &loyalty.create_partner(twice).await.unwrap_err(),
            "PARTNER_EXISTS",
        );
        let other = CreatePartnerRequest {
            display_name: "another".into(),
            ..request
        };
        let refused = loyalty.create_partner(other).await.unwrap_err();
        assert_reason(&refused, "REQUEST_ID_REUSED");
    })
    .await;
}

#[tokio::test]
async fn partners_come_in_pages() {
    each(async |loyalty| {
        for id in ["cafe", "airline", "bank"] {
            loyalty.partner(id).await;
        }
        let mut request = ListPartnersRequest {
            page_size: 2,
            page_token: String::new(),
        };
        let mut ids = Vec::new();
        loop {
            let page = loyalty.partners().list_partners(request.clone()).await;
            let page = page.unwrap().into_inner();
            ids.extend(page.partners.into_iter().map(|partner| partner.partner_id));
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(ids, ["airline", "bank", "cafe"]);
        let unknown = GetPartnerRequest {
            partner_id: "nobody".into(),
        };
        let refused = loyalty.partners().get_partner(unknown).await.unwrap_err();
        assert_reason(&refused, "PARTNER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_partner_is_named() {
    each(async |loyalty| {
        let request = CreatePartnerRequest {
            partner_id: "a cafe".into(),
            display_name: String::new(),
            kind: 9,
            funding: 0,
            currency_code: "euro".into(),
            prices: Some(PartnerPrices {
                accrual_prices: vec![accrual("", 1), accrual("", 2), accrual("gold", -1)],
                billing_basis_points: 10_001,
                redemption_minor_per_thousand: -1,
            }),
            alert_points: -1,
            created_by: String::new(),
            request_id: new_id(),
        };
        let refused = loyalty.create_partner(request).await.unwrap_err();

        assert_reason(&refused, "INVALID_FIELDS");
        let wrong = refused.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<&str> = wrong.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "partner_id",
                "display_name",
                "kind",
                "funding",
                "currency_code",
                "prices.accrual_prices[1].points_type",
                "prices.accrual_prices[2].minor_per_thousand",
                "prices.billing_basis_points",
                "prices.redemption_minor_per_thousand",
                "alert_points",
                "created_by",
            ]
        );
        let no_common_price = CreatePartnerRequest {
            prices: Some(PartnerPrices {
                accrual_prices: vec![accrual("gold", 5)],
                ..prices()
            }),
            ..creating("cafe")
        };
        let refused = loyalty.create_partner(no_common_price).await.unwrap_err();
        assert_reason(&refused, "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn points_are_earned_and_spent_only_at_partners_that_take_part() {
    each(async |loyalty| {
        loyalty.earn("ada", 1_000, "B1").await;
        for (id, kind) in [
            ("giver", PartnerKind::Accrual),
            ("taker", PartnerKind::Redemption),
            ("gone", PartnerKind::Both),
        ] {
            let request = CreatePartnerRequest {
                kind: kind.into(),
                ..creating(id)
            };
            loyalty.create_partner(request).await.unwrap();
        }
        loyalty.close_partner("gone").await.unwrap();

        let reason = |answer: Result<Entry, tonic::Status>| {
            answer.map_err(|status| tenure_testkit::error_info(&status).reason)
        };
        for (id, earns, redeems) in [
            (
                "nobody",
                Some("PARTNER_NOT_FOUND"),
                Some("PARTNER_NOT_FOUND"),
            ),
            ("gone", Some("PARTNER_CLOSED"), Some("PARTNER_CLOSED")),
            ("giver", None, Some("PARTNER_KIND_MISMATCH")),
            ("taker", Some("PARTNER_KIND_MISMATCH"), None),
        ] {
            let earned = reason(loyalty.earn_at(id, "ada", 10).await);
            assert_eq!(earned.err().as_deref(), earns, "earning at {id}");
            let spent = reason(loyalty.redeem_at(id, "ada", 10).await);
            assert_eq!(spent.err().as_deref(), redeems, "spending at {id}");
        }
        // Nothing was opened for who could not earn.
        let refused = loyalty.earn_at("nobody", "eve", 10).await.unwrap_err();
        assert_reason(&refused, "PARTNER_NOT_FOUND");
        let unknown = loyalty.redeem("eve", 1).await.unwrap_err();
        assert_reason(&unknown, "ACCOUNT_NOT_FOUND");
        assert_eq!(loyalty.balance("ada").await, (1_000, 0));
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn a_refusal_for_a_partner_is_repeated_although_it_was_registered_since() {
    each(async |loyalty| {
        let request = EarnPointsRequest {
            partner_id: "cafe".into(),
            ..loyalty.earning("ada", 10, "B1")
        };
        let refused = loyalty.earn_with(request.clone()).await.unwrap_err();
        assert_reason(&refused, "PARTNER_NOT_FOUND");
        loyalty.partner("cafe").await;

        let again = loyalty.earn_with(request.clone()).await.unwrap_err();
        let anew = EarnPointsRequest {
            request_id: new_id(),
            ..request
        };

        assert_reason(&again, "PARTNER_NOT_FOUND");
        assert_eq!(loyalty.earn_with(anew).await.unwrap().available_points, 10);
    })
    .await;
}

#[tokio::test]
async fn every_replica_knows_a_partner_as_soon_as_it_changed() {
    each(async |loyalty| {
        let other = loyalty.replica();
        other.earn("ada", 100, "B1").await;
        loyalty.partner("cafe").await;

        let spent = other.redeem_at("cafe", "ada", 10).await.unwrap();
        loyalty.reprice("cafe", prices()).await;
        let later = other.redeem_at("cafe", "ada", 10).await.unwrap();
        loyalty.close_partner("cafe").await.unwrap();
        let refused = other.redeem_at("cafe", "ada", 10).await.unwrap_err();

        let partner = |entry: Entry| entry.partner.unwrap();
        assert_eq!(partner(spent).terms_number, 1);
        assert_eq!(partner(later).terms_number, 2);
        assert_reason(&refused, "PARTNER_CLOSED");
    })
    .await;
}

#[tokio::test]
async fn a_hold_is_spent_where_it_was_meant_to_be_even_if_that_closed_since() {
    each(async |loyalty| {
        loyalty.earn("ada", 100, "B1").await;
        loyalty.partner("cafe").await;
        loyalty.partner("bank").await;
        let hold = async |points| {
            let request = CreateHoldRequest {
                request_id: new_id(),
                account_id: "ada".into(),
                points,
                source: "order/1".into(),
                hold_duration: None,
                partner_id: "cafe".into(),
                ..CreateHoldRequest::default()
            };
            let answer = loyalty.client.clone().create_hold(request).await.unwrap();
            answer.into_inner().hold.unwrap()
        };
        let (first, second, third) = (hold(10).await, hold(20).await, hold(30).await);

        let elsewhere = ConfirmHoldRequest {
            partner_id: "bank".into(),
            ..loyalty.confirming(&first, 0)
        };
        let elsewhere = loyalty
            .client
            .clone()
            .confirm_hold(elsewhere)
            .await
            .unwrap();
        loyalty.close_partner("cafe").await.unwrap();
        let confirmed = loyalty.confirm(&second, 15).await.unwrap();
        loyalty.release(&third).await.unwrap();

        let partner = |entry: Option<Entry>| entry.unwrap().partner.unwrap().partner_id;
        assert_eq!(partner(elsewhere.into_inner().entry), "bank");
        assert_eq!(partner(confirmed.entry), "cafe");
        let unsettled = loyalty.settled_entries("cafe", 0).await;
        let points: Vec<i64> = unsettled.iter().map(|entry| entry.points).collect();
        assert_eq!(points, [15]);
        loyalty.assert_verifies().await;
    })
    .await;
}

#[tokio::test]
async fn new_terms_may_begin_later_but_never_in_the_past() {
    each(async |loyalty| {
        loyalty.partner("cafe").await;
        let later = loyalty.clock.now() + Span::from_days(10);
        let request = UpdatePartnerRequest {
            prices: Some(prices()),
            effective_time: Some(time(later)),
            ..updating("cafe")
        };
        let updated = loyalty.update_partner(request.clone()).await.unwrap();
        assert_eq!(updated.current_terms.unwrap().terms_number, 1);
        let early = loyalty.earn_at("cafe", "ada", 10).await.unwrap();
        loyalty.advance_days(10);
        let late = loyalty.earn_at("cafe", "ada", 10).await.unwrap();

        assert_eq!(early.partner.unwrap().terms_number, 1);
        assert_eq!(late.partner.unwrap().terms_number, 2);
        let found = get(&loyalty, "cafe").await;
        assert_eq!(found.terms.len(), 2);
        assert_eq!(
            found.partner.unwrap().current_terms.unwrap().terms_number,
            2
        );
        let past = UpdatePartnerRequest {
            request_id: new_id(),
            effective_time: Some(time(later - Span::from_seconds(1))),
            ..request
        };
        assert_reason(
            &loyalty.update_partner(past).await.unwrap_err(),
            "INVALID_FIELDS",
        );
    })
    .await;
}

#[tokio::test]
async fn rules_name_partners_that_fund_points_and_such_partners_stay() {
    each(async |loyalty| {
        let mut rules = per_unit(1);
        rules.rules.push(EarningRule {
            funding: Some(PartnerFunding {
                partner_id: "shop".into(),
                share_basis_points: 5_000,
            }),
            ..rule("shop", EventKind::Bill, flat(40))
        });
        let unknown = loyalty.draft(rules.clone()).await.unwrap_err();
        assert_reason(&unknown, "PARTNER_NOT_FOUND");

        loyalty.partner("shop").await;
        let version = loyalty.draft(rules).await.unwrap();
        loyalty.close_partner("shop").await.unwrap();
        let closed = loyalty.switch_on(&version, None).await.unwrap_err();
        assert_reason(&closed, "PARTNER_CLOSED");
        let reopened = UpdatePartnerRequest {
            state: PartnerState::Active.into(),
            ..updating("shop")
        };
        loyalty.update_partner(reopened).await.unwrap();
        let tomorrow = loyalty.clock.now() + Span::from_days(1);
        loyalty.switch_on(&version, Some(tomorrow)).await.unwrap();

        let refused = loyalty.close_partner("shop").await.unwrap_err();
        assert_reason(&refused, "PARTNER_IN_USE");
        let other = UpdatePartnerRequest {
            kind: PartnerKind::Redemption.into(),
            ..updating("shop")
        };
        assert_reason(
            &loyalty.update_partner(other).await.unwrap_err(),
            "PARTNER_IN_USE",
        );
        loyalty.advance_days(1);
        loyalty.rule_by(per_unit(2)).await;
        loyalty.close_partner("shop").await.unwrap();
    })
    .await;
}
