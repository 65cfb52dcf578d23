//! A message of the feed, put together from changes that are encoded already.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::encoded::Encoded;

/// The field `changes` of `WatchChangesResponse`.
const CHANGES: u32 = 1;
/// Key and length of a change, and what stands behind all changes, are less.
const FURTHER_BYTES: usize = 8;

/// Changes of one message.
#[derive(Debug, Default)]
pub(super) struct Frame {
    bytes: Vec<u8>,
    count: usize,
}

impl Frame {
    /// Creates one with room for changes.
    pub(super) fn with_room(count: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes + (count + 64) * FURTHER_BYTES),
            count: 0,
        }
    }

    /// Adds an encoded change.
    pub(super) fn push(&mut self, change: &[u8]) {
        encode_key(CHANGES, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(change.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(change);
        self.count += 1;
    }

    /// Returns how many changes there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns how many bytes the changes take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the message with all other fields as in `rest`, which has no changes itself.
    pub(super) fn finish(mut self, rest: &wire::WatchChangesResponse) -> Encoded {
        debug_assert!(rest.changes.is_empty(), "they stand in the frame");
        rest.encode(&mut self.bytes)
            .expect("a vector grows as far as needed");
        Encoded(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_what_the_message_would_be_encoded() {
        let change = |id: usize| wire::Change {
            customer_id: "x".repeat(id),
            ..Default::default()
        };
        let message = wire::WatchChangesResponse {
            changes: [0, 1, 63, 64, 200].map(change).to_vec(),
            resume_token: "token".to_owned(),
            snapshot_percent: Some(7),
            lag_count: None,
        };

        let mut frame = Frame::default();
        for change in &message.changes {
            frame.push(&change.encode_to_vec());
        }
        let rest = wire::WatchChangesResponse {
            changes: Vec::new(),
            ..message.clone()
        };

        assert_eq!(frame.count(), 5);
        assert_eq!(frame.finish(&rest).0, message.encode_to_vec());
    }
}
