//! Where every random number of a customer stands.
//!
//! Each customer has a `ChaCha8` key of its own, each purpose a stream of it, and in the stream of
//! the months each month a block, in which every draw has a fixed place. So a draw depends on
//! nothing but (seed, index, purpose, month): what one draw decides never shifts another, and two
//! lives that differ in a treatment share all their luck.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tenure_core::hash::mix64;

use crate::math::{near_normal, uniform, uniform32};

/// The increment of `SplitMix64`, which keeps the parts of a key apart.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The words of 32 bits in a block of `ChaCha`.
const BLOCK_WORDS: u128 = 16;

/// The words of a ticket: two blocks hold its five draws and two for each of five steps.
const TICKET_WORDS: u128 = 2 * BLOCK_WORDS;

/// The streams of a customer's generator.
const PROFILE_STREAM: u64 = 0;
const MONTH_STREAM: u64 = 1;
const RESPONSE_STREAM: u64 = 2;
const REDEMPTION_STREAM: u64 = 3;
const TICKET_STREAM: u64 = 4;
const DEPARTURE_STREAM: u64 = 5;
/// The streams of a block of customers.
const HOUSEHOLD_STREAM: u64 = 6;
const EMPLOYMENT_STREAM: u64 = 7;
/// Further streams of a customer's generator.
const LEAD_STREAM: u64 = 8;
const CONSENT_STREAM: u64 = 9;
const SURVEY_STREAM: u64 = 10;

/// Keeps the keys of blocks apart from those of customers.
const BLOCK_KEYS: u64 = 0x626c_6f63_6b73_2121;

/// The generators of one customer, or of one block of customers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    key: [u8; 32],
}

impl Draws {
    pub(crate) fn of(seed: u64, index: u32) -> Self {
        let mut state = mix64(mix64(seed) ^ mix64(u64::from(index).wrapping_add(GOLDEN)));
        let mut key = [0; 32];
        for part in key.chunks_exact_mut(8) {
            state = state.wrapping_add(GOLDEN);
            part.copy_from_slice(&mix64(state).to_le_bytes());
        }
        Self { key }
    }

    /// Returns the generators of a block of customers.
    pub(crate) fn of_block(seed: u64, block: u32) -> Self {
        Self::of(seed ^ BLOCK_KEYS, block)
    }

    fn stream(&self, stream: u64) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::from_seed(self.key);
        generator.set_stream(stream);
        generator
    }

    /// Returns the draws of the profile, to be taken in order.
    pub(crate) fn profile(&self) -> OrderedDraws {
        OrderedDraws(self.stream(PROFILE_STREAM))
    }

    /// Returns the draws of the ticket of a complaint in `month`, to be taken in order.
    pub(crate) fn ticket(&self, month: u32) -> OrderedDraws {
        let mut generator = self.stream(TICKET_STREAM);
        generator.set_word_pos(u128::from(month) * TICKET_WORDS);
        OrderedDraws(generator)
    }

    /// Returns the draws of how a customer leaves, to be taken in order.
    pub(crate) fn departure(&self) -> OrderedDraws {
        OrderedDraws(self.stream(DEPARTURE_STREAM))
    }

    /// Returns the draws of who was interested before a customer joined, to be taken in order.
    pub(crate) fn leads(&self) -> OrderedDraws {
        OrderedDraws(self.stream(LEAD_STREAM))
    }

    /// Returns the draws of what a customer lets the operator do, to be taken in order.
    pub(crate) fn consents(&self) -> OrderedDraws {
        OrderedDraws(self.stream(CONSENT_STREAM))
    }

    /// Returns the draws of the answers after a complaint in `month`, to be taken in order.
    pub(crate) fn survey(&self, month: u32) -> OrderedDraws {
        let mut generator = self.stream(SURVEY_STREAM);
        generator.set_word_pos(u128::from(month) * BLOCK_WORDS);
        OrderedDraws(generator)
    }

    /// Returns the draws of who lives together in a block, to be taken in order.
    pub(crate) fn households(&self) -> OrderedDraws {
        OrderedDraws(self.stream(HOUSEHOLD_STREAM))
    }

    /// Returns the draws of who works where in a block, to be taken in order.
    pub(crate) fn employments(&self) -> OrderedDraws {
        OrderedDraws(self.stream(EMPLOYMENT_STREAM))
    }

    /// Returns the months from `month` on, block after block.
    pub(crate) fn months_from(&self, month: u32) -> MonthStream {
        let mut generator = self.stream(MONTH_STREAM);
        if month > 0 {
            generator.set_word_pos(u128::from(month) * BLOCK_WORDS);
        }
        MonthStream(generator)
    }

    /// Returns the draws that only a contact in `month` uses.
    pub(crate) fn response(&self, month: u32) -> (f64, u64) {
        let mut generator = self.stream(RESPONSE_STREAM);
        generator.set_word_pos(u128::from(month) * BLOCK_WORDS);
        (uniform(generator.next_u64()), generator.next_u64())
    }

    /// Returns the draws that only a redemption in `month` uses.
    pub(crate) fn redemption(&self, month: u32) -> (f64, f64) {
        let mut generator = self.stream(REDEMPTION_STREAM);
        generator.set_word_pos(u128::from(month) * BLOCK_WORDS);
        (uniform(generator.next_u64()), uniform(generator.next_u64()))
    }
}

/// Draws one after the other. The order of the calls is part of the model: append, never insert.
pub(crate) struct OrderedDraws(ChaCha8Rng);

impl OrderedDraws {
    pub(crate) fn uniform(&mut self) -> f64 {
        uniform(self.0.next_u64())
    }

    pub(crate) fn normal(&mut self) -> f64 {
        near_normal(self.0.next_u64())
    }

    /// Returns the place of a draw among `weights`, which sum to 1.
    pub(crate) fn pick(&mut self, weights: &[f64]) -> usize {
        let mut rest = self.uniform();
        let fits = |weight: &f64| {
            rest -= weight;
            rest < 0.0
        };
        weights.iter().position(fits).unwrap_or(weights.len() - 1)
    }
}

/// The blocks of the months, in order.
#[derive(Debug, Clone)]
pub(crate) struct MonthStream(ChaCha8Rng);

impl MonthStream {
    /// Returns the draws of the next month.
    pub(crate) fn next_month(&mut self) -> MonthDraws {
        let mut words = [0; 8];
        for word in &mut words {
            *word = self.0.next_u64();
        }
        MonthDraws(words)
    }
}

/// The draws of one month, each at its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MonthDraws([u64; 8]);

impl MonthDraws {
    pub(crate) fn churn(&self) -> f64 {
        uniform(self.0[0])
    }

    pub(crate) fn drift(&self) -> f64 {
        self.high(1)
    }

    pub(crate) fn churn_kind(&self) -> f64 {
        self.quarter(1, 0)
    }

    pub(crate) fn churn_instant(&self) -> f64 {
        self.quarter(1, 16)
    }

    pub(crate) fn complaint(&self) -> f64 {
        self.high(2)
    }

    pub(crate) fn complaint_reason(&self) -> f64 {
        self.quarter(2, 0)
    }

    pub(crate) fn complaint_instant(&self) -> f64 {
        self.quarter(2, 16)
    }

    pub(crate) fn enquiry(&self) -> f64 {
        self.high(3)
    }

    pub(crate) fn enquiry_topic(&self) -> f64 {
        self.quarter(3, 0)
    }

    pub(crate) fn enquiry_instant(&self) -> f64 {
        self.quarter(3, 16)
    }

    pub(crate) fn payment(&self) -> f64 {
        self.high(4)
    }

    pub(crate) fn payment_instant(&self) -> f64 {
        self.quarter(4, 0)
    }

    pub(crate) fn payment_delay(&self) -> f64 {
        self.quarter(4, 16)
    }

    pub(crate) fn voice_noise(&self) -> f64 {
        near_normal(self.0[5])
    }

    pub(crate) fn data_noise(&self) -> f64 {
        near_normal(self.0[6])
    }

    pub(crate) fn sms_noise(&self) -> f64 {
        near_normal(self.0[7])
    }

    fn high(&self, word: usize) -> f64 {
        uniform32((self.0[word] >> 32) as u32)
    }

    fn quarter(&self, word: usize, shift: u32) -> f64 {
        ((self.0[word] >> shift) & 0xffff) as f64 * (1.0 / 65_536.0)
    }
}
