//! `AddPointBlock`, `ListPointBlocks`.

use tenure_core::{PageError, Timestamp, Violations, page};
use tenure_proto::loyalty::v1::{
    self as pb, AddPointBlockRequest, AddPointBlockResponse, ListPointBlocksRequest,
    ListPointBlocksResponse,
};
use tenure_rpc::{RequestError, fields};

use super::{money, partner_id, require};
use crate::Shared;
use crate::api::once::{Begun, begin};
use crate::api::programme::Failed;
use crate::api::{convert, parse};
use crate::domain::{Counts, PartnerRefusal, Payment};
use crate::error::Error;
use crate::store::blocks::{self as store, NewBlock, StoredBlock};
use crate::store::partners::StoredPartner;

/// The longest name of who did something.
const ACTOR_LENGTH_MAX: usize = 64;
/// The most points of a block, and the highest price.
const POINTS_MAX: i64 = 1_000_000_000_000;

pub(super) async fn add(
    shared: &Shared,
    message: AddPointBlockRequest,
) -> Result<AddPointBlockResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = partner_id(v, &message.partner_id);
    let (points, price_minor) = (message.points, message.price_minor);
    if !(1..=POINTS_MAX).contains(&points) {
        v.add("points", format!("1 to {POINTS_MAX}"), points.to_string());
    }
    let starts_at = fields::optional_time(v, "start_time", message.start_time.as_ref());
    let ends_at = fields::optional_time(v, "end_time", message.end_time.as_ref());
    let starts_at = starts_at.unwrap_or_else(|| shared.clock.now());
    let ends_at = ends_at.unwrap_or(Timestamp::MAX);
    if ends_at <= starts_at {
        v.add("end_time", "an instant after start_time", "one before");
    }
    if !(0..=POINTS_MAX).contains(&price_minor) {
        let found = price_minor.to_string();
        v.add("price_minor", format!("0 to {POINTS_MAX}"), found);
    }
    let by = fields::text(v, "created_by", &message.created_by, ACTOR_LENGTH_MAX);
    let ((request, id), by) = parse::all(violations, request.zip(id).zip(by))?;
    let partner = require(shared, &id).await;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let partner = match partner {
        Ok(partner) if partner.payment == Payment::Prepaid => partner,
        Ok(_) => {
            let refusal = PartnerRefusal::NotPrepaid { partner: id };
            return Ok(write.finish(Err(Error::from(refusal))).await?);
        }
        Err(error) => return Ok(write.finish(Err(error)).await?),
    };
    let new = NewBlock {
        partner: &id,
        points,
        starts_at,
        ends_at,
        is_reserve: message.reserve,
        price: price_minor,
        by,
    };
    let added = store::add(&mut write.tx, &shared.db, &*shared.clock, &new).await?;
    let answer = added.map(|added| {
        let counts = Counts {
            added: points,
            ..Counts::default()
        };
        AddPointBlockResponse {
            block: Some(show(&partner, &added, &counts)),
            replayed: false,
        }
    });
    Ok(write.finish(answer.map_err(Error::from)).await?)
}

pub(super) async fn list(
    shared: &Shared,
    message: ListPointBlocksRequest,
) -> Result<ListPointBlocksResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let id = partner_id(v, &message.partner_id);
    let size = fields::page_size(v, message.page_size);
    let (id, size) = parse::all(violations, id.zip(size))?;
    let arguments = format!("blocks\u{1f}{id}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let after = match token.map_err(RequestError::from)? {
        None => 0,
        Some(token) => parse::number(token.keys().first())
            .map_err(|_| RequestError::from(PageError::Invalid))?,
    };
    let partner = require(shared, &id).await?;
    let now = shared.clock.now();
    let rows = store::page(&shared.db, (&id, after), size.probe(), now).await?;
    let number = |(found, _): &(StoredBlock, Counts)| vec![found.block.number.to_string()];
    let (rows, next) = page::cut(rows, size, number);
    let show = |(found, counts): &(StoredBlock, Counts)| show(&partner, found, counts);
    Ok(ListPointBlocksResponse {
        blocks: rows.iter().map(show).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

fn show(partner: &StoredPartner, found: &StoredBlock, counts: &Counts) -> pb::PointBlock {
    pb::PointBlock {
        partner_id: found.partner.clone(),
        block_number: found.block.number,
        points: found.points,
        remaining_points: counts.free(),
        start_time: Some(fields::time(found.block.starts_at)),
        end_time: convert::until(found.block.ends_at),
        reserve: found.block.is_reserve,
        price: money(partner, found.price),
        create_time: Some(fields::time(found.created_at)),
        created_by: found.created_by.clone(),
    }
}
