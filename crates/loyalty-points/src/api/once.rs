//! A write about programmes, partners or rewards that happens once: claimed, decided and answered in
//! one transaction.

use prost::Message;
use tenure_core::{RequestId, Timestamp};
use tenure_proto::loyalty::v1 as wire;
use tenure_rpc::{Fingerprint, StoredAnswer};
use tenure_sql::Tx;
use tenure_sql::answers::{self, Claim, Key};
use tonic::Status;

use crate::error::Error;
use crate::{DOMAIN, Shared};

/// The number of `request_id` in every request that writes.
const REQUEST_ID_FIELD: u32 = 1;
/// Nobody proves who is calling yet.
const PRINCIPAL: &str = "anonymous";

/// The names of a writing method and of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) request: &'static str,
}

/// Makes a [`Method`] of its short name, and of that of its service where that is another one.
macro_rules! method {
    ($name:literal) => {
        $crate::api::once::method!("ProgrammeService", $name)
    };
    ($service:literal, $name:literal) => {
        $crate::api::once::Method {
            name: concat!("tenure.loyalty.v1.", $service, "/", $name),
            request: concat!("tenure.loyalty.v1.", $name, "Request"),
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
    CreateProgrammeResponse,
    CreateProgrammeVersionResponse,
    ActivateProgrammeVersionResponse,
    EarnForEventResponse,
    CreatePartnerResponse,
    UpdatePartnerResponse,
    AddPointBlockResponse,
    SettlePartnerResponse,
    UpdateSettlementResponse,
    CreateRewardResponse,
    UpdateRewardResponse,
    AdjustStockResponse,
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
    pub(super) now: Timestamp,
    key: Key<'static>,
}

/// Claims a request, or finds the answer it got. The claim stands in the lane of the request id.
pub(super) async fn begin<Q: Message, R: Replay>(
    shared: &Shared,
    method: Method,
    id: RequestId,
    request: &Q,
) -> Result<Begun<R>, Status> {
    use tenure_rpc::IntoStatus;
    let status = |error: Error| error.into_status(DOMAIN);
    // The default programme is there before anybody speaks of programmes.
    let now = shared.clock.now();
    let known = shared.rules.known(&shared.db, now).await;
    known.map_err(|error| status(error.into()))?;
    let key = Key {
        lane: shared.db.lanes().of(&id.to_string()),
        principal: PRINCIPAL,
        method: method.name,
        request_id: id.0,
    };
    let fingerprint = Fingerprint::of(request, REQUEST_ID_FIELD);
    let tx = shared.db.begin().await;
    let mut tx = tx.map_err(|error| status(error.into()))?;
    let claim = answers::claim(&mut tx, &key, fingerprint.as_bytes(), now).await;
    match claim.map_err(|error| status(error.into()))? {
        Claim::New => Ok(Begun::New(Box::new(Write { tx, now, key }))),
        Claim::Answered {
            fingerprint: first,
            answer,
        } => {
            let first = Fingerprint::from_bytes(&first);
            let same = first.check(&fingerprint, method.request);
            same.map_err(|error| status(error.into()))?;
            let answer = StoredAnswer::from_bytes(&answer);
            let answer = answer.map_err(|_| status(Error::Internal("an answer is unreadable")))?;
            let mut answer: R = answer.to_result()?;
            answer.mark_replayed();
            Ok(Begun::Answered(answer))
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
        let answer = match &outcome {
            Ok(response) => StoredAnswer::response(response),
            Err(error) => match StoredAnswer::refusal(error, DOMAIN) {
                Some(refusal) => refusal,
                None => return outcome,
            },
        };
        answers::record(&mut self.tx, &self.key, &answer.to_bytes()).await?;
        self.tx.commit().await?;
        outcome
    }
}
