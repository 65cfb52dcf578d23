//! Random resume tokens: whoever makes one up reads what there is to read, or is told what is wrong.

use tenure_customer_data::MIGRATIONS;
use tenure_proto::customer::v1 as wire;
use tenure_sql::DbOptions;
use tenure_sql::feed::{Filter, Place, Positions, Token};
use tenure_testkit::fresh_sqlite;
use tenure_testkit::fuzz::Target;
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

#[test]
fn a_resume_token_that_somebody_made_up_is_read_or_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let case = async |db: tenure_sql::Db| {
        let mut suite = Suite::new(db.clone())
            .with_customers(&["ada", "bob", "eve"])
            .await;
        suite
            .subscribe(vec![line("ada", "S1", "", "2024-02-01")])
            .await
            .unwrap();
        let (whole, all) = (Filter::default(), Positions::start().moved(&db, 3, 1));
        let token = Token {
            positions: all,
            snapshot: None,
        };
        let text = token.to_text(&whole);
        let target = Target {
            name: "resume_token",
            seeds: &[
                text.as_bytes(),
                b"\x01\x00\x00\x01\x05\x00\x00\x00\x00\x00\x00\x00\x01ada",
                b"\xff\x00\x00\x03\x01\x7f\xff\xff\xff\xff\xff\xff\xff",
                b"\x00",
            ],
            words: &["\u{0}", "\u{7f}", "A", "_", "ada", "ada S1"],
            inputs: 200,
        };
        let reader = std::cell::RefCell::new(&mut suite);
        target.run(|input| {
            let given = String::from_utf8_lossy(input);
            let mut said = match Token::from_text(&db, &whole, &given) {
                Ok(token) if given.is_empty() => format!("{}", token.snapshot.is_none()),
                Ok(token) => {
                    assert_eq!(token.to_text(&whole), given, "one token has one text");
                    "token".to_owned()
                }
                Err(error) => error.to_string(),
            };
            let made_up = made_up(&db, input);
            let text = made_up.to_text(&whole);
            if let Ok(again) = Token::from_text(&db, &whole, &text) {
                assert_eq!(again, made_up);
            }
            said += &tokio::task::block_in_place(|| {
                let mut suite = reader.borrow_mut();
                tokio::runtime::Handle::current().block_on(read(&mut suite, text))
            });
            said
        });
    };
    let one = async { fresh_sqlite(&MIGRATIONS, &DbOptions::default(), case).await };
    runtime.block_on(one);
}
