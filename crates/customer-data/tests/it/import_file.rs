//! Files: good ones, every kind of bad one, and runs that stop in the middle.

use std::io::{self, Read};

use tenure_customer_data::import::{
    ImportError, Line, Lines, Observer, Progress, RejectFile, Summary,
};
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::attribute_value::Kind;

use crate::sample::*;
use crate::suite::*;

#[tokio::test]
async fn a_file_becomes_customers_with_what_they_have() {
    each_suite(async |mut suite| {
        let sample = Sample::rows(
            "a,p,29.02.2020,7,41,+999111111,5,29.90,No,x\nb,o,01.03.2020,,,,0,,Yes,\"y,\nz\"\n",
        );

        let summary = sample.run(&suite).await.unwrap();

        assert!(!summary.was_complete);
        assert_eq!(counts(&summary.import), (2, 0));
        assert_eq!(
            summary.import.state,
            i32::from(wire::ImportState::Completed)
        );
        assert_eq!(summary.import.done_lines, 4);
        let a = suite.get("a").await;
        assert_eq!(a.join_time, day("2020-02-29"));
        assert_eq!(a.external_ids, [external("crm", "7")]);
        assert_eq!(a.attributes, [attribute("age", Some(Kind::Integer(41)))]);
        let line = suite.subscriptions("a").await.remove(0);
        assert_eq!(
            (line.subscription_id.as_str(), line.start_time),
            ("a-1", day("2024-05-01"))
        );
        assert_eq!((line.monthly_fee, line.terminate_time), (euro(2_990), None));
        let b = suite.get("b").await;
        assert_eq!(b.kind, i32::from(wire::CustomerKind::Organisation));
        let ended = suite.subscriptions("b").await.remove(0);
        assert_eq!(
            (ended.start_time, ended.terminate_time),
            (day("2024-10-01"), day("2024-10-02"))
        );
        assert_eq!(ended.churn_kind, i32::from(wire::ChurnKind::Unstated));
        assert_eq!(sample.rejects(), "");
    })
    .await;
}

#[tokio::test]
async fn every_bad_row_is_told_by_line_and_column_and_costs_itself_only() {
    each_suite(async |mut suite| {
        let mut bytes = HEADER.as_bytes().to_vec();
        bytes.extend_from_slice(b"a,p,01.01.2020,,,,1,1,No,\n"); // 2: good
        bytes.extend_from_slice(b"b,p,31.02.2020,,x,,-1,1.234,No,\n"); // 3: all of it wrong
        bytes.extend_from_slice(b"c,p,01.01.2020\n"); // 4: too few columns
        bytes.extend_from_slice(b"d,p,01.01.2020,,,,1,1,No,\xff\n"); // 5: no UTF-8
        bytes.extend_from_slice(b"e,q,,,,,1,,Perhaps,\n"); // 6: unknown words
        bytes.extend_from_slice(b"f,p,,,,,1,,No,\"open\n"); // 7: a stray quote
        bytes.extend_from_slice(&[b"g,".as_slice(), &b"x".repeat(500), b"\n"].concat()); // 8
        bytes.extend_from_slice(b"a,p,,,,,1,,No,\n"); // 9: the id of line 2
        bytes.extend_from_slice(b"h i,p,,,,12,1,,No,\n"); // 10: refused by the service
        bytes.extend_from_slice(b",p,,,,,1,,No,\n"); // 11: no id
        bytes.extend_from_slice(b"z,p,,,,,1,,No,\n"); // 12: good
        let sample = Sample::new(bytes);

        let summary = sample.run(&suite).await.unwrap();

        assert_eq!(counts(&summary.import), (2, 9));
        let rejects = sample.rejects();
        let told: Vec<(i64, String)> = csv::Reader::from_reader(rejects.as_bytes())
            .records()
            .map(Result::unwrap)
            .map(|record| (record[0].parse().unwrap(), record[1].to_owned()))
            .collect();
        let told: Vec<(i64, &str)> = told
            .iter()
            .map(|(n, column)| (*n, column.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (3, "age"),
                (3, "joined"),
                (3, "tenure"),
                (3, "fee"),
                (4, ""),
                (5, "note"),
                (6, "kind"),
                (6, "churn"),
                (7, ""),
                (8, ""),
                (9, "id"),
                (10, "id"),
                (10, "subscriptions[0].subscription_id"),
                (10, "number"),
                (11, "id"),
            ]
        );
        assert!(rejects.contains("9,id,each customer once in a file,the customer of line 2\n"));
        assert_eq!(suite.subscriptions("z").await[0].subscription_id, "z-11");
    })
    .await;
}

#[tokio::test]
async fn a_mapping_that_does_not_fit_is_told_whole_before_anything_is_sent() {
    each_suite(async |mut suite| {
        let sample = Sample::new("id,kind,joined,kind,more\n");
        let refused = sample.run(&suite).await.unwrap_err().to_string();

        for name in ["crm", "age", "number", "tenure", "fee", "churn", "note"] {
            assert!(
                refused.contains(&format!("lacks the column `{name}`")),
                "{refused}"
            );
        }
        assert!(refused.contains("`kind` twice") && refused.contains("`more` is neither"));
        let named = MAPPING.replace("age = {", "Age = {");
        let sample = Sample {
            mapping: named,
            ..Sample::rows("")
        };
        let refused = sample.run(&suite).await.unwrap_err().to_string();
        assert!(
            refused.contains("`attributes.Age`: wanted 1 to 64"),
            "{refused}"
        );
        let sample = Sample {
            mapping: "delimiter = 'x'\n[custom]".into(),
            ..sample
        };
        assert!(matches!(
            sample.run(&suite).await.unwrap_err(),
            ImportError::Mapping(_)
        ));
        assert!(matches!(
            Sample::new("").run(&suite).await.unwrap_err(),
            ImportError::Header(_)
        ));
        let none = suite
            .client
            .list_imports(wire::ListImportsRequest::default())
            .await
            .unwrap();
        assert!(none.into_inner().imports.is_empty());
    })
    .await;
}

/// Five thousand rows; each 100th is refused by the reader, each 7th of those left by the service.
fn many() -> Sample {
    let mut text = HEADER.to_owned();
    for number in 0..5_000 {
        let id = if number % 7 == 3 {
            "C 1".to_owned()
        } else {
            format!("C{number}")
        };
        let tenure = if number % 100 == 50 { "x" } else { "3" };
        text.push_str(&format!("{id},p,,,,,{tenure},,No,\n"));
    }
    Sample::new(text)
}

async fn state(suite: &mut Suite) -> (Vec<wire::Customer>, usize) {
    let all = wire::ListCustomersRequest {
        page_size: 1_000,
        ..Default::default()
    };
    let customers = suite
        .client
        .list_customers(all)
        .await
        .unwrap()
        .into_inner()
        .customers;
    (customers, suite.changes().await.len())
}

#[tokio::test]
async fn a_run_that_was_broken_off_goes_on_to_the_same_end() {
    each_suite(async |mut suite| {
        let sample = many();
        let size = u64::try_from(sample.bytes.len()).unwrap();
        for breaks_at in [size / 3, size / 2, size - 10] {
            let broken = sample.run_until(&suite, breaks_at).await;
            assert!(matches!(broken, ImportError::Io(_)), "{broken}");
        }
        let summary = sample.run(&suite).await.unwrap();
        let (resumed, rejects) = (state(&mut suite).await, sample.rejects());

        let refused_rows = (0..5_000).filter(|n| n % 100 == 50 || n % 7 == 3).count();
        let refused_rows = i64::try_from(refused_rows).unwrap();
        assert_eq!(
            counts(&summary.import),
            (5_000 - refused_rows, refused_rows)
        );
        assert_eq!(
            resumed.1,
            2 * usize::try_from(5_000 - refused_rows).unwrap()
        );
        // What was written must not depend on where it broke off: the same file, taken in at once
        // elsewhere, is refused the same.
        let whole = many();
        tenure_testkit::fresh_sqlite(
            &tenure_customer_data::MIGRATIONS,
            &tenure_sql::DbOptions::default(),
            async |db| {
                let mut other = Suite::new(db);
                whole.run(&other).await.unwrap();
                assert_eq!(state(&mut other).await, resumed);
            },
        )
        .await;
        assert_eq!(whole.rejects(), rejects);
    })
    .await;
}

#[tokio::test]
async fn rejects_whose_writing_was_lost_are_written_again() {
    each_suite(async |suite| {
        let sample = many();
        let size = u64::try_from(sample.bytes.len()).unwrap();
        sample.run_until(&suite, size - 10).await;
        // The service has these batches, but nobody knows what was written of their rejects.
        let state = sample.folder.path().join("file.csv.rejects.csv.state");
        std::fs::remove_file(state).unwrap();
        std::fs::write(RejectFile::beside(&sample.path()).path(), "line,col").unwrap();

        sample.run(&suite).await.unwrap();
        let rejects = sample.rejects();

        let lines = rejects.lines().count();
        assert_eq!(
            lines,
            1 + (0..5_000).filter(|n| n % 100 == 50).count() + of_service()
        );
        std::fs::remove_file(RejectFile::beside(&sample.path()).path()).unwrap();
        assert!(sample.run(&suite).await.unwrap().was_complete);
        assert_eq!(sample.rejects(), rejects);
    })
    .await;
}

/// Of the rows that the service refuses, each has two wrong fields: its own id and that of its
/// subscription, which begins with it.
fn of_service() -> usize {
    2 * (0..5_000).filter(|n| n % 7 == 3 && n % 100 != 50).count()
}

#[tokio::test]
async fn a_second_run_of_a_complete_import_does_nothing() {
    each_suite(async |mut suite| {
        let sample = many();
        let first = sample.run(&suite).await.unwrap();
        let (before, rejects) = (state(&mut suite).await, sample.rejects());

        let second = sample.run(&suite).await.unwrap();

        assert!(second.was_complete);
        assert_eq!(second.import, first.import);
        assert_eq!(
            (state(&mut suite).await, sample.rejects()),
            (before, rejects)
        );
    })
    .await;
}

#[tokio::test]
async fn two_runs_at_once_do_each_batch_once() {
    each_suite(async |suite| {
        let (one, other) = (many(), many());

        let (a, b) = futures_util::future::join(one.run(&suite), other.run(&suite)).await;

        assert_eq!(
            a.unwrap().import.accepted_row_count,
            b.unwrap().import.accepted_row_count
        );
        assert_eq!(one.rejects(), other.rejects());
    })
    .await;
}

#[tokio::test]
async fn progress_is_told_after_every_batch() {
    struct Told(Vec<Progress>);
    impl Observer for Told {
        fn observe(&mut self, progress: Progress) {
            self.0.push(progress);
        }
    }
    each_suite(async |suite| {
        let sample = many();
        let mut told = Told(Vec::new());

        sample.observed(&suite, &mut told).await.unwrap();

        let last = told.0.last().unwrap();
        assert_eq!(last.done_bytes, last.total_bytes);
        assert_eq!(last.accepted_rows + last.rejected_rows, 5_000);
        assert!(
            told.0
                .windows(2)
                .all(|pair| pair[0].done_bytes <= pair[1].done_bytes)
        );
    })
    .await;
}

#[test]
fn a_line_of_200_megabytes_is_refused_without_being_held() {
    let long = io::repeat(b'x').take(200 * 1024 * 1024);
    let source = (&b"a,b\n"[..]).chain(long).chain(&b"\nc,d\n"[..]);
    let mut lines = Lines::new(source, b',', 1024 * 1024, (0, 0));

    let mut kinds = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        kinds.push(match line {
            Line::Row(row) => (row.line, row.cells.concat()),
            Line::Bad(reject) => (reject.line, reject.found),
        });
    }

    let expected = [(1, "ab"), (2, "a longer one"), (3, "cd")];
    assert_eq!(kinds, expected.map(|(line, text)| (line, text.to_owned())));
    assert!(
        lines.held_bytes() < 4 * 1024 * 1024,
        "{} bytes",
        lines.held_bytes()
    );
}

/// Takes in a file of the shared data with its mapping of `deploy/mappings`.
async fn shared(suite: &Suite, folder: &str, file: &str) -> Option<Summary> {
    let path = tenure_testkit::shared_data(&format!("data/{folder}/{file}.csv"))?;
    let mapping = format!(
        "{}/../../deploy/mappings/{folder}.toml",
        env!("CARGO_MANIFEST_DIR")
    );
    let mapping = std::fs::read_to_string(mapping).unwrap();
    let sample = Sample {
        mapping,
        ..Sample::new(std::fs::read(path).unwrap())
    };
    let summary = sample.run(suite).await.unwrap();
    assert_eq!(sample.rejects(), "");
    Some(summary)
}

async fn terminations(suite: &mut Suite) -> usize {
    use wire::change::Fact;
    let changes = suite.changes().await;
    let ended = |change: &&wire::Change| match &change.fact {
        Some(Fact::Subscription(subscription)) => subscription.terminate_time.is_some(),
        _ => false,
    };
    changes.iter().filter(ended).count()
}

#[tokio::test]
async fn the_telco_file_is_expressed_by_its_mapping() {
    each_suite(async |mut suite| {
        let Some(summary) = shared(&suite, "telco_ibm", "telco").await else {
            return;
        };

        // Rows and churned customers as the data set's own page counts them.
        assert_eq!(counts(&summary.import), (7_043, 0));
        assert_eq!(terminations(&mut suite).await, 1_869);
        let first = suite.get("7590-VHVEG").await;
        assert_eq!(first.attributes.len(), 19);
        assert!(!first.attributes.iter().any(|a| a.name.contains("churn")));
        let line = suite.subscriptions("7590-VHVEG").await.remove(0);
        assert_eq!(line.start_time, day("2024-09-01"));
        assert_eq!(line.monthly_fee.unwrap().amount_minor, 2_985);
    })
    .await;
}

#[tokio::test]
async fn the_churn_file_is_expressed_by_its_mapping() {
    each_suite(async |mut suite| {
        let Some(summary) = shared(&suite, "churn_3333", "churn_3333").await else {
            return;
        };

        assert_eq!(counts(&summary.import), (3_333, 0));
        assert_eq!(terminations(&mut suite).await, 483);
        assert_eq!(suite.get("T3333").await.attributes.len(), 18);
    })
    .await;
}

#[tokio::test]
async fn lines_of_json_are_taken_in_by_the_same_mapping() {
    each_suite(async |mut suite| {
        let text = r#"{"id": "a", "kind": "p", "joined": "29.02.2020", "tenure": 5, "fee": 29.90, "churn": "No", "age": 41, "note": {"any": []}}
{"id": "b", "tenure": "1", "churn": "Yes", "number": "+999111111", "note": null}
{"id": "c", "tenure": 1, "churn": "No", "colour": "red"}

not json
{"id": ["d"], "tenure": 1.5, "churn": "No"}
"#;
        let mapping = format!("rows = \"json_lines\"\n{MAPPING}");
        let sample = Sample {
            mapping,
            ..Sample::new(text)
        };

        let summary = sample.run(&suite).await.unwrap();

        assert_eq!(counts(&summary.import), (2, 3));
        let a = suite.get("a").await;
        assert_eq!(a.join_time, day("2020-02-29"));
        assert_eq!(a.attributes, [attribute("age", Some(Kind::Integer(41)))]);
        let line = suite.subscriptions("a").await.remove(0);
        assert_eq!((line.start_time, line.monthly_fee), (day("2024-05-01"), euro(2_990)));
        assert_eq!(suite.subscriptions("b").await[0].msisdn, "+999111111");
        let rejects = sample.rejects();
        let told: Vec<&str> = rejects.lines().skip(1).collect();
        assert_eq!(
            told,
            [
                "3,colour,a key that the mapping uses or skips,another",
                "5,,one JSON object on a line,something else from column 2 on",
                "6,id,\"a text, a number, true, false or null\",a list",
            ]
        );
    })
    .await;
}
