//! The programmes and the versions of them that were activated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tenure_core::{ProgrammeId, Timestamp};

use super::Programme;
use super::version::ProgrammeVersion;
use crate::domain::partner::Partners;

/// A version that decisions use or will use.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Its number.
    pub number: i64,
    /// From when on.
    pub effective_from: Timestamp,
    /// The rules.
    pub version: Arc<ProgrammeVersion>,
    /// What the ledger needs of them.
    pub programme: Arc<Programme>,
}

/// All programmes, as they were at an epoch of the lanes.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The epoch.
    pub epoch: i64,
    /// The partners.
    pub partners: Arc<Partners>,
    default: ProgrammeId,
    programmes: BTreeMap<String, Vec<InForce>>,
}

impl Catalogue {
    /// Creates a catalogue of nothing.
    #[must_use]
    pub fn new(epoch: i64, default: ProgrammeId) -> Self {
        let programmes = BTreeMap::new();
        Self {
            epoch,
            partners: Arc::default(),
            default,
            programmes,
        }
    }

    /// Returns the partners who fund points of any rules.
    pub fn funders(&self) -> impl Iterator<Item = &str> {
        let versions = self.programmes.values().flatten();
        let funders: BTreeSet<&str> = versions
            .flat_map(|known| known.version.partners())
            .collect();
        funders.into_iter()
    }

    /// Returns a programme whose rules in force at `now`, or later ones, have a partner fund points.
    #[must_use]
    pub fn funded_by(&self, partner: &str, now: Timestamp) -> Option<&str> {
        let is_funded = |id: &&String| {
            let versions = &self.programmes[*id];
            let current = versions.iter().rposition(|it| it.effective_from <= now);
            let mut rest = versions.iter().skip(current.unwrap_or(0));
            rest.any(|known| known.version.partners().any(|id| id == partner))
        };
        self.programmes.keys().find(is_funded).map(String::as_str)
    }

    /// Adds a version that was activated.
    pub fn add(
        &mut self,
        id: &ProgrammeId,
        number: i64,
        effective_from: Timestamp,
        version: ProgrammeVersion,
    ) {
        let programme = Programme {
            id: id.clone(),
            version: number.to_string().into(),
            expiry: version.expiry(),
            policies: version.policies.clone(),
        };
        let versions = self.programmes.entry(id.to_string()).or_default();
        versions.push(InForce {
            number,
            effective_from,
            version: Arc::new(version),
            programme: Arc::new(programme),
        });
        versions.sort_by_key(|known| (known.effective_from, known.number));
    }

    /// Returns the rules that decide now, of each programme.
    pub fn all_in_force(&self, now: Timestamp) -> impl Iterator<Item = &InForce> {
        let programmes = self.programmes.values();
        programmes.filter_map(move |versions| {
            let mut newest_first = versions.iter().rev();
            newest_first.find(|known| known.effective_from <= now)
        })
    }

    /// Returns the programme of accounts that name none.
    #[must_use]
    pub fn default_programme(&self) -> &ProgrammeId {
        &self.default
    }

    /// Returns a version that was activated, by what entries call it.
    #[must_use]
    pub fn activated(&self, id: &ProgrammeId, version: &str) -> Option<&InForce> {
        let mut versions = self.programmes.get(id.as_str())?.iter();
        versions.find(|known| &*known.programme.version == version)
    }

    /// Returns true when a version of some programme has tiers.
    #[must_use]
    pub fn has_tiers(&self) -> bool {
        let mut versions = self.programmes.values().flatten();
        versions.any(|known| known.version.tiers.is_some())
    }

    /// Returns the version of a programme that is in force at `now`.
    #[must_use]
    pub fn in_force(&self, id: &ProgrammeId, now: Timestamp) -> Option<&InForce> {
        let versions = self.programmes.get(id.as_str())?;
        versions
            .iter()
            .rev()
            .find(|known| known.effective_from <= now)
    }

    /// Returns the version of an account's programme that is in force at `now`, or of the default
    /// programme, which always has one.
    #[must_use]
    pub fn of_account(&self, id: Option<&ProgrammeId>, now: Timestamp) -> Option<&InForce> {
        id.and_then(|id| self.in_force(id, now))
            .or_else(|| self.in_force(&self.default, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::programme::Term;

    #[test]
    fn the_version_in_force_is_the_latest_that_has_begun() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let id = ProgrammeId::parse("default").unwrap();
        let mut catalogue = Catalogue::new(0, id.clone());
        let version = ProgrammeVersion::simple(1, 100, Term::Never);
        catalogue.add(&id, 1, Timestamp::MIN, version.clone());
        catalogue.add(&id, 2, at("2025-06-01"), version.clone());
        // Activated later, for an earlier day.
        catalogue.add(&id, 3, at("2025-03-01"), version);

        let number = |day: &str| catalogue.in_force(&id, at(day)).map(|known| known.number);

        assert_eq!(number("2025-02-28"), Some(1));
        assert_eq!(number("2025-03-01"), Some(3));
        assert_eq!(number("2025-06-01"), Some(2));
        let other = ProgrammeId::parse("other").unwrap();
        let fallback = catalogue.of_account(Some(&other), at("2025-02-01"));
        assert_eq!(fallback.map(|known| known.number), Some(1));
    }
}
