//! CloudEvents 1.0 in structured JSON: the form of events in both directions.

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::OnceLock;
use tenure_sql::feed::Change;
use uuid::Uuid;

/// The types of our events begin so.
pub(super) const TYPES: &str = "tenure.customer.v1.";
/// The media type of an event.
pub(super) const MEDIA_TYPE: &str = "application/cloudevents+json";
/// What `source` of our own events begins with; the id of the database follows.
const SOURCE: &str = "urn:tenure:customer-data:";
/// The most characters of the id and of the source of an event.
const NAME_MAX: usize = 256;

/// Returns the descriptor of a message of the API.
pub(crate) fn descriptor(name: &str) -> Option<MessageDescriptor> {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        DescriptorPool::decode(tenure_proto::FILE_DESCRIPTOR_SET)
            .expect("descriptor sets are made by a compiler")
    });
    pool.get_message_by_name(&format!("{TYPES}{name}"))
}

/// Returns the id of a change's event: unique among those of its source, ascending within a lane.
pub(super) fn id(change: &Change) -> String {
    format!("{}/{}", change.lane, change.seq)
}

/// Returns the event of a change. Its data is the change itself in proto3 JSON.
pub(super) fn encode(change: &Change, database: Uuid) -> Result<Vec<u8>, String> {
    let descriptor = descriptor("Change").expect("the feed tells changes");
    let data = DynamicMessage::decode(descriptor, change.body.as_slice());
    let data = data.map_err(|error| error.to_string())?;
    let data = serde_json::to_value(data).map_err(|error| error.to_string())?;
    let event = json!({
        "specversion": "1.0",
        "id": id(change),
        "source": format!("{SOURCE}{database}"),
        "type": format!("{TYPES}Change.{}", change.kind),
        "subject": change.key,
        "time": change.happened_at.to_string(),
        "datacontenttype": "application/json",
        // Extensions that CloudEvents documents: changes of one key are in the order of the sequence.
        "partitionkey": change.key,
        "sequence": format!("{:020}", change.seq),
        "data": data,
    });
    Ok(event.to_string().into_bytes())
}

/// An event that comes in.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
    datacontenttype: Option<String>,
    pub(super) data: Value,
}

/// Reads an event, or says what is wrong with it.
pub(super) fn decode(payload: &[u8]) -> Result<Incoming, String> {
    let event: Incoming = serde_json::from_slice(payload)
        .map_err(|error| format!("wanted a CloudEvent in structured JSON: {error}"))?;
    if event.specversion != "1.0" {
        return Err("wanted specversion 1.0".to_owned());
    }
    for (name, text) in [("id", &event.id), ("source", &event.source)] {
        if text.is_empty() || text.len() > NAME_MAX {
            return Err(format!("wanted 1 to {NAME_MAX} bytes in {name}"));
        }
    }
    let media_type = event.datacontenttype.as_deref();
    if media_type.is_some_and(|it| !it.starts_with("application/json")) {
        return Err("wanted datacontenttype application/json".to_owned());
    }
    if !event.data.is_object() {
        return Err("wanted an object in data".to_owned());
    }
    Ok(event)
}

impl Incoming {
    /// Returns what is to be done: the name of a request, for example
    /// `BatchUpsertCustomersRequest`.
    pub(super) fn request(&self) -> Result<&str, String> {
        let request = self.r#type.strip_prefix(TYPES);
        request.ok_or_else(|| format!("wanted a type that begins with {TYPES}"))
    }

    /// Returns the request id, which is the same whenever the event comes again.
    pub(super) fn request_id(&self) -> Uuid {
        let name = format!("{}\n{}", self.source, self.id);
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"7","source":"crm","type":"tenure.customer.v1.X",
        "data":{}}"#;

    #[test]
    fn what_is_wrong_with_an_event_is_said() {
        assert!(decode(EVENT.as_bytes()).is_ok());
        let wrong = [
            ("", "wanted a CloudEvent"),
            ("[]", "wanted a CloudEvent"),
            (&EVENT.replace("1.0", "0.3"), "specversion"),
            (&EVENT.replace("\"7\"", "\"\""), "bytes in id"),
            (&EVENT.replace("crm", &"x".repeat(257)), "bytes in source"),
            (&EVENT.replace("{}", "[]"), "an object in data"),
            (
                &EVENT.replace("\"data\"", "\"datacontenttype\":\"text/xml\",\"data\""),
                "datacontenttype",
            ),
        ];
        for (text, said) in wrong {
            let refused = decode(text.as_bytes()).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn the_request_id_follows_from_source_and_id_alone() {
        let id = |text: &str| decode(text.as_bytes()).unwrap().request_id();
        assert_eq!(id(EVENT), id(&EVENT.replace("v1.X", "v1.Y")));
        assert_ne!(id(EVENT), id(&EVENT.replace("crm", "erp")));
        assert_ne!(id(EVENT), id(&EVENT.replace("\"7\"", "\"8\"")));
    }
}
