//! Tables that are the same on both databases and can be distributed by lane.

use std::collections::BTreeMap;

use super::{Complaints, File, files, names, rust_files};

/// Small tables, the same on every node: catalogues, partners and what is settled with them, and a few
/// rows of bookkeeping.
const WITHOUT_LANE: [&str; 15] = [
    "meta",
    "consumer",
    "offer",
    "campaign",
    "model",
    "scoring_run",
    "programme",
    "programme_version",
    "reward",
    "reward_version",
    "partner",
    "partner_terms",
    "point_block",
    "settlement",
    "settlement_line",
];

/// A table as its migration creates it.
struct Table {
    path: String,
    name: String,
    /// Definitions of columns and constraints.
    items: Vec<String>,
}

impl Table {
    /// Names of the columns, in order.
    fn columns(&self) -> Vec<&str> {
        self.definitions().map(|(name, _)| name).collect()
    }

    fn definitions(&self) -> impl Iterator<Item = (&str, &str)> {
        let constraints = ["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT"];
        let all = self.items.iter().filter_map(|item| item.split_once(' '));
        all.filter(move |(name, _)| !constraints.contains(name))
    }

    /// Columns of the primary key, in order.
    fn primary_key(&self) -> Vec<&str> {
        for item in &self.items {
            if let Some(columns) = item.strip_prefix("PRIMARY KEY (") {
                return columns.trim_end_matches(')').split(", ").collect();
            }
        }
        let alone = self
            .definitions()
            .filter(|(_, rest)| rest.contains("PRIMARY KEY"));
        alone.map(|(name, _)| name).collect()
    }
}

fn migrations(database: &str) -> Vec<File> {
    let of_database = format!("/migrations/{database}/");
    let mut found = files("crates");
    found.retain(|file| file.path.contains(&of_database));
    found
}

fn tables(database: &str) -> Vec<Table> {
    migrations(database).iter().flat_map(created).collect()
}

/// Statements without comments, each on one line.
fn statements(file: &File) -> Vec<String> {
    let lines = file
        .text
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join(" ");
    let words = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split(';').map(words).collect()
}

fn created(file: &File) -> Vec<Table> {
    let read = |statement: String| {
        let (name, rest) = statement.strip_prefix("CREATE TABLE ")?.split_once(" (")?;
        let path = file.path.clone();
        Some(Table {
            path,
            name: name.to_owned(),
            items: items(rest),
        })
    };
    statements(file).into_iter().filter_map(read).collect()
}

/// Splits at the commas that stand in no parentheses, up to the parenthesis that closes all.
fn items(body: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for c in body.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        items.last_mut().expect("there is always one").push(c);
    }
    items.iter().map(|item| item.trim().to_owned()).collect()
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let shape = |database: &str| -> BTreeMap<String, Vec<String>> {
        let shapes = tables(database).into_iter().map(|table| {
            let file = table.path.replace(database, "*");
            let columns = table.columns().into_iter().map(str::to_owned).collect();
            (format!("{file}: {}", table.name), columns)
        });
        shapes.collect()
    };
    let (sqlite, postgres) = (shape("sqlite"), shape("postgres"));

    assert!(sqlite.len() > 10, "the migrations are read");
    for (table, columns) in &sqlite {
        assert_eq!(
            Some(columns),
            postgres.get(table),
            "{table} on SQLite and PostgreSQL"
        );
    }
    assert_eq!(sqlite.len(), postgres.len());
}

#[test]
fn every_big_table_begins_its_primary_key_with_the_lane() {
    let mut complaints = Complaints::default();
    for table in tables("postgres").iter().chain(&tables("sqlite")) {
        let first = table.primary_key().first().copied().unwrap_or_default();
        if first != "lane" && !WITHOUT_LANE.contains(&table.name.as_str()) {
            complaints.add(
                &table.path,
                1,
                &format!("the primary key of {}", table.name),
            );
        }
    }
    complaints.assert_none();
}

#[test]
fn whatever_is_unique_in_a_big_table_is_unique_in_its_lane() {
    let big: Vec<String> = tables("postgres")
        .into_iter()
        .filter(|table| table.columns().contains(&"lane"))
        .map(|table| table.name)
        .collect();
    let mut complaints = Complaints::default();
    for file in migrations("postgres").iter().chain(&migrations("sqlite")) {
        for statement in statements(file) {
            let Some(index) = statement.strip_prefix("CREATE UNIQUE INDEX ") else {
                continue;
            };
            let (_, on) = index.split_once(" ON ").expect("an index is on a table");
            let (table, columns) = on.split_once(" (").expect("an index has columns");
            if big.iter().any(|name| name == table) && !columns.starts_with("lane,") {
                complaints.add(&file.path, 1, &format!("{index}: the lane comes first"));
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn text_keys_sort_on_postgresql_as_they_do_on_sqlite() {
    let mut complaints = Complaints::default();
    for table in tables("postgres") {
        let key = table.primary_key();
        for (column, definition) in table.definitions().filter(|(name, _)| key.contains(name)) {
            if definition.starts_with("TEXT") && !definition.contains("COLLATE \"C\"") {
                let what = format!("{}.{column} wants COLLATE \"C\"", table.name);
                complaints.add(&table.path, 1, &what);
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn sql_asks_for_neither_time_nor_chance_and_uses_nothing_that_cannot_be_distributed() {
    let forbidden = [
        "NOW()",
        "CURRENT_TIMESTAMP",
        "CLOCK_TIMESTAMP",
        "RANDOM()",
        "GEN_RANDOM_UUID",
        "TRIGGER",
        "LISTEN",
        "NOTIFY",
        "MERGE INTO",
        "PG_ADVISORY",
        "LATERAL",
        "SERIAL",
        "BIGSERIAL",
        "AUTOINCREMENT",
        "NEXTVAL",
    ];
    let mut sources: Vec<File> = migrations("postgres");
    sources.extend(migrations("sqlite"));
    let stores = rust_files()
        .into_iter()
        .filter(|file| file.path.contains("/src/store") || file.path.starts_with("crates/sql/src"));
    sources.extend(stores);
    let mut complaints = Complaints::default();
    for file in &sources {
        for (number, line) in file.product_code() {
            // SQL is written with its keywords in capitals, so this does not meet Rust.
            let line = line.split("--").next().unwrap_or_default();
            if let Some(word) = forbidden.iter().find(|word| names(line, word)) {
                complaints.add(&file.path, number, &format!("`{word}`"));
            }
        }
    }
    complaints.assert_none();
}

#[test]
fn a_table_is_read_as_it_is_written() {
    let text = "CREATE TABLE a (\n  lane INTEGER NOT NULL, -- Why, and how.\n  b TEXT CHECK (b IN ('x', 'y')),\n  \
                PRIMARY KEY (lane, b)\n) WITH (fillfactor = 80);";
    let file = File {
        path: "a.sql".to_owned(),
        text: text.to_owned(),
    };

    let tables = created(&file);

    assert_eq!(tables[0].name, "a");
    assert_eq!(tables[0].columns(), ["lane", "b"]);
    assert_eq!(tables[0].primary_key(), ["lane", "b"]);
}
