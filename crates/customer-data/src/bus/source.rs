//! In: each event is a batch of the API, taken in once, acknowledged when it is durable.
//!
//! Events are taken one after the other, so that their order holds. What cannot be taken in, now or
//! ever, goes to the dead letters with the reason; while the database is away everything waits.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{AckKind, Context, Message};
use futures_util::StreamExt as _;
use tenure_rpc::status;
use tonic::{Code, Status};

use super::{BusError, event};
use crate::{Deps, api};

/// How many events are fetched at once, and how long is waited for the first.
const BATCH: usize = 64;
const WAIT: Duration = Duration::from_secs(2);
/// An event that was not acknowledged for so long comes again; until then nothing behind it comes,
/// because a replica that was killed may have had it in its hands.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// The pause before an event is tried again while something is away.
const PAUSE: Duration = Duration::from_secs(1);
/// How often an event is tried that meets a mistake of ours.
const TRIES_MAX: u32 = 10;
/// The most bytes of the words that go with a dead letter.
const REASON_MAX: usize = 512;

/// Why an event cannot be taken in.
struct Poison {
    /// As in `ErrorReason`, or `INVALID_EVENT`.
    reason: String,
    /// In words.
    message: String,
}

impl Poison {
    fn event(message: String) -> Self {
        Self {
            reason: "INVALID_EVENT".to_owned(),
            message,
        }
    }
}

pub(super) async fn run(deps: &Arc<Deps>, bus: &Context) -> Result<(), BusError> {
    let config = &deps.config.bus;
    let create = async |name: &str, subject: &str| {
        let stream = Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            ..Config::default()
        };
        bus.get_or_create_stream(stream)
            .await
            .map_err(BusError::bus)
    };
    create(&config.dead_letter_stream, &config.dead_letter_subject).await?;
    let stream = create(&config.consume_stream, &config.consume_subject).await?;
    let consumer = pull::Config {
        durable_name: Some(config.consume_name.clone()),
        filter_subject: config.consume_subject.clone(),
        ack_wait: ACK_WAIT,
        // One at a time, all replicas together: with more the order would be lost when one is killed.
        max_ack_pending: 1,
        ..pull::Config::default()
    };
    let consumer = stream.get_or_create_consumer(&config.consume_name, consumer);
    let consumer = consumer.await.map_err(BusError::bus)?;
    loop {
        let batch = consumer.batch().max_messages(BATCH).expires(WAIT);
        let mut messages = batch.messages().await.map_err(BusError::bus)?;
        while let Some(message) = messages.next().await {
            take(deps, bus, &message.map_err(BusError::bus)?).await?;
        }
    }
}

/// Takes in an event and acknowledges it. Killed in between, it comes again and changes nothing.
async fn take(deps: &Arc<Deps>, bus: &Context, message: &Message) -> Result<(), BusError> {
    if let Err(poison) = apply(deps, message).await? {
        let reason = poison.reason.clone();
        bury(deps, bus, message, poison).await?;
        tracing::warn!(reason, "an event of the bus is a dead letter: {reason}");
    }
    message.ack().await.map_err(BusError::bus)
}

async fn apply(deps: &Arc<Deps>, message: &Message) -> Result<Result<(), Poison>, BusError> {
    let event = match event::decode(&message.payload) {
        Ok(event) => event,
        Err(wrong) => return Ok(Err(Poison::event(wrong))),
    };
    let request = match event.request() {
        Ok(request) => request,
        Err(wrong) => return Ok(Err(Poison::event(wrong))),
    };
    let mut tries = 0;
    loop {
        tries += 1;
        let taken = ingest(deps, request, &event).await;
        let status = match taken {
            Ok(()) => return Ok(Ok(())),
            Err(Refused::Event(wrong)) => return Ok(Err(Poison::event(wrong))),
            Err(Refused::Call(status)) => status,
        };
        let is_ours = status.code() == Code::Internal && tries < TRIES_MAX;
        if !is_ours && !is_passing(status.code()) {
            let reason = status::reason(&status).unwrap_or_else(|| "UNKNOWN".to_owned());
            let message = status.message().to_owned();
            return Ok(Err(Poison { reason, message }));
        }
        message
            .ack_with(AckKind::Progress)
            .await
            .map_err(BusError::bus)?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the same call may succeed later.
fn is_passing(code: Code) -> bool {
    let passing = [
        Code::Unavailable,
        Code::DeadlineExceeded,
        Code::ResourceExhausted,
        Code::Aborted,
    ];
    passing.contains(&code)
}

enum Refused {
    /// The event says nothing that could be asked.
    Event(String),
    /// It was asked, and refused.
    Call(Status),
}

async fn ingest(deps: &Arc<Deps>, request: &str, event: &event::Incoming) -> Result<(), Refused> {
    let id = event.request_id().to_string();
    macro_rules! ask {
        ($message:ty, $call:path) => {{
            let mut message: $message = parse(request, &event.data)?;
            message.request_id = id;
            $call(deps, &message).await.map(drop).map_err(Refused::Call)
        }};
    }
    use tenure_proto::customer::v1 as wire;
    match request {
        "BatchUpsertCustomersRequest" => {
            ask!(
                wire::BatchUpsertCustomersRequest,
                api::customer::batch_upsert
            )
        }
        "BatchUpsertSubscriptionsRequest" => {
            ask!(
                wire::BatchUpsertSubscriptionsRequest,
                api::subscription::batch_upsert
            )
        }
        "BatchUpsertBillsRequest" => {
            ask!(wire::BatchUpsertBillsRequest, api::payment::batch_upsert)
        }
        "BatchUpsertUsageSummariesRequest" => {
            ask!(
                wire::BatchUpsertUsageSummariesRequest,
                api::contact::batch_upsert_usage
            )
        }
        "BatchUpsertInteractionsRequest" => {
            ask!(
                wire::BatchUpsertInteractionsRequest,
                api::contact::batch_upsert_interactions
            )
        }
        _ => Err(Refused::Event(
            "wanted the type of a batch upsert".to_owned(),
        )),
    }
}

/// Reads the data of an event as the request that its type names, in proto3 JSON.
fn parse<M: prost::Message + Default>(
    request: &str,
    data: &serde_json::Value,
) -> Result<M, Refused> {
    let wrong = |error: String| Refused::Event(format!("data is no {request}: {error}"));
    let descriptor = event::descriptor(request);
    let descriptor = descriptor.ok_or_else(|| wrong("there is no such message".to_owned()))?;
    let message = prost_reflect::DynamicMessage::deserialize(descriptor, data);
    let message = message.map_err(|error| wrong(error.to_string()))?;
    message
        .transcode_to()
        .map_err(|error| wrong(error.to_string()))
}

/// Puts an event aside with the reason. It is there once, also when this is repeated.
async fn bury(
    deps: &Deps,
    bus: &Context,
    message: &Message,
    poison: Poison,
) -> Result<(), BusError> {
    let info = message.info().map_err(BusError::bus)?;
    let mut headers = HeaderMap::new();
    let id = format!("{}/{}", info.stream, info.stream_sequence);
    headers.insert("Nats-Msg-Id", id.as_str());
    headers.insert("Tenure-Reason", poison.reason.as_str());
    headers.insert("Tenure-Message", one_line(&poison.message).as_str());
    headers.insert("Tenure-Subject", message.subject.as_str());
    let subject = deps.config.bus.dead_letter_subject.clone();
    let sent = bus.publish_with_headers(subject, headers, message.payload.clone());
    let sent = sent.await.map_err(BusError::bus)?;
    sent.await.map_err(BusError::bus)?;
    Ok(())
}

/// Headers are lines.
fn one_line(text: &str) -> String {
    let line = text
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { ' ' });
    line.take(REASON_MAX).collect()
}

#[cfg(test)]
mod fuzz_tests;
