//! The page about mappings: what it shows is a mapping, and it names all that a mapping takes.

use tenure_customer_data::import::Mapping;

#[test]
fn the_example_of_the_documentation_is_a_mapping() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/import.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    Mapping::parse(example.unwrap()).unwrap();
}

/// Every key that a table of a mapping takes: the reader of mappings tells them when one means nothing.
fn keys(table: &str) -> Vec<String> {
    let value = "{ column = \"x\" }";
    let mut text = String::new();
    let customer = format!("[customer]\ncustomer_id = {value}\nkind = {value}\n");
    match table {
        "" => text.push_str("nonsense = 1\n"),
        "[customer]" => text.push_str("[customer]\nnonsense = 1\n"),
        _ => text = format!("{customer}{table}\nnonsense = 1\n"),
    }
    let error = Mapping::parse(&text).unwrap_err();
    let told = std::error::Error::source(&error).unwrap().to_string();
    let (_, expected) = told.split_once("expected one of").unwrap();
    let names = expected.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_documentation_names_every_key_of_a_mapping() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/import.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, fields) = page.split_once("## What a mapping can fill").unwrap();
    let (fields, rest) = fields.split_once("## A complete example").unwrap();
    let (example, _) = rest.split_once("## Where a value").unwrap();
    for (table, heading) in [
        ("", "Beside them stand"),
        ("[customer]", "in `[customer]`"),
        ("[[subscriptions]]", "in `[[subscriptions]]`"),
        (
            "[[subscriptions]]\n[subscriptions.termination]",
            "in `[[subscriptions]]`",
        ),
        ("[[bills]]", "in `[[bills]]`"),
        ("[[usage_summaries]]", "in `[[usage_summaries]]`"),
        ("[[interactions]]", "in `[[interactions]]`"),
    ] {
        let (_, told) = fields.split_once(heading).unwrap();
        let told = if table.is_empty() {
            fields
        } else {
            told.split("\n\n").next().unwrap()
        };
        for key in keys(table) {
            assert!(
                told.contains(&format!("`{key}`")) || told.contains(&format!("[{key}]")),
                "{table}: {key}"
            );
            let is_shown = example.contains(&key) || ["rows", "when"].contains(&key.as_str());
            assert!(is_shown, "{table}: {key} is not in the example");
        }
    }
}
