//! The RPCs of the books, one line each.

use std::sync::Arc;

use tenure_proto::loyalty::v1::books_service_server::BooksService;
use tenure_proto::loyalty::v1::*;
use tonic::{Request, Response, Status};

use super::{answer, expiring, liability, statement};
use crate::Shared;

/// The gRPC face of the books.
pub(crate) struct BooksApi(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl BooksService for BooksApi {
    async fn allocate_price(
        &self,
        request: Request<AllocatePriceRequest>,
    ) -> Result<Response<AllocatePriceResponse>, Status> {
        answer(liability::allocate_price(&request.into_inner()))
    }

    async fn get_liability(
        &self,
        request: Request<GetLiabilityRequest>,
    ) -> Result<Response<GetLiabilityResponse>, Status> {
        answer(liability::get(&self.0, request.into_inner()).await)
    }

    async fn list_expiring_points(
        &self,
        request: Request<ListExpiringPointsRequest>,
    ) -> Result<Response<ListExpiringPointsResponse>, Status> {
        answer(expiring::list(&self.0, request.into_inner()).await)
    }

    async fn get_statement(
        &self,
        request: Request<GetStatementRequest>,
    ) -> Result<Response<GetStatementResponse>, Status> {
        answer(statement::get(&self.0, request.into_inner()).await)
    }
}
