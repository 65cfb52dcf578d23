//! Configuration: layers, and every mistake at once.

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tenure_rpc::ServerConfig;
use tenure_rpc::config::{Mistakes, Validate, load_text, print};
use tenure_rpc::telemetry::TelemetryConfig;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    database: String,
    replicas: Vec<String>,
    workers: u8,
    server: ServerConfig,
    telemetry: TelemetryConfig,
    api_password: Option<String>,
}

impl Validate for Config {
    fn validate(&self, violations: &mut Violations) {
        violations.within("server.", |violations| self.server.validate(violations));
        violations.within("telemetry.", |violations| {
            self.telemetry.validate(violations);
        });
    }
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    load_text("test.toml", text, environment.iter().map(own))
}

fn mistakes(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let mistakes = load(text, environment).unwrap_err();
    mistakes
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_environment_is_above_the_file_and_the_file_above_the_defaults() {
    let text = "
        workers = 3
        database = 'from the file'
        [server]
        listen = '127.0.0.1:7777'
        [server.limits]
        queue = 7";
    let environment = [
        ("TENURE_DATABASE", "postgres://somewhere/else"),
        ("TENURE_SERVER__LIMITS__QUEUE", "9"),
        ("TENURE_TEST_POSTGRES", "of the tests, not ours"),
        ("HOME", "/root"),
    ];

    let config = load(text, &environment).unwrap();

    assert_eq!(
        (config.workers, config.database.as_str()),
        (3, "postgres://somewhere/else")
    );
    assert_eq!(config.server.listen.port(), 7777);
    assert_eq!(config.server.limits.queue, 9);
    assert_eq!(
        config.server.drain_seconds,
        ServerConfig::default().drain_seconds
    );
}

#[test]
fn a_variable_that_looks_like_a_number_may_be_text() {
    let config = load(
        "",
        &[("TENURE_DATABASE", "12"), ("TENURE_REPLICAS", "['a', 'b']")],
    )
    .unwrap();

    assert_eq!(config.database, "12");
    assert_eq!(config.replicas, ["a", "b"]);
}

#[test]
fn every_mistake_is_told_at_once_with_the_place_it_comes_from() {
    let text = "\
workers = 'many'
databse = 'x'
[server]
drain_seconds = 0
[server.limits]
queue = -1
[telemetry]
format = 'yaml'
";

    let found = mistakes(
        text,
        &[
            ("TENURE_SERVER__LISTEN", "nowhere"),
            ("TENURE_NO__SUCH", "1"),
        ],
    );

    let expected = [
        (
            "workers: wanted u8, found string \"many\"",
            "test.toml line 1",
        ),
        ("databse: wanted a known key: ", "test.toml line 2"),
        (
            "server.drain_seconds: wanted 1 to 600, found 0",
            "test.toml line 4",
        ),
        (
            "server.limits.queue: wanted usize, found integer `-1`",
            "test.toml line 6",
        ),
        (
            "telemetry.format: wanted `human` or `json`, found `yaml`",
            "test.toml line 8",
        ),
        (
            "server.listen: wanted a value that fits (invalid socket address syntax), found \"nowhere\"",
            "TENURE_SERVER__LISTEN",
        ),
        ("no: wanted a known key: ", "TENURE_NO__SUCH"),
    ];
    for (beginning, origin) in expected {
        let told = found
            .iter()
            .any(|line| line.starts_with(beginning) && line.ends_with(&format!("({origin})")));
        assert!(told, "{beginning} ({origin}) in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn a_file_that_is_not_toml_names_the_line() {
    let found = mistakes("workers = 1\nserver = {", &[]);

    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with("(test.toml line 2)"), "{found:?}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let missing = std::path::Path::new("no/such/file.toml");

    let mistakes = tenure_rpc::config::load::<Config>(Some(missing), []).unwrap_err();

    assert_eq!(mistakes.as_slice()[0].origin, "no/such/file.toml");
}

#[test]
fn secrets_are_neither_printed_nor_told() {
    let text = "database = 'postgres://ada:hunter2@db/tenure'\napi_password = 'hunter2'";

    let printed = print(&load(text, &[]).unwrap()).unwrap();
    let told = mistakes(
        "api_password = ['hunter2']\nworkers = 'http://ada:hunter2@x'",
        &[],
    );

    assert!(
        printed.contains("postgres://ada:***@db/tenure"),
        "{printed}"
    );
    assert!(printed.contains("api_password = \"***\""), "{printed}");
    assert!(
        !format!("{printed}{told:?}").contains("hunter2"),
        "{printed} {told:?}"
    );
}

#[test]
fn what_is_printed_is_what_would_be_read() {
    let config = load("workers = 4\n[server]\ndrain_seconds = 9", &[]).unwrap();

    let again = load(&print(&config).unwrap(), &[]).unwrap();

    assert_eq!(again, config);
}
