//! What was known of a customer before an account of theirs was opened.

use tenure_core::{AccountId, CustomerId, Timestamp};

use super::Ledger;
use crate::domain::account::Account;
use crate::domain::circumstances::{Circumstances, Effect, effects_on_new, order_of_news};
use crate::domain::command::{Command, Order};
use crate::domain::policy::Operation;
use crate::domain::programme::Programme;
use crate::domain::refusal::Refusal;
use crate::domain::standing::Blocked;

/// What the entries name as their source.
const SOURCE: &str = "account/opened";

/// Returns the customer whose account has this id when it is opened by what it earns.
///
/// # Panics
/// Never: keys of accounts and customers have one form.
#[must_use]
pub fn customer_of(account: &AccountId) -> CustomerId {
    let id = CustomerId::parse(account.as_str());
    id.expect("keys of accounts and customers have one form")
}

impl Ledger {
    /// Notes what is known of the customer of an account that may be opened.
    pub fn load_circumstances(&mut self, customer: String, known: Circumstances) {
        self.known.insert(customer, known);
    }

    /// Refuses to open an account only to earn there, when the first that is known of it hinders it.
    ///
    /// # Errors
    /// When the account would get a block that hinders earning.
    pub fn require_welcome(&self, new: &Account, programme: &Programme) -> Result<(), Refusal> {
        let mut new = new.clone();
        for effect in self.effects_on(&new, programme) {
            if let Effect::Block(block) = effect {
                let reason = SOURCE.into();
                let blocks = &mut new.standing_mut().blocks;
                blocks.push(Blocked { block, reason });
            }
        }
        new.require_free(Operation::Earn, &programme.policies)
    }

    /// Sets the blocks of an account that was opened now.
    pub(super) fn welcome(&mut self, id: &AccountId, now: Timestamp, programme: &Programme) {
        let account = &self.accounts[id];
        let lane = account.lane;
        for effect in self.effects_on(account, programme) {
            let Effect::Block(block) = effect else {
                continue;
            };
            let order = order_of_news(SOURCE);
            let order = Order {
                lane,
                account: id.clone(),
                request: None,
                command: Command::Block { block, order },
            };
            let done = self.apply(&order, now, programme);
            debug_assert!(done.is_ok(), "a new account has no blocks: {done:?}");
        }
    }

    fn effects_on(&self, new: &Account, programme: &Programme) -> Vec<Effect> {
        let known = self.known.get(new.customer.as_str());
        known.map_or_else(Vec::new, |known| {
            effects_on_new(known, new, &programme.policies)
        })
    }
}
