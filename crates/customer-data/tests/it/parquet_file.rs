//! Parquet files: typed columns, rows that are refused, files that are damaged, and runs that stop in the middle.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use tenure_customer_data::import::{ImportError, RejectFile, Silent, run};
use tenure_proto::customer::v1 as wire;
use tenure_proto::r#type::v1::attribute_value::Kind;

use crate::sample::*;
use crate::suite::*;

/// Of the columns that the files of these tests have.
const TYPED: &str = r#"
    currency = "EUR"
    row_bytes_max = 400
    skip = ["tags"]

    [customer]
    customer_id = { column = "id" }
    kind = { constant = "INDIVIDUAL" }
    join_time = { column = "joined" }

    [attributes]
    seen = { column = "seen", type = "instant" }
    age = { column = "age", type = "integer" }
    spend = { column = "spend", type = "number" }
    paperless = { column = "paperless", type = "flag" }

    [[subscriptions]]
    subscription_id = { template = "{id}-{row}" }
    service = { constant = "MOBILE" }
    product_code = { constant = "BASIC" }
    start_time = { constant = "2024-01-01" }
    monthly_fee = { column = "fee" }
"#;
const SCHEMA: &str = "message rows {
    REQUIRED BYTE_ARRAY id (STRING);
    OPTIONAL INT32 joined (DATE);
    OPTIONAL INT64 seen (TIMESTAMP(MILLIS,true));
    OPTIONAL INT32 age;
    OPTIONAL DOUBLE spend;
    OPTIONAL BOOLEAN paperless;
    OPTIONAL INT64 fee (DECIMAL(12,2));
    OPTIONAL group tags (LIST) { REPEATED group list { OPTIONAL BYTE_ARRAY element (STRING); } }
}";

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// Writes a file of groups of rows.
fn file(schema: &str, properties: WriterProperties, groups: &[&dyn Fn(&mut Group<'_>)]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for write in groups {
        let mut group = writer.next_row_group().unwrap();
        write(&mut group);
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// Writes the next column; nothing stands for null.
fn column<T: parquet::data_type::DataType>(group: &mut Group<'_>, values: &[Option<T::T>]) {
    let levels: Vec<i16> = values.iter().map(|it| i16::from(it.is_some())).collect();
    let values: Vec<T::T> = values.iter().flatten().cloned().collect();
    let mut column = group.next_column().unwrap().unwrap();
    let typed = column.typed::<T>();
    typed
        .write_batch(&values, Some(&levels), Some(&vec![0; levels.len()]))
        .unwrap();
    column.close().unwrap();
}

fn text(text: impl Into<Vec<u8>>) -> Option<ByteArray> {
    Some(ByteArray::from(text.into()))
}

fn snappy() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build()
}

/// The rows `a` and `b` in typed columns.
fn typed() -> Vec<u8> {
    let of_a = |group: &mut Group<'_>| {
        column::<ByteArrayType>(group, &[text("a")]);
        column::<Int32Type>(group, &[Some(18_321)]);
        column::<Int64Type>(group, &[Some(1_714_566_600_250)]);
        column::<Int32Type>(group, &[Some(41)]);
        column::<DoubleType>(group, &[Some(29.5)]);
        column::<BoolType>(group, &[Some(true)]);
        column::<Int64Type>(group, &[Some(2_990)]);
        column::<ByteArrayType>(group, &[None]);
    };
    let of_b = |group: &mut Group<'_>| {
        column::<ByteArrayType>(group, &[text("b")]);
        column::<Int32Type>(group, &[None]);
        column::<Int64Type>(group, &[None]);
        column::<Int32Type>(group, &[None]);
        column::<DoubleType>(group, &[None]);
        column::<BoolType>(group, &[None]);
        column::<Int64Type>(group, &[None]);
        column::<ByteArrayType>(group, &[None]);
    };
    file(SCHEMA, snappy(), &[&of_a, &of_b])
}

fn sample(bytes: impl Into<Vec<u8>>) -> Sample {
    Sample {
        mapping: format!("rows = \"parquet\"\n{TYPED}"),
        ..Sample::new(bytes)
    }
}

/// Everything that came of a file: the customers, their subscriptions, and how much the feed tells.
async fn state(suite: &mut Suite) -> (Vec<wire::Customer>, Vec<wire::Subscription>, usize) {
    let all = wire::ListCustomersRequest {
        page_size: 1_000,
        ..Default::default()
    };
    let customers = suite
        .client
        .list_customers(all)
        .await
        .unwrap()
        .into_inner()
        .customers;
    let mut subscriptions = Vec::new();
    for customer in customers.iter().take(3) {
        subscriptions.extend(suite.subscriptions(&customer.customer_id).await);
    }
    (customers, subscriptions, suite.changes().await.len())
}

async fn elsewhere(sample: &Sample) -> (Vec<wire::Customer>, Vec<wire::Subscription>, usize) {
    let found = std::sync::OnceLock::new();
    tenure_testkit::fresh_sqlite(
        &tenure_customer_data::MIGRATIONS,
        &tenure_sql::DbOptions::default(),
        async |db| {
            let mut other = Suite::new(db);
            sample.run(&other).await.unwrap();
            found.set(state(&mut other).await).unwrap();
        },
    )
    .await;
    found.into_inner().unwrap()
}

#[tokio::test]
async fn typed_columns_become_what_the_same_rows_of_csv_become() {
    each_suite(async |mut suite| {
        let sample = sample(typed());

        let told = sample.preview(&suite, 10).await;
        let summary = sample.run(&suite).await.unwrap();

        assert_eq!((told.0.accepted_rows, told.0.rejected_rows), (2, 0));
        assert_eq!(counts(&summary.import), (2, 0));
        assert_eq!(summary.import.done_lines, 2);
        let a = suite.get("a").await;
        assert_eq!(a.join_time, day("2020-02-29"));
        assert!(
            a.attributes
                .contains(&attribute("age", Some(Kind::Integer(41))))
        );
        assert_eq!(suite.subscriptions("a").await[0].monthly_fee, euro(2_990));
        let csv = Sample {
            mapping: TYPED.to_owned(),
            ..Sample::new(
                "id,joined,seen,age,spend,paperless,fee,tags\n\
                 a,2020-02-29,2024-05-01T12:30:00.25Z,41,29.5,true,29.90,\nb,,,,,,,\n",
            )
        };
        assert_eq!(state(&mut suite).await, elsewhere(&csv).await);
        assert!(sample.run(&suite).await.unwrap().was_complete);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_pyarrow_wrote_is_taken_in() {
    each_suite(async |mut suite| {
        let sample = sample(include_bytes!("data/pyarrow.parquet").as_slice());

        let summary = sample.run(&suite).await.unwrap();

        assert_eq!(counts(&summary.import), (3, 0));
        let csv = Sample {
            mapping: TYPED.to_owned(),
            ..Sample::new(
                "id,joined,seen,age,spend,paperless,fee,tags\n\
                 a,2020-02-29,2024-05-01T12:30:00.25Z,41,29.5,true,29.90,\nb,,,,,,,\n\
                 c,1969-12-31,1960-01-01,7,-0.25,no,0.05,\n",
            )
        };
        assert_eq!(state(&mut suite).await, elsewhere(&csv).await);
    })
    .await;
}

const BYTES: &str = "message rows { OPTIONAL BYTE_ARRAY id; OPTIONAL INT32 joined (DATE); }";
const SMALL: &str = "rows = \"parquet\"\nrow_bytes_max = 400\n[customer]\n\
    customer_id = { column = \"id\" }\nkind = { constant = \"INDIVIDUAL\" }\n\
    join_time = { column = \"joined\" }\n";

#[tokio::test]
async fn a_bad_row_is_told_by_its_number_and_costs_itself_only() {
    each_suite(async |suite| {
        let rows = |group: &mut Group<'_>| {
            let ids = [
                text("a"),
                text(b"\xff".as_slice()),
                text("x".repeat(500)),
                text("d"),
                None,
            ];
            column::<ByteArrayType>(group, &ids);
            let days = [Some(0), Some(0), Some(0), Some(i32::MAX), Some(0)];
            column::<Int32Type>(group, &days);
        };
        let sample = Sample {
            mapping: SMALL.into(),
            ..Sample::new(file(BYTES, snappy(), &[&rows]))
        };

        let summary = sample.run(&suite).await.unwrap();

        assert_eq!(counts(&summary.import), (1, 4));
        let rejects = sample.rejects();
        let told: Vec<&str> = rejects.lines().skip(1).collect();
        assert_eq!(
            told,
            [
                "2,id,UTF-8,other bytes from byte 1 of the cell on",
                "3,,a row of at most 400 bytes,a longer one",
                "4,joined,a day or an instant that exists,another",
                "5,id,a value,nothing",
            ]
        );
    })
    .await;
}

/// Tells why a file is refused.
async fn why(suite: &Suite, bytes: Vec<u8>) -> String {
    let sample = Sample {
        mapping: SMALL.into(),
        ..Sample::new(bytes)
    };
    sample.run(suite).await.unwrap_err().to_string()
}

fn small() -> Vec<u8> {
    let rows = |group: &mut Group<'_>| {
        column::<ByteArrayType>(group, &[text("a")]);
        column::<Int32Type>(group, &[Some(0)]);
    };
    file(BYTES, snappy(), &[&rows])
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_what_is_wrong() {
    each_suite(async |suite| {
        let good = small();
        let length = good.len();
        let with = |at: usize, bytes: &[u8]| {
            let mut bad = good.clone();
            bad[at..at + bytes.len()].copy_from_slice(bytes);
            bad
        };

        let told = [
            (Vec::new(), "it does not begin as one"),
            (b"id,joined\na,\n\n".to_vec(), "it does not begin as one"),
            (good[..length - 1].to_vec(), "it ends early"),
            (with(length - 4, b"PARE"), "it is encrypted"),
            (
                with(length - 8, &[0xff; 4]),
                "its description is 4294967295 bytes long",
            ),
            // The first page says that it is 2 GiB long.
            (
                with(7, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
                "a page of 2147483647 bytes",
            ),
            (with(4, &[0; 8]), "a damaged page"),
        ];
        for (bytes, wanted) in told {
            let found = why(&suite, bytes).await;
            assert!(
                found.contains("the Parquet file cannot be read: "),
                "{found}"
            );
            assert!(found.contains(wanted), "{found}, not {wanted}");
        }
        let size = u32::from_le_bytes(good[length - 8..length - 4].try_into().unwrap());
        let footer = length - 8 - usize::try_from(size).unwrap();
        let found = why(&suite, with(footer, &[0xff; 16])).await;
        assert!(
            found.contains("the Parquet file cannot be read: "),
            "{found}"
        );
    })
    .await;
}

#[tokio::test]
async fn columns_and_pages_that_cannot_be_read_are_named() {
    each_suite(async |suite| {
        let nested = "message rows { OPTIONAL group id { OPTIONAL INT32 x; }
            OPTIONAL INT64 joined (TIME(MICROS,true)); }";
        let found = why(&suite, file(nested, snappy(), &[])).await;
        assert!(
            found.contains("the column `id` holds a list, a map or a group"),
            "{found}"
        );
        assert!(
            found.contains("the column `joined` holds a time of day"),
            "{found}"
        );

        let delta = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::DELTA_BYTE_ARRAY)
            .build();
        let ids = |group: &mut Group<'_>| column::<ByteArrayType>(group, &[text("a")]);
        let only = "message rows { OPTIONAL BYTE_ARRAY id; }";
        let mapping = SMALL.replace("join_time = { column = \"joined\" }\n", "");
        let run = async |bytes| {
            let mapping = mapping.clone();
            let sample = Sample {
                mapping,
                ..Sample::new(bytes)
            };
            sample.run(&suite).await.unwrap_err().to_string()
        };
        let found = run(file(only, delta, &[&ids])).await;
        assert!(
            found.contains("DELTA_BYTE_ARRAY, which is not read"),
            "{found}"
        );

        // A page of 17 MiB that is small as long as it is packed.
        let long = |group: &mut Group<'_>| {
            column::<ByteArrayType>(group, &[text(vec![b'x'; 17 * 1024 * 1024])]);
        };
        let found = run(file(only, snappy(), &[&long])).await;
        assert!(found.contains("at most 16777216 are read"), "{found}");
    })
    .await;
}

/// Five thousand rows in groups of 700; each 100th is refused.
fn many() -> Sample {
    let groups: Vec<_> = (0..5_000)
        .collect::<Vec<i32>>()
        .chunks(700)
        .map(<[i32]>::to_vec)
        .collect();
    let write: Vec<_> = groups
        .iter()
        .map(|numbers| {
            move |group: &mut Group<'_>| {
                let ids: Vec<_> = numbers
                    .iter()
                    .map(|number| text(format!("C{number}")))
                    .collect();
                column::<ByteArrayType>(group, &ids);
                let day = |number: &i32| {
                    Some(if number % 100 == 50 {
                        i32::MAX
                    } else {
                        *number
                    })
                };
                column::<Int32Type>(group, &numbers.iter().map(day).collect::<Vec<_>>());
            }
        })
        .collect();
    let write: Vec<&dyn Fn(&mut Group<'_>)> = write.iter().map(|it| it as _).collect();
    Sample {
        mapping: SMALL.into(),
        ..Sample::new(file(BYTES, snappy(), &write))
    }
}

/// Reads so often, then fails, as a process does that is killed there.
struct Breaking {
    source: Cursor<Vec<u8>>,
    reads: Arc<AtomicUsize>,
    reads_max: usize,
}

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.reads.fetch_add(1, Ordering::Relaxed) >= self.reads_max {
            return Err(io::Error::other("broken off"));
        }
        self.source.read(buffer)
    }
}

impl Seek for Breaking {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

#[tokio::test]
async fn a_run_that_was_broken_off_goes_on_within_a_group_of_rows() {
    each_suite(async |mut suite| {
        let (whole, sample) = (many(), many());
        let reads = Arc::new(AtomicUsize::new(0));
        let breaking = |sample: &Sample, reads_max| Breaking {
            source: Cursor::new(sample.bytes.clone()),
            reads: reads.clone(),
            reads_max,
        };
        let expected = elsewhere(&whole).await;
        // How often a whole file is read is found out where it does no harm.
        tenure_testkit::fresh_sqlite(
            &tenure_customer_data::MIGRATIONS,
            &tenure_sql::DbOptions::default(),
            async |db| {
                let other = Suite::new(db);
                let mut rejects = RejectFile::at(&sample.folder.path().join("other"));
                let source = breaking(&sample, usize::MAX);
                let job = sample.job();
                run(other.transport, &job, source, &mut rejects, &mut Silent)
                    .await
                    .unwrap();
            },
        )
        .await;
        let all = reads.load(Ordering::Relaxed);

        for reads_max in [all / 2, all / 4] {
            reads.store(0, Ordering::Relaxed);
            let mut rejects = RejectFile::beside(&sample.path());
            let transport = suite.transport.clone();
            let source = breaking(&sample, reads_max);
            let broken = run(transport, &sample.job(), source, &mut rejects, &mut Silent).await;
            assert!(matches!(broken.unwrap_err(), ImportError::Io(_)));
        }
        let summary = sample.run(&suite).await.unwrap();

        assert_eq!(counts(&summary.import), (4_950, 50));
        assert_eq!(summary.import.done_lines, 5_000);
        assert_eq!(state(&mut suite).await, expected);
        assert_eq!(sample.rejects(), whole.rejects());
    })
    .await;
}
