//! Writes that happen once, however often they are asked for.

use prost::Message;
use tenure_core::{RequestId, Timestamp};
use tenure_proto::WriteRequest;
use tenure_rpc::{Fingerprint, IntoStatus, StoredAnswer};
use tenure_sql::answers::{self, Claim, Key};
use tenure_sql::{SqlError, Tx};
use tonic::Status;

use crate::app::App;
use crate::{DOMAIN, Error};

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

/// Begins a write, or finds the answer of the first time.
pub(crate) async fn begin<W: WriteRequest>(
    app: &App,
    request_id: RequestId,
    request: &W,
    now: Timestamp,
) -> Result<Once<W::Answer>, Status> {
    let key = Key::of(app.db.lanes(), method::<W>(), request_id);
    let mine = Fingerprint::of(request);
    let begun = async {
        let mut tx = app.db.begin().await?;
        let claim = answers::claim(&mut tx, &key, mine.as_bytes(), now).await?;
        Ok::<_, SqlError>((tx, claim))
    };
    let (tx, claim) = begun.await.map_err(|error| error.into_status(DOMAIN))?;
    match claim {
        Claim::New => Ok(Once::New(Box::new(Begun { tx, key }))),
        Claim::Answered {
            fingerprint,
            answer,
        } => {
            let first = Fingerprint::from_bytes(&fingerprint);
            StoredAnswer::repeat::<W>(&mine, &first, &answer, DOMAIN).map(Once::Before)
        }
    }
}

/// Returns the bare name of a method, under which this service has stored answers from the start.
fn method<W: WriteRequest>() -> &'static str {
    let name = W::METHOD_NAME.rsplit_once('/');
    name.map_or(W::METHOD_NAME, |(_, bare)| bare)
}

/// Records the answer and commits.
pub(crate) async fn record<R: Message>(begun: Box<Begun>, response: &R) -> Result<(), Error> {
    let Begun { mut tx, key } = *begun;
    answers::record(&mut tx, &key, &StoredAnswer::response(response).to_bytes()).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use tenure_proto::scoring::v1::{CreateScoringRunRequest, TrainModelRequest};

    use super::*;

    #[test]
    fn answers_stay_under_the_names_they_were_stored_under() {
        assert_eq!(method::<TrainModelRequest>(), "TrainModel");
        assert_eq!(method::<CreateScoringRunRequest>(), "CreateScoringRun");
    }
}
