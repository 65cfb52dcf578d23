//! Clients of the four services, over a socket or within the process.

use tenure_proto::campaign::v1::campaign_service_client::CampaignServiceClient;
use tenure_proto::customer::v1::account_service_client::AccountServiceClient;
use tenure_proto::customer::v1::briefing_service_client::BriefingServiceClient;
use tenure_proto::customer::v1::complaint_service_client::ComplaintServiceClient;
use tenure_proto::customer::v1::consent_service_client::ConsentServiceClient;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::customer::v1::group_service_client::GroupServiceClient;
use tenure_proto::customer::v1::lead_service_client::LeadServiceClient;
use tenure_proto::customer::v1::party_service_client::PartyServiceClient;
use tenure_proto::customer::v1::privacy_service_client::PrivacyServiceClient;
use tenure_proto::customer::v1::resource_service_client::ResourceServiceClient;
use tenure_proto::customer::v1::subscription_terms_service_client::SubscriptionTermsServiceClient;
use tenure_proto::customer::v1::survey_service_client::SurveyServiceClient;
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
    /// What else customer-data keeps.
    pub desks: Desks,
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
            desks: Desks::of_one(transport),
            scoring: ScoringServiceClient::new(transport.clone()),
            campaign: CampaignServiceClient::new(transport.clone()),
            loyalty: LoyaltyServiceClient::new(transport.clone()),
            rewards: RewardServiceClient::new(transport.clone()),
            partners: PartnerServiceClient::new(transport.clone()),
        }
    }
}

/// A client of each further gRPC service of customer-data. Clones share the connections.
#[derive(Clone)]
pub struct Desks {
    /// Parties and their relationships.
    pub parties: PartyServiceClient<Transport>,
    /// Billing accounts.
    pub accounts: AccountServiceClient<Transport>,
    /// Groups.
    pub groups: GroupServiceClient<Transport>,
    /// Penalties, notices, signs of leaving.
    pub terms: SubscriptionTermsServiceClient<Transport>,
    /// Prospects and leads.
    pub leads: LeadServiceClient<Transport>,
    /// Numbers and SIMs.
    pub resources: ResourceServiceClient<Transport>,
    /// Tickets and promises.
    pub complaints: ComplaintServiceClient<Transport>,
    /// What customers answered.
    pub surveys: SurveyServiceClient<Transport>,
    /// What customers agreed to.
    pub consents: ConsentServiceClient<Transport>,
    /// Briefings.
    pub briefings: BriefingServiceClient<Transport>,
    /// Erasures and copies of everything.
    pub privacy: PrivacyServiceClient<Transport>,
}

impl Desks {
    /// Creates clients that reach customer-data over a transport.
    #[must_use]
    pub fn of_one(transport: &Transport) -> Self {
        Self {
            parties: PartyServiceClient::new(transport.clone()),
            accounts: AccountServiceClient::new(transport.clone()),
            groups: GroupServiceClient::new(transport.clone()),
            terms: SubscriptionTermsServiceClient::new(transport.clone()),
            leads: LeadServiceClient::new(transport.clone()),
            resources: ResourceServiceClient::new(transport.clone()),
            complaints: ComplaintServiceClient::new(transport.clone()),
            surveys: SurveyServiceClient::new(transport.clone()),
            consents: ConsentServiceClient::new(transport.clone()),
            briefings: BriefingServiceClient::new(transport.clone()),
            privacy: PrivacyServiceClient::new(transport.clone()),
        }
    }
}
