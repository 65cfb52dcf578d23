//! The style and the layers of the project, asserted: a rule that no test holds is advice.

mod code;
mod contracts;
mod docs;
mod layers;
mod service;
mod sql;

use std::fs;
use std::path::{Path, PathBuf};

/// Larger files are data, not text that somebody wrote.
const TEXT_BYTES_MAX: u64 = 1_000_000;
/// Folders that hold nothing of ours.
const FOREIGN: [&str; 6] = [
    "target",
    ".git",
    ".venv",
    "__pycache__",
    "tenure-data",
    "tenure-demo",
];

/// One file of the project.
struct File {
    /// Relative to the workspace, with `/`.
    path: String,
    text: String,
}

impl File {
    /// Numbered lines.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// Numbered lines without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines()
            .map(|(number, line)| (number, without_comment(line)))
    }

    /// Numbered lines of what is not a test, without comments.
    fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_product = !self.is_test();
        self.code()
            .take_while(move |(_, line)| is_product && line.trim() != "#[cfg(test)]")
    }

    /// Numbered lines of tests, without comments.
    fn test_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let product = self.product_code().count();
        self.code().skip(product)
    }

    /// Whether all of it is there for tests.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.split('/').any(|folder| folder == "tests")
            || name == "tests.rs"
            || name.ends_with("_tests.rs")
    }

    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|found| found == extension)
    }
}

/// Cuts `//` and what follows, unless it stands in a text such as a URL.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(found) = line[from..].find("//") {
        let at = from + found;
        if line[..at].matches('"').count().is_multiple_of(2) {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// What is wrong, one line each; a test asserts that nothing is.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn add(&mut self, path: &str, line: usize, what: &str) {
        self.0.push(format!("{path}:{line}: {what}"));
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(self.0.is_empty(), "\n{}\n", self.0.join("\n"));
    }
}

/// Returns the folder of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lie in the workspace")
}

/// Returns every text file under a folder of the workspace, in the order of their paths.
fn files(folder: &str) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.sort();
    paths.iter().filter_map(|path| read(path)).collect()
}

/// Returns every Rust file of the project.
fn rust_files() -> Vec<File> {
    let mut files = files("");
    files.retain(|file| file.has_extension("rs"));
    files
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("a folder of the project can be read");
        let is_foreign = FOREIGN.iter().any(|name| entry.file_name() == *name);
        let kind = entry.file_type().expect("an entry of a folder has a type");
        if kind.is_dir() && !is_foreign {
            collect(&entry.path(), paths);
        } else if kind.is_file() && entry.metadata().is_ok_and(|m| m.len() <= TEXT_BYTES_MAX) {
            paths.push(entry.path());
        }
    }
}

/// Returns nothing for a file that is not UTF-8: it is no text.
fn read(path: &Path) -> Option<File> {
    let text = fs::read_to_string(path).ok()?;
    let path = path.strip_prefix(root()).expect("it lies in the workspace");
    Some(File {
        path: path.display().to_string(),
        text,
    })
}

/// Whether `word` stands in `line`, not as a part of a longer name.
fn names(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let begins = !word.starts_with(is_name) || !line[..at].ends_with(is_name);
        let ends = !word.ends_with(is_name) || !line[at + word.len()..].starts_with(is_name);
        begins && ends
    })
}

#[test]
fn the_scanner_sees_words_code_and_tests() {
    assert!(names("use sqlx::Row;", "sqlx"));
    assert!(!names("use my_sqlx::Row;", "sqlx"));
    assert!(names("Reason::Found", "::Found"));
    assert!(!names("Reason::Foundling", "::Found"));
    assert_eq!(without_comment("let a = 1; // why"), "let a = 1; ");
    assert_eq!(without_comment("\"http://a\" // why"), "\"http://a\" ");

    let text = "fn a() {}\n#[cfg(test)]\nmod tests {}\n".to_owned();
    let file = File {
        path: "crates/a/src/a.rs".to_owned(),
        text,
    };
    assert_eq!(file.product_code().count(), 1);
    assert_eq!(
        file.test_code()
            .map(|(number, _)| number)
            .collect::<Vec<_>>(),
        [2, 3]
    );
}
