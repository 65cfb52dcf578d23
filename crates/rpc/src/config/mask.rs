//! Secrets, hidden before anything is shown.

use toml::Value;

const MASK: &str = "***";

/// Hides the values of secret keys and the passwords in URLs.
pub(crate) fn mask(value: &mut Value) {
    match value {
        Value::Table(table) => {
            for (key, value) in table.iter_mut() {
                if is_secret(key) && !value.is_table() {
                    *value = Value::String(MASK.to_owned());
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::String(text) => *text = mask_url(text),
        _ => {}
    }
}

/// Returns true for keys whose values are secret; `..._file` names a file and may be shown.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "secret", "token", "api_key"]
        .iter()
        .any(|end| key.ends_with(end))
}

/// Returns a URL without its password: `postgres://ada:***@host/db`.
pub(crate) fn mask_url(text: &str) -> String {
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, _) = rest.split_once(['/', '?', '#']).unwrap_or((rest, ""));
        let (user_info, _) = authority.rsplit_once('@')?;
        let (user, _) = user_info.split_once(':')?;
        Some(format!(
            "{scheme}://{user}:{MASK}{}",
            &rest[user_info.len()..]
        ))
    };
    hidden().unwrap_or_else(|| text.to_owned())
}
