//! Bands of risk: a probability in a word.

use serde::{Deserialize, Serialize};

/// How likely a customer is to leave, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Band {
    /// Nothing to do.
    Low,
    /// Worth a look.
    Medium,
    /// Worth an offer.
    High,
    /// Worth a call today.
    Critical,
}

/// From which probability each band begins. Data, because the price of a contact and of a loss
/// differ from operator to operator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bands {
    /// The lowest probability of [`Band::Medium`].
    pub medium_from: f64,
    /// The lowest probability of [`Band::High`].
    pub high_from: f64,
    /// The lowest probability of [`Band::Critical`].
    pub critical_from: f64,
}

impl Default for Bands {
    fn default() -> Self {
        Self {
            medium_from: 0.10,
            high_from: 0.30,
            critical_from: 0.60,
        }
    }
}

impl Bands {
    /// Returns true when the bands ascend within 0 to 1.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let edges = [
            0.0,
            self.medium_from,
            self.high_from,
            self.critical_from,
            1.0,
        ];
        edges.windows(2).all(|pair| pair[0] <= pair[1])
    }

    /// Returns the band of a probability.
    #[must_use]
    pub fn of(&self, probability: f64) -> Band {
        match probability {
            p if p >= self.critical_from => Band::Critical,
            p if p >= self.high_from => Band::High,
            p if p >= self.medium_from => Band::Medium,
            _ => Band::Low,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_begins_at_its_threshold() {
        let bands = Bands {
            medium_from: 0.1,
            high_from: 0.3,
            critical_from: 0.6,
        };

        let of = [0.0, 0.099, 0.1, 0.299, 0.3, 0.6, 1.0].map(|p| bands.of(p));

        use Band::{Critical, High, Low, Medium};
        assert_eq!(of, [Low, Low, Medium, Medium, High, Critical, Critical]);
    }

    #[test]
    fn bands_must_ascend() {
        assert!(Bands::default().is_valid());
        assert!(
            !Bands {
                medium_from: 0.4,
                ..Bands::default()
            }
            .is_valid()
        );
        assert!(
            !Bands {
                critical_from: 1.1,
                ..Bands::default()
            }
            .is_valid()
        );
        assert!(
            !Bands {
                medium_from: f64::NAN,
                ..Bands::default()
            }
            .is_valid()
        );
    }
}
