//! The files that are imported: customers with a subscription each, and what a month brings them.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use tenure_core::Timestamp;
use tenure_core::hash::mix64;
use tenure_simulator::{Operator, OperatorConfig};

/// The year in which the simulated operator is, and the first of its history.
const YEAR: i16 = 2024;
const FIRST_YEAR: i16 = 2022;
/// A customer calls once in so many months.
const CALL_MONTHS: u64 = 6;

/// Writes a file of the simulator's customers.
pub(super) fn write_customers(file: &Path, rows: u32) -> Result<()> {
    let mut csv = BufWriter::new(File::create(file)?);
    csv.write_all(b"id,kind,region,plan,contract,price,portable,joined,msisdn\n")?;
    for customer in operator(rows)?.customers() {
        let (year, month, day) = customer.joined_at.date();
        let price = customer.monthly_price_minor();
        writeln!(
            csv,
            "{},{},{},{},{},{}.{:02},{},{year}-{month:02}-{day:02},{}",
            customer.key(),
            customer.kind.as_str(),
            customer.region,
            customer.plan.key,
            customer.contract.as_str(),
            price / 100,
            price % 100,
            customer.is_portable,
            customer.msisdn(),
        )?;
    }
    csv.flush()?;
    Ok(())
}

/// Writes a file of the month `number`, the first of which is 0: a bill and the usage of each of the
/// same customers, and of some a call.
pub(super) fn write_month(file: &Path, rows: u32, number: u16) -> Result<()> {
    let (year, month) = (
        i32::from(FIRST_YEAR) + i32::from(number / 12),
        number % 12 + 1,
    );
    let mut csv = BufWriter::new(File::create(file)?);
    csv.write_all(b"id,kind,joined,month,due,settled,amount,seconds,megabytes,sms,called\n")?;
    for (at, customer) in (0_u64..).zip(operator(rows)?.customers()) {
        let drawn = mix64(at << 16 | u64::from(number));
        let (joined, joined_month, joined_day) = customer.joined_at.date();
        let called = if drawn.is_multiple_of(CALL_MONTHS) {
            format!("{year}-{month:02}-17")
        } else {
            String::new()
        };
        writeln!(
            csv,
            "{},{},{joined}-{joined_month:02}-{joined_day:02},{year}-{month:02}-01,\
             {year}-{month:02}-21,{year}-{month:02}-15,{}.{:02},{},{},{},{called}",
            customer.key(),
            customer.kind.as_str(),
            9 + (drawn >> 8) % 90,
            (drawn >> 16) % 100,
            (drawn >> 24) % 60_000,
            (drawn >> 40) % 30_000,
            (drawn >> 56) % 100,
        )?;
    }
    csv.flush()?;
    Ok(())
}

fn operator(rows: u32) -> Result<Operator> {
    let start = Timestamp::from_date(YEAR, 1, 1).context("a day that exists")?;
    Ok(Operator::new(OperatorConfig {
        seed: 1,
        customers: rows,
        start,
        months: 1,
    })?)
}
