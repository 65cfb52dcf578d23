//! `tenure.campaign.v1.ActionService`: what there is for a customer who is there now.

use tenure_core::{CustomerId, Violations};
use tenure_proto::campaign::v1::action_service_server::ActionService;
use tenure_proto::campaign::v1::{
    NextAction as WireAction, NextActionKind, PeekNextActionsRequest, PeekNextActionsResponse,
};
use tenure_rpc::fields::time;
use tonic::{Request, Response, Status};

use super::Api;
use super::campaign::channel;
use super::offer::refused;
use crate::domain::action::NextAction;
use crate::error::Error;
use crate::{Inner, store};

/// More than a person can say in one conversation.
const ACTIONS_MAX: i64 = 3;

#[tonic::async_trait]
impl ActionService for Api {
    async fn peek_next_actions(
        &self,
        r: Request<PeekNextActionsRequest>,
    ) -> Result<Response<PeekNextActionsResponse>, Status> {
        Ok(Response::new(peek(self.inner(), r.get_ref()).await?))
    }
}

async fn peek(
    inner: &Inner,
    request: &PeekNextActionsRequest,
) -> Result<PeekNextActionsResponse, Error> {
    let mut v = Violations::new();
    let customer = v.take("customer_id", CustomerId::parse(&request.customer_id));
    let channel = channel(&mut v, request.channel);
    let (Some(customer), Some(channel), true) = (customer, channel, v.is_empty()) else {
        return Err(refused(v));
    };
    let now = inner.clock.now();
    let actions = store::action::peek(&inner.db, &customer, channel, ACTIONS_MAX).await?;
    Ok(PeekNextActionsResponse {
        actions: actions.into_iter().map(shown).collect(),
        as_of_time: Some(time(now)),
    })
}

fn shown(action: NextAction) -> WireAction {
    let kind = match action.delivered_at {
        None => NextActionKind::MakeOffer,
        Some(_) => NextActionKind::FollowUp,
    };
    WireAction {
        kind: kind.into(),
        campaign_id: action.campaign.to_string(),
        contact_id: action.contact.to_string(),
        offer_id: action.offer.to_string(),
        offer_display_name: action.offer_name,
        offer_description: action.offer_description,
        offer_kind: action.offer_kind.number(),
        bonus_points: action.bonus_points,
        channel: action.channel.number(),
        deliver_time: action.delivered_at.map(time),
    }
}
