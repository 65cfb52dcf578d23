//! Blocks of points that a partner bought in advance, and which one an earning draws from.

use tenure_core::Timestamp;

use crate::domain::stock::StockPlace;

/// A block of points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointBlock {
    /// 1, 2, 3 and so on for each partner.
    pub number: i64,
    /// The stock in which its points are.
    pub place: StockPlace,
    /// From when on points are drawn from it.
    pub starts_at: Timestamp,
    /// From then on none are.
    pub ends_at: Timestamp,
    /// Drawn from only when no ordinary block has enough.
    pub is_reserve: bool,
}

impl PointBlock {
    /// Returns true while points are drawn from it.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.starts_at <= now && now < self.ends_at
    }

    /// Returns its place in the order of drawing: ordinary ones first, then by when they began.
    fn order(&self) -> (bool, Timestamp, i64) {
        (self.is_reserve, self.starts_at, self.number)
    }
}

/// Returns the block from which `points` are drawn: of those that are live and have as many left, the
/// one that began first; a reserve only when no other is left. An earning is never split.
pub(in crate::domain) fn pick_block(
    blocks: &[PointBlock],
    points: i64,
    now: Timestamp,
    left: impl Fn(&PointBlock) -> i64,
) -> Option<&PointBlock> {
    let live = blocks.iter().filter(|block| block.is_live(now));
    live.filter(|block| left(block) >= points)
        .min_by_key(|block| block.order())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stock::StockId;

    fn block(number: i64, days: (i64, i64), is_reserve: bool) -> PointBlock {
        let day = |day: i64| Timestamp::from_micros(day * 86_400_000_000);
        PointBlock {
            number,
            place: StockPlace {
                lane: 0,
                stock: StockId::parse("block").unwrap(),
            },
            starts_at: day(days.0),
            ends_at: day(days.1),
            is_reserve,
        }
    }

    #[test]
    fn the_block_that_began_first_and_has_enough_is_drawn_from_a_reserve_last() {
        let blocks = [
            block(1, (0, 10), true),
            block(2, (5, 10), false),
            block(3, (2, 20), false),
            block(4, (1, 3), false),
        ];
        let left = [1_000, 50, 20, 1_000];
        let pick = |points, day: i64| {
            let now = Timestamp::from_micros(day * 86_400_000_000);
            let of = |block: &PointBlock| left[usize::try_from(block.number - 1).unwrap()];
            pick_block(&blocks, points, now, of).map(|block| block.number)
        };
        assert_eq!(pick(10, 2), Some(4));
        // The fourth is over from its end on; the third began before the second.
        assert_eq!(pick(10, 6), Some(3));
        assert_eq!(pick(21, 6), Some(2));
        assert_eq!(pick(51, 6), Some(1));
        assert_eq!(pick(1_001, 6), None);
        assert_eq!(pick(10, 12), Some(3));
        assert_eq!(pick(10, 20), None);
    }
}
