//! Features, models, scores: where each customer stands in the lifecycle, and why.

pub mod domain;
