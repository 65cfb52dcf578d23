//! The main job on a synthetic operator whose truth is known.

pub mod brief;
mod campaign;
pub mod census;
mod community;
pub mod deed;
pub mod ingest;
mod leaving;
pub mod office;
mod points;
pub mod story;
pub mod tables;
mod ticket;
mod truth;
pub mod world;
