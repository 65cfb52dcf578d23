//! Random files, mappings and cells: nothing panics, limits hold, what is refused is named, and what
//! was read is written and read again as the same.

use std::error::Error as _;
use std::io::{self, Cursor, Read};

use tenure_core::{Currency, Timestamp};
use tenure_testkit::fuzz::{INPUTS, Target};

use super::mapping::Unit;
use super::reader::Opening;
use super::{Line, Lines, Mapping, Reject, money, value};
use crate::domain::limits::MINOR_MAX;

/// Short, so that rows are too long often.
const ROW_MAX: usize = 64;

/// What a reader said, and how many bytes and lines were done then.
type Said = (Line, (i64, i64));

/// Gives a few bytes at once, as slow sources do.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (now, later) = self.0.split_at(self.0.len().min(into.len()).min(61));
        into[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(now.len())
    }
}

/// Reads all lines; and how many bytes and lines were done in the end.
fn all(source: impl Read, row_max: usize, done: (i64, i64)) -> (Vec<Said>, (i64, i64)) {
    // Room for a chunk is cleared before each is read: most of the time of small files otherwise.
    let mut lines = Lines::new(source, b',', row_max, done).in_chunks_of(512);
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().expect("it is in memory") {
        read.push((line, (lines.done_bytes(), lines.done_lines())));
    }
    (read, (lines.done_bytes(), lines.done_lines()))
}

/// Writes a row as RFC 4180 has it.
fn written(cells: &[String]) -> String {
    let quoted = cells
        .iter()
        .map(|it| format!("\"{}\"", it.replace('"', "\"\"")));
    quoted.collect::<Vec<_>>().join(",")
}

fn check_lines(input: &[u8]) -> String {
    let (read, done) = all(input, ROW_MAX, (0, 0));
    assert_eq!(usize::try_from(done.0), Ok(input.len()), "all is done");
    if input.len() <= 256 {
        assert_eq!(
            all(Slow(input), ROW_MAX, (0, 0)).0,
            read,
            "however it comes"
        );
    }
    // Begun again in the midst, as after a crash.
    if let Some((_, at)) = read.get(read.len() / 2).filter(|(_, at)| at.0 > 0) {
        let rest = &input[usize::try_from(at.0).expect("a length")..];
        assert_eq!(all(rest, ROW_MAX, *at).0, read[read.len() / 2 + 1..]);
    }
    let mut said = String::new();
    for (at, (line, (_, lines))) in read.iter().enumerate() {
        let word = match line {
            Line::Row(row) => {
                assert!((1..=*lines).contains(&row.line));
                assert!(row.cells.iter().map(String::len).sum::<usize>() <= ROW_MAX);
                if at > 3 {
                    continue;
                }
                let again = written(&row.cells);
                let (again, _) = all(again.as_bytes(), 8 * ROW_MAX, (0, 0));
                let same = match again.as_slice() {
                    [(Line::Row(again), _)] => again.cells == row.cells,
                    _ => false,
                };
                assert!(same, "{row:?} became {again:?}");
                format!("row {}", row.cells.len().min(4))
            }
            Line::Bad(reject) => {
                named(reject);
                assert!((1..=*lines).contains(&reject.line));
                reject.wanted.clone()
            }
        };
        if at < 3 {
            said += &word;
        }
    }
    said
}

/// A reject says what it wanted and found, in few words.
fn named(reject: &Reject) {
    assert!(
        !reject.wanted.is_empty() && !reject.found.is_empty(),
        "{reject:?}"
    );
    assert!(reject.found.len() <= 100, "{reject:?}");
    assert!(reject.column.len() <= 256, "{reject:?}");
}

#[test]
fn lines_of_any_bytes_are_rows_or_named() {
    let target = Target {
        name: "lines",
        seeds: &[
            b"id,name\n1,Ada\n2,\"Bob, \"\"the\"\" builder\"\n",
            b"\xef\xbb\xbfid,name\r\n\r\n1,\"two\nlines\"\r\n",
            b"a\n\"open\nb,c\nd,\"x\"y\n",
            &[b'x'; 80],
        ],
        words: &["\"", "\"\"", ",", "\n", "\r\n", "\",\"", " \"", "\"\n"],
        inputs: INPUTS,
    };
    target.run(check_lines);
}

/// Returns a sentence without what stands there for this input only.
fn shape(text: &str) -> String {
    let outside = text.split('`').step_by(2);
    let letters = |c: &char| !c.is_ascii_digit();
    outside
        .flat_map(str::chars)
        .filter(letters)
        .take(80)
        .collect()
}

fn check_mapping(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let (text, file) = text.split_once("\n%%\n").unwrap_or((&text, ""));
    let mapping = match Mapping::parse(text) {
        Ok(mapping) => mapping,
        Err(error) => {
            let why = error.source().expect("why").to_string();
            return format!("none: {}", shape(why.lines().last().unwrap_or_default()));
        }
    };
    let mut file = Cursor::new(file.as_bytes().to_vec());
    let opening = match Opening::of(&mapping, &mut file) {
        Ok(opening) => opening,
        Err(error) => return format!("opening: {}", shape(&error.to_string())),
    };
    let start = opening.start;
    let mut reader = opening.read(file, start, 0).expect("it is in memory");
    let read = reader.next_rows().expect("it is in memory");
    let rows = reader.rows_done();
    let told = read.records.len() as u64 + read.refused_rows.unsigned_abs();
    assert_eq!(told, rows.unsigned_abs(), "each row is a record or refused");
    for record in &read.records {
        assert!((1..=reader.done().1).contains(&record.line));
        let customer = record.customer.as_ref().expect("every row is of one");
        assert!(!customer.customer_id.is_empty(), "it would be refused");
        assert_ne!(customer.kind, 0);
    }
    for reject in &read.rejects {
        named(reject);
        // Only what is wrong with the whole row has no column.
        let whole = ["columns", "on a line", "quote", "bytes"];
        let is_whole = whole.iter().any(|end| reject.wanted.ends_with(end));
        assert!(is_whole || !reject.column.is_empty(), "{reject:?}");
    }
    let wanted = read.rejects.iter().take(3);
    let wanted: Vec<String> = wanted.map(|reject| shape(&reject.wanted)).collect();
    format!(
        "{} records, {}",
        read.records.len().min(3),
        wanted.join(", ")
    )
}

#[test]
fn a_mapping_and_a_file_give_records_or_say_what_is_wrong() {
    let churn = include_str!("../../../../deploy/mappings/churn_3333.toml");
    let telco = include_str!("../../../../deploy/mappings/telco_ibm.toml");
    let small = "snapshot = \"2024-10-01\"\ncurrency = \"EUR\"\nskip = [\"*\"]\n\
        [customer]\ncustomer_id = { column = \"id\" }\n\
        kind = { column = \"kind\", values = { p = \"INDIVIDUAL\", o = \"ORGANISATION\" } }\n\
        join_time = { column = \"since\", format = \"%d.%m.%Y\" }\n\
        [attributes]\nn = { column = \"n\", type = \"number\" }\n\
        [[subscriptions]]\nsubscription_id = { template = \"S{id}-{row}\" }\n\
        service = { constant = \"MOBILE\" }\nproduct_code = { column = \"plan\", blank = \"NONE\" }\n\
        start_time = { column = \"months\", before_snapshot = \"months\" }\n\
        monthly_fee = { column = \"fee\" }\n\n%%\n\
        id,kind,since,n,plan,months,fee\n1,p,01.02.2020,1.5,GOLD,3,29.90\n2,o,,,,0,\n";
    let (rules, _) = small.split_once("\n%%\n").expect("it has rows");
    let json = format!(
        "rows = \"json_lines\"\n{rules}\n%%\n\
        {{\"id\": 1, \"kind\": \"p\", \"n\": 1.5, \"months\": 3, \"fee\": \"29.90\"}}\n\
        {{\"id\": \"2\", \"kind\": \"o\", \"plan\": null, \"months\": [], \"x\": {{}}}}\n"
    );
    let strict = json.replace("skip = [\"*\"]", "skip = [\"x\"]");
    let target = Target {
        name: "mapping",
        seeds: &[
            churn.as_bytes(),
            telco.as_bytes(),
            small.as_bytes(),
            json.as_bytes(),
            strict.as_bytes(),
        ],
        words: &[
            "column",
            "template",
            "constant",
            "values",
            "other",
            "blank",
            "format",
            "%Y-%m-%d",
            "%s",
            "%Q",
            "%:z",
            "before_snapshot",
            "after_snapshot",
            "days",
            "months",
            "currency",
            "[[bills]]",
            "when = { column = \"id\" }",
            "{row}",
            "{line}",
            "{id}",
            "type",
            "integer",
            "flag",
            "instant",
            "text",
            "2024-02-30",
            "decimal_mark = \",\"",
            "delimiter = \"\u{e9}\"",
            "row_bytes_max = 0",
            "\n%%\n",
            " = ",
            "rows = \"json_lines\"",
            "\"\\ud800\"",
            "1e999",
            "a.b.c",
            "\"\"\"",
        ],
        inputs: INPUTS,
    };
    target.run(check_mapping);
}

/// Writes a small Parquet file, its pages packed or not.
fn parquet(compression: parquet::basic::Compression) -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
    let schema = "message rows { REQUIRED BYTE_ARRAY id (STRING); OPTIONAL INT32 since (DATE);
        OPTIONAL INT64 fee (DECIMAL(12,2)); }";
    let schema = parquet::schema::parser::parse_message_type(schema).expect("a schema");
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    let writer = parquet::file::writer::SerializedFileWriter::new(
        Vec::new(),
        schema.into(),
        properties.into(),
    );
    let mut writer = writer.expect("in memory");
    for first in [0, 3] {
        let mut group = writer.next_row_group().expect("in memory");
        let ids: Vec<ByteArray> = (first..first + 3)
            .map(|id| format!("C{id}").into_bytes().into())
            .collect();
        let mut column = group.next_column().expect("in memory").expect("three");
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(&ids, None, None).expect("in memory");
        column.close().expect("in memory");
        let mut column = group.next_column().expect("in memory").expect("three");
        let typed = column.typed::<Int32Type>();
        let levels = Some([1, 0, 1].as_slice());
        typed
            .write_batch(&[1, 18_321], levels, None)
            .expect("in memory");
        column.close().expect("in memory");
        let mut column = group.next_column().expect("in memory").expect("three");
        let typed = column.typed::<Int64Type>();
        typed
            .write_batch(&[2_990, 5], levels, None)
            .expect("in memory");
        column.close().expect("in memory");
        group.close().expect("in memory");
    }
    writer.into_inner().expect("in memory")
}

const OF_PARQUET: &str = "rows = \"parquet\"\ncurrency = \"EUR\"\nskip = [\"*\"]\n\
    [customer]\ncustomer_id = { column = \"id\" }\nkind = { constant = \"INDIVIDUAL\" }\n\
    join_time = { column = \"since\" }\n\
    [[subscriptions]]\nsubscription_id = { template = \"S{id}\" }\n\
    service = { constant = \"MOBILE\" }\nproduct_code = { constant = \"BASIC\" }\n\
    start_time = { constant = \"2024-01-01\" }\nmonthly_fee = { column = \"fee\" }\n";

fn check_parquet(mapping: &Mapping, input: &[u8]) -> String {
    let mut file = Cursor::new(input.to_vec());
    let opening = match Opening::of(mapping, &mut file) {
        Ok(opening) => opening,
        Err(error) => return format!("opening: {}", shape(&error.to_string())),
    };
    let mut reader = opening.read(file, (0, 0), 0).expect("it is in memory");
    match reader.next_rows() {
        Ok(read) => {
            let told = read.records.len() as u64 + read.refused_rows.unsigned_abs();
            assert_eq!(told, reader.rows_done().unsigned_abs(), "each row is told");
            for reject in &read.rejects {
                named(reject);
            }
            format!("{} records", read.records.len().min(6))
        }
        Err(error) => format!("rows: {}", shape(&error.to_string())),
    }
}

#[test]
fn a_parquet_file_of_any_bytes_is_rows_or_named() {
    use parquet::basic::Compression;
    let mapping = Mapping::parse(OF_PARQUET).expect("a mapping");
    let target = Target {
        name: "parquet",
        seeds: &[
            &parquet(Compression::SNAPPY),
            &parquet(Compression::UNCOMPRESSED),
        ],
        words: &["PAR1", "\u{15}", "\0\0\0\0", "\u{19}", "\u{1c}"],
        // By then the reader of the format has asserted something that is not so.
        inputs: 4 * INPUTS,
    };
    target.run(|input| check_parquet(&mapping, input));
}

/// Writes an amount as people do.
fn amount(minor: i64, digits: usize) -> String {
    let unsigned = minor.unsigned_abs().to_string();
    let unsigned = format!("{unsigned:0>width$}", width = digits + 1);
    let (whole, fraction) = unsigned.split_at(unsigned.len() - digits);
    let sign = if minor < 0 { "-" } else { "" };
    match digits {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole},{fraction}"),
    }
}

#[test]
fn an_amount_is_exact_or_refused() {
    let check = |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let mut said = String::new();
        for (code, digits) in [("EUR", 2), ("JPY", 0), ("KWD", 3)] {
            let currency = Currency::parse(code).expect("a currency");
            said += &match money::minor(&text, ',', currency) {
                Ok(minor) => {
                    assert!(minor.abs() <= MINOR_MAX);
                    let again = amount(minor, digits);
                    assert_eq!(money::minor(&again, ',', currency), Ok(minor), "{again}");
                    format!("{} digits ", again.len())
                }
                Err(mismatch) => {
                    assert!(mismatch.found.len() <= 50, "{mismatch}");
                    mismatch.wanted
                }
            };
        }
        said
    };
    let target = Target {
        name: "money",
        seeds: &[b"29,85", b"-0,5", b"30", b"1,234", b"10000000000000"],
        words: &[
            "-",
            "+",
            ",",
            ".",
            "0",
            "00",
            "9999999999999999",
            "\u{663}",
            " ",
        ],
        inputs: INPUTS,
    };
    target.run(check);
}

#[test]
fn instants_in_cells_exist_or_are_refused() {
    let snapshot = Timestamp::parse("2024-03-31").expect("a day");
    let check = |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let mut said = String::new();
        if let Ok(at) = Timestamp::parse(&text) {
            let again = at.to_string();
            assert_eq!(Timestamp::parse(&again), Ok(at), "{again}");
            said += "instant ";
        }
        for unit in [Unit::Days, Unit::Months] {
            for sign in [-1, 1] {
                match value::relative(&text, unit, sign, snapshot) {
                    Ok(at) => assert_eq!(at <= snapshot, sign < 0 || at == snapshot),
                    Err(mismatch) => said += &mismatch.wanted,
                }
            }
        }
        for format in ["%d.%m.%Y", "%Y%m%d%H%M%S", "%s", "%b %e, %y"] {
            match value::formatted(format, &text) {
                Ok(_) => said += format,
                Err(mismatch) => assert!(mismatch.found.len() <= 50, "{mismatch}"),
            }
        }
        said
    };
    let target = Target {
        name: "instants",
        seeds: &[
            b"2024-02-29",
            b"2024-02-29T12:30:00.123456+06:00",
            b"29.02.2024",
            b"20240229123000",
            b"17",
            b"1709164800",
            b"Feb 29, 24",
        ],
        words: &[
            "-",
            "9999-12-31T23:59:60Z",
            "-009999",
            "0000-01-01",
            "36525",
            "Z",
            "+23:59",
        ],
        inputs: INPUTS,
    };
    target.run(check);
}
