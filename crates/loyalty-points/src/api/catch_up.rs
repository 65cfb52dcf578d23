//! `CatchUp`.

use std::sync::Arc;

use tenure_proto::loyalty::v1::{CatchUpRequest, CatchUpResponse};
use tenure_rpc::feed;
use tonic::Status;

use crate::Shared;
use crate::error::Error;
use crate::job::{BillReader, notice, sweep};

pub(super) async fn catch_up(
    shared: &Arc<Shared>,
    _: CatchUpRequest,
) -> Result<CatchUpResponse, Error> {
    let mut reader = BillReader::new(shared.clone());
    if let Err(status) = feed::catch_up(&mut reader).await {
        return Err(reader
            .failure()
            .map_or_else(|| dependency(&status), Error::Sql));
    }
    let expired_points = sweep(shared).await?;
    let notice_count = notice(shared).await?;
    Ok(CatchUpResponse {
        applied_count: reader.applied(),
        expired_points,
        notice_count,
    })
}

fn dependency(status: &Status) -> Error {
    let message = status.message().to_owned();
    Error::Dependency {
        service: "customer-data",
        message,
    }
}
