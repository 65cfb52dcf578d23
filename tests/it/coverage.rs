//! The campaign's interval holds the simulator's truth as often as it says; `tenure bench coverage`
//! runs 200 operators, these are the first of them.

use tenure::bench::coverage::trial;

/// With intervals of 95 %, fewer than 5 of 8 would happen once in 2,400 times; the seeds are fixed.
#[tokio::test(flavor = "multi_thread")]
async fn most_intervals_of_small_operators_hold_the_truth() {
    let mut covered = 0;
    for seed in 1..=8 {
        let trial = Box::pin(trial(seed, 300)).await.expect("a small operator");
        assert!(
            trial.is_sound,
            "seed {seed}: the split is not as asked: {trial:?}"
        );
        covered += usize::from(trial.is_covered());
    }

    assert!(covered >= 5, "{covered} of 8 intervals hold the truth");
}
