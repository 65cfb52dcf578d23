//! What the other services know of a customer, asked for all at once.

use futures_util::future::join_all;
use tenure_core::CustomerId;
use tenure_proto::campaign::v1 as campaign;
use tenure_proto::campaign::v1::action_service_client::ActionServiceClient;
use tenure_proto::loyalty::v1 as loyalty;
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_proto::loyalty::v1::programme_service_client::ProgrammeServiceClient;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::scoring::v1::scoring_service_client::ScoringServiceClient;
use tenure_rpc::Transport;
use tokio::time::Instant;
use tonic::Request;

use super::peer::{Missing, Peer};
use crate::Peers;
use crate::config::BriefingConfig;
use crate::domain::words::Channel;

/// The most accounts of points in one briefing.
pub(crate) const ACCOUNTS_MAX: usize = 4;

/// The services that briefings ask.
#[derive(Debug)]
pub(crate) struct Asked {
    scoring: Peer,
    loyalty: Peer,
    campaign: Peer,
}

/// What they said, each for itself.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) score: Result<scoring::Score, Missing>,
    pub(crate) points: Result<Vec<Account>, Missing>,
    pub(crate) actions: Result<campaign::PeekNextActionsResponse, Missing>,
}

/// An account of points, with its tier if that could be had.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) account: loyalty::Account,
    pub(crate) tier: Result<loyalty::Tier, Missing>,
}

impl Asked {
    pub(crate) fn new(peers: &Peers, config: &BriefingConfig) -> Self {
        let peer = |name, transport: &Option<Transport>| Peer::new(name, transport.clone(), config);
        Self {
            scoring: peer("lifecycle-scoring", &peers.lifecycle_scoring),
            loyalty: peer("loyalty-points", &peers.loyalty_points),
            campaign: peer("campaign", &peers.campaign),
        }
    }

    /// Asks all of them about a customer who is at a channel.
    pub(crate) async fn about(&self, customer: &CustomerId, channel: Channel) -> Answers {
        let (score, points, actions) = tokio::join!(
            self.score(customer),
            self.points(customer),
            self.actions(customer, channel),
        );
        Answers {
            score,
            points,
            actions,
        }
    }

    async fn score(&self, customer: &CustomerId) -> Result<scoring::Score, Missing> {
        let deadline = self.scoring.deadline();
        let request = scoring::ScoreCustomerRequest {
            customer_id: customer.to_string(),
        };
        let ask = async |transport| {
            let mut client = ScoringServiceClient::new(transport);
            let answer = client.score_customer(until(deadline, request)).await?;
            let score = answer.into_inner().score.ok_or(Missing::InvalidAnswer)?;
            about(customer, &score.customer_id)?;
            Ok(score)
        };
        self.scoring.ask(deadline, ask).await
    }

    async fn actions(
        &self,
        customer: &CustomerId,
        channel: Channel,
    ) -> Result<campaign::PeekNextActionsResponse, Missing> {
        let deadline = self.campaign.deadline();
        let request = campaign::PeekNextActionsRequest {
            customer_id: customer.to_string(),
            channel: channel.number(),
        };
        let ask = async |transport| {
            let mut client = ActionServiceClient::new(transport);
            let answer = client.peek_next_actions(until(deadline, request)).await?;
            Ok(answer.into_inner())
        };
        self.campaign.ask(deadline, ask).await
    }

    /// Returns one account more than are shown, when there are more. Tiers that cannot be had in time
    /// are missing by themselves.
    async fn points(&self, customer: &CustomerId) -> Result<Vec<Account>, Missing> {
        let deadline = self.loyalty.deadline();
        let request = loyalty::ListAccountsRequest {
            customer_id: customer.to_string(),
            page_size: i32::try_from(ACCOUNTS_MAX + 1).unwrap_or(i32::MAX),
            page_token: String::new(),
        };
        let ask = async |transport| {
            let mut client = LoyaltyServiceClient::new(transport);
            let answer = client.list_accounts(until(deadline, request)).await?;
            let accounts = answer.into_inner().accounts;
            for account in &accounts {
                about(customer, &account.customer_id)?;
            }
            Ok(accounts)
        };
        let accounts = self.loyalty.ask(deadline, ask).await?;
        if accounts.is_empty() {
            return Err(Missing::NotKnown);
        }
        let with_tier = accounts.into_iter().map(async |account| Account {
            tier: self.tier(&account.account_id, deadline).await,
            account,
        });
        Ok(join_all(with_tier).await)
    }

    async fn tier(&self, account: &str, deadline: Instant) -> Result<loyalty::Tier, Missing> {
        let request = loyalty::GetTierRequest {
            account_id: account.to_owned(),
        };
        let ask = async |transport| {
            let mut client = ProgrammeServiceClient::new(transport);
            let answer = client.get_tier(until(deadline, request)).await?;
            let tier = answer.into_inner().tier.ok_or(Missing::InvalidAnswer)?;
            if tier.account_id != account {
                return Err(Missing::InvalidAnswer);
            }
            Ok(tier)
        };
        self.loyalty.ask(deadline, ask).await
    }
}

/// Tells the service by when to answer, so that it does not go on for nobody.
fn until<T>(deadline: Instant, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    request
}

/// Refuses an answer about somebody else.
fn about(customer: &CustomerId, answered: &str) -> Result<(), Missing> {
    if answered == customer.as_str() {
        return Ok(());
    }
    Err(Missing::InvalidAnswer)
}
