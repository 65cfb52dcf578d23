//! What other rules would have changed, month by month.

use std::collections::BTreeMap;

use tenure_core::Timestamp;

use super::evaluate::{Line, evaluate};
use super::event::{Earned, Event, Facts};
use super::version::ProgrammeVersion;
use super::zone::Month;

/// Sums of a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// How many events happened.
    pub events: i64,
    /// What they earned.
    pub booked: i64,
    /// What they would have earned.
    pub simulated: i64,
    /// What of the points that were earned never expires.
    pub booked_endless: i64,
    /// What of the points that would have been earned never expires.
    pub simulated_endless: i64,
}

impl Moved {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.booked = self.booked.saturating_add(other.booked);
        self.simulated = self.simulated.saturating_add(other.simulated);
        self.booked_endless = self.booked_endless.saturating_add(other.booked_endless);
        self.simulated_endless = self
            .simulated_endless
            .saturating_add(other.simulated_endless);
    }
}

/// A replay of events under other rules. Events come account by account, those of an account in the
/// order in which they happened.
#[derive(Debug)]
pub struct Replay {
    version: ProgrammeVersion,
    months: BTreeMap<Month, Moved>,
    account: String,
    /// The balance of the account's difference so far.
    difference: i64,
    /// What the current day of the account has earned under the rules that are tried.
    day: Option<(Timestamp, Vec<Earned>)>,
    accounts: i64,
    gaining: i64,
    losing: i64,
}

impl Replay {
    /// Creates a replay under `version`.
    #[must_use]
    pub fn new(version: ProgrammeVersion) -> Self {
        Self {
            version,
            months: BTreeMap::new(),
            account: String::new(),
            difference: 0,
            day: None,
            accounts: 0,
            gaining: 0,
            losing: 0,
        }
    }

    /// Takes the next event with what was known at it and what it earned.
    pub fn take(&mut self, account: &str, event: &Event, facts: &Facts, booked: &[Line]) {
        if self.account != account {
            self.close();
            account.clone_into(&mut self.account);
            self.accounts += 1;
        }
        let (start, _) = self.version.zone.day_of(event.at());
        if self.day.as_ref().is_none_or(|(day, _)| *day != start) {
            self.day = Some((start, Vec::new()));
        }
        let mut facts = facts.clone();
        let today = self.day.as_mut().expect("it was set").1.as_mut();
        let today: &mut Vec<Earned> = today;
        facts.earned_today.clone_from(today);
        let earning = evaluate(&self.version, event, &facts);
        for line in &earning.lines {
            match today.iter_mut().find(|earned| earned.rule == line.rule) {
                Some(earned) => earned.points = earned.points.saturating_add(line.points),
                None => today.push(Earned {
                    rule: line.rule.clone(),
                    points: line.points,
                }),
            }
        }
        let sum = |lines: &[Line]| lines.iter().map(|line| line.points).sum::<i64>();
        let endless = |lines: &[Line]| {
            let endless = lines
                .iter()
                .filter(|line| line.expires_at == Timestamp::MAX.as_micros());
            endless.map(|line| line.points).sum::<i64>()
        };
        let moved = Moved {
            events: 1,
            booked: sum(booked),
            simulated: earning.points(),
            booked_endless: endless(booked),
            simulated_endless: endless(&earning.lines),
        };
        self.difference += moved.simulated - moved.booked;
        let month = self.version.zone.month(event.at());
        self.months.entry(month).or_default().add(moved);
    }

    /// Ends the account that was taken last.
    pub fn close(&mut self) {
        self.gaining += i64::from(self.difference > 0);
        self.losing += i64::from(self.difference < 0);
        self.difference = 0;
        self.day = None;
        self.account.clear();
    }

    /// Returns the months so far.
    pub fn months(&self) -> impl Iterator<Item = (Month, Moved)> {
        self.months.iter().map(|(month, moved)| (*month, *moved))
    }

    /// Returns the sums of all months.
    #[must_use]
    pub fn total(&self) -> Moved {
        let mut total = Moved::default();
        for moved in self.months.values() {
            total.add(*moved);
        }
        total
    }

    /// Returns how many accounts were taken, and how many of those that are closed gain and lose.
    #[must_use]
    pub fn accounts(&self) -> (i64, i64, i64) {
        (self.accounts, self.gaining, self.losing)
    }
}
