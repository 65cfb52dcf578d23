//! A write that happens once: claimed, decided, saved and answered in one transaction.

use prost::Message;
use tenure_core::{Lanes, RequestId, Timestamp, Violation};
use tenure_proto::WriteRequest;
use tenure_rpc::{Fingerprint, StoredAnswer};
use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::{SqlError, feed};
use tonic::Status;

use super::sealed_answer::{self, open_fingerprint, seal_fingerprint};
use super::show;
use super::watch::Sealer;
use crate::domain::{Book, Change, Fact, Outcome, Refusal, Touched};
use crate::store::Tx;
use crate::store::seal::need;
use crate::{DOMAIN, Deps, Error, store};

/// Fewer changes than this are not worth a thread of their own.
const FEW_CHANGES: usize = 64;

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
pub(super) async fn begin<W: WriteRequest>(
    deps: &Deps,
    id: RequestId,
    request: &W,
) -> Result<Begun<W::Answer>, Status> {
    begin_as::<W>(deps, id, &Fingerprint::of(request)).await
}

/// Claims a request of which the fingerprint is known, or finds the answer it got.
pub(super) async fn begin_as<W: WriteRequest>(
    deps: &Deps,
    id: RequestId,
    mine: &Fingerprint,
) -> Result<Begun<W::Answer>, Status> {
    let (lanes, now) = (deps.db.lanes(), deps.clock.now());
    let key = Key::of(lanes, W::METHOD_NAME, id);
    let mut tx = deps.db.begin().await.map_err(Error::from)?;
    let print = seal_fingerprint(&tx, &key, mine.as_bytes());
    let claim = answers::claim(&mut tx, &key, &print, now).await;
    match claim.map_err(Error::from)? {
        Claim::New => Ok(Begun::New(Box::new(Write {
            tx,
            lanes,
            now,
            key,
        }))),
        Claim::Answered {
            fingerprint,
            answer,
        } => {
            let answer = sealed_answer::open(&mut tx, lanes, &key, &answer).await;
            let answer = answer.map_err(Error::from)?;
            let first = match &answer {
                Some(_) => open_fingerprint(&tx, &key, &fingerprint),
                // Of whom the answer told was erased: no request is the one that it answered.
                None => Vec::new(),
            };
            let (first, answer) = (Fingerprint::from_bytes(&first), answer.unwrap_or_default());
            StoredAnswer::repeat::<W>(mine, &first, &answer, DOMAIN).map(Begun::Answered)
        }
    }
}

impl Write {
    /// Loads what a batch touches, behind its locks.
    pub(super) async fn open(&mut self, touched: &Touched) -> Result<Book, SqlError> {
        store::open_book(&mut self.tx, self.lanes, touched, &[], self.now).await
    }

    /// Saves the book and tells its changes. The last thing before [`Self::finish`].
    pub(super) async fn save(&mut self, book: Book) -> Result<(), SqlError> {
        save(&mut self.tx, self.lanes, book).await
    }

    /// Saves the book and tells its changes, then `further` ones, of rows that are saved already.
    pub(super) async fn save_with(
        &mut self,
        mut book: Book,
        further: Vec<Change>,
    ) -> Result<(), SqlError> {
        let mut changes = book.take_changes();
        changes.extend(further);
        store::save_book(&mut self.tx, self.lanes, &book).await?;
        self.tell(&changes).await
    }

    /// Tells changes of rows that are saved already and stand behind their locks. The last thing
    /// before [`Self::finish`].
    pub(super) async fn tell(&mut self, changes: &[Change]) -> Result<(), SqlError> {
        tell(&mut self.tx, self.lanes, changes, self.now).await
    }

    /// Records the answer and commits. A refusal that is a fact about what is known is an answer
    /// too: nothing was saved before it, and a repeat gets the same.
    pub(super) async fn finish<R: Message>(
        mut self: Box<Self>,
        outcome: Result<R, Error>,
    ) -> Result<R, Status> {
        if let Some(answer) = StoredAnswer::of(&outcome, DOMAIN) {
            let shown = outcome.as_ref().ok().map(Message::encode_to_vec);
            let recorded = self.record(shown.as_deref(), &answer).await;
            recorded.map_err(Error::from)?;
            self.tx.commit().await.map_err(Error::from)?;
        }
        Ok(outcome?)
    }

    async fn record(
        &mut self,
        shown: Option<&[u8]>,
        answer: &StoredAnswer,
    ) -> Result<(), SqlError> {
        let answer = answer.to_bytes();
        let sealed = sealed_answer::seal(&mut self.tx, self.lanes, &self.key, shown, &answer);
        let sealed = sealed.await?;
        answers::record(&mut self.tx, &self.key, &sealed).await
    }
}

/// Saves a book and tells its changes: the last thing of a transaction before the commit.
pub(crate) async fn save(tx: &mut Tx, lanes: Lanes, mut book: Book) -> Result<(), SqlError> {
    let (changes, now) = (book.take_changes(), book.now());
    if changes.len() < FEW_CHANGES {
        store::save_book(tx, lanes, &book).await?;
        return tell(tx, lanes, &changes, now).await;
    }
    // Encoded and sealed while the rows are written.
    let sealer = sealer(tx, lanes, &changes).await?;
    let told = tokio::task::spawn_blocking(move || told(&sealer, lanes, &changes, now));
    store::save_book(tx, lanes, &book).await?;
    let told = told.await.expect("encoding does not panic");
    feed::append(tx, told, now).await?;
    Ok(())
}

async fn tell(
    tx: &mut Tx,
    lanes: Lanes,
    changes: &[Change],
    now: Timestamp,
) -> Result<(), SqlError> {
    let sealer = sealer(tx, lanes, changes).await?;
    feed::append(tx, told(&sealer, lanes, changes, now), now).await?;
    Ok(())
}

/// Returns the keys of everybody of whom changes tell.
async fn sealer(tx: &mut Tx, lanes: Lanes, changes: &[Change]) -> Result<Sealer, SqlError> {
    let personal = changes.iter().filter(|it| is_sealed(it));
    need(tx, lanes, personal.map(|it| it.fact.customer())).await?;
    Ok(Sealer::of(tx))
}

/// Returns changes as the feed keeps them.
fn told(sealer: &Sealer, lanes: Lanes, changes: &[Change], now: Timestamp) -> Vec<feed::NewChange> {
    let tell = |change: &Change| {
        let (customer, told) = (change.fact.customer(), show::change(change, now));
        feed::NewChange {
            lane: lanes.of(customer.as_str()),
            kind: change.fact.kind(),
            key: customer.to_string(),
            happened_at: change.event_at,
            body: match is_sealed(change) {
                true => sealer.seal(customer, &told),
                false => told.encode_to_vec(),
            },
        }
    };
    changes.iter().map(tell).collect()
}

/// Who was erased, or removed with an import, has no key any more; that is told by keys of the operator's
/// alone.
fn is_sealed(change: &Change) -> bool {
    !matches!(change.fact, Fact::Erasure(..) | Fact::Removal(_))
}

/// Does a write once: the answer it got before, or what `$todo` makes of the claimed `$write`. A macro,
/// because what borrows from the write cannot be a closure whose future is known to be `Send`.
macro_rules! once {
    ($deps:expr, $id:expr, $request:expr, $write:ident => $todo:expr) => {{
        let mut $write = match $crate::api::once::begin($deps, $id, $request).await? {
            $crate::api::once::Begun::Answered(answer) => return Ok(answer),
            $crate::api::once::Begun::New(write) => write,
        };
        let outcome = $todo.await;
        $write.finish(outcome).await
    }};
}
pub(super) use once;

/// How many items of a batch are new, and how many changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) created: i32,
    pub(super) updated: i32,
}

/// Takes in a batch of items of one kind: loads what they touch, takes each in, saves.
pub(super) async fn upsert_all<T>(
    write: &mut Write,
    field: &str,
    items: Vec<T>,
    touch: impl Fn(&mut Touched, &T),
    take: impl Fn(&mut Book, T) -> Result<Outcome, Refusal>,
) -> Result<Counts, Error> {
    let mut touched = Touched::default();
    items.iter().for_each(|item| touch(&mut touched, item));
    let mut book = write.open(&touched).await?;
    let counts = take_all(&mut book, field, items, take)?;
    write.save(book).await?;
    Ok(counts)
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
