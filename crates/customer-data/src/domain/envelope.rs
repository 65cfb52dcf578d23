//! What is sealed as a whole, with what has to be known of it without a key: a label, and whose it is.

/// The first byte of an envelope. No protobuf message begins with it, nor a stored answer.
const ENVELOPE: u8 = 2;

/// An envelope: a byte, the label behind its length, how many customers there are, the key of each
/// behind its length, and what is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'b> {
    /// What is known of it without a key.
    pub label: &'b [u8],
    /// Whose keys it takes to open it.
    pub customers: Vec<&'b str>,
    /// What is sealed.
    pub sealed: &'b [u8],
}

impl<'b> Envelope<'b> {
    /// Reads an envelope; nothing where it is something else.
    #[must_use]
    pub fn read(bytes: &'b [u8]) -> Option<Self> {
        let (first, mut rest) = bytes.split_first()?;
        if *first != ENVELOPE {
            return None;
        }
        let label = short(&mut rest)?;
        let (count, behind) = rest.split_first_chunk()?;
        rest = behind;
        let mut customers = Vec::new();
        for _ in 0..u32::from_le_bytes(*count) {
            customers.push(std::str::from_utf8(short(&mut rest)?).ok()?);
        }
        Some(Self {
            label,
            customers,
            sealed: rest,
        })
    }

    /// Writes all but what is sealed, which goes behind it.
    ///
    /// # Panics
    /// When the label or the key of a customer is longer than 255 bytes.
    #[must_use]
    pub fn head(label: &[u8], customers: &[&str]) -> Vec<u8> {
        let mut head = vec![ENVELOPE];
        push(&mut head, label);
        let count = u32::try_from(customers.len()).expect("a message is not that large");
        head.extend_from_slice(&count.to_le_bytes());
        for customer in customers {
            push(&mut head, customer.as_bytes());
        }
        head
    }
}

/// Takes bytes behind their length.
fn short<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, behind) = rest.split_first()?;
    let (taken, behind) = behind.split_at_checked(usize::from(*length))?;
    *rest = behind;
    Some(taken)
}

fn push(head: &mut Vec<u8>, bytes: &[u8]) {
    head.push(u8::try_from(bytes.len()).expect("keys and labels are short"));
    head.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_envelope_is_read_as_it_was_written(
            label in prop::collection::vec(any::<u8>(), 0..40),
            customers in prop::collection::vec("[!-~]{1,64}", 0..10),
            sealed in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let customers: Vec<&str> = customers.iter().map(String::as_str).collect();
            let mut bytes = Envelope::head(&label, &customers);
            bytes.extend_from_slice(&sealed);
            let envelope = Envelope { label: &label, customers, sealed: &sealed };
            prop_assert_eq!(Envelope::read(&bytes), Some(envelope));
        }

        #[test]
        fn whatever_else_is_read_is_no_envelope_or_some(
            mut bytes in prop::collection::vec(any::<u8>(), 1..200),
        ) {
            bytes[0] = ENVELOPE;
            let _ = Envelope::read(&bytes);
        }
    }

    #[test]
    fn a_message_is_no_envelope() {
        // Field 1, a text; and the two kinds of stored answers.
        for bytes in [&b"\x0a\x03ada"[..], b"", b"\0", b"\x01abc"] {
            assert_eq!(Envelope::read(bytes), None);
        }
    }
}
