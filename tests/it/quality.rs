//! `tenure quality` as a user types it: rules from a file, an import under them, and a table of what they found.

use std::path::Path;
use std::process::Command;

const POLICY: &str = r#"
    source = "crm"

    [[rules]]
    id = "region-known"
    field = "customer.attributes.region"
    action = "reject"
    check = { reference = ["NORTH", "SOUTH"] }

    [[rules]]
    id = "name-there"
    field = "customer.display_name"
    action = "report"
    check = "required"
"#;
const MAPPING: &str = r#"
    [customer]
    customer_id = { column = "id" }
    kind = { constant = "INDIVIDUAL" }
    display_name = { column = "name" }

    [attributes]
    region = { column = "region" }
"#;
/// Line 3 has a region that is none, line 4 no name.
const ROWS: &str = "id,name,region\nC1,Ottilie,SOUTH\nC2,Wendelin,UP\nC3,,NORTH\n";

/// Runs `tenure` in a folder and returns its exit code and what it prints.
fn tenure(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tenure-tests"))
        .args(arguments)
        .args(["--data-dir", "data"])
        .current_dir(folder)
        .output()
        .expect("the program can be started");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    (output.status.code(), printed)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("policy.toml", POLICY),
        ("mapping.toml", MAPPING),
        ("crm-1.csv", ROWS),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The cells of the line of a table that begins with a word.
fn cells<'p>(printed: &'p str, first: &str) -> Vec<&'p str> {
    let split =
        |line: &'p str| -> Vec<&'p str> { line.split(['│', '┆']).map(str::trim).collect() };
    let mut lines = printed.lines().map(split);
    let found = lines.find(|cells| cells.get(1) == Some(&first));
    found.unwrap_or_else(|| panic!("no line of {first}: {printed}"))[1..6].to_vec()
}

#[test]
fn rules_from_a_file_refuse_and_count_rows_and_the_report_tells_which() {
    let folder = folder();
    let folder = folder.path();
    let (code, printed) = tenure(folder, &["quality", "set", "policy.toml"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("crm: version 1 with 2 rules"), "{printed}");

    let import = ["import", "crm-1.csv", "--mapping", "mapping.toml"];
    let (code, printed) = tenure(folder, &import);
    assert_eq!(code, Some(3), "one row is refused: {printed}");

    let (code, printed) = tenure(folder, &["quality", "report", "crm"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("3 rows looked at, 1 refused"), "{printed}");
    let region = ["region-known", "customer.attributes.region", "3", "1", "0"];
    assert_eq!(cells(&printed, "region-known"), region);
    let name = ["name-there", "customer.display_name", "3", "1", "1"];
    assert_eq!(cells(&printed, "name-there"), name);
    for personal in ["Ottilie", "Wendelin", "UP"] {
        assert!(!printed.contains(personal), "{printed}");
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_named_with_its_place() {
    let folder = folder();
    let folder = folder.path();
    let wrong = [
        (
            POLICY.replace("\"reject\"", "\"refuse\""),
            "unknown variant `refuse`",
        ),
        (
            POLICY.replace("customer.display_name", "customer.shoe"),
            "rules[1].field",
        ),
        (POLICY.replace("source", "sauce"), "unknown field `sauce`"),
    ];
    for (policy, said) in wrong {
        std::fs::write(folder.join("wrong.toml"), policy).unwrap();
        let (code, printed) = tenure(folder, &["quality", "set", "wrong.toml"]);
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains(said), "{said}: {printed}");
    }
    let (code, printed) = tenure(folder, &["quality", "report", "nobody"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("QUALITY_POLICY_NOT_FOUND"), "{printed}");
}
