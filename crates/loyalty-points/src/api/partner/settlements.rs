//! `GetSettlement`, `ListSettlements`, `ListSettlementEntries`.

use tenure_core::{Lane, PageError, Violations, page};
use tenure_proto::loyalty::v1::{
    self as pb, GetSettlementRequest, GetSettlementResponse, ListSettlementEntriesRequest,
    ListSettlementEntriesResponse, ListSettlementsRequest, ListSettlementsResponse,
};
use tenure_rpc::{RequestError, fields};

use super::{money, partner_id, require};
use crate::Shared;
use crate::api::programme::Failed;
use crate::api::{convert, parse};
use crate::domain::{BillLine, PartnerRefusal};
use crate::error::Error;
use crate::store::partners::StoredPartner;
use crate::store::settlements::{self as store, StoredEntry, StoredSettlement};

/// Returns a settlement with its lines and ranges.
pub(super) async fn whole(
    shared: &Shared,
    partner: &StoredPartner,
    number: i64,
) -> Result<pb::Settlement, Error> {
    let (db, id) = (&shared.db, partner.id.as_str());
    let found = store::find(db, id, number).await?;
    let found = found.ok_or_else(|| PartnerRefusal::SettlementNotFound {
        partner: id.to_owned(),
        number,
    })?;
    let lines = store::lines(db, id, number).await?;
    let ranges = store::ranges(db, id, number).await?;
    let range = |(lane, from_record_number, to_record_number)| pb::SettlementRange {
        lane,
        from_record_number,
        to_record_number,
    };
    Ok(pb::Settlement {
        lines: lines.iter().map(|line| show_line(partner, line)).collect(),
        ranges: ranges.into_iter().map(range).collect(),
        ..show(partner, &found)
    })
}

pub(super) fn show(partner: &StoredPartner, found: &StoredSettlement) -> pb::Settlement {
    pb::Settlement {
        partner_id: found.partner.clone(),
        settlement_number: found.number,
        state: i32::from(found.state.number()),
        until_time: Some(fields::time(found.until)),
        entry_count: found.entries,
        lines: Vec::new(),
        accrual_amount: money(partner, found.accrual),
        redemption_amount: money(partner, found.redemption),
        net_amount: money(partner, found.accrual - found.redemption),
        ranges: Vec::new(),
        create_time: Some(fields::time(found.created_at)),
        created_by: found.created_by.clone(),
        update_time: Some(fields::time(found.updated_at)),
        updated_by: found.updated_by.clone(),
        note: found.note.clone(),
    }
}

fn show_line(partner: &StoredPartner, line: &BillLine) -> pb::SettlementLine {
    pb::SettlementLine {
        direction: i32::from(line.key.direction.number()),
        points_type: line.key.points_type.clone(),
        terms_number: line.key.terms,
        funding_basis_points: convert::basis_points(line.key.share),
        entry_count: line.moved.entries,
        points: line.moved.points,
        returned_points: line.moved.returned,
        minor_per_thousand: line.price,
        billing_basis_points: convert::basis_points(line.billed),
        amount: money(partner, line.amount),
    }
}

pub(super) async fn get(
    shared: &Shared,
    message: GetSettlementRequest,
) -> Result<GetSettlementResponse, Failed> {
    let mut violations = Violations::new();
    let id = partner_id(&mut violations, &message.partner_id);
    let id = parse::all(violations, id)?;
    let partner = require(shared, &id).await?;
    let settlement = whole(shared, &partner, message.settlement_number).await?;
    Ok(GetSettlementResponse {
        settlement: Some(settlement),
    })
}

pub(super) async fn list(
    shared: &Shared,
    message: ListSettlementsRequest,
) -> Result<ListSettlementsResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let id = partner_id(v, &message.partner_id);
    let size = fields::page_size(v, message.page_size);
    let (id, size) = parse::all(violations, id.zip(size))?;
    let arguments = format!("settlements\u{1f}{id}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let before = match token.map_err(RequestError::from)? {
        None => i64::MAX,
        Some(token) => parse::number(token.keys().first())
            .map_err(|_| RequestError::from(PageError::Invalid))?,
    };
    let partner = require(shared, &id).await?;
    let rows = store::page(&shared.db, &id, before, size).await?;
    let (rows, next) = page::cut(rows, size, |found| vec![found.number.to_string()]);
    Ok(ListSettlementsResponse {
        settlements: rows.iter().map(|found| show(&partner, found)).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

pub(super) async fn entries(
    shared: &Shared,
    message: ListSettlementEntriesRequest,
) -> Result<ListSettlementEntriesResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let id = partner_id(v, &message.partner_id);
    let size = fields::page_size(v, message.page_size);
    let (id, size) = parse::all(violations, id.zip(size))?;
    let number = message.settlement_number;
    let arguments = format!("settlement-entries\u{1f}{id}\u{1f}{number}");
    let token = fields::page_token(&message.page_token, arguments.as_bytes());
    let invalid = || RequestError::from(PageError::Invalid);
    let mut place: (Lane, i64, i64) = (0, i64::MIN, 0);
    if let Some(token) = token.map_err(RequestError::from)? {
        let part = |at: usize| parse::number(token.keys().get(at)).map_err(|_| invalid());
        let lane = Lane::try_from(part(0)?).map_err(|_| invalid())?;
        place = (lane, part(1)?, part(2)?);
    }
    require(shared, &id).await?;
    if number != 0 && store::find(&shared.db, &id, number).await?.is_none() {
        let partner = id;
        return Err(PartnerRefusal::SettlementNotFound { partner, number }.into());
    }
    let rows = page_of(shared, (&id, number), place, size.probe()).await?;
    let (rows, next) = page::cut(rows, size, |entry: &StoredEntry| {
        let place = [
            i64::from(entry.id.lane()),
            entry.decided_at.as_micros(),
            entry.id.seq(),
        ];
        place.iter().map(ToString::to_string).collect()
    });
    Ok(ListSettlementEntriesResponse {
        entries: rows.iter().map(show_entry).collect(),
        next_page_token: next
            .map(|next| next.seal(arguments.as_bytes()))
            .unwrap_or_default(),
    })
}

/// Reads lane after lane until there are `limit` entries.
async fn page_of(
    shared: &Shared,
    settlement: (&str, i64),
    (first, decided_at, seq): (Lane, i64, i64),
    limit: i64,
) -> Result<Vec<StoredEntry>, Error> {
    let mut rows: Vec<StoredEntry> = Vec::new();
    for lane in shared.db.lanes().all().filter(|lane| *lane >= first) {
        let place = if lane == first {
            (lane, decided_at, seq)
        } else {
            (lane, i64::MIN, 0)
        };
        let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
        if left <= 0 {
            break;
        }
        rows.extend(store::entries_page(&shared.db, settlement, place, left).await?);
    }
    Ok(rows)
}

fn show_entry(entry: &StoredEntry) -> pb::SettlementEntry {
    pb::SettlementEntry {
        entry_id: entry.id.to_string(),
        account_id: entry.account.to_string(),
        direction: i32::from(entry.key.direction.number()),
        points: entry.points,
        points_type: entry.key.points_type.clone(),
        terms_number: entry.key.terms,
        funding_basis_points: convert::basis_points(entry.key.share),
        entry_time: Some(fields::time(entry.decided_at)),
        source: entry.source.clone(),
    }
}
