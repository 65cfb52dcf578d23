//! Contracts kept in pairs: migrations of both databases, reasons in protos and in code.

use std::collections::BTreeSet;

use super::{Complaints, File, files, names};

/// The package of each service's protos, and its crate.
const SERVICES: [(&str, &str); 4] = [
    ("customer", "customer-data"),
    ("scoring", "lifecycle-scoring"),
    ("campaign", "campaign"),
    ("loyalty", "loyalty-points"),
];
/// Numbers below belong to crates/sql, whose tables are in every database.
const FIRST_OF_A_SERVICE: u32 = 101;

fn migrations(folder: &str, database: &str) -> BTreeSet<String> {
    let found = files(&format!("{folder}/migrations/{database}"));
    found
        .iter()
        .filter_map(|file| file.path.rsplit('/').next().map(str::to_owned))
        .collect()
}

#[test]
fn migrations_of_both_databases_have_the_same_numbers_and_names() {
    for crate_name in SERVICES.map(|(_, name)| name).into_iter().chain(["sql"]) {
        let folder = format!("crates/{crate_name}");
        let sqlite = migrations(&folder, "sqlite");
        let postgres = migrations(&folder, "postgres");

        assert!(!sqlite.is_empty(), "{folder} has migrations");
        assert_eq!(sqlite, postgres, "{folder}/migrations");
    }
}

#[test]
fn migrations_are_numbered_in_the_range_of_their_crate_and_once() {
    for crate_name in SERVICES.map(|(_, name)| name).into_iter().chain(["sql"]) {
        let mut seen = BTreeSet::new();
        for name in migrations(&format!("crates/{crate_name}"), "sqlite") {
            let (digits, _) = name.split_once('_').expect("NNNN_name.sql");
            let number: u32 = digits.parse().expect("four digits");
            let is_of_service = number >= FIRST_OF_A_SERVICE;

            assert_eq!(digits.len(), 4, "{crate_name}/{name}");
            assert!(
                seen.insert(number),
                "{crate_name}/{name}: the number is taken"
            );
            assert_eq!(
                is_of_service,
                crate_name != "sql",
                "{crate_name}/{name}: not its range"
            );
        }
    }
}

#[test]
fn every_error_reason_that_is_promised_is_given_somewhere() {
    // What every service refuses is refused by what they stand on.
    let shared: Vec<File> = ["core", "sql", "rpc"]
        .iter()
        .flat_map(|name| files(&format!("crates/{name}/src")))
        .collect();
    let mut complaints = Complaints::default();
    for (package, crate_name) in SERVICES {
        let sources = files(&format!("crates/{crate_name}/src"));
        for proto in files(&format!("proto/tenure/{package}")) {
            for (number, reason) in reasons(&proto) {
                let gives = |file: &File| gives(file, &reason);
                if !sources.iter().chain(&shared).any(gives) {
                    let what = format!("{reason} is never given by crates/{crate_name}");
                    complaints.add(&proto.path, number, &what);
                }
            }
        }
    }
    complaints.assert_none();
}

/// Reads `ERROR_REASON_NOT_FOUND = 1;` as `NOT_FOUND`.
fn reasons(proto: &File) -> Vec<(usize, String)> {
    let value = |(number, line): (usize, &str)| {
        let name = line
            .trim()
            .strip_prefix("ERROR_REASON_")?
            .split(' ')
            .next()?;
        (name != "UNSPECIFIED").then(|| (number, name.to_owned()))
    };
    proto.code().filter_map(value).collect()
}

/// Whether the product code names the reason in a text or as a variant of the generated enum.
fn gives(file: &File, reason: &str) -> bool {
    let variant = format!("::{}", camel_case(reason));
    file.product_code()
        .any(|(_, line)| names(line, reason) || names(line, &variant))
}

fn camel_case(name: &str) -> String {
    let words = name
        .split('_')
        .map(|word| word[..1].to_owned() + &word[1..].to_lowercase());
    words.collect()
}

#[test]
fn reasons_are_read_as_the_protos_write_them() {
    let text = "  ERROR_REASON_UNSPECIFIED = 0;\n  // ERROR_REASON_OLD = 1;\n  ERROR_REASON_NOT_FOUND = 2;\n";
    let proto = File {
        path: "a.proto".to_owned(),
        text: text.to_owned(),
    };

    assert_eq!(reasons(&proto), [(3, "NOT_FOUND".to_owned())]);
    assert_eq!(camel_case("NOT_FOUND"), "NotFound");
}
