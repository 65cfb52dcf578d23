//! Merges and their undoing: what hangs together is loaded behind the locks of all its lanes.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, RequestId};
use tenure_proto::WriteRequest;
use tenure_proto::customer::v1 as wire;
use tenure_sql::feed;
use tonic::Status;
use uuid::Uuid;

use super::{parse, show};
use crate::api::once::{Begun, Write, begin};
use crate::domain::Book;
use crate::domain::identity::{Cause, Graph, IdentityRefusal, Merge, Named, Record};
use crate::{Deps, Error, store};

/// What came of opening a write on records.
pub(super) enum Opened<R> {
    /// It was answered before, with this.
    Answered(R),
    /// It is new, and nobody else changes these records until it ends.
    New(Box<Write>, Graph),
}

/// Claims a request and locks the lanes of all members of the records of some customers. Which these
/// are is known for sure only behind the locks: when a merge came between, all lanes are locked, so
/// that the second try is the last.
pub(super) async fn open<W: WriteRequest>(
    deps: &Deps,
    id: RequestId,
    request: &W,
    customers: &BTreeSet<CustomerId>,
) -> Result<Opened<W::Answer>, Status> {
    let asked: Vec<CustomerId> = customers.iter().cloned().collect();
    let found = store::identity::members_of_all(&deps.db, &asked).await;
    let mut members = customers.clone();
    members.extend(found.map_err(Error::from)?.into_iter().map(|(_, it)| it));
    let all: BTreeSet<Lane> = deps.db.lanes().all().collect();
    let mut locked = store::identity::lanes_of(deps.db.lanes(), &members);
    loop {
        let mut write = match begin(deps, id, request).await? {
            Begun::Answered(answer) => return Ok(Opened::Answered(answer)),
            Begun::New(write) => write,
        };
        let lanes: Vec<Lane> = locked.iter().copied().collect();
        let locking = feed::lock_lanes(&mut write.tx, &lanes).await;
        locking.map_err(Error::from)?;
        let graph = store::identity::load(&mut write.tx, write.lanes, customers).await;
        let graph = graph.map_err(Error::from)?;
        if store::identity::lanes_of(write.lanes, &graph.members).is_subset(&locked) {
            return Ok(Opened::New(write, graph));
        }
        write.tx.rollback().await.map_err(Error::from)?;
        locked.clone_from(&all);
    }
}

pub(super) async fn merge(
    deps: &Deps,
    request: &wire::MergeCustomersRequest,
) -> Result<wire::MergeCustomersResponse, Status> {
    let (id, named, cause) = parse::merge(request)?;
    let customers: BTreeSet<CustomerId> = named.all().cloned().collect();
    let (mut write, mut graph) = match open(deps, id, request, &customers).await? {
        Opened::Answered(answer) => return Ok(answer),
        Opened::New(write, graph) => (write, graph),
    };
    let merge = deps.ids.uuid(write.now);
    let merged = merge_in(&mut write, &mut graph, merge, &named, &cause).await;
    let answer = merged.map(|record| wire::MergeCustomersResponse {
        merge_id: merge.to_string(),
        record: Some(show::record(&record)),
        replayed: false,
    });
    write.finish(answer).await
}

/// Makes one record of what `named` names, and tells all members.
pub(super) async fn merge_in(
    write: &mut Write,
    graph: &mut Graph,
    merge: Uuid,
    named: &Named,
    cause: &Cause,
) -> Result<Record, Error> {
    let customers: BTreeSet<CustomerId> = named.all().cloned().collect();
    let (lanes, now) = (write.lanes, write.now);
    let mut book = store::open_customers(&mut write.tx, lanes, &customers, now).await?;
    let mut with_name = BTreeSet::new();
    for customer in customers {
        let Some(known) = book.customers.get(&customer) else {
            let (key, value) = ("customer_id", customer.to_string());
            return Err(Error::CustomerNotFound { key, value });
        };
        if !known.display_name.is_empty() {
            with_name.insert(customer);
        }
    }
    let which = (merge, named, &with_name);
    let record = link(write, &mut book, graph, which, cause).await?;
    write.save(book).await?;
    Ok(record)
}

/// Makes one record of what a merge names, all of which is known, and notes in the book what is to be
/// told. The graph holds the records of whom it names and nothing else.
pub(super) async fn link(
    write: &mut Write,
    book: &mut Book,
    graph: &mut Graph,
    (merge, named, with_name): (Uuid, &Named, &BTreeSet<CustomerId>),
    cause: &Cause,
) -> Result<Record, Error> {
    let (lanes, now) = (write.lanes, write.now);
    let links = graph.merge(merge, named, with_name)?;
    let records = graph.records();
    store::identity::link::add(&mut write.tx, lanes, &links, now, cause).await?;
    store::identity::save_records(&mut write.tx, lanes, graph, &records).await?;
    tell(book, merge, false, &records, named, cause);
    let whole = graph.record_of(&named.survivor);
    Ok(whole.expect("whoever a merge names is a member"))
}

fn tell(
    book: &mut Book,
    merge: Uuid,
    is_undone: bool,
    records: &[Record],
    named: &Named,
    cause: &Cause,
) {
    for record in records {
        for member in &record.members {
            book.tell_merge(Merge {
                customer: member.clone(),
                id: Some(merge),
                is_undone,
                record: record.clone(),
                named: named.clone(),
                cause: cause.clone(),
            });
        }
    }
}

pub(super) async fn unmerge(
    deps: &Deps,
    request: &wire::UnmergeCustomersRequest,
) -> Result<wire::UnmergeCustomersResponse, Status> {
    let (id, merge, cause) = parse::unmerge(request)?;
    let named = store::identity::link::named(&deps.db, merge).await;
    let Some(named) = named.map_err(Error::from)? else {
        return match begin(deps, id, request).await? {
            Begun::Answered(answer) => Ok(answer),
            Begun::New(write) => {
                let refusal = IdentityRefusal::MergeNotFound(merge);
                write.finish(Err(refusal.into())).await
            }
        };
    };
    let customers: BTreeSet<CustomerId> = named.all().cloned().collect();
    let (mut write, mut graph) = match open(deps, id, request, &customers).await? {
        Opened::Answered(answer) => return Ok(answer),
        Opened::New(write, graph) => (write, graph),
    };
    let unmerged = unmerge_in(&mut write, &mut graph, merge, &named, &cause).await;
    let answer = unmerged.map(|records| wire::UnmergeCustomersResponse {
        records: records.iter().map(show::record).collect(),
        replayed: false,
    });
    write.finish(answer).await
}

async fn unmerge_in(
    write: &mut Write,
    graph: &mut Graph,
    merge: Uuid,
    named: &Named,
    cause: &Cause,
) -> Result<Vec<Record>, Error> {
    let undone = graph.unmerge(merge)?;
    let (lanes, now) = (write.lanes, write.now);
    let records = graph.records();
    store::identity::link::undo(&mut write.tx, lanes, &undone, now, cause).await?;
    store::identity::save_records(&mut write.tx, lanes, graph, &records).await?;
    let mut book = Book::open(now);
    tell(&mut book, merge, true, &records, named, cause);
    write.save(book).await?;
    Ok(records)
}
