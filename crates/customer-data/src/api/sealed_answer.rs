//! Answers kept for repeats, as the database keeps them: sealed with a key that follows from those of all
//! customers whom they name, so that an answer is gone with any of them.

use std::collections::BTreeSet;

use tenure_core::Lanes;
use tenure_sql::SqlError;
use tenure_sql::answers::Key;

use super::guard;
use crate::domain::envelope::Envelope;
use crate::domain::seal::Place;
use crate::store::{Tx, seal as keys};
use crate::vault::CustomerKey;

/// The fingerprint of a request says something of the words of its caller.
const FINGERPRINT: &str = "answer.fingerprint";

/// Returns the fingerprint of a request as it is kept.
pub(super) fn seal_fingerprint(tx: &Tx, key: &Key<'_>, fingerprint: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    let (opener, id) = (tx.keys().answer_key([]), key.request_id.to_string());
    let place = Place {
        column: FINGERPRINT,
        customer: &id,
    };
    tx.keys()
        .seal_behind(&mut sealed, &opener, place, fingerprint);
    sealed
}

/// Returns the fingerprint of a request; the one of no request where it is gone.
pub(super) fn open_fingerprint(tx: &Tx, key: &Key<'_>, sealed: &[u8]) -> Vec<u8> {
    let id = key.request_id.to_string();
    let place = Place {
        column: FINGERPRINT,
        customer: &id,
    };
    let opened = tx.keys().answer_key([]).open(place, sealed);
    opened.unwrap_or_default()
}

/// Returns an answer as it is kept; `shown` is the message in it, where it is not a refusal.
pub(super) async fn seal(
    tx: &mut Tx,
    lanes: Lanes,
    key: &Key<'_>,
    shown: Option<&[u8]>,
    answer: &[u8],
) -> Result<Vec<u8>, SqlError> {
    let named = shown.map_or_else(Vec::new, |shown| guard::named(key.method, shown));
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    keys::find(tx, lanes, &named).await?;
    let has_key = |id: &&str| tx.customers().contains_key(*id);
    let named: Vec<&str> = named.into_iter().filter(has_key).collect();
    let mut sealed = Envelope::head(&[], &named);
    let opener = opener(tx, &named).expect("those without keys were left out");
    let id = key.request_id.to_string();
    let place = place(key, &id);
    tx.keys().seal_behind(&mut sealed, &opener, place, answer);
    Ok(sealed)
}

/// Returns an answer from how it is kept; nothing where somebody whom it names was erased.
pub(super) async fn open(
    tx: &mut Tx,
    lanes: Lanes,
    key: &Key<'_>,
    kept: &[u8],
) -> Result<Option<Vec<u8>>, SqlError> {
    let Some(envelope) = Envelope::read(kept) else {
        // What an erasure put in its place.
        return Ok(Some(kept.to_vec()));
    };
    let named = envelope.customers.iter().copied().collect();
    keys::find(tx, lanes, &named).await?;
    let Some(opener) = opener(tx, &envelope.customers) else {
        return Ok(None);
    };
    let id = key.request_id.to_string();
    Ok(opener.open(place(key, &id), envelope.sealed))
}

fn opener(tx: &Tx, customers: &[&str]) -> Option<CustomerKey> {
    let keys: Option<Vec<_>> = customers.iter().map(|id| tx.customers().get(*id)).collect();
    Some(tx.keys().answer_key(keys?))
}

fn place<'p>(key: &Key<'p>, request: &'p str) -> Place<'p> {
    Place {
        column: key.method,
        customer: request,
    }
}
