//! Real customers: two public churn data sets come in by their mapping files alone, and the model
//! trained on them is as good as published tools are (out of fold, on given folds).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tenure::clients::Clients;
use tenure_proto::scoring::v1::{GetFunnelRequest, GetModelRequest, ModelMetrics};
use tenure_testkit::shared_data;

use crate::process::Launch;
use crate::topology::transport;

/// A data set, and how its rows are called.
struct DataSet {
    file: &'static str,
    folds: &'static str,
    mapping: &'static str,
    customers: i64,
    /// Returns the id that the mapping gives to a row (from 0) whose first cell is given.
    id: fn(usize, &str) -> String,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_telco_customers_of_ibm_are_scored_as_well_as_by_data_science_tools() {
    let telco = DataSet {
        file: "data/telco_ibm/telco.csv",
        folds: "data/folds/telco.csv",
        mapping: "telco_ibm.toml",
        customers: 7_043,
        id: |_, first| first.to_owned(),
    };
    let Some(metrics) = quality(&telco).await else {
        return;
    };
    assert_at_least(&metrics, 0.848, 0.414, 0.012);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_3333_customers_of_mlc_are_scored_as_well_as_by_data_science_tools() {
    let churn = DataSet {
        file: "data/churn_3333/churn_3333.csv",
        folds: "data/folds/churn3333.csv",
        mapping: "churn_3333.toml",
        customers: 3_333,
        id: |row, _| format!("T{}", row + 1),
    };
    let Some(metrics) = quality(&churn).await else {
        return;
    };
    assert_at_least(&metrics, 0.915, 0.165, 0.015);
}

fn assert_at_least(metrics: &ModelMetrics, auc: f64, log_loss: f64, calibration_error: f64) {
    assert!(metrics.auc >= auc, "{metrics:?}");
    assert!(metrics.log_loss <= log_loss, "{metrics:?}");
    assert!(
        metrics.calibration_error <= calibration_error,
        "{metrics:?}"
    );
}

/// Imports, trains and scores by the commands that a user types; nothing when the data is absent.
async fn quality(set: &DataSet) -> Option<ModelMetrics> {
    let (file, folds) = (shared_data(set.file)?, shared_data(set.folds)?);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mapping = workspace().join("deploy/mappings").join(set.mapping);
    let rejects = folder.path().join("rejects.csv");
    let assigned = folder.path().join("folds.csv");
    std::fs::write(&assigned, assignments(set, &file, &folds)).expect("a writable folder");

    tenure(
        &data,
        &[
            "import",
            text(&file),
            "--mapping",
            text(&mapping),
            "--rejects",
            text(&rejects),
        ],
    );
    let horizon = ["--as-of", "2024-10-01", "--horizon-days", "31"];
    tenure(
        &data,
        &[&["train"], &horizon[..], &["--folds", text(&assigned)]].concat(),
    );
    tenure(&data, &["score", "--all", "--at", "2024-10-01"]);

    let process = Launch::serve(&[], &data).start();
    let mut client = Clients::of_one(&transport(&process)).scoring;
    let rows = client
        .get_funnel(GetFunnelRequest {})
        .await
        .unwrap()
        .into_inner()
        .rows;
    assert_eq!(
        rows.iter().map(|row| row.customer_count).sum::<i64>(),
        set.customers
    );
    let model = client
        .get_model(GetModelRequest::default())
        .await
        .unwrap()
        .into_inner()
        .model;
    let metrics = model
        .expect("a model was trained")
        .metrics
        .expect("it was measured");
    eprintln!("{}: {metrics:?}", set.file);
    Some(metrics)
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

/// Joins the rows of a data set with their folds: `customer_id,fold`.
fn assignments(set: &DataSet, file: &Path, folds: &Path) -> String {
    let rows = std::fs::read_to_string(file).expect("a readable file");
    let folds = std::fs::read_to_string(folds).expect("a readable file");
    let mut csv = String::from("customer_id,fold\n");
    for (row, (line, fold)) in rows.lines().skip(1).zip(folds.lines().skip(1)).enumerate() {
        let first = line.split(',').next().expect("a first cell");
        // row, y, fold, fold_row
        let fold = fold.split(',').nth(2).expect("a fold");
        writeln!(csv, "{},{fold}", (set.id)(row, first)).expect("text grows");
    }
    csv
}

/// Runs a command to its end.
fn tenure(data: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_tenure-tests"))
        .args(arguments)
        .arg("--data-dir")
        .arg(data)
        .output()
        .expect("the program can be started");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{out}\n{err}",
        output.status
    );
}
