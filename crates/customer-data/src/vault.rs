//! The master key of personal data, and what is made with it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use tenure_sql::{Db, SqlError, SqlErrorKind};
use tokio::sync::OnceCell;

use crate::PrivacyConfig;
use crate::domain::privacy::Identifier;
use crate::domain::seal::{KEY_BYTES, Place, SealKey};
use crate::store::vault as stored;

/// How much of a fingerprint or an index is kept: two values have the same one by chance once in 2^64.
const FINGERPRINT_BYTES: usize = 16;
/// Where the keys of customers stand.
const WRAPPED: &str = "customer_key.wrapped";

/// The keys, opened when they are first needed. Clones share them.
#[derive(Clone)]
pub(crate) struct Vault {
    file: String,
    secret: String,
    keys: Arc<OnceCell<Arc<Keys>>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// The keys that follow from the master key, one for each use.
pub(crate) struct Keys {
    fingerprint: hmac::Key,
    index: hmac::Key,
    answer: hmac::Key,
    /// What the keys of customers are sealed with.
    wrapping: SealKey,
    /// A generator in memory: asking the operating system for each value would cost more than sealing.
    random: Mutex<ChaCha20Rng>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// The key of a customer. Who has it reads everything personal of this customer, and of nobody else.
#[derive(Clone)]
pub(crate) struct CustomerKey {
    bytes: [u8; KEY_BYTES],
    key: SealKey,
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(..)")
    }
}

impl CustomerKey {
    fn of(bytes: [u8; KEY_BYTES]) -> Self {
        let key = SealKey::new(&bytes);
        Self { bytes, key }
    }

    /// Opens a value; nothing where it was not sealed with this key for this place.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        self.key.open(place, sealed)
    }
}

impl Vault {
    /// Creates a vault that has the master key of the settings.
    pub(crate) fn of(config: &PrivacyConfig) -> Self {
        Self {
            file: config.master_key_file.clone(),
            secret: config.master_key_secret.clone(),
            keys: Arc::default(),
        }
    }

    /// Returns the keys of a database. The first time this may write: never call it in a transaction.
    pub(crate) async fn keys(&self, db: &Db) -> Result<&Arc<Keys>, SqlError> {
        self.keys.get_or_try_init(|| self.open(db)).await
    }
}

impl Keys {
    fn of(master: &[u8; KEY_BYTES]) -> Self {
        let hmac = |use_for| hmac::Key::new(hmac::HMAC_SHA256, &derive(master, use_for));
        Self {
            fingerprint: hmac("fingerprint"),
            index: hmac("index"),
            answer: hmac("answer"),
            wrapping: SealKey::new(&derive(master, "wrapping")),
            random: Mutex::new(ChaCha20Rng::from_seed(entropy())),
        }
    }

    fn fill(&self, out: &mut [u8]) {
        // Whoever panicked while holding it left it as good as before.
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.fill_bytes(out);
    }

    /// Returns a new key for a customer.
    pub(crate) fn new_key(&self) -> CustomerKey {
        let mut bytes = [0; KEY_BYTES];
        self.fill(&mut bytes);
        CustomerKey::of(bytes)
    }

    /// Returns the key of a customer as it is stored.
    pub(crate) fn seal_key(&self, customer: &str, key: &CustomerKey) -> Vec<u8> {
        let place = Place {
            column: WRAPPED,
            customer,
        };
        let mut nonces = |out: &mut [u8]| self.fill(out);
        self.wrapping.seal(&mut nonces, place, &key.bytes)
    }

    /// Returns the key of a customer from how it is stored; nothing where it is not this customer's.
    pub(crate) fn open_key(&self, customer: &str, wrapped: &[u8]) -> Option<CustomerKey> {
        let place = Place {
            column: WRAPPED,
            customer,
        };
        let bytes = self.wrapping.open(place, wrapped)?;
        Some(CustomerKey::of(bytes.try_into().ok()?))
    }

    /// Appends a value sealed with the key of a customer.
    pub(crate) fn seal_behind(
        &self,
        out: &mut Vec<u8>,
        key: &CustomerKey,
        place: Place<'_>,
        value: &[u8],
    ) {
        let mut nonces = |out: &mut [u8]| self.fill(out);
        key.key.seal_behind(out, &mut nonces, place, value);
    }

    /// Returns by what a value is found that nobody reads without the key: the same for the same value
    /// of a kind.
    pub(crate) fn index(&self, kind: &str, value: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value);
        hex(&context.sign().as_ref()[..FINGERPRINT_BYTES])
    }

    /// Returns the key of an answer that names some customers: it follows from the keys of all of them,
    /// so that it is gone with each.
    pub(crate) fn answer_key<'k>(
        &self,
        customers: impl IntoIterator<Item = &'k CustomerKey>,
    ) -> CustomerKey {
        let mut context = hmac::Context::with_key(&self.answer);
        for customer in customers {
            context.update(&customer.bytes);
        }
        let tag = context.sign();
        let bytes = tag.as_ref().try_into();
        CustomerKey::of(bytes.expect("SHA-256 has 32 bytes"))
    }

    /// Returns the fingerprint by which a person is recognised, and which tells nobody without the
    /// key who it is.
    pub(crate) fn fingerprint(&self, identifier: &Identifier) -> String {
        let text = format!("{}\u{1f}{}", identifier.kind.as_str(), identifier.text);
        let tag = hmac::sign(&self.fingerprint, text.as_bytes());
        hex(&tag.as_ref()[..FINGERPRINT_BYTES])
    }
}

fn derive(master: &[u8; KEY_BYTES], use_for: &str) -> [u8; KEY_BYTES] {
    let master = hmac::Key::new(hmac::HMAC_SHA256, master);
    let label = format!("tenure customer-data {use_for} v1");
    let tag = hmac::sign(&master, label.as_bytes());
    tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl Vault {
    async fn open(&self, db: &Db) -> Result<Arc<Keys>, SqlError> {
        let master = self.master(db).await?;
        let check = hex(&derive(&master, "check")[..FINGERPRINT_BYTES]);
        if stored::agree(db, stored::CHECK, &check).await? == check {
            return Ok(Arc::new(Keys::of(&master)));
        }
        Err(refused(
            "it is not the one that this database was first used with",
        ))
    }

    async fn master(&self, db: &Db) -> Result<[u8; KEY_BYTES], SqlError> {
        if !self.secret.is_empty() {
            return parse(&self.secret);
        }
        if !self.file.is_empty() {
            let path = Path::new(&self.file);
            let text = std::fs::read_to_string(path);
            return parse(&text.map_err(|error| unreadable(path, &error))?);
        }
        match db.file() {
            Some(database) => parse(&beside(&database)?),
            None => {
                tracing::warn!("no master_key_file: the key of personal data lies in the database");
                let agreed = stored::agree(db, stored::KEY, &fresh()).await?;
                parse(&agreed)
            }
        }
    }
}

/// The master key cannot be had, or is another than before.
fn refused(why: impl fmt::Display) -> SqlError {
    let why = format!("the master key of personal data: {why}");
    SqlError::new(SqlErrorKind::Other, why)
}

/// Returns the key in the file beside a database, made when it is missing.
fn beside(database: &Path) -> Result<String, SqlError> {
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

fn unreadable(path: &Path, error: &io::Error) -> SqlError {
    refused(format_args!("file {}: {error}", path.display()))
}

fn entropy() -> [u8; KEY_BYTES] {
    let mut bytes = [0_u8; KEY_BYTES];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the operating system gives entropy");
    bytes
}

fn fresh() -> String {
    hex(&entropy())
}

fn parse(text: &str) -> Result<[u8; KEY_BYTES], SqlError> {
    parse_key(text).ok_or_else(|| refused("wanted 64 hexadecimal digits"))
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
    fn the_key_of_a_customer_is_nothing_for_another_customer_or_master_key() {
        let keys = Keys::of(&[1; KEY_BYTES]);
        let key = keys.new_key();
        let wrapped = keys.seal_key("ada", &key);

        assert_eq!(keys.open_key("ada", &wrapped).unwrap().bytes, key.bytes);
        assert!(keys.open_key("bob", &wrapped).is_none());
        assert!(
            Keys::of(&[2; KEY_BYTES])
                .open_key("ada", &wrapped)
                .is_none()
        );
        assert_ne!(keys.new_key().bytes, key.bytes);
    }

    #[test]
    fn an_index_depends_on_key_kind_and_value() {
        let (keys, others) = (Keys::of(&[1; KEY_BYTES]), Keys::of(&[2; KEY_BYTES]));
        let one = keys.index("msisdn", b"+999");

        assert_eq!(one.len(), 2 * FINGERPRINT_BYTES);
        assert_eq!(one, keys.index("msisdn", b"+999"));
        assert_ne!(one, others.index("msisdn", b"+999"));
        assert_ne!(one, keys.index("iccid", b"+999"));
        assert_ne!(one, keys.index("msisdn", b"+998"));
    }

    #[test]
    fn the_key_of_an_answer_follows_from_the_keys_of_all_whom_it_names() {
        let keys = Keys::of(&[1; KEY_BYTES]);
        let (ada, bob) = (keys.new_key(), keys.new_key());
        let both = keys.answer_key([&ada, &bob]);

        assert_eq!(both.bytes, keys.answer_key([&ada, &bob]).bytes);
        assert_ne!(both.bytes, keys.answer_key([&ada]).bytes);
        assert_ne!(both.bytes, keys.answer_key([]).bytes);
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
