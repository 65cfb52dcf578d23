//! `BriefTouchpoint`: what to know of a customer who is there now.

mod care;
mod foreign;
mod own;

use std::sync::Arc;

use tenure_core::{CustomerId, SubscriptionId, Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::brief_touchpoint_request::Key;
use tenure_proto::customer::v1::briefing_service_server::BriefingService;
use tenure_rpc::fields;
use tonic::{Request, Response, Status};

use super::parse;
use crate::domain::words::Channel;
use crate::domain::{ExternalId, Msisdn};
use crate::job::peers::Asked;
use crate::{Deps, Error, store};

/// The service as tonic calls it.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) deps: Arc<Deps>,
    pub(crate) asked: Arc<Asked>,
}

#[tonic::async_trait]
impl BriefingService for Desk {
    async fn brief_touchpoint(
        &self,
        request: Request<wire::BriefTouchpointRequest>,
    ) -> Result<Response<wire::BriefTouchpointResponse>, Status> {
        // Many reads at once make a large future, which is copied with every await above it.
        let briefing = Box::pin(brief(self, request.into_inner())).await?;
        Ok(Response::new(wire::BriefTouchpointResponse {
            briefing: Some(briefing),
        }))
    }
}

/// By what a customer is known.
enum Known {
    Id(CustomerId),
    Number(Msisdn),
    Elsewhere(ExternalId),
}

async fn brief(
    desk: &Desk,
    request: wire::BriefTouchpointRequest,
) -> Result<wire::Briefing, Error> {
    let (known, channel) = parsed(request)?;
    let deps = desk.deps.as_ref();
    let now = deps.clock.now();
    let (customer, line) = find(deps, known, now).await?;
    let record = store::identity::record_of(&deps.db, &customer).await?;
    // The others know no records: what they say is of the survivor's id.
    let survivor = record.survivor.clone();
    let (own, answers) = tokio::join!(
        own::read(deps, record, line.as_ref(), now),
        desk.asked.about(&survivor, channel),
    );
    let own = own?.ok_or_else(|| Error::CustomerNotFound {
        key: "customer_id",
        value: customer.to_string(),
    })?;
    let soon = deps.config.briefing.expires_soon_days;
    Ok(wire::Briefing {
        score: Some(foreign::score(answers.score)),
        points: Some(foreign::points(answers.points, now, soon)),
        actions: Some(foreign::actions(answers.actions)),
        ..own::parts(own, line.as_ref(), now, &deps.config.briefing)
    })
}

fn parsed(request: wire::BriefTouchpointRequest) -> Result<(Known, Channel), Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let channel = parse::required_word(v, "channel", request.channel, Channel::from_number);
    let known = match fields::required(v, "key", request.key) {
        None => None,
        Some(Key::Msisdn(number)) => v.take("msisdn", Msisdn::parse(&number)).map(Known::Number),
        Some(Key::CustomerId(id)) => v.take("customer_id", CustomerId::parse(&id)).map(Known::Id),
        Some(Key::ExternalId(id)) => v
            .within("external_id.", |inner| parse::external_id(inner, &id))
            .map(Known::Elsewhere),
    };
    violations.into_result()?;
    Ok(known.zip(channel).expect("what is missing is a violation"))
}

/// Returns whom a key means now, and the subscription that holds the number.
async fn find(
    deps: &Deps,
    known: Known,
    now: Timestamp,
) -> Result<(CustomerId, Option<SubscriptionId>), Error> {
    let unknown = |by: &str| Error::CustomerNotFound {
        key: "lookup",
        value: by.to_owned(),
    };
    match known {
        Known::Id(id) => Ok((id, None)),
        Known::Number(number) => {
            let holder = store::msisdn::find(&deps.db, &number, now).await?;
            let (customer, line) = holder.ok_or_else(|| unknown("msisdn"))?;
            Ok((customer, Some(line)))
        }
        Known::Elsewhere(id) => {
            let named = store::external_id::find(&deps.db, &id).await?;
            Ok((named.ok_or_else(|| unknown("external_id"))?, None))
        }
    }
}
