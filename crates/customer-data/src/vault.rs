//! The master key of personal data, and what is made with it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::OnceCell;

use crate::domain::privacy::Identifier;
use crate::store::vault as stored;
use crate::{Deps, Error};

/// The size of the master key, in bytes.
const KEY_BYTES: usize = 32;
/// How much of a fingerprint is kept: two people have the same one by chance once in 2^64 customers.
const FINGERPRINT_BYTES: usize = 16;

/// The keys, opened when they are first needed. Clones share them.
#[derive(Clone, Default)]
pub struct Vault(Arc<OnceCell<Keys>>);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// The keys that follow from the master key, one for each use.
pub(crate) struct Keys {
    fingerprint: hmac::Key,
}

impl Vault {
    /// Returns the keys of the service.
    pub(crate) async fn keys<'a>(&'a self, deps: &Deps) -> Result<&'a Keys, Error> {
        self.0.get_or_try_init(|| open(deps)).await
    }
}

impl Keys {
    fn of(master: &[u8; KEY_BYTES]) -> Self {
        Self {
            fingerprint: hmac::Key::new(hmac::HMAC_SHA256, &derive(master, "fingerprint")),
        }
    }

    /// Returns the fingerprint by which a person is recognised, and which tells nobody without the
    /// key who it is.
    pub(crate) fn fingerprint(&self, identifier: &Identifier) -> String {
        let text = format!("{}\u{1f}{}", identifier.kind.as_str(), identifier.text);
        let tag = hmac::sign(&self.fingerprint, text.as_bytes());
        hex(&tag.as_ref()[..FINGERPRINT_BYTES])
    }
}

fn derive(master: &[u8; KEY_BYTES], use_for: &str) -> Vec<u8> {
    let master = hmac::Key::new(hmac::HMAC_SHA256, master);
    let label = format!("tenure customer-data {use_for} v1");
    hmac::sign(&master, label.as_bytes()).as_ref().to_vec()
}

async fn open(deps: &Deps) -> Result<Keys, Error> {
    let master = master(deps).await?;
    let check = hex(&derive(&master, "check")[..FINGERPRINT_BYTES]);
    if stored::agree(&deps.db, stored::CHECK, &check).await? == check {
        return Ok(Keys::of(&master));
    }
    let why = "it is not the one that this database was first used with";
    Err(Error::MasterKey(why.to_owned()))
}

async fn master(deps: &Deps) -> Result<[u8; KEY_BYTES], Error> {
    let config = &deps.config.privacy;
    if !config.master_key_secret.is_empty() {
        return parse(&config.master_key_secret);
    }
    if !config.master_key_file.is_empty() {
        let path = Path::new(&config.master_key_file);
        let text = std::fs::read_to_string(path);
        return parse(&text.map_err(|error| unreadable(path, &error))?);
    }
    match deps.db.file() {
        Some(database) => parse(&beside(&database)?),
        None => {
            tracing::warn!("no master_key_file: the key of personal data lies in the database");
            let agreed = stored::agree(&deps.db, stored::KEY, &fresh()).await?;
            parse(&agreed)
        }
    }
}

/// Returns the key in the file beside a database, made when it is missing.
fn beside(database: &Path) -> Result<String, Error> {
    let path = PathBuf::from(format!("{}.key", database.display()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(mut file) => {
            let key = fresh();
            let written = writeln!(file, "{key}").and_then(|()| file.sync_all());
            written.map_err(|error| unreadable(&path, &error))?;
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(&path);
            text.map_err(|error| unreadable(&path, &error))
        }
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::MasterKey(format!("file {}: {error}", path.display()))
}

fn fresh() -> String {
    let mut bytes = [0_u8; KEY_BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the operating system gives entropy");
    hex(&bytes)
}

fn parse(text: &str) -> Result<[u8; KEY_BYTES], Error> {
    let wanted = || Error::MasterKey("wanted 64 hexadecimal digits".to_owned());
    parse_key(text).ok_or_else(wanted)
}

/// Reads a master key: 64 hexadecimal digits.
pub(crate) fn parse_key(text: &str) -> Option<[u8; KEY_BYTES]> {
    let text = text.trim();
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::privacy::IdentifierKind;

    fn print(master: u8, kind: IdentifierKind, text: &str) -> String {
        let text = text.to_owned();
        Keys::of(&[master; KEY_BYTES]).fingerprint(&Identifier { kind, text })
    }

    #[test]
    fn a_fingerprint_depends_on_key_kind_and_text() {
        let kind = IdentifierKind::ExternalId;
        let one = print(1, kind, "a");

        assert_eq!(one.len(), 2 * FINGERPRINT_BYTES);
        assert_eq!(one, print(1, kind, "a"));
        assert_ne!(one, print(2, kind, "a"));
        assert_ne!(one, print(1, IdentifierKind::CustomerId, "a"));
        assert_ne!(one, print(1, kind, "b"));
    }

    #[test]
    fn a_key_is_sixty_four_hexadecimal_digits() {
        assert_eq!(parse_key(&"0f".repeat(32)), Some([15; KEY_BYTES]));
        assert_eq!(
            parse_key(&format!("{}\n", "FF".repeat(32))),
            Some([255; KEY_BYTES])
        );
        for text in ["", "00", &"0g".repeat(32), &"0".repeat(65), &"é".repeat(32)] {
            assert_eq!(parse_key(text), None);
        }
    }
}
