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

#[test]
fn keys_that_are_missing_do_not_hide_other_mistakes() {
    let text = "\
workers = 'many'
[server]
drain_seconds = 0
[server.tls]
cert_file = 5
[server.limits]
queue = -1
";

    let found = mistakes(text, &[]);

    let keys = [
        "server.drain_seconds",
        "server.limits.queue",
        "server.tls.cert_file",
        "server.tls.client_ca_file",
        "server.tls.key_file",
        "workers",
    ];
    let mut told: Vec<&str> = found
        .iter()
        .filter_map(|line| Some(line.split_once(": ")?.0))
        .collect();
    told.sort_unstable();
    assert_eq!(told, keys, "{found:#?}");
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Demanding {
    address: std::net::SocketAddr,
    ratio: f64,
    flag: bool,
    list: Vec<u8>,
    inner: Inner,
    limit: u8,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    name: String,
}

impl Validate for Demanding {
    fn validate(&self, violations: &mut Violations) {
        violations.add("limit", "something else", self.limit.to_string());
        violations.add("address", "something else", self.address.to_string());
    }
}

#[test]
fn a_missing_key_of_any_shape_is_told_once_and_the_rest_is_validated() {
    let mistakes = load_text::<Demanding>("test.toml", "limit = 7", []).unwrap_err();

    let mut told: Vec<&str> = mistakes
        .as_slice()
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    told.sort_unstable();
    let keys = [
        "address",
        "flag",
        "inner",
        "inner.name",
        "limit",
        "list",
        "ratio",
    ];
    assert_eq!(told, keys, "{mistakes}");
}

#[test]
fn what_a_client_needs_has_limits() {
    let validate = |options: tenure_rpc::ClientOptions| {
        let mut violations = Violations::new();
        options.validate(&mut violations);
        let found = violations.into_result().err().unwrap_or_default();
        found.into_iter().map(|one| one.field).collect::<Vec<_>>()
    };
    let wrong = tenure_rpc::ClientOptions {
        deadline_ms: Some(0),
        connect_timeout_ms: 0,
        cert_file: Some("client.crt".into()),
        ..Default::default()
    };

    assert!(validate(tenure_rpc::ClientOptions::default()).is_empty());
    assert_eq!(
        validate(wrong),
        ["connect_timeout_ms", "deadline_ms", "key_file"]
    );
}
