//! Numbers and SIMs that are given to somebody, given back, and given to somebody else.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::lookup_resource_request::Key;
use tenure_proto::customer::v1::resource_service_client::ResourceServiceClient;
use tenure_rpc::Transport;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

const NUMBER: &str = "+999123456789";
const ONE: &str = "8943000000000000001";
const OTHER: &str = "8943000000000000002";

type Resources = ResourceServiceClient<Transport>;

fn assign(customer: &str, id: &str, iccid: &str, from: &str) -> wire::AssignSimRequest {
    wire::AssignSimRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        iccid: iccid.into(),
        from_time: day(from),
    }
}

fn release(customer: &str, id: &str, until: &str) -> wire::ReleaseSimRequest {
    wire::ReleaseSimRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        until_time: day(until),
    }
}

fn sim(iccid: &str) -> Key {
    Key::Iccid(iccid.into())
}

/// Who holds something at an instant; `-` for nobody.
async fn holder(resources: &mut Resources, key: Key, at: &str) -> String {
    let request = wire::LookupResourceRequest {
        key: Some(key),
        at_time: day(at),
    };
    match resources.lookup_resource(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            format!("{} {}", answer.customer_id, answer.subscription_id)
        }
        Err(refused) => {
            assert_code(&refused, Code::NotFound, "RESOURCE_NOT_FOUND");
            "-".into()
        }
    }
}

/// The SIMs that a customer held with a subscription, and since when.
async fn held(resources: &mut Resources, customer: &str, id: &str) -> Vec<(String, bool)> {
    let request = wire::ListSimsRequest {
        customer_id: customer.into(),
        subscription_id: id.into(),
        ..Default::default()
    };
    let sims = resources
        .list_sims(request)
        .await
        .unwrap()
        .into_inner()
        .sims;
    assert!(sims.iter().all(|it| it.customer_id == customer));
    sims.into_iter()
        .map(|it| (it.iccid, it.until_time.is_some()))
        .collect()
}

/// A suite whose ada has the subscription S1 with a number since 2024-01-01.
async fn with_line(suite: Suite) -> (Suite, Resources) {
    let mut suite = suite.with_customers(&["ada", "bob"]).await;
    let lines = vec![line("ada", "S1", NUMBER, "2024-01-01")];
    suite.subscribe(lines).await.unwrap();
    let resources = ResourceServiceClient::new(suite.transport.clone());
    (suite, resources)
}

#[tokio::test]
async fn a_sim_is_held_until_another_is_given_or_it_is_taken_back() {
    each_suite(async |suite| {
        let (mut suite, mut resources) = with_line(suite).await;
        let request = assign("ada", "S1", ONE, "2024-01-01");
        resources.assign_sim(request.clone()).await.unwrap();
        assert!(
            resources
                .assign_sim(request)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        let same = assign("ada", "S1", ONE, "2024-02-01");
        let same = resources
            .assign_sim(same)
            .await
            .unwrap()
            .into_inner()
            .sim
            .unwrap();
        assert_eq!(same.from_time, day("2024-01-01"));
        resources
            .assign_sim(assign("ada", "S1", OTHER, "2024-03-01"))
            .await
            .unwrap();
        let request = release("ada", "S1", "2024-06-01");
        resources.release_sim(request.clone()).await.unwrap();
        assert!(
            resources
                .release_sim(request)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );

        let mut found = Vec::new();
        for at in ["2023-12-31", "2024-01-01", "2024-02-29", "2024-03-01"] {
            found.push(holder(&mut resources, sim(ONE), at).await);
        }
        assert_eq!(found, ["-", "ada S1", "ada S1", "-"]);
        assert_eq!(
            holder(&mut resources, sim(OTHER), "2024-05-31").await,
            "ada S1"
        );
        assert_eq!(holder(&mut resources, sim(OTHER), "2024-06-01").await, "-");
        let expected = [(ONE.to_owned(), true), (OTHER.to_owned(), true)];
        assert_eq!(held(&mut resources, "ada", "S1").await, expected);
        let changes = suite.changes().await;
        let told = |it: &&wire::Change| matches!(it.fact, Some(Fact::Resource(_)));
        assert_eq!(changes.iter().filter(told).count(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_recycled_number_and_sim_show_nothing_of_who_held_them_before() {
    each_suite(async |suite| {
        let (mut suite, mut resources) = with_line(suite).await;
        resources
            .assign_sim(assign("ada", "S1", ONE, "2024-01-01"))
            .await
            .unwrap();
        suite.bill(vec![sent("ada", "B1", 10)]).await.unwrap();
        let taken = line("bob", "S2", "", "2024-01-01");
        suite.subscribe(vec![taken]).await.unwrap();
        let in_use = resources
            .assign_sim(assign("bob", "S2", ONE, "2024-02-01"))
            .await;
        assert_code(&in_use.unwrap_err(), Code::AlreadyExists, "SIM_TAKEN");
        let end = terminate("ada", "S1", day("2024-05-01"));
        suite.client.terminate_subscription(end).await.unwrap();
        suite
            .subscribe(vec![line("bob", "S3", NUMBER, "2024-06-01")])
            .await
            .unwrap();
        resources
            .assign_sim(assign("bob", "S3", ONE, "2024-06-01"))
            .await
            .unwrap();

        for key in [sim(ONE), Key::Msisdn(NUMBER.into())] {
            let mut found = Vec::new();
            for at in ["2024-04-30", "2024-05-15", "2024-06-01"] {
                found.push(holder(&mut resources, key.clone(), at).await);
            }
            assert_eq!(found, ["ada S1", "-", "bob S3"]);
        }
        assert_eq!(
            held(&mut resources, "bob", "S3").await,
            [(ONE.to_owned(), false)]
        );
        let lines = suite.subscriptions("bob").await;
        assert!(lines.iter().all(|it| it.subscription_id != "S1"));
        let bills = wire::ListBillsRequest {
            customer_id: "bob".into(),
            ..Default::default()
        };
        let bills = suite
            .client
            .list_bills(bills)
            .await
            .unwrap()
            .into_inner()
            .bills;
        assert!(bills.is_empty());
        for change in suite.changes().await {
            let about_bob = change.customer_id == "bob";
            assert!(
                !about_bob || !format!("{change:?}").contains("ada"),
                "{change:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_sim_goes_along_with_a_subscription_that_is_taken_over() {
    each_suite(async |suite| {
        let (mut suite, mut resources) = with_line(suite).await;
        resources
            .assign_sim(assign("ada", "S1", ONE, "2024-01-01"))
            .await
            .unwrap();
        resources
            .assign_sim(assign("ada", "S1", OTHER, "2024-02-01"))
            .await
            .unwrap();
        let transfer = wire::TransferSubscriptionRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            subscription_id: "S1".into(),
            to_customer_id: "bob".into(),
            transfer_time: day("2024-03-01"),
        };
        suite.client.transfer_subscription(transfer).await.unwrap();

        assert_eq!(
            holder(&mut resources, sim(OTHER), "2024-02-29").await,
            "ada S1"
        );
        assert_eq!(
            holder(&mut resources, sim(OTHER), "2024-03-01").await,
            "bob S1"
        );
        // The new owner sees the SIM that came along, not the one before it.
        assert_eq!(
            held(&mut resources, "bob", "S1").await,
            [(OTHER.to_owned(), false)]
        );
        resources
            .assign_sim(assign("bob", "S1", ONE, "2024-04-01"))
            .await
            .unwrap();
        assert_eq!(holder(&mut resources, sim(OTHER), "2024-04-01").await, "-");
        assert_eq!(
            holder(&mut resources, sim(ONE), "2024-04-01").await,
            "bob S1"
        );
        let gone = resources
            .assign_sim(assign("ada", "S1", OTHER, "2024-05-01"))
            .await;
        let reason = "SUBSCRIPTION_TERMINATED";
        assert_code(&gone.unwrap_err(), Code::FailedPrecondition, reason);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_sim_or_belongs_to_nobody_is_refused_and_lists_come_in_pages() {
    each_suite(async |suite| {
        let (_, mut resources) = with_line(suite).await;
        let wrong = resources
            .assign_sim(assign("ada", "S1", "123", "2024-01-01"))
            .await;
        assert_eq!(fields(&wrong.unwrap_err()), ["iccid"]);
        let early = resources
            .assign_sim(assign("ada", "S1", ONE, "2023-01-01"))
            .await;
        assert_eq!(fields(&early.unwrap_err()), ["from_time"]);
        let none = resources
            .assign_sim(assign("ada", "S9", ONE, "2024-01-01"))
            .await;
        assert_code(&none.unwrap_err(), Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
        let none = resources
            .release_sim(release("ada", "S1", "2024-02-01"))
            .await;
        assert_code(&none.unwrap_err(), Code::NotFound, "RESOURCE_NOT_FOUND");
        resources
            .assign_sim(assign("ada", "S1", ONE, "2024-01-01"))
            .await
            .unwrap();
        resources
            .assign_sim(assign("ada", "S1", OTHER, "2024-02-01"))
            .await
            .unwrap();
        let mut page = wire::ListSimsRequest {
            customer_id: "ada".into(),
            subscription_id: "S1".into(),
            page_size: 1,
            ..Default::default()
        };
        let first = resources
            .list_sims(page.clone())
            .await
            .unwrap()
            .into_inner();
        page.page_token = first.next_page_token;
        let second = resources.list_sims(page).await.unwrap().into_inner();
        let seen = [&first.sims[0], &second.sims[0]].map(|it| it.iccid.as_str());
        assert_eq!((seen, second.next_page_token.as_str()), ([ONE, OTHER], ""));
    })
    .await;
}
