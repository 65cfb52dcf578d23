//! Amounts as people write them, in minor units.

use tenure_core::Currency;
use tenure_core::violation::Mismatch;

use super::cell::short;
use crate::domain::limits::MINOR_MAX;

/// Currencies of ISO 4217 without minor units.
const WITHOUT: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
    "VUV", "XAF", "XOF",
];
/// Currencies with a thousand minor units.
const THOUSAND: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Returns how many digits of minor units a currency has.
fn digits(currency: Currency) -> usize {
    match currency.as_str() {
        code if WITHOUT.contains(&code) => 0,
        code if THOUSAND.contains(&code) => 3,
        _ => 2,
    }
}

/// Parses an amount in major units such as `29.85`, exactly.
pub(super) fn minor(text: &str, mark: char, currency: Currency) -> Result<i64, Mismatch> {
    let digits = digits(currency);
    let mismatch = || {
        let wanted = format!("an amount in {currency} with at most {digits} decimals");
        Mismatch::new(wanted, short(text))
    };
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, text),
    };
    let (whole, fraction) = unsigned.split_once(mark).unwrap_or((unsigned, ""));
    // 29.850 is 29.85, but 29.857 is no amount.
    let fraction = fraction.trim_end_matches('0');
    let are_digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    if whole.is_empty() || fraction.len() > digits || !are_digits(whole) || !are_digits(fraction) {
        return Err(mismatch());
    }
    let number = format!("{whole}{fraction:0<digits$}");
    let number = number.parse::<i64>().ok();
    match number.filter(|number| *number <= MINOR_MAX) {
        Some(number) => Ok(sign * number),
        None => {
            let wanted = format!("an amount of at most {MINOR_MAX} minor units");
            Err(Mismatch::new(wanted, short(text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, code: &str) -> Option<i64> {
        minor(text, '.', Currency::parse(code).unwrap()).ok()
    }

    #[test]
    fn an_amount_is_exact_in_its_currency() {
        assert_eq!(parse("29.85", "USD"), Some(2_985));
        assert_eq!(parse("-0.5", "EUR"), Some(-50));
        assert_eq!(parse("30", "EUR"), Some(3_000));
        assert_eq!(parse("29.850", "USD"), Some(2_985));
        assert_eq!(parse("30", "JPY"), Some(30));
        let most = 10_i64.pow(15);
        assert_eq!(parse("-10000000000000", "EUR"), Some(-most));
        assert_eq!(parse("1.234", "KWD"), Some(1_234));
        assert_eq!(minor("1,5", ',', Currency::parse("EUR").unwrap()), Ok(150));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "-",
            ".5",
            "1.234",
            "1,5",
            "1e3",
            "NaN",
            "99999999999999999999",
            "10000000000000.01",
            "-10000000000000.01",
            "+1",
        ] {
            assert_eq!(parse(text, "EUR"), None, "{text}");
        }
        assert_eq!(parse("30.5", "JPY"), None);
    }
}
