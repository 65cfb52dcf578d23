//! What is wrong with a configuration: which key, what was wanted, what was found, where it stands.

use std::fmt;
use std::path::Path;

use tenure_core::Violation;

use super::layer::Layers;
use super::mask::{is_secret, mask_url};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The key, as a path: `server.listen`.
    pub key: String,
    /// What is allowed.
    pub wanted: String,
    /// What was there, without secrets.
    pub found: String,
    /// Where it was: `prod.toml line 3`, `TENURE_SERVER__LISTEN`, or `the defaults`.
    pub origin: String,
}

impl Mistake {
    pub(crate) fn new(key: &str, wanted: &str, found: &str, layers: &Layers) -> Self {
        let last = key.rsplit('.').next().unwrap_or_default();
        let found = if is_secret(last) {
            "a value that is not shown".to_owned()
        } else {
            mask_url(found)
        };
        Self {
            key: key.to_owned(),
            wanted: wanted.to_owned(),
            found,
            origin: layers.origin(key),
        }
    }

    pub(crate) fn of(violation: &Violation, layers: &Layers) -> Self {
        Self::new(
            &violation.field,
            &violation.wanted,
            &violation.found,
            layers,
        )
    }

    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self {
            key: "(file)".to_owned(),
            wanted: "a file that can be read".to_owned(),
            found: error.to_string(),
            origin: path.display().to_string(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            wanted,
            found,
            origin,
        } = self;
        write!(f, "{key}: wanted {wanted}, found {found} ({origin})")
    }
}

/// All mistakes of a configuration, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub(crate) fn new(mistakes: Vec<Mistake>) -> Self {
        Self(mistakes)
    }

    pub(crate) fn one(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }

    /// Returns them, in the order of being found.
    #[must_use]
    pub fn as_slice(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "{count} mistake{} in the configuration",
            if count == 1 { "" } else { "s" }
        )?;
        self.0
            .iter()
            .try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Mistakes {}
