//! The report: what the four services know, as one HTML page that needs nothing but a browser.
//!
//! [`gather`](gather::gather) asks the services through their RPCs, so the same report can be made
//! of the demo, of a data folder and of servers in production; [`page`](page::page) draws it.

pub mod chart;
pub mod data;
pub mod gather;
pub mod page;
mod svg;
