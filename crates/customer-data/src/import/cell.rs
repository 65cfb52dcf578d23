//! Where in a row a value stands: a mapping's source joined with the header.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tenure_core::violation::Mismatch;

use super::mapping::{ValueMap, When};

/// The columns of a file by name, and which of them were asked for.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) names: Cow<'a, [String]>,
    used: Vec<bool>,
    /// Columns are what is asked for.
    is_open: bool,
    /// Everything that is wrong with the mapping for this header.
    pub(super) problems: Vec<String>,
}

impl<'a> Header<'a> {
    pub(super) fn new(names: &'a [String]) -> Self {
        let mut problems = Vec::new();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                problems.push(format!("the header has the column `{name}` twice"));
            }
        }
        Self {
            names: Cow::Borrowed(names),
            used: vec![false; names.len()],
            is_open: false,
            problems,
        }
    }

    /// The columns of a file without a header: those that are asked for.
    pub(super) fn open() -> Self {
        Self {
            is_open: true,
            ..Self::new(&[])
        }
    }

    /// Returns which columns were asked for until now.
    pub(super) fn used(&self) -> Vec<bool> {
        self.used.clone()
    }

    /// Returns the place of a column, or notes that there is none.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        let at = self.names.iter().position(|known| known == name);
        match at {
            Some(at) => self.used[at] = true,
            None if self.is_open => {
                self.names.to_mut().push(name.to_owned());
                self.used.push(true);
                return Some(self.names.len() - 1);
            }
            None => self
                .problems
                .push(format!("the header lacks the column `{name}`")),
        }
        at
    }

    /// Notes the columns that nobody asked for.
    pub(super) fn refuse_unused(&mut self) {
        for (name, _) in self
            .names
            .iter()
            .zip(&self.used)
            .filter(|(_, used)| !**used)
        {
            let problem = format!("the column `{name}` is neither mapped nor skipped");
            self.problems.push(problem);
        }
    }
}

/// One row as the sources see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowView<'a> {
    /// The number among the rows, from 1.
    pub(super) number: i64,
    pub(super) line: i64,
    pub(super) cells: &'a [String],
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Column(usize),
    Row,
    Line,
}

/// A source of texts.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pieces: Vec<Piece>,
    /// The name for rejects: the column, or the field where there is no one column.
    pub(super) name: String,
    values: BTreeMap<String, String>,
    other: Option<String>,
    blank: Option<String>,
}

impl Cell {
    /// Joins a source with the header, or notes what is wrong with it.
    pub(super) fn compile(field: &str, map: &ValueMap, header: &mut Header<'_>) -> Option<Self> {
        let given = [
            map.column.is_some(),
            map.template.is_some(),
            map.constant.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            let problem = format!("`{field}` needs one of column, template and constant");
            header.problems.push(problem);
            return None;
        }
        let pieces = if let Some(column) = &map.column {
            vec![Piece::Column(header.find(column)?)]
        } else if let Some(template) = &map.template {
            pieces(field, template, header)?
        } else {
            vec![Piece::Text(plain(map.constant.as_ref()?))]
        };
        let values = map
            .values
            .iter()
            .map(|(found, meant)| (found.clone(), plain(meant)));
        Some(Self {
            pieces,
            name: map.column.clone().unwrap_or_else(|| field.to_owned()),
            values: values.collect(),
            other: map.other.as_ref().map(plain),
            blank: map.blank.as_ref().map(plain),
        })
    }

    /// Returns the texts that stand in the mapping itself, but for those that mean nothing.
    pub(super) fn own_texts(&self) -> impl Iterator<Item = &String> {
        let constant = match self.pieces.as_slice() {
            [Piece::Text(constant)] if self.values.is_empty() => Some(constant),
            _ => None,
        };
        let meant = self.values.values().chain(&self.other).chain(&self.blank);
        meant.chain(constant).filter(|text| !text.is_empty())
    }

    /// Returns the text for a row; nothing when it is blank.
    pub(super) fn text(&self, row: RowView<'_>) -> Result<Option<String>, Mismatch> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(constant) => text.push_str(constant),
                Piece::Column(at) => text.push_str(row.cells[*at].trim()),
                Piece::Row => text.push_str(&row.number.to_string()),
                Piece::Line => text.push_str(&row.line.to_string()),
            }
        }
        if text.is_empty() {
            return Ok(self.blank.clone());
        }
        if self.values.is_empty() {
            return Ok(Some(text));
        }
        match self.values.get(&text).or(self.other.as_ref()) {
            Some(meant) => Ok(Some(meant.clone()).filter(|meant| !meant.is_empty())),
            None => {
                let known: Vec<_> = self.values.keys().map(String::as_str).collect();
                Err(Mismatch::new(
                    format!("one of {}", known.join(", ")),
                    short(&text),
                ))
            }
        }
    }
}

/// Takes a template apart.
fn pieces(field: &str, template: &str, header: &mut Header<'_>) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, named)) = rest.split_once('{') {
        let Some((name, behind)) = named.split_once('}') else {
            header
                .problems
                .push(format!("the template of `{field}` has an open brace"));
            return None;
        };
        pieces.push(Piece::Text(text.to_owned()));
        pieces.push(match name {
            "row" => Piece::Row,
            "line" => Piece::Line,
            column => Piece::Column(header.find(column)?),
        });
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Some(pieces)
}

/// Returns a value of TOML as the text that a cell would have.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns a cell's text for a reject: enough to find it, no more.
pub(super) fn short(text: &str) -> String {
    const LENGTH_MAX: usize = 40;
    if text.len() <= LENGTH_MAX {
        return format!("`{text}`");
    }
    format!("`{}...`", &text[..text.floor_char_boundary(LENGTH_MAX)])
}

/// A condition joined with the header.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    at: usize,
    name: String,
    is: Vec<String>,
    otherwise: Option<Vec<String>>,
}

impl Condition {
    pub(super) fn compile(when: &When, header: &mut Header<'_>) -> Option<Self> {
        let at = header.find(&when.column)?;
        let (is, otherwise) = (when.is.clone(), when.otherwise.clone());
        Some(Self {
            at,
            name: when.column.clone(),
            is,
            otherwise,
        })
    }

    /// Returns whether it applies to a row, or the column and what is wrong with it.
    pub(super) fn applies(&self, row: RowView<'_>) -> Result<bool, (String, Mismatch)> {
        let text = row.cells[self.at].trim();
        let among = |texts: &[String]| texts.iter().any(|known| known == text);
        if among(&self.is) {
            return Ok(true);
        }
        match &self.otherwise {
            Some(otherwise) if among(otherwise) => Ok(false),
            Some(otherwise) => {
                let known: Vec<_> = self
                    .is
                    .iter()
                    .chain(otherwise)
                    .map(String::as_str)
                    .collect();
                let wanted = format!("one of {}", known.join(", "));
                Err((self.name.clone(), Mismatch::new(wanted, short(text))))
            }
            None => Ok(self.is.is_empty() && !text.is_empty()),
        }
    }
}
