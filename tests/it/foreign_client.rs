//! Clients in another language, with nothing but reflection.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::process::Launch;

/// Where Python's packages for the client are installed, kept from run to run.
const TOOLS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../tools/foreign-client");

#[test]
fn every_block_of_the_page_about_spending_points_prints_what_the_page_says() {
    run_page("points.md");
}

#[test]
fn every_block_of_the_page_about_partners_prints_what_the_page_says() {
    run_page("partners.md");
}

#[test]
fn every_block_of_the_page_about_briefings_prints_what_the_page_says() {
    run_page("briefing.md");
}

#[test]
fn every_block_of_the_page_about_complaints_prints_what_the_page_says() {
    run_page("complaints.md");
}

/// Runs the blocks of a page against a server of its own.
fn run_page(name: &str) {
    let data = tempfile::tempdir().expect("a folder");
    let server = Launch::serve(&[], data.path()).start();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let page = docs.join(name);

    run(
        "run_page.py",
        &[
            page.to_str().expect("a plain path"),
            &server.grpc().to_string(),
        ],
    );
}

#[test]
fn a_foreign_client_with_reflection_only_takes_a_customer_through_the_lifecycle() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Launch::serve(&[], data.path()).start();

    // A fixed name for the run makes fixed ids, and these decide who is treated.
    run(
        "foreign_client.py",
        &[&server.grpc().to_string(), "foreign"],
    );
}

/// Runs a script to its good end.
fn run(script: &str, arguments: &[&str]) {
    let output = Command::new(python())
        .arg(folder().join(script))
        .args(arguments)
        .output()
        .expect("Python can be started");
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{complaint}");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

/// Returns a Python that has the packages in `requirements.txt`; tests that run side by side wait
/// for the one that installs them.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(install)
}

/// Installs the packages at the first run, and again when others are wanted.
fn install() -> PathBuf {
    let requirements = folder().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the packages are listed");
    let environment = Path::new(TOOLS);
    let installed = environment.join("requirements.txt");
    let python = environment.join("bin/python");
    if fs::read_to_string(&installed).unwrap_or_default() != wanted {
        succeed(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(environment),
        );
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ];
        succeed(Command::new(&python).args(pip).arg(&requirements));
        // Written last: what is here is complete.
        fs::write(&installed, wanted).expect("the environment is ours");
    }
    python
}

fn succeed(command: &mut Command) {
    let wanted = "this test needs python3 with venv (on Debian `apt-get install python3-venv`) and, \
                  at its first run, the packages in tests/python/requirements.txt";
    match command.output() {
        Err(error) => panic!("{wanted}: {command:?}: {error}"),
        Ok(output) if !output.status.success() => {
            panic!(
                "{wanted}: {command:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(_) => {}
    }
}
