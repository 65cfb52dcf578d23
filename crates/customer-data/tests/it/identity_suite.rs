//! Helpers of the tests on identity.

use std::collections::BTreeMap;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::identity_service_client::IdentityServiceClient;
use tenure_rpc::Transport;
use tonic::Status;

use crate::suite::*;

pub(crate) fn merge_request(survivor: &str, losers: &[&str]) -> wire::MergeCustomersRequest {
    wire::MergeCustomersRequest {
        request_id: fresh(),
        survivor_customer_id: survivor.into(),
        loser_customer_ids: losers.iter().map(|id| (*id).to_owned()).collect(),
        actor: "clerk".into(),
        reason: "SAME_PERSON".into(),
    }
}

pub(crate) fn unmerge_request(merge_id: &str) -> wire::UnmergeCustomersRequest {
    wire::UnmergeCustomersRequest {
        request_id: fresh(),
        merge_id: merge_id.into(),
        actor: "clerk".into(),
        reason: "MISTAKE".into(),
    }
}

pub(crate) fn record(survivor: &str, members: &[&str]) -> Option<wire::IdentityRecord> {
    Some(wire::IdentityRecord {
        survivor_customer_id: survivor.into(),
        member_customer_ids: members.iter().map(|id| (*id).to_owned()).collect(),
    })
}

impl Suite {
    pub(crate) fn identity(&self) -> IdentityServiceClient<Transport> {
        IdentityServiceClient::new(self.transport.clone())
    }

    pub(crate) async fn merge(
        &self,
        survivor: &str,
        losers: &[&str],
    ) -> Result<wire::MergeCustomersResponse, Status> {
        let request = merge_request(survivor, losers);
        Ok(self.identity().merge_customers(request).await?.into_inner())
    }

    pub(crate) async fn merge_two(
        &self,
        survivor: &str,
        loser: &str,
    ) -> Result<wire::MergeCustomersResponse, Status> {
        self.merge(survivor, &[loser]).await
    }

    pub(crate) async fn unmerge(
        &self,
        merge_id: &str,
    ) -> Result<wire::UnmergeCustomersResponse, Status> {
        let request = unmerge_request(merge_id);
        Ok(self
            .identity()
            .unmerge_customers(request)
            .await?
            .into_inner())
    }

    pub(crate) async fn explain(&self, id: &str) -> wire::ExplainIdentityResponse {
        let customer_id = id.into();
        let request = wire::ExplainIdentityRequest { customer_id };
        let answer = self.identity().explain_identity(request).await;
        answer.unwrap().into_inner()
    }

    pub(crate) async fn talk(&mut self, interactions: Vec<wire::Interaction>) {
        let request = wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions,
        };
        self.client
            .batch_upsert_interactions(request)
            .await
            .unwrap();
    }

    pub(crate) async fn used(&mut self, usage_summaries: Vec<wire::UsageSummary>) {
        let request = wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries,
        };
        self.client
            .batch_upsert_usage_summaries(request)
            .await
            .unwrap();
    }

    /// Returns what each list says of a customer, read in pages of a size.
    pub(crate) async fn everything(
        &mut self,
        id: &str,
        page_size: i32,
    ) -> BTreeMap<&'static str, Vec<String>> {
        macro_rules! pages {
            ($call:ident, $request:ident, $list:ident, $show:expr) => {{
                let (mut seen, mut page_token) = (Vec::new(), String::new());
                loop {
                    let request = wire::$request {
                        customer_id: id.into(),
                        page_size,
                        page_token,
                    };
                    let page = self.client.$call(request).await.unwrap().into_inner();
                    seen.extend(page.$list.into_iter().map($show));
                    page_token = page.next_page_token;
                    if page_token.is_empty() {
                        break seen;
                    }
                }
            }};
        }
        let subscriptions = pages!(
            list_subscriptions,
            ListSubscriptionsRequest,
            subscriptions,
            |it: wire::Subscription| format!("{} {}", it.subscription_id, it.customer_id)
        );
        let bills = pages!(
            list_bills,
            ListBillsRequest,
            bills,
            |it: wire::Bill| format!("{} {}", it.bill_id, it.customer_id)
        );
        let month = |it: wire::UsageSummary| {
            let at = tenure_rpc::fields::parse_time(&it.start_time.unwrap()).unwrap();
            let (year, month, _) = at.date();
            format!("{year}-{month:02} {}", it.customer_id)
        };
        let usage = pages!(
            list_usage_summaries,
            ListUsageSummariesRequest,
            usage_summaries,
            month
        );
        let interactions = pages!(
            list_interactions,
            ListInteractionsRequest,
            interactions,
            |it: wire::Interaction| format!("{} {}", it.interaction_id, it.customer_id)
        );
        BTreeMap::from([
            ("subscriptions", subscriptions),
            ("bills", bills),
            ("usage", usage),
            ("interactions", interactions),
        ])
    }
}

/// Gives ada and bob subscriptions (one of them went from bob to ada), bills, usage and contacts.
pub(crate) async fn fill(suite: &mut Suite) {
    let lines = vec![
        line("bob", "S1", "", "2023-01-01"),
        line("bob", "S2", "", "2023-01-01"),
        line("ada", "S3", "", "2023-01-01"),
    ];
    suite.subscribe(lines).await.unwrap();
    let transfer = wire::TransferSubscriptionRequest {
        request_id: fresh(),
        customer_id: "bob".into(),
        subscription_id: "S1".into(),
        to_customer_id: "ada".into(),
        transfer_time: day("2024-03-01"),
    };
    suite.client.transfer_subscription(transfer).await.unwrap();
    let bills = vec![
        sent("ada", "B1", 0),
        sent("ada", "B2", 30),
        sent("bob", "B3", 30),
        sent("bob", "B4", 60),
    ];
    suite.bill(bills).await.unwrap();
    let usage =
        ["ada", "bob"].map(|id| ["2024-01-01", "2024-02-01"].map(|start| month(id, "", start)));
    suite.used(usage.concat()).await;
    let contacts = vec![
        complaint("ada", "I1", 1),
        complaint("bob", "I2", 1),
        complaint("bob", "I3", 2),
    ];
    suite.talk(contacts).await;
}
