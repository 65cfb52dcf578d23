//! Matching the whole base under a policy: walks lane by lane, changes nothing, and notes what it
//! found.
//!
//! Memory: for each customer the bytes of the id and 12 more (its place and two forests), at most
//! [`matching::ENTRIES_MAX`] fingerprints of 24 bytes, and at most [`matching::PAIRS_MAX`] pairs.
//! With ids of 10 bytes that is 22 MB for a million customers beside the 96 MB of fingerprints.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tenure_core::{CustomerId, Lane};
use tenure_rpc::Lifecycle;
use uuid::Uuid;

use crate::domain::identity::matching::{
    self, Census, Decision, Entry, Known, Pair, Pairs, Quarantine, decide, is_of_walk,
};
use crate::domain::identity::policy::{Evidence, show};
use crate::domain::identity::{
    Finding, FindingKind, FindingState, MatchingRun, Rules, RunState, Salt,
};
use crate::domain::{Customer, Msisdn};
use crate::{Deps, Error, store};

/// Customers of one read: what is done with them in between takes half a millisecond.
const PAGE: i64 = 250;
/// Findings of one transaction.
const CHUNK: usize = 250;

/// Runs until all findings are noted, or the process drains: then the run stays as it is.
pub(crate) async fn run(
    deps: Arc<Deps>,
    lifecycle: Lifecycle,
    run: MatchingRun,
    rules: Arc<Rules>,
) {
    let id = run.id;
    let ended = tokio::select! {
        ended = run_to_end(&deps, run, &rules) => ended,
        () = lifecycle.draining() => return,
    };
    if let Err(error) = ended {
        tracing::error!(run.id = %id, error = %error, "matching {id} failed: {error}");
    }
}

async fn run_to_end(deps: &Deps, mut run: MatchingRun, rules: &Arc<Rules>) -> Result<(), Error> {
    let salt = Salt(deps.db.id().into_bytes());
    match find(deps, rules, &salt).await {
        Ok(Some(found)) => note(deps, &mut run, rules, &salt, &found).await?,
        Ok(None) => {
            run.state = RunState::Failed;
            "the policy finds more than 2,000,000 pairs".clone_into(&mut run.failure);
        }
        Err(error) => {
            run.state = RunState::Failed;
            "the base could not be read".clone_into(&mut run.failure);
            tracing::warn!(error = %error, "cannot match: {error}");
        }
    }
    run.ended_at = Some(deps.clock.now());
    let lane = store::identity::run::lane(deps.db.lanes(), run.id);
    let mut tx = deps.db.begin().await?;
    store::identity::run::end(&mut tx, lane, &run).await?;
    Ok(tx.commit().await?)
}

/// What a run found, by number.
struct Found {
    census: Census,
    decision: Decision,
    shared_values: u64,
    /// The merges behind the links that are known, in their order.
    links: Vec<(Uuid, u32, u32)>,
}

/// Walks the base. Nothing when there are too many pairs.
async fn find(deps: &Deps, rules: &Arc<Rules>, salt: &Salt) -> Result<Option<Found>, Error> {
    let customers = store::customer::count(&deps.db).await?;
    let walks = matching::walks(customers, rules.keys.len());
    let (mut census, mut pairs) = (Census::default(), Pairs::default());
    for walk in 0..walks {
        let entries = walk_base(deps, rules, salt, &mut census, (walk, walks)).await?;
        let rules = Arc::clone(rules);
        let taking = tokio::task::spawn_blocking(move || {
            let fits = pairs.take(entries, &rules);
            (pairs, fits)
        });
        let (taken, fits) = taking.await.expect("taking entries does not panic");
        if !fits {
            return Ok(None);
        }
        pairs = taken;
    }
    let (known, links) = known_links(deps, &census).await?;
    let (count, rules) = (census.count(), Arc::clone(rules));
    let shared_values = pairs.shared_values;
    let deciding = tokio::task::spawn_blocking(move || decide(count, &known, &pairs, &rules));
    Ok(Some(Found {
        census,
        decision: deciding.await.expect("deciding does not panic"),
        shared_values,
        links,
    }))
}

async fn walk_base(
    deps: &Deps,
    rules: &Rules,
    salt: &Salt,
    census: &mut Census,
    (walk, walks): (u8, u8),
) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for lane in deps.db.lanes().all() {
        let mut after = String::new();
        loop {
            let page = store::customer::list_lane(&deps.db, lane, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            let numbers = numbers(deps, rules, lane, (&after, last.id.as_str())).await?;
            for customer in &page {
                let number = match walk {
                    0 => census.push(lane, &customer.id),
                    // Who came since the first walk is matched by the next run.
                    _ => census.find(lane, &customer.id),
                };
                let Some(number) = number else { continue };
                let numbers = numbers.get(&customer.id).map_or(&[][..], Vec::as_slice);
                let evidence = Evidence { customer, numbers };
                for (key, match_key) in (0..).zip(&rules.keys) {
                    for fingerprint in match_key.fingerprints(evidence, salt) {
                        if is_of_walk(&fingerprint, walk, walks) {
                            entries.push(Entry {
                                key,
                                fingerprint,
                                customer: number,
                            });
                        }
                    }
                }
            }
            after = last.id.to_string();
        }
    }
    Ok(entries)
}

/// Returns the numbers that customers of a lane hold, when the rules ask for any.
async fn numbers(
    deps: &Deps,
    rules: &Rules,
    lane: Lane,
    between: (&str, &str),
) -> Result<BTreeMap<CustomerId, Vec<Msisdn>>, Error> {
    let mut numbers: BTreeMap<CustomerId, Vec<Msisdn>> = BTreeMap::new();
    if rules.needs_numbers() {
        for (customer, number) in store::subscription::numbers(&deps.db, lane, between).await? {
            numbers.entry(customer).or_default().push(number);
        }
    }
    Ok(numbers)
}

type Links = (Vec<Known>, Vec<(Uuid, u32, u32)>);

async fn known_links(deps: &Deps, census: &Census) -> Result<Links, Error> {
    let (mut known, mut links) = (Vec::new(), Vec::new());
    let lanes = deps.db.lanes();
    for lane in lanes.all() {
        let mut after = (String::new(), String::new());
        loop {
            let page = store::identity::link::list_lane(&deps.db, lane, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.link.loser.to_string(), last.link.merge.to_string());
            for it in page {
                let number = |id: &CustomerId| census.find(lanes.of(id.as_str()), id);
                let ends = number(&it.link.survivor).zip(number(&it.link.loser));
                let Some((one, other)) = ends else { continue };
                let by_policy = it.cause.policy_version > 0;
                known.push(Known {
                    one,
                    other,
                    by_policy,
                });
                links.push((it.link.merge, one, other));
            }
        }
    }
    Ok((known, links))
}

/// Notes the findings, and counts them in the run.
async fn note(
    deps: &Deps,
    run: &mut MatchingRun,
    rules: &Rules,
    salt: &Salt,
    found: &Found,
) -> Result<(), Error> {
    let mut notes = Notes {
        deps,
        rules,
        salt,
        census: &found.census,
        run: run.id,
        state: if run.is_dry {
            FindingState::Dry
        } else {
            FindingState::Open
        },
        number: 0,
    };
    let decision = &found.decision;
    run.merges = notes.pairs(FindingKind::Merge, &decision.merges).await?;
    run.proposals = notes
        .pairs(FindingKind::Proposal, &decision.proposals)
        .await?;
    run.quarantines = notes.quarantines(&decision.quarantines).await?;
    let splits: Vec<_> = decision.splits.iter().map(|at| found.links[*at]).collect();
    run.splits = notes.splits(&splits).await?;
    run.customers = i64::from(found.census.count());
    run.shared_values = i64::try_from(found.shared_values).unwrap_or(i64::MAX);
    run.state = RunState::Completed;
    Ok(())
}

/// Notes findings under growing numbers.
struct Notes<'a> {
    deps: &'a Deps,
    rules: &'a Rules,
    salt: &'a Salt,
    census: &'a Census,
    run: Uuid,
    state: FindingState,
    number: i64,
}

impl Notes<'_> {
    fn id(&self, number: u32) -> Result<CustomerId, Error> {
        let id = CustomerId::parse(self.census.id(number));
        id.map_err(|_| Error::Unreadable("an id of the census".to_owned()))
    }

    fn finding(&mut self, kind: FindingKind, customers: Vec<CustomerId>) -> Finding {
        self.number += 1;
        Finding {
            run: self.run,
            number: self.number,
            kind,
            state: self.state,
            count: i64::try_from(customers.len()).expect("a thousand at most"),
            customers,
            weight: 0,
            match_key: String::new(),
            fingerprint: String::new(),
            merge: None,
            component: String::new(),
            actor: String::new(),
            reason: String::new(),
        }
    }

    async fn add(&self, findings: &[Finding]) -> Result<i64, Error> {
        let lane = store::identity::run::lane(self.deps.db.lanes(), self.run);
        for chunk in findings.chunks(CHUNK) {
            let mut tx = self.deps.db.begin().await?;
            store::identity::run::add_findings(&mut tx, lane, chunk).await?;
            tx.commit().await?;
        }
        Ok(i64::try_from(findings.len()).expect("a few millions at most"))
    }

    /// Pairs whose customers agree no longer are left out: the base goes on while it is walked.
    async fn pairs(&mut self, kind: FindingKind, pairs: &[Pair]) -> Result<i64, Error> {
        let mut noted = 0;
        for chunk in pairs.chunks(CHUNK) {
            let mut findings = Vec::with_capacity(chunk.len());
            let mut ids = Vec::with_capacity(2 * chunk.len());
            for pair in chunk {
                ids.extend([self.id(pair.one)?, self.id(pair.other)?]);
            }
            let known = store::customer::get_all(&self.deps.db, &ids).await?;
            let known: BTreeMap<&CustomerId, &Customer> =
                known.iter().map(|it| (&it.id, it)).collect();
            for pair in ids.chunks_exact(2) {
                let ends = known.get(&pair[0]).zip(known.get(&pair[1]));
                let Some((one, other)) = ends else { continue };
                let agreed = agreement(self.deps, self.rules, self.salt, (one, other)).await?;
                let Some(agreed) = agreed else { continue };
                findings.push(Finding {
                    weight: agreed.weight,
                    match_key: agreed.match_key,
                    fingerprint: agreed.fingerprint,
                    ..self.finding(kind, pair.to_vec())
                });
            }
            noted += self.add(&findings).await?;
        }
        Ok(noted)
    }

    async fn quarantines(&mut self, quarantines: &[Quarantine]) -> Result<i64, Error> {
        let mut noted = 0;
        for quarantine in quarantines {
            let mut hash = Sha256::new();
            let mut customers = Vec::with_capacity(quarantine.members.len());
            for member in &quarantine.members {
                customers.push(self.id(*member)?);
            }
            customers.sort_unstable();
            for customer in &customers {
                hash.update(customer.as_str());
                hash.update([0]);
            }
            let component = format!("{:x}", hash.finalize());
            let is_known =
                store::identity::run::is_in_quarantine(&self.deps.db, &component).await?;
            if is_known && self.state == FindingState::Open {
                continue;
            }
            let key = self.rules.first_key(quarantine.keys);
            let finding = Finding {
                match_key: key.map_or(String::new(), |key| key.name.clone()),
                component,
                count: i64::from(quarantine.size),
                ..self.finding(FindingKind::Quarantine, customers)
            };
            noted += self.add(&[finding]).await?;
        }
        Ok(noted)
    }

    async fn splits(&mut self, splits: &[(Uuid, u32, u32)]) -> Result<i64, Error> {
        let mut findings = Vec::with_capacity(splits.len());
        for (merge, one, other) in splits {
            let customers = vec![self.id(*one)?, self.id(*other)?];
            findings.push(Finding {
                merge: Some(*merge),
                ..self.finding(FindingKind::Split, customers)
            });
        }
        self.add(&findings).await
    }
}

/// On what two customers agree.
pub(crate) struct Agreement {
    /// The weights of the keys, added up.
    pub(crate) weight: i32,
    /// The first of them.
    pub(crate) match_key: String,
    /// What they agree on there.
    pub(crate) fingerprint: String,
}

/// Returns on what two customers agree as they are now; nothing when they do not.
pub(crate) async fn agreement(
    deps: &Deps,
    rules: &Rules,
    salt: &Salt,
    (one, other): (&Customer, &Customer),
) -> Result<Option<Agreement>, Error> {
    let mut numbers = [Vec::new(), Vec::new()];
    if rules.needs_numbers() {
        for (numbers, customer) in numbers.iter_mut().zip([one, other]) {
            let found = store::subscription::numbers_of(&deps.db, &customer.id).await?;
            numbers.extend(found);
        }
    }
    let evidence = |customer, at: usize| Evidence {
        customer,
        numbers: &numbers[at],
    };
    let (one, other) = (evidence(one, 0), evidence(other, 1));
    Ok(rules
        .agreement(one, other, salt)
        .map(|(keys, fingerprint)| {
            let key = rules.first_key(keys);
            Agreement {
                weight: rules.weight(keys),
                match_key: key.map_or(String::new(), |key| key.name.clone()),
                fingerprint: show(&fingerprint),
            }
        }))
}
