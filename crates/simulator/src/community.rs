//! Who belongs together: households with one payer, and companies with their people.
//!
//! Customers whose places share a block of [`BLOCK`] may belong together. What a block is like is
//! drawn once, from a generator of its own, so that it depends on nobody's life and on no number of
//! customers: a member beyond the last customer is one of a bigger operator.

use std::ops::Range;

use crate::customer::{Customer, CustomerKind};
use crate::draw::Draws;
use crate::operator::Operator;

/// So many places form a block.
const BLOCK: u32 = 8;

/// So many places in a row are served by one exchange: whole blocks.
pub const EXCHANGE_PLACES: u32 = 64 * BLOCK;

/// Returns the operator's key of the exchange that serves a place, for example `X0001`.
#[must_use]
pub fn exchange_key(index: u32) -> String {
    format!("X{:04}", index / EXCHANGE_PLACES)
}

/// The chances that a household has 1, 2, 3 or 4 members.
pub const HOUSEHOLD_SIZE_WEIGHTS: [f64; 4] = [0.35, 0.30, 0.20, 0.15];

/// The chance that an individual works for a company of the same block, where there is one.
pub const EMPLOYEE_CHANCE: f64 = 0.6;

/// People who live together: two to four individuals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Household {
    /// The operator's key of it, for example `H0000040`: that of the member with the lowest place.
    pub key: String,
    /// Who pays the bills of all: the oldest.
    pub payer: u32,
    /// The places of all members in ascending order, the payer's too.
    pub members: Vec<u32>,
}

/// A company that is a customer, and those of its people who are customers themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// The place of the organisation.
    pub organisation: u32,
    /// The places of its people in ascending order; the first speaks for it.
    pub employees: Vec<u32>,
}

impl Company {
    /// Returns the place of whoever speaks for the company.
    #[must_use]
    pub fn contact(&self) -> Option<u32> {
        self.employees.first().copied()
    }
}

impl Operator {
    /// Returns all households of at least two customers of this operator, by place.
    pub fn households(&self) -> impl Iterator<Item = Household> + '_ {
        self.blocks().flat_map(|block| self.households_in(block))
    }

    /// Returns all companies, by place: an organisation without people of its own is one as well.
    pub fn companies(&self) -> impl Iterator<Item = Company> + '_ {
        self.blocks().flat_map(|block| self.companies_in(block))
    }

    fn blocks(&self) -> impl Iterator<Item = Range<u32>> + use<> {
        let customers = self.config().customers;
        (0..customers.div_ceil(BLOCK)).map(move |block| {
            let from = block * BLOCK;
            from..(from + BLOCK).min(customers)
        })
    }

    fn households_in(&self, block: Range<u32>) -> Vec<Household> {
        let mut draw = self.block_draws(&block).households();
        let people = self.of_kind(block, CustomerKind::Individual);
        let mut rest = people.as_slice();
        let mut households = Vec::new();
        while !rest.is_empty() {
            let size = 1 + draw.pick(&HOUSEHOLD_SIZE_WEIGHTS);
            let (members, others) = rest.split_at(size.min(rest.len()));
            rest = others;
            if members.len() > 1 {
                households.push(household(members));
            }
        }
        households
    }

    fn companies_in(&self, block: Range<u32>) -> Vec<Company> {
        let mut draw = self.block_draws(&block).employments();
        let organisations = self.of_kind(block.clone(), CustomerKind::Organisation);
        let mut companies: Vec<Company> = organisations
            .iter()
            .map(|organisation| Company {
                organisation: organisation.index,
                employees: Vec::new(),
            })
            .collect();
        for person in self.of_kind(block, CustomerKind::Individual) {
            let (whether, where_) = (draw.uniform(), draw.uniform());
            if whether < EMPLOYEE_CHANCE && !companies.is_empty() {
                let place = (where_ * companies.len() as f64) as usize;
                companies[place].employees.push(person.index);
            }
        }
        companies
    }

    fn of_kind(&self, block: Range<u32>, kind: CustomerKind) -> Vec<Customer> {
        let customers = block.map(|index| self.customer(index));
        customers.filter(|customer| customer.kind == kind).collect()
    }

    fn block_draws(&self, block: &Range<u32>) -> Draws {
        Draws::of_block(self.config().seed, block.start / BLOCK)
    }
}

fn household(members: &[Customer]) -> Household {
    let oldest = members
        .iter()
        .min_by_key(|member| (member.birth_year_band, member.index));
    Household {
        key: format!("H{:07}", members[0].index),
        payer: oldest.map_or(members[0].index, |member| member.index),
        members: members.iter().map(|member| member.index).collect(),
    }
}
