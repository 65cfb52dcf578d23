//! Where customers and personal values stand in the messages of all methods, read once from the
//! descriptors of the API.

use std::collections::HashMap;
use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

use crate::domain::mask::{Mask, NEEDS_RIGHT, PERSONAL, UNRECORDED};

/// The package whose messages are named without it.
const PACKAGE: &str = "tenure.customer.v1.";

/// What to do with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It names a customer.
    Customer,
    /// It is personal.
    Personal(Mask),
    /// It is a message, in which there is something to do.
    Inside(usize),
}

/// What to do with the fields of a message, by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps(Vec<(u32, Step)>);

impl Steps {
    pub(super) fn of(&self, field: u32) -> Option<Step> {
        let found = self.0.iter().find(|(number, _)| *number == field);
        found.map(|(_, step)| *step)
    }
}

/// What is known of a method.
#[derive(Debug, Clone)]
pub(super) struct Method {
    /// The steps of its request and of its answer.
    pub(super) request: usize,
    pub(super) answer: usize,
    pub(super) is_stream: bool,
    pub(super) needs_right: bool,
    /// Whether its answer is looked at: it shows something of a customer.
    pub(super) shows_customers: bool,
    /// Whether the request says whose data is answered, and not the answer, or not in time.
    pub(super) names_whom_it_asks_for: bool,
}

/// All methods, and the steps of all their messages.
#[derive(Debug, Default)]
pub(super) struct Plan {
    methods: HashMap<String, Method>,
    pub(super) messages: Vec<Steps>,
    by_name: HashMap<String, usize>,
}

impl Plan {
    /// Returns the plan of this service's API.
    pub(super) fn of_all_services() -> &'static Self {
        static PLAN: OnceLock<Plan> = OnceLock::new();
        PLAN.get_or_init(|| {
            let pool = DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET)
                .expect("descriptor sets are made by a compiler");
            let mut plan = Self::default();
            for service in pool.services() {
                if service.full_name().starts_with(PACKAGE) {
                    for method in service.methods() {
                        plan.add(&method);
                    }
                }
            }
            plan
        })
    }

    /// Returns what is known of the method at a path.
    pub(super) fn method(&self, path: &str) -> Option<&Method> {
        self.methods.get(path)
    }

    fn add(&mut self, method: &MethodDescriptor) {
        let name = format!("{}/{}", method.parent_service().full_name(), method.name());
        let (request, answer) = (
            self.message(&method.input()),
            self.message(&method.output()),
        );
        let is_stream = method.is_server_streaming();
        let names = self.names_customers(answer, &mut Vec::new());
        let asks = self.names_customers(request, &mut Vec::new());
        let is_personal = self.is_personal(answer, &mut Vec::new());
        let options = method.options();
        let level = options.get_field_by_name("idempotency_level");
        let is_read = level.is_some_and(|level| level.as_enum_number() == Some(READS));
        let names_whom_it_asks_for = asks && (is_stream || !names && is_read);
        let shows = names || is_personal || names_whom_it_asks_for;
        let known = Method {
            request,
            answer,
            is_stream,
            needs_right: NEEDS_RIGHT.contains(&name.as_str()),
            shows_customers: shows && !UNRECORDED.contains(&name.as_str()),
            names_whom_it_asks_for,
        };
        self.methods.insert(format!("/{name}"), known);
    }

    /// Returns the place of a message's steps. It is taken before the fields are looked at, because
    /// messages may contain each other.
    fn message(&mut self, message: &MessageDescriptor) -> usize {
        if let Some(at) = self.by_name.get(message.full_name()) {
            return *at;
        }
        let at = self.messages.len();
        self.by_name.insert(message.full_name().to_owned(), at);
        self.messages.push(Steps::default());
        let steps = message.fields();
        let steps = steps.filter_map(|field| Some((field.number(), self.step(&field)?)));
        self.messages[at] = Steps(steps.collect());
        at
    }

    fn step(&mut self, field: &FieldDescriptor) -> Option<Step> {
        if let Some(mask) = mask(field) {
            return Some(Step::Personal(mask));
        }
        match field.kind() {
            Kind::String if names_customer(field.name()) => Some(Step::Customer),
            Kind::Message(inner) if inner.full_name().starts_with("tenure.") => {
                Some(Step::Inside(self.message(&inner)))
            }
            _ => None,
        }
    }

    fn names_customers(&self, at: usize, above: &mut Vec<usize>) -> bool {
        self.has(at, above, &|step| step == Step::Customer)
    }

    fn is_personal(&self, at: usize, above: &mut Vec<usize>) -> bool {
        self.has(at, above, &|step| matches!(step, Step::Personal(_)))
    }

    /// Returns true when there is such a step in a message or in one inside.
    fn has(&self, at: usize, above: &mut Vec<usize>, is_it: &dyn Fn(Step) -> bool) -> bool {
        if above.contains(&at) {
            return false;
        }
        above.push(at);
        self.messages[at].0.iter().any(|(_, step)| match step {
            Step::Inside(inner) => self.has(*inner, above, is_it),
            step => is_it(*step),
        })
    }
}

/// The number of `NO_SIDE_EFFECTS`.
const READS: i32 = 1;

/// Returns true for a field with the key of a customer, or of one to come.
fn names_customer(field: &str) -> bool {
    field.ends_with("customer_id") || field.ends_with("customer_ids") || field == "prospect_id"
}

/// Returns how a field is masked, if it is personal.
pub(super) fn mask(field: &FieldDescriptor) -> Option<Mask> {
    let message = field.parent_message();
    let message = message.full_name();
    let message = message.strip_prefix(PACKAGE).unwrap_or(message);
    let mut personal = PERSONAL.iter();
    let found = personal.find(|(of, name, _)| *of == message && *name == field.name());
    found.map(|(_, _, mask)| *mask)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::mask::PLAIN;

    fn pool() -> DescriptorPool {
        DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET).unwrap()
    }

    /// Every message that some method of the API answers, or that is part of one.
    fn answered() -> Vec<MessageDescriptor> {
        let pool = pool();
        let services = pool.services();
        let ours = services.filter(|it| it.full_name().starts_with(PACKAGE));
        let mut left: Vec<_> = ours
            .flat_map(|service| service.methods().map(|it| it.output()).collect::<Vec<_>>())
            .collect();
        let mut seen: Vec<MessageDescriptor> = Vec::new();
        while let Some(message) = left.pop() {
            if seen.contains(&message) || !message.full_name().starts_with("tenure.") {
                continue;
            }
            let inner = message.fields().filter_map(|field| match field.kind() {
                Kind::Message(inner) => Some(inner),
                _ => None,
            });
            left.extend(inner);
            seen.push(message);
        }
        seen
    }

    #[test]
    fn every_text_of_an_answer_is_said_to_be_personal_or_plain() {
        let mut unsaid = BTreeSet::new();
        for message in answered() {
            for field in message.fields() {
                let is_text = matches!(field.kind(), Kind::String | Kind::Bytes);
                let within = format!("{}.{}", message.name(), field.name());
                let is_plain = PLAIN.contains(&field.name()) || PLAIN.contains(&&*within);
                if is_text && !is_plain && mask(&field).is_none() {
                    unsaid.insert(within);
                }
            }
        }

        assert!(
            unsaid.is_empty(),
            "neither PERSONAL nor PLAIN in domain/mask.rs names {unsaid:?}"
        );
    }

    #[test]
    fn what_is_said_is_there() {
        let answered = answered();
        let fields = answered.iter().flat_map(MessageDescriptor::fields);
        let fields: Vec<_> = fields.collect();
        for (message, name, mask) in PERSONAL {
            let found = fields
                .iter()
                .any(|it| self::mask(it) == Some(*mask) && it.name() == *name);
            assert!(found, "{message}.{name}");
        }
        for plain in PLAIN {
            let is_it = |it: &FieldDescriptor| {
                it.name() == *plain
                    || format!("{}.{}", it.parent_message().name(), it.name()) == *plain
            };
            assert!(fields.iter().any(is_it), "there is no {plain}");
        }
        let methods = NEEDS_RIGHT.iter().chain(UNRECORDED);
        for method in methods {
            let plan = Plan::of_all_services();
            assert!(plan.method(&format!("/{method}")).is_some(), "{method}");
        }
    }

    #[test]
    fn what_shows_nothing_of_a_customer_is_not_looked_at() {
        let plan = Plan::of_all_services();
        let of = |name: &str| plan.method(&format!("/tenure.customer.v1.{name}")).unwrap();

        assert!(of("CustomerService/GetCustomer").shows_customers);
        assert!(of("CustomerService/TerminateSubscription").shows_customers);
        assert!(of("BriefingService/BriefTouchpoint").shows_customers);
        assert!(of("ComplaintService/ListComplaintSteps").shows_customers);
        assert!(of("PrivacyService/ExportCustomer").names_whom_it_asks_for);
        assert!(of("CustomerService/WatchChanges").is_stream);
        for unseen in [
            "CustomerService/BatchUpsertCustomers",
            "CustomerService/GetImport",
            "PrivacyService/RunErasures",
            "PrivacyService/ListAccesses",
        ] {
            assert!(!of(unseen).shows_customers, "{unseen}");
        }
    }
}
