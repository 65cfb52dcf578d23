//! `CreateReward`, `UpdateReward`, `GetReward`, `AdjustStock`.

use tenure_core::Violations;
use tenure_proto::loyalty::v1::{
    AdjustStockRequest, AdjustStockResponse, CreateRewardRequest, CreateRewardResponse,
    GetRewardRequest, GetRewardResponse, UpdateRewardRequest, UpdateRewardResponse,
};
use tenure_rpc::fields;

use super::convert;
use super::terms::{reward_id, terms, within};
use crate::api::once::{Begun, begin};
use crate::api::programme::Failed;
use crate::api::{accounts, parse};
use crate::domain::{Offer, POINTS_MAX, Refusal, StockKind, StockMove, stock_key};
use crate::error::Error;
use crate::store::rewards::{self as store, StoredReward};
use crate::{Shared, store as ledger};

/// The longest reason.
const REASON_LENGTH_MAX: usize = 128;

pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::RewardNotFound {
        reward: id.to_owned(),
    }
}

pub(super) async fn create(
    shared: &Shared,
    message: CreateRewardRequest,
) -> Result<CreateRewardResponse, Failed> {
    let now = shared.clock.now();
    let known = accounts::catalogue_with(shared, &[&message.programme_id]).await?;
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = reward_id(v, &message.reward_id);
    let programme = accounts::programme(&known, &message.programme_id, now);
    let programme = v.take("programme_id", programme);
    let terms = terms(v, message.terms.as_ref());
    let author = parse::key(v, "author", &message.author);
    let most = if message.counted { POINTS_MAX } else { 0 };
    let first = within(v, "initial_quantity", message.initial_quantity, (0, most));
    let parsed = || Some((request?, id?, programme?, terms?, author?, first?));
    let (request, id, programme, terms, author, first) = parse::all(violations, parsed())?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let offer = Offer {
        reward: id.into(),
        programme,
        version: 1,
        terms,
        stock: message.counted.then(|| shared.lane(&stock_key(id))),
    };
    let now = write.now;
    if let Err(refusal) = store::create(&mut write.tx, &offer, &author, now).await? {
        return Ok(write.finish(Err(refusal.into())).await?);
    }
    let mut counts = None;
    if let Some(place) = offer.place() {
        let moved = StockMove {
            author: author.clone(),
            ..StockMove::new(StockKind::Add, first)
        };
        let clock = &*shared.clock;
        let stock = ledger::move_stock(&mut write.tx, &place, moved, clock).await?;
        counts = Some(stock.map_err(Error::from)?.counts);
    }
    let reward = StoredReward {
        offer,
        counts,
        created_at: now,
        updated_at: now,
        updated_by: author.to_string(),
    };
    let answer = CreateRewardResponse {
        reward: Some(convert::reward(&reward)),
        replayed: false,
    };
    Ok(write.finish(Ok(answer)).await?)
}

pub(super) async fn update(
    shared: &Shared,
    message: UpdateRewardRequest,
) -> Result<UpdateRewardResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = reward_id(v, &message.reward_id);
    let terms = terms(v, message.terms.as_ref());
    let author = parse::key(v, "author", &message.author);
    let parsed = || Some((request?, id?, terms?, author?));
    let (request, id, terms, author) = parse::all(violations, parsed())?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let by = (&*author, write.now);
    let updated = store::update(&mut write.tx, &shared.db, id, terms, by).await?;
    let Some(mut found) = updated else {
        return Ok(write.finish(Err(not_found(id).into())).await?);
    };
    let one = std::slice::from_mut(&mut found);
    store::read_counts(&shared.db, one, write.now).await?;
    let answer = UpdateRewardResponse {
        reward: Some(convert::reward(&found)),
        replayed: false,
    };
    Ok(write.finish(Ok(answer)).await?)
}

pub(super) async fn get(
    shared: &Shared,
    message: GetRewardRequest,
) -> Result<GetRewardResponse, Failed> {
    let mut violations = Violations::new();
    let id = reward_id(&mut violations, &message.reward_id);
    let id = parse::all(violations, id)?;
    let found = store::find(&shared.db, id).await?;
    let mut found = found.ok_or_else(|| Error::from(not_found(id)))?;
    let one = std::slice::from_mut(&mut found);
    store::read_counts(&shared.db, one, shared.clock.now()).await?;
    Ok(GetRewardResponse {
        reward: Some(convert::reward(&found)),
    })
}

pub(super) async fn adjust(
    shared: &Shared,
    message: AdjustStockRequest,
) -> Result<AdjustStockResponse, Failed> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request = parse::request_id(v, &message.request_id);
    let id = reward_id(v, &message.reward_id);
    let (delta, limits) = (message.quantity_delta, (-POINTS_MAX, POINTS_MAX));
    within(v, "quantity_delta", delta, limits);
    if delta == 0 {
        v.add("quantity_delta", "another number than 0", "0");
    }
    let reason = fields::text(v, "reason", &message.reason, REASON_LENGTH_MAX);
    let author = parse::key(v, "author", &message.author);
    let parsed = || Some((request?, id?, reason?, author?));
    let (request, id, reason, author) = parse::all(violations, parsed())?;
    let begun = begin(shared, request, &message);
    let mut write = match begun.await.map_err(Failed::Stored)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::New(write) => write,
    };
    let Some(mut found) = store::find_in(&mut write.tx, &shared.db, id).await? else {
        return Ok(write.finish(Err(not_found(id).into())).await?);
    };
    let Some(place) = found.offer.place() else {
        let reward = id.to_owned();
        let refusal = Refusal::RewardNotCounted { reward };
        return Ok(write.finish(Err(refusal.into())).await?);
    };
    let kind = if delta > 0 {
        StockKind::Add
    } else {
        StockKind::WriteOff
    };
    let moved = StockMove {
        reason: reason.into(),
        author,
        ..StockMove::new(kind, delta.abs())
    };
    let clock = &*shared.clock;
    let moved = ledger::move_stock(&mut write.tx, &place, moved, clock).await?;
    let answer = moved.map(|stock| {
        found.counts = Some(stock.counts);
        AdjustStockResponse {
            reward: Some(convert::reward(&found)),
            replayed: false,
        }
    });
    Ok(write.finish(answer.map_err(Error::from)).await?)
}
