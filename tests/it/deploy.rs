//! The files in `deploy/`: every setting that they name is one that the program knows.

use std::fs;
use std::path::Path;

use tenure::config::Config;
use tenure_rpc::config::{load_text, print};

type Settings = Vec<(String, String)>;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lie in the workspace");
    fs::read_to_string(root.join("deploy").join(path)).expect("it is there")
}

#[test]
fn the_example_configuration_states_the_defaults() {
    let text = read("tenure.example.toml");

    let example: Config = load_text("tenure.example.toml", &text, []).expect("it is valid");

    let (example, defaults) = (print(&example), print(&Config::default()));
    let (example, defaults) = (example.expect("it is TOML"), defaults.expect("it is TOML"));
    for (found, wanted) in example.lines().zip(defaults.lines()) {
        assert_eq!(
            found, wanted,
            "deploy/tenure.example.toml differs from the defaults here"
        );
    }
    assert_eq!(example.lines().count(), defaults.lines().count());
}

#[test]
fn the_settings_that_the_example_leaves_out_by_default_can_be_put_in() {
    let text = read("tenure.example.toml");
    // `#key = value` is a setting, `# Text.` is a comment.
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = text.lines().map(uncomment).collect();

    let loaded = load_text::<Config>("tenure.example.toml", &lines.join("\n"), []);

    if let Err(mistakes) = loaded {
        panic!("{mistakes}");
    }
    assert_ne!(
        lines.join("\n"),
        text.trim_end(),
        "some settings are left out by default"
    );
}

#[test]
fn containers_are_configured_with_settings_that_are_known() {
    let deployments = [
        vec!["compose.yaml"],
        vec![
            "kubernetes/configuration.yaml",
            "kubernetes/databases.example.yaml",
        ],
    ];
    for files in deployments {
        let settings: Settings = files
            .iter()
            .flat_map(|file| settings(&read(file)))
            .collect();
        assert!(settings.len() > 10, "{files:?} hold settings");

        let loaded = load_text::<Config>("", "", settings);

        if let Err(mistakes) = loaded {
            panic!("{files:?}: {mistakes}");
        }
    }
}

/// Reads lines such as `  TENURE_ADMIN__LISTEN: "0.0.0.0:7101"`.
fn settings(yaml: &str) -> Settings {
    let read = |line: &str| {
        let (key, value) = line.trim().split_once(": ")?;
        let value = value
            .trim_matches('"')
            .replace("${POSTGRES_PASSWORD:?}", "secret");
        key.starts_with("TENURE_").then(|| (key.to_owned(), value))
    };
    yaml.lines().filter_map(read).collect()
}
