//! The client that takes in files: reads CSV, JSON Lines or Parquet by a mapping and sends them in batches.
//!
//! The service knows nothing of files: it takes in [`ImportRecord`]s, batch by batch, and remembers
//! how far it came. This module is the other half:
//!
//! - [`Mapping`] says what the columns mean. `docs/import.md` describes it with an example.
//! - [`Lines`] cuts a stream into rows with bounded memory, whatever the stream holds.
//! - [`Plan`] joins a mapping with a header and reads each row into a record, or says which column
//!   is wrong.
//! - [`run`] sends the batches, writes what was refused beside the file, and goes on where an
//!   earlier run stopped.
//! - [`preview()`] asks what would become of a file.
//!
//! [`ImportRecord`]: tenure_proto::customer::v1::ImportRecord

mod cell;
mod json;
mod lines;
mod mapping;
mod money;
mod parquet;
mod part;
mod plan;
mod preview;
mod progress;
mod reader;
mod rejects;
mod run;
mod value;
mod word;

pub use lines::{Line, Lines, Row};
pub use mapping::{Mapping, MappingError};
pub use plan::{Plan, PlanError};
pub use preview::{Counts, DifferenceFile, Preview, preview};
pub use progress::{Observer, Progress, Silent};
pub use rejects::{RejectFile, Resume};
pub use run::{ImportError, Job, Summary, digest, run};

/// One thing that is wrong with a row, for the file of rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The line where the row begins; the first line of the file is 1.
    pub line: i64,
    /// The column, or the field that it is mapped to.
    pub column: String,
    /// What is allowed.
    pub wanted: String,
    /// What was found.
    pub found: String,
}

#[cfg(test)]
mod fuzz_tests;
