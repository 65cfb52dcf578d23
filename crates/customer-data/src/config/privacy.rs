//! The settings of privacy.

use serde::{Deserialize, Serialize};
use tenure_core::Violations;
use tenure_rpc::config::Validate;

use crate::domain::AttributeName;
use crate::domain::privacy::IdentifierKind;
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
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        let kinds = IdentifierKind::ALL.iter();
        Self {
            master_key_file: String::new(),
            master_key_secret: String::new(),
            birth_attribute: "birth_date".to_owned(),
            suppress_by: kinds.map(|it| it.as_str().to_ascii_lowercase()).collect(),
            erasure_interval_s: 10,
            erasure_services: vec!["lifecycle-scoring".to_owned()],
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
}

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
            erasure_services: Vec::new(),
        };
        assert_eq!(wrong(out_of_limits), 4);
    }
}
