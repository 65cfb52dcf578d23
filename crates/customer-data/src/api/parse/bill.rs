//! Bills from the wire.

use tenure_core::{BillId, CustomerId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;

use super::{money, required_money, required_word};
use crate::domain::words::BillState;
use crate::domain::{Bill, limits};

/// Parses a bill that arrives now.
pub(in crate::api) fn bill(
    violations: &mut Violations,
    wire: &wire::Bill,
    now: Timestamp,
) -> Option<Bill> {
    let id = violations.take("bill_id", BillId::parse(&wire.bill_id));
    let customer = violations.take("customer_id", CustomerId::parse(&wire.customer_id));
    let issued_at = fields::required_time(violations, "issue_time", wire.issue_time.as_ref());
    limits::check_happened(violations, "issue_time", issued_at, now);
    let due_at = fields::required_time(violations, "due_time", wire.due_time.as_ref());
    let amount = required_money(violations, "amount", wire.amount.as_ref());
    let state = required_word(violations, "state", wire.state, BillState::from_number);
    let settled_at = fields::optional_time(violations, "settle_time", wire.settle_time.as_ref());
    limits::check_happened(violations, "settle_time", settled_at, now);
    let paid = money(violations, "paid_amount", wire.paid_amount.as_ref());
    let bill = Bill {
        id: id?,
        customer: customer?,
        issued_at: issued_at?,
        due_at: due_at?,
        amount: amount?,
        state: state?,
        settled_at,
        paid,
        // Set when it is taken in.
        updated_at: Timestamp::MIN,
    };
    bill.check(violations);
    Some(bill)
}
