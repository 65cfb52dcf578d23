//! A write that happens once: the first call with a request id acts, a repeat gets the same answer.

use tenure_core::{RequestId, Timestamp};
use tenure_proto::WriteRequest;
use tenure_rpc::{Fingerprint, StoredAnswer};
use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::feed::{self, NewChange};
use tenure_sql::{SqlError, Tx};
use tonic::Status;

use crate::error::Error;
use crate::{DOMAIN, Inner};

/// What a write did: its answer, and what goes into the feed.
pub(super) type Effect<T> = (T, Vec<NewChange>);

/// A transaction that holds the claim upon a request id.
pub(super) struct Turn<'a, W> {
    /// The transaction to act in.
    pub(super) tx: Tx,
    /// The instant that the act is made for.
    pub(super) now: Timestamp,
    claim: Claiming<'a, W>,
}

/// How a request met the database.
pub(super) enum Begun<'a, W: WriteRequest> {
    /// Nobody answered it: act, then [`Turn::end`].
    New(Turn<'a, W>),
    /// It was answered before, like this.
    Before(Result<W::Answer, Status>),
}

struct Claiming<'a, W> {
    inner: &'a Inner,
    key: Key<'static>,
    request: &'a W,
}

/// Begins a write.
pub(super) async fn begin<'a, W: WriteRequest>(
    inner: &'a Inner,
    request: &'a W,
    request_id: RequestId,
) -> Result<Begun<'a, W>, Error> {
    let key = Key::of(inner.db.lanes(), W::METHOD_NAME, request_id);
    let claim = Claiming {
        inner,
        key,
        request,
    };
    claim.begin().await
}

impl<'a, W: WriteRequest> Claiming<'a, W> {
    async fn begin(self) -> Result<Begun<'a, W>, Error> {
        let now = self.inner.clock.now();
        let mine = Fingerprint::of(self.request);
        let mut tx = self.inner.db.begin().await?;
        match answers::claim(&mut tx, &self.key, mine.as_bytes(), now).await? {
            Claim::New => Ok(Begun::New(Turn {
                tx,
                now,
                claim: self,
            })),
            Claim::Answered {
                fingerprint,
                answer,
            } => {
                tx.rollback().await?;
                let first = Fingerprint::from_bytes(&fingerprint);
                let repeat = StoredAnswer::repeat::<W>(&mine, &first, &answer, DOMAIN);
                Ok(Begun::Before(repeat))
            }
        }
    }
}

impl<W: WriteRequest> Turn<'_, W> {
    /// Ends the write: what was done becomes durable with its answer; a refusal is stored after all
    /// that was done is undone.
    pub(super) async fn end(
        self,
        acted: Result<Effect<W::Answer>, Error>,
    ) -> Result<W::Answer, Status> {
        let error = match acted {
            Ok((answer, changes)) => {
                self.commit(StoredAnswer::response(&answer), changes)
                    .await
                    .map_err(Error::from)?;
                return Ok(answer);
            }
            Err(error) => error,
        };
        self.tx.rollback().await.map_err(Error::from)?;
        let Some(refusal) = StoredAnswer::refusal(&error, DOMAIN) else {
            return Err(error.into());
        };
        match self.claim.begin().await? {
            Begun::New(turn) => {
                turn.commit(refusal, Vec::new())
                    .await
                    .map_err(Error::from)?;
                Err(error.into())
            }
            // The same request came twice at once, and the other one was faster.
            Begun::Before(answer) => answer,
        }
    }

    async fn commit(
        mut self,
        answer: StoredAnswer,
        changes: Vec<NewChange>,
    ) -> Result<(), SqlError> {
        answers::record(&mut self.tx, &self.claim.key, &answer.to_bytes()).await?;
        feed::append(&mut self.tx, changes, self.now).await?;
        self.tx.commit().await
    }
}
