//! A write that happens once: the first call with a request id acts, a repeat gets the same answer.

use std::marker::PhantomData;

use prost::Message;
use tenure_core::{RequestId, Timestamp};
use tenure_proto::campaign::v1::*;
use tenure_rpc::{Fingerprint, StoredAnswer};
use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::feed::{self, NewChange};
use tenure_sql::{SqlError, Tx};
use tonic::Status;

use crate::error::Error;
use crate::{DOMAIN, Inner};

/// Until there is authentication, everybody is the same.
const PRINCIPAL: &str = "anonymous";
/// The number of the field `request_id` in every request.
const REQUEST_ID_FIELD: u32 = 1;

/// A request that changes something.
pub(super) trait Write: Message {
    /// What it is answered with.
    type Answer: Message + Default;
    /// The method, by which stored answers are told apart.
    const METHOD: &'static str;
    /// The full name of the message, for the names of its fields.
    const MESSAGE: &'static str;

    /// Marks an answer as the repeat of an earlier one.
    fn mark(answer: &mut Self::Answer);
}

/// Says of each write what only its name differs in; generated types share no trait to hang it on.
macro_rules! writes {
    ($($method:literal: $request:ident -> $response:ident,)*) => {$(
        impl Write for $request {
            type Answer = $response;
            const METHOD: &'static str = concat!("tenure.campaign.v1.CampaignService/", $method);
            const MESSAGE: &'static str = concat!("tenure.campaign.v1.", stringify!($request));

            fn mark(answer: &mut Self::Answer) {
                answer.replayed = true;
            }
        }
    )*};
}

writes! {
    "CreateOffer": CreateOfferRequest -> CreateOfferResponse,
    "CreateCampaign": CreateCampaignRequest -> CreateCampaignResponse,
    "ApproveCampaign": ApproveCampaignRequest -> ApproveCampaignResponse,
    "LaunchCampaign": LaunchCampaignRequest -> LaunchCampaignResponse,
    "PauseCampaign": PauseCampaignRequest -> PauseCampaignResponse,
    "ResumeCampaign": ResumeCampaignRequest -> ResumeCampaignResponse,
    "EndCampaign": EndCampaignRequest -> EndCampaignResponse,
    "PullContacts": PullContactsRequest -> PullContactsResponse,
    "AcknowledgeContacts": AcknowledgeContactsRequest -> AcknowledgeContactsResponse,
    "RecordResponses": RecordResponsesRequest -> RecordResponsesResponse,
}

/// What a write did: its answer, and what goes into the feed.
pub(super) type Effect<T> = (T, Vec<NewChange>);

/// A transaction that holds the claim upon a request id.
pub(super) struct Turn<'a, W: Write> {
    /// The transaction to act in.
    pub(super) tx: Tx,
    /// The instant that the act is made for.
    pub(super) now: Timestamp,
    claim: Claiming<'a>,
    write: PhantomData<fn(W)>,
}

/// How a request met the database.
pub(super) enum Begun<'a, W: Write> {
    /// Nobody answered it: act, then [`Turn::end`].
    New(Turn<'a, W>),
    /// It was answered before, like this.
    Before(Result<W::Answer, Status>),
}

struct Claiming<'a> {
    inner: &'a Inner,
    key: Key<'static>,
    fingerprint: Fingerprint,
}

/// Begins a write. Its answer is kept in the lane of the request id, not of what the request is
/// about: the same id with another body must find it.
pub(super) async fn begin<'a, W: Write>(
    inner: &'a Inner,
    request: &W,
    request_id: RequestId,
) -> Result<Begun<'a, W>, Error> {
    let lane = inner.db.lanes().of(&request_id.to_string());
    let key = Key {
        lane,
        principal: PRINCIPAL,
        method: W::METHOD,
        request_id: request_id.0,
    };
    let fingerprint = Fingerprint::of(request, REQUEST_ID_FIELD);
    Claiming {
        inner,
        key,
        fingerprint,
    }
    .begin()
    .await
}

impl<'a> Claiming<'a> {
    async fn begin<W: Write>(self) -> Result<Begun<'a, W>, Error> {
        let now = self.inner.clock.now();
        let mut tx = self.inner.db.begin().await?;
        match answers::claim(&mut tx, &self.key, self.fingerprint.as_bytes(), now).await? {
            Claim::New => Ok(Begun::New(Turn {
                tx,
                now,
                claim: self,
                write: PhantomData,
            })),
            Claim::Answered {
                fingerprint,
                answer,
            } => {
                tx.rollback().await?;
                Fingerprint::from_bytes(&fingerprint).check(&self.fingerprint, W::MESSAGE)?;
                let mut answer = StoredAnswer::from_bytes(&answer)?.to_result();
                if let Ok(answer) = &mut answer {
                    W::mark(answer);
                }
                Ok(Begun::Before(answer))
            }
        }
    }
}

impl<W: Write> Turn<'_, W> {
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
        match self.claim.begin::<W>().await? {
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
