//! A write about programmes, partners or rewards that happens once: claimed, decided and answered in
//! one transaction.

use prost::Message;
use tenure_core::{RequestId, Timestamp};
use tenure_proto::WriteRequest;
use tenure_rpc::{Fingerprint, IntoStatus, StoredAnswer};
use tenure_sql::Tx;
use tenure_sql::answers::{self, Claim, Key};
use tonic::Status;

use crate::error::Error;
use crate::{DOMAIN, Shared};

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
    pub(super) now: Timestamp,
    key: Key<'static>,
}

/// Claims a request, or finds the answer it got.
pub(super) async fn begin<W: WriteRequest>(
    shared: &Shared,
    id: RequestId,
    request: &W,
) -> Result<Begun<W::Answer>, Status> {
    let status = |error: Error| error.into_status(DOMAIN);
    // The default programme is there before anybody speaks of programmes.
    let now = shared.clock.now();
    let known = shared.rules.known(&shared.db, now).await;
    known.map_err(|error| status(error.into()))?;
    let key = Key::of(shared.db.lanes(), W::METHOD_NAME, id);
    let mine = Fingerprint::of(request);
    let tx = shared.db.begin().await;
    let mut tx = tx.map_err(|error| status(error.into()))?;
    let claim = answers::claim(&mut tx, &key, mine.as_bytes(), now).await;
    match claim.map_err(|error| status(error.into()))? {
        Claim::New => Ok(Begun::New(Box::new(Write { tx, now, key }))),
        Claim::Answered {
            fingerprint,
            answer,
        } => {
            let first = Fingerprint::from_bytes(&fingerprint);
            StoredAnswer::repeat::<W>(&mine, &first, &answer, DOMAIN).map(Begun::Answered)
        }
    }
}

impl Write {
    /// Records the answer and commits. A refusal is an answer, too: it is found before anything is
    /// done that would have to be undone.
    pub(super) async fn finish<R: Message>(
        mut self: Box<Self>,
        outcome: Result<R, Error>,
    ) -> Result<R, Error> {
        if let Some(answer) = StoredAnswer::of(&outcome, DOMAIN) {
            answers::record(&mut self.tx, &self.key, &answer.to_bytes()).await?;
            self.tx.commit().await?;
        }
        outcome
    }
}
