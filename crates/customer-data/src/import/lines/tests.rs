//! Rows as other programs write them, and what no program should write.

use proptest::prelude::*;

use super::*;

fn lines(text: &[u8], length_max: usize) -> (Vec<Line>, Lines<&[u8]>) {
    let mut reader = Lines::new(text, b',', length_max, (0, 0));
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().unwrap() {
        lines.push(line);
    }
    (lines, reader)
}

fn row(line: i64, cells: &[&str]) -> Line {
    Line::Row(Row {
        line,
        cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
    })
}

fn bad(line: &Line) -> (i64, &str) {
    match line {
        Line::Bad(reject) => (reject.line, reject.wanted.as_str()),
        Line::Row(row) => panic!("wanted something bad, found {row:?}"),
    }
}

#[test]
fn quotes_hold_delimiters_line_ends_and_quotes() {
    let text = b"\xef\xbb\xbfa,b\r\n\"x,\"\"y\"\"\nz\",\"\"\r\n\n1,2\"3\nlast,";
    let (lines, reader) = lines(text, 100);

    let expected = [
        row(1, &["a", "b"]),
        row(2, &["x,\"y\"\nz", ""]),
        row(5, &["1", "2\"3"]),
        row(6, &["last", ""]),
    ];
    assert_eq!(lines, expected);
    assert_eq!(reader.done_bytes(), i64::try_from(text.len()).unwrap());
    assert_eq!(reader.done_lines(), 6);
}

#[test]
fn a_quote_that_never_closes_costs_one_line() {
    let (found, _) = lines(b"a,\"b\nc,d\n", 100);
    assert_eq!(bad(&found[0]), (1, "a closing quote"));
    assert_eq!(found[1], row(2, &["c", "d"]));

    let long = [b"\"x\n".to_vec(), b"c,d\n".repeat(50)].concat();
    let (found, _) = lines(&long, 20);
    assert_eq!(bad(&found[0]), (1, "a closing quote"));
    assert_eq!(found.len(), 51);
}

#[test]
fn text_behind_a_closing_quote_costs_one_line() {
    let wanted = "a delimiter or a line end behind a closing quote";
    let text = b"Q1,\"stray\nQ2,b\nQ3,c\nQ4,\"quoted\"\nQ5,\"x\" \r\nQ6,\"x\"y\nQ7,\"x\" \"y\"";
    for step in 1..40 {
        let mut reader = Lines::new(Trickle(text, step), b',', 100, (0, 0));
        let mut found = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            found.push(line);
        }

        assert_eq!(bad(&found[0]), (1, wanted));
        let good = [
            row(2, &["Q2", "b"]),
            row(3, &["Q3", "c"]),
            row(4, &["Q4", "quoted"]),
            row(5, &["Q5", "x "]),
        ];
        assert_eq!(found[1..5], good);
        assert_eq!(bad(&found[5]), (6, wanted));
        assert_eq!(bad(&found[6]), (7, wanted));
        assert_eq!(found.len(), 7);
        assert_eq!(reader.done_bytes(), i64::try_from(text.len()).unwrap());
        assert_eq!(reader.done_lines(), 7);
    }
}

#[test]
fn a_line_that_is_too_long_is_told_and_reading_goes_on_behind_it() {
    let text = [
        b"a\n".to_vec(),
        b"x".repeat(300),
        b"\n\"".to_vec(),
        b"y".repeat(300),
    ]
    .concat();
    let (found, reader) = lines(&text, 100);

    assert_eq!(found[0], row(1, &["a"]));
    assert_eq!(bad(&found[1]), (2, "a line of at most 100 bytes"));
    assert_eq!(bad(&found[2]).0, 3);
    assert_eq!(reader.done_bytes(), i64::try_from(text.len()).unwrap());
    assert_eq!(reader.done_lines(), 3);
}

#[test]
fn broken_text_is_told_by_its_column_and_byte() {
    let (found, _) = lines(b"a,b\xffc\nd,e\n", 100);

    let Line::Bad(reject) = &found[0] else {
        panic!("it is broken")
    };
    assert_eq!((reject.column.as_str(), reject.line), ("column 2", 1));
    assert!(reject.found.contains("byte 2"));
    assert_eq!(found[1], row(2, &["d", "e"]));
}

/// Gives a few bytes at a time, as a slow disk may.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(buffer.len());
        self.0.read(&mut buffer[..length])
    }
}

fn rest(mut lines: Lines<impl Read>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        let Line::Row(row) = line else {
            panic!("a good file has good rows only")
        };
        rows.push(row.cells);
    }
    rows
}

proptest! {
    #[test]
    fn what_another_writer_wrote_is_read_back_from_any_row_on(
        rows in prop::collection::vec(prop::collection::vec("[ab\",\r\né ]{0,6}", 2..4), 1..12),
        step in 1..9_usize,
        stop in 0..12_usize,
    ) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let stop = stop.min(rows.len());

        let mut first = Lines::new(Trickle(&bytes, step), b',', 1_000, (0, 0));
        for _ in 0..stop {
            first.next_line().unwrap();
        }
        let done = (first.done_bytes(), first.done_lines());
        let left = &bytes[usize::try_from(done.0).unwrap()..];
        let second = Lines::new(Trickle(left, step), b',', 1_000, done);

        prop_assert_eq!(rest(second), &rows[stop..]);
        prop_assert_eq!(rest(Lines::new(bytes.as_slice(), b',', 1_000, (0, 0))), rows);
    }
}

#[test]
fn what_is_told_of_a_long_line_with_a_stray_quote_is_the_same_however_its_bytes_come() {
    for length in [18, 19, 20, 21, 22] {
        let text = format!("\"a\"{}\nnext\n", "x".repeat(length - 3));
        let mut slow = Lines::new(Trickle(text.as_bytes(), 1), b',', 20, (0, 0));

        let (at_once, _) = lines(text.as_bytes(), 20);

        let first = slow.next_line().unwrap().unwrap();
        assert_eq!(at_once[0], first, "{length} bytes");
        let wanted = match first {
            Line::Bad(reject) => reject.wanted,
            Line::Row(row) => panic!("{row:?}"),
        };
        assert_eq!(wanted.starts_with("a line of at most"), length > 20);
    }
}

#[test]
fn the_last_line_is_no_longer_than_others_may_be() {
    for end in ["", "\n"] {
        for (length, is_row) in [(20, true), (21, false)] {
            let text = format!("{}{end}", "x".repeat(length));
            let (found, _) = lines(text.as_bytes(), 20);
            assert_eq!(matches!(found[0], Line::Row(_)), is_row, "{length} bytes");
        }
    }
}
