//! What a model learns from: customers as they looked at past instants, and what became of them.

use tenure_core::{Span, Timestamp};

use super::super::features::{FeatureRow, left_at};
use super::super::state::CustomerState;

/// Customers as they looked at past instants, and what became of them.
#[derive(Debug, Clone, Default)]
pub struct Examples {
    /// How they looked.
    pub rows: Vec<FeatureRow>,
    /// Whether they left of their own will within the horizon.
    pub labels: Vec<bool>,
    /// A digest of the customer: what one customer looked like at two instants is never split
    /// between learning and measuring.
    pub groups: Vec<u64>,
    /// The fold in which the example is held out when quality is measured.
    pub folds: Vec<usize>,
}

impl Examples {
    /// Adds an example.
    pub fn push(&mut self, row: FeatureRow, churned: bool, group: u64, fold: usize) {
        self.rows.push(row);
        self.labels.push(churned);
        self.groups.push(group);
        self.folds.push(fold);
    }

    /// Returns how many customers left.
    #[must_use]
    pub fn churned(&self) -> usize {
        self.labels.iter().filter(|label| **label).count()
    }
}

/// Returns whether a customer who was one at `at` left of their own will within `horizon`: nothing
/// for who was no customer at `at`, and for who was lost within the horizon without wanting to.
#[must_use]
pub fn label(state: &CustomerState, at: Timestamp, horizon: Span) -> Option<bool> {
    if !state.subscriptions.iter().any(|s| s.is_active(at)) {
        return None;
    }
    let end = at + horizon;
    let Some(left) = left_at(state, end) else {
        return Some(false);
    };
    let mut last = state
        .subscriptions
        .iter()
        .filter_map(|s| s.ended)
        .filter(|(at, _)| *at == left);
    let is_voluntary = last.all(|(_, kind)| kind.is_voluntary_loss());
    is_voluntary.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::super::super::fact::{ChurnKind, Fact};
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn customer(ends: &[(&str, ChurnKind)]) -> CustomerState {
        let mut state = CustomerState::default();
        for (number, (end, kind)) in ends.iter().enumerate() {
            state.apply(&Fact::Subscription {
                id: number.to_string(),
                started_at: at("2023-01-01"),
                contract_ends_at: None,
                fee: None,
                ended: (!end.is_empty()).then(|| (at(end), *kind)),
            });
        }
        state
    }

    fn labelled(ends: &[(&str, ChurnKind)]) -> Option<bool> {
        label(&customer(ends), at("2024-01-01"), Span::from_days(90))
    }

    #[test]
    fn only_who_leaves_of_their_own_will_within_the_horizon_is_churned() {
        use ChurnKind::{Arrears, Competitor, InternalMigration, Unstated};

        assert_eq!(labelled(&[("2024-02-01", Competitor)]), Some(true));
        assert_eq!(labelled(&[("2024-12-01", Competitor)]), Some(false));
        assert_eq!(labelled(&[("", Unstated)]), Some(false));
        assert_eq!(labelled(&[("2023-12-01", Competitor)]), None);
        assert_eq!(labelled(&[("2024-02-01", Arrears)]), None);
        assert_eq!(labelled(&[("2024-02-01", InternalMigration)]), None);
        assert_eq!(labelled(&[]), None);
    }

    #[test]
    fn who_keeps_one_subscription_has_not_left() {
        let one_left = [
            ("2024-02-01", ChurnKind::Competitor),
            ("", ChurnKind::Unstated),
        ];

        assert_eq!(labelled(&one_left), Some(false));
    }
}
