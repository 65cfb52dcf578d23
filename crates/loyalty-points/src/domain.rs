//! The rules of points: pure, without clock, randomness or IO.
//!
//! [`apply`] decides one command on one account; [`Ledger`] decides many commands in order on what
//! one transaction has loaded, and collects what it has to write.

mod account;
mod adjust;
mod apply;
mod bytes;
mod circumstances;
mod close;
mod codec;
mod command;
mod earn;
mod entry;
mod entry_id;
#[cfg(test)]
mod fixture;
mod hold;
mod journal;
mod ledger;
#[cfg(test)]
mod model;
mod notice;
mod partner;
mod policy;
mod pool;
mod postings;
mod programme;
mod refusal;
pub mod revenue;
mod reverse;
mod reward;
mod seal;
mod settle;
mod spend;
mod standing;
mod stock;
mod tier;
mod total;
mod transfer;
mod verify;
mod vintage;

pub use account::{Account, Hold, Lot, Origin, Part};
pub use apply::{Context, Target, apply};
pub use circumstances::{Circumstances, Effect, News, SubscriptionState, effects, order_of_news};
pub use codec::{
    Columns, Damaged, REFUSED, decode_record, decode_state, encode_record, encode_state,
};
pub use command::{Command, Earn, Method, Order, Place, Request, StaffOrder};
pub use entry::{
    Allocation, Entry, EntryKind, HoldFacts, HoldState, Note, Opened, Peer, Record, RecordKey,
    Refused, Reversal,
};
pub use entry_id::EntryId;
pub use journal::Journal;
pub use ledger::{Answer, Decision, Ledger, Writes, block_of, customer_of};
pub use notice::{ExpiringDay, Notice, NoticeFact, expiring_days};
pub use partner::{
    Bill, BillLine, Direction, LineKey, Moved as PartnerMoved, Partner, PartnerKind,
    PartnerMovement, PartnerNote, PartnerRefusal, Partners, Payment, PointBlock, Prices,
    SettlementState, Terms, WHOLE, partner_movement,
};
pub use policy::{
    Block, Blocking, Effects, HoldExpiry, Leaving, Operation, OrderOfUse, OwnershipChange,
    Policies, PoolLeaving, PoolLimits, ReversalPolicy, RevokePolicy, SuspendedWhen, TransferLimits,
};
pub use pool::{Member, Monthly, Pool};
pub use postings::{Book, postings};
pub use programme::{
    Band, Basis, Catalogue, Earned, Earning, Event, EventKind, EventPart, Expiry, Factor, Facts,
    Funding, Group, InForce, Line, Month, Moved, Multiplier, Programme, ProgrammeRefusal,
    ProgrammeVersion, Replay as RuleReplay, Reward, Rule, Skip, Term, Zone, evaluate,
};
pub use refusal::{Clash, Refusal};
pub use reward::{
    Buying, Customer, Goods, ORDER_QUANTITY_MAX, Offer, OrderState, PRICES_MAX, Price,
    REWARD_ID_LENGTH_MAX, REWARD_TIERS_MAX, RewardCommand, RewardOrder, RewardPayment, RewardTerms,
    Step, Unmet, stock_key,
};
pub use seal::{BlockHash, NO_BLOCK, RawRecord, Seal, Sealing};
pub use settle::settle;
pub use standing::{Blocked, MonthlyGifts, Recipient, Standing};
pub use stock::{
    Counts, Draw, Reservation, STOCK_MAX, Stock, StockAct, StockId, StockKind, StockMove,
    StockPart, StockPlace, StockRecord,
};
pub use tier::{Achieved, Revoked, Spans, Tier, TierPeriod, TierPolicy, TierState};
pub use total::{DAY, Total, day_of};
pub use verify::{
    Breach, Finding, Invariant, LaneCheck, Neighbour, OrderRow, Orders, PartnerRow, Phase,
    Position, Replay, Seen, SettlementSeen, StockReplay, TotalRow, total_mark,
};
pub use vintage::{Change, Cohort, Movements, VintageKey, Vintages, needs_hold};

/// The most points of one command.
pub const POINTS_MAX: i64 = 1_000_000_000;
/// The most points that an account may hold: sums over a million such accounts still fit.
pub const BALANCE_MAX: i64 = 1_000_000_000_000;
/// The most live lots of an account: every spend reads all of them. Bills and campaigns of three
/// years make about a hundred.
pub const LOTS_MAX: usize = 512;
/// The most open holds of an account.
pub const HOLDS_MAX: usize = 64;
/// The most lots that all open holds of an account together refer to.
pub const PARTS_MAX: usize = 1_024;
