//! `tenure import --preview`: says what an import would do.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tenure_customer_data::import::{self, Counts, DifferenceFile, Preview, RejectFile};

use super::import::{Bar, EXIT_REJECTS, open};
use super::reach::reach;
use crate::cli::ImportArgs;
use crate::config::Config;
use crate::show::{self, grouped};

/// So many fields are told; files have a handful.
const FIELDS_SHOWN: usize = 30;

pub(super) async fn preview(config: Config, args: ImportArgs) -> Result<ExitCode> {
    let (given, mapping) = args.files();
    let mapping = std::fs::read_to_string(&mapping)
        .with_context(|| format!("cannot read the mapping {}", mapping.display()))?;
    let file = open(&given)?;
    let size = file.metadata().map_or(0, |about| about.len());
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let path = beside(&given, ".preview.csv");
    let mut differences = DifferenceFile::create(&path, args.differences)
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut rejects = match &args.rejects {
        Some(path) => RejectFile::at(path),
        None => RejectFile::at(&beside(&given, ".preview.rejects.csv")),
    };
    let reached = reach(&config, &args.reach).await?;
    let mut bar = Bar::new(size);
    let transport = reached.customer_data.clone();
    let file = (mapping.as_str(), size, file);
    let told = import::preview(transport, file, &mut rejects, &mut differences, &mut bar).await;
    bar.finish();
    let told = told.with_context(|| format!("cannot preview {}", given.display()))?;
    print(&told, &rejects, &path);
    reached.leave().await;
    Ok(match told.rejected_rows {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_REJECTS),
    })
}

/// Returns the name of a file with an ending behind.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn print(told: &Preview, rejects: &RejectFile, differences: &Path) {
    show::line(&format!(
        "{} rows would be taken in, {} refused; nothing was written",
        grouped(told.accepted_rows),
        grouped(told.rejected_rows),
    ));
    let row = |(kind, counts): (&String, &Counts)| {
        let counts = [counts.created, counts.updated, counts.unchanged];
        let mut row = vec![kind.clone()];
        row.extend(counts.map(grouped));
        row
    };
    let rows: Vec<_> = told.facts.iter().map(row).collect();
    show::table(&["Kind", "New#", "Changed#", "As it is#"], &rows);
    if !told.fields.is_empty() {
        fields(told);
        let shown = grouped(i64::try_from(told.differences).unwrap_or(i64::MAX));
        show::line(&format!(
            "the first {shown} differences: {}",
            differences.display()
        ));
    }
    if told.rejected_rows > 0 {
        show::line(&format!("why refused: {}", rejects.path().display()));
    }
}

/// Prints which fields would change, those of most facts first.
fn fields(told: &Preview) {
    let mut fields: Vec<_> = told.fields.iter().collect();
    fields.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let row = |((kind, field), count): (&(String, String), &i64)| {
        vec![kind.clone(), field.clone(), grouped(*count)]
    };
    let rows: Vec<_> = fields.iter().take(FIELDS_SHOWN).copied().map(row).collect();
    show::table(&["Kind", "Field that would change", "In#"], &rows);
    if fields.len() > FIELDS_SHOWN {
        let further = fields.len() - FIELDS_SHOWN;
        show::line(&format!("and {further} further fields"));
    }
}
