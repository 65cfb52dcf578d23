//! The rules of scoring: pure functions of facts, policies, models and an instant.

pub mod assess;
pub mod band;
pub mod encoding;
pub mod explain;
pub mod fact;
pub mod features;
pub mod model;
pub mod policy;
pub mod stage;
pub mod state;
pub mod trees;
pub mod value;
