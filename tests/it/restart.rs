//! Killed in the middle of its load: nothing acknowledged is missing, nothing is doubled, and
//! consumers go on where they were.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use tenure::clients::Clients;
use tenure_core::{Clock as _, SystemClock};
use tenure_proto::customer::v1 as customer;
use tenure_proto::loyalty::v1 as loyalty;
use tokio::task::JoinSet;

use crate::facts::{self, request_id};
use crate::process::Launch;
use crate::topology::transport;

/// How often the server is killed.
const KILLS: usize = 10;
/// How many customers there are, each with an account.
const CUSTOMERS: usize = 40;
/// How many callers send at once.
const CALLERS: usize = 16;

/// A write, with the request id that makes it happen once.
#[derive(Debug, Clone)]
enum Write {
    Earn(loyalty::EarnPointsRequest),
    Redeem(loyalty::RedeemPointsRequest),
    /// A settled bill, which earns points through the change feed.
    Bill(customer::BatchUpsertBillsRequest),
}

/// What the callers know.
#[derive(Debug, Default)]
struct Known {
    /// Request ids of earnings and redemptions that were acknowledged, with account and difference.
    moved: BTreeMap<String, (String, i64)>,
    /// Bills that were acknowledged, with their points.
    bills: BTreeMap<String, (String, i64)>,
    /// Writes whose outcome nobody knows.
    unanswered: Vec<Write>,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_ten_times_under_load_it_loses_and_doubles_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let launch = Launch::serve(&[], data.path());
    let known = Arc::new(Mutex::new(Known::default()));
    let mut random = ChaCha8Rng::seed_from_u64(20_261_122);
    let mut process = launch.start();
    found(&Clients::of_one(&transport(&process))).await;

    for kill in 0..KILLS {
        let clients = Clients::of_one(&transport(&process));
        settle_unanswered(&clients, &known).await;
        // Not after a time, but after so many answers: the load decides, not the machine.
        let answers_until_kill = 50 + (random.next_u32() % 400) as usize;
        load(
            &clients,
            &known,
            random.next_u64(),
            answers_until_kill,
            || process.kill(),
        )
        .await;
        process = launch.start();
        let unanswered = known.lock().unwrap().unanswered.len();
        eprintln!("kill {kill} after {answers_until_kill} answers, {unanswered} writes unanswered");
    }

    let clients = Clients::of_one(&transport(&process));
    settle_unanswered(&clients, &known).await;
    clients
        .loyalty
        .clone()
        .catch_up(loyalty::CatchUpRequest {})
        .await
        .unwrap();
    let known = std::mem::take(&mut *known.lock().unwrap());
    everything_is_there_once(&clients, &known).await;
}

/// Creates the customers, and an account with points for each.
async fn found(clients: &Clients) {
    let joined = SystemClock.now().plus_months(-12);
    let customers = (0..CUSTOMERS)
        .map(|number| facts::customer(&id(number), joined))
        .collect();
    let request = customer::BatchUpsertCustomersRequest {
        request_id: request_id(),
        customers,
    };
    clients
        .customer
        .clone()
        .batch_upsert_customers(request)
        .await
        .unwrap();
}

fn id(number: usize) -> String {
    format!("C{number:03}")
}

/// Sends writes from many callers; after so many answers, `kill` ends the server under them.
async fn load(
    clients: &Clients,
    known: &Arc<Mutex<Known>>,
    seed: u64,
    answers_until_kill: usize,
    kill: impl FnOnce(),
) {
    let answers = Arc::new(AtomicUsize::new(0));
    let (is_over, enough) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(tokio::sync::Notify::new()),
    );
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (clients, known) = (clients.clone(), Arc::clone(known));
        let (answers, is_over, enough) = (
            Arc::clone(&answers),
            Arc::clone(&is_over),
            Arc::clone(&enough),
        );
        callers.spawn(async move {
            let mut random = ChaCha8Rng::seed_from_u64(seed ^ (caller as u64) << 32);
            while !is_over.load(Ordering::SeqCst) {
                let write = write(&mut random);
                if !send(&clients, &known, write).await {
                    return;
                }
                if answers.fetch_add(1, Ordering::SeqCst) + 1 == answers_until_kill {
                    enough.notify_one();
                }
            }
        });
    }
    enough.notified().await;
    kill();
    is_over.store(true, Ordering::SeqCst);
    while let Some(ended) = callers.join_next().await {
        ended.expect("no caller panics");
    }
}

/// Draws the next write.
fn write(random: &mut ChaCha8Rng) -> Write {
    let account_id = id(random.next_u32() as usize % CUSTOMERS);
    let points = i64::from(random.next_u32() % 50 + 1);
    let request_id = request_id();
    match random.next_u32() % 4 {
        0 | 1 => Write::Earn(loyalty::EarnPointsRequest {
            source: format!("gift/{request_id}"),
            request_id,
            account_id,
            points,
            expire_time: None,
            open_account: true,
            ..Default::default()
        }),
        2 => Write::Redeem(loyalty::RedeemPointsRequest {
            request_id,
            account_id,
            points: points % 5 + 1,
            source: "order".to_owned(),
        }),
        _ => {
            let at = SystemClock.now() - tenure_core::Span::from_days(1);
            let bill_id = format!("B{}", &request_id.replace('-', ""));
            let bills = vec![facts::settled_bill(
                &account_id,
                &bill_id,
                at,
                points * 100 + 99,
            )];
            Write::Bill(customer::BatchUpsertBillsRequest { request_id, bills })
        }
    }
}

/// Sends a write and notes what is known of it then; returns false when the server is gone.
async fn send(clients: &Clients, known: &Mutex<Known>, write: Write) -> bool {
    let outcome = match &write {
        Write::Earn(request) => {
            let answer = clients.loyalty.clone().earn_points(request.clone()).await;
            answer.map(|_| {
                Some((
                    request.request_id.clone(),
                    request.account_id.clone(),
                    request.points,
                ))
            })
        }
        Write::Redeem(request) => {
            let answer = clients.loyalty.clone().redeem_points(request.clone()).await;
            answer.map(|_| {
                Some((
                    request.request_id.clone(),
                    request.account_id.clone(),
                    -request.points,
                ))
            })
        }
        Write::Bill(request) => {
            let answer = clients
                .customer
                .clone()
                .batch_upsert_bills(request.clone())
                .await;
            answer.map(|_| None)
        }
    };
    let mut known = known.lock().unwrap();
    match (outcome, &write) {
        (Ok(Some((id, account, points))), _) => {
            known.moved.insert(id, (account, points));
            true
        }
        (Ok(None), Write::Bill(request)) => {
            for bill in &request.bills {
                let points = bill.paid_amount.as_ref().unwrap().amount_minor / 100;
                known
                    .bills
                    .insert(bill.bill_id.clone(), (bill.customer_id.clone(), points));
            }
            true
        }
        // A refusal is an answer: too few points, or no account yet.
        (Err(status), _)
            if matches!(
                status.code(),
                tonic::Code::FailedPrecondition | tonic::Code::NotFound
            ) =>
        {
            true
        }
        (Err(_), _) | (Ok(None), _) => {
            known.unanswered.push(write);
            false
        }
    }
}

/// Repeats what was not answered, with the same request ids, until all of it is.
async fn settle_unanswered(clients: &Clients, known: &Arc<Mutex<Known>>) {
    let unanswered = std::mem::take(&mut known.lock().unwrap().unanswered);
    for write in unanswered {
        assert!(
            send(clients, known, write).await,
            "the server that was started again answers"
        );
    }
}

async fn everything_is_there_once(clients: &Clients, known: &Known) {
    let mut entries = Vec::new();
    for number in 0..CUSTOMERS {
        entries.extend(entries_of(clients, &id(number)).await);
    }
    let mut seen = BTreeSet::new();
    let (mut moved, mut billed) = (BTreeMap::new(), BTreeMap::new());
    for entry in &entries {
        assert!(
            seen.insert((&entry.account_id, entry.sequence_number)),
            "{entry:?} is there twice"
        );
        let effect = (entry.account_id.clone(), entry.points_delta);
        match entry.source.strip_prefix("bill/") {
            Some(bill) => assert!(
                billed.insert(bill.to_owned(), effect).is_none(),
                "{bill} earned twice"
            ),
            None => {
                let id = entry.request_id.clone();
                assert!(
                    moved.insert(id, effect).is_none(),
                    "{entry:?} happened twice"
                );
            }
        }
    }
    assert_eq!(
        moved, known.moved,
        "every acknowledged movement is there, and no other"
    );
    assert_eq!(
        billed, known.bills,
        "every acknowledged bill has earned, once"
    );
    let books = clients
        .loyalty
        .clone()
        .get_books(loyalty::GetBooksRequest::default())
        .await
        .unwrap();
    let books = books.into_inner().books.unwrap();
    let sum: i64 = entries.iter().map(|entry| entry.points_delta).sum();
    assert_eq!((books.closing_points, books.lot_points), (sum, sum));
    assert!(
        entries.len() > 100,
        "the load was a load: {} entries",
        entries.len()
    );
}

async fn entries_of(clients: &Clients, account_id: &str) -> Vec<loyalty::Entry> {
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let account_id = account_id.to_owned();
        let request = loyalty::ListEntriesRequest {
            account_id,
            page_size: 1_000,
            page_token,
        };
        let page = match clients.loyalty.clone().list_entries(request).await {
            Ok(page) => page.into_inner(),
            Err(status) if status.code() == tonic::Code::NotFound => return entries,
            Err(status) => panic!("{status}"),
        };
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return entries;
        }
    }
}
