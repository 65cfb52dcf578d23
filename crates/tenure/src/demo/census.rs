//! What customer-data holds of the operator beside its bills, counted from a snapshot of the feed.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context as _, Result};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::change::Fact;

use crate::clients::Clients;

/// The kinds of facts that are counted.
const KINDS: [&str; 13] = [
    "relationship",
    "account",
    "account_subscription",
    "group",
    "lead",
    "subscription_terms",
    "leaving_signal",
    "resource",
    "complaint",
    "promise",
    "survey",
    "consent",
    "subscription",
];

/// How much there is of what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Census {
    /// Relationships between two customers, each once.
    pub relationships: usize,
    /// Billing accounts.
    pub accounts: usize,
    /// Subscriptions that an account pays for.
    pub payments: usize,
    /// Groups that have members, by what holds them together.
    pub groups: BTreeMap<pb::GroupKind, usize>,
    /// Members of all groups.
    pub memberships: usize,
    /// Leads, by how far they are.
    pub leads: BTreeMap<pb::LeadState, usize>,
    /// Subscriptions that cost something to leave early.
    pub penalties: usize,
    /// Subscriptions for which notice stands.
    pub notices: usize,
    /// Signs of leaving.
    pub signals: usize,
    /// SIMs.
    pub sims: usize,
    /// Tickets.
    pub tickets: usize,
    /// Those that are not solved.
    pub open_tickets: usize,
    /// Those that came back after they were solved.
    pub reopened_tickets: usize,
    /// Promised times that passed unkept, of steps and of resolutions.
    pub breaches: i32,
    /// Promises, by what became of them.
    pub promises: BTreeMap<pb::PromiseState, usize>,
    /// Surveys.
    pub surveys: usize,
    /// The sum of their answers to how likely they recommend the operator.
    pub nps_sum: i64,
    /// Consents, by what was said.
    pub consents: BTreeMap<pb::ConsentStatus, usize>,
    /// Subscriptions that ended.
    pub terminated: usize,
    /// Of these, those whose number went to a competitor.
    pub ported_out: usize,
    wrongs: HashMap<String, Wrongs>,
    related: HashSet<String>,
    running: HashSet<String>,
}

/// What one customer has to complain of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wrongs {
    open: usize,
    broken: usize,
    breaches: i32,
}

/// Counts all that customer-data holds.
///
/// # Errors
/// When it does not answer.
pub async fn census(clients: &Clients) -> Result<Census> {
    let request = pb::WatchChangesRequest {
        start: pb::WatchStart::Snapshot.into(),
        fact_kinds: KINDS.map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let answer = clients.customer.clone().watch_changes(request).await;
    let mut stream = answer.context("watch_changes")?.into_inner();
    let mut last = HashMap::new();
    while let Some(batch) = stream.message().await.context("reading a snapshot")? {
        for change in batch.changes {
            if let Some(fact) = change.fact {
                last.insert(key(&change.customer_id, &fact), (change.customer_id, fact));
            }
        }
    }
    let mut census = Census::default();
    let mut groups = HashMap::new();
    for (customer_id, fact) in last.into_values() {
        if let Fact::Group(membership) = &fact {
            groups.insert(membership.group_id.clone(), membership.group_kind());
        }
        census.count(customer_id, &fact);
    }
    for kind in groups.into_values() {
        *census.groups.entry(kind).or_default() += 1;
    }
    Ok(census)
}

/// Returns what makes a fact the same one, told to whomever and however often.
fn key(customer_id: &str, fact: &Fact) -> String {
    let own = match fact {
        Fact::Relationship(it) => return format!("relationship {}", it.relationship_id),
        Fact::AccountSubscription(it) => {
            let from = it.from_time.unwrap_or_default();
            return format!("payment {} {}", it.subscription_id, from.seconds);
        }
        Fact::Account(it) => format!("account {}", it.account_id),
        Fact::Group(it) => {
            let from = it.from_time.unwrap_or_default();
            format!("member {} {}", it.group_id, from.seconds)
        }
        Fact::Lead(it) => format!("lead {}", it.lead_id),
        Fact::SubscriptionTerms(it) => format!("terms {}", it.subscription_id),
        Fact::LeavingSignal(it) => format!("signal {}", it.signal_id),
        Fact::Resource(it) => format!("sim {} {}", it.iccid, it.subscription_id),
        Fact::Complaint(it) => format!("ticket {}", it.complaint_id),
        Fact::Promise(it) => format!("promise {}", it.promise_id),
        Fact::Survey(it) => format!("survey {}", it.survey_id),
        Fact::Consent(it) => format!("consent {}", it.consent_id),
        Fact::Subscription(it) => format!("subscription {}", it.subscription_id),
        _ => "not counted".to_owned(),
    };
    format!("{customer_id} {own}")
}

impl Census {
    fn count(&mut self, customer_id: String, fact: &Fact) {
        match fact {
            Fact::Relationship(it) => {
                self.relationships += 1;
                self.related.insert(it.from_customer_id.clone());
                self.related.insert(it.to_customer_id.clone());
            }
            Fact::Account(_) => self.accounts += 1,
            Fact::AccountSubscription(_) => self.payments += 1,
            Fact::Group(_) => self.memberships += 1,
            Fact::Lead(it) => *self.leads.entry(it.state()).or_default() += 1,
            Fact::SubscriptionTerms(it) => {
                self.penalties += usize::from(it.penalty.is_some());
                self.notices += usize::from(it.notice.is_some());
            }
            Fact::LeavingSignal(_) => self.signals += 1,
            Fact::Resource(_) => self.sims += 1,
            Fact::Complaint(it) => self.ticket(customer_id, it),
            Fact::Promise(it) => {
                *self.promises.entry(it.state()).or_default() += 1;
                let is_broken = it.state() == pb::PromiseState::Broken;
                self.wrongs.entry(customer_id).or_default().broken += usize::from(is_broken);
            }
            Fact::Survey(it) => {
                self.surveys += 1;
                self.nps_sum += i64::from(it.nps_score());
            }
            Fact::Consent(it) => *self.consents.entry(it.status()).or_default() += 1,
            Fact::Subscription(it) => {
                self.ported_out += usize::from(it.ported_out);
                if it.terminate_time.is_some() {
                    self.terminated += 1;
                } else {
                    self.running.insert(customer_id);
                }
            }
            _ => {}
        }
    }

    fn ticket(&mut self, customer_id: String, ticket: &pb::Complaint) {
        let is_open = ticket.resolution_time.is_none();
        self.tickets += 1;
        self.open_tickets += usize::from(is_open);
        self.reopened_tickets += usize::from(ticket.reopen_count > 0);
        self.breaches += ticket.breach_count;
        let wrongs = self.wrongs.entry(customer_id).or_default();
        wrongs.open += usize::from(is_open);
        wrongs.breaches += ticket.breach_count;
    }

    /// Returns a customer who still is one and has most to complain of: best of those who belong to
    /// others, who waits for a solution, was let down, and often.
    #[must_use]
    pub fn most_wronged(&self) -> Option<&str> {
        let here = self
            .wrongs
            .iter()
            .filter(|(id, _)| self.running.contains(*id));
        let most = here.max_by_key(|(id, wrongs)| {
            let kinds = [wrongs.open > 0, wrongs.broken > 0, wrongs.breaches > 0];
            let kinds = kinds.into_iter().filter(|is_so| *is_so).count();
            (self.related.contains(*id), kinds, wrongs.breaches, *id)
        });
        most.map(|(id, _)| id.as_str())
    }
}
