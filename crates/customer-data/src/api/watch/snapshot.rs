//! Every fact as it is, lane by lane and table by table, while writers go on.
//!
//! Each message is read in one transaction that sees the database at one instant: first the changes
//! that its lane got since the message before, then the next rows of the tables. So whatever was
//! sent of a lane is, after each message, as it was at the position of that message; nothing is kept
//! but the place, which stands in the token; and after the last lane the tail goes on from there.

use prost::Message as _;
use tenure_core::Lane;
use tenure_proto::customer::v1 as wire;
use tenure_rpc::encoded::Encoded;
use tenure_rpc::feed::Page;
use tenure_sql::feed::{self, Filter, Place, Positions, Token};

use super::super::show;
use super::frame::Frame;
use super::sealed::Openers;
use super::{BYTES_MAX, CHANGES_MAX};
use crate::domain::Change;
use crate::store::FactTable;
use crate::store::{Db, Tx};
use crate::{Deps, Error};

/// Rows of a table that are read at once: a customer may have 50 KB of attributes.
const ROWS: usize = 250;

/// Reads on from a place. An empty lane is passed over without a message of its own.
pub(super) async fn read(
    deps: &Deps,
    filter: &Filter,
    mut positions: Positions,
    mut place: Place,
) -> Result<Page<Encoded>, Error> {
    let lanes = deps.db.lanes();
    loop {
        let mut next = None;
        let mut frame = Frame::default();
        if filter.wants_lane(lanes, place.lane) {
            let mut step = Step {
                deps,
                filter,
                frame: Frame::default(),
            };
            (positions, next) = step.run(positions, &place).await?;
            frame = step.frame;
        }
        let above = place.lane + 1;
        let next_lane = || (above.unsigned_abs() < lanes.count()).then(|| Place::of_lane(above));
        let token = Token {
            positions: positions.clone(),
            snapshot: next.or_else(next_lane),
        };
        match token.snapshot {
            // There is more, and nothing to tell yet.
            Some(further) if frame.count() == 0 => place = further,
            _ => return Ok(page(&deps.db, filter, frame, &token)),
        }
    }
}

fn page(db: &Db, filter: &Filter, frame: Frame, token: &Token) -> Page<Encoded> {
    let resume_token = token.to_text(filter);
    let percent = token.snapshot.as_ref().map(|place| percent(db, place));
    let rest = wire::WatchChangesResponse {
        resume_token: resume_token.clone(),
        snapshot_percent: percent,
        ..Default::default()
    };
    Page {
        message: frame.finish(&rest),
        resume_token,
        is_head: false,
    }
}

fn percent(db: &Db, place: &Place) -> i32 {
    let tables = FactTable::ALL.len() as u64;
    let done = u64::from(place.lane.unsigned_abs()) * tables + u64::from(place.table);
    let all = u64::from(db.lanes().count()) * tables;
    i32::try_from(done * 100 / all).unwrap_or(99)
}

/// One message.
struct Step<'d> {
    deps: &'d Deps,
    filter: &'d Filter,
    frame: Frame,
}

impl Step<'_> {
    /// Returns the positions behind the message, and the place in the lane if it goes on.
    async fn run(
        &mut self,
        positions: Positions,
        place: &Place,
    ) -> Result<(Positions, Option<Place>), Error> {
        let db = &self.deps.db;
        let mut tx = db.begin_snapshot().await?;
        let (head, pruned) = feed::lane_head(&mut tx, place.lane).await?;
        // What the lane got before its first row is read stands in the rows.
        let from = match place.is_start_of_lane() {
            true => head,
            false => positions.get(place.lane),
        };
        if from < pruned {
            drop(tx);
            return Ok(feed::refuse_expired(db).await?);
        }
        let reached = self.changes(&mut tx, place.lane, from, head).await?;
        let positions = positions.moved(db, place.lane, reached);
        if reached < head {
            return Ok((positions, Some(place.clone())));
        }
        let next = self.rows(&mut tx, place).await?;
        Ok((positions, next))
    }

    /// Adds the changes of the lane up to its head, or as many as go into a message, and returns the
    /// number of the last one.
    async fn changes(
        &mut self,
        tx: &mut Tx,
        lane: Lane,
        from: i64,
        head: i64,
    ) -> Result<i64, Error> {
        if from == head {
            return Ok(head);
        }
        let mut limit = i64::try_from(CHANGES_MAX).expect("a thousand");
        loop {
            let until = head.min(from + limit);
            let range = feed::lane_page(tx, lane, from, until, self.filter).await?;
            if range.bodies.len() > BYTES_MAX && limit > 1 {
                limit /= 2;
                continue;
            }
            self.frame = Frame::with_room(range.lengths.len(), range.bodies.len());
            let lanes = self.deps.db.lanes();
            let openers = Openers::find_in(tx, lanes, range.each()).await?;
            for body in range.each() {
                self.frame.push(&openers.open(body)?);
            }
            return Ok(until);
        }
    }

    /// Adds rows of the tables until the message is full or the lane ends.
    async fn rows(&mut self, tx: &mut Tx, place: &Place) -> Result<Option<Place>, Error> {
        let now = self.deps.clock.now();
        let mut place = place.clone();
        while let Some(table) = FactTable::ALL.get(usize::from(place.table)) {
            let limit = ROWS.min(CHANGES_MAX - self.frame.count());
            if limit == 0 {
                return Ok(Some(place));
            }
            let mut is_over = true;
            if self.filter.wants_kind(table.kind()) {
                let asked = i64::try_from(limit).expect("a few hundred");
                let rows = table.page(tx, place.lane, &place.after, asked).await?;
                is_over = rows.len() < limit;
                for (key, fact) in rows {
                    if self.filter.wants_key(fact.customer().as_str()) {
                        let event_at = fact.since(now);
                        let change = show::change(&Change { event_at, fact }, now).encode_to_vec();
                        if self.frame.count() > 0 && self.frame.bytes() + change.len() > BYTES_MAX {
                            return Ok(Some(place));
                        }
                        self.frame.push(&change);
                    }
                    place.after = key;
                }
            }
            if is_over {
                place.table += 1;
                place.after.clear();
            }
        }
        Ok(None)
    }
}
