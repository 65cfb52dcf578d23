//! What every service does when customer-data tells in its feed that a customer was erased: find out
//! whom, forget, and give a receipt.

use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::privacy_service_client::PrivacyServiceClient;
use tenure_proto::customer::v1::{Change, Erased, RecordErasureReceiptRequest};
use tonic::{Code, Status};

use crate::Transport;

/// What a receipt says was done.
const STEP: &str = "records";

/// Returns the erasure that a change tells.
#[must_use]
pub fn told(change: &Change) -> Option<&Erased> {
    match &change.fact {
        Some(Fact::Erasure(erased)) => Some(erased),
        _ => None,
    }
}

/// Returns the customer whom a change tells to be gone with the import that had made the customer. Whoever
/// keeps something of them deletes it; nobody waits for a receipt.
#[must_use]
pub fn removed(change: &Change) -> Option<&str> {
    match &change.fact {
        Some(Fact::Removal(removal)) if removal.is_customer => Some(&change.customer_id),
        _ => None,
    }
}

/// Tells customer-data that `service` has forgotten the customer of an erasure, and how many rows that
/// were. Where customer-data knows of no such erasure it went back to a state from before, and nobody
/// waits.
///
/// # Errors
/// What customer-data answers, or that it does not.
pub async fn give_receipt(
    mut privacy: PrivacyServiceClient<Transport>,
    erased: &Erased,
    service: &str,
    request_id: String,
    row_count: i64,
) -> Result<(), Status> {
    let receipt = RecordErasureReceiptRequest {
        request_id,
        erasure_id: erased.erasure_id.clone(),
        service: service.to_owned(),
        step: STEP.to_owned(),
        row_count,
    };
    match privacy.record_erasure_receipt(receipt).await {
        Err(status) if status.code() != Code::NotFound => Err(status),
        _ => Ok(()),
    }
}
