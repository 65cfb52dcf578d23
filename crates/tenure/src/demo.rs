//! The main job on a synthetic operator whose truth is known.

mod campaign;
pub mod ingest;
mod points;
pub mod story;
pub mod tables;
mod truth;
pub mod world;
