//! Changes behind a position.

use tenure_proto::customer::v1 as wire;
use tenure_rpc::encoded::Encoded;
use tenure_rpc::feed::Page;
use tenure_sql::feed::{self, Filter, Positions, Token};

use super::frame::Frame;
use super::sealed::Openers;
use super::{BYTES_MAX, CHANGES_MAX};
use crate::Error;
use crate::store::Db;

/// How often is looked on in vain for what a reader wants before it is told how far that was.
const LOOKS_MAX: usize = 20;

pub(super) async fn read(
    db: &Db,
    filter: &Filter,
    after: Positions,
) -> Result<Page<Encoded>, Error> {
    let mut page = bounded(db, filter, &after).await?;
    for _ in 1..LOOKS_MAX {
        if page.is_end || !page.lengths.is_empty() {
            break;
        }
        page = bounded(db, filter, &page.positions).await?;
    }
    let mut frame = Frame::with_room(page.lengths.len(), page.bodies.len());
    let openers = Openers::find(db, page.each()).await?;
    for body in page.each() {
        frame.push(&openers.open(body)?);
    }
    let token = Token {
        positions: page.positions,
        snapshot: None,
    };
    let resume_token = token.to_text(filter);
    let rest = wire::WatchChangesResponse {
        resume_token: resume_token.clone(),
        lag_count: Some(page.lag),
        ..Default::default()
    };
    Ok(Page {
        message: frame.finish(&rest),
        resume_token,
        is_head: page.is_end,
    })
}

/// Reads as much as goes into one message.
async fn bounded(db: &Db, filter: &Filter, after: &Positions) -> Result<feed::Page, Error> {
    let mut limit = CHANGES_MAX;
    loop {
        let page = feed::page(db, after, filter, limit).await?;
        // Positions move lane by lane, so less is had only by asking for less.
        if page.bodies.len() <= BYTES_MAX || limit == 1 {
            return Ok(page);
        }
        limit = (limit / 2).min(page.lengths.len().div_ceil(2));
    }
}
