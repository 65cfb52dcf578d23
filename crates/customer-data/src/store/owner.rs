//! Table `owner`: whose the operator's keys are, in the lane of the key.

use tenure_core::{CustomerId, Lanes};
use tenure_sql::SqlError;

use super::rows::{self, RowsSql, load_rows, read, rows_sql};
use crate::domain::Touched;
use crate::domain::book::{Book, Owned};
use crate::store::Tx;

const LOAD: RowsSql = rows_sql!(
    "SELECT owner.kind, owner.id, owner.customer_id
     FROM",
    "JOIN owner ON owner.lane = CAST(value ->> 0 AS INTEGER)
               AND owner.kind = value ->> 1
               AND owner.id = value ->> 2"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO owner (lane, kind, id, customer_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, value ->> 3
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, kind, id) DO UPDATE SET customer_id = EXCLUDED.customer_id"
);

/// Loads the owners of those keys that were not found with the customer who claims them.
pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    touched: &Touched,
    book: &mut Book,
) -> Result<(), SqlError> {
    let subscriptions = touched.subscriptions.iter();
    let subscriptions = subscriptions.filter(|key| book.subscriptions.get(key).is_none());
    let mut keys: Vec<(Owned, &str)> = subscriptions
        .map(|(_, id)| (Owned::Subscription, id.as_str()))
        .collect();
    let bills = touched
        .bills
        .iter()
        .filter(|key| book.bills.get(key).is_none());
    keys.extend(bills.map(|(_, id)| (Owned::Bill, id.as_str())));
    let contacts = touched.interactions.iter();
    let contacts = contacts.filter(|key| book.interactions.get(key).is_none());
    keys.extend(contacts.map(|(_, id)| (Owned::Interaction, id.as_str())));

    keys.extend(touched.claimed.iter().map(|(owned, id)| (*owned, &**id)));

    let keys: Vec<_> = keys
        .into_iter()
        .map(|(owned, id)| (lanes.of(id), owned.as_str(), id))
        .collect();
    for (kind, id, customer) in load_rows!(tx, LOAD, keys, (String, String, String)) {
        let mut all = Owned::ALL.iter().copied();
        let owned = read("kind", all.find(|owned| owned.as_str() == kind))?;
        let customer = read("customer_id", CustomerId::parse(&customer).ok())?;
        book.owners.load((owned, id.into()), customer);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let (created, changed) = book.owners.saved(|(owned, id), customer| {
        (lanes.of(id), owned.as_str(), id.as_str(), customer.as_str())
    });
    rows::save(tx, SAVE, &created, &changed).await
}
