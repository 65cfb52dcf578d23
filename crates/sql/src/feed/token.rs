//! Where a reader stands who may have a filter and may be in the midst of a snapshot.

use tenure_core::Lane;

use super::positions::{Positions, invalid, push_number, take_number};
use super::{FeedError, Filter};
use crate::db::Db;

/// The form of a token with a filter or a place in a snapshot. Without both, a token is that of its
/// positions alone, as [`Positions::to_token`] gives it.
const FORM: u8 = 2;

/// How far a reader is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Token {
    /// How far in the feed.
    pub positions: Positions,
    /// How far in the snapshot, while it goes on.
    pub snapshot: Option<Place>,
}

/// How far a snapshot is: everything before this place was delivered, as of the positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The lane that is being read; those below are done, those above not begun.
    pub lane: Lane,
    /// The number of the table that is being read, in the service's own order.
    pub table: u16,
    /// The key of the last row that was delivered, as the service writes it; empty at the beginning.
    pub after: String,
}

impl Place {
    /// Returns the place before the first row of a lane.
    #[must_use]
    pub fn of_lane(lane: Lane) -> Self {
        Self {
            lane,
            table: 0,
            after: String::new(),
        }
    }

    /// Returns whether nothing of the lane was delivered yet.
    #[must_use]
    pub fn is_start_of_lane(&self) -> bool {
        self.table == 0 && self.after.is_empty()
    }
}

impl Token {
    /// Returns the opaque text for a reader with this filter.
    #[must_use]
    pub fn to_text(&self, filter: &Filter) -> String {
        if self.snapshot.is_none() && filter.is_all() {
            return self.positions.to_token();
        }
        let mut further = filter.fingerprint().to_be_bytes().to_vec();
        if let Some(place) = &self.snapshot {
            push_number(&mut further, u64::from(place.lane.unsigned_abs()));
            push_number(&mut further, u64::from(place.table));
            further.extend_from_slice(place.after.as_bytes());
        }
        self.positions.seal_with(FORM, &further)
    }

    /// Reads a token that this database gave to a reader with this filter.
    ///
    /// # Errors
    /// When it is none, one of another database, or one of a reader with another filter.
    pub fn from_text(db: &Db, filter: &Filter, text: &str) -> Result<Self, FeedError> {
        let parsed = Positions::open_with(db, FORM, text)?;
        let Some((positions, further)) = parsed else {
            let positions = Positions::from_token(db, text)?;
            if positions != Positions::start() && !filter.is_all() {
                return Err(invalid("it was given to a reader with another filter"));
            }
            return Ok(Self {
                positions,
                snapshot: None,
            });
        };
        let (given_to, place) = take(&further).ok_or(invalid("it is damaged"))?;
        if given_to != filter.fingerprint() {
            return Err(invalid("it was given to a reader with another filter"));
        }
        if place
            .as_ref()
            .is_some_and(|it| !db.lanes().all().any(|lane| lane == it.lane))
        {
            return Err(invalid("it has another number of lanes"));
        }
        Ok(Self {
            positions,
            snapshot: place,
        })
    }
}

fn take(mut bytes: &[u8]) -> Option<(u64, Option<Place>)> {
    let (filter, rest) = bytes.split_first_chunk::<8>()?;
    bytes = rest;
    let filter = u64::from_be_bytes(*filter);
    if bytes.is_empty() {
        return Some((filter, None));
    }
    let lane = Lane::try_from(take_number(&mut bytes)?).ok()?;
    let table = u16::try_from(take_number(&mut bytes)?).ok()?;
    let after = String::from_utf8(bytes.to_vec()).ok()?;
    Some((filter, Some(Place { lane, table, after })))
}
