//! Documents that stay true: links lead somewhere, names exist, nobody's machine is named.

use std::collections::BTreeSet;

use super::layers::members;
use super::{Complaints, File, files, root};

fn documents() -> Vec<File> {
    files("")
        .into_iter()
        .filter(|file| file.has_extension("md"))
        .collect()
}

#[test]
fn every_relative_link_leads_to_something() {
    let mut complaints = Complaints::default();
    for file in documents() {
        let folder = root().join(&file.path);
        let folder = folder.parent().expect("a file lies in a folder");
        for (number, line) in file.lines() {
            for link in links(line) {
                let path = link.split('#').next().unwrap_or_default();
                if !path.is_empty() && !folder.join(path).exists() {
                    complaints.add(&file.path, number, &format!("{link} leads nowhere"));
                }
            }
        }
    }
    complaints.assert_none();
}

/// Targets of `[text](target)` in this project.
fn links(line: &str) -> Vec<&str> {
    let targets = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

#[test]
fn documents_name_only_crates_and_folders_that_exist() {
    let packages: BTreeSet<String> = members().into_iter().map(|member| member.name).collect();
    // Folders that the program makes.
    let others = ["tenure-data", "tenure-demo"];
    let mut complaints = Complaints::default();
    for file in documents() {
        for (number, line) in file.lines() {
            for word in words(line) {
                let is_path = word.starts_with("crates/") || word.starts_with("proto/tenure/");
                if is_path && !root().join(word.trim_end_matches(['.', '/'])).exists() {
                    complaints.add(&file.path, number, &format!("there is no {word}"));
                }
            }
            for word in package_names(line) {
                if !packages.contains(word) && !others.contains(&word) {
                    complaints.add(&file.path, number, &format!("there is no crate {word}"));
                }
            }
        }
    }
    complaints.assert_none();
}

/// Words as they stand in paths.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || "-_./".contains(c)))
}

/// What `-p` and `--package` name, which must be a package.
fn package_names(line: &str) -> impl Iterator<Item = &str> {
    let names_package = |pair: &(&str, &str)| ["-p", "--package"].contains(&pair.0);
    let all: Vec<&str> = line.split([' ', '`']).collect();
    let pairs: Vec<(&str, &str)> = all.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs
        .into_iter()
        .filter(names_package)
        .map(|pair| pair.1)
        .filter(|name| name.starts_with("tenure"))
}

#[test]
fn no_line_names_a_folder_of_somebodys_machine() {
    // Put together here, so that this file does not find itself.
    let homes = [
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/Us", "ers/"],
        ["/tm", "p/t-"],
        ["/wo", "rk/"],
    ];
    let mut forbidden: Vec<String> = homes.iter().map(|parts| parts.concat()).collect();
    // Where this copy lies, unless that is as short as `/src`.
    let here = root().display().to_string();
    if here.matches('/').count() > 1 {
        forbidden.push(here);
    }
    let mut complaints = Complaints::default();
    for file in files("") {
        for (number, line) in file.lines() {
            if let Some(path) = forbidden.iter().find(|path| line.contains(path.as_str())) {
                complaints.add(
                    &file.path,
                    number,
                    &format!("names `{path}` of one machine"),
                );
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn continuous_integration_runs_the_test_command_of_the_readme() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("it is there");

    assert!(
        read("README.md").contains("cargo xtask test"),
        "README.md says how to test"
    );
    for command in ["cargo xtask test", "cargo xtask check"] {
        assert!(
            read(".ci/run").contains(command),
            ".ci/run calls `{command}`"
        );
    }
}

#[test]
fn links_of_this_project_are_told_from_others() {
    let line = "see [a](docs/a.md#b), [b](https://example.org) and [c](#here)";

    assert_eq!(links(line), ["docs/a.md#b", "#here"]);
}
