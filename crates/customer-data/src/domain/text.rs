//! Texts with limits.

use tenure_core::violation::Mismatch;

/// Returns `text` when it has at most `length_max` bytes and no control characters, which neither
/// database nor terminal carries well. It may be empty.
///
/// # Errors
/// When it is longer, or holds a control character.
pub fn parse(text: &str, length_max: usize) -> Result<String, Mismatch> {
    let wanted = || format!("at most {length_max} bytes of text without control characters");
    if text.len() > length_max {
        return Err(Mismatch::new(wanted(), format!("{} bytes", text.len())));
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => {
            let found = format!("the character U+{:04X} at byte {at}", u32::from(c));
            Err(Mismatch::new(wanted(), found))
        }
        None => Ok(text.to_owned()),
    }
}

/// Returns `text` as [`parse`] does; its lines may be broken.
///
/// # Errors
/// When it is longer than `length_max` bytes, or holds another control character.
pub fn parse_prose(text: &str, length_max: usize) -> Result<String, Mismatch> {
    let one_line = text.replace('\n', " ");
    parse(&one_line, length_max).map(|_| text.to_owned())
}

/// Returns `text` as [`parse`] does, when it is not empty.
///
/// # Errors
/// When it is empty, longer than `length_max` bytes, or holds a control character.
pub fn parse_required(text: &str, length_max: usize) -> Result<String, Mismatch> {
    if text.is_empty() {
        return Err(Mismatch::new(
            format!("1 to {length_max} bytes of text"),
            "nothing",
        ));
    }
    parse(text, length_max)
}

/// The most digits of a code: numbers of people have more.
const CODE_DIGITS_MAX: usize = 5;

/// Returns true for what looks like a code of the operator's and not like words: capital letters, few
/// digits, `_`, `-` and `.`, beginning with a letter.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let is_sign = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || b"_-.".contains(&c);
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(is_sign)
        && text.bytes().filter(u8::is_ascii_digit).count() <= CODE_DIGITS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_measured_in_bytes_and_has_no_control_characters() {
        assert_eq!(parse("", 3).unwrap(), "");
        assert_eq!(parse("é", 2).unwrap(), "é");
        assert_eq!(parse("éé", 3).unwrap_err().found, "4 bytes");
        assert_eq!(
            parse("a\0", 3).unwrap_err().found,
            "the character U+0000 at byte 1"
        );
        assert_eq!(parse_required("", 3).unwrap_err().found, "nothing");
        assert_eq!(parse_prose("a\nb", 3).unwrap(), "a\nb");
        assert!(parse_prose("a\rb", 3).is_err());
    }
}
