//! `CreateProgrammeVersion`, `ActivateProgrammeVersion`, `GetProgrammeVersion`,
//! `ListProgrammeVersions`.

use tenure_core::{PageError, ProgrammeId, Violations, page};
use tenure_proto::loyalty::v1::{
    ActivateProgrammeVersionRequest, ActivateProgrammeVersionResponse,
    CreateProgrammeVersionRequest, CreateProgrammeVersionResponse, GetProgrammeVersionRequest,
    GetProgrammeVersionResponse, ListProgrammeVersionsRequest, ListProgrammeVersionsResponse,
    ProgrammeVersion, ProgrammeVersionState,
};
use tenure_rpc::{RequestError, fields};

use super::programmes::{ACTOR_LENGTH_MAX, id_or_default, require};
use super::{Failed, rules_in, rules_out};
use crate::Shared;
use crate::api::once::{Begun, begin};
use crate::api::parse;
use crate::domain::{Catalogue, ProgrammeRefusal};
use crate::error::Error;
use crate::store::activate as activate_version;
use crate::store::programmes::{self as store, Activated, StoredVersion};

/// Shows a version as it is now.
fn show(found: &StoredVersion, catalogue: &Catalogue, shared: &Shared) -> ProgrammeVersion {
    let now = shared.clock.now();
    let current = catalogue.in_force(&found.programme, now);
    let state = match &found.activated {
        None => ProgrammeVersionState::Draft,
        Some(activated) if activated.effective_from > now => ProgrammeVersionState::Scheduled,
        Some(_) if current.is_some_and(|rules| rules.number == found.number) => {
            ProgrammeVersionState::Current
        }
        Some(_) => ProgrammeVersionState::Retired,
    };
    shown(found, state)
}

fn shown(found: &StoredVersion, state: ProgrammeVersionState) -> ProgrammeVersion {
    let activated = found.activated.as_ref();
    ProgrammeVersion {
        programme_id: found.programme.to_string(),
        version_number: found.number,
        state: state.into(),
        effective_time: activated.map(|it| fields::time(it.effective_from)),
        rules: Some(rules_out::rules(&found.rules)),
        create_time: Some(fields::time(found.created_at)),
        created_by: found.created_by.clone(),
        activate_time: activated.map(|it| fields::time(it.at)),
        activated_by: activated.map(|it| it.by.clone()).unwrap_or_default(),
    }
}

pub(super) async fn create(
    shared: &Shared,
    message: CreateProgrammeVersionRequest,
) -> Result<CreateProgrammeVersionResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = v.take("programme_id", ProgrammeId::parse(&message.programme_id));
    let by = fields::text(v, "created_by", &message.created_by, ACTOR_LENGTH_MAX);
    let rules = fields::required(v, "rules", message.rules.as_ref());
    let rules = rules.and_then(|rules| v.within("rules.", |v| rules_in::rules(v, rules)));
    let parsed = request.zip(id).zip(by.zip(rules));
    let ((request, id), (by, rules)) = parse::all(violations, parsed)?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let now = write.now;
    if let Err(refusal) = store::require_partners(&mut write.tx, &rules).await? {
        return Ok(write.finish(Err(Error::from(refusal))).await?);
    }
    let drafted = store::draft(&mut write.tx, &id, &rules, by, now).await?;
    let answer = drafted.map(|version| CreateProgrammeVersionResponse {
        version: Some(shown(&version, ProgrammeVersionState::Draft)),
        replayed: false,
    });
    Ok(write.finish(answer.map_err(Error::from)).await?)
}

pub(super) async fn activate(
    shared: &Shared,
    message: ActivateProgrammeVersionRequest,
) -> Result<ActivateProgrammeVersionResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = v.take("programme_id", ProgrammeId::parse(&message.programme_id));
    let by = fields::text(v, "activated_by", &message.activated_by, ACTOR_LENGTH_MAX);
    let effective = fields::optional_time(v, "effective_time", message.effective_time.as_ref());
    let (request, (id, by)) = parse::all(violations, request.zip(id.zip(by)))?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let now = write.now;
    if effective.is_some_and(|at| at < now) {
        let mut violations = Violations::new();
        violations.add(
            "effective_time",
            "an instant not in the past",
            "one that has passed",
        );
        parse::all(violations, Some(()))?;
    }
    let activated = Activated {
        effective_from: effective.unwrap_or(now),
        at: now,
        by: by.to_owned(),
    };
    let (lanes, place) = (shared.db.lanes().all(), (&id, message.version_number));
    let found = activate_version(&mut write.tx, lanes, place, &activated).await?;
    let state = if activated.effective_from > now {
        ProgrammeVersionState::Scheduled
    } else {
        ProgrammeVersionState::Current
    };
    let answer = found.map(|version| ActivateProgrammeVersionResponse {
        version: Some(shown(&version, state)),
        replayed: false,
    });
    Ok(write.finish(answer.map_err(Error::from)).await?)
}

pub(super) async fn get(
    shared: &Shared,
    message: GetProgrammeVersionRequest,
) -> Result<GetProgrammeVersionResponse, Failed> {
    let now = shared.clock.now();
    let catalogue = shared.rules.fresh(&shared.db, now).await?;
    let mut violations = Violations::new();
    let id = id_or_default(&mut violations, &message.programme_id, &catalogue);
    let id = parse::all(violations, id)?;
    let number = match message.version_number {
        0 => catalogue.in_force(&id, now).map_or(0, |rules| rules.number),
        number => number,
    };
    let found = require_version(shared, &id, number).await?;
    let version = Some(show(&found, &catalogue, shared));
    Ok(GetProgrammeVersionResponse { version })
}

/// Returns a version, or says what is missing.
pub(super) async fn require_version(
    shared: &Shared,
    id: &ProgrammeId,
    number: i64,
) -> Result<StoredVersion, Error> {
    if let Some(found) = store::version_of(&shared.db, id, number).await? {
        return Ok(found);
    }
    require(shared, id).await?;
    let programme = id.to_string();
    Err(ProgrammeRefusal::VersionNotFound { programme, number }.into())
}

pub(super) async fn list(
    shared: &Shared,
    message: ListProgrammeVersionsRequest,
) -> Result<ListProgrammeVersionsResponse, Failed> {
    let catalogue = shared.rules.fresh(&shared.db, shared.clock.now()).await?;
    let mut violations = Violations::new();
    let id = id_or_default(&mut violations, &message.programme_id, &catalogue);
    let size = fields::page_size(&mut violations, message.page_size);
    let (id, size) = parse::all(violations, id.zip(size))?;
    let arguments = format!("versions\u{1f}{id}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let before = match token.map_err(RequestError::from)? {
        None => i64::MAX,
        Some(token) => parse::number(token.keys().first())
            .map_err(|_| RequestError::from(PageError::Invalid))?,
    };
    require(shared, &id).await?;
    let rows = store::versions_page(&shared.db, &id, before, size).await?;
    let (rows, next) = page::cut(rows, size, |version| vec![version.number.to_string()]);
    let show = |found: &StoredVersion| show(found, &catalogue, shared);
    Ok(ListProgrammeVersionsResponse {
        versions: rows.iter().map(show).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}
