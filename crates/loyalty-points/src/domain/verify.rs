//! Recomputes the ledger from its written records and names the first that breaks an invariant.
//!
//! What is checked is what was decided (deltas, allocations), by arithmetic of its own: nothing here
//! calls the code that decides. [`Replay`] follows the records of one account from its opening on;
//! [`LaneCheck`] follows all records of a lane in their order, in constant memory.

mod finding;
mod holds;
mod lane;
mod lots;
mod moves;
mod orders;
mod partner;
mod pool;
mod position;
mod replay;
mod stock;
mod stored;
mod takeback;

pub use finding::{Breach, Finding, Invariant};
pub use lane::{LaneCheck, Neighbour, Seen, TotalRow, total_mark};
pub use orders::OrderRow;
pub use partner::{PartnerRow, SettlementSeen};
pub use position::{Phase, Position};
pub use replay::{Orders, Replay};
pub use stock::StockReplay;
