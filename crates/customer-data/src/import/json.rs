//! A row that is a JSON object on one line, as cells in the order of the mapping's columns.

use serde_json::{Map, Value};

use super::Reject;
use super::lines::Row;

/// How many bytes of a key that nobody knows are told: enough to find it.
const KEY_SHOWN_MAX: usize = 64;

/// Which keys of an object mean something.
#[derive(Debug)]
pub(super) struct Keys {
    known: Vec<String>,
    skips_all: bool,
}

impl Keys {
    /// The columns are keys; a point leads into an object. Others have to be skipped by name.
    pub(super) fn new(columns: &[String], skip: &[String]) -> Self {
        let mut known: Vec<String> = columns.iter().chain(skip).cloned().collect();
        let outer = |column: &String| Some(column.split_once('.')?.0.to_owned());
        known.extend(columns.iter().filter_map(outer));
        Self {
            known,
            skips_all: skip.iter().any(|name| name == "*"),
        }
    }

    /// Returns the cells of a row; what the object lacks is blank.
    pub(super) fn cells(&self, row: &Row, columns: &[String]) -> Result<Vec<String>, Vec<Reject>> {
        let reject = |column: &str, wanted: &str, found: String| Reject {
            line: row.line,
            column: column.to_owned(),
            wanted: wanted.to_owned(),
            found,
        };
        let text = row.cells.first().map_or("", String::as_str);
        let object: Map<String, Value> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => {
                // The error's own text may quote the row.
                let found = format!("something else from column {} on", error.column());
                return Err(vec![reject("", "one JSON object on a line", found)]);
            }
        };
        let mut rejects = Vec::new();
        for key in object.keys().filter(|_| !self.skips_all) {
            if !self.known.contains(key) {
                let wanted = "a key that the mapping uses or skips";
                // Keys of a source may be as long as its lines.
                let key = &key[..key.floor_char_boundary(KEY_SHOWN_MAX)];
                rejects.push(reject(key, wanted, "another".to_owned()));
            }
        }
        let mut cells = Vec::with_capacity(columns.len());
        for column in columns {
            match find(&object, column).map_or(Ok(String::new()), cell) {
                Ok(cell) => cells.push(cell),
                Err(found) => {
                    let wanted = "a text, a number, true, false or null";
                    rejects.push(reject(column, wanted, found.to_owned()));
                }
            }
        }
        if rejects.is_empty() {
            Ok(cells)
        } else {
            Err(rejects)
        }
    }
}

/// Returns the value of a key, or of a path of keys with points between them.
fn find<'a>(object: &'a Map<String, Value>, column: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(column) {
        return Some(value);
    }
    let (outer, inner) = column.split_once('.')?;
    find(object.get(outer)?.as_object()?, inner)
}

fn cell(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(_) => Err("a list"),
        Value::Object(_) => Err("an object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str, skip: &[&str]) -> Result<Vec<String>, Vec<(String, String)>> {
        let columns = ["id", "fee", "address.city"].map(str::to_owned);
        let skip: Vec<String> = skip.iter().map(|name| (*name).to_owned()).collect();
        let row = Row {
            line: 7,
            cells: vec![text.to_owned()],
        };
        let cells = Keys::new(&columns, &skip).cells(&row, &columns);
        cells.map_err(|all| {
            let told = |reject: Reject| (reject.column, reject.found);
            all.into_iter().map(told).collect()
        })
    }

    #[test]
    fn an_object_becomes_cells_in_the_order_of_the_columns() {
        let text = r#"{"fee": 29.90, "id": "a\n,\"", "address": {"city": true, "zip": []}}"#;
        assert_eq!(cells(text, &[]).unwrap(), ["a\n,\"", "29.9", "true"]);
        assert_eq!(
            cells(r#"{"id": null, "x": {}}"#, &["x"]).unwrap(),
            ["", "", ""]
        );
        assert_eq!(
            cells(r#"{"address.city": "B", "x": 1}"#, &["*"]).unwrap(),
            ["", "", "B"]
        );
    }

    #[test]
    fn what_is_no_object_or_no_value_is_told_by_its_key() {
        for text in ["", "[]", "1", "{", "{}{}", "{\"id\": 1e999}", "nul"] {
            let rejects = cells(text, &["*"]).unwrap_err();
            assert!(
                rejects[0].1.starts_with("something else from column"),
                "{text}"
            );
        }
        let rejects = cells(r#"{"id": [1], "fee": {}, "more": 1}"#, &[]).unwrap_err();
        let told: Vec<(&str, &str)> = rejects
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(
            told,
            [("more", "another"), ("id", "a list"), ("fee", "an object")]
        );
        let long = format!("{{\"{}\": 1}}", "\u{e9}".repeat(500));
        assert_eq!(cells(&long, &[]).unwrap_err()[0].0, "\u{e9}".repeat(32));
        let deep = format!("{{\"id\": {}1{}}}", "[".repeat(500), "]".repeat(500));
        assert!(cells(&deep, &["*"]).is_err());
    }
}
