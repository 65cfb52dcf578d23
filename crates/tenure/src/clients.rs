//! Clients of the four services, over a socket or within the process.

use tenure_proto::campaign::v1::campaign_service_client::CampaignServiceClient;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_proto::loyalty::v1::partner_service_client::PartnerServiceClient;
use tenure_proto::loyalty::v1::reward_service_client::RewardServiceClient;
use tenure_proto::scoring::v1::scoring_service_client::ScoringServiceClient;
use tenure_rpc::Transport;

/// A client of each service. Clones share the connections.
#[derive(Clone)]
pub struct Clients {
    /// Who this is, what happened.
    pub customer: CustomerServiceClient<Transport>,
    /// Where each customer stands.
    pub scoring: ScoringServiceClient<Transport>,
    /// What to do now.
    pub campaign: CampaignServiceClient<Transport>,
    /// How many points.
    pub loyalty: LoyaltyServiceClient<Transport>,
    /// What points buy.
    pub rewards: RewardServiceClient<Transport>,
    /// Who else gives and takes points.
    pub partners: PartnerServiceClient<Transport>,
}

impl Clients {
    /// Creates clients that reach all services over one transport: one server that runs them all.
    #[must_use]
    pub fn of_one(transport: &Transport) -> Self {
        Self {
            customer: CustomerServiceClient::new(transport.clone()),
            scoring: ScoringServiceClient::new(transport.clone()),
            campaign: CampaignServiceClient::new(transport.clone()),
            loyalty: LoyaltyServiceClient::new(transport.clone()),
            rewards: RewardServiceClient::new(transport.clone()),
            partners: PartnerServiceClient::new(transport.clone()),
        }
    }
}
