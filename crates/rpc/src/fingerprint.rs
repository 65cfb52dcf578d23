//! Whether two requests with the same request id are the same, and if not, in which fields.

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use tenure_core::hash::{fnv1a64, mix64};

use crate::descriptors;
use crate::request::RequestError;

/// The number of `request_id` in every request that writes.
pub const REQUEST_ID_FIELD: u32 = 1;

/// The size of one field in the stored form: its number and its hash.
const ENTRY_SIZE: usize = 12;

/// One hash for each top-level field of a request that is present: small enough to store beside
/// each answer, enough to name the fields that differ.
///
/// The hash finds mistakes, not attacks. Encodings are compared, so maps of a request must be
/// ordered (`btree_map` in prost's configuration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// Returns the fingerprint of `request` without its request id.
    #[must_use]
    pub fn of<M: Message>(request: &M) -> Self {
        Self::of_encoded(&request.encode_to_vec(), REQUEST_ID_FIELD)
    }

    /// Returns the fingerprint of an encoded request without its field number `request_id`.
    #[must_use]
    pub fn of_encoded(encoded: &[u8], request_id: u32) -> Self {
        // Encoders write fields in ascending order, so the last entry is nearly always the one.
        let mut hashes: Vec<(u32, u64)> = Vec::new();
        let mut rest = encoded;
        while rest.has_remaining() {
            let (number, field) = take_field(&mut rest).unwrap_or_else(|| {
                // Not a protobuf message: everything that is left counts as field 0.
                (0, std::mem::take(&mut rest))
            });
            if number != request_id {
                let at = hashes.partition_point(|(known, _)| *known < number);
                if hashes.get(at).is_none_or(|(known, _)| *known != number) {
                    hashes.insert(at, (number, 0));
                }
                hashes[at].1 = mix64(hashes[at].1 ^ fnv1a64(field));
            }
        }
        let mut bytes = Vec::with_capacity(hashes.len() * ENTRY_SIZE);
        for (number, hash) in hashes {
            bytes.extend(number.to_le_bytes());
            bytes.extend(hash.to_le_bytes());
        }
        Self(bytes)
    }

    /// Returns the stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Checks that `repeated`, a request with the same request id, is the same.
    ///
    /// # Errors
    /// [`RequestError::RequestIdReused`], which names the fields of `message` (a full name such as
    /// `tenure.loyalty.v1.RedeemPointsRequest`) that differ.
    pub fn check(&self, repeated: &Self, message: &str) -> Result<(), RequestError> {
        if self == repeated {
            return Ok(());
        }
        let numbers = difference(self.as_bytes(), repeated.as_bytes());
        Err(RequestError::RequestIdReused(field_names(
            message, &numbers,
        )))
    }
}

/// Takes one field off an encoded message: its number and everything after its key.
fn take_field<'a>(rest: &mut &'a [u8]) -> Option<(u32, &'a [u8])> {
    let (number, wire) = decode_key(rest).ok()?;
    let start = *rest;
    if wire == WireType::EndGroup {
        return None;
    }
    skip_field(wire, number, rest, DecodeContext::default()).ok()?;
    Some((number, &start[..start.len() - rest.len()]))
}

/// Returns the numbers of the fields in which two stored fingerprints differ, ascending.
#[must_use]
pub fn difference(one: &[u8], other: &[u8]) -> Vec<u32> {
    let (one, other) = (entries(one), entries(other));
    let mut numbers: Vec<u32> = one.keys().chain(other.keys()).copied().collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.retain(|number| one.get(number) != other.get(number));
    numbers
}

fn entries(bytes: &[u8]) -> BTreeMap<u32, &[u8]> {
    let (chunks, _) = bytes.as_chunks::<ENTRY_SIZE>();
    let entry =
        |chunk: &'_ [u8; ENTRY_SIZE]| u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
    chunks
        .iter()
        .map(|chunk| (entry(chunk), &chunk[4..]))
        .collect()
}

/// Returns the names of fields of `message`, a full name such as
/// `tenure.loyalty.v1.RedeemPointsRequest`; the number where there is no such field.
#[must_use]
pub fn field_names(message: &str, numbers: &[u32]) -> Vec<String> {
    let message = descriptors::pool().get_message_by_name(message);
    let name = |number: &u32| {
        let field = message
            .as_ref()
            .and_then(|message| message.get_field(*number));
        field.map_or_else(
            || format!("field {number}"),
            |field| field.name().to_owned(),
        )
    };
    numbers.iter().map(name).collect()
}
