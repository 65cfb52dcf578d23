//! What every Rust file keeps to.

use super::{Complaints, names, rust_files};

/// Who wants to read more than this in one file?
const LINES_MAX: usize = 500;

#[test]
fn no_file_is_longer_than_500_lines() {
    let mut complaints = Complaints::default();
    for file in rust_files() {
        let lines = file.lines().count();
        if lines > LINES_MAX {
            complaints.add(
                &file.path,
                lines,
                &format!("{lines} lines, at most {LINES_MAX}"),
            );
        }
    }
    complaints.assert_none();
}

#[test]
fn the_first_line_of_a_file_says_what_it_is_for() {
    let mut complaints = Complaints::default();
    for file in rust_files() {
        let first = file.text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ") {
            complaints.add(&file.path, 1, "wants a first line `//! ...`");
        }
    }
    complaints.assert_none();
}

#[test]
fn nothing_is_left_to_be_done_later() {
    // Put together here, so that this file does not find itself.
    let forbidden = [
        ["to", "do!("],
        ["unimple", "mented!("],
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X"],
    ];
    let mut complaints = Complaints::default();
    for file in rust_files() {
        for (number, line) in file.lines() {
            let found = forbidden
                .iter()
                .map(|parts| parts.concat())
                .find(|word| line.contains(word));
            if let Some(word) = found {
                complaints.add(
                    &file.path,
                    number,
                    &format!("`{word}`: do it, or leave it out"),
                );
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn no_test_is_skipped() {
    let forbidden = ["#[ig", "nore"].concat();
    let mut complaints = Complaints::default();
    for file in rust_files() {
        for (number, _) in file.code().filter(|(_, line)| line.contains(&forbidden)) {
            complaints.add(
                &file.path,
                number,
                "a test that does not run protects nobody",
            );
        }
    }
    complaints.assert_none();
}

#[test]
fn no_test_sleeps() {
    let forbidden = ["sle", "ep("].concat();
    let mut complaints = Complaints::default();
    for file in rust_files() {
        for (number, _) in file
            .test_code()
            .filter(|(_, line)| line.contains(&forbidden))
        {
            complaints.add(
                &file.path,
                number,
                "wait for the event, or move the clock by hand",
            );
        }
    }
    complaints.assert_none();
}

#[test]
fn the_environment_is_read_in_one_place() {
    // Tests and tools have inputs of their own.
    let readers = ["crates/rpc/src/config", "crates/testkit/", "xtask/"];
    let mut complaints = Complaints::default();
    for file in rust_files() {
        let may_read = readers.iter().any(|reader| file.path.starts_with(reader));
        if may_read || file.path.ends_with("build.rs") {
            continue;
        }
        for (number, line) in file.product_code() {
            if ["env::var", "env::var_os", "env::vars", "env::vars_os"]
                .iter()
                .any(|w| names(line, w))
            {
                complaints.add(
                    &file.path,
                    number,
                    "only crates/rpc/src/config reads the environment",
                );
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn randomness_is_drawn_in_one_place() {
    let mut complaints = Complaints::default();
    for file in rust_files() {
        if file.path == "crates/core/src/ids.rs" || file.path.starts_with("crates/testkit/") {
            continue;
        }
        for (number, line) in file.product_code() {
            let draws = [
                "rand::rng",
                "thread_rng",
                "OsRng",
                "from_os_rng",
                "from_entropy",
            ];
            if draws.iter().any(|word| names(line, word)) {
                let what = "only crates/core/src/ids.rs draws; others take `Ids` or a seed";
                complaints.add(&file.path, number, what);
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn the_databases_are_named_only_by_who_speaks_to_them() {
    let speakers = ["crates/sql/", "crates/sqlite-log/", "crates/testkit/"];
    let mut complaints = Complaints::default();
    for file in rust_files() {
        let in_store = file.path.contains("/src/store.rs") || file.path.contains("/src/store/");
        let may_speak = in_store
            || speakers
                .iter()
                .any(|speaker| file.path.starts_with(speaker));
        if may_speak || file.is_test() {
            continue;
        }
        for (number, _) in file.product_code().filter(|(_, line)| names(line, "sqlx")) {
            complaints.add(
                &file.path,
                number,
                "sqlx belongs in crates/sql, crates/sqlite-log and in store/",
            );
        }
    }
    complaints.assert_none();
}
