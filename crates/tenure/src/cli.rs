//! What can be typed.

mod quality;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::service::ServiceName;

pub use quality::{QualityArgs, QualityTask};

/// The customer-lifecycle and loyalty platform of a telecom operator.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    after_help = "\
Examples:
  tenure demo                        a whole operator in a minute, with a report to look at
  tenure serve                       all four services on 127.0.0.1:7100, SQLite inside
  tenure serve loyalty-points --config prod.toml
  tenure import customers.csv --mapping mapping.toml
  tenure report --out report.html

Exit codes: 0 done, 1 failed, 2 wrongly typed, 3 an import refused rows, 64 wrong configuration"
)]
pub struct Cli {
    /// Configuration file (TOML). Variables TENURE_SECTION__KEY overrule it.
    #[arg(long, global = true, env = "TENURE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the SQLite databases; overrules `data_dir` of the configuration.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Takes a synthetic operator's customers through the whole lifecycle, and shows what came of it.
    Demo(DemoArgs),
    /// Serves all services, or those named, until it is told to stop.
    Serve(ServeArgs),
    /// Takes in a CSV file by a mapping file; resumes where it stopped, safe to run twice.
    Import(ImportArgs),
    /// Sets what the data of a source must look like, and tells how good it is.
    Quality(QualityArgs),
    /// Trains the churn model from customers whose fate is known.
    Train(TrainArgs),
    /// Scores customers, with reasons; or places all of them in the lifecycle.
    Score(ScoreArgs),
    /// Writes a report of everything as one HTML page.
    Report(ReportArgs),
    /// Measures speed beside a yardstick in the same run.
    Bench(BenchArgs),
    /// Recomputes the points ledger from its records and names the first that breaks an invariant.
    VerifyLedger(VerifyLedgerArgs),
    /// Brings the databases to the form that this version needs.
    Migrate(MigrateArgs),
    /// Checks the configuration and says every mistake at once.
    CheckConfig(CheckConfigArgs),
}

/// Which services a command talks to.
#[derive(Debug, Args)]
pub struct Reach {
    /// Address of a running server, for example http://127.0.0.1:7100. Without it the command opens
    /// the databases of the configuration itself.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure demo
  tenure demo --customers 10000 --seed 7
  tenure demo --serve                leaves the servers up with the data in")]
pub struct DemoArgs {
    /// How many customers there ever are; about two thirds are there from the beginning.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(200..=1_000_000))]
    pub customers: u32,
    /// How many months the clock moves.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(20..=120))]
    pub months: u32,
    /// Decides everything that is random.
    #[arg(long, default_value_t = 2)]
    pub seed: u64,
    /// Where the demo's databases and report go; an older demo there is replaced.
    #[arg(long, default_value = "tenure-demo", value_name = "DIR")]
    pub dir: PathBuf,
    /// Leave the servers up with the data in, after the story is told.
    #[arg(long)]
    pub serve: bool,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure serve
  tenure serve loyalty-points --config prod.toml
  TENURE_SERVER__LISTEN=127.0.0.1:9000 tenure serve
  TENURE_DATABASES__LOYALTY_POINTS=postgres://tenure@db/loyalty tenure serve loyalty-points")]
pub struct ServeArgs {
    /// Which services; all, when none is named.
    pub services: Vec<ServiceName>,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure import customers.csv --mapping mapping.toml
  tenure import customers.csv --mapping mapping.toml --server http://127.0.0.1:7100
  tenure import customers.csv --mapping mapping.toml --preview
  tenure import --revert 0b6b1e0e-6a57-5d0c-9d55-2c7490b1e8f3

Rows that are refused go to FILE.rejects.csv, with line, column, what was wanted and what was found.
docs/import.md says how to write a mapping.")]
pub struct ImportArgs {
    /// The file: CSV, JSON Lines or Parquet.
    #[arg(required_unless_present = "revert")]
    pub file: Option<PathBuf>,
    /// The mapping file: which column is which field or attribute.
    #[arg(long, value_name = "FILE", required_unless_present = "revert")]
    pub mapping: Option<PathBuf>,
    /// Where refused rows go; next to the file, when not given.
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Says what the import would do, and takes in nothing.
    #[arg(long)]
    pub preview: bool,
    /// How many differences a preview writes to FILE.preview.csv at most. They hold personal data.
    #[arg(long, value_name = "N", default_value_t = 100, requires = "preview")]
    pub differences: usize,
    /// Takes the whole import with this id back, in place of taking a file in.
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "mapping", "rejects", "preview"])]
    pub revert: Option<String>,
    /// Takes an import back that has not ended: it takes in nothing more.
    #[arg(long, requires = "revert")]
    pub give_up: bool,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

impl ImportArgs {
    /// Returns the file and the mapping, which are typed unless an import is taken back.
    pub(crate) fn files(&self) -> (PathBuf, PathBuf) {
        let typed = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
        (typed(&self.file), typed(&self.mapping))
    }
}

/// Arguments of `train`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure train --as-of 2024-06-01 --as-of 2024-07-01 --horizon-days 90
  tenure train --as-of 2024-12-31 --horizon-days 31 --folds folds.csv")]
pub struct TrainArgs {
    /// Instants at which to look at the customers: only what was known before becomes a feature.
    #[arg(long = "as-of", required = true, value_name = "DATE")]
    pub as_of: Vec<String>,
    /// How many days after it leaving counts.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=365))]
    pub horizon_days: u32,
    /// A CSV file with the columns customer_id and fold, for measuring the model.
    #[arg(long, value_name = "FILE")]
    pub folds: Option<PathBuf>,
    /// A feature, or attribute.NAME, that must not be used; may be repeated.
    #[arg(long, value_name = "FEATURE")]
    pub exclude: Vec<String>,
    /// Decides what is random in training.
    #[arg(long, default_value_t = 1)]
    pub seed: i64,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// Arguments of `score`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure score C0000042 C0000043     why these customers stand where they stand
  tenure score --top 20              who is most likely to leave, and why
  tenure score --all                 place everybody in the lifecycle as of now
  tenure score --all --at 2025-01-01")]
pub struct ScoreArgs {
    /// Customers to score with reasons; nothing is stored.
    pub customers: Vec<String>,
    /// Score everybody and store what changed.
    #[arg(long, conflicts_with = "customers")]
    pub all: bool,
    /// With --all: the instant to score at; now, when not given.
    #[arg(long, requires = "all", value_name = "DATE")]
    pub at: Option<String>,
    /// How many of the customers at risk to show when none is named.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=1_000))]
    pub top: i32,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tenure report --data-dir tenure-demo --out report.html")]
pub struct ReportArgs {
    /// Where to write it.
    #[arg(long, default_value = "report.html", value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// Arguments of `verify-ledger`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure verify-ledger                                 the database of the configuration
  tenure verify-ledger --server http://127.0.0.1:7100  a server that is up and in use
  tenure verify-ledger --resume TOKEN                  where an earlier one was broken off

Exit codes: 0 every invariant holds, 1 one does not (or the ledger could not be read)")]
pub struct VerifyLedgerArgs {
    /// Go on where an earlier verification was broken off: the token that it printed.
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    pub resume: String,
    #[command(flatten)]
    pub(crate) reach: Reach,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure bench redeem
  tenure bench redeem --postgres postgres://postgres@127.0.0.1/postgres
  tenure bench redeem --grouped-only --in-flight 256 --hot 256 --batch 500 --open 1000 --accounts 100000
  tenure bench import --rows 200000
  tenure bench score
  tenure bench feed --postgres postgres://postgres@127.0.0.1/postgres
  tenure bench coverage --seeds 200
  tenure bench crash --kills 100
  tenure bench crash --postgres postgres://postgres@127.0.0.1/postgres")]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub subject: Subject,
    /// A PostgreSQL server on which databases may be created; without it only SQLite is measured.
    #[arg(long, global = true, value_name = "URL")]
    pub postgres: Option<String>,
    /// How long each measurement lasts, in seconds.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Subject {
    /// Durable redemptions a second, as a ratio to a no-op of the same server.
    Redeem(RedeemArgs),
    /// Briefings of touchpoints: how long they take at so many a second.
    Brief(BriefArgs),
    /// Rows of a CSV file a second.
    Import {
        /// How many rows to import.
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
        rows: u32,
        /// How many months of history of all of them are imported afterwards: each a file with a bill,
        /// usage and sometimes a call of every customer.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=24))]
        months: u16,
    },
    /// Bulk scores a second.
    Score {
        /// How many customers to score.
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
        rows: u32,
    },
    /// Not speed: killed, cut off and starved under load, that nothing is lost or doubled.
    Crash(CrashArgs),
    /// Changes of a feed a second, and a snapshot of it while others write.
    Feed(FeedArgs),
    /// Not speed: three consumers of a feed, killed together with the server and the database.
    FeedCrash(FeedCrashArgs),
    /// One of these consumers.
    #[command(hide = true)]
    FeedConsumer(FeedConsumerArgs),
    /// How often the campaign's interval holds the simulator's truth.
    Coverage {
        /// How many operators are simulated.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        seeds: u64,
    },
}

/// Arguments of `bench feed`.
#[derive(Debug, Clone, Copy, Args)]
pub struct FeedArgs {
    /// How many changes there are to read.
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    pub changes: u32,
    /// How many facts there are for a snapshot.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    pub facts: u32,
    /// How many writes a second go on during the snapshot.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub writes: u32,
}

/// Arguments of `bench feed-crash`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure bench feed-crash --kills 100
  cargo xtask feed-crash --kills 100     the same on PostgreSQL, which is restarted as well

Exit codes: 0 each change had its effect on each consumer exactly once, 1 otherwise")]
pub struct FeedCrashArgs {
    /// How often the server is killed; consumers are killed twice as often, and connections cut and
    /// PostgreSQL restarted in between.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub kills: u32,
    /// Decides when, and what is written.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// With --postgres: a shell command that restarts that server at once.
    #[arg(long, value_name = "COMMAND")]
    pub restart_postgres: Option<String>,
}

/// Arguments of `bench feed-consumer`.
#[derive(Debug, Args)]
pub struct FeedConsumerArgs {
    /// The server whose feed it follows.
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// Its own database.
    #[arg(long, value_name = "URL")]
    pub database: String,
    /// Read to the end of the feed, then end.
    #[arg(long)]
    pub until_head: bool,
}

/// Arguments of `bench crash`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure bench crash --kills 100
  tenure bench crash --kills 20 --seed 7 --postgres postgres://postgres@127.0.0.1/postgres
  cargo xtask crash --kills 100      the same on PostgreSQL, which is restarted as well

Exit codes: 0 nothing was lost or doubled and every invariant holds, 1 otherwise")]
pub struct CrashArgs {
    /// How often the server is killed; connections are cut, disks filled up and PostgreSQL restarted
    /// in between.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub kills: u32,
    /// Decides when, and what is written.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many accounts there are.
    #[arg(long, default_value_t = 40, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=900))]
    pub accounts: usize,
    /// With --postgres: SQLite as well, first.
    #[arg(long)]
    pub both: bool,
    /// With --postgres: a shell command that restarts that server at once, for example
    /// `pg_ctl restart --mode immediate --pgdata DIR`.
    #[arg(long, value_name = "COMMAND")]
    pub restart_postgres: Option<String>,
}

/// Arguments of `bench brief`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tenure bench brief --customers 100000 --rate 500 --seconds 20
  tenure bench brief --customers 1000000 --data bench-data --without loyalty-points
  tenure bench brief --postgres postgres://postgres@127.0.0.1/postgres")]
pub struct BriefArgs {
    /// How many customers there are.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1_000..=99_999_999))]
    pub customers: u32,
    /// How many briefings a second, whether or not earlier ones are answered.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Where the data are kept, and found again by the next run with as many customers; on SQLite. A
    /// temporary folder when not given.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Also measure without this service, and then without the next one.
    #[arg(long, value_delimiter = ',', value_name = "SERVICE", value_parser = other_than_customer_data)]
    pub without: Vec<ServiceName>,
}

fn other_than_customer_data(text: &str) -> Result<ServiceName, String> {
    match <ServiceName as clap::ValueEnum>::from_str(text, false) {
        Ok(ServiceName::CustomerData) => Err("customer-data is who briefs".to_owned()),
        other => other,
    }
}

/// Arguments of `bench redeem`.
#[derive(Debug, Args)]
pub struct RedeemArgs {
    /// How many calls are in flight, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64, 256], value_parser = in_flight)]
    pub in_flight: Vec<usize>,
    /// Leave out the yardstick of a transaction for each request.
    #[arg(long)]
    pub grouped_only: bool,
    /// How many accounts there are.
    #[arg(long, default_value_t = 10_000, value_parser = accounts)]
    pub accounts: usize,
    /// Also redeem from one account alone, with so many calls in flight.
    #[arg(long, value_name = "IN_FLIGHT", value_parser = in_flight)]
    pub hot: Option<usize>,
    /// Also redeem so many times a second, whether or not earlier calls are answered.
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub open: Option<u32>,
    /// Also make calls of so many redemptions each.
    #[arg(long, value_name = "REDEMPTIONS", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=1_000))]
    pub batch: Option<usize>,
    /// Also have pgbench make the statements of one redemption, a transaction for each, on the same
    /// database of PostgreSQL, over so many connections.
    #[arg(long, value_name = "CONNECTIONS", value_parser = in_flight)]
    pub pgbench: Option<usize>,
}

fn accounts(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1_000..=100_000_000) => Ok(number),
        _ => Err("wanted a number from 1000 to 100000000".to_owned()),
    }
}

fn in_flight(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=4_096) => Ok(number),
        _ => Err("wanted a number from 1 to 4096".to_owned()),
    }
}

/// Arguments of `migrate`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tenure migrate --dry-run --config prod.toml")]
pub struct MigrateArgs {
    /// Which services; all, when none is named.
    pub services: Vec<ServiceName>,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `check-config`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tenure check-config --config prod.toml --print")]
pub struct CheckConfigArgs {
    /// Also print the configuration as it is used, with secrets masked.
    #[arg(long)]
    pub print: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }
}
