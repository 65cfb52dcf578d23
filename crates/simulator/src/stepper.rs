//! All customers month by month, with twelve bytes of memory for each.

use std::ops::Range;

use crate::month::CustomerMonth;
use crate::operator::Operator;
use crate::state::State;
use crate::treatment::Treatments;
use crate::truth::ChurnProbability;

/// Where a customer stands between two months.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Will join in that month.
    Waiting(u32),
    Active(State),
    Gone,
}

/// Moves a range of customers through the operator's months, in step.
#[derive(Debug, Clone)]
pub struct Stepper<'a> {
    operator: &'a Operator,
    first: u32,
    places: Vec<Place>,
    month: u32,
}

impl Operator {
    /// Returns a stepper of all customers, before the first month.
    #[must_use]
    pub fn stepper(&self) -> Stepper<'_> {
        self.stepper_of(0..self.config.customers)
    }

    /// Returns a stepper of some customers, so that threads can share the work.
    #[must_use]
    pub fn stepper_of(&self, indices: Range<u32>) -> Stepper<'_> {
        let place = |index| {
            let (customer, state, _) = self.begin(index);
            match u32::try_from(customer.join_month) {
                Ok(month) => Place::Waiting(month),
                Err(_) => Place::Active(state),
            }
        };
        let first = indices.start;
        Stepper {
            operator: self,
            first,
            places: indices.map(place).collect(),
            month: 0,
        }
    }
}

impl<'a> Stepper<'a> {
    /// Returns the month that the next step is about.
    #[must_use]
    pub fn month(&self) -> u32 {
        self.month
    }

    /// Returns true when there is no further month.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.month >= self.operator.config.months
    }

    /// Moves on by a month and returns what it brings for each customer active in it; nothing
    /// after the last month. Contacts of this month and of earlier ones have to be in
    /// `treatments`. A month that is dropped half-way is completed all the same.
    pub fn step<'s>(&'s mut self, treatments: &'s Treatments) -> MonthStep<'s, 'a> {
        let month = self.month;
        let offset = if self.is_at_end() {
            self.places.len()
        } else {
            0
        };
        self.month = (month + 1).min(self.operator.config.months);
        MonthStep {
            stepper: self,
            treatments,
            month,
            offset,
        }
    }

    /// Returns the indices of those active when the coming month begins; who joins in it is not.
    pub fn active(&self) -> impl Iterator<Item = u32> + '_ {
        let active = |(offset, place): (usize, &Place)| {
            matches!(place, Place::Active(_)).then_some(self.first + offset as u32)
        };
        self.places.iter().enumerate().filter_map(active)
    }

    /// Returns the true probability that a customer, seen at the begin of the coming month, leaves
    /// within `horizon` months; nothing for those who are not active then. The same as
    /// [`Operator::true_probability`] without the way there.
    #[must_use]
    pub fn true_probability(
        &self,
        index: u32,
        horizon: u32,
        treatments: &Treatments,
    ) -> Option<ChurnProbability> {
        let offset = index.checked_sub(self.first)? as usize;
        let Place::Active(state) = self.places.get(offset)? else {
            return None;
        };
        let customer = self.operator.customer(index);
        let contacts = treatments.of(index);
        Some(crate::truth::probability(
            &customer, *state, self.month, horizon, contacts,
        ))
    }
}

/// A month of all customers; see [`Stepper::step`].
#[derive(Debug)]
pub struct MonthStep<'s, 'a> {
    stepper: &'s mut Stepper<'a>,
    treatments: &'s Treatments,
    month: u32,
    offset: usize,
}

impl MonthStep<'_, '_> {
    fn step_one(&mut self, offset: usize) -> Option<CustomerMonth> {
        let operator = self.stepper.operator;
        let index = self.stepper.first + offset as u32;
        match self.stepper.places[offset] {
            Place::Gone => return None,
            Place::Waiting(join_month) if join_month != self.month => return None,
            Place::Waiting(_) | Place::Active(_) => {}
        }
        let (customer, first_state, draws) = operator.begin(index);
        let state = match self.stepper.places[offset] {
            Place::Active(state) => state,
            Place::Waiting(_) | Place::Gone => first_state,
        };
        let mut stream = draws.months_from(self.month);
        let contacts = self.treatments.of(index);
        let (record, state) =
            operator.step(&customer, &draws, &mut stream, self.month, &state, contacts);
        let ended = record.termination.is_some();
        self.stepper.places[offset] = if ended {
            Place::Gone
        } else {
            Place::Active(state)
        };
        Some(record)
    }
}

impl Iterator for MonthStep<'_, '_> {
    type Item = CustomerMonth;

    fn next(&mut self) -> Option<CustomerMonth> {
        while self.offset < self.stepper.places.len() {
            let offset = self.offset;
            self.offset += 1;
            if let Some(record) = self.step_one(offset) {
                return Some(record);
            }
        }
        None
    }
}

impl Drop for MonthStep<'_, '_> {
    fn drop(&mut self) {
        // The state of everybody has to be that of the next month.
        while self.next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_million_customers_stand_in_120_megabytes() {
        assert!(size_of::<Place>() <= 12);
    }
}
