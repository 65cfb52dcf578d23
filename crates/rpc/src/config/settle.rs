//! Finds every value that does not fit, though a deserializer stops at the first one: the value is
//! noted and taken out, and the rest is tried again. A key that is missing gets a stand-in, so that
//! it does not hide what else is wrong.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::Value;

use super::layer::Layers;
use super::mistake::Mistake;

/// How serde begins to say that a key is not there.
const MISSING: &str = "missing field ";

/// More mistakes than this are not looked for.
const MISTAKES_MAX: usize = 100;

/// What could be made of a configuration.
pub(crate) struct Settled<T> {
    /// What fits, with stand-ins for missing keys; nothing when no stand-in fits.
    pub(crate) config: Option<T>,
    pub(crate) mistakes: Vec<Mistake>,
    /// Keys that have a stand-in: what is said about their values means nothing.
    pub(crate) missing: Vec<String>,
}

/// Values of every shape, to find one that a missing key accepts.
fn stand_ins() -> Vec<Value> {
    vec![
        Value::Table(toml::Table::new()),
        Value::Array(Vec::new()),
        Value::Boolean(false),
        Value::Integer(1),
        Value::String("127.0.0.1:0".to_owned()),
        // The last one taken is tried first.
        Value::String(String::new()),
    ]
}

/// Deserializes what fits and returns it with the mistakes in the rest.
pub(crate) fn settle<T: DeserializeOwned>(layers: &mut Layers) -> Settled<T> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    let mut left_to_try: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let settled = |config, mistakes, left: BTreeMap<String, Vec<Value>>| Settled {
        config,
        mistakes,
        missing: left.into_keys().collect(),
    };
    while mistakes.len() < MISTAKES_MAX {
        let value = Value::Table(layers.table.clone());
        let error = match serde_path_to_error::deserialize::<_, T>(value) {
            Ok(config) => return settled(Some(config), mistakes, left_to_try),
            Err(error) => error,
        };
        let key = error.path().to_string();
        if layers.take_as_text(&key) {
            continue;
        }
        let message = error.into_inner().message().to_owned();
        let is_missing = message.starts_with(MISSING);
        if let Some(values) = left_to_try.get_mut(&key)
            && !is_missing
        {
            // The stand-in did not fit.
            if values.pop().is_some_and(|value| layers.put(&key, value)) {
                continue;
            }
            break;
        }
        let (key, wanted, found) = explain(&key, &message, layers);
        // What was taken out because it does not fit is missing now, but was told already.
        if !mistakes.iter().any(|mistake| mistake.key == key) {
            mistakes.push(Mistake::new(&key, &wanted, &found, layers));
        }
        let mut values = stand_ins();
        if is_missing
            && let Some(value) = values.pop()
            && layers.put(&key, value)
        {
            left_to_try.insert(key, values);
        } else if !layers.remove(&key) {
            break;
        }
    }
    settled(None, mistakes, left_to_try)
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
    if let Some(missing) = message.strip_prefix(MISSING) {
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
