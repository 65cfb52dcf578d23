//! The taking back of imports: begin, go on, look at, and what stays.

use std::time::Duration;

use tenure_core::{Lane, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::import_reversal_service_server::ImportReversalService;
use tenure_rpc::fields::{self, time};
use tenure_sql::feed;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::import::import_id;
use super::once::{Write, once};
use super::page::Page;
use super::{Answer, Api};
use crate::domain::reversal::{Conflict, Phase, Removal, Reversal, UndoKey};
use crate::domain::{Import, ImportState};
use crate::{Deps, Error, job, store};

/// The most steps of one call, and how many when it does not say.
const STEPS_MAX: i32 = 100;
const STEPS: i32 = 10;
/// With less time left no further step is begun.
const TIME_LEFT_MIN: Duration = Duration::from_secs(20);

#[tonic::async_trait]
impl ImportReversalService for Api {
    async fn revert_import(
        &self,
        request: Request<wire::RevertImportRequest>,
    ) -> Answer<wire::RevertImportResponse> {
        let answer = revert(&self.0, &request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn run_import_reversal(
        &self,
        request: Request<wire::RunImportReversalRequest>,
    ) -> Answer<wire::RunImportReversalResponse> {
        Ok(Response::new(run(&self.0, &request.into_inner()).await?))
    }

    async fn get_import_reversal(
        &self,
        request: Request<wire::GetImportReversalRequest>,
    ) -> Answer<wire::GetImportReversalResponse> {
        Ok(Response::new(get(&self.0, &request.into_inner()).await?))
    }

    async fn list_import_conflicts(
        &self,
        request: Request<wire::ListImportConflictsRequest>,
    ) -> Answer<wire::ListImportConflictsResponse> {
        Ok(Response::new(
            conflicts(&self.0, &request.into_inner()).await?,
        ))
    }
}

async fn revert(
    deps: &Deps,
    request: &wire::RevertImportRequest,
) -> Result<wire::RevertImportResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let import = import_id(&mut violations, &request.import_id);
    violations.into_result().map_err(Error::from)?;
    let (id, import) = id.zip(import).expect("what is missing is a violation");
    let may_run = request.give_up_running;
    once!(deps, id, request, write => revert_in(deps, &mut write, import, may_run))
}

async fn revert_in(
    deps: &Deps,
    write: &mut Write,
    id: Uuid,
    may_run: bool,
) -> Result<wire::RevertImportResponse, Error> {
    let (lanes, now) = (write.lanes, write.now);
    feed::lock_lanes(&mut write.tx, &[store::import::lane(lanes, id)]).await?;
    let import = store::import::load(&mut write.tx, lanes, id).await?;
    let mut import = import.ok_or_else(|| Error::ImportNotFound(id.to_string()))?;
    let begun = store::reversal::load(&mut write.tx, lanes, id).await?;
    let reversal = match begun {
        Some(begun) => begun,
        None => {
            if import.state == ImportState::Running && !may_run {
                return Err(Error::ImportRunning(id.to_string()));
            }
            let days = i64::from(deps.config.import_undo_days);
            let kept_since = now - tenure_core::Span::from_days(days);
            if !import.is_undo_kept || import.created_at < kept_since {
                return Err(Error::ImportUndoExpired(id.to_string()));
            }
            import.state = ImportState::Reverting;
            import.updated_at = now;
            store::import::update(&mut write.tx, lanes, &import).await?;
            let reversal = Reversal::begin(id, now);
            store::reversal::save(&mut write.tx, lanes, &reversal).await?;
            reversal
        }
    };
    Ok(wire::RevertImportResponse {
        import_reversal: Some(reversal_of(&import, &reversal)),
        replayed: false,
    })
}

async fn run(
    deps: &Deps,
    request: &wire::RunImportReversalRequest,
) -> Result<wire::RunImportReversalResponse, Error> {
    let mut violations = Violations::new();
    let id = import_id(&mut violations, &request.import_id);
    if !(0..=STEPS_MAX).contains(&request.step_limit) {
        let wanted = format!("1 to {STEPS_MAX}, or 0 for {STEPS}");
        violations.add("step_limit", wanted, request.step_limit.to_string());
    }
    violations.into_result()?;
    let id = id.expect("what is missing is a violation");
    let steps = match request.step_limit {
        0 => STEPS,
        steps => steps,
    };
    let mut reversal = job::reversal::step(deps, id).await?;
    for _ in 1..steps {
        let is_late = tenure_rpc::call::remaining().is_some_and(|left| left < TIME_LEFT_MIN);
        if reversal.phase == Phase::Done || is_late {
            break;
        }
        reversal = job::reversal::step(deps, id).await?;
    }
    let import = store::import::get(&deps.db, id).await?;
    let import = import.ok_or_else(|| Error::ImportNotFound(id.to_string()))?;
    Ok(wire::RunImportReversalResponse {
        import_reversal: Some(reversal_of(&import, &reversal)),
    })
}

async fn get(
    deps: &Deps,
    request: &wire::GetImportReversalRequest,
) -> Result<wire::GetImportReversalResponse, Error> {
    let mut violations = Violations::new();
    let id = import_id(&mut violations, &request.import_id);
    violations.into_result()?;
    let id = id.expect("what is missing is a violation");
    let import = store::import::get(&deps.db, id).await?;
    let reversal = store::reversal::get(&deps.db, id).await?;
    let Some((import, reversal)) = import.zip(reversal) else {
        return Err(Error::ImportReversalNotFound(id.to_string()));
    };
    Ok(wire::GetImportReversalResponse {
        import_reversal: Some(reversal_of(&import, &reversal)),
    })
}

async fn conflicts(
    deps: &Deps,
    request: &wire::ListImportConflictsRequest,
) -> Result<wire::ListImportConflictsResponse, Error> {
    let mut violations = Violations::new();
    let id = import_id(&mut violations, &request.import_id);
    let arguments = format!("import conflicts/{}", request.import_id);
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(violations, size, token, arguments)?;
    let id = id.expect("what is missing is a violation");
    let after: (Lane, &str, i32, &str) = (
        page.number(0)?.unwrap_or(-1),
        page.text(1)?.unwrap_or_default(),
        page.number(2)?.unwrap_or(0),
        page.text(3)?.unwrap_or_default(),
    );
    let rows = store::reversal::conflicts(&deps.db, id, after, page.size.probe()).await?;
    let lanes = deps.db.lanes();
    let (rows, next_page_token) = page.cut(rows, |(conflict, kind, key)| {
        let customer = conflict.customer.as_str();
        let lane = lanes.of(customer).to_string();
        vec![lane, customer.to_owned(), kind.to_string(), key.clone()]
    });
    let show = |(conflict, _, key): (Conflict, i32, String)| wire::ImportConflict {
        customer_id: conflict.customer.to_string(),
        fact_kind: kind(&conflict.key).to_owned(),
        fact_id: key,
        reason: conflict.reason.number(),
    };
    Ok(wire::ListImportConflictsResponse {
        import_conflicts: rows.into_iter().map(show).collect(),
        next_page_token,
    })
}

fn kind(key: &UndoKey) -> &'static str {
    match key {
        UndoKey::Usage(_) => "usage_summary",
        UndoKey::Interaction(_) => "interaction",
        UndoKey::Bill(_) => "bill",
        UndoKey::Subscription(_) => "subscription",
        UndoKey::Customer | UndoKey::Made => "customer",
    }
}

fn reversal_of(import: &Import, it: &Reversal) -> wire::ImportReversal {
    let state = match it.phase {
        Phase::Done => ImportState::Reverted,
        _ => ImportState::Reverting,
    };
    wire::ImportReversal {
        import_id: it.import_id.to_string(),
        state: state.number(),
        removed_customer_count: it.removed_customers,
        restored_customer_count: it.restored_customers,
        removed_fact_count: it.removed_facts,
        restored_fact_count: it.restored_facts,
        conflict_count: it.conflicts,
        row_count: import.accepted_rows,
        create_time: Some(time(it.created_at)),
        complete_time: it.completed_at.map(time),
    }
}

/// Shows what is gone with an import.
pub(super) fn removal(removal: &Removal) -> wire::Removal {
    let mut shown = wire::Removal {
        import_id: removal.import_id.to_string(),
        is_customer: removal.facts.is_none(),
        ..Default::default()
    };
    for key in removal.facts.iter().flatten() {
        match key {
            UndoKey::Subscription(id) => shown.subscription_ids.push(id.to_string()),
            UndoKey::Bill(id) => shown.bill_ids.push(id.to_string()),
            UndoKey::Interaction(id) => shown.interaction_ids.push(id.to_string()),
            UndoKey::Usage(key) => shown.usage_summaries.push(wire::RemovedUsage {
                start_time: Some(time(key.started_at)),
                period: key.period.number(),
                subscription_id: key
                    .subscription
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            }),
            UndoKey::Customer | UndoKey::Made => {}
        }
    }
    shown
}
