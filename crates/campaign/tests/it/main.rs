//! The service as its callers see it, on both databases, with fakes of the services it calls.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod actions;
mod audience;
mod campaigns;
mod contacts;
mod departures;
mod enrolment;
mod erasure;
mod fakes;
mod grants;
mod limits;
mod offers;
mod replicas;
mod results;
mod suite;
mod trouble;
mod watch;
