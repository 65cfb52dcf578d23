//! Writes that happen once, however often they are asked for.

use prost::Message;
use tenure_core::{RequestId, Timestamp};
use tenure_rpc::{Fingerprint, IntoStatus, StoredAnswer};
use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::{SqlError, Tx};
use tonic::Status;

use crate::app::App;
use crate::{DOMAIN, Error};

/// The number of the field `request_id` in every request.
const REQUEST_ID_FIELD: u32 = 1;
/// Who calls, while there is no authentication.
const PRINCIPAL: &str = "anonymous";

/// A write that was asked for.
pub(crate) enum Once<R> {
    /// For the first time: do it in this transaction, then [`record`] the answer.
    New(Box<Begun>),
    /// Again: this was the answer.
    Before(R),
}

/// The transaction of a write that was asked for the first time.
pub(crate) struct Begun {
    pub(crate) tx: Tx,
    key: Key<'static>,
}

/// Begins a write, or finds the answer of the first time. `message` is the full name of the request.
pub(crate) async fn begin<Q: Message, R: Message + Default>(
    app: &App,
    method: &'static str,
    message: &str,
    request_id: RequestId,
    request: &Q,
    now: Timestamp,
) -> Result<Once<R>, Status> {
    let fingerprint = Fingerprint::of(request, REQUEST_ID_FIELD);
    let lane = app.db.lanes().of(&request_id.to_string());
    let key = Key {
        lane,
        principal: PRINCIPAL,
        method,
        request_id: request_id.0,
    };
    let begun = async {
        let mut tx = app.db.begin().await?;
        let claim = answers::claim(&mut tx, &key, fingerprint.as_bytes(), now).await?;
        Ok::<_, SqlError>((tx, claim))
    };
    let (tx, claim) = begun.await.map_err(|error| error.into_status(DOMAIN))?;
    let Claim::Answered {
        fingerprint: first,
        answer,
    } = claim
    else {
        return Ok(Once::New(Box::new(Begun { tx, key })));
    };
    let same = Fingerprint::from_bytes(&first).check(&fingerprint, message);
    same.map_err(|error| Error::Request(error).into_status(DOMAIN))?;
    let answer = StoredAnswer::from_bytes(&answer)
        .map_err(|error| Error::Broken(error.to_string()).into_status(DOMAIN))?;
    answer.to_result().map(Once::Before)
}

/// Records the answer and commits.
pub(crate) async fn record<R: Message>(begun: Box<Begun>, response: &R) -> Result<(), Error> {
    let Begun { mut tx, key } = *begun;
    answers::record(&mut tx, &key, &StoredAnswer::response(response).to_bytes()).await?;
    Ok(tx.commit().await?)
}
