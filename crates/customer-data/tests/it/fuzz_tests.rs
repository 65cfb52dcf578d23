//! Random resume tokens: whoever makes one up reads what there is to read, or is told what is wrong.

mod requests;

use tenure_core::Lanes;
use tenure_customer_data::MIGRATIONS;
use tenure_proto::customer::v1 as wire;
use tenure_sql::DbOptions;
use tenure_sql::feed::{Filter, Place, Positions, Token};
use tenure_testkit::fresh_sqlite;
use tenure_testkit::fuzz::{INPUTS, Target};
use tonic::Code;

use crate::suite::*;

/// More than that a reader of a small table needs only when it goes round.
const MESSAGES_MAX: usize = 40;

/// Makes a token up from random bytes, sealed as ours are.
fn made_up(db: &tenure_sql::Db, input: &[u8]) -> Token {
    let mut bytes = input.iter().copied();
    let mut number = |length: usize| {
        let read = bytes.by_ref().take(length);
        read.fold(0_u64, |number, byte| number << 8 | u64::from(byte))
    };
    let place = Place {
        // Far past the last lane, too.
        lane: i32::try_from(number(1)).unwrap(),
        table: u16::try_from(number(2)).unwrap(),
        after: String::new(),
    };
    let mut positions = Positions::start().moved(db, 0, 0);
    for _ in 0..number(1) % 4 {
        let lane = i32::try_from(number(1)).unwrap();
        positions = positions.moved(db, lane, i64::try_from(number(8) >> 1).unwrap());
    }
    let after = String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned();
    let is_snapshot = input.first().is_some_and(|byte| *byte < 128);
    Token {
        positions,
        snapshot: is_snapshot.then_some(Place { after, ..place }),
    }
}

/// Reads on from a token; what was read, or why not.
async fn read(suite: &mut Suite, resume_token: String) -> String {
    let request = wire::WatchChangesRequest {
        resume_token,
        ..Default::default()
    };
    let refused = |status: tonic::Status| {
        let expected = [Code::InvalidArgument, Code::OutOfRange];
        assert!(expected.contains(&status.code()), "{status:?}");
        let info = tenure_testkit::error_info(&status);
        assert!(!info.reason.is_empty());
        format!("{} {:?}", info.reason, info.metadata.get("why"))
    };
    let mut stream = match suite.client.watch_changes(request).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return refused(status),
    };
    let mut count = 0;
    for _ in 0..MESSAGES_MAX {
        match stream.message().await {
            Ok(None) => return format!("{count} changes"),
            Ok(Some(message)) => count += message.changes.len(),
            Err(status) => return refused(status),
        }
    }
    panic!("a small feed has no end");
}

/// Reads a text as a token, and makes one up: each has one text.
fn check_text(db: &tenure_sql::Db, input: &[u8]) -> (String, String) {
    let whole = Filter::default();
    let given = String::from_utf8_lossy(input);
    let said = match Token::from_text(db, &whole, &given) {
        Ok(token) if given.is_empty() => format!("{}", token.snapshot.is_none()),
        Ok(token) => {
            assert_eq!(token.to_text(&whole), given, "one token has one text");
            "token".to_owned()
        }
        Err(error) => error.to_string(),
    };
    let made_up = made_up(db, input);
    let text = made_up.to_text(&whole);
    if let Ok(again) = Token::from_text(db, &whole, &text) {
        assert_eq!(again, made_up);
    }
    (said, text)
}

/// Runs a target on a base of few lanes: a reader from the start looks through all tables of each.
fn run(name: &str, inputs: u64, check: impl Fn(&mut Suite, &tenure_sql::Db, &[u8]) -> String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = DbOptions {
        lanes: Lanes::new(2).unwrap(),
        ..DbOptions::default()
    };
    let case = async |db: tenure_sql::Db| {
        let mut suite = Suite::new(db.clone())
            .with_customers(&["ada", "bob", "eve"])
            .await;
        let own = line("ada", "S1", "", "2024-02-01");
        suite.subscribe(vec![own]).await.unwrap();
        let token = Token {
            positions: Positions::start().moved(&db, 1, 1),
            snapshot: None,
        };
        let text = token.to_text(&Filter::default());
        let target = Target {
            name,
            seeds: &[
                text.as_bytes(),
                b"\x01\x00\x00\x01\x05\x00\x00\x00\x00\x00\x00\x00\x01ada",
                b"\xff\x00\x00\x03\x01\x7f\xff\xff\xff\xff\xff\xff\xff",
                b"\x00",
            ],
            words: &["\u{0}", "\u{7f}", "A", "_", "ada", "ada S1"],
            inputs,
        };
        let suite = std::cell::RefCell::new(suite);
        target.run(|input| check(&mut suite.borrow_mut(), &db, input));
    };
    runtime.block_on(async { fresh_sqlite(&MIGRATIONS, &options, case).await });
}

#[test]
fn a_resume_token_has_one_text() {
    run("resume_token_text", INPUTS, |_, db, input| {
        let (said, text) = check_text(db, input);
        let again = Token::from_text(db, &Filter::default(), &text);
        format!(
            "{said} {}",
            again.map_or_else(|it| it.to_string(), |_| "read".to_owned())
        )
    });
}

#[test]
fn a_resume_token_that_somebody_made_up_is_read_or_refused() {
    run("resume_token", 200, |suite, db, input| {
        let (said, text) = check_text(db, input);
        let reading = read(suite, text);
        let read =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(reading));
        said + &read
    });
}
