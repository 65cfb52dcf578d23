//! The layers of a configuration as one table, and where each value came from.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::mistake::{Mistake, Mistakes};
use super::{NOT_CONFIGURATION, PREFIX};

/// File and environment, merged.
pub(crate) struct Layers {
    pub(crate) table: Table,
    name: String,
    /// The line of each key of the file.
    lines: BTreeMap<String, usize>,
    /// The variable of each key of the environment, and its text.
    variables: BTreeMap<String, (String, String)>,
}

impl Layers {
    /// Reads the text of a file. A file that is not TOML has one mistake, because nothing after it
    /// can be trusted.
    pub(crate) fn read(name: &str, text: &str) -> Result<Self, Mistakes> {
        let table = text
            .parse::<Table>()
            .map_err(|error| Mistakes::one(syntax(name, text, &error)))?;
        let mut lines = BTreeMap::new();
        if let Ok(spanned) = DeTable::parse(text) {
            collect_lines(spanned.get_ref(), "", text, &mut lines);
        }
        Ok(Self {
            table,
            name: name.to_owned(),
            lines,
            variables: BTreeMap::new(),
        })
    }

    /// Puts the variables that are configuration on top.
    pub(crate) fn overlay(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (variable, text) in environment {
            if NOT_CONFIGURATION
                .iter()
                .any(|other| variable.starts_with(other))
            {
                continue;
            }
            let Some(rest) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            let path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
            insert(&mut self.table, &path, guess(&text));
            self.variables.insert(path.join("."), (variable, text));
        }
    }

    /// Reads the variable of `key` as text, where it was taken for something else. Returns false
    /// when there is nothing to change.
    pub(crate) fn take_as_text(&mut self, key: &str) -> bool {
        let Some((_, text)) = self.variables.get(key) else {
            return false;
        };
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        let value = Value::String(text.clone());
        if get(&self.table, &path) == Some(&value) {
            return false;
        }
        insert(&mut self.table, &path, value);
        true
    }

    /// Returns the value of `key` to show it.
    pub(crate) fn shown(&self, key: &str) -> String {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        get(&self.table, &path).map_or_else(|| "nothing".to_owned(), ToString::to_string)
    }

    /// Puts `value` in the place of `key`. Returns false inside of a list, where there is none.
    pub(crate) fn put(&mut self, key: &str, value: Value) -> bool {
        if key.contains('[') {
            return false;
        }
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        insert(&mut self.table, &path, value);
        true
    }

    /// Takes `key` out. Returns false when it is not there.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let mut table = &mut self.table;
        let mut segments = key.split('.').peekable();
        while let Some(segment) = segments.next() {
            // Something in a list (`key[0].inner`): the list goes as a whole.
            let segment = segment.split('[').next().unwrap_or(segment);
            let inner = table.get(segment).is_some_and(Value::is_table);
            if segments.peek().is_none() || !inner {
                return table.remove(segment).is_some();
            }
            let Some(Value::Table(next)) = table.get_mut(segment) else {
                return false;
            };
            table = next;
        }
        false
    }

    /// Returns where the value of `key` came from.
    pub(crate) fn origin(&self, key: &str) -> String {
        let mut key = key;
        loop {
            if let Some((variable, _)) = self.variables.get(key) {
                return variable.clone();
            }
            if let Some(line) = self.lines.get(key) {
                return format!("{} line {line}", self.name);
            }
            // A section that only variables speak of: the first of them stands for all.
            let below = self.variables.range(format!("{key}.")..).next();
            if let Some((_, (variable, _))) = below.filter(|(path, _)| path.starts_with(key)) {
                return variable.clone();
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return "the defaults".to_owned(),
            }
        }
    }
}

fn syntax(name: &str, text: &str, error: &toml::de::Error) -> Mistake {
    let line = error.span().map_or(0, |span| line_of(text, span.start));
    Mistake {
        key: "(file)".to_owned(),
        wanted: "TOML".to_owned(),
        found: error.message().to_owned(),
        origin: format!("{name} line {line}"),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

fn collect_lines(
    table: &DeTable<'_>,
    prefix: &str,
    text: &str,
    lines: &mut BTreeMap<String, usize>,
) {
    for (key, value) in table {
        let path = format!("{prefix}{}", key.get_ref());
        lines.insert(path.clone(), line_of(text, key.span().start));
        if let DeValue::Table(inner) = value.get_ref() {
            collect_lines(inner, &format!("{path}."), text, lines);
        }
    }
}

/// Takes the text of a variable for a number, a truth value or a list where it looks like one.
fn guess(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>();
    let value = parsed
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    let Some((last, tables)) = path.split_last() else {
        return;
    };
    let mut table = table;
    for segment in tables {
        let entry = table
            .entry(segment.clone())
            .or_insert_with(|| Value::Table(Table::new()));
        if !entry.is_table() {
            *entry = Value::Table(Table::new());
        }
        table = entry.as_table_mut().expect("made one just now");
    }
    table.insert(last.clone(), value);
}

fn get<'a>(table: &'a Table, path: &[String]) -> Option<&'a Value> {
    let (last, tables) = path.split_last()?;
    let mut table = table;
    for segment in tables {
        table = table.get(segment)?.as_table()?;
    }
    table.get(last)
}
