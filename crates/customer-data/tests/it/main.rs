//! The service as its callers see it, on both databases.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bad_inputs;
mod batches;
mod briefing;
mod bus;
mod care_suite;
mod complaints;
mod consent;
mod customers;
mod erasure;
mod erasure_jobs;
mod identity;
mod identity_base;
mod identity_model;
mod identity_policy;
mod identity_suite;
mod import_file;
mod import_rpc;
mod pages;
mod personal;
mod promises;
mod sample;
mod schema;
mod snapshot;
mod splits;
mod standing;
mod stubs;
mod subscriptions;
mod suite;
mod surveys;
mod watch;
