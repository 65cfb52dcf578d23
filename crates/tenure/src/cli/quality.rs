//! What can be typed after `quality`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Reach;

/// Arguments of `quality`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure quality set deploy/quality/telco_ibm.toml
  tenure quality report Telco-Customer-Churn
  tenure quality report crm --from 2025-01-01 --until 2025-02-01 --server http://127.0.0.1:7100

docs/quality.md says how to write a policy.")]
pub struct QualityArgs {
    /// What to do.
    #[command(subcommand)]
    pub task: QualityTask,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// What `quality` does.
#[derive(Debug, Subcommand)]
pub enum QualityTask {
    /// Sets the rules of a source, which count for imports from then on.
    Set {
        /// The policy file (TOML).
        file: PathBuf,
    },
    /// Tells what the rules of a source have found.
    Report {
        /// The source.
        source: String,
        /// The first day; 30 days before the last one, when not given.
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The day after the last one; tomorrow, when not given.
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        /// Only what this import brought.
        #[arg(long, value_name = "ID")]
        import: Option<String>,
    },
}
