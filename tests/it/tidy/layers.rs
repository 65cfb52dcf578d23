//! Which crate may depend on which, and that no dependency is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use toml::Table;

use super::{Complaints, File, files, names, root, rust_files};

/// Each owns its data and speaks to the others by their protos.
pub(super) const SERVICES: [&str; 4] = [
    "tenure-customer-data",
    "tenure-lifecycle-scoring",
    "tenure-campaign",
    "tenure-loyalty-points",
];
/// What a service stands on.
const BASE: [&str; 4] = ["tenure-core", "tenure-proto", "tenure-sql", "tenure-rpc"];

/// A member of the workspace.
pub(super) struct Member {
    pub(super) name: String,
    /// Relative to the workspace.
    pub(super) folder: String,
    manifest: Table,
}

impl Member {
    /// Names of the dependencies in a table of the manifest, such as `dev-dependencies`.
    fn dependencies(&self, table: &str) -> BTreeSet<String> {
        let entries = self.manifest.get(table).and_then(toml::Value::as_table);
        entries
            .map(|entries| entries.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn our_dependencies(&self, table: &str) -> BTreeSet<String> {
        let mut names = self.dependencies(table);
        names.retain(|name| name == "tenure" || name.starts_with("tenure-"));
        names
    }
}

fn workspace_manifest() -> Table {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    text.parse().expect("it is TOML")
}

pub(super) fn members() -> Vec<Member> {
    let is_manifest = |file: &File| file.path.ends_with("/Cargo.toml");
    files("")
        .into_iter()
        .filter(is_manifest)
        .map(|file| member(&file))
        .collect()
}

fn member(file: &File) -> Member {
    let manifest: Table = file.text.parse().expect("cargo has read it");
    let name = manifest["package"]["name"]
        .as_str()
        .expect("every package has one")
        .to_owned();
    let folder = file.path.trim_end_matches("/Cargo.toml").to_owned();
    Member {
        name,
        folder,
        manifest,
    }
}

/// Which of our crates a crate may use in its product code.
fn allowed(name: &str) -> Vec<&str> {
    match name {
        "tenure-core" | "tenure-proto" | "tenure-sqlite-log" | "xtask" => Vec::new(),
        "tenure-simulator" => vec!["tenure-core"],
        "tenure-sql" => vec!["tenure-core", "tenure-sqlite-log"],
        "tenure-rpc" => vec!["tenure-core", "tenure-proto"],
        "tenure-testkit" => BASE.to_vec(),
        "tenure" => [&BASE[..], &SERVICES, &["tenure-simulator"]].concat(),
        "tenure-tests" => vec!["tenure"],
        _ if SERVICES.contains(&name) => BASE.to_vec(),
        _ => panic!("{name} has no place yet: say in tidy/layers.rs what it may depend on"),
    }
}

#[test]
fn crates_depend_only_in_the_direction_that_architecture_says() {
    let mut complaints = Complaints::default();
    for member in members() {
        let allowed = allowed(&member.name);
        for table in ["dependencies", "build-dependencies"] {
            for used in member.our_dependencies(table) {
                if !allowed.contains(&used.as_str()) {
                    let manifest = format!("{}/Cargo.toml", member.folder);
                    complaints.add(&manifest, 1, &format!("must not depend on {used}"));
                }
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn tests_of_a_service_know_no_other_service() {
    let mut complaints = Complaints::default();
    for member in members()
        .iter()
        .filter(|member| member.name != "tenure-tests")
    {
        for used in member.our_dependencies("dev-dependencies") {
            let is_other = SERVICES.contains(&used.as_str()) && used != member.name;
            let is_program = used == "tenure";
            if member.name != "tenure" && (is_other || is_program) {
                let manifest = format!("{}/Cargo.toml", member.folder);
                complaints.add(
                    &manifest,
                    1,
                    &format!("must not depend on {used}, nor for tests"),
                );
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn every_crate_takes_lints_and_versions_from_the_workspace() {
    let mut complaints = Complaints::default();
    for member in members() {
        let path = format!("{}/Cargo.toml", member.folder);
        // It speaks C, and has the lints of the workspace but for that.
        let speaks_c = member.name == "tenure-sqlite-log";
        let lints = member
            .manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        if !speaks_c && lints.and_then(toml::Value::as_bool) != Some(true) {
            complaints.add(&path, 1, "wants `[lints] workspace = true`");
        }
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for name in member.dependencies(table) {
                let entry = member.manifest[table].get(&name);
                let shared = entry.and_then(|entry| entry.get("workspace")).is_some();
                if !shared {
                    complaints.add(&path, 1, &format!("wants `{name}.workspace = true`"));
                }
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn every_dependency_of_the_workspace_is_used_by_a_member() {
    let manifest = workspace_manifest();
    let declared = manifest["workspace"]["dependencies"]
        .as_table()
        .expect("a table");
    let tables = ["dependencies", "dev-dependencies", "build-dependencies"];
    let members = members();
    let used: BTreeSet<String> = members
        .iter()
        .flat_map(|member| tables.iter().flat_map(|table| member.dependencies(table)))
        .collect();

    let unused: Vec<&String> = declared
        .keys()
        .filter(|name| !used.contains(*name))
        .collect();

    assert!(unused.is_empty(), "Cargo.toml: no member uses {unused:?}");
}

#[test]
fn every_dependency_of_a_crate_is_named_in_its_code() {
    let sources = sources_by_folder();
    let mut complaints = Complaints::default();
    // What is generated from the protos names what it needs; no file of ours does.
    for member in members()
        .iter()
        .filter(|member| member.name != "tenure-proto")
    {
        let sources = sources
            .get(&member.folder)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for name in member.dependencies(table) {
                let word = name.replace('-', "_");
                if !sources
                    .iter()
                    .any(|file| file.code().any(|(_, line)| uses(line, &word)))
                {
                    let path = format!("{}/Cargo.toml", member.folder);
                    complaints.add(&path, 1, &format!("{name} of [{table}] is used nowhere"));
                }
            }
        }
    }
    complaints.assert_none();
}

/// Whether a line names a crate and not just something called alike.
fn uses(line: &str, crate_name: &str) -> bool {
    names(line, &format!("use {crate_name}")) || names(line, &format!("{crate_name}::"))
}

fn sources_by_folder() -> BTreeMap<String, Vec<File>> {
    let mut sources: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in rust_files() {
        let parts: Vec<&str> = file.path.split('/').collect();
        let depth = if parts[0] == "crates" { 2 } else { 1 };
        sources
            .entry(parts[..depth].join("/"))
            .or_default()
            .push(file);
    }
    sources
}
