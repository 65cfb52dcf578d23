//! Stand-ins for the services that briefings ask: each answers, refuses, babbles or stays silent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tenure_customer_data::Peers;
use tenure_proto::campaign::v1 as campaign;
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::scoring::v1 as scoring;
use tenure_rpc::Transport;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::{Code, Request, Response, Status};
use tower::util::BoxCloneSyncService;

/// What a stand-in does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers well.
    Answers,
    /// Answers about somebody else.
    Confuses,
    /// Knows nobody.
    KnowsNobody,
    /// Refuses with this code.
    Refuses(Code),
    /// Answers bytes that are no message.
    Babbles,
    /// Never answers.
    IsSilent,
    /// There is nobody.
    IsDown,
}

/// The three stand-ins; each changes its manner at any time.
#[derive(Debug, Clone)]
pub(crate) struct Stubs(Arc<Mutex<BTreeMap<&'static str, Manner>>>);

pub(crate) const SCORING: &str = "scoring";
pub(crate) const LOYALTY: &str = "loyalty";
pub(crate) const CAMPAIGN: &str = "campaign";

impl Stubs {
    pub(crate) fn new() -> Self {
        let all = [SCORING, LOYALTY, CAMPAIGN];
        let answer = all.into_iter().map(|name| (name, Manner::Answers));
        Self(Arc::new(Mutex::new(answer.collect())))
    }

    pub(crate) fn set(&self, name: &'static str, manner: Manner) {
        self.0.lock().unwrap().insert(name, manner);
    }

    pub(crate) fn peers(&self) -> Peers {
        Peers {
            lifecycle_scoring: Some(self.transport(SCORING)),
            loyalty_points: Some(self.transport(LOYALTY)),
            campaign: Some(self.transport(CAMPAIGN)),
        }
    }

    fn transport(&self, name: &'static str) -> Transport {
        let this = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: http::Request<Body>| {
            let manner = this.0.lock().unwrap()[name];
            async move {
                match manner {
                    Manner::IsSilent => std::future::pending().await,
                    Manner::IsDown => Err(Status::unavailable("nobody is there")),
                    Manner::Babbles => Ok(babble()),
                    manner => Ok(answer(manner, request).await),
                }
            }
        }))
    }
}

/// Frames that are none.
fn babble() -> http::Response<Body> {
    http::Response::builder()
        .header("content-type", "application/grpc")
        .body(Body::new("what a nice day".to_owned()))
        .unwrap()
}

async fn answer(manner: Manner, request: http::Request<Body>) -> http::Response<Body> {
    let path = request.uri().path().to_owned();
    let method = path.rsplit('/').next().unwrap();
    match method {
        "ScoreCustomer" => unary(request, manner, score).await,
        "ListAccounts" => unary(request, manner, accounts).await,
        "GetTier" => unary(request, manner, tier).await,
        "PeekNextActions" => unary(request, manner, actions).await,
        other => panic!("briefings do not call {other}"),
    }
}

/// Answers one call of a method as tonic's servers do.
async fn unary<Q, A>(
    request: http::Request<Body>,
    manner: Manner,
    answer: fn(Manner, &Q) -> A,
) -> http::Response<Body>
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
{
    let codec = tonic_prost::ProstCodec::<A, Q>::default();
    let method = Method { manner, answer };
    tonic::server::Grpc::new(codec).unary(method, request).await
}

struct Method<Q, A> {
    manner: Manner,
    answer: fn(Manner, &Q) -> A,
}

impl<Q: Send + 'static, A: Send + 'static> tonic::server::UnaryService<Q> for Method<Q, A> {
    type Response = A;
    type Future = BoxFuture<Response<A>, Status>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answered = match self.manner {
            Manner::Refuses(code) => Err(Status::new(code, "refused")),
            manner => Ok(Response::new((self.answer)(manner, request.get_ref()))),
        };
        Box::pin(std::future::ready(answered))
    }
}

fn whom(manner: Manner, asked: &str) -> String {
    match manner {
        Manner::Confuses => "somebody-else".to_owned(),
        _ => asked.to_owned(),
    }
}

fn score(
    manner: Manner,
    request: &scoring::ScoreCustomerRequest,
) -> scoring::ScoreCustomerResponse {
    let score = scoring::Score {
        customer_id: whom(manner, &request.customer_id),
        score_time: crate::suite::day("2024-12-31"),
        stage: 4,
        churn_probability: 0.4,
        risk_band: 3,
        value_tier: 4,
        reasons: vec![scoring::RiskReason {
            code: "COMPLAINTS_RECENT".to_owned(),
            statement: "complained lately".to_owned(),
            contribution: 0.5,
        }],
        ..Default::default()
    };
    scoring::ScoreCustomerResponse { score: Some(score) }
}

fn accounts(
    manner: Manner,
    request: &loyalty::ListAccountsRequest,
) -> loyalty::ListAccountsResponse {
    let account = loyalty::Account {
        account_id: request.customer_id.clone(),
        customer_id: whom(manner, &request.customer_id),
        available_points: 70,
        expiring_points: 20,
        // The clock of the suite shows 2025-01-01.
        next_expire_time: crate::suite::day("2025-02-01"),
        ..Default::default()
    };
    let known = manner != Manner::KnowsNobody;
    loyalty::ListAccountsResponse {
        accounts: known.then_some(account).into_iter().collect(),
        ..Default::default()
    }
}

fn tier(_: Manner, request: &loyalty::GetTierRequest) -> loyalty::GetTierResponse {
    let tier = loyalty::Tier {
        account_id: request.account_id.clone(),
        tier_id: "GOLD".to_owned(),
        next_tier_id: "PLATINUM".to_owned(),
        next_qualifying_points: 30,
        ..Default::default()
    };
    loyalty::GetTierResponse { tier: Some(tier) }
}

fn actions(
    _: Manner,
    request: &campaign::PeekNextActionsRequest,
) -> campaign::PeekNextActionsResponse {
    let action = campaign::NextAction {
        kind: campaign::NextActionKind::MakeOffer.into(),
        campaign_id: "spring".to_owned(),
        offer_display_name: "Bonus".to_owned(),
        channel: request.channel,
        ..Default::default()
    };
    campaign::PeekNextActionsResponse {
        actions: vec![action],
        as_of_time: crate::suite::day("2025-01-01"),
    }
}
