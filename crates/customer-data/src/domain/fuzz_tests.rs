//! Random texts for what is parsed from text: what is taken is written and read again as the same, and
//! a refusal of personal data does not repeat it.

use tenure_core::violation::Mismatch;
use tenure_testkit::fuzz::{INPUTS, Target};

use super::consent::ContactPoint;
use super::customer::Etag;
use super::party::EmailAddress;
use super::sim::Iccid;
use super::{AttributeName, AttributeValue, ExternalId, Msisdn, text};

/// Returns what became of a text, which written and read again is the same.
fn twice(given: &str, parse: impl Fn(&str) -> Result<String, Mismatch>) -> String {
    match parse(given) {
        Ok(taken) => {
            assert_eq!(parse(&taken).as_ref(), Ok(&taken));
            "taken ".to_owned()
        }
        Err(Mismatch { wanted, found }) => {
            assert!(!wanted.is_empty() && !found.is_empty());
            // Whatever looks like a number or an address.
            let is_telling =
                given.contains('@') || given.bytes().filter(u8::is_ascii_digit).count() > 5;
            assert!(!is_telling || !found.contains(given), "{found} repeats it");
            wanted
        }
    }
}

fn check(input: &[u8]) -> String {
    let given = String::from_utf8_lossy(input);
    let mut said = twice(&given, |it| {
        Msisdn::parse(it).map(|it| it.as_str().to_owned())
    });
    said += &twice(&given, |it| {
        Iccid::parse(it).map(|it| it.as_str().to_owned())
    });
    said += &twice(&given, |it| {
        EmailAddress::parse(it).map(|it| it.as_str().to_owned())
    });
    said += &twice(&given, |it| {
        AttributeName::parse(it).map(|it| it.as_str().to_owned())
    });
    said += &twice(&given, |it| {
        let point = ContactPoint::parse(it)?;
        Ok(point.map_or(String::new(), |it| it.as_str().to_owned()))
    });
    said += &twice(&given, |it| text::parse(it, 64));
    said += &twice(&given, |it| text::parse_prose(it, 64));
    if let Ok(id) = ExternalId::parse(&given, &given) {
        assert_eq!((id.system(), id.id()), (&*given, &*given));
        said += "external ";
    }
    if let Ok(AttributeValue::Text(text)) = AttributeValue::text(&given) {
        assert!(text.len() <= 256);
    }
    let etag = Etag::read(&given);
    assert_eq!(Etag::read(&etag.to_string()), etag);
    said
}

#[test]
fn a_text_is_taken_as_it_stands_or_refused_without_repeating_it() {
    let target = Target {
        name: "texts",
        seeds: &[
            b"+999123456789",
            b"8943000000000000001",
            b"ada@example.org",
            b"payment_method2",
            b" Ada@Example.ORG ",
            b"\"17\"",
            b"crm",
        ],
        words: &[
            "+",
            "@",
            "89",
            "0123456789",
            "_",
            "\"",
            "\u{ff10}",
            "\u{85}",
            "\u{130}",
        ],
        inputs: INPUTS,
    };
    target.run(check);
}
