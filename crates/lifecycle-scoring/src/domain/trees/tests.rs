//! Tests of trees against the definition of Shapley values.

use proptest::prelude::*;

use super::super::features::Direction;
use super::{Forest, Node, Tree};

/// A random tree over `width` columns, grown from a list of choices.
fn grow(choices: &[(u32, i8, bool, i16, u8, bool)], width: u32) -> Tree {
    let leaf = |index: usize, value: i16, cover: f64| Node {
        column: 0,
        threshold: 0.0,
        left: u32::try_from(index).unwrap(),
        right: u32::try_from(index).unwrap(),
        missing_right: false,
        value: f64::from(value) / 100.0,
        cover,
    };
    let mut nodes = vec![leaf(0, 7, 64.0)];
    for (at, choice) in choices.iter().enumerate() {
        let (column, threshold, missing_right, value, share, splits) = choice;
        if at >= nodes.len() {
            break;
        }
        if *splits {
            let cover = nodes[at].cover;
            let left = (1.0 + f64::from(*share)) / 258.0 * cover;
            let index = nodes.len();
            nodes.push(leaf(index, *value, left));
            nodes.push(leaf(index + 1, value.wrapping_neg() / 3, cover - left));
            nodes[at] = Node {
                column: column % width,
                threshold: f64::from(*threshold),
                left: u32::try_from(index).unwrap(),
                right: u32::try_from(index + 1).unwrap(),
                missing_right: *missing_right,
                value: 0.0,
                cover,
            };
        }
    }
    Tree { nodes }
}

pub(super) fn any_forest(width: u32) -> impl Strategy<Value = Forest> {
    let choice = (
        any::<u32>(),
        -3..4_i8,
        any::<bool>(),
        any::<i16>(),
        any::<u8>(),
    );
    let choice = (choice, proptest::bool::weighted(0.7));
    let choice = choice.prop_map(|((c, t, m, v, s), splits)| (c, t, m, v, s, splits));
    let tree = proptest::collection::vec(choice, 0..12).prop_map(move |c| grow(&c, width));
    (-1.0..1.0, proptest::collection::vec(tree, 0..4))
        .prop_map(|(base, trees)| Forest { base, trees })
}

pub(super) fn any_row(width: usize) -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![9 => (-4..5_i8).prop_map(f64::from), 1 => Just(f64::NAN)];
    proptest::collection::vec(value, width)
}

/// Returns the mean answer when only the columns of `known` (a set of bits) are known.
fn expectation(tree: &Tree, index: usize, row: &[f64], known: u32) -> f64 {
    let node = &tree.nodes[index];
    if node.is_leaf(index) {
        return node.value;
    }
    if known >> node.column & 1 == 1 {
        return expectation(tree, node.next(row[node.column as usize]), row, known);
    }
    let [left, right] = [node.left, node.right].map(|child| {
        let child = child as usize;
        tree.nodes[child].cover * expectation(tree, child, row, known)
    });
    (left + right) / node.cover
}

/// Shapley's definition: the mean over all orders of what a column adds to those before it.
fn brute_force(forest: &Forest, row: &[f64], column: u32, width: u32) -> f64 {
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let mean = |known| {
        forest
            .trees
            .iter()
            .map(|t| expectation(t, 0, row, known))
            .sum::<f64>()
    };
    (0..1_u32 << width)
        .filter(|known| known >> column & 1 == 0)
        .map(|known| {
            let size = known.count_ones();
            let weight = factorial(size) * factorial(width - size - 1) / factorial(width);
            weight * (mean(known | 1 << column) - mean(known))
        })
        .sum()
}

proptest! {
    /// The definition: of two rows that differ in one column, the higher one is not lower (or not higher).
    #[test]
    fn a_straightened_tree_keeps_to_its_directions_and_within_its_leaves(
        forest in any_forest(3),
        rows in proptest::collection::vec([-4.0..4.0_f64, -4.0..4.0, -4.0..4.0], 20),
        column in 0..2_usize,
        by in 0.0..5.0_f64,
    ) {
        let directions = [Some(Direction::Rising), Some(Direction::Falling), None];
        for mut tree in forest.trees {
            let values: Vec<f64> = tree.nodes.iter().map(|node| node.value).collect();
            tree.straighten(&directions);
            for row in &rows {
                let mut moved = *row;
                moved[column] += by;
                let up = tree.value(&moved) - tree.value(row);
                let wanted = if column == 0 { up >= 0.0 } else { up <= 0.0 };
                prop_assert!(wanted, "column {column}: {up}");
                let within = |value: f64| {
                    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    (low..=high).contains(&value)
                };
                prop_assert!(within(tree.value(row)));
            }
            let mut again = tree.clone();
            again.straighten(&directions);
            prop_assert_eq!(again, tree);
        }
    }
}

proptest! {
    #[test]
    fn contributions_are_the_shapley_values(forest in any_forest(4), row in any_row(4)) {
        let mut columns = [0.0; 4];

        forest.contributions(&row, &mut columns);

        for (column, found) in (0..).zip(columns) {
            let expected = brute_force(&forest, &row, column, 4);
            prop_assert!((found - expected).abs() < 1e-8, "column {column}: {found} {expected}");
        }
    }

    #[test]
    fn contributions_and_the_mean_add_up_to_the_answer(
        forest in any_forest(3), row in any_row(3)
    ) {
        let mut columns = [0.0; 3];

        let mean = forest.contributions(&row, &mut columns);

        prop_assert!((mean + columns.iter().sum::<f64>() - forest.margin(&row)).abs() < 1e-8);
    }
}

#[test]
fn a_tree_with_a_loop_is_not_sound() {
    let mut tree = grow(&[(0, 0, false, 5, 100, true)], 1);
    assert!(
        Forest {
            base: 0.0,
            trees: vec![tree.clone()]
        }
        .is_sound(1)
    );

    tree.nodes[0].left = 9;

    assert!(
        !Forest {
            base: 0.0,
            trees: vec![tree]
        }
        .is_sound(1)
    );
}
