//! The RPCs of `PartnerService`: one line each into the files below.

mod blocks;
mod partners;
mod prices;
mod settlements;
mod settling;
mod statement;

use std::sync::Arc;

use tenure_core::{AccountId, Violations};
use tenure_proto::loyalty::v1::partner_service_server::PartnerService;
use tenure_proto::loyalty::v1::*;
use tenure_proto::r#type::v1::Money;
use tonic::{Request, Response, Status};

use super::programme::answer;
use crate::Shared;
use crate::domain::PartnerRefusal;
use crate::error::Error;
use crate::store::partners::{self as store, StoredPartner};

/// The gRPC face of partners.
pub(crate) struct PartnerApi(pub(crate) Arc<Shared>);

/// The signature of a unary RPC is long; what differs is the name and the two messages.
macro_rules! unary {
    ($($name:ident: $request:ident -> $response:ident = $handler:path;)*) => {
        #[tonic::async_trait]
        impl PartnerService for PartnerApi {
            $(async fn $name(
                &self,
                request: Request<$request>,
            ) -> Result<Response<$response>, Status> {
                answer($handler(&self.0, request.into_inner()).await)
            })*
        }
    };
}

unary! {
    create_partner: CreatePartnerRequest -> CreatePartnerResponse = partners::create;
    update_partner: UpdatePartnerRequest -> UpdatePartnerResponse = partners::update;
    get_partner: GetPartnerRequest -> GetPartnerResponse = partners::get;
    list_partners: ListPartnersRequest -> ListPartnersResponse = partners::list;
    add_point_block: AddPointBlockRequest -> AddPointBlockResponse = blocks::add;
    list_point_blocks: ListPointBlocksRequest -> ListPointBlocksResponse = blocks::list;
    settle_partner: SettlePartnerRequest -> SettlePartnerResponse = settling::settle;
    update_settlement: UpdateSettlementRequest -> UpdateSettlementResponse = settling::update;
    get_settlement: GetSettlementRequest -> GetSettlementResponse = settlements::get;
    list_settlements: ListSettlementsRequest -> ListSettlementsResponse = settlements::list;
    list_settlement_entries: ListSettlementEntriesRequest -> ListSettlementEntriesResponse
        = settlements::entries;
    get_partner_statement: GetPartnerStatementRequest -> GetPartnerStatementResponse
        = statement::get;
}

/// Returns the partner that a request names.
fn partner_id(violations: &mut Violations, id: &str) -> Option<String> {
    let id = violations.take("partner_id", AccountId::parse(id));
    id.map(|id| id.to_string())
}

/// Returns a partner, or says that there is none.
async fn require(shared: &Shared, id: &str) -> Result<StoredPartner, Error> {
    let found = store::find(&shared.db, id).await?;
    let partner = id.to_owned();
    Ok(found.ok_or(PartnerRefusal::NotFound { partner })?)
}

/// Returns an amount in the currency of a partner.
fn money(partner: &StoredPartner, amount_minor: i64) -> Option<Money> {
    Some(Money {
        currency_code: partner.currency.to_string(),
        amount_minor,
    })
}
