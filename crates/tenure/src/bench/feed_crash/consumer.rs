//! A consumer as a process: every change of the feed has one effect, together with the token.

use anyhow::Result;
use tenure_core::{Clock as _, SystemClock};
use tenure_proto::customer::v1 as pb;
use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_rpc::feed::{Consumer, Outcome, catch_up, follow};
use tenure_rpc::{ClientOptions, Lifecycle, Transport, connect};
use tenure_sql::feed::consumer;
use tenure_sql::tally::{self, Seen};
use tenure_sql::{Db, DbOptions};
use tonic::{Status, Streaming};

use crate::cli::FeedConsumerArgs;

/// The name under which the token stands in the consumer's database.
const NAME: &str = "trial";
/// How often a server that does not answer is asked again before the end.
const TRIES: u32 = 100;
/// How long until then.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Follows the feed of a server until it is killed, or reads it to its end.
///
/// # Errors
/// When the database cannot be opened, or the end is not reached.
pub async fn consume(args: &FeedConsumerArgs) -> Result<()> {
    let db = Db::open(&args.database, &DbOptions::default(), &tally::MIGRATIONS).await?;
    let transport = connect(&args.server, &ClientOptions::default())?;
    let mut tallying = Tallying {
        db,
        transport,
        at: None,
    };
    if !args.until_head {
        follow(tallying, Lifecycle::new()).await;
        return Ok(());
    }
    let mut tries = 0;
    while let Err(status) = catch_up(&mut tallying).await {
        tries += 1;
        if tries == TRIES {
            return Err(status.into());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

struct Tallying {
    db: Db,
    transport: Transport,
    at: Option<String>,
}

/// Returns a change of an interaction as the trial sees it; nothing for others. Its resolution holds
/// a number that ascends with every write about the customer.
pub(super) fn seen(change: &pb::Change) -> Option<Seen> {
    let Some(pb::change::Fact::Interaction(fact)) = &change.fact else {
        return None;
    };
    Some(Seen {
        what: format!("{} {}", fact.interaction_id, fact.resolution),
        key: change.customer_id.clone(),
        number: fact.resolution.parse().ok()?,
    })
}

fn unavailable(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

impl Consumer for Tallying {
    type Response = pb::WatchChangesResponse;

    fn name(&self) -> &'static str {
        "trial<customer-data"
    }

    async fn token(&mut self) -> Result<String, Status> {
        self.at = consumer::position(&self.db, NAME)
            .await
            .map_err(unavailable)?;
        Ok(self.at.clone().unwrap_or_default())
    }

    async fn open(
        &mut self,
        resume_token: String,
        follow: bool,
    ) -> Result<Streaming<Self::Response>, Status> {
        let mut client = CustomerServiceClient::new(self.transport.clone());
        let request = pb::WatchChangesRequest {
            resume_token,
            follow,
            ..Default::default()
        };
        Ok(client.watch_changes(request).await?.into_inner())
    }

    async fn apply(&mut self, response: Self::Response) -> Result<Outcome, Status> {
        let to = response.resume_token;
        if self.at.as_deref() == Some(to.as_str()) {
            return Ok(Outcome::Applied);
        }
        let batch: Vec<Seen> = response.changes.iter().filter_map(seen).collect();
        let step = (self.at.as_deref(), to.as_str());
        let applied = tally::apply(&self.db, NAME, step, &batch, SystemClock.now()).await;
        if !applied.map_err(unavailable)? {
            return Ok(Outcome::Lost);
        }
        self.at = Some(to);
        Ok(Outcome::Applied)
    }
}
