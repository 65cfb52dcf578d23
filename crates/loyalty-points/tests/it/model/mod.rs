//! A naive model and the service have to agree on everything: the players of short runs, which are
//! tests, and of long ones (`cargo xtask model`).

pub(crate) mod ask;
mod batch;
mod call;
pub(crate) mod play;
mod request;
mod state;
pub(crate) mod story;
pub(crate) mod tally;
