//! The test that the rules and a naive model of an account agree on everything.

mod agree;
mod bench;
mod naive;
