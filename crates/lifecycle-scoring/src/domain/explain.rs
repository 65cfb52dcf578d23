//! Why a customer scores as they do: contributions to the log-odds, summed per feature.

use super::encoding::Matrix;
use super::features::{FeatureRow, words};
use super::model::Model;

/// What one feature adds to the log-odds of the average customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The feature.
    pub feature: String,
    /// What it adds.
    pub value: f64,
}

/// A score taken apart. The average and all contributions add up to the log-odds before
/// calibration, which keeps their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The log-odds of the average customer.
    pub average: f64,
    /// One contribution for each feature of the model.
    pub contributions: Vec<Contribution>,
}

/// One thing that raises the probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The feature's name in capitals, for example `ATTRIBUTE_CONTRACT`.
    pub code: String,
    /// The same in words, for example `tenure in the first year`.
    pub statement: String,
    /// What it adds to the log-odds.
    pub contribution: f64,
}

impl Model {
    /// Takes the score of one row of this model's matrix apart.
    #[must_use]
    pub fn explain(&self, row: &[f64]) -> Explanation {
        let artefact = &self.artefact;
        let mut columns = vec![0.0; row.len()];
        let mut average = 0.0;
        if artefact.mix.trees != 0.0 {
            average = artefact.mix.trees * artefact.forest.contributions(row, &mut columns);
            columns
                .iter_mut()
                .for_each(|value| *value *= artefact.mix.trees);
        }
        if artefact.mix.logistic != 0.0 {
            average += artefact.mix.logistic * artefact.logistic.intercept;
            let added = artefact.logistic.contributions(row);
            for (value, added) in columns.iter_mut().zip(added) {
                *value += artefact.mix.logistic * added;
            }
        }
        let mut contributions: Vec<Contribution> = Vec::new();
        for (column, value) in artefact.encoding.columns.iter().zip(columns) {
            // The columns of one feature stand side by side.
            match contributions.last_mut() {
                Some(last) if last.feature == column.feature => last.value += value,
                _ => contributions.push(Contribution {
                    feature: column.feature.clone(),
                    value,
                }),
            }
        }
        Explanation {
            average,
            contributions,
        }
    }

    /// Returns up to `count` reasons that raise the probability, the strongest first.
    #[must_use]
    pub fn reasons(&self, row: &FeatureRow, count: usize) -> Vec<Reason> {
        let matrix = self.artefact.encoding.matrix(std::slice::from_ref(row));
        let mut raising = self.explain(&matrix.values).contributions;
        raising.retain(|contribution| contribution.value > 0.0);
        raising.sort_by(|a, b| b.value.total_cmp(&a.value));
        raising.truncate(count);
        let reason = |c: Contribution| Reason {
            code: c.feature.replace('.', "_").to_ascii_uppercase(),
            statement: words(row, &c.feature),
            contribution: c.value,
        };
        raising.into_iter().map(reason).collect()
    }

    /// Returns how much the model relies on each feature: the mean of the absolute contributions
    /// over the rows of `sample`, the strongest first.
    #[must_use]
    pub fn importances(&self, sample: &Matrix) -> Vec<Contribution> {
        let mut sums: Vec<Contribution> = Vec::new();
        for index in 0..sample.height() {
            let explanation = self.explain(sample.row(index));
            if sums.is_empty() {
                sums = explanation.contributions.clone();
                sums.iter_mut().for_each(|sum| sum.value = 0.0);
            }
            for (sum, contribution) in sums.iter_mut().zip(explanation.contributions) {
                sum.value += contribution.value.abs();
            }
        }
        let count = super::model::metrics::number(sample.height().max(1));
        sums.iter_mut().for_each(|sum| sum.value /= count);
        sums.sort_by(|a, b| b.value.total_cmp(&a.value));
        sums
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::Timestamp;

    use super::super::encoding::{Column, Encoding, Source};
    use super::super::features::{CORE_COUNT, Core};
    use super::super::model::calibration::Calibration;
    use super::super::model::logistic::Logistic;
    use super::super::model::{Artefact, Mix};
    use super::super::trees::{Forest, Node, Tree};
    use super::*;

    fn leaf(index: u32, value: f64, cover: f64) -> Node {
        Node {
            column: 0,
            threshold: 0.0,
            left: index,
            right: index,
            missing_right: false,
            value,
            cover,
        }
    }

    /// Tenure below 12 adds 0.8 in one tree; complaints from 1 on add 0.6 in another; a regression
    /// over both columns beside them.
    fn model(mix: Mix) -> Model {
        let stump = |column, threshold, below, above| Tree {
            nodes: vec![
                Node {
                    column,
                    threshold,
                    left: 1,
                    right: 2,
                    missing_right: true,
                    value: 0.0,
                    cover: 100.0,
                },
                leaf(1, below, 25.0),
                leaf(2, above, 75.0),
            ],
        };
        let column = |core: Core| Column {
            feature: core.name().into(),
            source: Source::Core(core as usize),
        };
        Model::new(Artefact {
            encoding: Encoding {
                columns: vec![column(Core::TenureMonths), column(Core::Complaints3m)],
            },
            forest: Forest {
                base: -1.0,
                trees: vec![stump(0, 12.0, 0.8, 0.0), stump(1, 1.0, 0.0, 0.6)],
            },
            logistic: Logistic {
                intercept: -0.5,
                means: vec![24.0, 0.5],
                scales: vec![0.1, 2.0],
                weights: vec![-0.4, 0.3],
            },
            mix,
            calibration: Calibration::Identity,
            prior_shift: 0.0,
        })
        .unwrap()
    }

    fn row(tenure: f64, complaints: f64) -> FeatureRow {
        let mut core = [f64::NAN; CORE_COUNT];
        core[Core::TenureMonths as usize] = tenure;
        core[Core::Complaints3m as usize] = complaints;
        FeatureRow {
            at: Timestamp::from_micros(0),
            core,
            attributes: Vec::new(),
        }
    }

    #[test]
    fn the_average_and_all_contributions_are_the_log_odds() {
        let mixes = [(1.0, 0.0), (0.0, 1.0), (0.75, 0.25)];
        for (trees, logistic) in mixes {
            let model = model(Mix { trees, logistic });
            for row in [row(3.0, 2.0), row(40.0, 0.0), row(f64::NAN, 1.0)] {
                let matrix = model.artefact.encoding.matrix(&[row]);
                let margin = model.margins(&matrix)[0];

                let explained = model.explain(matrix.row(0));

                let sum: f64 = explained.contributions.iter().map(|c| c.value).sum();
                assert!((explained.average + sum - margin).abs() < 1e-9);
            }
        }
    }

    /// By hand: a quarter of the cover is below 12 months, so that the average tree says 0.2 and a
    /// new customer is 0.6 above it; three quarters complain, 0.45 on average, 0.15 above it.
    #[test]
    fn reasons_are_what_raises_the_score_strongest_first_in_words() {
        let model = model(Mix {
            trees: 1.0,
            logistic: 0.0,
        });

        let reasons = model.reasons(&row(3.0, 2.0), 5);

        let codes: Vec<_> = reasons.iter().map(|r| r.code.as_str()).collect();
        assert_eq!(codes, ["TENURE_MONTHS", "COMPLAINTS_3M"]);
        assert_eq!(reasons[0].statement, "tenure in the first year");
        assert_eq!(reasons[1].statement, "complaints in the last 3 months: 2");
        assert!((reasons[0].contribution - 0.6).abs() < 1e-12);
        assert!((reasons[1].contribution - 0.15).abs() < 1e-12);
        assert_eq!(model.reasons(&row(40.0, 0.0), 5), []);
        assert_eq!(model.reasons(&row(3.0, 2.0), 1).len(), 1);
    }

    #[test]
    fn a_damaged_model_is_refused() {
        let json = model(Mix {
            trees: 1.0,
            logistic: 0.0,
        })
        .artefact
        .to_json();

        assert!(Model::from_json(&json).is_ok());
        assert!(Model::from_json(&json.replace("\"left\":1", "\"left\":7")).is_err());
        assert!(Model::from_json("{}").is_err());
    }
}
