//! What reads files, fed with damaged ones: no text makes it panic, stop early or forget a byte.
//!
//! `PROPTEST_CASES=1000000 cargo test -p tenure-customer-data --test it mutated` runs them for long.

use proptest::prelude::*;
use proptest::sample::Index;
use tenure_core::Timestamp;
use tenure_customer_data::import::{Line, Lines, Mapping, Plan};

use crate::sample::{HEADER, MAPPING};

const ROWS: &str = "a,p,29.02.2020,7,41,+999111111,5,29.90,No,x
b,o,01.03.2020,,,,0,,Yes,\"y,
\"\"z\"\n";
const OBJECTS: &str = r#"{"id": "a", "kind": "p", "joined": "29.02.2020", "tenure": 5, "fee": 29.90, "churn": "No"}
{"id": "b", "tenure": "1", "churn": "Yes", "number": "+999111111", "note": {"any": [null, true]}}
"#;
/// The longest row that the mapping of the samples allows.
const ROW_BYTES_MAX: usize = 400;

/// One change of a text: some bytes at a place give way to others.
type Edit = (Index, usize, Vec<u8>);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    // What has a meaning somewhere is tried more often than chance would.
    let telling = proptest::sample::select(b"\",;\n\r{}[]:\\.-+0 =#'T\0\xff\xef\xbb\xbf".to_vec());
    let byte = prop_oneof![3 => telling, 1 => any::<u8>()];
    let bytes = proptest::collection::vec(byte, 0..6);
    proptest::collection::vec((any::<Index>(), 0..8_usize, bytes), 1..8)
}

fn damaged(text: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, removed, added) in edits {
        let start = place.index(bytes.len() + 1);
        let end = (start + removed).min(bytes.len());
        bytes.splice(start..end, added.iter().copied());
    }
    bytes
}

/// Reads all of a file and returns how many rows and refused rows it has.
fn read(mut lines: Lines<&[u8]>, plan: &Plan, size: usize) -> Result<(i64, i64), TestCaseError> {
    let (mut number, mut refused, mut line_before) = (0, 0, 0);
    while let Some(line) = lines.next_line().expect("memory can be read") {
        number += 1;
        let told = match line {
            Line::Bad(reject) => vec![reject],
            Line::Row(row) => {
                prop_assert!(row.line > line_before);
                plan.read(number, &row).err().unwrap_or_default()
            }
        };
        prop_assert!(
            told.iter().all(|reject| reject.line > line_before),
            "{told:?}"
        );
        line_before = told.first().map_or(line_before, |reject| reject.line);
        refused += i64::from(!told.is_empty());
    }
    let done = usize::try_from(lines.done_bytes()).expect("as many as there are");
    prop_assert_eq!(done, size, "all of the file was read");
    prop_assert!(line_before <= lines.done_lines());
    Ok((number, refused))
}

fn columns() -> Vec<String> {
    HEADER.trim().split(',').map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn a_damaged_file_is_read_to_its_end(edits in edits()) {
        let plan = Plan::compile(&Mapping::parse(MAPPING).unwrap(), &columns()).unwrap();
        let bytes = damaged(ROWS, &edits);
        let lines = Lines::new(bytes.as_slice(), b',', ROW_BYTES_MAX, (0, 0));
        read(lines, &plan, bytes.len())?;
    }

    #[test]
    fn damaged_lines_of_json_are_read_to_their_end(edits in edits()) {
        let mapping = Mapping::parse(&format!("rows = \"json_lines\"\n{MAPPING}")).unwrap();
        let plan = Plan::compile(&mapping, &[]).unwrap();
        let bytes = damaged(OBJECTS, &edits);
        let lines = Lines::uncut(bytes.as_slice(), ROW_BYTES_MAX, (0, 0));
        read(lines, &plan, bytes.len())?;
    }

    #[test]
    fn a_damaged_mapping_is_a_mapping_or_an_error(edits in edits(), cells in edits()) {
        let text = String::from_utf8_lossy(&damaged(MAPPING, &edits)).into_owned();
        if let Ok(mapping) = Mapping::parse(&text)
            && let Ok(plan) = Plan::compile(&mapping, &columns())
        {
            let bytes = damaged(ROWS, &cells);
            let lines = Lines::new(bytes.as_slice(), b',', ROW_BYTES_MAX, (0, 0));
            read(lines, &plan, bytes.len())?;
        }
    }

    #[test]
    fn a_damaged_instant_is_an_instant_or_an_error(edits in edits()) {
        let text = String::from_utf8_lossy(&damaged("2024-02-29T12:30:00.5+01:00", &edits)).into_owned();
        if let Ok(instant) = Timestamp::parse(&text) {
            prop_assert_eq!(Timestamp::parse(&instant.to_string()), Ok(instant));
        }
    }
}

#[test]
fn what_is_not_damaged_is_taken_in() {
    let plan = Plan::compile(&Mapping::parse(MAPPING).unwrap(), &columns()).unwrap();
    let lines = Lines::new(ROWS.as_bytes(), b',', ROW_BYTES_MAX, (0, 0));
    assert_eq!(read(lines, &plan, ROWS.len()).unwrap(), (2, 0));
    let mapping = Mapping::parse(&format!("rows = \"json_lines\"\n{MAPPING}")).unwrap();
    let plan = Plan::compile(&mapping, &[]).unwrap();
    let lines = Lines::uncut(OBJECTS.as_bytes(), ROW_BYTES_MAX, (0, 0));
    assert_eq!(read(lines, &plan, OBJECTS.len()).unwrap(), (2, 0));
}
