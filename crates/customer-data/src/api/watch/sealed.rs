//! Bodies of changes, as the feed keeps them: sealed with the key of whom they are told of.
//!
//! Beside what is sealed stands which fact a change is about, as a digest, so that compaction needs no key.
//! Once the key is gone a change tells nothing but that there was one.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tenure_core::{CustomerId, Lanes};
use tenure_proto::customer::v1 as wire;
use tenure_sql::SqlError;
use tenure_sql::feed::{Change, NewChange};

use super::fact;
use crate::domain::envelope::Envelope;
use crate::domain::seal::Place;
use crate::store::seal::{self as keys, need};
use crate::store::{Db, Tx};
use crate::vault::{CustomerKey, Keys};

const BODY: &str = "change.body";
/// How much of a digest is kept: two facts of a lane have the same one by chance once in 2^64.
const LABEL_BYTES: usize = 16;

/// Returns the digest of the fact that a change is about; nothing where no later change replaces it.
fn label(change: &wire::Change) -> Option<[u8; LABEL_BYTES]> {
    let digest = Sha256::digest(fact::name(change)?.as_bytes());
    digest.first_chunk().copied()
}

/// The keys of a transaction, for another thread.
pub(crate) struct Sealer {
    keys: Arc<Keys>,
    customers: HashMap<String, CustomerKey>,
}

impl Sealer {
    /// Returns those that are at hand.
    pub(crate) fn of(tx: &Tx) -> Self {
        Self {
            keys: tx.keys().clone(),
            customers: tx.customers().clone(),
        }
    }

    /// Returns the body of a change of a customer whose key is at hand.
    pub(crate) fn seal(&self, customer: &CustomerId, change: &wire::Change) -> Vec<u8> {
        let label = label(change);
        let label = label.as_ref().map_or(&[][..], |label| &label[..]);
        let mut body = Envelope::head(label, &[customer.as_str()]);
        let place = Place {
            column: BODY,
            customer: customer.as_str(),
        };
        let key = self.customers.get(customer.as_str());
        let key = key.expect("keys are asked for before changes are told");
        let change = change.encode_to_vec();
        self.keys.seal_behind(&mut body, key, place, &change);
        body
    }
}

/// Returns what tells the fact of a change from all others of its kind. Nothing where no later change
/// replaces it, or where it cannot be read: such a change stays.
#[must_use]
pub fn fact_of(change: &Change) -> Option<String> {
    let label = match Envelope::read(&change.body) {
        Some(envelope) => envelope.label.try_into().ok(),
        None => label(&wire::Change::decode(change.body.as_slice()).ok()?),
    };
    label.map(|label: [u8; LABEL_BYTES]| format!("{:032x}", u128::from_be_bytes(label)))
}

/// Returns whose keys it takes to open some bodies.
fn customers<'b>(bodies: impl Iterator<Item = &'b [u8]>) -> BTreeSet<&'b str> {
    let envelopes = bodies.filter_map(Envelope::read);
    envelopes.flat_map(|it| it.customers).collect()
}

/// The keys of some changes.
pub(crate) struct Openers<'k>(Cow<'k, HashMap<String, CustomerKey>>);

impl<'k> Openers<'k> {
    /// Finds those of bodies, in one statement.
    pub(crate) async fn find<'b>(
        db: &Db,
        bodies: impl Iterator<Item = &'b [u8]>,
    ) -> Result<Self, SqlError> {
        let keys = keys::get(db, &customers(bodies)).await?;
        Ok(Self(Cow::Owned(keys)))
    }

    /// The same, as a transaction sees them.
    pub(super) async fn find_in<'b>(
        tx: &'k mut Tx,
        lanes: Lanes,
        bodies: impl Iterator<Item = &'b [u8]>,
    ) -> Result<Self, SqlError> {
        keys::find(tx, lanes, &customers(bodies)).await?;
        Ok(Self(Cow::Borrowed(tx.customers())))
    }

    /// Returns the encoded change of a body.
    pub(crate) fn open<'b>(&self, body: &'b [u8]) -> Result<Cow<'b, [u8]>, SqlError> {
        let Some(envelope) = Envelope::read(body) else {
            return Ok(Cow::Borrowed(body));
        };
        let damaged = || SqlError::corrupt("a change that its key does not open");
        let customer = *envelope.customers.first().ok_or_else(damaged)?;
        let opened = match self.0.get(customer) {
            Some(key) => {
                let place = Place {
                    column: BODY,
                    customer,
                };
                key.open(place, envelope.sealed).ok_or_else(damaged)?
            }
            None => empty(customer),
        };
        Ok(Cow::Owned(opened))
    }
}

/// Returns what is told of a customer who was erased.
pub(crate) fn empty(customer: &str) -> Vec<u8> {
    let change = wire::Change {
        customer_id: customer.to_owned(),
        ..Default::default()
    };
    change.encode_to_vec()
}

/// Opens the bodies of changes.
///
/// # Errors
/// When the database fails.
pub async fn open_changes(db: &Db, mut changes: Vec<Change>) -> Result<Vec<Change>, SqlError> {
    let openers = Openers::find(db, changes.iter().map(|it| &*it.body)).await?;
    for change in &mut changes {
        if let Cow::Owned(opened) = openers.open(&change.body)? {
            change.body = opened;
        }
    }
    Ok(changes)
}

/// Seals the bodies of changes as the service does, for whoever fills a feed without it.
///
/// # Errors
/// When the database fails, or a change is not one of this service.
pub async fn seal_changes(
    tx: &mut Tx,
    lanes: Lanes,
    changes: &mut [NewChange],
) -> Result<(), SqlError> {
    let damaged = || SqlError::corrupt("a change that is none of this service");
    let customer = |it: &NewChange| CustomerId::parse(&it.key).map_err(|_| damaged());
    let customers: Vec<_> = changes.iter().map(customer).collect::<Result<_, _>>()?;
    need(tx, lanes, &customers).await?;
    let sealer = Sealer::of(tx);
    for (change, customer) in changes.iter_mut().zip(&customers) {
        let told = wire::Change::decode(change.body.as_slice()).map_err(|_| damaged())?;
        change.body = sealer.seal(customer, &told);
    }
    Ok(())
}
