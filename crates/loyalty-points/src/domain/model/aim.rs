//! Numbers that are drawn blindly, aimed at answers that there are.

use super::{Ask, Model};
use crate::domain::EntryKind;

impl Model {
    /// Aims at an answer that the command fits, mostly: numbers are drawn before answers are known.
    pub(crate) fn aim(&self, account: usize, ask: Ask) -> Ask {
        let at = |number: usize, kinds: &[EntryKind]| {
            let fits = |index: &usize| {
                let moved = &self.answers[*index];
                moved.owner == account && kinds.contains(&moved.kind)
            };
            let fitting: Vec<usize> = (0..self.answers.len()).filter(fits).collect();
            match (number % 12, fitting.len()) {
                (0, _) | (_, 0) => number % (self.answers.len() + 2),
                (_, count) => fitting[number % count],
            }
        };
        let earned = [EntryKind::Earn, EntryKind::Adjust];
        let reversible = [EntryKind::Earn, EntryKind::Redeem, EntryKind::Confirm];
        match ask {
            Ask::Confirm(n, points, more) => Ask::Confirm(at(n, &[EntryKind::Hold]), points, more),
            Ask::Release(n) => Ask::Release(at(n, &[EntryKind::Hold])),
            Ask::Reverse(n, points) => Ask::Reverse(at(n, &reversible), points),
            Ask::Activate(n) => Ask::Activate(at(n, &earned)),
            Ask::Expire(n) => Ask::Expire(n.map(|n| at(n, &earned))),
            Ask::Reinstate(n) => Ask::Reinstate(at(n, &[EntryKind::Expire])),
            other => other,
        }
    }
}
