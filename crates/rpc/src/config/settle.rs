//! Finds every value that does not fit, though a deserializer stops at the first one: the value is
//! noted and taken out, and the rest is tried again.

use serde::de::DeserializeOwned;
use toml::Value;

use super::layer::Layers;
use super::mistake::Mistake;

/// More mistakes than this are not looked for.
const MISTAKES_MAX: usize = 100;

/// Deserializes what fits and returns it with the mistakes in the rest. Nothing is returned for a
/// configuration that lacks a key without a default.
pub(crate) fn settle<T: DeserializeOwned>(layers: &mut Layers) -> (Option<T>, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    while mistakes.len() < MISTAKES_MAX {
        let value = Value::Table(layers.table.clone());
        let error = match serde_path_to_error::deserialize::<_, T>(value) {
            Ok(config) => return (Some(config), mistakes),
            Err(error) => error,
        };
        let key = error.path().to_string();
        if layers.take_as_text(&key) {
            continue;
        }
        let message = error.into_inner().message().to_owned();
        let (key, wanted, found) = explain(&key, &message, layers);
        mistakes.push(Mistake::new(&key, &wanted, &found, layers));
        if !layers.remove(&key) {
            break;
        }
    }
    (None, mistakes)
}

/// Splits serde's message into what was wanted and what was found.
fn explain(key: &str, message: &str, layers: &Layers) -> (String, String, String) {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let known = rest
            .split_once(", expected ")
            .map_or("nothing", |(_, known)| known);
        return (
            key.to_owned(),
            format!("a known key: {known}"),
            "an unknown key".to_owned(),
        );
    }
    if let Some(missing) = message.strip_prefix("missing field ") {
        let name = missing.trim_matches('`');
        let key = if key.is_empty() || key == "." {
            name.to_owned()
        } else {
            format!("{key}.{name}")
        };
        return (key, "a value".to_owned(), "nothing".to_owned());
    }
    let Some((found, wanted)) = message.split_once(", expected ") else {
        // A type with a syntax of its own, such as an address.
        let wanted = format!("a value that fits ({message})");
        return (key.to_owned(), wanted, layers.shown(key));
    };
    let found = ["invalid type: ", "invalid value: ", "unknown variant "]
        .iter()
        .find_map(|beginning| found.strip_prefix(beginning))
        .unwrap_or(found);
    (key.to_owned(), wanted.to_owned(), found.to_owned())
}
