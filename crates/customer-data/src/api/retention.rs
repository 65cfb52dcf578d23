//! Deleting what is too old, at once and as far as one call goes.

use tenure_core::{PageToken, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields::time;

use super::page::Page;
use crate::domain::retention::{RetentionKind, kept_since};
use crate::job::retention::{Place, run};
use crate::{Deps, Error};

/// How many windows one call goes through: a call has an end.
const WINDOWS_MAX: usize = 200;

pub(super) async fn retain(
    deps: &Deps,
    request: &wire::RunRetentionRequest,
) -> Result<wire::RunRetentionResponse, Error> {
    let arguments = format!("retention/{}", request.dry_run);
    let page = Page::parse(Violations::new(), 0, &request.page_token, arguments)?;
    let place = Place {
        lane: page.number(0)?.unwrap_or_default(),
        kind: page.number(1)?.unwrap_or_default(),
        from: page.text(2)?.unwrap_or_default().to_owned(),
    };
    let now = deps.clock.now();
    let (counts, next) = run(deps, place, request.dry_run, WINDOWS_MAX).await?;
    let days = |kind| deps.config.privacy.retention.days(kind);
    let count = |kind: &RetentionKind| {
        let kept_since = kept_since(days(*kind), now)?;
        Some(wire::RetentionCount {
            kind: kind.number(),
            kept_since_time: Some(time(kept_since)),
            row_count: counts.get(&kind.number()).copied().unwrap_or_default(),
        })
    };
    let next = next.map(|it| PageToken::after([it.lane.to_string(), it.kind.to_string(), it.from]));
    Ok(wire::RunRetentionResponse {
        counts: RetentionKind::ALL.iter().filter_map(count).collect(),
        next_page_token: next.map_or(String::new(), |next| page.seal(&next)),
    })
}
