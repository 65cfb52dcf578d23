//! What a run did, counted.

use std::collections::BTreeMap;

use super::call::Answer;

/// Numbers of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Of each kind of command: how many were done and refused.
    pub(crate) kinds: BTreeMap<&'static str, [u64; 2]>,
    /// How many were refused for each reason.
    pub(crate) reasons: BTreeMap<String, u64>,
    /// Repeats of what was answered before.
    pub(crate) repeated: u64,
    /// Requests that were sent twice at the same time.
    pub(crate) at_once: u64,
    /// Other requests under an id that was used.
    pub(crate) reused: u64,
    /// Calls with several commands.
    pub(crate) batches: u64,
    /// How often the clock was moved, by where to.
    pub(crate) jumps: BTreeMap<&'static str, u64>,
    /// What was compared in the end.
    pub(crate) compared: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(super) fn command(&mut self, kind: &'static str, answer: &Answer) {
        let [done, refused] = self.kinds.entry(kind).or_default();
        match answer {
            Ok(_) => *done += 1,
            Err(no) => {
                *refused += 1;
                *self.reasons.entry(no.reason.clone()).or_default() += 1;
            }
        }
    }

    pub(super) fn compare(&mut self, what: &'static str, count: u64) {
        *self.compared.entry(what).or_default() += count;
    }

    pub(super) fn jump(&mut self, to: &'static str) {
        *self.jumps.entry(to).or_default() += 1;
    }

    /// How many commands were sent, repeats included.
    pub(crate) fn commands(&self) -> u64 {
        let new: u64 = self.kinds.values().flatten().sum();
        new + self.repeated + self.at_once + self.reused
    }

    /// Adds the numbers of another tally.
    pub(crate) fn add(&mut self, other: Self) {
        for (kind, [done, refused]) in other.kinds {
            let sum = self.kinds.entry(kind).or_default();
            sum[0] += done;
            sum[1] += refused;
        }
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        for (to, count) in other.jumps {
            *self.jumps.entry(to).or_default() += count;
        }
        for (what, count) in other.compared {
            *self.compared.entry(what).or_default() += count;
        }
        self.repeated += other.repeated;
        self.at_once += other.at_once;
        self.reused += other.reused;
        self.batches += other.batches;
    }
}
