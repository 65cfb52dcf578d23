//! Examples split into folds: both classes evenly, all examples of one customer together, the same
//! way for the same seed.

use std::collections::BTreeMap;

use tenure_core::hash::mix64;

/// Returns the fold of every example, 0 to `count` - 1. Customers who left in any example are one
/// class, all others the other; each class is spread evenly.
#[must_use]
pub fn stratified(labels: &[bool], groups: &[u64], count: usize, seed: u64) -> Vec<usize> {
    let mut left: BTreeMap<u64, bool> = BTreeMap::new();
    for (group, label) in groups.iter().zip(labels) {
        *left.entry(*group).or_default() |= label;
    }
    let mut fold: BTreeMap<u64, usize> = BTreeMap::new();
    for class in [false, true] {
        let mut members: Vec<u64> = left
            .iter()
            .filter(|(_, left)| **left == class)
            .map(|(group, _)| *group)
            .collect();
        members.sort_by_key(|group| (mix64(mix64(seed) ^ group), *group));
        fold.extend(
            members
                .into_iter()
                .enumerate()
                .map(|(place, group)| (group, place % count)),
        );
    }
    groups.iter().map(|group| fold[group]).collect()
}

/// Returns the examples outside and inside `fold`.
#[must_use]
pub fn split(folds: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    (0..folds.len()).partition(|row| folds[*row] != fold)
}

/// Returns the items of `rows`.
#[must_use]
pub fn pick<T: Copy>(items: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| items[*row]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fold_has_its_share_of_both_classes() {
        let labels: Vec<bool> = (0..1_000).map(|i| i % 10 == 0).collect();
        let groups: Vec<u64> = (0..1_000).collect();

        let folds = stratified(&labels, &groups, 5, 7);

        for fold in 0..5 {
            let (outside, inside) = split(&folds, fold);
            assert_eq!((outside.len(), inside.len()), (800, 200));
            assert_eq!(
                pick(&labels, &inside).into_iter().filter(|l| *l).count(),
                20
            );
        }
        assert_eq!(folds, stratified(&labels, &groups, 5, 7));
        assert_ne!(folds, stratified(&labels, &groups, 5, 8));
    }

    #[test]
    fn one_customer_is_never_split() {
        let groups: Vec<u64> = (0..300).map(|i| i / 3).collect();
        let labels: Vec<bool> = (0..300).map(|i| i % 7 == 0).collect();

        let folds = stratified(&labels, &groups, 5, 1);

        assert!(
            folds
                .chunks(3)
                .all(|of_one| of_one.iter().all(|fold| *fold == of_one[0]))
        );
    }
}
