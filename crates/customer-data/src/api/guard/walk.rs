//! Encoded messages read from front to back: whom they name, and the same with masks.
//!
//! Every answer that is shown goes through here, so nothing is taken apart that nobody looks for.

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

use super::plan::{Method, Plan, Step};
use crate::domain::mask::Mask;

/// Messages are not deeper than prost reads them.
const DEPTH_MAX: usize = 100;

/// One field of a message.
struct Field<'m> {
    number: u32,
    /// All of it.
    whole: &'m [u8],
    /// A text, or a message.
    inside: Option<&'m [u8]>,
}

impl Plan {
    /// Adds the customers whom an answer names; nothing comes back where it is no message.
    pub(super) fn customers(
        &self,
        method: &Method,
        message: &[u8],
        customers: &mut Vec<String>,
    ) -> Option<()> {
        self.walk(method.answer, message, customers, None, DEPTH_MAX)
    }

    /// Adds the customers whom a request names.
    pub(super) fn asked(
        &self,
        method: &Method,
        message: &[u8],
        customers: &mut Vec<String>,
    ) -> Option<()> {
        self.walk(method.request, message, customers, None, DEPTH_MAX)
    }

    /// Returns an answer with masks, and adds the customers whom it names.
    pub(super) fn mask(
        &self,
        method: &Method,
        message: &[u8],
        customers: &mut Vec<String>,
    ) -> Option<Vec<u8>> {
        let mut masked = Vec::with_capacity(message.len());
        self.walk(
            method.answer,
            message,
            customers,
            Some(&mut masked),
            DEPTH_MAX,
        )?;
        Some(masked)
    }

    fn walk(
        &self,
        at: usize,
        mut rest: &[u8],
        customers: &mut Vec<String>,
        mut masked: Option<&mut Vec<u8>>,
        depth: usize,
    ) -> Option<()> {
        let steps = &self.messages[at];
        while !rest.is_empty() {
            let field = next(&mut rest)?;
            let step = steps.of(field.number);
            match (step, field.inside) {
                (Some(Step::Inside(inner)), Some(message)) => {
                    let depth = depth.checked_sub(1)?;
                    let Some(out) = masked.as_deref_mut() else {
                        self.walk(inner, message, customers, None, depth)?;
                        continue;
                    };
                    let mut inside = Vec::with_capacity(message.len());
                    self.walk(inner, message, customers, Some(&mut inside), depth)?;
                    put(out, field.number, &inside);
                }
                (Some(Step::Personal(mask)), Some(text)) if mask != Mask::Withheld => {
                    if let Some(out) = masked.as_deref_mut() {
                        let shown = mask.show(std::str::from_utf8(text).ok()?);
                        put(out, field.number, shown.as_bytes());
                    }
                }
                // Left out.
                (Some(Step::Personal(_)), _) => {}
                (step, text) => {
                    if let (Some(Step::Customer), Some(text)) = (step, text) {
                        customers.push(std::str::from_utf8(text).ok()?.to_owned());
                    }
                    if let Some(out) = masked.as_deref_mut() {
                        out.extend_from_slice(field.whole);
                    }
                }
            }
        }
        Some(())
    }
}

fn put(out: &mut Vec<u8>, number: u32, inside: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(inside.len() as u64, out);
    out.extend_from_slice(inside);
}

/// Takes the first field.
fn next<'m>(rest: &mut &'m [u8]) -> Option<Field<'m>> {
    let start = *rest;
    let (number, wire_type) = decode_key(rest).ok()?;
    let mut inside = None;
    match wire_type {
        WireType::Varint => {
            decode_varint(rest).ok()?;
        }
        WireType::ThirtyTwoBit => *rest = rest.get(4..)?,
        WireType::SixtyFourBit => *rest = rest.get(8..)?,
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
            inside = Some(rest.get(..length)?);
            *rest = &rest[length..];
        }
        WireType::StartGroup | WireType::EndGroup => return None,
    }
    Some(Field {
        number,
        whole: &start[..start.len() - rest.len()],
        inside,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use tenure_proto::customer::v1 as wire;
    use tenure_proto::r#type::v1::attribute_value::Kind;
    use tenure_proto::r#type::v1::{Attribute, AttributeValue};

    use super::*;

    const GET: &str = "/tenure.customer.v1.CustomerService/GetCustomer";

    fn answer(id: &str, name: &str, kind: Kind) -> wire::GetCustomerResponse {
        let attribute = Attribute {
            name: "x".into(),
            value: Some(AttributeValue { kind: Some(kind) }),
        };
        wire::GetCustomerResponse {
            customer: Some(wire::Customer {
                customer_id: id.into(),
                kind: 1,
                display_name: name.into(),
                attributes: vec![attribute],
                etag: "e".into(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn masked(answer: &wire::GetCustomerResponse) -> (wire::GetCustomerResponse, Vec<String>) {
        let plan = Plan::of_all_services();
        let mut customers = Vec::new();
        let bytes = answer.encode_to_vec();
        let masked = plan.mask(plan.method(GET).unwrap(), &bytes, &mut customers);
        let masked = wire::GetCustomerResponse::decode(&*masked.unwrap());
        (masked.unwrap(), customers)
    }

    proptest! {
        #[test]
        fn what_is_masked_is_the_message_with_other_values(id in ".{1,300}", name in ".{0,300}", text in ".{0,300}") {
            let (masked, customers) = masked(&answer(&id, &name, Kind::Text(text.clone())));

            let text = if text.is_empty() { text } else { "•••".to_owned() };
            let name = Mask::Name.show(&name);
            prop_assert_eq!(masked, answer(&id, &name, Kind::Text(text)));
            prop_assert_eq!(customers, [id]);
        }

        #[test]
        fn what_is_no_message_is_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let plan = Plan::of_all_services();
            let _ = plan.mask(plan.method(GET).unwrap(), &bytes, &mut Vec::new());
        }
    }

    #[test]
    fn numbers_and_instants_are_left_out_and_flags_are_shown() {
        let value = |kind| {
            let (masked, _) = masked(&answer("ada", "Ada", kind));
            let attributes = masked.customer.unwrap().attributes;
            attributes[0].value.as_ref().unwrap().kind.clone()
        };

        assert_eq!(value(Kind::Integer(1951)), None);
        assert_eq!(value(Kind::Number(1.5)), None);
        assert_eq!(
            value(Kind::Instant(prost_types::Timestamp::default())),
            None
        );
        assert_eq!(value(Kind::Flag(true)), Some(Kind::Flag(true)));
    }

    #[test]
    fn a_message_that_is_cut_is_none() {
        let plan = Plan::of_all_services();
        let method = plan.method(GET).unwrap();
        let bytes = answer("ada", "Ada", Kind::Flag(true)).encode_to_vec();

        for end in 1..bytes.len() {
            assert_eq!(
                plan.customers(method, &bytes[..end], &mut Vec::new()),
                None,
                "{end}"
            );
        }
    }
}
