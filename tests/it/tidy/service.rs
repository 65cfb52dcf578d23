//! The layers inside a service: api -> domain, store; store -> domain; domain -> core.

use super::{Complaints, File, names, root, rust_files};

/// The folders of the services.
const SERVICES: [&str; 4] = [
    "customer-data",
    "lifecycle-scoring",
    "campaign",
    "loyalty-points",
];

/// What a layer must not name, and why.
struct Ban {
    words: &'static [&'static str],
    why: &'static str,
}

const IN_DOMAIN: [Ban; 3] = [
    Ban {
        words: &[
            "tonic",
            "prost",
            "prost_types",
            "tenure_proto",
            "tenure_rpc",
        ],
        why: "rules do not know how they are called",
    },
    Ban {
        words: &["sqlx", "tenure_sql"],
        why: "rules do not know where things are kept",
    },
    Ban {
        words: &[
            "tokio",
            "std::fs",
            "std::net",
            "std::env",
            "SystemTime",
            "Instant::now",
            "SystemClock",
            "Clock",
            "Ids",
            "reqwest",
        ],
        why: "rules are pure: clock, chance, files and tasks stay outside",
    },
];

const IN_STORE: [Ban; 2] = [
    Ban {
        words: &["tonic", "tenure_rpc"],
        why: "the store does not know who calls it",
    },
    Ban {
        words: &["SystemClock"],
        why: "the store is given a clock, or the time",
    },
];

/// Files of one layer of the services, tests included.
fn layer(name: &str) -> Vec<File> {
    let is_of_layer = |path: &str| {
        SERVICES.iter().any(|service| {
            let source = format!("crates/{service}/src/{name}");
            path == format!("{source}.rs") || path.starts_with(&format!("{source}/"))
        })
    };
    rust_files()
        .into_iter()
        .filter(|file| is_of_layer(&file.path))
        .collect()
}

fn complain(files: &[File], bans: &[Ban]) -> Complaints {
    let mut complaints = Complaints::default();
    for file in files {
        for (number, line) in file.product_code() {
            for ban in bans {
                if let Some(word) = ban.words.iter().find(|word| names(line, word)) {
                    complaints.add(&file.path, number, &format!("`{word}`: {}", ban.why));
                }
            }
        }
    }
    complaints
}

#[test]
fn every_service_has_the_same_layers() {
    let mut complaints = Complaints::default();
    for service in SERVICES {
        for name in ["lib", "config", "error", "api", "domain", "store"] {
            let path = format!("crates/{service}/src/{name}.rs");
            if !root().join(&path).is_file() {
                complaints.add(&path, 1, "all four services have this file");
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn the_domain_is_pure() {
    complain(&layer("domain"), &IN_DOMAIN).assert_none();
}

#[test]
fn the_store_knows_no_transport_and_makes_no_clock() {
    complain(&layer("store"), &IN_STORE).assert_none();
}

#[test]
fn layers_point_downwards() {
    let downwards = [
        ("domain", &["crate::api", "crate::store", "crate::job"][..]),
        ("store", &["crate::api", "crate::job"]),
    ];
    let mut complaints = Complaints::default();
    for (name, above) in downwards {
        for file in layer(name) {
            for (number, line) in file.product_code() {
                if let Some(word) = above.iter().find(|word| names(line, word)) {
                    complaints.add(&file.path, number, &format!("{name} must not use {word}"));
                }
            }
        }
    }
    complaints.assert_none();
}
