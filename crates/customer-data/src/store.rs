//! The tables, one file each, and the book of one transaction: loaded and saved as sets of rows.

pub mod access;
pub mod account;
pub mod bill;
pub mod claim;
pub mod complaint;
pub mod consent;
pub mod customer;
mod db;
pub mod erasure;
pub mod export;
pub mod external_id;
mod facts;
pub mod group;
pub mod identity;
mod image;
pub mod import;
pub mod import_undo;
pub mod interaction;
pub mod lead;
pub mod msisdn;
mod owner;
pub mod party;
pub mod personal;
pub mod profile;
pub mod promise;
pub mod pulse;
pub mod quality;
pub mod relationship;
pub mod removed;
pub mod retention;
pub mod reversal;
mod rows;
pub mod seal;
pub mod sim;
mod standing;
pub mod subscription;
pub mod suppression;
pub mod survey;
mod table;
pub mod terms;
pub mod trace;
pub mod unmade;
pub mod usage;
pub mod vault;

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, feed};

use crate::domain::{Book, Msisdn, Touched};

pub use db::{Db, Tx};
pub use table::FactTable;

/// Which complaints of a customer, or promises to one, to list.
#[derive(Debug, Clone, Copy)]
pub struct OfCustomer<'a> {
    /// Whose.
    pub customer: &'a CustomerId,
    /// Whether to leave out what has ended.
    pub is_open_only: bool,
}

/// Locks the lanes of everything that `touched` names (and `further` ones), then loads it. What is
/// read stays as it is until the transaction ends.
///
/// A number or an external id that only is given back needs no lock of its own lane: its row gets
/// shorter or vanishes, by its owner alone, and who claims it meanwhile is refused at worst.
///
/// # Errors
/// When the database fails.
pub async fn open_book(
    tx: &mut Tx,
    lanes: Lanes,
    touched: &Touched,
    further: &[Lane],
    now: Timestamp,
) -> Result<Book, SqlError> {
    let mut wanted = lanes_of(lanes, touched);
    wanted.extend_from_slice(further);
    feed::lock_lanes(tx, &wanted).await?;
    let mut book = Book::open(now);
    customer::load(tx, lanes, &touched.customers, &mut book).await?;
    external_id::load(tx, lanes, &touched.external_ids, &mut book).await?;
    let kept = of_known(&touched.subscriptions, |(customer, _)| customer, &book);
    subscription::load(tx, lanes, &kept, &mut book).await?;
    msisdn::load(tx, lanes, &touched.numbers, &mut book).await?;
    let kept = of_known(&touched.bills, |(customer, _)| customer, &book);
    bill::load(tx, lanes, &kept, &mut book).await?;
    let kept = of_known(&touched.usage, |key| &key.customer, &book);
    usage::load(tx, lanes, &kept, &mut book).await?;
    let kept = of_known(&touched.interactions, |(customer, _)| customer, &book);
    interaction::load(tx, lanes, &kept, &mut book).await?;
    consent::load(tx, lanes, &touched.consents, &mut book).await?;
    complaint::load(tx, lanes, &touched.complaints, &mut book).await?;
    promise::load(tx, lanes, &touched.promises, &mut book).await?;
    survey::load(tx, lanes, &touched.surveys, &mut book).await?;
    owner::load(tx, lanes, touched, &mut book).await?;
    Ok(book)
}

/// Loads customers alone, behind locks that the caller has.
///
/// # Errors
/// When the database fails.
pub async fn open_customers(
    tx: &mut Tx,
    lanes: Lanes,
    customers: &BTreeSet<CustomerId>,
    now: Timestamp,
) -> Result<Book, SqlError> {
    let mut book = Book::open(now);
    customer::load(tx, lanes, customers, &mut book).await?;
    Ok(book)
}

/// Returns the keys of customers that are known: new ones have nothing that could be loaded.
fn of_known<K: Ord + Clone>(
    keys: &BTreeSet<K>,
    customer: impl Fn(&K) -> &CustomerId,
    book: &Book,
) -> BTreeSet<K> {
    let is_known = |key: &&K| book.customers.get(customer(key)).is_some();
    keys.iter().filter(is_known).cloned().collect()
}

fn lanes_of(lanes: Lanes, touched: &Touched) -> Vec<Lane> {
    let mut keys: Vec<&str> = touched.customers.iter().map(CustomerId::as_str).collect();
    keys.extend(touched.numbers.iter().map(Msisdn::as_str));
    keys.extend(touched.subscriptions.iter().map(|(_, id)| id.as_str()));
    keys.extend(touched.bills.iter().map(|(_, id)| id.as_str()));
    keys.extend(touched.interactions.iter().map(|(_, id)| id.as_str()));
    keys.extend(touched.complaints.iter().map(|(owner, _)| owner.as_str()));
    keys.extend(touched.promises.iter().map(|(owner, _)| owner.as_str()));
    keys.extend(touched.surveys.iter().map(|(owner, _)| owner.as_str()));
    keys.extend(touched.claimed.iter().map(|(_, id)| &**id));
    let mut wanted: Vec<Lane> = keys.into_iter().map(|key| lanes.of(key)).collect();
    wanted.extend(touched.external_ids.iter().map(|id| lanes.of(&id.key())));
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// Writes what became of the book. What is given back goes first, so that it can be taken anew.
///
/// # Errors
/// When the database fails.
pub async fn save_book(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    external_id::save(tx, lanes, book).await?;
    msisdn::save(tx, lanes, book).await?;
    owner::save(tx, lanes, book).await?;
    customer::save(tx, lanes, book).await?;
    subscription::save(tx, lanes, book).await?;
    bill::save(tx, lanes, book).await?;
    usage::save(tx, lanes, book).await?;
    interaction::save(tx, lanes, book).await?;
    consent::save(tx, lanes, book).await?;
    complaint::save(tx, lanes, book).await?;
    promise::save(tx, lanes, book).await?;
    survey::save(tx, lanes, book).await
}
