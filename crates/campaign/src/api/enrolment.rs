//! The customers of a campaign.

use tenure_core::{CampaignId, Violations};
use tenure_proto::campaign::v1::{ListEnrolmentsRequest, ListEnrolmentsResponse};
use tenure_rpc::{RequestError, fields};

use super::campaign::existing;
use super::offer::{after, refused};
use super::wire;
use crate::Inner;
use crate::domain::assignment::Arm;
use crate::error::Error;
use crate::store;

/// Lists enrolments by customer.
pub(super) async fn list(
    inner: &Inner,
    request: &ListEnrolmentsRequest,
) -> Result<ListEnrolmentsResponse, Error> {
    let mut v = Violations::new();
    let id = v.take("campaign_id", CampaignId::parse(&request.campaign_id));
    let arm = Arm::from_number(request.arm);
    if arm.is_none() && request.arm != 0 {
        v.add("arm", "an arm", request.arm.to_string());
    }
    let size = fields::page_size(&mut v, request.page_size);
    let (Some(id), Some(size), true) = (id, size, v.is_empty()) else {
        return Err(refused(v));
    };
    let arguments = format!("enrolments {id} {}", request.arm);
    let token = fields::page_token(&request.page_token, arguments.as_bytes());
    let token = token.map_err(RequestError::from)?;
    let campaign = existing(inner, &id).await?;
    let enrolments =
        store::enrolment::list(&inner.db, &id, arm, after(token.as_ref()), size).await?;
    let (enrolments, next) = tenure_core::page::cut(enrolments, size, |enrolment| {
        vec![enrolment.customer.to_string()]
    });
    Ok(ListEnrolmentsResponse {
        enrolments: enrolments
            .iter()
            .map(|one| wire::enrolment(one, &campaign))
            .collect(),
        next_page_token: next
            .map(|token| token.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}
