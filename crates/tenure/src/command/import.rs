//! `tenure import`: takes in a file by a mapping file.

use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use tenure_customer_data::import::{self, Job, Observer, Progress, RejectFile, Summary};

use super::reach::{Reached, reach};
use crate::cli::ImportArgs;
use crate::config::Config;
use crate::show::{self, grouped};

pub(super) async fn import(config: Config, args: ImportArgs) -> Result<ExitCode> {
    if let Some(id) = args.revert.clone() {
        return super::revert::revert(config, args, &id).await;
    }
    if args.preview {
        return super::preview::preview(config, args).await;
    }
    let (path, mapping) = args.files();
    let mapping = std::fs::read_to_string(&mapping)
        .with_context(|| format!("cannot read the mapping {}", mapping.display()))?;
    let file = open(&path)?;
    let (content_digest, size_bytes) =
        import::digest(&file).with_context(|| format!("cannot read {}", path.display()))?;
    let reached = reach(&config, &args.reach).await?;
    let job = Job {
        source_name: name(&path),
        content_digest,
        size_bytes,
        mapping,
        request_id: reached.request_id(),
    };
    let mut rejects = match &args.rejects {
        Some(path) => RejectFile::at(path),
        None => RejectFile::beside(&path),
    };
    let summary = run(&reached, &job, file, &mut rejects).await?;
    print(&summary, &rejects);
    reached.leave().await;
    let is_whole = summary.import.rejected_row_count == 0;
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_REJECTS)
    })
}

/// Exit code of an import that refused rows: the rest was taken in.
pub(super) const EXIT_REJECTS: u8 = 3;

async fn run(
    reached: &Reached,
    job: &Job,
    file: File,
    rejects: &mut RejectFile,
) -> Result<Summary> {
    let mut bar = Bar::new(job.size_bytes);
    let transport = reached.customer_data.clone();
    let summary = import::run(transport, job, file, rejects, &mut bar).await;
    bar.finish();
    summary.with_context(|| format!("cannot import {}", job.source_name))
}

pub(super) fn open(file: &Path) -> Result<File> {
    File::open(file).with_context(|| format!("cannot open {}", file.display()))
}

/// Returns the name of a file without its folders, as far as the service takes it.
fn name(file: &Path) -> String {
    let name = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy();
    name.chars().take(50).collect()
}

/// Draws how far the import is.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Draws a bar for a file of so many bytes.
    pub(super) fn new(size_bytes: i64) -> Self {
        let length = u64::try_from(size_bytes).unwrap_or(0);
        let template = "{bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta} left {msg}";
        Self(show::bar(length, "", template))
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Observer for Bar {
    fn observe(&mut self, progress: Progress) {
        self.0
            .set_position(u64::try_from(progress.done_bytes).unwrap_or(0));
        self.0.set_message(format!(
            "{} rows, {} refused",
            grouped(progress.accepted_rows),
            grouped(progress.rejected_rows),
        ));
    }
}

fn print(summary: &Summary, rejects: &RejectFile) {
    let import = &summary.import;
    let before = if summary.was_complete {
        " by an earlier run; nothing was done"
    } else {
        ""
    };
    show::line(&format!(
        "{} rows taken in, {} refused{before}",
        grouped(import.accepted_row_count),
        grouped(import.rejected_row_count),
    ));
    if import.rejected_row_count > 0 {
        show::line(&format!("why: {}", rejects.path().display()));
    }
    let (program, id) = (show::program(), &import.import_id);
    show::line(&format!(
        "to take all of it back: {program} import --revert {id}"
    ));
}
