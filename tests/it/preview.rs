//! `tenure import --preview` as a user types it: tables without personal data, and files with the rest.

use std::path::Path;
use std::process::Command;

const MAPPING: &str = r#"
    [customer]
    customer_id = { column = "id" }
    kind = { constant = "INDIVIDUAL" }
    display_name = { column = "name" }

    [attributes]
    region = { column = "region" }
"#;
const KNOWN: &str = "id,name,region\nC1,Ottilie,NORTH\nC2,Wendelin,NORTH\n";
const NEXT: &str =
    "id,name,region\nC1,Ottilie,SOUTH\nC2,Wendelin,NORTH\nC3,Kunigunde,EAST\nC 4,,\n";

/// Runs `tenure import` in a folder and returns its exit code and what it prints.
fn import(folder: &Path, file: &str, flags: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tenure-tests"))
        .args([
            "import",
            file,
            "--mapping",
            "mapping.toml",
            "--data-dir",
            "data",
        ])
        .args(flags)
        .current_dir(folder)
        .output()
        .expect("the program can be started");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    (output.status.code(), printed)
}

#[test]
fn a_preview_shows_what_would_change_and_the_import_then_does_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for (name, text) in [
        ("mapping.toml", MAPPING),
        ("known.csv", KNOWN),
        ("next.csv", NEXT),
    ] {
        std::fs::write(path(name), text).unwrap();
    }
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let (code, printed) = import(folder.path(), "known.csv", &[]);
    assert_eq!(code, Some(0), "{printed}");

    let (code, printed) = import(folder.path(), "next.csv", &["--preview"]);

    assert_eq!(code, Some(3), "{printed}");
    assert!(
        printed.contains("3 rows would be taken in, 1 refused"),
        "{printed}"
    );
    let shown: Vec<Vec<&str>> = printed.lines().map(cells).collect();
    assert!(
        shown.contains(&vec!["customer", "1", "1", "1"]),
        "{printed}"
    );
    assert!(
        shown.contains(&vec!["customer", "attributes.region", "1"]),
        "{printed}"
    );
    for personal in ["Ottilie", "Wendelin", "Kunigunde", "SOUTH"] {
        assert!(!printed.contains(personal), "{personal}: {printed}");
    }
    let differences =
        "line,kind,customer,field,before,after\n2,customer,C1,attributes.region,NORTH,SOUTH\n";
    assert_eq!(read("next.csv.preview.csv"), differences);
    let (code, printed) = import(folder.path(), "next.csv", &[]);
    assert_eq!(code, Some(3), "{printed}");
    assert!(printed.contains("3 rows taken in, 1 refused"), "{printed}");
    assert_eq!(
        read("next.csv.preview.rejects.csv"),
        read("next.csv.rejects.csv")
    );
}

/// Returns the cells of a line of a table.
fn cells(line: &str) -> Vec<&str> {
    let cells = line.split(['│', '┆']).map(str::trim);
    cells.filter(|cell| !cell.is_empty()).collect()
}
