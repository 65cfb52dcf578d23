//! The stored form of a movement of things beside the columns of its row.

use super::{flag, when};
use crate::domain::bytes::{Reader, Writer};
use crate::domain::codec::Columns;
use crate::domain::stock::{
    Counts, Reservation, StockId, StockKind, StockMove, StockPart, StockRecord,
};

/// What follows in the body of a movement.
mod with {
    pub(super) const RESERVATION: u8 = 1;
    pub(super) const ENTRY: u8 = 2;
    pub(super) const STAFF: u8 = 4;
}

pub(super) fn write(to: &mut Writer, record: &StockRecord) {
    let moved = &record.moved;
    to.number(record.number);
    to.number(moved.quantity);
    for count in numbers(&record.counts) {
        to.number(count);
    }
    let is_of_staff = !moved.reason.is_empty() || !moved.author.is_empty();
    to.byte(
        flag(with::RESERVATION, moved.reservation.is_some())
            | flag(with::ENTRY, moved.entry.is_some())
            | flag(with::STAFF, is_of_staff),
    );
    if let Some(reservation) = &moved.reservation {
        to.id(reservation.id);
        to.number(reservation.quantity);
        to.instant(reservation.expires_at);
    }
    if let Some(entry) = moved.entry {
        to.id(entry);
    }
    if is_of_staff {
        to.text(&moved.reason);
        to.text(&moved.author);
    }
}

fn numbers(counts: &Counts) -> [i64; 5] {
    [
        counts.added,
        counts.sold,
        counts.returned,
        counts.written_off,
        counts.reserved,
    ]
}

pub(super) fn read(
    kind: StockKind,
    columns: &Columns,
    from: &mut Reader<'_>,
) -> Option<StockRecord> {
    let (number, quantity) = (from.number()?, from.number()?);
    let counts = Counts {
        added: from.number()?,
        sold: from.number()?,
        returned: from.number()?,
        written_off: from.number()?,
        reserved: from.number()?,
    };
    let flags = from.byte()?;
    let reservation = when(flags & with::RESERVATION != 0, || {
        Some(Reservation {
            id: from.id()?,
            quantity: from.number()?,
            expires_at: from.instant()?,
        })
    })?;
    let entry = when(flags & with::ENTRY != 0, || from.id())?;
    let said = when(flags & with::STAFF != 0, || {
        Some((from.text()?.into(), from.text()?.into()))
    })?;
    let (reason, author) = said.unwrap_or_else(|| ("".into(), "".into()));
    Some(StockRecord {
        id: columns.id,
        stock: StockId::parse(columns.account.as_str()).ok()?,
        number,
        moved: StockMove {
            kind,
            quantity,
            reservation,
            entry,
            reason,
            author,
        },
        counts,
        decided_at: columns.decided_at,
        recorded_at: columns.recorded_at,
        previous: columns.previous,
    })
}

pub(super) fn write_part(to: &mut Writer, part: &StockPart) {
    to.text(part.stock.as_str());
    to.id(part.record);
    to.number(part.quantity);
}

pub(super) fn read_part(from: &mut Reader<'_>) -> Option<StockPart> {
    Some(StockPart {
        stock: StockId::parse(from.text()?).ok()?,
        record: from.id()?,
        quantity: from.number()?,
    })
}
