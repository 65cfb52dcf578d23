//! A small operator told in full, and read back: by lists, from a snapshot and from the feed's history.

mod lists;

use std::collections::HashMap;
use std::sync::Arc;

use tenure::clients::Clients;
use tenure::compose::{Parts, Suite};
use tenure::config::Config;
use tenure::demo::census::census;
use tenure::demo::story::{self, Listener, Outcome, Plan, Story};
use tenure::service::ServiceName;
use tenure_core::{Ids, ManualClock, Timestamp};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::change::Fact;
use tenure_rpc::Lifecycle;
use tenure_simulator::{ComplaintReason, Interaction, InteractionKind, Operator, Ticket};
use tenure_sql::scratch::ScratchDatabase;

use lists::{Lists, all_changes};

const CUSTOMERS: u32 = 240;
const MONTHS: u32 = 6;

/// Nobody listens.
struct Silence;

impl Listener for Silence {
    fn month(&self, _done: u32, _of: u32, _what: &str) {}
}

/// An operator whose story was told, and whom to ask.
struct Told {
    operator: Operator,
    outcome: Outcome,
    clients: Clients,
    lifecycle: Lifecycle,
    _suite: Suite,
}

async fn tell(config: Config) -> Told {
    let start = Timestamp::from_date(2024, 1, 1).unwrap();
    let plan = Plan {
        seed: 12,
        customers: CUSTOMERS,
        start,
        months: MONTHS,
        train_month: 0,
        launch_month: 1,
        min_churn_probability: 0.0,
        control_share: 0.5,
        told_in_full: CUSTOMERS,
    };
    let operator = story::operator(&plan).unwrap();
    let (clock, ids, lifecycle) = (ManualClock::at(start), Ids::seeded(12), Lifecycle::new());
    let parts = Parts {
        config,
        clock: Arc::new(clock.clone()),
        ids: ids.clone(),
        lifecycle: lifecycle.clone(),
    };
    let suite = Suite::open(&parts, &ServiceName::ALL).await.unwrap();
    let clients = suite.clients().unwrap();
    let story = Story::new(&plan, &operator, &clients, &clock, &ids);
    let outcome = Box::pin(story.run(&Silence)).await.unwrap();
    Told {
        operator,
        outcome,
        clients,
        lifecycle,
        _suite: suite,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_on_sqlite_is_read_back_as_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        data_dir: folder.path().to_owned(),
        ..Config::default()
    };

    let told = tell(config).await;

    assert_read_back(&told).await;
    told.lifecycle.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_on_postgresql_is_read_back_as_it_was_told() {
    let server = tenure_testkit::postgres_server();
    let mut databases = Vec::new();
    for _ in ServiceName::ALL {
        databases.push(ScratchDatabase::create(&server).await.unwrap());
    }
    let url = |index: usize| Some(databases[index].url());
    let mut config = Config::default();
    config.databases.customer_data = url(0);
    config.databases.lifecycle_scoring = url(1);
    config.databases.campaign = url(2);
    config.databases.loyalty_points = url(3);

    let told = tell(config).await;

    assert_read_back(&told).await;
    told.lifecycle.stop();
    drop(told);
    for database in databases {
        database.drop().await.unwrap();
    }
}

async fn assert_read_back(told: &Told) {
    let lists = Lists::read(&told.clients, &told.operator).await;
    let changes = all_changes(&told.clients).await;
    assert_counts(told, &lists, &changes).await;
    assert_feed(told, &lists, &changes);
    assert_clocks(told, &lists);
    assert_signs(&lists);
}

/// What was sent, what lists answer and what a snapshot holds are the same many.
async fn assert_counts(told: &Told, lists: &Lists, changes: &[pb::Change]) {
    let census = census(&told.clients).await.unwrap();
    let sent = |call: &str| told.outcome.sent.get(call).copied().unwrap_or(0);
    let pairs = lists.relationships.len();
    let leads: usize = census.leads.values().sum();
    let promises: usize = census.promises.values().sum();
    let consents: usize = census.consents.values().sum();
    let groups: usize = census.groups.values().sum();
    let of_three = [
        ("create_relationship", pairs, census.relationships),
        (
            "upsert_billing_account",
            lists.accounts.len(),
            census.accounts,
        ),
        ("add_account_subscription", lists.payments, census.payments),
        ("upsert_group", lists.groups.len(), groups),
        ("upsert_lead", lists.leads.len(), leads),
        ("assign_sim", lists.sims, census.sims),
        ("set_contract_penalty", lists.penalties, census.penalties),
        (
            "give_termination_notice",
            lists.notices.len(),
            census.notices,
        ),
        ("record_leaving_signal", lists.signals.len(), census.signals),
        ("create_complaint", lists.tickets.len(), census.tickets),
        ("record_promise", lists.promises, promises),
        ("batch_record_consents", lists.consents, consents),
        ("batch_upsert_surveys", lists.surveys, census.surveys),
    ];
    for (call, listed, counted) in of_three {
        assert!(sent(call) > 0, "{call} was never called");
        assert_eq!((listed, counted), (sent(call), sent(call)), "{call}");
    }
    assert_eq!(lists.memberships, census.memberships);
    let won = census.leads.get(&pb::LeadState::Won).copied();
    assert_eq!(won, Some(sent("activate_prospect")));
    let broken = census.promises.get(&pb::PromiseState::Broken).copied();
    assert_eq!(broken.unwrap_or(0), sent("break_promise"));
    let breached: i32 = lists.tickets.iter().map(|it| it.breach_count).sum();
    assert_eq!(census.breaches, breached);
    assert!(!changes.is_empty() && census.ported_out > 0);
}

/// The history has each change once, to each of those whom it is about.
fn assert_feed(told: &Told, lists: &Lists, changes: &[pb::Change]) {
    let sent = |call: &str| told.outcome.sent.get(call).copied().unwrap_or(0);
    let mut told_of: HashMap<&str, usize> = HashMap::new();
    for change in changes {
        let kind = match change.fact.as_ref().unwrap() {
            Fact::Relationship(_) => "relationship",
            Fact::Account(_) => "account",
            Fact::AccountSubscription(_) => "payment",
            Fact::Group(_) => "membership",
            Fact::Lead(_) => "lead",
            Fact::LeavingSignal(_) => "signal",
            Fact::Resource(_) => "sim",
            Fact::Survey(_) => "survey",
            Fact::Consent(_) => "consent",
            Fact::SubscriptionTerms(_) => "terms",
            Fact::Complaint(it) => it.last_event().as_str_name(),
            _ => continue,
        };
        *told_of.entry(kind).or_default() += 1;
    }
    let of = |kind: &str| told_of.get(kind).copied().unwrap_or(0);
    assert_eq!(of("relationship"), 2 * sent("create_relationship"));
    assert_eq!(of("account"), sent("upsert_billing_account"));
    let payments = sent("add_account_subscription") + lists.paid_for_others;
    assert_eq!(of("payment"), payments);
    assert_eq!(of("membership"), lists.memberships);
    let leads = ["upsert_lead", "change_lead_state", "activate_prospect"].map(sent);
    assert_eq!(of("lead"), leads.iter().sum::<usize>());
    assert_eq!(of("signal"), sent("record_leaving_signal"));
    assert_eq!(of("sim"), sent("assign_sim"));
    assert_eq!(of("survey"), sent("batch_upsert_surveys"));
    assert_eq!(of("consent"), sent("batch_record_consents"));
    let terms = sent("set_contract_penalty") + sent("give_termination_notice");
    assert_eq!(of("terms"), terms);
    let created = of("COMPLAINT_EVENT_CREATED");
    assert_eq!(created, sent("create_complaint"));
    let handed_over = of("COMPLAINT_EVENT_HANDED_OVER");
    assert_eq!(handed_over, sent("hand_over_complaint"));
    let notified = of("COMPLAINT_EVENT_CUSTOMER_NOTIFIED");
    assert_eq!(notified, sent("notify_customer"));
    let moved = of("COMPLAINT_EVENT_STATE_CHANGED") + of("COMPLAINT_EVENT_REOPENED");
    assert_eq!(moved, sent("change_complaint_state"));
}

/// Returns what the simulator draws for a ticket that customer-data lists.
fn drawn(operator: &Operator, ticket: &pb::Complaint) -> Ticket {
    let (index, month) = ticket.complaint_id[1..].split_once('-').unwrap();
    let reason = match ticket.subject_code.as_str() {
        "NETWORK" => ComplaintReason::Network,
        "BILLING" => ComplaintReason::Billing,
        _ => ComplaintReason::Service,
    };
    let complaint = Interaction {
        index: index.parse().unwrap(),
        month: month.parse().unwrap(),
        kind: InteractionKind::Complaint(reason),
        at: lists::instant(ticket.create_time.as_ref()),
    };
    operator.ticket(&complaint).unwrap()
}

/// Every step that the simulator draws too late was noted as breached, no other one, and its owner is
/// who the simulator says.
fn assert_clocks(told: &Told, lists: &Lists) {
    let end = told.outcome.end;
    let mut late_steps = 0;
    for (ticket, steps) in lists.tickets.iter().zip(&lists.steps) {
        let drawn = drawn(&told.operator, ticket);
        let late = drawn.steps.iter().filter(|step| {
            // What is told up to the end: a promise that passes later is not broken yet.
            step.begun_at < end && step.is_late() && step.promised_until < end
        });
        let owners: Vec<&str> = late.map(|step| step.owner.as_str()).collect();
        let breached = steps.iter().filter(|step| step.breach_time.is_some());
        let named = breached.map(|step| step.owner.as_ref().unwrap().person_code.as_str());
        assert_eq!(named.collect::<Vec<_>>(), owners, "{}", ticket.complaint_id);
        let is_solved = drawn.resolved_at() < end;
        assert_eq!(ticket.resolution_time.is_some(), is_solved, "{drawn:?}");
        late_steps += owners.len();
    }
    assert!(late_steps > 0, "no step is late");
}

/// Who took a number along asked for it, and gave notice, before.
fn assert_signs(lists: &Lists) {
    let mut ported = 0;
    for subscription in lists.subscriptions.iter().filter(|it| it.ported_out) {
        let ended = lists::instant(subscription.terminate_time.as_ref());
        let own = |id: &str| id == subscription.customer_id;
        let signs = lists.signals.iter().filter(|it| own(&it.customer_id));
        let signs: Vec<_> = signs
            .filter(|it| lists::instant(it.event_time.as_ref()) < ended)
            .map(pb::LeavingSignal::kind)
            .collect();
        for kind in [
            pb::LeavingSignalKind::CompetitorNamed,
            pb::LeavingSignalKind::PortingCodeRequested,
            pb::LeavingSignalKind::PortingRequested,
        ] {
            assert!(signs.contains(&kind), "{}", subscription.customer_id);
        }
        let notices = lists.notices.iter();
        let noticed = notices.filter(|(id, _)| *id == subscription.subscription_id);
        let before = noticed.map(|(_, it)| lists::instant(it.notice_time.as_ref()));
        assert!(before.into_iter().all(|at| at < ended));
        assert_eq!(subscription.churn_kind(), pb::ChurnKind::Competitor);
        ported += 1;
    }
    assert!(ported > 0, "nobody took a number along");
}
