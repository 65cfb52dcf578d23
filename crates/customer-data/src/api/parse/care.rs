//! Complaints and promises from the wire.

use tenure_core::violation::Mismatch;
use tenure_core::{
    ComplaintId, CustomerId, DepartmentCode, PersonCode, PromiseId, Span, SubscriptionId,
    Timestamp, Violations,
};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;

use super::required_word;
use crate::domain::complaint::words::{Kind, Severity};
use crate::domain::complaint::{
    DESCRIPTION_LENGTH_MAX, NewComplaint, SUBJECT_LENGTH_MAX, TEXT_LENGTH_MAX,
};
use crate::domain::promise::PromiseState;
use crate::domain::words::Channel;
use crate::domain::{Promise, StaffMember, limits, text};

/// How far ahead a promise may be due: ten years, as long as contracts run.
const DUE_MAX: Span = Span::from_days(3_660);

/// Parses a complaint that is to be taken in.
pub(in crate::api) fn new_complaint(
    violations: &mut Violations,
    wire: &wire::Complaint,
) -> Option<NewComplaint> {
    let id = violations.take("complaint_id", ComplaintId::parse(&wire.complaint_id));
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let kind = required_word(violations, "kind", wire.kind, Kind::from_number);
    let severity = required_word(violations, "severity", wire.severity, Severity::from_number);
    let subject = code(violations, "subject_code", &wire.subject_code);
    let description = text::parse_prose(&wire.description, DESCRIPTION_LENGTH_MAX);
    let description = violations.take("description", description);
    let subscription = optional_id(
        violations,
        ("subscription_id", &wire.subscription_id),
        SubscriptionId::parse,
    );
    let channel = required_word(violations, "channel", wire.channel, Channel::from_number);
    let expected = wire.expected_resolution_time.as_ref();
    let expected_at = fields::optional_time(violations, "expected_resolution_time", expected);
    Some(NewComplaint {
        id: id?,
        customer: customer?,
        kind: kind?,
        severity: severity?,
        subject: subject?,
        description: description?,
        subscription,
        channel: channel?,
        expected_at,
    })
}

/// Parses a promise that is made now or was made before.
pub(in crate::api) fn promise(
    violations: &mut Violations,
    wire: &wire::Promise,
    now: Timestamp,
) -> Option<Promise> {
    let id = violations.take("promise_id", PromiseId::parse(&wire.promise_id));
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let complaint = ("complaint_id", wire.complaint_id.as_str());
    let complaint = optional_id(violations, complaint, ComplaintId::parse);
    let promised_by = staff(violations, "promised_by", wire.promised_by.as_ref());
    let subject = code(violations, "subject_code", &wire.subject_code);
    let text = violations.take("text", text::parse_prose(&wire.text, TEXT_LENGTH_MAX));
    let channel = required_word(violations, "channel", wire.channel, Channel::from_number);
    let made = wire.promise_time.as_ref();
    let made = fields::optional_time(violations, "promise_time", made);
    limits::check_happened(violations, "promise_time", made, now);
    let promised_at = made.unwrap_or(now);
    let due_at = fields::required_time(violations, "due_time", wire.due_time.as_ref())?;
    if due_at <= promised_at {
        violations.add("due_time", "later than promise_time", "not later");
    } else if due_at > promised_at + DUE_MAX {
        let wanted = "at most 3,660 days after promise_time";
        violations.add("due_time", wanted, "a later instant");
    }
    Some(Promise {
        id: id?,
        customer: customer?,
        complaint,
        promised_by: promised_by?,
        subject: subject?,
        text: text?,
        channel: channel?,
        promised_at,
        due_at,
        state: PromiseState::Open,
        settled_at: None,
        overdue_at: None,
        reason: String::new(),
        updated_at: now,
    })
}

/// Parses who is responsible, or notes what is missing.
pub(in crate::api) fn staff(
    violations: &mut Violations,
    field: &str,
    wire: Option<&wire::StaffMember>,
) -> Option<StaffMember> {
    let wire = fields::required(violations, field, wire)?;
    violations.within(&format!("{field}."), |inner| {
        let department = DepartmentCode::parse(&wire.department_code);
        let department = inner.take("department_code", department);
        let person = inner.take("person_code", PersonCode::parse(&wire.person_code));
        Some(StaffMember {
            department: department?,
            person: person?,
        })
    })
}

/// Parses a required code of the operator's.
pub(in crate::api) fn code(violations: &mut Violations, field: &str, code: &str) -> Option<String> {
    violations.take(field, text::parse_required(code, SUBJECT_LENGTH_MAX))
}

/// Parses an id that may be empty.
pub(in crate::api) fn optional_id<T>(
    violations: &mut Violations,
    (field, id): (&str, &str),
    parse: impl FnOnce(&str) -> Result<T, Mismatch>,
) -> Option<T> {
    if id.is_empty() {
        return None;
    }
    violations.take(field, parse(id))
}
