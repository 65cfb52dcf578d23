//! Random inputs for parsers: seeds that are damaged in many ways, guided by what the parser says.
//!
//! A check returns in a few words what became of an input. An input that makes it say something new is
//! kept and damaged further, so that runs get deeper than chance alone would, on any toolchain and
//! without instrumentation.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// For how many seconds each target runs; without it, as many inputs as it says.
pub const SECONDS: &str = "TENURE_TEST_FUZZ_SECONDS";
/// The seed of all random choices; 1 without it.
pub const SEED: &str = "TENURE_TEST_FUZZ_SEED";

/// The inputs of a quick target in a normal run of the tests.
pub const INPUTS: u64 = 2_000;
/// The longest input: longer ones show nothing new and take long.
const LENGTH_MAX: usize = 8 * 1024;
/// The most inputs that are kept; then a new one takes the place of another.
const KEPT_MAX: usize = 2_000;
/// The most damages of one input.
const DAMAGES_MAX: usize = 6;

/// Bytes and texts at which parsers go wrong.
const TRICKY: [&[u8]; 26] = [
    b"",
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"\"\"",
    b"'",
    b"\\",
    b"{",
    b"}",
    b"[",
    b",",
    b"=",
    b"-",
    b"+",
    b"-1",
    b"0",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"1e308",
    b"NaN",
    b"\xef\xbb\xbf",
    "\u{202e}".as_bytes(),
    "e\u{301}\u{1f600}".as_bytes(),
    b"\xff\xfe",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
];

/// A parser to try.
#[derive(Debug)]
pub struct Target<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Inputs to begin with: good ones of every kind.
    pub seeds: &'a [&'a [u8]],
    /// Texts that mean something to it.
    pub words: &'a [&'a str],
    /// How many inputs a normal run of the tests gives it.
    pub inputs: u64,
}

impl Target<'_> {
    /// Runs `check` on one input after another. It panics where the parser does not keep its word, and
    /// else says in a few words what became of the input; those words must be few.
    ///
    /// # Panics
    /// When `check` does; the input and the way to it are printed before.
    pub fn run(&self, check: impl Fn(&[u8]) -> String) {
        let seed = number(SEED).unwrap_or(1);
        let length = number(SECONDS).map(Duration::from_secs);
        let mut random = SmallRng::seed_from_u64(seed ^ fold(self.name.as_bytes()));
        let mut kept: Vec<Vec<u8>> = self.seeds.iter().map(|seed| seed.to_vec()).collect();
        kept.push(Vec::new());
        let (mut said, started, mut count) = (HashSet::new(), Instant::now(), 0);
        loop {
            let input = match kept.get(usize::try_from(count).unwrap_or(usize::MAX)) {
                // Whole, before anything is damaged.
                Some(seed) if count <= self.seeds.len() as u64 => seed.clone(),
                _ => self.damaged(&mut random, &kept),
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| check(&input)));
            let outcome = outcome.unwrap_or_else(|panic| {
                let shown = input.escape_ascii();
                eprintln!(
                    "fuzz {}: seed {seed}, input {count}: b\"{shown}\"",
                    self.name
                );
                resume_unwind(panic)
            });
            count += 1;
            if said.insert(fold(outcome.as_bytes())) {
                match kept.len() < KEPT_MAX {
                    true => kept.push(input),
                    false => kept[random.random_range(0..KEPT_MAX)] = input,
                }
            }
            let is_over = match length {
                None => count >= self.inputs,
                Some(length) => started.elapsed() >= length,
            };
            if is_over {
                break;
            }
        }
        let (name, outcomes, took) = (self.name, said.len(), started.elapsed().as_secs());
        println!(
            "fuzz {name}: {count} inputs, {outcomes} different outcomes, {took} s, seed {seed}"
        );
    }

    fn damaged(&self, random: &mut SmallRng, kept: &[Vec<u8>]) -> Vec<u8> {
        let mut input = kept[random.random_range(0..kept.len())].clone();
        for _ in 0..random.random_range(1..=DAMAGES_MAX) {
            self.damage(random, &mut input, kept);
            input.truncate(LENGTH_MAX);
        }
        input
    }

    fn damage(&self, random: &mut SmallRng, input: &mut Vec<u8>, kept: &[Vec<u8>]) {
        let (from, until) = range(random, input.len());
        match random.random_range(0..10) {
            0 if from < input.len() => input[from] ^= 1 << random.random_range(0..8),
            1 if from < input.len() => input[from] = random.random(),
            2 => drop(input.drain(from..until)),
            3 => {
                let part = input[from..until].to_vec();
                let times = random.random_range(1..=16);
                insert(input, from, &part.repeat(times));
            }
            4 => input.truncate(from),
            5 if !self.words.is_empty() => {
                let word = self.words[random.random_range(0..self.words.len())];
                insert(input, from, word.as_bytes());
            }
            6 if !self.words.is_empty() => {
                let word = self.words[random.random_range(0..self.words.len())];
                input.splice(from..until, word.bytes());
            }
            7 => {
                let other = &kept[random.random_range(0..kept.len())];
                let (start, end) = range(random, other.len());
                input.splice(from..until, other[start..end].iter().copied());
            }
            8 => {
                // A message followed by another is a message.
                let other = &kept[random.random_range(0..kept.len())];
                input.extend_from_slice(other);
            }
            _ => insert(input, from, TRICKY[random.random_range(0..TRICKY.len())]),
        }
    }
}

/// Returns where a part begins and ends; most parts are short.
fn range(random: &mut SmallRng, length: usize) -> (usize, usize) {
    let from = random.random_range(0..=length);
    let longest = match random.random_range(0..4) {
        0 => length - from,
        _ => (length - from).min(8),
    };
    (from, from + random.random_range(0..=longest))
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long and from which seed, as whoever starts the tests wants it"
)]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

fn fold(bytes: &[u8]) -> u64 {
    tenure_core::hash::fnv1a64(bytes)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const TARGET: Target<'_> = Target {
        name: "itself",
        seeds: &[b"a=1", b"b=2"],
        words: &["key"],
        inputs: INPUTS,
    };

    #[test]
    fn two_runs_try_the_same_inputs_and_seeds_come_whole_and_first() {
        let run = || {
            let seen = RefCell::new(Vec::new());
            TARGET.run(|input| {
                seen.borrow_mut().push(input.to_vec());
                String::new()
            });
            seen.into_inner()
        };
        let inputs = run();

        assert_eq!(inputs[..3], [b"a=1".to_vec(), b"b=2".to_vec(), Vec::new()]);
        assert_eq!(inputs, run());
        assert!(inputs.iter().all(|input| input.len() <= LENGTH_MAX));
    }

    #[test]
    fn what_the_parser_says_leads_deeper() {
        // Nine letters in their order, of which chance alone puts hardly more than two right.
        let deepest = Cell::new(0);
        let words = ["k", "e", "y", "w", "o", "r", "d", "i", "s"];
        let whole = words.concat();
        let target = Target {
            words: &words,
            inputs: 10 * INPUTS,
            ..TARGET
        };
        target.run(|input| {
            let right = whole.bytes().zip(input).take_while(|(a, b)| a == *b);
            let depth = right.count();
            deepest.set(deepest.get().max(depth));
            depth.to_string()
        });
        assert!(deepest.get() >= 4, "{}", deepest.get());
    }

    #[test]
    fn a_check_that_panics_fails_the_run() {
        let failed = catch_unwind(|| TARGET.run(|_| panic!("found")));
        assert!(failed.is_err());
    }
}
