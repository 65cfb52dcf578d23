//! Entries as double entry: what each moves between the accounts of a programme's books.

use super::entry::{Entry, EntryKind};

/// An account of the books of a programme, in points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Book {
    /// Where points come from, and go back to when an earning is reversed: its sum is what was ever
    /// issued, negative.
    Issuance,
    /// Members' points that wait for their activation.
    Pending,
    /// Members' points that can be spent.
    Available,
    /// Members' points that are held.
    Held,
    /// What members owe: negative.
    Debt,
    /// What was spent.
    Redeemed,
    /// What expired or became void.
    Breakage,
    /// What is on its way from one member to another: zero, once both sides are counted.
    Transfer,
    /// What staff added (negative) or took away.
    Adjustment,
}

/// Returns what an entry moves: account and points, positive where it receives. The sum is zero.
///
/// The points of members are told by the entry itself; the other side follows from its kind.
#[must_use]
pub fn postings(entry: &Entry) -> Vec<(Book, i64)> {
    let available = entry.points - entry.held - entry.pending;
    let other_side = match entry.kind {
        EntryKind::Earn | EntryKind::ReverseEarn => Book::Issuance,
        EntryKind::Redeem | EntryKind::Confirm | EntryKind::ReverseRedeem => Book::Redeemed,
        EntryKind::Expire | EntryKind::Reinstate | EntryKind::Close | EntryKind::Void => {
            Book::Breakage
        }
        EntryKind::TransferOut
        | EntryKind::TransferIn
        | EntryKind::PoolRemove
        | EntryKind::PoolLeave
        | EntryKind::PoolOut
        | EntryKind::PoolIn => Book::Transfer,
        EntryKind::Adjust => Book::Adjustment,
        // These move points between accounts of the member only, or none.
        EntryKind::Hold
        | EntryKind::Release
        | EntryKind::HoldTimeout
        | EntryKind::Activate
        | EntryKind::RepayDebt
        | EntryKind::Block
        | EntryKind::Unblock
        | EntryKind::PoolMember
        | EntryKind::PoolJoin
        | EntryKind::Fulfil
        | EntryKind::Recipient => {
            return moved(entry, available);
        }
    };
    let mut postings = moved(entry, available);
    let points = entry.debt - entry.points;
    if points != 0 {
        postings.push((other_side, points));
    }
    postings
}

/// Returns what moves on the side of the member.
fn moved(entry: &Entry, available: i64) -> Vec<(Book, i64)> {
    let member = [
        (Book::Pending, entry.pending),
        (Book::Available, available),
        (Book::Held, entry.held),
        (Book::Debt, -entry.debt),
    ];
    member
        .into_iter()
        .filter(|(_, points)| *points != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tenure_core::{AccountId, Timestamp};

    use super::*;
    use crate::domain::EntryId;

    fn entry(kind: EntryKind, points: i64, held: i64, pending: i64, debt: i64) -> Entry {
        Entry {
            id: EntryId::new(Timestamp::MIN, 1, 1),
            account: AccountId::parse("ada").unwrap(),
            number: 1,
            kind,
            points,
            held,
            pending,
            debt,
            balance: 0,
            available: 0,
            allocations: Vec::new(),
            request: None,
            source: "".into(),
            hold: None,
            reversal: None,
            peer: None,
            note: None,
            partner: None,
            stock: None,
            reward: None,
            decided_at: Timestamp::MIN,
            recorded_at: Timestamp::MIN,
            version: Arc::from("1"),
            previous: 0,
        }
    }

    /// The table of accounts that books of points are kept by.
    #[test]
    fn each_kind_moves_points_between_the_accounts_that_books_say() {
        use Book::{
            Adjustment, Available, Breakage, Debt, Held, Issuance, Pending, Redeemed, Transfer,
        };
        let cases = [
            (
                entry(EntryKind::Earn, 9, 0, 0, 0),
                vec![(Available, 9), (Issuance, -9)],
            ),
            (
                entry(EntryKind::Earn, 9, 0, 9, 0),
                vec![(Pending, 9), (Issuance, -9)],
            ),
            (
                entry(EntryKind::Activate, 0, 0, -9, 0),
                vec![(Pending, -9), (Available, 9)],
            ),
            (
                entry(EntryKind::Hold, 0, 5, 0, 0),
                vec![(Available, -5), (Held, 5)],
            ),
            (
                entry(EntryKind::Confirm, -3, -5, 0, 0),
                vec![(Available, 2), (Held, -5), (Redeemed, 3)],
            ),
            (
                entry(EntryKind::ReverseRedeem, 3, 0, 0, 0),
                vec![(Available, 3), (Redeemed, -3)],
            ),
            (
                entry(EntryKind::ReverseEarn, -4, 0, 0, 5),
                vec![(Available, -4), (Debt, -5), (Issuance, 9)],
            ),
            (
                entry(EntryKind::RepayDebt, -5, 0, 0, -5),
                vec![(Available, -5), (Debt, 5)],
            ),
            (
                entry(EntryKind::Expire, -7, 0, -2, 0),
                vec![(Pending, -2), (Available, -5), (Breakage, 7)],
            ),
            (
                entry(EntryKind::Adjust, 6, 0, 0, 0),
                vec![(Available, 6), (Adjustment, -6)],
            ),
            (
                entry(EntryKind::TransferOut, -6, 0, 0, -1),
                vec![(Available, -6), (Debt, 1), (Transfer, 5)],
            ),
        ];
        for (entry, wanted) in cases {
            assert_eq!(postings(&entry), wanted, "{:?}", entry.kind);
            let sum: i64 = wanted.iter().map(|(_, points)| points).sum();
            assert_eq!(sum, 0);
        }
    }
}
