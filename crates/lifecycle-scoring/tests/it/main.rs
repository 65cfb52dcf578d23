//! Scoring against both databases, with a customer-data that only has a feed.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests; what fails there fails the test"
)]

mod erasure;
mod feed;
mod models;
mod real_data;
mod runs;
mod scores;
mod stages;
mod suite;
mod value;
