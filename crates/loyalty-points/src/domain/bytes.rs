//! The compact form of numbers and texts in stored rows: groups of seven bits, as protobuf has them.

use tenure_core::Timestamp;

use super::entry_id::EntryId;

/// A stored form being made.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn with_version(version: u8) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(version);
        Self(bytes)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn size(&mut self, size: usize) {
        self.unsigned(size as u64);
    }

    /// Small numbers of either sign are short: the sign goes to the lowest bit.
    pub(super) fn number(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn unsigned(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push((number & 0x7f) as u8);
    }

    pub(super) fn instant(&mut self, instant: Timestamp) {
        self.number(instant.as_micros());
    }

    pub(super) fn id(&mut self, id: EntryId) {
        self.0.extend_from_slice(&id.to_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

/// A stored form being read; what is too short or wrong reads as nothing.
#[derive(Debug)]
pub(super) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn with_version(bytes: &'b [u8], version: u8) -> Option<Self> {
        let (first, rest) = bytes.split_first()?;
        (*first == version).then_some(Self(rest))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// Returns a count of things that follow, each of at least one byte.
    pub(super) fn size(&mut self) -> Option<usize> {
        let size = usize::try_from(self.unsigned()?).ok()?;
        (size <= self.0.len()).then_some(size)
    }

    pub(super) fn number(&mut self) -> Option<i64> {
        let number = self.unsigned()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn instant(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_micros)
    }

    pub(super) fn id(&mut self) -> Option<EntryId> {
        let (id, rest) = self.0.split_first_chunk::<16>()?;
        self.0 = rest;
        Some(EntryId::from_bytes(*id))
    }

    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let size = self.size()?;
        let (bytes, rest) = self.0.split_at(size);
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_come_back() {
        for number in [
            0,
            1,
            -1,
            63,
            64,
            -65,
            1_714_521_600_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            let mut writer = Writer::with_version(1);
            writer.number(number);
            let bytes = writer.finish();

            assert_eq!(
                Reader::with_version(&bytes, 1).unwrap().number(),
                Some(number)
            );
            let cut = &bytes[..bytes.len() - 1];
            assert_eq!(Reader::with_version(cut, 1).unwrap().number(), None);
        }
    }

    #[test]
    fn another_version_is_not_read() {
        assert!(Reader::with_version(&[2, 0], 1).is_none());
        assert!(Reader::with_version(&[], 1).is_none());
    }
}
