//! `tenure serve`: the services on a port, until a signal.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tenure_core::{Ids, SystemClock};
use tenure_rpc::admin::Admin;
use tenure_rpc::lifecycle::Ending;
use tenure_rpc::{Lifecycle, telemetry};

use crate::cli::ServeArgs;
use crate::compose::{Parts, Suite};
use crate::config::Config;
use crate::service::ServiceName;
use crate::show;

pub(super) async fn serve(config: Config, args: ServeArgs) -> Result<ExitCode> {
    let wanted = if args.services.is_empty() {
        ServiceName::ALL.to_vec()
    } else {
        args.services
    };
    let lifecycle = Lifecycle::new();
    let parts = Parts {
        config: config.clone(),
        clock: Arc::new(SystemClock),
        ids: Ids::system(),
        lifecycle: lifecycle.clone(),
    };
    let telemetry =
        telemetry::init(&config.telemetry, "tenure").context("cannot start telemetry")?;
    let suite = Suite::open(&parts, &wanted).await?;
    let code = until_signal(&suite, &config, &lifecycle, &telemetry).await;
    drop(telemetry);
    code
}

/// Serves a suite until a signal comes, then drains.
pub(super) async fn until_signal(
    suite: &Suite,
    config: &Config,
    lifecycle: &Lifecycle,
    telemetry: &telemetry::Telemetry,
) -> Result<ExitCode> {
    suite.spawn_jobs();
    let server = suite.server(config);
    let serving = server.serve(lifecycle).await?;
    let admin = Admin {
        lifecycle: lifecycle.clone(),
        readiness: vec![suite.readiness()],
        metrics: telemetry.metrics.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let listen = config.admin.listen;
    let admin = admin
        .serve(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    telemetry.metrics.keep(lifecycle);
    show::note(&format!(
        "tenure: ready, gRPC on {}, admin on {admin}",
        serving.address
    ));
    let ending = lifecycle
        .run_until_signal(config.server.grace())
        .await
        .context("cannot wait for signals")?;
    Ok(match ending {
        Ending::Clean => ExitCode::SUCCESS,
        Ending::Forced => ExitCode::FAILURE,
    })
}
