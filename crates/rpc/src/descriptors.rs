//! The descriptors of everything that is served: for reflection, method names and field names.

use std::sync::OnceLock;

use prost_reflect::DescriptorPool;

/// Every descriptor set that reflection serves, in the order in which they may refer to each other.
pub(crate) const SETS: [&[u8]; 5] = [
    tenure_proto::FILE_DESCRIPTOR_SET,
    tonic_types::pb::FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Returns all of them as one pool.
pub(crate) fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let mut pool = DescriptorPool::new();
        for set in SETS {
            pool.decode_file_descriptor_set(set)
                .expect("descriptor sets are made by a compiler and agree with each other");
        }
        pool
    })
}
