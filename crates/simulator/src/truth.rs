//! What no operator knows: the probability of leaving, and what a contact changed.
//!
//! The hidden state is small, so probabilities over months are sums over all paths, computed
//! forward: exact, not sampled.

use crate::customer::Customer;
use crate::model::{ARREARS_LIMIT, chances, complaint_chance, deeper, recovered};
use crate::operator::Operator;
use crate::state::{DRIFT_MAX, State};
use crate::treatment::Treatments;

/// The longest horizon that is answered, in months.
pub const HORIZON_MAX: u32 = 60;

/// The probabilities of leaving within a horizon; they exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ChurnProbability {
    /// Voluntarily.
    pub voluntary: f64,
    /// By the operator, for arrears.
    pub passive: f64,
}

impl ChurnProbability {
    /// Returns the probability of leaving for any reason.
    #[must_use]
    pub fn any(&self) -> f64 {
        self.voluntary + self.passive
    }
}

/// What happens to one customer with and without a contact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PotentialOutcomes {
    /// True when still a customer after the horizon, if contacted: Y(1).
    pub is_retained_treated: bool,
    /// True when still a customer after the horizon, if left alone: Y(0).
    pub is_retained_control: bool,
    /// The probability of being retained, if contacted.
    pub probability_treated: f64,
    /// The probability of being retained, if left alone.
    pub probability_control: f64,
}

/// The effect of a contact on the share of an audience that is retained.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Effect {
    /// How many of the audience were customers when the month began; the others do not count.
    pub customers: u32,
    /// The mean of Y(1) - Y(0): what the contact does to these customers with their luck.
    pub sample: f64,
    /// The mean difference of the probabilities: what it does to customers like these.
    pub expected: f64,
    /// The mean of Y(1): the share retained if all were contacted.
    pub retained_treated: f64,
    /// The mean of Y(0): the share retained if all were left alone.
    pub retained_control: f64,
}

impl Operator {
    /// Returns the true probability of voluntary churn in `month`, as it is when the month begins;
    /// nothing for those who are no customers then.
    #[must_use]
    pub fn true_hazard(&self, index: u32, month: u32, treatments: &Treatments) -> Option<f64> {
        self.true_probability(index, month, 1, treatments)
            .map(|churn| churn.voluntary)
    }

    /// Returns the true probability that a customer, seen at the begin of `month`, leaves within
    /// `horizon` months; nothing for those who are no customers then (who join in `month` are not
    /// yet). Contacts within the horizon are taken as known.
    ///
    /// # Panics
    /// When `month` lies beyond the operator's months, or `horizon` beyond [`HORIZON_MAX`].
    #[must_use]
    pub fn true_probability(
        &self,
        index: u32,
        month: u32,
        horizon: u32,
        treatments: &Treatments,
    ) -> Option<ChurnProbability> {
        let (customer, state) = self.state_at(index, month, treatments)?;
        Some(probability(
            &customer,
            state,
            month,
            horizon,
            treatments.of(index),
        ))
    }

    /// Returns what happens to a customer within `horizon` months from `month` on with and without
    /// a contact in `month`; nothing for those who are no customers when it begins. `treatments`
    /// are the other contacts, alike in both worlds. Both worlds share all luck.
    ///
    /// # Panics
    /// When `month` lies beyond the operator's months, or `horizon` beyond [`HORIZON_MAX`].
    #[must_use]
    pub fn potential_outcomes(
        &self,
        index: u32,
        month: u32,
        horizon: u32,
        treatments: &Treatments,
    ) -> Option<PotentialOutcomes> {
        let (customer, state) = self.state_at(index, month, treatments)?;
        let without: Vec<u32> = treatments
            .of(index)
            .iter()
            .copied()
            .filter(|contact| *contact != month)
            .collect();
        let mut with = without.clone();
        with.insert(with.partition_point(|contact| *contact < month), month);
        let retained = |contacts| self.is_retained(&customer, state, month, horizon, contacts);
        let chance = |contacts| 1.0 - probability(&customer, state, month, horizon, contacts).any();
        Some(PotentialOutcomes {
            is_retained_treated: retained(&with),
            is_retained_control: retained(&without),
            probability_treated: chance(&with),
            probability_control: chance(&without),
        })
    }

    /// Returns the effect of a contact in `month` on the share of an audience that is retained
    /// after `horizon` months. `treatments` are the contacts besides; those of `month` itself are
    /// ignored, so the treatments that really happened may be passed.
    ///
    /// # Panics
    /// When `month` lies beyond the operator's months, or `horizon` beyond [`HORIZON_MAX`].
    pub fn retention_effect(
        &self,
        indices: impl IntoIterator<Item = u32>,
        month: u32,
        horizon: u32,
        treatments: &Treatments,
    ) -> Effect {
        let outcomes = |index| self.potential_outcomes(index, month, horizon, treatments);
        let mut sum = Effect::default();
        for outcome in indices.into_iter().filter_map(outcomes) {
            sum.customers += 1;
            sum.expected += outcome.probability_treated - outcome.probability_control;
            sum.retained_treated += f64::from(u8::from(outcome.is_retained_treated));
            sum.retained_control += f64::from(u8::from(outcome.is_retained_control));
        }
        let count = f64::from(sum.customers.max(1));
        Effect {
            customers: sum.customers,
            sample: (sum.retained_treated - sum.retained_control) / count,
            expected: sum.expected / count,
            retained_treated: sum.retained_treated / count,
            retained_control: sum.retained_control / count,
        }
    }

    /// Returns a customer and the state in which `month` begins, if they are active then.
    fn state_at(
        &self,
        index: u32,
        month: u32,
        treatments: &Treatments,
    ) -> Option<(Customer, State)> {
        assert!(
            month <= self.config.months,
            "month {month} lies beyond the last one"
        );
        let (customer, mut state, draws) = self.begin(index);
        let joined = customer.join_month;
        if joined >= month as i32 {
            return None;
        }
        let first = joined.max(0) as u32;
        let mut stream = draws.months_from(first);
        for past in first..month {
            let tenure = customer.tenure_months(past).expect("begins at joining");
            let effect = customer.effect_at(treatments.of(index), past);
            let turn = state.turn(&customer, tenure, effect, &stream.next_month());
            if turn.ended.is_some() {
                return None;
            }
            state = turn.next;
        }
        Some((customer, state))
    }

    /// Returns true when a customer is still one after `horizon` months from `month` on, by the
    /// same draws as in their life; months beyond the operator's last one have draws as well.
    fn is_retained(
        &self,
        customer: &Customer,
        mut state: State,
        month: u32,
        horizon: u32,
        contacts: &[u32],
    ) -> bool {
        let draws = crate::draw::Draws::of(self.config.seed, customer.index);
        let mut stream = draws.months_from(month);
        for coming in month..month + horizon {
            let tenure = customer.tenure_months(coming).expect("active since before");
            let effect = customer.effect_at(contacts, coming);
            let turn = state.turn(customer, tenure, effect, &stream.next_month());
            if turn.ended.is_some() {
                return false;
            }
            state = turn.next;
        }
        true
    }
}

/// The hidden states: depth of decline, complaints of three months, unpaid bills.
const COMPLAINT_STATES: usize = 8;
const ARREARS_STATES: usize = ARREARS_LIMIT as usize;
const STATES: usize = (DRIFT_MAX as usize + 1) * COMPLAINT_STATES * ARREARS_STATES;

/// A probability for every hidden state.
type Distribution = [f64; STATES];

fn place_of(state: &State) -> usize {
    let (drift, complaints) = (usize::from(state.drift), usize::from(state.complaints));
    (drift * COMPLAINT_STATES + complaints) * ARREARS_STATES + usize::from(state.arrears)
}

fn state_of(place: usize) -> State {
    State {
        drift: (place / (COMPLAINT_STATES * ARREARS_STATES)) as u8,
        complaints: (place / ARREARS_STATES % COMPLAINT_STATES) as u8,
        arrears: (place % ARREARS_STATES) as u8,
        unbilled_minor: 0,
    }
}

/// Returns the probability of leaving within `horizon` months of a customer in `state` when
/// `month` begins.
pub(crate) fn probability(
    customer: &Customer,
    state: State,
    month: u32,
    horizon: u32,
    contacts: &[u32],
) -> ChurnProbability {
    assert!(horizon <= HORIZON_MAX, "a horizon of {horizon} months");
    let mut here = [0.0; STATES];
    here[place_of(&state)] = 1.0;
    let mut churn = ChurnProbability::default();
    let end = month + horizon;
    for coming in month..end {
        let tenure = customer.tenure_months(coming).expect("active since before");
        let effect = customer.effect_at(contacts, coming);
        add_leavers(customer, tenure, effect, &here, &mut churn);
        // Where those stand who stay through the last month matters no more.
        if coming + 1 < end {
            here = stayers(customer, tenure, effect, &here);
        }
    }
    churn
}

/// Adds those who leave within a month to `churn`.
fn add_leavers(
    customer: &Customer,
    tenure: u32,
    effect: f64,
    here: &Distribution,
    churn: &mut ChurnProbability,
) {
    for (place, mass) in occupied(here) {
        let state = state_of(place);
        let chances = chances(customer, tenure, &state, effect);
        churn.voluntary += mass * chances.churn;
        if state.arrears + 1 >= ARREARS_LIMIT {
            churn.passive += mass * (1.0 - chances.churn) * chances.skips_payment;
        }
    }
}

/// Returns where those stand after a month who do not leave within it.
fn stayers(customer: &Customer, tenure: u32, effect: f64, here: &Distribution) -> Distribution {
    let mut there = [0.0; STATES];
    for (place, mass) in occupied(here) {
        let state = state_of(place);
        let chances = chances(customer, tenure, &state, effect);
        let (stays, skips) = (mass * (1.0 - chances.churn), chances.skips_payment);
        let ways = [
            (deeper(state.drift), chances.deepens),
            (recovered(state.drift), chances.recovers),
            (state.drift, 1.0 - chances.deepens - chances.recovers),
        ];
        for (drift, way) in ways.into_iter().filter(|(_, way)| *way > 0.0) {
            let complains = complaint_chance(customer, drift);
            for (complained, talk) in [(true, complains), (false, 1.0 - complains)] {
                for (skipped, pay) in [(true, skips), (false, 1.0 - skips)] {
                    let next = state.after(drift, complained, skipped);
                    if next.arrears < ARREARS_LIMIT {
                        there[place_of(&next)] += stays * way * talk * pay;
                    }
                }
            }
        }
    }
    there
}

fn occupied(here: &Distribution) -> impl Iterator<Item = (usize, f64)> + '_ {
    here.iter()
        .copied()
        .enumerate()
        .filter(|(_, mass)| *mass > 0.0)
}

#[cfg(test)]
mod tests {
    use tenure_core::Timestamp;

    use super::*;
    use crate::draw::Draws;
    use crate::operator::OperatorConfig;

    /// The forward sum shares its transitions with nothing that is tested here: the same customer
    /// in the same state is sent many times through months of other luck, and counted.
    #[test]
    fn the_forward_sum_is_the_frequency_over_many_futures_of_one_customer() {
        let start = Timestamp::parse("2024-01-01").unwrap();
        let config = OperatorConfig {
            seed: 3,
            customers: 50,
            start,
            months: 24,
        };
        let operator = Operator::new(config).unwrap();
        let (horizon, futures) = (5, 20_000);
        let starts = [(0, 0, 0), (3, 0b100, 1), (7, 0b011, 2), (0, 0b111, 2)];

        let customers = operator
            .customers()
            .filter(|customer| customer.join_month < 0)
            .take(4);
        for (customer, (drift, complaints, arrears)) in customers.zip(starts) {
            let state = State {
                drift,
                complaints,
                arrears,
                unbilled_minor: 0,
            };
            let truth = probability(&customer, state, 5, horizon, &[6]);
            let ends = (0..futures).filter_map(|f| end_of_future(&customer, state, horizon, f));
            let (voluntary, passive): (Vec<bool>, Vec<bool>) = ends.partition(|kind| *kind);

            for (count, p) in [
                (voluntary.len(), truth.voluntary),
                (passive.len(), truth.passive),
            ] {
                let n = f64::from(futures);
                let bound = 4.0 * (n * p * (1.0 - p)).sqrt() + 1.0;
                assert!(
                    (count as f64 - n * p).abs() < bound,
                    "{count} of {futures}, truth {p}"
                );
            }
        }
    }

    /// Returns whether the end is voluntary, if one of the futures from month 5 on has one.
    fn end_of_future(customer: &Customer, state: State, months: u32, future: u32) -> Option<bool> {
        let mut stream = Draws::of(99, future).months_from(0);
        let mut state = state;
        for month in 5..5 + months {
            let tenure = customer.tenure_months(month)?;
            let effect = customer.effect_at(&[6], month);
            let turn = state.turn(customer, tenure, effect, &stream.next_month());
            if let Some(kind) = turn.ended {
                return Some(kind.is_voluntary());
            }
            state = turn.next;
        }
        None
    }

    #[test]
    fn every_hidden_state_has_a_place_of_its_own() {
        for place in 0..STATES {
            assert_eq!(place_of(&state_of(place)), place);
        }
    }
}
