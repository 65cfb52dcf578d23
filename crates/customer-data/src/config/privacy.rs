//! The settings of privacy.

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tenure_rpc::Principal;
use tenure_rpc::config::Validate;

use super::RetentionConfig;
use crate::domain::privacy::IdentifierKind;
use crate::domain::{AttributeName, Right};
use crate::vault;

/// The settings of privacy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacyConfig {
    /// The file with the master key of personal data, 64 hexadecimal digits. Empty: on SQLite a file
    /// beside the database, made when it is first needed; on PostgreSQL the database itself keeps
    /// one, which is for developers only.
    pub master_key_file: String,
    /// The master key itself instead of a file. Empty: `master_key_file` counts.
    pub master_key_secret: String,
    /// The attribute that holds a customer's date of birth, by which, with the name, an erased person
    /// is recognised.
    pub birth_attribute: String,
    /// By what an erased person who is taken in again is refused: `customer_id`, `external_id`,
    /// `name_and_birth`, `name_and_number`.
    pub suppress_by: Vec<String>,
    /// How often running erasures go on, in seconds: 1 to 86400.
    pub erasure_interval_s: u64,
    /// The services beside this one whose receipts an erasure waits for: those that forget the customer
    /// when the feed tells them.
    pub erasure_services: Vec<String>,
    /// What callers may see who are not listed in `rights`: `full` or `masked`. Callers without a client
    /// certificate are not told apart, and are served on loopback addresses only.
    pub right_by_default: Right,
    /// What callers may see, by the name in their client certificates.
    pub rights: Vec<Grant>,
    /// Whether an answer waits until the record of who was shown it is `committed`, or until it is
    /// `queued` in memory.
    pub access_log: AccessLogMode,
    /// How many records may wait in memory; answers that would need more are refused: 2000 to 1000000.
    pub access_log_queue: usize,
    /// How long records may wait for others to be written with them, in milliseconds: 1 to 10000.
    pub access_log_flush_ms: u64,
    /// For how long each kind of fact is kept.
    pub retention: RetentionConfig,
    /// How often what is too old is deleted, in seconds: 60 to 604800, a week.
    pub retention_interval_s: u64,
}

/// What one caller may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The caller: the first URI, else the first DNS name, in the client certificate, or `sha256:` and
    /// its digest.
    pub principal: String,
    /// `full`, `masked`, or `system` for the platform's own services: everything, unrecorded.
    pub right: Right,
}

/// When an answer may leave that shows personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLogMode {
    /// When its record stands in a queue in memory: a crash loses the last moments' records.
    Queued,
    /// When its record is in the database.
    Committed,
}

/// All services of the platform that hold the key of a customer.
const ERASURE_SERVICES: [&str; 3] = ["campaign", "lifecycle-scoring", "loyalty-points"];

impl Default for PrivacyConfig {
    fn default() -> Self {
        let kinds = IdentifierKind::ALL.iter();
        Self {
            master_key_file: String::new(),
            master_key_secret: String::new(),
            birth_attribute: "birth_date".to_owned(),
            suppress_by: kinds.map(|it| it.as_str().to_ascii_lowercase()).collect(),
            erasure_interval_s: 10,
            erasure_services: ERASURE_SERVICES.map(str::to_owned).to_vec(),
            right_by_default: Right::Full,
            rights: Vec::new(),
            access_log: AccessLogMode::Queued,
            access_log_queue: 20_000,
            access_log_flush_ms: 100,
            retention: RetentionConfig::default(),
            retention_interval_s: 86_400,
        }
    }
}

impl PrivacyConfig {
    /// Returns true when a person who is recognised by this is refused.
    #[must_use]
    pub fn suppresses(&self, kind: IdentifierKind) -> bool {
        let mut listed = self.suppress_by.iter();
        listed.any(|name| name.eq_ignore_ascii_case(kind.as_str()))
    }

    /// Returns what a caller may see.
    #[must_use]
    pub fn right_of(&self, principal: &Principal) -> Right {
        let name = match principal {
            Principal::Service(_) => return Right::System,
            Principal::Anonymous => return self.right_by_default,
            Principal::Certificate(name) => &**name,
        };
        let listed = self.rights.iter().find(|it| it.principal == name);
        listed.map_or(self.right_by_default, |grant| grant.right)
    }

    fn validate_access(&self, violations: &mut Violations) {
        if self.right_by_default == Right::System {
            violations.add("right_by_default", "full or masked", "system");
        }
        for (at, grant) in self.rights.iter().enumerate() {
            let field = format!("rights[{at}].principal");
            if !(1..=PRINCIPAL_LENGTH_MAX).contains(&grant.principal.len()) {
                let wanted = format!("1 to {PRINCIPAL_LENGTH_MAX} bytes");
                violations.add(&field, wanted, format!("{} bytes", grant.principal.len()));
            }
            let others = &self.rights[..at];
            if others.iter().any(|it| it.principal == grant.principal) {
                violations.add(&field, "each caller once", grant.principal.clone());
            }
        }
        if !(2_000..=1_000_000).contains(&self.access_log_queue) {
            let found = self.access_log_queue.to_string();
            violations.add("access_log_queue", "2000 to 1000000", found);
        }
        if !(1..=10_000).contains(&self.access_log_flush_ms) {
            let found = self.access_log_flush_ms.to_string();
            violations.add("access_log_flush_ms", "1 to 10000", found);
        }
        if !(60..=604_800).contains(&self.retention_interval_s) {
            let found = self.retention_interval_s.to_string();
            violations.add("retention_interval_s", "60 to 604800", found);
        }
    }
}

/// The longest name of a caller, in bytes: a URI in a certificate may have 2,048, ours are shorter.
const PRINCIPAL_LENGTH_MAX: usize = 500;

impl Validate for PrivacyConfig {
    fn validate(&self, violations: &mut Violations) {
        let secret = &self.master_key_secret;
        if !secret.is_empty() && vault::parse_key(secret).is_none() {
            violations.add("master_key_secret", "64 hexadecimal digits", "another text");
        }
        if AttributeName::parse(&self.birth_attribute).is_err() {
            let wanted = "the name of an attribute";
            violations.add("birth_attribute", wanted, self.birth_attribute.clone());
        }
        for (at, name) in self.suppress_by.iter().enumerate() {
            let mut kinds = IdentifierKind::ALL.iter();
            if !kinds.any(|kind| name.eq_ignore_ascii_case(kind.as_str())) {
                let wanted = "customer_id, external_id, name_and_birth or name_and_number";
                violations.add(&format!("suppress_by[{at}]"), wanted, name.clone());
            }
        }
        if !(1..=86_400).contains(&self.erasure_interval_s) {
            let found = self.erasure_interval_s.to_string();
            violations.add("erasure_interval_s", "1 to 86400", found);
        }
        self.validate_access(violations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_every_limit_is_named() {
        let wrong = |config: PrivacyConfig| {
            let mut violations = Violations::new();
            config.validate(&mut violations);
            violations.into_result().err().unwrap_or_default().len()
        };

        assert_eq!(wrong(PrivacyConfig::default()), 0);
        let out_of_limits = PrivacyConfig {
            master_key_file: String::new(),
            master_key_secret: "12".into(),
            birth_attribute: "Birth".into(),
            suppress_by: vec!["name".into()],
            erasure_interval_s: 0,
            right_by_default: Right::System,
            rights: vec![
                grant("", Right::Full),
                grant("a", Right::Full),
                grant("a", Right::Masked),
            ],
            access_log_queue: 1,
            access_log_flush_ms: 0,
            retention_interval_s: 59,
            ..PrivacyConfig::default()
        };
        assert_eq!(wrong(out_of_limits), 10);
    }

    #[test]
    fn a_caller_has_its_own_right_or_that_of_all_others() {
        let config = PrivacyConfig {
            right_by_default: Right::Masked,
            rights: vec![grant("spiffe://op/crm", Right::Full)],
            ..PrivacyConfig::default()
        };
        let certificate = |name: &str| Principal::Certificate(name.into());

        assert_eq!(
            config.right_of(&certificate("spiffe://op/crm")),
            Right::Full
        );
        assert_eq!(
            config.right_of(&certificate("spiffe://op/web")),
            Right::Masked
        );
        // A name counts only where it has been proven.
        assert_eq!(config.right_of(&Principal::Anonymous), Right::Masked);
        assert_eq!(
            config.right_of(&Principal::Service("tenure")),
            Right::System
        );
    }

    fn grant(principal: &str, right: Right) -> Grant {
        let principal = principal.to_owned();
        Grant { principal, right }
    }
}
