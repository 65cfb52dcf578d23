//! The whole system, tested from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod briefing;
mod coverage;
mod deploy;
mod facts;
mod feed;
mod foreign_client;
mod operator;
mod preview;
mod process;
mod quality;
mod real_data;
mod restart;
mod scenario;
mod tidy;
mod topology;
