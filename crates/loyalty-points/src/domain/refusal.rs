//! Why a command was refused: a fact about the state it met, kept and repeated like an answer.

mod clash;
mod coded;
mod facts;

use serde::{Deserialize, Serialize};
use tenure_core::Timestamp;

pub use clash::Clash;
pub(super) use clash::Undone;

/// A business refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// There is no such account.
    #[error("there is no account {account}")]
    AccountNotFound {
        /// The id.
        account: String,
    },
    /// There is such an account already.
    #[error("account {account} exists")]
    AccountExists {
        /// The id.
        account: String,
    },
    /// The account has no such hold.
    #[error("the account has no hold {hold}")]
    HoldNotFound {
        /// The id.
        hold: String,
    },
    /// The account has no such entry.
    #[error("the account has no entry {entry}")]
    EntryNotFound {
        /// The id.
        entry: String,
    },
    /// Too few points.
    #[error("account {account} has {available} points available and {held} held, {needed} needed")]
    InsufficientPoints {
        /// The account.
        account: String,
        /// What can be spent.
        available: i64,
        /// What is held.
        held: i64,
        /// What was asked for.
        needed: i64,
        /// What waits for its activation.
        pending: i64,
        /// What expired on this day.
        expired_today: i64,
        /// What is owed.
        debt: i64,
        /// When pending points become available next, in microseconds.
        next_activation: Option<i64>,
    },
    /// The hold was spent.
    #[error("hold {hold} was confirmed before")]
    HoldAlreadyConfirmed {
        /// The hold.
        hold: String,
    },
    /// The hold was given back.
    #[error("hold {hold} was released before")]
    HoldAlreadyReleased {
        /// The hold.
        hold: String,
    },
    /// The hold ran out.
    #[error("hold {hold} ran out at {}", Timestamp::from_micros(*.expires_at))]
    HoldExpired {
        /// The hold.
        hold: String,
        /// When, in microseconds.
        expires_at: i64,
    },
    /// More than is held.
    #[error("hold {hold} holds {held} points, {needed} needed")]
    HoldExceeded {
        /// The hold.
        hold: String,
        /// What it holds.
        held: i64,
        /// What was to be confirmed.
        needed: i64,
    },
    /// The entry was taken back before.
    #[error("entry {entry} was reversed before by {reversal}")]
    EntryAlreadyReversed {
        /// The entry.
        entry: String,
        /// The entry that reversed it.
        reversal: String,
    },
    /// Entries of its kind are final.
    #[error("entry {entry} is of kind {kind}, which cannot be reversed")]
    EntryNotReversible {
        /// The entry.
        entry: String,
        /// Its kind.
        kind: String,
    },
    /// The programme takes back only pending points.
    #[error("entry {entry} has {pending} points that are still pending, {needed} needed")]
    EarningNotPending {
        /// The entry.
        entry: String,
        /// What waits for its activation.
        pending: i64,
        /// What was to be taken back.
        needed: i64,
    },
    /// The account would owe more than it may.
    #[error("account {account} owes {debt} points and may owe {limit}, {needed} more needed")]
    DebtLimit {
        /// The account.
        account: String,
        /// What it owes.
        debt: i64,
        /// What it may owe.
        limit: i64,
        /// What it would owe in addition.
        needed: i64,
    },
    /// More was to be taken back than is left of the entry.
    #[error("{left} points of entry {entry} are left to be reversed, {needed} needed")]
    ReversalExceeded {
        /// The entry.
        entry: String,
        /// What is left.
        left: i64,
        /// What was to be taken back.
        needed: i64,
    },
    /// The source earned before.
    #[error("source {source_event} earned points before, in entry {entry}")]
    EventAlreadyEarned {
        /// The source.
        source_event: String,
        /// The entry.
        entry: String,
    },
    /// The account has no such lot with points.
    #[error("the account has no lot {lot} with points")]
    LotNotFound {
        /// The lot.
        lot: String,
    },
    /// The lot is active.
    #[error("lot {lot} is available already")]
    LotNotPending {
        /// The lot.
        lot: String,
    },
    /// No points to expire.
    #[error("account {account} has no points that could expire")]
    NothingToExpire {
        /// The account.
        account: String,
    },
    /// A second person must agree.
    #[error("an adjustment by {points} points needs an approver, being above {limit}")]
    ApprovalRequired {
        /// The adjustment.
        points: i64,
        /// What one person may do.
        limit: i64,
    },
    /// The second person is the first one.
    #[error("the approver is the author")]
    ApproverIsAuthor,
    /// The time to make it good is over.
    #[error("the points of entry {entry} could be reinstated until {}", Timestamp::from_micros(*.until))]
    ReinstateTooLate {
        /// The entry.
        entry: String,
        /// Until when, in microseconds.
        until: i64,
    },
    /// The account is closed for good.
    #[error("account {account} is closed")]
    AccountClosed {
        /// The account.
        account: String,
    },
    /// A block hinders it.
    #[error("account {account} is blocked: {block} hinders {operation}")]
    AccountBlocked {
        /// The account.
        account: String,
        /// The kind of block.
        block: String,
        /// What it hinders.
        operation: String,
    },
    /// The block is set already.
    #[error("account {account} has the block {block} already")]
    BlockExists {
        /// The account.
        account: String,
        /// The kind of block.
        block: String,
    },
    /// There is no such block to lift.
    #[error("account {account} has no block {block}")]
    BlockNotFound {
        /// The account.
        account: String,
        /// The kind of block.
        block: String,
    },
    /// The customer is not with the operator for long enough.
    #[error(
        "the customer of account {account} is with the operator for {months} months, {needed} needed"
    )]
    TenureTooShort {
        /// The account.
        account: String,
        /// For how many whole months.
        months: i32,
        /// How many are needed.
        needed: i32,
    },
    /// No more recipients.
    #[error("account {account} has {limit} recipients, which is the most")]
    RecipientLimit {
        /// The account.
        account: String,
        /// The most.
        limit: i64,
    },
    /// The recipient is registered already.
    #[error("recipient {recipient} is registered already")]
    RecipientExists {
        /// The recipient.
        recipient: String,
    },
    /// The recipient is not registered.
    #[error("recipient {recipient} is not registered")]
    RecipientNotRegistered {
        /// The recipient.
        recipient: String,
    },
    /// The recipient took another's place too short a time ago.
    #[error("recipient {recipient} may receive points from {}", Timestamp::from_micros(*.effective_at))]
    RecipientNotEffective {
        /// The recipient.
        recipient: String,
        /// From when, in microseconds.
        effective_at: i64,
    },
    /// More than may be given or received in a month.
    #[error(
        "account {account} moved {moved} points {direction} this month and may move {limit}, {needed} needed"
    )]
    TransferLimit {
        /// The account.
        account: String,
        /// OUT or IN.
        direction: String,
        /// The most.
        limit: i64,
        /// What was moved this month.
        moved: i64,
        /// What was to be moved.
        needed: i64,
    },
    /// The accounts are of different programmes.
    #[error("accounts {account} and {peer} are of different programmes")]
    ProgrammeMismatch {
        /// The account that gives.
        account: String,
        /// The account that receives.
        peer: String,
    },
    /// Holds must be ended first.
    #[error("account {account} has open holds")]
    HoldsOpen {
        /// The account.
        account: String,
    },
    /// There is no such partner.
    #[error("there is no partner {partner}")]
    PartnerNotFound {
        /// The id.
        partner: String,
    },
    /// Nothing new is agreed with the partner.
    #[error("partner {partner} is closed")]
    PartnerClosed {
        /// The id.
        partner: String,
    },
    /// The partner has no more points that it paid for.
    #[error("no block of partner {partner} has {needed} points left, the fullest has {available}")]
    PartnerBlockExhausted {
        /// The id.
        partner: String,
        /// What the fullest block has.
        available: i64,
        /// What was to be earned.
        needed: i64,
    },
    /// The partner does something else.
    #[error("partner {partner} takes no part in {operation}")]
    PartnerKindMismatch {
        /// The id.
        partner: String,
        /// ACCRUAL or REDEMPTION.
        operation: String,
    },
    /// It was given up, because another operation of its batch was refused.
    #[error("another operation of the batch was refused as {reason}")]
    BatchRefused {
        /// The reason of the first that was refused.
        reason: String,
    },
    /// The account is in a pool already.
    #[error("account {member} is a member of pool {pool} already")]
    PoolMemberExists {
        /// The account.
        member: String,
        /// Its pool.
        pool: String,
    },
    /// The account is no member of the pool.
    #[error("account {member} is no member of pool {account}")]
    PoolMemberNotFound {
        /// The pool.
        account: String,
        /// The account.
        member: String,
    },
    /// No more members.
    #[error("pool {account} has {limit} members, which is the most")]
    PoolMemberLimit {
        /// The pool.
        account: String,
        /// The most.
        limit: i64,
    },
    /// More than a member may contribute or spend in a month.
    #[error(
        "account {account}: {moved} points of the month for {direction}, at most {limit}, {needed} needed"
    )]
    PoolLimit {
        /// The account: the member's, or the pool.
        account: String,
        /// CONTRIBUTE or SPEND.
        direction: String,
        /// The most.
        limit: i64,
        /// What was moved this month, open holds included.
        moved: i64,
        /// What was to be moved.
        needed: i64,
    },
    /// The account must have nothing to do with pools.
    #[error("account {account} is a pool with members or a member of one")]
    PoolNotLeft {
        /// The account.
        account: String,
    },
    /// Not enough of it is there.
    #[error("stock {stock} has {available} that may be taken, {needed} needed")]
    OutOfStock {
        /// The stock.
        stock: String,
        /// How many may be taken.
        available: i64,
        /// How many were to be moved.
        needed: i64,
    },
    /// There is no such reward.
    #[error("there is no reward {reward}")]
    RewardNotFound {
        /// The id.
        reward: String,
    },
    /// The reward has no such price.
    #[error("reward {reward} has no price {price}")]
    PriceNotFound {
        /// The reward.
        reward: String,
        /// The price.
        price: String,
    },
    /// The reward is not offered at this time.
    #[error("reward {reward} is not offered at {}", Timestamp::from_micros(*.at))]
    RewardNotAvailable {
        /// The reward.
        reward: String,
        /// When it was asked for, in microseconds.
        at: i64,
        /// From when on it is offered, in microseconds.
        valid_from: Option<i64>,
        /// Until when it is offered, in microseconds.
        valid_until: Option<i64>,
    },
    /// The customer may not have the reward.
    #[error("reward {reward} is not for this account: {rule} is to be {wanted:?}, found {found:?}")]
    NotEligible {
        /// The reward.
        reward: String,
        /// Which rule says so.
        rule: String,
        /// What it wants.
        wanted: String,
        /// What was found.
        found: String,
    },
    /// The account has as many of the reward as it may.
    #[error("an account may have {limit} of reward {reward} and has {had}, {needed} more needed")]
    RewardLimit {
        /// The reward.
        reward: String,
        /// The most.
        limit: i64,
        /// How many it has.
        had: i64,
        /// How many it was to have in addition.
        needed: i64,
    },
    /// There is such a reward already.
    #[error("reward {reward} exists")]
    RewardExists {
        /// The id.
        reward: String,
    },
    /// There are as many rewards as there may be.
    #[error("there are {limit} rewards, which is as many as there may be")]
    CatalogueFull {
        /// How many.
        limit: i64,
    },
    /// The things of the reward are not counted.
    #[error("the things of reward {reward} are not counted")]
    RewardNotCounted {
        /// The reward.
        reward: String,
    },
    /// The account has no such order.
    #[error("the account has no order {order}")]
    RewardOrderNotFound {
        /// The order.
        order: String,
    },
    /// The order is in another state.
    #[error("order {order} is {state}, wanted {wanted}")]
    RewardOrderState {
        /// The order.
        order: String,
        /// Its state.
        state: String,
        /// The states in which it could be done.
        wanted: String,
    },
    /// Fewer of its things are left.
    #[error("{left} things of order {order} are left to be refunded, {needed} needed")]
    RefundExceeded {
        /// The order.
        order: String,
        /// What is left.
        left: i64,
        /// What was to be refunded.
        needed: i64,
    },
    /// The entry belongs to an order.
    #[error("entry {entry} belongs to order {order}, which has methods of its own")]
    EntryOfRewardOrder {
        /// The entry.
        entry: String,
        /// The order.
        order: String,
    },
    /// Another operation of the same batch stood in its way, and is given up with it.
    #[error(transparent)]
    Clash(Clash),
    /// The account would grow beyond its limits.
    #[error("account {account} would hold more points or lots than it may")]
    BalanceLimit {
        /// The account.
        account: String,
    },
}
