//! The settings of the bus.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tenure_rpc::config::Validate;

/// JetStream remembers the ids of messages for this long at most.
const DEDUPE_WINDOW_S_MAX: u64 = 86_400;

/// NATS JetStream as the bus to other systems. Off without a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusConfig {
    /// The server: `nats://[user:password@]host:4222`, or `tls://`. Empty: no bus.
    pub url: String,
    /// Who signs the server's certificate, in PEM, beside those whom the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Whether the feed is published.
    pub publish: bool,
    /// The stream that it is published to; it is created when it is not there.
    pub publish_stream: String,
    /// The subject is this, a full stop, and the kind of the fact.
    pub publish_subject: String,
    /// For how long the bus remembers what it has, in seconds, when the stream is created: a message
    /// that is sent again within that time is there once. 1 to 86400.
    pub dedupe_window_s: u64,
    /// Whether events are taken in.
    pub consume: bool,
    /// The stream that they come from; it is created when it is not there.
    pub consume_stream: String,
    /// The subject of the events, wildcards included.
    pub consume_subject: String,
    /// The durable consumer: replicas share it.
    pub consume_name: String,
    /// The stream of events that cannot be taken in; it is created when it is not there.
    pub dead_letter_stream: String,
    /// The subject of these.
    pub dead_letter_subject: String,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca_file: None,
            publish: true,
            publish_stream: "TENURE_CUSTOMER".to_owned(),
            publish_subject: "tenure.customer".to_owned(),
            dedupe_window_s: 600,
            consume: false,
            consume_stream: "TENURE_CUSTOMER_IN".to_owned(),
            consume_subject: "tenure.in.customer.>".to_owned(),
            consume_name: "customer-data".to_owned(),
            dead_letter_stream: "TENURE_CUSTOMER_DEAD".to_owned(),
            dead_letter_subject: "tenure.dead.customer".to_owned(),
        }
    }
}

impl Validate for BusConfig {
    fn validate(&self, violations: &mut Violations) {
        let schemes = ["nats://", "tls://"];
        if !self.url.is_empty() && !schemes.iter().any(|it| self.url.starts_with(it)) {
            // What is there instead may hold a password, so it is not told.
            violations.add("url", "nothing, or a URL with nats:// or tls://", "another");
        }
        let names = [
            ("publish_stream", &self.publish_stream),
            ("consume_stream", &self.consume_stream),
            ("consume_name", &self.consume_name),
            ("dead_letter_stream", &self.dead_letter_stream),
        ];
        for (key, name) in names {
            let is_fit = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
            if name.is_empty() || name.len() > 64 || !name.chars().all(is_fit) {
                violations.add(key, "1 to 64 letters, digits, _ and -", name.clone());
            }
        }
        let subjects = [
            ("publish_subject", &self.publish_subject, ""),
            ("consume_subject", &self.consume_subject, "*>"),
            ("dead_letter_subject", &self.dead_letter_subject, ""),
        ];
        for (key, subject, wildcards) in subjects {
            let is_fit =
                |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || wildcards.contains(c);
            if subject.is_empty() || subject.len() > 128 || !subject.chars().all(is_fit) {
                violations.add(key, "a subject of NATS", subject.clone());
            }
        }
        if !(1..=DEDUPE_WINDOW_S_MAX).contains(&self.dedupe_window_s) {
            let found = self.dedupe_window_s.to_string();
            violations.add("dedupe_window_s", "1 to 86400", found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_limit_is_named() {
        let wrong = |config: BusConfig| {
            let mut violations = Violations::new();
            config.validate(&mut violations);
            let found = violations.into_result().err().unwrap_or_default();
            found.into_iter().map(|it| it.field).collect::<Vec<_>>()
        };
        assert!(wrong(BusConfig::default()).is_empty());
        let bad = || "a b".to_owned();
        let all = BusConfig {
            url: "http://ada:secret@host".to_owned(),
            publish_stream: "a.b".to_owned(),
            publish_subject: "tenure.>".to_owned(),
            dedupe_window_s: 0,
            consume_stream: bad(),
            consume_subject: bad(),
            consume_name: String::new(),
            dead_letter_stream: bad(),
            dead_letter_subject: bad(),
            ..BusConfig::default()
        };
        assert_eq!(wrong(all).len(), 9);
    }
}
