//! Where the rows of a batch pass the rules of their source, if it has any.

use std::collections::BTreeMap;

use tenure_core::{Lanes, Timestamp, Violation};
use tenure_proto::customer::v1 as wire;
use uuid::Uuid;

use super::value;
use crate::domain::quality::{Found, Policy, Rule, Tally};
use crate::store::Tx;
use crate::{Deps, Error, store};

/// What the rules found in a batch.
pub(in crate::api) struct Passed {
    policy: Policy,
    tally: Tally,
    now: Timestamp,
    /// What refuses rows, by lines.
    pub(in crate::api) refused: BTreeMap<i64, Vec<Violation>>,
}

/// Looks at the rows of a batch; nothing when their source has no rules, or there is no such import.
pub(in crate::api) async fn pass(
    deps: &Deps,
    import_id: Uuid,
    records: &[wire::ImportRecord],
) -> Result<Option<Passed>, Error> {
    let Some(import) = store::import::get(&deps.db, import_id).await? else {
        return Ok(None);
    };
    let Some(policy) = store::quality::of_file(&deps.db, &import.source_name).await? else {
        return Ok(None);
    };
    Ok(Some(look(policy, records, deps.clock.now())))
}

fn look(policy: Policy, records: &[wire::ImportRecord], now: Timestamp) -> Passed {
    let mut tally = Tally::new(&policy);
    let mut refused: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        let values = |field: &str| value::values(record, field);
        let against = tally.look(&policy, record.line, now, values);
        if !against.is_empty() {
            let against = against.into_iter().map(violation);
            refused.entry(record.line).or_default().extend(against);
        }
    }
    Passed {
        policy,
        tally,
        now,
        refused,
    }
}

fn violation((rule, found): (&Rule, Found)) -> Violation {
    Violation {
        field: rule.field.clone(),
        wanted: format!("{} (rule {})", found.wanted, rule.id),
        found: found.found.to_owned(),
    }
}

impl Passed {
    /// Keeps what was found, with the batch.
    pub(in crate::api) async fn save(
        &self,
        tx: &mut Tx,
        lanes: Lanes,
        import_id: Uuid,
    ) -> Result<(), Error> {
        let found = (import_id, &self.tally);
        Ok(store::quality::add(tx, lanes, &self.policy, found, self.now).await?)
    }
}
