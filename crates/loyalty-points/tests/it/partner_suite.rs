//! Short words for the calls of `PartnerService`.

use tenure_core::Timestamp;
use tenure_proto::loyalty::v1::partner_service_client::PartnerServiceClient;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::Transport;
use tenure_rpc::fields::time;
use tenure_rpc::transport::in_process;

use crate::suite::{Answer, Suite, new_id};

/// 1.00 for 100 points earned, of which all is billed; 0.80 owed for 100 points spent.
pub(crate) fn prices() -> PartnerPrices {
    PartnerPrices {
        accrual_prices: vec![accrual("", 1_000)],
        billing_basis_points: 0,
        redemption_minor_per_thousand: 800,
    }
}

pub(crate) fn accrual(points_type: &str, minor_per_thousand: i64) -> AccrualPrice {
    AccrualPrice {
        points_type: points_type.into(),
        minor_per_thousand,
    }
}

pub(crate) fn creating(partner_id: &str) -> CreatePartnerRequest {
    CreatePartnerRequest {
        request_id: new_id(),
        partner_id: partner_id.into(),
        display_name: format!("The {partner_id}"),
        kind: PartnerKind::Both.into(),
        funding: PartnerFundingModel::Postpaid.into(),
        currency_code: "EUR".into(),
        prices: Some(prices()),
        alert_points: 0,
        created_by: "ada".into(),
    }
}

pub(crate) fn updating(partner_id: &str) -> UpdatePartnerRequest {
    UpdatePartnerRequest {
        request_id: new_id(),
        partner_id: partner_id.into(),
        updated_by: "bob".into(),
        ..UpdatePartnerRequest::default()
    }
}

/// Minor units; all partners have the same currency.
pub(crate) fn minor(money: Option<&tenure_proto::r#type::v1::Money>) -> i64 {
    let money = money.unwrap();
    assert_eq!(money.currency_code, "EUR");
    money.amount_minor
}

pub(crate) fn net(settlement: &Settlement) -> i64 {
    minor(settlement.net_amount.as_ref())
}

impl Suite {
    pub(crate) fn partners(&self) -> PartnerServiceClient<Transport> {
        PartnerServiceClient::new(in_process(self.service.routes()))
    }

    /// Registers a partner that does everything, unless it is there.
    pub(crate) async fn partner(&self, partner_id: &str) {
        match self.create_partner(creating(partner_id)).await {
            Ok(_) => {}
            Err(status) => tenure_testkit::assert_reason(&status, "PARTNER_EXISTS"),
        }
    }

    pub(crate) async fn create_partner(&self, request: CreatePartnerRequest) -> Answer<Partner> {
        let answer = self.partners().create_partner(request).await?.into_inner();
        Ok(answer.partner.unwrap())
    }

    pub(crate) async fn update_partner(&self, request: UpdatePartnerRequest) -> Answer<Partner> {
        let answer = self.partners().update_partner(request).await?.into_inner();
        Ok(answer.partner.unwrap())
    }

    pub(crate) async fn close_partner(&self, partner_id: &str) -> Answer<Partner> {
        let request = UpdatePartnerRequest {
            state: PartnerState::Closed.into(),
            ..updating(partner_id)
        };
        self.update_partner(request).await
    }

    pub(crate) async fn reprice(&self, partner_id: &str, prices: PartnerPrices) -> Partner {
        let request = UpdatePartnerRequest {
            prices: Some(prices),
            ..updating(partner_id)
        };
        self.update_partner(request).await.unwrap()
    }

    pub(crate) async fn earn_at(
        &self,
        partner_id: &str,
        account_id: &str,
        points: i64,
    ) -> Answer<Entry> {
        let request = EarnPointsRequest {
            partner_id: partner_id.into(),
            ..self.earning(account_id, points, &new_id())
        };
        Ok(self.earn_with(request).await?.entry.unwrap())
    }

    pub(crate) async fn redeem_at(
        &self,
        partner_id: &str,
        account_id: &str,
        points: i64,
    ) -> Answer<Entry> {
        let request = RedeemPointsRequest {
            partner_id: partner_id.into(),
            ..self.redeeming(account_id, points)
        };
        Ok(self.redeem_with(request).await?.entry.unwrap())
    }

    pub(crate) async fn take_back(&self, entry: &Entry, points: i64) -> Answer<Entry> {
        let request = ReverseEntryRequest {
            request_id: new_id(),
            account_id: entry.account_id.clone(),
            entry_id: entry.entry_id.clone(),
            source: "a mistake".into(),
            points,
        };
        let answer = self.client.clone().reverse_entry(request).await?;
        Ok(answer.into_inner().entry.unwrap())
    }

    pub(crate) fn settling(&self, partner_id: &str) -> SettlePartnerRequest {
        SettlePartnerRequest {
            request_id: new_id(),
            partner_id: partner_id.into(),
            until_time: None,
            created_by: "ada".into(),
        }
    }

    pub(crate) async fn settle_with(
        &self,
        request: SettlePartnerRequest,
    ) -> Answer<SettlePartnerResponse> {
        let answer = self.partners().settle_partner(request).await?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn settle(&self, partner_id: &str) -> Settlement {
        let answer = self.settle_with(self.settling(partner_id)).await.unwrap();
        answer.settlement.unwrap()
    }

    pub(crate) async fn settlement(&self, partner_id: &str, number: i64) -> Answer<Settlement> {
        let request = GetSettlementRequest {
            partner_id: partner_id.into(),
            settlement_number: number,
        };
        let answer = self.partners().get_settlement(request).await?;
        Ok(answer.into_inner().settlement.unwrap())
    }

    pub(crate) async fn mark(
        &self,
        settlement: &Settlement,
        state: SettlementState,
        note: &str,
    ) -> Answer<Settlement> {
        let request = UpdateSettlementRequest {
            request_id: new_id(),
            partner_id: settlement.partner_id.clone(),
            settlement_number: settlement.settlement_number,
            state: state.into(),
            note: note.into(),
            updated_by: "bob".into(),
        };
        let answer = self.partners().update_settlement(request).await?;
        Ok(answer.into_inner().settlement.unwrap())
    }

    /// All entries of a settlement, read in small pages; of none for 0.
    pub(crate) async fn settled_entries(
        &self,
        partner_id: &str,
        settlement_number: i64,
    ) -> Vec<SettlementEntry> {
        let mut request = ListSettlementEntriesRequest {
            partner_id: partner_id.into(),
            settlement_number,
            page_size: 3,
            page_token: String::new(),
        };
        let mut entries = Vec::new();
        loop {
            let page = self
                .partners()
                .list_settlement_entries(request.clone())
                .await;
            let page = page.unwrap().into_inner();
            entries.extend(page.entries);
            if page.next_page_token.is_empty() {
                return entries;
            }
            request.page_token = page.next_page_token;
        }
    }

    pub(crate) async fn partner_statement(
        &self,
        partner_id: &str,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> PartnerStatement {
        let request = GetPartnerStatementRequest {
            partner_id: partner_id.into(),
            start_time: start.map(time),
            end_time: end.map(time),
        };
        let answer = self.partners().get_partner_statement(request).await;
        answer.unwrap().into_inner().statement.unwrap()
    }
}
