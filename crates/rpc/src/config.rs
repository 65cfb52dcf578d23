//! Configuration from a file and the environment, with every mistake reported at once.
//!
//! A value comes from the defaults, then from the file (TOML), then from the environment:
//! `TENURE_SERVER__LISTEN` sets `server.listen`. What is read into is any `serde` struct with
//! `#[serde(deny_unknown_fields, default)]`.

mod layer;
mod mask;
mod mistake;
mod settle;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_core::Violations;

use layer::Layers;
pub use mistake::{Mistake, Mistakes};
use settle::Settled;

/// Variables with this beginning are configuration.
pub const PREFIX: &str = "TENURE_";

/// Variables that begin like configuration but belong to the tests or name the file itself.
const NOT_CONFIGURATION: [&str; 3] = ["TENURE_TEST_", "TENURE_CONFIG", "TENURE_SHARED"];

/// Something with limits that its type does not express.
pub trait Validate {
    /// Notes every value that is out of its limits.
    fn validate(&self, violations: &mut Violations);
}

/// Returns the environment of the process.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    // Values that are not UTF-8 cannot be configuration of ours.
    let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((key.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Reads the configuration from `file`, if there is one, and from the variables in `environment`.
///
/// # Errors
/// All mistakes: unknown keys, wrong types, values out of their limits, each with the line or the
/// variable it comes from.
pub fn load<T>(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, Mistakes>
where
    T: DeserializeOwned + Validate,
{
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Mistakes::one(Mistake::unreadable(path, &error)))?,
        None => String::new(),
    };
    let name = file
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    load_text(&name, &text, environment)
}

/// Reads the configuration from the text of a file called `name` and the variables in
/// `environment`.
///
/// # Errors
/// All mistakes, as [`load`].
pub fn load_text<T>(
    name: &str,
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, Mistakes>
where
    T: DeserializeOwned + Validate,
{
    let mut layers = Layers::read(name, text)?;
    layers.overlay(environment);
    let Settled {
        config,
        mut mistakes,
        missing,
    } = settle::settle::<T>(&mut layers);
    if let Some(config) = &config {
        let mut violations = Violations::new();
        config.validate(&mut violations);
        let found = violations.into_result().err().unwrap_or_default();
        mistakes.extend(
            found
                .iter()
                .filter(|violation| !missing.contains(&violation.field))
                .map(|violation| Mistake::of(violation, &layers)),
        );
    }
    match config {
        Some(config) if mistakes.is_empty() => Ok(config),
        _ => Err(Mistakes::new(mistakes)),
    }
}

/// Returns `config` as TOML, with secrets masked.
///
/// # Errors
/// When the configuration has a form that TOML does not know.
pub fn print(config: &impl Serialize) -> Result<String, toml::ser::Error> {
    let mut value = toml::Value::try_from(config)?;
    mask::mask(&mut value);
    toml::to_string_pretty(&value)
}
