//! Surveys: upsert, list.

use std::cmp::Reverse;

use tenure_core::Violations;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::survey_service_server::SurveyService;
use tenure_rpc::fields;
use tonic::{Request, Response, Status};

use super::customer::required_customer;
use super::identity::page_of_record;
use super::once::{Begun, begin, upsert_all};
use super::page::Page;
use super::{Answer, Api, parse, show};
use crate::domain::{Book, Survey, Touched};
use crate::{Deps, Error, store};

#[tonic::async_trait]
impl SurveyService for Api {
    async fn batch_upsert_surveys(
        &self,
        request: Request<wire::BatchUpsertSurveysRequest>,
    ) -> Answer<wire::BatchUpsertSurveysResponse> {
        batch_upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_surveys(
        &self,
        request: Request<wire::ListSurveysRequest>,
    ) -> Answer<wire::ListSurveysResponse> {
        Ok(Response::new(list(&self.0, &request.into_inner()).await?))
    }
}

async fn batch_upsert(
    deps: &Deps,
    request: &wire::BatchUpsertSurveysRequest,
) -> Result<wire::BatchUpsertSurveysResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let (key, id_of) = ("survey_id", |item: &Survey| item.id.clone());
    let (now, items) = (deps.clock.now(), &request.surveys);
    let items = parse::batch(
        &mut violations,
        "surveys",
        items,
        |at, item| parse::survey(at, item, now),
        key,
        id_of,
    );
    violations.into_result().map_err(Error::from)?;
    let id = id.expect("what is missing is a violation");
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let upserted = upsert_all(
        &mut write,
        "surveys",
        items,
        Touched::survey,
        Book::upsert_survey,
    )
    .await;
    let upserted = upserted.map(|counts| wire::BatchUpsertSurveysResponse {
        created_count: counts.created,
        updated_count: counts.updated,
        replayed: false,
    });
    write.finish(upserted).await
}

async fn list(
    deps: &Deps,
    request: &wire::ListSurveysRequest,
) -> Result<wire::ListSurveysResponse, Error> {
    let customer = required_customer(&request.customer_id)?;
    let arguments = format!("surveys/{customer}");
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(Violations::new(), size, token, arguments)?;
    let after = page.newest_first()?;
    let limit = page.size.probe();
    let order = |row: &Survey| (Reverse(row.answered_at), row.id.clone());
    let rows = page_of_record!(deps, &customer, limit, order, member => {
        store::survey::list(&deps.db, member, after, limit)
    });
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.answered_at.as_micros().to_string(), row.id.to_string()]
    });
    Ok(wire::ListSurveysResponse {
        surveys: rows.iter().map(show::survey).collect(),
        next_page_token,
    })
}
