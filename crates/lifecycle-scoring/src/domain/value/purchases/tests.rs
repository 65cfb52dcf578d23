//! BG/NBD against its paper, another library and extremes.

use proptest::prelude::*;

use super::super::spend::SpendModel;
use super::*;

fn close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs();
    assert!(error <= tolerance, "{found} is not {expected}");
}

/// A line of `lifetimes.csv` by the names of its columns.
fn lines() -> Vec<std::collections::HashMap<String, f64>> {
    let mut reader = csv::Reader::from_reader(include_str!("../lifetimes.csv").as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// The Python package lifetimes computes the closed forms with the hypergeometric function of SciPy;
/// `tests/python/lifetimes_fixture.py` has written what it found.
#[test]
fn everything_is_as_another_library_finds_it_on_a_thousand_random_inputs() {
    let lines = lines();
    assert!(lines.len() >= 1_000);
    for line in lines {
        let of = |name: &str| line[name];
        let same = |found: f64, name: &str| {
            let error = (found - of(name)).abs() / of(name).abs();
            assert!(error < 1e-6, "{name}: {found} for {line:?}");
        };
        let model = PurchaseModel {
            r: of("r"),
            alpha: of("alpha"),
            a: of("a"),
            b: of("b"),
        };
        let spend = SpendModel {
            p: of("p"),
            q: of("q"),
            v: of("v"),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 30"
        )]
        let history = PurchaseHistory {
            repeats: of("repeats") as u32,
            last: of("last"),
            age: of("age"),
        };
        let each = spend.expected(history.repeats, of("mean"));

        same(model.expected(&history, of("time")), "expected");
        same(model.expected_of_new(of("time")), "of_new");
        same(model.alive(&history), "alive");
        same(model.log_likelihood(&[history]), "log_likelihood");
        same(each, "spend");
        same(each * model.discounted(&history, 12, 30.0, 0.01), "value");
    }
}

/// The purchases of 2,357 customers of CDNOW in 39 weeks; nothing where the data is not at hand.
fn cdnow() -> Option<Vec<PurchaseHistory>> {
    let file = tenure_testkit::shared_data("data/cdnow/cdnow_customers_summary.csv")?;
    let mut reader = csv::Reader::from_path(file).unwrap();
    let history = |row: Result<(u32, u32, f64, f64), csv::Error>| {
        let (_, repeats, last, age) = row.unwrap();
        PurchaseHistory { repeats, last, age }
    };
    Some(reader.deserialize().map(history).collect())
}

/// The parameters that the paper prints.
#[test]
fn the_customers_of_cdnow_have_the_published_parameters() {
    let Some(histories) = cdnow() else {
        println!("skipped: the purchases of CDNOW are not at hand");
        return;
    };

    let (model, likelihood) = PurchaseModel::fit(&histories).unwrap();

    close(model.r, 0.243, 5e-4);
    close(model.alpha, 4.414, 1e-3);
    close(model.a, 0.793, 5e-4);
    close(model.b, 2.426, 1e-3);
    close(likelihood, -9_582.4, 0.05);
    let first = PurchaseHistory {
        repeats: 2,
        last: 30.43,
        age: 38.86,
    };
    close(model.expected(&first, 39.0), 1.226, 5e-4);
}

const CDNOW: PurchaseModel = PurchaseModel {
    r: 0.242_594,
    alpha: 4.413_6,
    a: 0.792_9,
    b: 2.425_9,
};

#[test]
fn each_customer_of_cdnow_is_expected_to_do_what_the_reference_says() {
    let Some(file) = tenure_testkit::shared_data("data/cdnow/cdnow_reference.csv") else {
        println!("skipped: the purchases of CDNOW are not at hand");
        return;
    };
    let (model, _) = PurchaseModel::fit(&cdnow().unwrap()).unwrap();
    let mut reader = csv::Reader::from_path(file).unwrap();
    let rows = reader.deserialize::<std::collections::HashMap<String, f64>>();
    let (mut total, mut worst) = (0.0, 0.0_f64);
    for row in rows.map(Result::unwrap) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        let history = PurchaseHistory {
            repeats: row["x"] as u32,
            last: row["tx"],
            age: row["T"],
        };
        let expected = model.expected(&history, 39.0);
        total += expected;
        worst = worst.max((expected - row["e_y39"]).abs());
        worst = worst.max((model.alive(&history) - row["p_alive"]).abs());
    }
    close(total, 1_653.423, 0.05);
    assert!(worst < 1e-4, "{worst}");
}

/// 1 is the chance to be here of everybody who never came back: as if they were the best customers. The
/// expected purchases put them where they belong, below somebody who bought last week.
#[test]
fn the_chance_to_be_here_ranks_one_time_buyers_wrongly_and_expectation_does_not() {
    let never_again = PurchaseHistory {
        repeats: 0,
        last: 0.0,
        age: 39.0,
    };
    let regular = PurchaseHistory {
        repeats: 5,
        last: 38.0,
        age: 39.0,
    };

    assert!(CDNOW.alive(&never_again) > CDNOW.alive(&regular));
    assert!(CDNOW.expected(&never_again, 39.0) < CDNOW.expected(&regular, 39.0) / 10.0);
}

#[test]
fn what_cannot_have_happened_is_named() {
    let good = PurchaseHistory {
        repeats: 1,
        last: 1.0,
        age: 2.0,
    };
    let late = PurchaseHistory { last: 3.0, ..good };
    let none = PurchaseHistory { repeats: 0, ..good };
    let unknown = PurchaseHistory {
        age: f64::NAN,
        ..good
    };

    assert_eq!(PurchaseModel::fit(&[]), Err(FitError::Nothing));
    for bad in [late, none, unknown] {
        assert_eq!(
            PurchaseModel::fit(&[good, bad]),
            Err(FitError::Impossible(1))
        );
    }
}

proptest! {
    #[test]
    fn no_input_overflows_or_is_not_a_number(
        parameters in [-9.0..12.0_f64, -9.0..12.0, -9.0..12.0, -9.0..12.0],
        repeats in prop_oneof![Just(0_u32), 1_u32..4, Just(1_000_000)],
        share in 0.0..1.0_f64,
        ln_age in -12.0..12.0_f64,
        ln_time in -12.0..14.0_f64,
    ) {
        let [r, alpha, a, b] = parameters.map(f64::exp);
        let model = PurchaseModel { r, alpha, a, b };
        let age = ln_age.exp();
        let last = if repeats == 0 { 0.0 } else { age * share.max(1e-9) };
        let history = PurchaseHistory { repeats, last, age };

        let alive = model.alive(&history);
        let expected = model.expected(&history, ln_time.exp());
        let longer = model.expected(&history, ln_time.exp() * 1.5);

        prop_assert!((0.0..=1.0).contains(&alive), "{alive}");
        prop_assert!(expected.is_finite() && expected >= 0.0, "{expected}");
        prop_assert!(longer >= expected * (1.0 - 1e-9), "{longer} {expected}");
        prop_assert!(model.log_likelihood(&[history]).is_finite());
    }
}
