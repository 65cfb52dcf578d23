//! A write that happens once: claimed, decided, saved and answered in one transaction.

use prost::Message;
use tenure_core::{Lanes, RequestId, Timestamp, Violation};
use tenure_proto::customer::v1 as wire;
use tenure_rpc::{Fingerprint, StoredAnswer};
use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::{SqlError, Tx, feed};
use tonic::Status;

use super::show;
use crate::domain::{Book, Outcome, Refusal, Touched};
use crate::{DOMAIN, Deps, Error, store};

/// Every request of this package has its request id in this field.
const REQUEST_ID_FIELD: u32 = 1;
/// Nobody proves who is calling yet.
const PRINCIPAL: &str = "anonymous";

/// The names of a writing method and of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    /// For example `tenure.customer.v1.CustomerService/CreateCustomer`.
    pub(super) name: &'static str,
    /// For example `tenure.customer.v1.CreateCustomerRequest`.
    pub(super) request: &'static str,
}

/// Makes a [`Method`] of its short name.
macro_rules! method {
    ($name:literal) => {
        $crate::api::once::Method {
            name: concat!("tenure.customer.v1.CustomerService/", $name),
            request: concat!("tenure.customer.v1.", $name, "Request"),
        }
    };
}
pub(super) use method;

/// An answer that says whether it was given before.
pub(super) trait Replay: Message + Default {
    /// Marks the answer as given before.
    fn mark_replayed(&mut self);
}

macro_rules! replay {
    ($($answer:ident),* $(,)?) => {
        $(impl Replay for wire::$answer {
            fn mark_replayed(&mut self) {
                self.replayed = true;
            }
        })*
    };
}
replay!(
    CreateCustomerResponse,
    BatchUpsertCustomersResponse,
    BatchUpsertSubscriptionsResponse,
    TerminateSubscriptionResponse,
    SuspendSubscriptionResponse,
    ResumeSubscriptionResponse,
    TransferSubscriptionResponse,
    BatchUpsertBillsResponse,
    BatchUpsertUsageSummariesResponse,
    BatchUpsertInteractionsResponse,
    CreateImportResponse,
    ApplyImportBatchResponse,
);

/// What came of beginning a write.
pub(super) enum Begun<R> {
    /// It was answered before, with this.
    Answered(R),
    /// It is new.
    New(Box<Write>),
}

/// A write that was claimed. Dropping it undoes everything, the claim included.
pub(super) struct Write {
    pub(super) tx: Tx,
    pub(super) lanes: Lanes,
    pub(super) now: Timestamp,
    key: Key<'static>,
}

/// Claims a request, or finds the answer it got.
///
/// The claim stands in the lane of the request id: whatever the request is about, a second use of
/// the id meets the first.
pub(super) async fn begin<Q: Message, R: Replay>(
    deps: &Deps,
    method: Method,
    id: RequestId,
    request: &Q,
) -> Result<Begun<R>, Status> {
    let (lanes, now) = (deps.db.lanes(), deps.clock.now());
    let lane = lanes.of(&id.to_string());
    let key = Key {
        lane,
        principal: PRINCIPAL,
        method: method.name,
        request_id: id.0,
    };
    let fingerprint = Fingerprint::of(request, REQUEST_ID_FIELD);
    let mut tx = deps.db.begin().await.map_err(Error::from)?;
    let claim = answers::claim(&mut tx, &key, fingerprint.as_bytes(), now);
    match claim.await.map_err(Error::from)? {
        Claim::New => Ok(Begun::New(Box::new(Write {
            tx,
            lanes,
            now,
            key,
        }))),
        Claim::Answered {
            fingerprint: first,
            answer,
        } => {
            let first = Fingerprint::from_bytes(&first);
            first
                .check(&fingerprint, method.request)
                .map_err(Error::from)?;
            let answer = StoredAnswer::from_bytes(&answer)
                .map_err(|error| Error::Unreadable(error.to_string()))?;
            let mut answer: R = answer.to_result()?;
            answer.mark_replayed();
            Ok(Begun::Answered(answer))
        }
    }
}

impl Write {
    /// Loads what a batch touches, behind its locks.
    pub(super) async fn open(&mut self, touched: &Touched) -> Result<Book, SqlError> {
        store::open_book(&mut self.tx, self.lanes, touched, &[], self.now).await
    }

    /// Saves the book and tells its changes. The last thing before [`Self::finish`].
    pub(super) async fn save(&mut self, mut book: Book) -> Result<(), SqlError> {
        let changes = book.take_changes();
        store::save_book(&mut self.tx, self.lanes, &book).await?;
        let changes = changes
            .iter()
            .map(|change| feed::NewChange {
                lane: self.lanes.of(change.fact.customer().as_str()),
                kind: change.fact.kind(),
                key: change.fact.customer().to_string(),
                happened_at: change.event_at,
                body: show::change(change, self.now).encode_to_vec(),
            })
            .collect();
        feed::append(&mut self.tx, changes, self.now).await?;
        Ok(())
    }

    /// Records the answer and commits. A refusal that is a fact about what is known is an answer
    /// too: nothing was saved before it, and a repeat gets the same.
    pub(super) async fn finish<R: Message>(
        mut self: Box<Self>,
        outcome: Result<R, Error>,
    ) -> Result<R, Status> {
        let answer = match &outcome {
            Ok(response) => Some(StoredAnswer::response(response)),
            Err(error) => StoredAnswer::refusal(error, DOMAIN),
        };
        if let Some(answer) = answer {
            let recorded = answers::record(&mut self.tx, &self.key, &answer.to_bytes()).await;
            recorded.map_err(Error::from)?;
            self.tx.commit().await.map_err(Error::from)?;
        }
        Ok(outcome?)
    }
}

/// How many items of a batch are new, and how many changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) created: i32,
    pub(super) updated: i32,
}

/// Takes in all items of a batch, or names everything that is against it.
pub(super) fn take_all<T>(
    book: &mut Book,
    field: &str,
    items: Vec<T>,
    take: impl Fn(&mut Book, T) -> Result<Outcome, Refusal>,
) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    let mut first = None;
    let mut violations: Vec<Violation> = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        match take(book, item) {
            Ok(outcome) => {
                book.keep();
                counts.created += i32::from(outcome == Outcome::Created);
                counts.updated += i32::from(outcome == Outcome::Updated);
            }
            Err(refusal) => {
                book.undo();
                violations.push(refusal.violation(&format!("{field}[{at}].")));
                first.get_or_insert(Box::new(refusal));
            }
        }
    }
    match first {
        None => Ok(counts),
        Some(first) => Err(Error::Refused { first, violations }),
    }
}
