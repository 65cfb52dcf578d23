//! Imports: begin, get, list.

use tenure_core::violation::Mismatch;
use tenure_core::{Violations, id};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::fields;
use tonic::Status;
use uuid::Uuid;

use super::once::{Begun, Write, begin};
use super::page::Page;
use super::show;
use crate::domain::{Import, ImportState, text};
use crate::{Deps, Error, store};

/// The longest name of a file, in bytes.
const SOURCE_NAME_LENGTH_MAX: usize = 200;

pub(super) async fn create(
    deps: &Deps,
    request: &wire::CreateImportRequest,
) -> Result<wire::CreateImportResponse, Status> {
    let mut violations = Violations::new();
    let id = fields::request_id(&mut violations, &request.request_id);
    let name = text::parse_required(&request.source_name, SOURCE_NAME_LENGTH_MAX);
    let name = violations.take("source_name", name);
    let content = violations.take("content_digest", digest(&request.content_digest));
    let mapping = violations.take("mapping_digest", digest(&request.mapping_digest));
    violations.into_result().map_err(Error::from)?;
    let missing = "what is missing is a violation";
    let (name, content, mapping) = (
        name.expect(missing),
        content.expect(missing),
        mapping.expect(missing),
    );
    let id = id.expect(missing);
    let mut write = match begin(deps, id, request).await? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let is_undo_kept = deps.config.import_undo_days > 0;
    let created = create_in(&mut write, (name, content, mapping), is_undo_kept).await;
    write.finish(created).await
}

async fn create_in(
    write: &mut Write,
    (name, content, mapping): (String, String, String),
    is_undo_kept: bool,
) -> Result<wire::CreateImportResponse, Error> {
    let mut reverted = 0;
    loop {
        let digests = (content.clone(), mapping.clone());
        let import = Import::begin(name.clone(), digests, reverted, write.now);
        let import = Import {
            is_undo_kept,
            ..import
        };
        store::import::insert(&mut write.tx, write.lanes, &import).await?;
        let stored = store::import::load(&mut write.tx, write.lanes, import.id).await?;
        let import = stored.unwrap_or(import);
        match import.state {
            // The file is taken in anew.
            ImportState::Reverted => reverted += 1,
            ImportState::Reverting => return Err(Error::ImportReverted(import.id.to_string())),
            ImportState::Running | ImportState::Completed => {
                return Ok(wire::CreateImportResponse {
                    import: Some(show::import(&import)),
                    replayed: false,
                });
            }
        }
    }
}

fn digest(digest: &str) -> Result<String, Mismatch> {
    if digest.len() == 64 && digest.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Ok(digest.to_ascii_lowercase());
    }
    let found = match digest.len() {
        0 => "nothing".to_owned(),
        length => format!("{length} bytes that are none"),
    };
    Err(Mismatch::new(
        "a SHA-256 digest of 64 hexadecimal digits",
        found,
    ))
}

/// Parses the id of an import.
pub(super) fn import_id(violations: &mut Violations, text: &str) -> Option<Uuid> {
    violations
        .take("import_id", id::RequestId::parse(text))
        .map(|id| id.0)
}

pub(super) async fn get(
    deps: &Deps,
    request: &wire::GetImportRequest,
) -> Result<wire::GetImportResponse, Error> {
    let mut violations = Violations::new();
    let id = import_id(&mut violations, &request.import_id);
    violations.into_result()?;
    let id = id.expect("what is missing is a violation");
    match store::import::get(&deps.db, id).await? {
        Some(import) => Ok(wire::GetImportResponse {
            import: Some(show::import(&import)),
        }),
        None => Err(Error::ImportNotFound(id.to_string())),
    }
}

pub(super) async fn list(
    deps: &Deps,
    request: &wire::ListImportsRequest,
) -> Result<wire::ListImportsResponse, Error> {
    let arguments = "imports".to_owned();
    let page = Page::parse(
        Violations::new(),
        request.page_size,
        &request.page_token,
        arguments,
    )?;
    let after = page.newest_first()?;
    let rows = store::import::list(&deps.db, after, page.size.probe()).await?;
    let (rows, next_page_token) = page.cut(rows, |row| {
        vec![row.created_at.as_micros().to_string(), row.id.to_string()]
    });
    let imports = rows.iter().map(show::import).collect();
    Ok(wire::ListImportsResponse {
        imports,
        next_page_token,
    })
}
