//! Benchmarks, each side by side with its yardstick in one run: machines are noisy, ratios less so.

pub mod brief;
pub mod coverage;
mod cpu;
pub mod crash;
pub mod feed;
pub mod feed_crash;
pub mod import;
mod load;
mod pgbench;
pub mod redeem;
pub mod score;
mod server;
