//! The rules: who is treated, what may happen to a campaign, and what a difference is worth. Pure.

pub(crate) mod action;
pub(crate) mod assignment;
pub(crate) mod attribute;
pub(crate) mod audience;
pub(crate) mod campaign;
pub(crate) mod contact;
pub(crate) mod departure;
pub(crate) mod enrolment;
pub(crate) mod grant;
pub(crate) mod results;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod words;
