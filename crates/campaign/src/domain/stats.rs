//! Statistics of two proportions, each by a published formula.

mod chi_squared;
mod interval;
mod normal;

pub(crate) use chi_squared::{SampleRatio, sample_ratio};
pub(crate) use interval::{Difference, Proportion, newcombe};
