//! The words of the API's enums, as a mapping or a file gives them: without what they begin with.

use tenure_core::violation::Mismatch;
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::Channel;

use super::cell::{Header, short};
use super::mapping::ValueMap;
use super::value::{Context, Value};

/// No enum has a number beyond it.
const NUMBER_MAX: i32 = 99;

/// The words of one enum.
#[derive(Debug)]
pub(super) struct Words {
    /// What every name begins with.
    prefix: &'static str,
    number: fn(&str) -> Option<i32>,
    name: fn(i32) -> Option<&'static str>,
}

macro_rules! words {
    ($($words:ident = $prefix:literal of $kind:ty;)*) => {
        $(pub(super) const $words: Words = Words {
            prefix: $prefix,
            number: |name| <$kind>::from_str_name(name).map(i32::from),
            name: |number| <$kind>::try_from(number).ok().map(|kind| kind.as_str_name()),
        };)*
    };
}

words! {
    CUSTOMER_KIND = "CUSTOMER_KIND_" of wire::CustomerKind;
    SERVICE_KIND = "SERVICE_KIND_" of wire::ServiceKind;
    CHURN_KIND = "CHURN_KIND_" of wire::ChurnKind;
    BILL_STATE = "BILL_STATE_" of wire::BillState;
    USAGE_PERIOD = "USAGE_PERIOD_" of wire::UsagePeriod;
    CHANNEL = "CHANNEL_" of Channel;
    DIRECTION = "INTERACTION_DIRECTION_" of wire::InteractionDirection;
    INTERACTION_KIND = "INTERACTION_KIND_" of wire::InteractionKind;
}

impl Words {
    fn parse(&self, text: &str) -> Result<i32, Mismatch> {
        let number = (self.number)(&format!("{}{text}", self.prefix));
        let known = || format!("one of {}", self.known().join(", "));
        number
            .filter(|number| *number != 0)
            .ok_or_else(|| Mismatch::new(known(), short(text)))
    }

    fn known(&self) -> Vec<&'static str> {
        let names = (1..=NUMBER_MAX).filter_map(self.name);
        names
            .filter_map(|name| name.strip_prefix(self.prefix))
            .collect()
    }
}

/// A source of words of one enum.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) value: Value,
    words: &'static Words,
}

impl Word {
    /// Joins a source with the header, or notes what is wrong with it: a word that stands in the
    /// mapping itself is known before any row is read.
    pub(super) fn compile(
        field: &str,
        map: &ValueMap,
        words: &'static Words,
        context: Context,
        header: &mut Header<'_>,
    ) -> Option<Self> {
        let value = Value::compile(field, map, context, header)?;
        for text in value.cell.own_texts() {
            if let Err(error) = words.parse(text) {
                header.problems.push(format!("`{field}`: {error}"));
            }
        }
        Some(Self { value, words })
    }

    /// Returns the number of a word.
    pub(super) fn parse(&self, text: &str) -> Result<i32, Mismatch> {
        self.words.parse(text)
    }
}
