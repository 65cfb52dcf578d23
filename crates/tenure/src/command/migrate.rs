//! `tenure migrate`: brings databases to the form that this version needs.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tenure_sql::Db;

use crate::cli::MigrateArgs;
use crate::config::Config;
use crate::service::ServiceName;
use crate::show;

pub(super) async fn migrate(config: Config, args: MigrateArgs) -> Result<ExitCode> {
    let wanted = if args.services.is_empty() {
        ServiceName::ALL.to_vec()
    } else {
        args.services
    };
    let mut rows = Vec::new();
    for service in wanted {
        let url = config.database_url(service);
        let db = Db::connect(&url, &config.db_options(&url))
            .await
            .with_context(|| format!("cannot open the database of {service}"))?;
        let names = if args.dry_run {
            pending(&db, service).await?
        } else {
            apply(&db, service).await?
        };
        db.close().await;
        let names = if names.is_empty() {
            "nothing to do".to_owned()
        } else {
            names.join(", ")
        };
        rows.push(vec![service.to_string(), names]);
    }
    show::table(
        &[
            "Service",
            if args.dry_run {
                "Would apply"
            } else {
                "Applied"
            },
        ],
        &rows,
    );
    Ok(ExitCode::SUCCESS)
}

async fn pending(db: &Db, service: ServiceName) -> Result<Vec<String>> {
    let pending = tenure_sql::pending(db, service.migrations()).await;
    let pending = pending.with_context(|| format!("cannot read the migrations of {service}"))?;
    Ok(pending
        .into_iter()
        .map(|migration| migration.name.to_owned())
        .collect())
}

async fn apply(db: &Db, service: ServiceName) -> Result<Vec<String>> {
    let applied = tenure_sql::migrate(db, service.migrations()).await;
    let applied = applied.with_context(|| format!("cannot migrate the database of {service}"))?;
    Ok(applied.into_iter().map(str::to_owned).collect())
}
