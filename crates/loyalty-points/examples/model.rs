//! As many random commands as one likes, of many clients at once, against the naive model.
//!
//! `cargo xtask model --commands 1000000 --seed 1` runs it. The first disagreement ends it.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot go on ends here, as in a test"
)]

use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tenure_core::{Clock, Ids};
use tenure_loyalty_points::{Config, Deps, MIGRATIONS, Service, domain};
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_rpc::Lifecycle;
use tenure_rpc::transport::in_process;
use tenure_sql::{Db, DbOptions};

use fake::FakeCustomers;
use model::play::{self, Failure, Plan};
use model::story::Scene;
use model::tally::Tally;

#[path = "../tests/it/fake.rs"]
#[expect(dead_code, reason = "nobody is billed here")]
mod fake;
#[path = "../tests/it/model/mod.rs"]
mod model;
#[path = "../src/domain/model/naive.rs"]
mod naive;

/// Compares the service with a naive model over random commands.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many commands at least.
    #[arg(long, default_value_t = 1_000_000)]
    commands: u64,
    /// Decides what is random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many clients send at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// After how many steps a client goes on with new accounts.
    #[arg(long, default_value_t = 250)]
    steps: usize,
    /// How many commands one database gets; the next one has the next seed and other policies.
    #[arg(long, default_value_t = 50_000)]
    world: u64,
    /// Two replicas on PostgreSQL, on the server that TENURE_TEST_POSTGRES names, instead of one
    /// service on SQLite.
    #[arg(long)]
    postgres: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bar = ProgressBar::new(arguments.commands);
    let style =
        "{elapsed_precise} {bar:40} {human_pos} of {human_len} commands, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(style).unwrap());
    let mut tally = Tally::default();
    let mut worlds = 0;
    while tally.commands() < arguments.commands {
        let plan = Plan {
            commands: arguments.world.min(arguments.commands - tally.commands()),
            clients: arguments.clients,
            steps: arguments.steps,
            seed: arguments.seed + worlds,
        };
        let before = tally.commands();
        let tell = |sent: u64| bar.set_position(before + sent);
        match world(plan, arguments.postgres, &tell).await {
            Ok(played) => tally.add(played),
            Err(failure) => {
                bar.abandon();
                println!("The service and the model disagree: {}", failure.place);
                println!("{}", failure.what);
                return ExitCode::FAILURE;
            }
        }
        worlds += 1;
        bar.println(format!("seed {}: agreed on everything", plan.seed));
    }
    bar.finish();
    print(&arguments, worlds, &tally);
    ExitCode::SUCCESS
}

/// Plays one plan on a database of its own.
async fn world(plan: Plan, postgres: bool, tell: &(dyn Fn(u64) + Sync)) -> Result<Tally, Failure> {
    let played = Mutex::new(None);
    let case = async |db: Db| {
        let ended = on(&db, plan, if postgres { 2 } else { 1 }, tell).await;
        played.lock().unwrap().replace(ended);
    };
    let options = DbOptions::default();
    if postgres {
        tenure_testkit::fresh_postgres(&MIGRATIONS, &options, case).await;
    } else {
        tenure_testkit::fresh_sqlite(&MIGRATIONS, &options, case).await;
    }
    played.into_inner().unwrap().unwrap()
}

async fn on(
    db: &Db,
    plan: Plan,
    replicas: usize,
    tell: &(dyn Fn(u64) + Sync),
) -> Result<Tally, Failure> {
    let policies = model::ask::policies(&mut SmallRng::seed_from_u64(plan.seed));
    let clock = tenure_testkit::manual_clock();
    let replica = |_| {
        let mut config = Config::default();
        config.programme.policies = policies.clone();
        let deps = Deps {
            db: db.clone(),
            clock: std::sync::Arc::new(clock.clone()),
            ids: Ids::seeded(plan.seed),
            config,
            lifecycle: Lifecycle::new(),
            customer_data: FakeCustomers::default().transport(),
        };
        let service = Service::new(deps).unwrap();
        LoyaltyServiceClient::new(in_process(service.routes()))
    };
    let scene = Scene {
        db: db.clone(),
        start: clock.now(),
        replicas: (0..replicas).map(replica).collect(),
        policies: policies.clone(),
    };
    play::play(plan, scene, clock.clone(), tell).await
}

fn print(arguments: &Arguments, worlds: u64, tally: &Tally) {
    let database = if arguments.postgres {
        "PostgreSQL, two replicas"
    } else {
        "SQLite, one service"
    };
    println!(
        "\n{database}: the service and the model agree on every answer and every state.\n\
         Seeds {} to {}, {} clients at once, {} commands.\n",
        arguments.seed,
        arguments.seed + worlds - 1,
        arguments.clients,
        tally.commands(),
    );
    let kinds = tally.kinds.iter();
    let kinds =
        kinds.map(|(kind, [done, no])| vec![(*kind).to_owned(), done.to_string(), no.to_string()]);
    table(&["Command", "Done", "Refused"], kinds);
    table(&["Refused for", "Times"], rows(&tally.reasons));
    let repeats = [
        ("the same request again", tally.repeated),
        ("the same request twice at once", tally.at_once),
        ("another request under the same id", tally.reused),
        ("several commands in one call", tally.batches),
    ];
    table(
        &["Repeats and batches", "Times"],
        rows(repeats.iter().map(|(name, count)| (name, count))),
    );
    table(&["Jumps of the clock", "Times"], rows(&tally.jumps));
    table(
        &["Compared with the model or verified", "Times"],
        rows(&tally.compared),
    );
}

fn rows<'t, K: ToString + 't>(
    counts: impl IntoIterator<Item = (&'t K, &'t u64)>,
) -> impl Iterator<Item = Vec<String>> {
    let counts = counts.into_iter();
    counts.map(|(name, count)| vec![name.to_string(), count.to_string()])
}

fn table(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(headings);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}\n");
}
