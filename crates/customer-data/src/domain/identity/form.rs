//! How values are written before they are compared, so that one value written twice is one.

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

use crate::domain::{AttributeValue, Msisdn};

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// As it is, without spaces at the ends.
    Exact = 1,
    /// In small letters, with one space between words.
    Words = 2,
    /// An e-mail address in small letters.
    Email = 3,
    /// A phone number in E.164 form.
    Phone = 4,
    /// Letters and digits alone, in capitals.
    Code = 5,
    /// A date.
    Date = 6,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 6] = [
        Self::Exact,
        Self::Words,
        Self::Email,
        Self::Phone,
        Self::Code,
        Self::Date,
    ];

    /// Returns the form of a number on the wire.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|form| *form as i32 == number)
    }

    /// Returns an attribute in this form; nothing when it has none.
    #[must_use]
    pub fn value(self, value: &AttributeValue) -> Option<String> {
        match (self, value) {
            (_, AttributeValue::Text(text)) => self.text(text),
            (Self::Exact | Self::Code, AttributeValue::Integer(integer)) => {
                Some(integer.to_string())
            }
            (Self::Date, AttributeValue::Instant(at)) => Some(date(*at)),
            _ => None,
        }
    }

    /// Returns a text in this form; nothing when it has none.
    #[must_use]
    pub fn text(self, text: &str) -> Option<String> {
        let text = text.trim();
        let written = match self {
            Self::Exact => text.to_owned(),
            Self::Words => words(text),
            Self::Email => email(text)?,
            Self::Phone => phone(text)?,
            Self::Code => text
                .chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_uppercase)
                .collect(),
            Self::Date => day(text)?,
        };
        Some(written).filter(|written| !written.is_empty())
    }
}

fn words(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// What providers make of points and plus signs in the local part differs, so nothing is made of it.
fn email(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let is_domain = domain.split('.').count() > 1 && domain.split('.').all(|it| !it.is_empty());
    let is_plain = !text.contains(char::is_whitespace) && !domain.contains('@');
    (!local.is_empty() && is_domain && is_plain).then(|| text.to_lowercase())
}

/// A national number is nobody's: without its country it may be two people's.
fn phone(text: &str) -> Option<String> {
    // The trunk zero that is written as +44 (0) 20 is not dialled with the country.
    let text = text.replacen("(0)", "", 1);
    let digits = match text.strip_prefix('+') {
        Some(digits) => digits,
        None => text.strip_prefix("00")?,
    };
    let between = |c: char| c.is_whitespace() || "-./()".contains(c);
    let digits: String = digits.chars().filter(|c| !between(*c)).collect();
    let number = format!("+{digits}");
    Msisdn::parse(&number).is_ok().then_some(number)
}

fn day(text: &str) -> Option<String> {
    let number = |text: &str| text.parse::<i16>().ok();
    let parts: Vec<&str> = text.split('.').collect();
    let at = match parts.as_slice() {
        [day, month, year] if year.len() == 4 => {
            let day = i8::try_from(number(day)?).ok()?;
            let month = i8::try_from(number(month)?).ok()?;
            Timestamp::from_date(number(year)?, month, day)?
        }
        _ => Timestamp::parse(text).ok()?,
    };
    Some(date(at))
}

fn date(at: Timestamp) -> String {
    let (year, month, day) = at.date();
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(form: Form, texts: &[&str], written: Option<&str>) {
        for text in texts {
            assert_eq!(form.text(text).as_deref(), written, "{form:?} of {text:?}");
        }
    }

    #[test]
    fn words_differ_neither_by_case_nor_by_spaces() {
        all(
            Form::Words,
            &["Ada Lovelace", "  ADA \t lovelace "],
            Some("ada lovelace"),
        );
        all(Form::Words, &["ÉMILE Zola"], Some("émile zola"));
        all(Form::Exact, &[" a B "], Some("a B"));
        for form in Form::ALL {
            all(form, &["", "  "], None);
        }
    }

    #[test]
    fn an_address_is_in_small_letters_and_has_one_at_and_a_domain() {
        all(
            Form::Email,
            &["Ada@Example.COM", " ada@example.com "],
            Some("ada@example.com"),
        );
        let none = [
            "ada", "@x.ch", "ada@", "ada@x", "a@b@c.ch", "a b@c.ch", "a@.ch", "a@c.",
        ];
        all(Form::Email, &none, None);
    }

    #[test]
    fn a_number_is_international_or_none() {
        let same = [
            "+44 20 7946 0000",
            "0044-20-7946-0000",
            "+44 (0) 20 7946.0000",
            "+442079460000",
        ];
        all(Form::Phone, &same, Some("+442079460000"));
        all(
            Form::Phone,
            &[
                "020 7946 0000",
                "+44",
                "+44 20 x",
                "12345678",
                "+1234567890123456",
            ],
            None,
        );
    }

    #[test]
    fn numbers_of_documents_are_letters_and_digits() {
        all(Form::Code, &["c01 x-00/47", "C01X0047"], Some("C01X0047"));
        all(Form::Code, &["--- "], None);
        assert_eq!(
            Form::Code.value(&AttributeValue::Integer(47)).as_deref(),
            Some("47")
        );
        assert_eq!(Form::Code.value(&AttributeValue::Flag(true)), None);
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        all(
            Form::Date,
            &["2024-02-29", "29.02.2024", "29.2.2024"],
            Some("2024-02-29"),
        );
        all(
            Form::Date,
            &["30.02.2024", "2024-02-30", "29/02/2024", "29.02.24", "x"],
            None,
        );
        let noon = Timestamp::parse("2024-02-29T12:00:00Z").unwrap();
        assert_eq!(
            Form::Date.value(&AttributeValue::Instant(noon)).as_deref(),
            Some("2024-02-29")
        );
    }
}
