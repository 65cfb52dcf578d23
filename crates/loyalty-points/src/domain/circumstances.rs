//! What is known of the subscriptions and payments of a customer, and what a change of them means for
//! an account.

use std::collections::BTreeMap;

use tenure_core::{CustomerId, Span, Timestamp};

use super::account::Account;
use super::command::StaffOrder;
use super::policy::{Block, Blocking, Leaving, OwnershipChange, Policies, SuspendedWhen};

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum SubscriptionState {
    /// It runs.
    Active = 1,
    /// It ended.
    Terminated = 2,
    /// It is interrupted.
    Suspended = 3,
}

impl SubscriptionState {
    /// Returns the number under which the state is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the state stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        let states = [Self::Active, Self::Terminated, Self::Suspended];
        states.into_iter().find(|state| state.number() == number)
    }
}

/// Something that was told of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Of a subscription.
    Subscription {
        /// Which.
        id: String,
        /// How it stands.
        state: SubscriptionState,
        /// Since when: later with every change of the state.
        since: Timestamp,
        /// The customer took the number to a competitor.
        is_ported_out: bool,
        /// Who took it over.
        transferred_to: Option<CustomerId>,
    },
    /// Of payments.
    Payment {
        /// Whether bills are overdue.
        in_arrears: bool,
        /// Since when: later with every change.
        since: Timestamp,
    },
}

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// The subscriptions: state, and since when.
    pub subscriptions: BTreeMap<String, (SubscriptionState, Timestamp)>,
    /// Whether bills are overdue, and since when it is so.
    pub arrears: Option<(bool, Timestamp)>,
}

/// What is to be done with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Set a block that is not set.
    Block(Block),
    /// Lift a block that is set.
    Unblock(Block),
    /// Make all points void.
    Void,
    /// Make all points void from an instant on.
    VoidFrom(Timestamp),
    /// Do not make them void any more.
    Stay,
    /// Give all points to the account of another customer.
    HandOver(CustomerId),
}

impl Circumstances {
    /// Takes news in. Returns false, and changes nothing, when they are old or tell of no change.
    pub fn learn(&mut self, news: &News) -> bool {
        match news {
            News::Subscription {
                id, state, since, ..
            } => {
                let known = self.subscriptions.get(id);
                if known.is_some_and(|(_, at)| at >= since) {
                    return false;
                }
                self.subscriptions.insert(id.clone(), (*state, *since));
            }
            News::Payment { in_arrears, since } => {
                if self.arrears.is_some_and(|(_, at)| at >= *since) {
                    return false;
                }
                self.arrears = Some((*in_arrears, *since));
            }
        }
        true
    }

    fn running(&self) -> impl Iterator<Item = SubscriptionState> {
        let states = self.subscriptions.values().map(|(state, _)| *state);
        states.filter(|state| *state != SubscriptionState::Terminated)
    }

    /// Returns true when the customer counts as suspended.
    #[must_use]
    pub fn is_suspended(&self, when: SuspendedWhen) -> bool {
        let is_suspended = |state| state == SubscriptionState::Suspended;
        match when {
            SuspendedWhen::Any => self.running().any(is_suspended),
            SuspendedWhen::All => {
                self.running().next().is_some() && self.running().all(is_suspended)
            }
        }
    }

    /// Returns true when all subscriptions ended. Who never had any has not left.
    #[must_use]
    pub fn has_left(&self) -> bool {
        !self.subscriptions.is_empty() && self.running().next().is_none()
    }

    /// Returns true when bills are overdue.
    #[must_use]
    pub fn is_in_arrears(&self) -> bool {
        self.arrears.is_some_and(|(in_arrears, _)| in_arrears)
    }
}

/// Returns what news mean for an account of the customer, of whom `before` was known and `after` is.
#[must_use]
pub fn effects(
    (before, after): (&Circumstances, &Circumstances),
    news: &News,
    account: &Account,
    policies: &Policies,
) -> Vec<Effect> {
    if account.is_closed() {
        return Vec::new();
    }
    let mut effects = blocks(before, after, account, policies);
    if let News::Subscription {
        since,
        is_ported_out,
        transferred_to,
        ..
    } = news
    {
        match (after.has_left(), has(account, Block::Left)) {
            (true, false) => {
                let new_owner = transferred_to.as_ref();
                effects.extend(leave(*since, *is_ported_out, new_owner, policies));
            }
            (false, true) => effects.extend([Effect::Unblock(Block::Left), Effect::Stay]),
            _ => {}
        }
    }
    effects
}

/// Returns what circumstances that were known before mean for an account that was opened now.
#[must_use]
pub(super) fn effects_on_new(
    known: &Circumstances,
    account: &Account,
    policies: &Policies,
) -> Vec<Effect> {
    let mut effects = blocks(known, known, account, policies);
    if known.has_left() && !has(account, Block::Left) {
        effects.push(Effect::Block(Block::Left));
    }
    effects
}

/// Who asks for what follows from news of customers, in its entries.
const AUTHOR: &str = "customer-data";

/// Returns an order that news of a customer give.
#[must_use]
pub fn order_of_news(source: &str) -> StaffOrder {
    StaffOrder {
        reason: source.into(),
        author: AUTHOR.into(),
        approver: "".into(),
    }
}

fn has(account: &Account, block: Block) -> bool {
    let standing = account.standing.as_ref();
    standing.is_some_and(|it| it.blocks.iter().any(|set| set.block == block))
}

/// Suspension and arrears. A block of their kind is lifted when the circumstance ended just now: one
/// that somebody set for another reason stays.
fn blocks(
    before: &Circumstances,
    after: &Circumstances,
    account: &Account,
    policies: &Policies,
) -> Vec<Effect> {
    let rules = &policies.effects;
    let suspended = |known: &Circumstances| known.is_suspended(rules.suspended_when);
    let in_arrears = Circumstances::is_in_arrears;
    [
        (
            Block::Suspended,
            rules.on_suspension,
            (suspended(before), suspended(after)),
        ),
        (
            Block::Arrears,
            rules.on_arrears,
            (in_arrears(before), in_arrears(after)),
        ),
    ]
    .into_iter()
    .filter_map(|(block, blocking, (was, is))| {
        let is_set = has(account, block);
        if is && !is_set && blocking == Blocking::Block {
            return Some(Effect::Block(block));
        }
        (was && !is && is_set).then_some(Effect::Unblock(block))
    })
    .collect()
}

/// Points that go to somebody else go first: what is left of them is none to become void.
fn leave(
    at: Timestamp,
    is_ported_out: bool,
    new_owner: Option<&CustomerId>,
    policies: &Policies,
) -> Vec<Effect> {
    let rules = &policies.effects;
    let mut effects = Vec::new();
    if let Some(new_owner) = new_owner
        && rules.on_ownership_change == OwnershipChange::PointsMove
    {
        effects.push(Effect::HandOver(new_owner.clone()));
    }
    let grace = if is_ported_out {
        0
    } else {
        rules.cancellation_grace_days
    };
    let fate = if is_ported_out {
        rules.on_port_out
    } else {
        rules.on_cancellation
    };
    effects.extend(match (fate, grace) {
        (Leaving::Keep, _) => None,
        (Leaving::Void, 0) => Some(Effect::Void),
        (Leaving::Void, days) => Some(Effect::VoidFrom(at + Span::from_days(i64::from(days)))),
    });
    effects.push(Effect::Block(Block::Left));
    effects
}

#[cfg(test)]
mod tests {
    use tenure_core::{AccountId, ProgrammeId};

    use super::SubscriptionState::{Active, Suspended, Terminated};
    use super::*;
    use crate::domain::policy::Effects;
    use crate::domain::standing::Blocked;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_micros(0) + Span::from_days(day)
    }

    fn news(id: &str, state: SubscriptionState, at: i64) -> News {
        News::Subscription {
            id: id.into(),
            state,
            since: day(at),
            is_ported_out: false,
            transferred_to: None,
        }
    }

    fn account(blocks: &[Block]) -> Account {
        let id = AccountId::parse("ada").unwrap();
        let (customer, programme) = (CustomerId::parse("ada"), ProgrammeId::parse("default"));
        let mut account = Account::new(1, id, customer.unwrap(), programme.unwrap());
        for block in blocks {
            let reason = "test".into();
            let blocks = &mut account.standing_mut().blocks;
            blocks.push(Blocked {
                block: *block,
                reason,
            });
        }
        account
    }

    /// Returns what the last of some news means for an account with blocks.
    fn meant(all: &[News], blocks: &[Block], rules: Effects) -> Vec<Effect> {
        let (last, earlier) = all.split_last().unwrap();
        let mut before = Circumstances::default();
        for news in earlier {
            before.learn(news);
        }
        let mut after = before.clone();
        assert!(after.learn(last));
        let policies = Policies {
            effects: rules,
            ..Policies::default()
        };
        effects((&before, &after), last, &account(blocks), &policies)
    }

    #[test]
    fn news_that_are_old_teach_nothing() {
        let mut known = Circumstances::default();
        assert!(known.learn(&news("S1", Suspended, 5)));
        for old in [news("S1", Active, 4), news("S1", Suspended, 5)] {
            assert!(!known.learn(&old));
        }
        assert!(known.is_suspended(SuspendedWhen::Any));
    }

    #[test]
    fn one_suspension_of_two_counts_where_any_does() {
        let all = [
            news("S1", Active, 1),
            news("S2", Active, 1),
            news("S1", Suspended, 2),
        ];
        let any = meant(&all, &[], Effects::default());
        let rules = Effects {
            suspended_when: SuspendedWhen::All,
            ..Effects::default()
        };
        let every = meant(&all, &[], rules.clone());
        let mut both = all.to_vec();
        both.push(news("S2", Suspended, 3));

        assert_eq!(any, [Effect::Block(Block::Suspended)]);
        assert_eq!(every, []);
        assert_eq!(meant(&both, &[], rules), [Effect::Block(Block::Suspended)]);
    }

    #[test]
    fn a_block_that_stands_for_another_reason_is_not_lifted() {
        let all = [news("S1", Active, 1), news("S2", Active, 2)];
        assert_eq!(meant(&all, &[Block::Suspended], Effects::default()), []);
        let all = [news("S1", Suspended, 1), news("S1", Active, 2)];
        assert_eq!(
            meant(&all, &[Block::Suspended], Effects::default()),
            [Effect::Unblock(Block::Suspended)]
        );
    }

    #[test]
    fn the_end_of_the_last_subscription_is_a_leaving_and_another_one_a_return() {
        let one_of_two = [
            news("S1", Active, 1),
            news("S2", Active, 1),
            news("S1", Terminated, 2),
        ];
        assert_eq!(meant(&one_of_two, &[], Effects::default()), []);
        let last = [news("S1", Active, 1), news("S1", Terminated, 2)];
        assert_eq!(
            meant(&last, &[], Effects::default()),
            [Effect::Void, Effect::Block(Block::Left)]
        );
        let grace = Effects {
            cancellation_grace_days: 30,
            ..Effects::default()
        };
        assert_eq!(
            meant(&last, &[], grace),
            [Effect::VoidFrom(day(32)), Effect::Block(Block::Left)]
        );
        let back = [news("S1", Terminated, 2), news("S2", Active, 3)];
        assert_eq!(
            meant(&back, &[Block::Left], Effects::default()),
            [Effect::Unblock(Block::Left), Effect::Stay]
        );
    }

    #[test]
    fn a_ported_number_and_a_new_owner_have_policies_of_their_own() {
        let ended = |is_ported_out, to: Option<&str>| News::Subscription {
            id: "S1".into(),
            state: Terminated,
            since: day(2),
            is_ported_out,
            transferred_to: to.map(|to| CustomerId::parse(to).unwrap()),
        };
        let rules = Effects {
            on_cancellation: Leaving::Keep,
            on_ownership_change: OwnershipChange::PointsMove,
            ..Effects::default()
        };
        let of = |news: News| meant(std::slice::from_ref(&news), &[], rules.clone());

        assert_eq!(of(ended(false, None)), [Effect::Block(Block::Left)]);
        assert_eq!(
            of(ended(true, None)),
            [Effect::Void, Effect::Block(Block::Left)]
        );
        let bob = CustomerId::parse("bob").unwrap();
        let moved = of(ended(false, Some("bob")));
        assert_eq!(moved, [Effect::HandOver(bob), Effect::Block(Block::Left)]);
    }
}
