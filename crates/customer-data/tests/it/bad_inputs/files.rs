//! Files and mappings: each bad row costs itself only, each bad mapping is told before anything is
//! sent.

use tenure_customer_data::import::Mapping;

use crate::sample::*;
use crate::suite::*;

/// A cell per mistake, in a row that is right otherwise: the cells, the column named, words of what
/// is told.
const ROWS: &[([&str; 9], &str, &str)] = &[
    (
        ["", "p", "01.02.2020", "", "", "", "1", "1", "No"],
        "id",
        "found nothing",
    ),
    (
        ["a b", "p", "01.02.2020", "", "", "", "1", "1", "No"],
        "id",
        "without spaces",
    ),
    (
        ["+999123456", "p", "01.02.2020", "", "", "", "1", "1", "No"],
        "id",
        "no phone number",
    ),
    (
        ["a", "x", "01.02.2020", "", "", "", "1", "1", "No"],
        "kind",
        "p",
    ),
    (
        ["a", "P", "01.02.2020", "", "", "", "1", "1", "No"],
        "kind",
        "p",
    ),
    (
        ["a", "p", "2020-02-01", "", "", "", "1", "1", "No"],
        "joined",
        "%d.%m.%Y",
    ),
    (
        ["a", "p", "30.02.2020", "", "", "", "1", "1", "No"],
        "joined",
        "%d.%m.%Y",
    ),
    (
        ["a", "p", "01.02.2020x", "", "", "", "1", "1", "No"],
        "joined",
        "%d.%m.%Y",
    ),
    (
        ["a", "p", "01.02.2020", "", "4.5", "", "1", "1", "No"],
        "age",
        "a whole number",
    ),
    (
        [
            "a",
            "p",
            "01.02.2020",
            "",
            "9223372036854775808",
            "",
            "1",
            "1",
            "No",
        ],
        "age",
        "a whole number",
    ),
    (
        ["a", "p", "01.02.2020", "", "1e3", "", "1", "1", "No"],
        "age",
        "a whole number",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "12345", "1", "1", "No"],
        "number",
        "6 to 15 digits",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "+1", "1", "1", "No"],
        "number",
        "6 to 15 digits",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "-1", "1", "No"],
        "tenure",
        "",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "x", "1", "No"],
        "tenure",
        "",
    ),
    (
        [
            "a",
            "p",
            "01.02.2020",
            "",
            "",
            "",
            "999999999999",
            "1",
            "No",
        ],
        "tenure",
        "",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "1", "1.234", "No"],
        "fee",
        "",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "1", "1,5", "No"],
        "fee",
        "",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "1", "EUR 1", "No"],
        "fee",
        "",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "1", "1e9", "No"],
        "fee",
        "",
    ),
    (
        [
            "a",
            "p",
            "01.02.2020",
            "",
            "",
            "",
            "1",
            "99999999999999999999",
            "No",
        ],
        "fee",
        "",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "1", "1", "no"],
        "churn",
        "Yes",
    ),
    (
        ["a", "p", "01.02.2020", "", "", "", "1", "1", "maybe"],
        "churn",
        "Yes",
    ),
];

/// A cell of a row as CSV has it.
fn quoted(cell: &&str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

#[tokio::test]
async fn every_bad_cell_is_told_by_its_column_and_costs_its_row_only() {
    each_suite(async |suite| {
        let bad = ROWS.iter().map(|(cells, ..)| {
            let cells: Vec<String> = cells.iter().map(quoted).collect();
            format!("{},note\n", cells.join(","))
        });
        let bad: String = bad.collect();
        let sample = Sample::rows(&format!("{bad}good,p,01.02.2020,,,,1,1,No,note\n"));

        let summary = sample.run(&suite).await.unwrap();

        assert_eq!(counts(&summary.import), (1, ROWS.len() as i64));
        let rejects = sample.rejects();
        let told: Vec<_> = csv::Reader::from_reader(rejects.as_bytes())
            .records()
            .map(Result::unwrap)
            .collect();
        for (at, (cells, column, words)) in ROWS.iter().enumerate() {
            let line = (at + 2).to_string();
            let mut of_row = told.iter().filter(|record| record[0] == line);
            let named = of_row.find(|record| &record[1] == *column);
            let named = named.unwrap_or_else(|| panic!("{cells:?}: {told:?}"));
            let whole = format!("wanted {}, found {}", &named[2], &named[3]);
            assert!(whole.contains(words), "{cells:?}: {whole}");
        }
    })
    .await;
}

/// What is replaced in the good mapping, by what, and words of what is told.
const MAPPINGS: &[(&str, &str, &str)] = &[
    (
        "snapshot = \"2024-10-01\"",
        "snapshot = \"yesterday\"",
        "snapshot",
    ),
    ("snapshot = \"2024-10-01\"", "", "snapshot"),
    ("currency = \"EUR\"", "currency = \"euro\"", "currency"),
    ("currency = \"EUR\"", "", "currency"),
    ("row_bytes_max = 400", "row_bytes_max = -1", "row_bytes_max"),
    (
        "row_bytes_max = 400",
        "rows_bytes_max = 400",
        "rows_bytes_max",
    ),
    ("skip = [\"note\"]", "skip = [\"nothing\"]", "nothing"),
    ("customer_id = { column = \"id\" }", "", "customer_id"),
    (
        "kind = { column = \"kind\"",
        "kind = { column = \"kin\"",
        "kin",
    ),
    ("p = \"INDIVIDUAL\"", "p = \"PERSON\"", "PERSON"),
    ("format = \"%d.%m.%Y\"", "format = \"%Q\"", "format"),
    ("type = \"integer\"", "type = \"int\"", "int"),
    ("type = \"integer\"", "kind = \"integer\"", "kind"),
    ("template = \"{id}-{row}\"", "template = \"{who}\"", "who"),
    ("constant = \"MOBILE\"", "constant = \"PHONE\"", "PHONE"),
    (
        "before_snapshot = \"months\"",
        "before_snapshot = \"years\"",
        "years",
    ),
    ("churn_kind = { constant = \"UNSTATED\" }", "", "churn_kind"),
    ("[customer]", "[customer", "TOML"),
];

/// Returns an error with all that caused it.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[tokio::test]
async fn every_bad_mapping_is_told_before_anything_is_sent() {
    assert!(Mapping::parse(MAPPING).is_ok());
    each_suite(async |mut suite| {
        for (good, bad, told) in MAPPINGS {
            let mut sample = Sample::rows("a,p,01.02.2020,,,,1,1,No,note\n");
            sample.mapping = MAPPING.replacen(good, bad, 1);
            assert_ne!(sample.mapping, MAPPING, "{good}");

            let refused = sample.run(&suite).await;
            let refused = match refused {
                Ok(_) => panic!("taken for a mapping: {bad:?} for {good}"),
                Err(refused) => whole(&refused),
            };
            assert!(refused.contains(told), "{bad}: {refused}");
        }
        assert!(suite.changes().await.is_empty());
    })
    .await;
}
