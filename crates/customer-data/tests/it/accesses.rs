//! Who was shown what: every look is recorded, by whom, at whom, and what for.

use tenure_customer_data::{AccessLogMode, Config, MIGRATIONS, Peers, PrivacyConfig, Service};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::AccessView as View;
use tenure_rpc::transport::in_process_as;
use tenure_rpc::{Principal, Transport};
use tenure_testkit::{assert_code, each_backend};
use tonic::{Code, Request, Status};

use crate::erasure::{erased, privacy};
use crate::masks::masked;
use crate::suite::*;

async fn page(
    suite: &Suite,
    customer: &str,
    size: i32,
    token: &str,
) -> Result<wire::ListAccessesResponse, Status> {
    let request = wire::ListAccessesRequest {
        customer_id: customer.into(),
        page_size: size,
        page_token: token.into(),
    };
    let page = privacy(suite).list_accesses(request).await?;
    Ok(page.into_inner())
}

/// Returns the methods that showed a customer, in alphabetical order, without package and service.
async fn looks(suite: &Suite, customer: &str) -> Vec<String> {
    let page = page(suite, customer, 0, "").await.unwrap();
    let method = |it: &wire::Access| it.method.rsplit('/').next().unwrap().to_owned();
    let mut methods: Vec<String> = page.accesses.iter().map(method).collect();
    methods.sort_unstable();
    methods
}

fn get(id: &str) -> wire::GetCustomerRequest {
    wire::GetCustomerRequest {
        customer_id: id.into(),
    }
}

#[tokio::test]
async fn every_look_at_a_customer_is_recorded_and_no_other() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        suite.get("ada").await;
        suite.subscriptions("ada").await;
        let list = wire::ListCustomersRequest::default();
        suite.client.list_customers(list).await.unwrap();
        suite.client.get_customer(get("eve")).await.unwrap_err();
        let both = wire::BatchGetCustomersRequest {
            customer_ids: vec!["bob".into(), "bob".into(), "eve".into()],
        };
        suite.client.batch_get_customers(both).await.unwrap();

        // Who has no subscription is named by no answer, and was asked for by nobody else.
        let ada = ["GetCustomer", "ListCustomers"];
        assert_eq!(looks(&suite, "ada").await, ada);
        assert_eq!(
            looks(&suite, "bob").await,
            ["BatchGetCustomers", "ListCustomers"]
        );
        assert_eq!(looks(&suite, "eve").await.len(), 0);
        // The list of looks is none itself.
        assert_eq!(looks(&suite, "ada").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_record_says_who_when_how_and_what_for() {
    each_backend(&MIGRATIONS, async |db| {
        let suite = Suite::new(db.clone()).with_customers(&["ada"]).await;
        let mut masked = masked(db);
        let mut request = Request::new(get("ada"));
        request
            .metadata_mut()
            .insert("x-purpose", "hotline".parse().unwrap());
        masked.client.get_customer(request).await.unwrap();
        page(&masked, "ada", 0, "").await.unwrap_err();
        // What another replica queues is told when it is committed, which the end of it is.
        masked
            .lifecycle
            .finish(std::time::Duration::from_secs(30))
            .await;

        let told = page(&suite, "ada", 0, "").await.unwrap().accesses;

        let access = &told[0];
        assert_eq!(access.principal, "anonymous");
        assert_eq!(
            access.method,
            "tenure.customer.v1.CustomerService/GetCustomer"
        );
        assert_eq!(access.view(), View::Masked);
        assert_eq!(access.purpose, "hotline");
        assert_eq!(access.access_time, day("2025-01-01"));
        assert_eq!(told.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_purpose_that_is_no_code_is_refused_before_anything_is_read() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let mut request = Request::new(get("ada"));
        let words = "Ada wants to know".parse().unwrap();
        request.metadata_mut().insert("x-purpose", words);

        let refused = suite.client.get_customer(request).await.unwrap_err();

        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        assert_eq!(fields(&refused), ["x-purpose"]);
        assert_eq!(looks(&suite, "ada").await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_recorded_when_it_begins_for_whom_it_asks_or_for_everybody() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        suite.changes().await;
        let request = wire::WatchChangesRequest {
            customer_ids: vec!["ada".into()],
            ..Default::default()
        };
        let stream = suite.client.watch_changes(request).await.unwrap();
        drop(stream);

        assert_eq!(looks(&suite, "ada").await, ["WatchChanges"]);
        assert_eq!(looks(&suite, "bob").await.len(), 0);
        assert_eq!(looks(&suite, "").await, ["WatchChanges"]);
    })
    .await;
}

#[tokio::test]
async fn an_export_is_recorded_and_an_erased_customer_s_looks_stay() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let export = wire::ExportCustomerRequest {
            customer_id: "ada".into(),
            ..Default::default()
        };
        privacy(&suite).export_customer(export).await.unwrap();
        erased(&suite, "ada").await;

        let looks = looks(&suite, "ada").await;

        assert_eq!(looks, ["EraseCustomer", "ExportCustomer", "GetErasure"]);
    })
    .await;
}

#[tokio::test]
async fn pages_of_looks_are_the_whole_list() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        for _ in 0..5 {
            suite.get("ada").await;
        }
        let whole = page(&suite, "ada", 0, "").await.unwrap().accesses;
        assert_eq!(whole.len(), 5);

        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let next = page(&suite, "ada", 2, &token).await.unwrap();
            pages.extend(next.accesses);
            token = next.next_page_token;
            if token.is_empty() {
                break;
            }
        }

        assert_eq!(pages, whole);
        let wrong = page(&suite, "a b\n", 0, "").await.unwrap_err();
        assert_code(&wrong, Code::InvalidArgument, "INVALID_FIELDS");
    })
    .await;
}

/// A service whose answers wait for the commit, or whose queue nobody empties.
fn with(db: tenure_sql::Db, access_log: AccessLogMode, flush_ms: u64) -> Suite {
    let config = Config {
        privacy: PrivacyConfig {
            access_log,
            access_log_queue: 2_000,
            access_log_flush_ms: flush_ms,
            ..PrivacyConfig::default()
        },
        ..Config::default()
    };
    Suite::with(db, config, Peers::default())
}

async fn count(db: &tenure_sql::Db) -> i64 {
    let sql = "SELECT COUNT(*) FROM access";
    tenure_sql::with_pool!(db, |pool| sqlx::query_scalar(sql)
        .fetch_one(pool)
        .await
        .unwrap())
}

#[tokio::test]
async fn an_answer_may_wait_until_its_record_is_committed() {
    each_backend(&MIGRATIONS, async |db| {
        let suite = with(db.clone(), AccessLogMode::Committed, 10_000);
        let mut suite = suite.with_customers(&["ada"]).await;
        for shown in 1..=3 {
            suite.get("ada").await;
            assert_eq!(count(&db).await, shown);
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_shown_that_cannot_be_recorded() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = with(db.clone(), AccessLogMode::Queued, 10_000);
        let ids: Vec<String> = (0..1_000).map(|number| format!("C{number:04}")).collect();
        let customers = ids.iter().map(|id| customer(id)).collect();
        suite.upsert(customers).await.unwrap();
        // Nothing is written as long as somebody else writes: the queue fills.
        let lock = "LOCK TABLE access IN ACCESS EXCLUSIVE MODE";
        let mut hold = db.begin().await.unwrap();
        if hold.is_postgres() {
            tenure_sql::with_tx!(&mut hold, |conn| {
                sqlx::query(lock).execute(conn).await.unwrap();
            });
        }
        let request = wire::BatchGetCustomersRequest { customer_ids: ids };
        let mut refused = None;
        // Two thousand at most are taken to be written, and two thousand wait.
        for _ in 0..8 {
            if let Err(error) = suite.client.batch_get_customers(request.clone()).await {
                refused.get_or_insert(error);
            }
        }
        let refused = refused.expect("the queue holds 2,000");
        assert_code(&refused, Code::Unavailable, "ACCESS_LOG_FULL");

        hold.rollback().await.unwrap();

        let told = page(&suite, "C0000", 0, "").await.unwrap();
        assert!(told.accesses.len() >= 2, "what was shown is recorded");
        assert!(told.accesses.len() < 8, "what was refused is not");
    })
    .await;
}

#[tokio::test]
async fn the_platform_s_own_services_are_not_recorded() {
    each_backend(&MIGRATIONS, async |db| {
        let suite = Suite::new(db.clone()).with_customers(&["ada"]).await;
        let service = Service::new(suite.deps(db)).unwrap();
        let own: Transport = in_process_as(service.routes(), Principal::Service("tenure"));
        let mut client = Client::new(own);
        client.get_customer(get("ada")).await.unwrap();

        assert_eq!(looks(&suite, "ada").await.len(), 0);
    })
    .await;
}
