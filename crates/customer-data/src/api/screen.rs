//! Recognising erased people among those who are taken in.

use crate::domain::privacy::{IdentifierKind, Person, identifiers};
use crate::domain::{AttributeName, Book, CustomerPatch, Msisdn};
use crate::store::Tx;
use crate::{Deps, Error, store};

/// Notes in the book who of the newcomers was erased, with the numbers that come with each of them.
pub(super) async fn customers<'a>(
    deps: &Deps,
    tx: &mut Tx,
    newcomers: impl IntoIterator<Item = (&'a CustomerPatch, Vec<&'a Msisdn>)>,
    book: &mut Book,
) -> Result<(), Error> {
    if store::suppression::is_empty(tx).await? {
        return Ok(());
    }
    let keys = tx.keys().clone();
    let birth = AttributeName::parse(&deps.config.privacy.birth_attribute).ok();
    let mut prints: Vec<(String, IdentifierKind, &CustomerPatch)> = Vec::new();
    for (patch, numbers) in newcomers {
        if book.customers.get(&patch.id).is_some() {
            continue;
        }
        let person = Person {
            customer: &patch.id,
            name: patch.display_name.as_deref().unwrap_or_default(),
            birth: birth.as_ref().and_then(|name| patch.attribute(name)),
            external_ids: &patch.external_ids,
            numbers: &numbers,
        };
        let refused = identifiers(person).into_iter();
        let refused = refused.filter(|it| deps.config.privacy.suppresses(it.kind));
        prints.extend(refused.map(|it| (keys.fingerprint(&it), it.kind, patch)));
    }
    let asked: Vec<&str> = prints.iter().map(|(print, ..)| print.as_str()).collect();
    let found = store::suppression::find(tx, deps.db.lanes(), &asked).await?;
    for (print, kind, patch) in &prints {
        if let Some(erasure) = found.get(print) {
            let known = book.suppressed.entry(patch.id.clone());
            known.or_insert((*kind, *erasure));
        }
    }
    Ok(())
}
