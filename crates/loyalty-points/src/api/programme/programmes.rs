//! `CreateProgramme`, `GetProgramme`, `ListProgrammes`.

use tenure_core::{ProgrammeId, Violations, page};
use tenure_proto::loyalty::v1::{
    CreateProgrammeRequest, CreateProgrammeResponse, GetProgrammeRequest, GetProgrammeResponse,
    ListProgrammesRequest, ListProgrammesResponse, Programme,
};
use tenure_rpc::{RequestError, fields};

use super::Failed;
use crate::Shared;
use crate::api::once::{Begun, begin};
use crate::api::parse;
use crate::domain::{Catalogue, ProgrammeRefusal};
use crate::error::Error;
use crate::store::programmes::{self as store, StoredProgramme};

/// The longest name of who did something.
pub(super) const ACTOR_LENGTH_MAX: usize = 64;

fn show(found: &StoredProgramme, catalogue: &Catalogue, shared: &Shared) -> Programme {
    let current = catalogue.in_force(&found.id, shared.clock.now());
    Programme {
        programme_id: found.id.to_string(),
        latest_version_number: found.head,
        current_version_number: current.map_or(0, |rules| rules.number),
        create_time: Some(fields::time(found.created_at)),
        created_by: found.created_by.clone(),
    }
}

pub(super) async fn create(
    shared: &Shared,
    message: CreateProgrammeRequest,
) -> Result<CreateProgrammeResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = v.take("programme_id", ProgrammeId::parse(&message.programme_id));
    let by = fields::text(v, "created_by", &message.created_by, ACTOR_LENGTH_MAX);
    let (request, (id, by)) = parse::all(violations, request.zip(id.zip(by)))?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let now = write.now;
    let created = store::create(&mut write.tx, &id, by, now).await?;
    let answer = created.map(|programme| CreateProgrammeResponse {
        programme: Some(Programme {
            programme_id: programme.id.to_string(),
            latest_version_number: 0,
            current_version_number: 0,
            create_time: Some(fields::time(now)),
            created_by: programme.created_by,
        }),
        replayed: false,
    });
    Ok(write.finish(answer.map_err(Error::from)).await?)
}

/// Returns the id that a request names, or that of the default programme.
pub(super) fn id_or_default(
    v: &mut Violations,
    id: &str,
    catalogue: &Catalogue,
) -> Option<ProgrammeId> {
    if id.is_empty() {
        return Some(catalogue.default_programme().clone());
    }
    v.take("programme_id", ProgrammeId::parse(id))
}

/// Returns the programme that a request names, or the default one.
pub(super) async fn require(shared: &Shared, id: &ProgrammeId) -> Result<StoredProgramme, Error> {
    let found = store::find(&shared.db, id).await?;
    let programme = id.to_string();
    Ok(found.ok_or(ProgrammeRefusal::ProgrammeNotFound { programme })?)
}

pub(super) async fn get(
    shared: &Shared,
    message: GetProgrammeRequest,
) -> Result<GetProgrammeResponse, Failed> {
    let catalogue = shared.rules.fresh(&shared.db, shared.clock.now()).await?;
    let mut violations = Violations::new();
    let id = id_or_default(&mut violations, &message.programme_id, &catalogue);
    let found = require(shared, &parse::all(violations, id)?).await?;
    let programme = Some(show(&found, &catalogue, shared));
    Ok(GetProgrammeResponse { programme })
}

pub(super) async fn list(
    shared: &Shared,
    message: ListProgrammesRequest,
) -> Result<ListProgrammesResponse, Failed> {
    let catalogue = shared.rules.fresh(&shared.db, shared.clock.now()).await?;
    let mut violations = Violations::new();
    let size = fields::page_size(&mut violations, message.page_size);
    let size = parse::all(violations, size)?;
    let arguments = b"programmes";
    let token = fields::page_token(&message.page_token, arguments).map_err(RequestError::from)?;
    let after = token.as_ref().and_then(|token| token.keys().first());
    let after = after.map_or("", String::as_str);
    let rows = store::page(&shared.db, after, size).await?;
    let (rows, next) = page::cut(rows, size, |programme| vec![programme.id.to_string()]);
    let show = |found: &StoredProgramme| show(found, &catalogue, shared);
    Ok(ListProgrammesResponse {
        programmes: rows.iter().map(show).collect(),
        next_page_token: next.map(|next| next.seal(arguments)).unwrap_or_default(),
    })
}
