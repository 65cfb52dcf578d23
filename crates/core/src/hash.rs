//! Hashes that never change: lanes and experiments depend on them for ever.

/// The FNV-1a offset basis and prime of 64 bits (Fowler, Noll, Vo; RFC 9923).
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Returns the FNV-1a hash of `bytes`. Its high bits are poor: mix before taking a range.
#[must_use]
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

/// Returns `x` with every bit spread over all bits (the finaliser of `SplitMix64`, Steele, Lea and
/// Flood 2014). A bijection.
#[must_use]
pub fn mix64(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Returns the bucket of `unit` among `buckets` under `salt`: a pure function, uniform, and
/// independent between salts. Experiments assign by it, so that anybody can check an assignment.
///
/// # Panics
/// When `buckets` is zero.
#[must_use]
pub fn bucket(salt: &str, unit: &str, buckets: u32) -> u32 {
    assert!(buckets > 0, "a unit needs a bucket to fall into");
    let hash = mix64(mix64(fnv1a64(salt.as_bytes())) ^ fnv1a64(unit.as_bytes()));
    scale(hash, buckets)
}

/// Scales a hash to `0..range` without the bias of a remainder.
fn scale(hash: u64, range: u32) -> u32 {
    let scaled = (u128::from(hash) * u128::from(range)) >> 64;
    u32::try_from(scaled).expect("a product with a u32, shifted by 64, fits a u32")
}

/// The number of a lane: a fixed share of all customers, and with it the order of the change feed,
/// the unit of writing and the distribution key. An `i32` because that is what databases hold.
pub type Lane = i32;

/// How many lanes a database has: 1 to 1,024, chosen when it is created and never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes(u32);

impl Lanes {
    /// The number for a database on one machine.
    pub const DEFAULT: Self = Self(16);

    /// Returns `count` lanes, or nothing when it is not within 1 to 1,024.
    #[must_use]
    pub fn new(count: u32) -> Option<Self> {
        (1..=1_024).contains(&count).then_some(Self(count))
    }

    /// Returns how many there are.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0
    }

    /// Returns the lane of a key (of a customer, or of a value that must be unique).
    #[must_use]
    pub fn of(self, key: &str) -> Lane {
        let lane = scale(mix64(fnv1a64(key.as_bytes())), self.0);
        Lane::try_from(lane).expect("at most 1,024 lanes")
    }

    /// Returns all lanes in ascending order.
    pub fn all(self) -> impl Iterator<Item = Lane> {
        (0..self.0).map(|lane| Lane::try_from(lane).expect("at most 1,024 lanes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors from the FNV reference page (isthe.com) and the published `SplitMix64` sequence for
    /// seed 0, whose n-th output is `mix64(n * 0x9e3779b97f4a7c15)`.
    #[test]
    fn the_hashes_answer_their_published_vectors() {
        assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a64(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(mix64(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn lanes_are_filled_evenly() {
        let lanes = Lanes::new(16).unwrap();
        let mut counts = [0_u32; 16];

        for number in 0..160_000 {
            counts[usize::try_from(lanes.of(&format!("C{number:07}"))).unwrap()] += 1;
        }

        // Chi-squared with 15 degrees of freedom stays below 37.7 in 999 of 1,000 cases.
        let chi: f64 = counts
            .iter()
            .map(|c| (f64::from(*c) - 1e4).powi(2) / 1e4)
            .sum();
        assert!(chi < 37.7, "chi-squared {chi} for {counts:?}");
    }

    #[test]
    fn two_salts_assign_independently() {
        let mut table = [[0_u32; 2]; 2];

        for number in 0..100_000 {
            let unit = format!("C{number}");
            let [a, b] = ["spring", "autumn"].map(|salt| bucket(salt, &unit, 2) as usize);
            table[a][b] += 1;
        }

        // Chi-squared with 3 degrees of freedom stays below 16.3 in 999 of 1,000 cases.
        let cells = table.iter().flatten();
        let chi: f64 = cells.map(|c| (f64::from(*c) - 25e3).powi(2) / 25e3).sum();
        assert!(chi < 16.3, "chi-squared {chi} for {table:?}");
    }
}
