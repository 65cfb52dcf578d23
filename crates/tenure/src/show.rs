//! What people see at a terminal: lines, tables and bars. The only place that prints.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Prints a line of the answer.
pub(crate) fn line(text: &str) {
    // A closed pipe (`tenure report | head`) is no failure of ours.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a heading with an empty line before it.
pub(crate) fn heading(text: &str) {
    line(&format!("\n{text}"));
}

/// Prints a note that is not part of the answer.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Returns this program as it was called, so that commands that are shown can be pasted.
pub(crate) fn program() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "tenure".to_owned())
}

/// Prints why a command failed, with all causes.
pub(crate) fn failure(error: &anyhow::Error) {
    note(&format!("tenure: {}", describe(error)));
}

/// Returns an error with its causes on one line; statuses of RPCs in words.
fn describe(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        let text = match cause.downcast_ref::<tonic::Status>() {
            Some(status) => {
                let reason = tenure_rpc::status::reason(status).unwrap_or_default();
                format!("{} ({:?} {reason})", status.message(), status.code())
            }
            None => cause.to_string(),
        };
        if parts.last() != Some(&text) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// Prints a table; columns whose heading ends in `#` hold numbers and stand right.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings.iter().map(|heading| heading.trim_end_matches('#')));
    for row in rows {
        table.add_row(row);
    }
    for (index, heading) in headings.iter().enumerate() {
        if heading.ends_with('#')
            && let Some(column) = table.column_mut(index)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    line(&table.to_string());
}

/// Returns a bar for work of a known length. Where nobody looks (no terminal) it stays silent.
pub(crate) fn bar(length: u64, what: &str, template: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(10)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    let style = ProgressStyle::with_template(template)
        .expect("a template that is checked by every run")
        .progress_chars("█▉▊▋▌▍▎▏ ");
    bar.set_style(style);
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Returns a number with thousands separated.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let shown = [0, 999, 1_000, -1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "-1,234,567"]);
    }
}
