//! All that customer-data lists of an operator's customers.

use std::collections::BTreeMap;

use tenure::clients::Clients;
use tenure_core::Timestamp;
use tenure_proto::customer::v1 as pb;
use tenure_simulator::Operator;

/// As many as a page holds: nobody here has more of anything.
const PAGE: i32 = 1_000;

/// What lists answered, of all customers; what two share, once.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) relationships: BTreeMap<String, pb::Relationship>,
    pub(super) accounts: Vec<pb::BillingAccount>,
    pub(super) payments: usize,
    /// Payments for subscriptions of somebody else than who pays.
    pub(super) paid_for_others: usize,
    pub(super) groups: BTreeMap<String, pb::GroupKind>,
    pub(super) memberships: usize,
    pub(super) leads: Vec<pb::Lead>,
    pub(super) sims: usize,
    pub(super) penalties: usize,
    /// By subscription.
    pub(super) notices: Vec<(String, pb::TerminationNotice)>,
    pub(super) signals: Vec<pb::LeavingSignal>,
    pub(super) tickets: Vec<pb::Complaint>,
    /// Of each ticket.
    pub(super) steps: Vec<Vec<pb::ComplaintStep>>,
    pub(super) promises: usize,
    pub(super) consents: usize,
    pub(super) surveys: usize,
    pub(super) subscriptions: Vec<pb::Subscription>,
}

/// Calls a list of one customer, and returns what it holds.
macro_rules! list {
    ($client:expr, $call:ident, $request:ident { $($field:ident: $value:expr),* }, $found:ident) => {{
        let request = pb::$request { $($field: $value,)* page_size: PAGE, ..Default::default() };
        let page = $client.clone().$call(request).await.unwrap().into_inner();
        assert!(page.next_page_token.is_empty(), "more than a page");
        page.$found
    }};
}

impl Lists {
    pub(super) async fn read(clients: &Clients, operator: &Operator) -> Self {
        let mut lists = Self::default();
        for customer in operator.customers() {
            lists.community(clients, &customer.key()).await;
            lists.care(clients, &customer.key()).await;
            lists.subscribed(clients, &customer.key()).await;
        }
        let leads = &clients.desks.leads;
        lists.leads = list!(leads, list_leads, ListLeadsRequest {}, leads);
        lists
    }

    async fn community(&mut self, clients: &Clients, id: &str) {
        let (id, desks) = (id.to_owned(), &clients.desks);
        let related = list!(
            desks.parties,
            list_relationships,
            ListRelationshipsRequest {
                customer_id: id.clone()
            },
            relationships
        );
        let related = related.into_iter();
        self.relationships
            .extend(related.map(|it| (it.relationship_id.clone(), it)));
        let accounts = list!(
            desks.accounts,
            list_billing_accounts,
            ListBillingAccountsRequest {
                customer_id: id.clone()
            },
            billing_accounts
        );
        for account in &accounts {
            let paid = list!(
                desks.accounts,
                list_account_subscriptions,
                ListAccountSubscriptionsRequest {
                    payer_customer_id: id.clone(),
                    account_id: account.account_id.clone()
                },
                account_subscriptions
            );
            self.payments += paid.len();
            self.paid_for_others += paid.iter().filter(|it| it.customer_id != id).count();
        }
        self.accounts.extend(accounts);
        let memberships = list!(
            desks.groups,
            list_groups,
            ListGroupsRequest { customer_id: id },
            memberships
        );
        self.memberships += memberships.len();
        let groups = memberships.iter();
        self.groups
            .extend(groups.map(|it| (it.group_id.clone(), it.group_kind())));
    }

    async fn care(&mut self, clients: &Clients, id: &str) {
        let (customer_id, desks) = (id.to_owned(), &clients.desks);
        let tickets = list!(
            desks.complaints,
            list_complaints,
            ListComplaintsRequest {
                customer_id: customer_id.clone()
            },
            complaints
        );
        for ticket in tickets {
            let steps = list!(
                desks.complaints,
                list_complaint_steps,
                ListComplaintStepsRequest {
                    customer_id: customer_id.clone(),
                    complaint_id: ticket.complaint_id.clone()
                },
                steps
            );
            self.steps.push(steps);
            self.tickets.push(ticket);
        }
        let promises = list!(
            desks.complaints,
            list_promises,
            ListPromisesRequest {
                customer_id: customer_id.clone()
            },
            promises
        );
        self.promises += promises.len();
        let surveys = list!(
            desks.surveys,
            list_surveys,
            ListSurveysRequest {
                customer_id: customer_id.clone()
            },
            surveys
        );
        self.surveys += surveys.len();
        let consents = list!(
            desks.consents,
            list_consents,
            ListConsentsRequest {
                customer_id: customer_id.clone()
            },
            consents
        );
        self.consents += consents.len();
        let signals = list!(
            desks.terms,
            list_leaving_signals,
            ListLeavingSignalsRequest {
                customer_id: customer_id
            },
            signals
        );
        self.signals.extend(signals);
    }

    async fn subscribed(&mut self, clients: &Clients, id: &str) {
        let (customer_id, desks) = (id.to_owned(), &clients.desks);
        let subscriptions = list!(
            clients.customer,
            list_subscriptions,
            ListSubscriptionsRequest {
                customer_id: customer_id.clone()
            },
            subscriptions
        );
        for subscription in &subscriptions {
            let subscription_id = subscription.subscription_id.clone();
            let request = pb::GetSubscriptionTermsRequest {
                customer_id: customer_id.clone(),
                subscription_id: subscription_id.clone(),
                at_time: None,
            };
            let terms = desks.terms.clone().get_subscription_terms(request).await;
            let terms = terms.unwrap().into_inner().terms.unwrap();
            self.penalties += usize::from(terms.penalty.is_some());
            let notices = list!(
                desks.terms,
                list_termination_notices,
                ListTerminationNoticesRequest {
                    customer_id: customer_id.clone(),
                    subscription_id: subscription_id.clone()
                },
                notices
            );
            let notices = notices.into_iter();
            self.notices
                .extend(notices.map(|it| (subscription_id.clone(), it)));
            let sims = list!(
                desks.resources,
                list_sims,
                ListSimsRequest {
                    customer_id: customer_id.clone(),
                    subscription_id: subscription_id.clone()
                },
                sims
            );
            self.sims += sims.len();
        }
        self.subscriptions.extend(subscriptions);
    }
}

/// Returns the whole history of the feed.
pub(super) async fn all_changes(clients: &Clients) -> Vec<pb::Change> {
    let request = pb::WatchChangesRequest {
        start: pb::WatchStart::Oldest.into(),
        ..Default::default()
    };
    let answer = clients.customer.clone().watch_changes(request).await;
    let mut stream = answer.unwrap().into_inner();
    let mut changes = Vec::new();
    while let Some(batch) = stream.message().await.unwrap() {
        changes.extend(batch.changes);
    }
    changes
}

/// Returns an instant of the wire.
pub(super) fn instant(time: Option<&prost_types::Timestamp>) -> Timestamp {
    tenure_rpc::fields::parse_time(time.unwrap()).unwrap()
}
