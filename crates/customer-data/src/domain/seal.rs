//! Values sealed with the key of a customer: without the key nobody reads them, and nobody changes or
//! moves them unseen.
//!
//! A sealed value is a version, a nonce, and what AES-256-GCM makes of the value. Customer and column
//! are authenticated with it, so that it opens nowhere else.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};

/// The size of a key, in bytes.
pub const KEY_BYTES: usize = 32;
/// What sealed values begin with.
pub const VERSION: u8 = 1;
/// How much longer a value is when it is sealed.
pub const FURTHER_BYTES: usize = 1 + NONCE_LEN + MAX_TAG_LEN;

/// Bytes that nobody can foresee, and that never come twice.
pub type Nonces<'r> = dyn FnMut(&mut [u8]) + 'r;

/// Where a value stands: it opens there alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The column, for example `customer.display_name`.
    pub column: &'a str,
    /// Whose it is.
    pub customer: &'a str,
}

impl Place<'_> {
    /// No column's name holds the byte between them.
    fn text(&self) -> String {
        format!("{}\0{}", self.column, self.customer)
    }
}

/// A key, ready for use.
#[derive(Clone)]
pub struct SealKey(LessSafeKey);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(..)")
    }
}

impl SealKey {
    /// Creates the key of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes);
        Self(LessSafeKey::new(key.expect("a key of its length")))
    }

    /// Seals a value for a place.
    #[must_use]
    pub fn seal(&self, nonces: &mut Nonces<'_>, place: Place<'_>, value: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(value.len() + FURTHER_BYTES);
        self.seal_behind(&mut sealed, nonces, place, value);
        sealed
    }

    /// The same, behind what stands in `out`.
    pub fn seal_behind(
        &self,
        out: &mut Vec<u8>,
        nonces: &mut Nonces<'_>,
        place: Place<'_>,
        value: &[u8],
    ) {
        let mut nonce = [0; NONCE_LEN];
        nonces(&mut nonce);
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(value);
        let aad = Aad::from(place.text());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, aad, &mut out[start..]);
        out.extend_from_slice(tag.expect("values are far below 64 GB").as_ref());
    }

    /// Opens what was sealed for the place; nothing where it was not, or not with this key.
    #[must_use]
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if *version != VERSION {
            return None;
        }
        let aad = Aad::from(place.text());
        let mut value = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, aad, &mut value).ok()?.len();
        value.truncate(length);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: Place<'_> = Place {
        column: "table.column",
        customer: "ada",
    };

    /// Numbers in order: what they are does not matter here.
    fn counter() -> impl FnMut(&mut [u8]) {
        let mut count = 0_u64;
        move |out: &mut [u8]| {
            count += 1;
            out[..8].copy_from_slice(&count.to_le_bytes());
        }
    }

    fn key(byte: u8) -> SealKey {
        SealKey::new(&[byte; KEY_BYTES])
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_at_its_place_with_its_key_alone(
            value in prop::collection::vec(any::<u8>(), 0..300),
            column in "[a-z_.]{1,40}",
            customer in "[!-~]{1,64}",
        ) {
            let place = Place { column: &column, customer: &customer };
            let sealed = key(1).seal(&mut counter(), place, &value);

            prop_assert_eq!(sealed.len(), value.len() + FURTHER_BYTES);
            prop_assert_eq!(key(1).open(place, &sealed), Some(value));
            prop_assert_eq!(key(2).open(place, &sealed), None);
            let elsewhere = format!("{column}x");
            let moved = Place { column: &elsewhere, ..place };
            prop_assert_eq!(key(1).open(moved, &sealed), None);
            let other = format!("{customer}x");
            let moved = Place { customer: &other, ..place };
            prop_assert_eq!(key(1).open(moved, &sealed), None);
        }

        #[test]
        fn a_flipped_bit_is_refused(
            value in prop::collection::vec(any::<u8>(), 0..60),
            bit in any::<prop::sample::Index>(),
        ) {
            let mut sealed = key(1).seal(&mut counter(), HERE, &value);
            let bit = bit.index(sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key(1).open(HERE, &sealed), None);
        }

        #[test]
        fn what_nobody_sealed_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(key(1).open(HERE, &bytes), None);
        }
    }

    #[test]
    fn a_value_is_never_sealed_the_same_way_twice() {
        let mut nonces = counter();
        let key = key(1);
        let first = key.seal(&mut nonces, HERE, b"Ada");
        assert_ne!(first, key.seal(&mut nonces, HERE, b"Ada"));
    }

    #[test]
    fn a_cut_value_is_refused() {
        let sealed = key(1).seal(&mut counter(), HERE, b"Ada");
        for end in 0..sealed.len() {
            assert_eq!(key(1).open(HERE, &sealed[..end]), None, "{end}");
        }
    }
}
