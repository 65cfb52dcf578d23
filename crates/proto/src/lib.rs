//! Generated gRPC code of the four services and their descriptor set.
//!
//! The protos in `proto/` are the promise; nothing here is written by hand but the trait that writes
//! share. Clients are generic over their transport, so one client type serves a socket and the same
//! process.
#![expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated code"
)]

/// Every file of our API and of what it imports, encoded as a `google.protobuf.FileDescriptorSet`:
/// for reflection, and for names of fields in messages.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tenure.binpb"));

/// A request that writes: its method answers once, and a repeat with the same request id gets that
/// answer. Implemented for what is asked of every method whose answer has a field `replayed`.
pub trait WriteRequest: prost::Message {
    /// What answers it.
    type Answer: prost::Message + Default;
    /// The method, for example `tenure.loyalty.v1.RewardService/CreateReward`.
    const METHOD_NAME: &'static str;
    /// The message, for example `tenure.loyalty.v1.CreateRewardRequest`.
    const MESSAGE_NAME: &'static str;

    /// Marks an answer as given before.
    fn mark_replayed(answer: &mut Self::Answer);
}
include!(concat!(env!("OUT_DIR"), "/writes.rs"));

/// Words that several APIs share.
pub mod r#type {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tenure.r#type.v1");
    }
}
/// The API of customer-data.
pub mod customer {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tenure.customer.v1");
    }
}
/// The API of lifecycle-scoring.
pub mod scoring {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tenure.scoring.v1");
    }
}
/// The API of campaign.
pub mod campaign {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tenure.campaign.v1");
    }
}
/// The API of loyalty-points.
pub mod loyalty {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("tenure.loyalty.v1");
    }
}
