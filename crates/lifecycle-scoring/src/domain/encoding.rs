//! Rows of features as a matrix of numbers, and the way back from a column to its feature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

use super::fact::AttributeValue;
use super::features::{ATTRIBUTE, Core, Direction, FeatureRow};

/// Words of one attribute that get a column of their own, the most common ones; the others share
/// the rest.
const CATEGORIES_MAX: usize = 24;
/// A word must occur this often in the training rows to get a column.
const OCCURRENCES_MIN: usize = 10;
/// Columns of a model: more than a few hundred say more about the data than about customers.
pub const COLUMNS_MAX: usize = 512;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// A feature that every customer has, by its place in [`Core::ALL`].
    Core(usize),
    /// A number, whole number, flag or instant among the customer's attributes.
    Number,
    /// 1 where the attribute is this word. A word without a column is 0 in all of them, an unknown
    /// one is no number in any.
    Word(String),
}

/// A column of the matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The feature it belongs to, a name of [`Core`] or `attribute.NAME`; several columns may belong
    /// to one.
    pub feature: String,
    /// What it holds.
    pub source: Source,
}

/// How rows become numbers: learned from the training rows, stored with the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Encoding {
    /// The columns in their order.
    pub columns: Vec<Column>,
}

/// Numbers in rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// Numbers of one row after the other.
    pub values: Vec<f64>,
    /// How many columns there are.
    pub width: usize,
}

impl Matrix {
    /// Returns how many rows there are.
    #[must_use]
    pub fn height(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// Returns one row.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// Returns the rows of `indices` as a matrix of their own.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let values = indices
            .iter()
            .flat_map(|index| self.row(*index).iter().copied())
            .collect();
        Self {
            values,
            width: self.width,
        }
    }

    /// Returns the numbers column by column.
    #[must_use]
    pub fn by_column(&self) -> Vec<f64> {
        let (height, width) = (self.height(), self.width);
        let mut columns = Vec::with_capacity(self.values.len());
        for column in 0..width {
            columns.extend((0..height).map(|row| self.values[row * width + column]));
        }
        columns
    }
}

/// What the training rows show of one attribute.
#[derive(Default)]
struct Seen<'a> {
    words: BTreeMap<&'a str, usize>,
    numbers: usize,
}

impl Encoding {
    /// Learns the columns from training rows: every core feature and every attribute that is not
    /// the same everywhere or excluded by name, words as one column each.
    #[must_use]
    pub fn learn(rows: &[FeatureRow], excluded: &[String]) -> Self {
        let mut columns: Vec<Column> = (Core::ALL.iter().enumerate())
            .map(|(index, core)| Column {
                feature: core.name().into(),
                source: Source::Core(index),
            })
            .collect();
        let mut seen: BTreeMap<&str, Seen<'_>> = BTreeMap::new();
        for (name, value) in rows.iter().flat_map(|row| &row.attributes) {
            let seen = seen.entry(name.as_str()).or_default();
            match value {
                AttributeValue::Text(text) => *seen.words.entry(text.as_str()).or_default() += 1,
                _ => seen.numbers += 1,
            }
        }
        for (name, seen) in &seen {
            let feature = format!("{ATTRIBUTE}{name}");
            columns.extend(words(&feature, &seen.words));
            if seen.numbers > 0 {
                columns.push(Column {
                    feature,
                    source: Source::Number,
                });
            }
        }
        columns.retain(|column| !excluded.contains(&column.feature));
        let varies = |column: &Column| {
            let mut values = rows.iter().map(|row| number(column, row).to_bits());
            let first = values.next();
            values.any(|value| Some(value) != first)
        };
        columns.retain(varies);
        columns.truncate(COLUMNS_MAX);
        Self { columns }
    }

    /// Returns the matrix of `rows`.
    #[must_use]
    pub fn matrix(&self, rows: &[FeatureRow]) -> Matrix {
        let width = self.columns.len();
        let mut values = vec![0.0; width * rows.len()];
        for (row, out) in rows.iter().zip(values.chunks_exact_mut(width.max(1))) {
            for (column, out) in self.columns.iter().zip(out) {
                *out = number(column, row);
            }
        }
        Matrix { values, width }
    }

    /// Returns which way the risk may go with each column, in the order of columns.
    #[must_use]
    pub fn directions(&self) -> Vec<Option<Direction>> {
        let direction = |column: &Column| match column.source {
            Source::Core(index) => Core::ALL.get(index)?.direction(),
            Source::Number | Source::Word(_) => None,
        };
        self.columns.iter().map(direction).collect()
    }

    /// Returns the names of the features that have a column, each once, in the order of columns.
    #[must_use]
    pub fn features(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.columns.iter().map(|c| c.feature.as_str()).collect();
        names.dedup();
        names
    }
}

fn words(name: &str, words: &BTreeMap<&str, usize>) -> Vec<Column> {
    let mut common: Vec<(&str, usize)> = words
        .iter()
        .filter(|(_, n)| **n >= OCCURRENCES_MIN)
        .map(|(w, n)| (*w, *n))
        .collect();
    common.sort_by_key(|(word, n)| (std::cmp::Reverse(*n), *word));
    common.truncate(CATEGORIES_MAX);
    // Of two words one column says everything.
    let skip = usize::from(common.len() == 2 && words.len() == 2);
    let column = |word: &str| Column {
        feature: name.into(),
        source: Source::Word(word.into()),
    };
    common
        .iter()
        .skip(skip)
        .map(|(word, _)| column(word))
        .collect()
}

/// Returns the number of `column` in `row`; not a number where nothing is known.
fn number(column: &Column, row: &FeatureRow) -> f64 {
    if let Source::Core(index) = column.source {
        return row.core[index];
    }
    let name = column
        .feature
        .strip_prefix(ATTRIBUTE)
        .unwrap_or(&column.feature);
    let Ok(found) = row
        .attributes
        .binary_search_by(|(known, _)| known.as_str().cmp(name))
    else {
        return f64::NAN;
    };
    match (&column.source, &row.attributes[found].1) {
        (Source::Word(word), AttributeValue::Text(text)) => f64::from(u8::from(word == text)),
        (Source::Number, AttributeValue::Number(n)) if n.is_finite() => *n,
        (Source::Number, AttributeValue::Integer(n)) => integer(*n),
        (Source::Number, AttributeValue::Flag(flag)) => f64::from(u8::from(*flag)),
        (Source::Number, AttributeValue::Instant(micros)) => {
            row.at.since(Timestamp::from_micros(*micros)).as_days()
        }
        _ => f64::NAN,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a column is a float; whole numbers beyond 2^53 round"
)]
fn integer(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::super::features::CORE_COUNT;
    use super::*;

    fn row(tenure: f64, attributes: &[(&str, AttributeValue)]) -> FeatureRow {
        let mut core = [f64::NAN; CORE_COUNT];
        core[Core::TenureMonths as usize] = tenure;
        let attributes = attributes.iter().map(|(n, v)| ((*n).to_owned(), v.clone()));
        let attributes = BTreeMap::from_iter(attributes).into_iter().collect();
        FeatureRow {
            at: Timestamp::from_micros(0),
            core,
            attributes,
        }
    }

    fn text(word: &str) -> AttributeValue {
        AttributeValue::Text(word.into())
    }

    #[test]
    fn words_become_columns_and_constants_become_none() {
        let rows: Vec<_> = (0..30_u8)
            .map(|n| {
                let plan = text(["basic", "gold", "silver"][usize::from(n % 3)]);
                row(
                    f64::from(n),
                    &[("plan", plan), ("always", AttributeValue::Flag(true))],
                )
            })
            .collect();

        let encoding = Encoding::learn(&rows, &[]);

        assert_eq!(encoding.features(), ["tenure_months", "attribute.plan"]);
        let matrix = encoding.matrix(&rows[..2]);
        assert_eq!(matrix.row(0), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(matrix.row(1), [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn rare_words_share_the_rest_and_unknown_is_no_number() {
        let mut rows: Vec<_> = (0..20)
            .map(|_| row(1.0, &[("plan", text("basic"))]))
            .collect();
        rows.extend((0..20).map(|_| row(2.0, &[("plan", text("gold"))])));
        rows.push(row(3.0, &[("plan", text("odd"))]));

        let encoding = Encoding::learn(&rows, &[]);
        let matrix = encoding.matrix(&[rows[40].clone(), row(4.0, &[])]);

        assert_eq!(matrix.row(0), [3.0, 0.0, 0.0]);
        assert!(matrix.row(1)[1].is_nan() && matrix.row(1)[2].is_nan());
    }

    #[test]
    fn of_two_words_one_column_says_everything() {
        let rows: Vec<_> = (0..40_u8)
            .map(|n| {
                row(
                    0.0,
                    &[("card", text(if n % 2 == 0 { "yes" } else { "no" }))],
                )
            })
            .collect();

        assert_eq!(Encoding::learn(&rows, &[]).columns.len(), 1);
    }

    #[test]
    fn columns_by_column_are_the_transpose() {
        let matrix = Matrix {
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            width: 3,
        };

        assert_eq!(matrix.by_column(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(matrix.select(&[1]).row(0), [4.0, 5.0, 6.0]);
    }
}
