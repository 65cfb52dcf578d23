//! A churn model: trees, a logistic regression or a blend of both, calibrated.

pub mod boost;
pub mod calibration;
pub mod examples;
pub mod folds;
pub mod logistic;
pub mod metrics;
pub mod stack;
pub mod train;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::encoding::{Encoding, Matrix};
use super::features::FeatureRow;
use super::trees::{Compiled, Forest};
use calibration::Calibration;
use logistic::Logistic;

/// How much of each learner's log-odds goes into the model's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// Of the trees.
    pub trees: f64,
    /// Of the logistic regression.
    pub logistic: f64,
}

/// What a trained model consists of: everything that scoring needs, and nothing about who taught it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artefact {
    /// How features become columns.
    pub encoding: Encoding,
    /// The trees; none where the champion does not use them.
    pub forest: Forest,
    /// The logistic regression.
    pub logistic: Logistic,
    /// The blend.
    pub mix: Mix,
    /// From log-odds to a probability.
    pub calibration: Calibration,
    /// Added to the calibrated log-odds when customers who left were over-represented in training.
    pub prior_shift: f64,
}

/// A model ready to score.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it consists of.
    pub artefact: Artefact,
    /// A digest of the artefact: equal versions score equally.
    pub version: String,
    compiled: Compiled,
}

/// A stored model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is no model in our form.
    #[error("the stored model cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Its parts do not fit together.
    #[error("the stored model is damaged")]
    Damaged,
}

impl Artefact {
    /// Returns the stored form.
    ///
    /// # Panics
    /// Never: every number of an artefact is finite.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("an artefact holds text and finite numbers only")
    }
}

impl Model {
    /// Makes an artefact ready to score.
    ///
    /// # Errors
    /// When its parts do not fit together.
    pub fn new(artefact: Artefact) -> Result<Self, ModelError> {
        let width = artefact.encoding.columns.len();
        if artefact.logistic.width() != width || !artefact.forest.is_sound(width) {
            return Err(ModelError::Damaged);
        }
        let digest = Sha256::digest(artefact.to_json().as_bytes());
        let version = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let compiled = Compiled::new(&artefact.forest);
        Ok(Self {
            artefact,
            version,
            compiled,
        })
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is no model in our form, or damaged.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        Self::new(serde_json::from_str(json)?)
    }

    /// Returns the probability to leave of every row.
    #[must_use]
    pub fn score(&self, rows: &[FeatureRow]) -> Vec<f64> {
        let matrix = self.artefact.encoding.matrix(rows);
        if matrix.width == 0 {
            return vec![self.probability(self.constant()); rows.len()];
        }
        self.margins(&matrix)
            .into_iter()
            .map(|margin| self.probability(margin))
            .collect()
    }

    /// Returns the log-odds of every row before calibration.
    #[must_use]
    pub fn margins(&self, matrix: &Matrix) -> Vec<f64> {
        let Artefact { mix, logistic, .. } = &self.artefact;
        let mut margins = vec![0.0; matrix.height()];
        if mix.trees != 0.0 {
            self.compiled.margins(matrix, &mut margins);
            margins.iter_mut().for_each(|margin| *margin *= mix.trees);
        }
        if mix.logistic != 0.0 {
            for (index, margin) in margins.iter_mut().enumerate() {
                *margin += mix.logistic * logistic.margin(matrix.row(index));
            }
        }
        margins
    }

    /// Returns the calibrated probability of log-odds.
    #[must_use]
    pub fn probability(&self, margin: f64) -> f64 {
        let calibrated = self.artefact.calibration.probability(margin);
        shift(calibrated, self.artefact.prior_shift)
    }

    /// Returns the log-odds of a row without columns.
    fn constant(&self) -> f64 {
        let Artefact {
            mix,
            logistic,
            forest,
            ..
        } = &self.artefact;
        mix.trees * forest.base + mix.logistic * logistic.intercept
    }
}

/// Returns 1 / (1 + e^-x).
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Returns the log-odds of a probability, which is kept away from 0 and 1.
#[must_use]
pub fn log_odds(probability: f64) -> f64 {
    let p = probability.clamp(1e-9, 1.0 - 1e-9);
    (p / (1.0 - p)).ln()
}

fn shift(probability: f64, by: f64) -> f64 {
    if by == 0.0 {
        probability
    } else {
        sigmoid(log_odds(probability) + by)
    }
}

/// Returns the shift of log-odds that corrects for training on a share of leavers of
/// `rate_trained` where the true one is `rate_true`.
#[must_use]
pub fn prior_shift(rate_trained: f64, rate_true: f64) -> f64 {
    log_odds(rate_true) - log_odds(rate_trained)
}
