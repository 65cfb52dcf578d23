//! How much each column moves a forest's answer away from its mean: exact Shapley values by the
//! path-dependent algorithm of Lundberg, Erion and Lee (2018), in double precision.

use super::{Forest, Tree};

/// One feature on the way to a leaf.
#[derive(Debug, Clone, Copy)]
struct Element {
    column: u32,
    /// The share of rows that pass when the feature is unknown.
    zero: f64,
    /// Whether the row passes when it is known.
    one: f64,
    /// Weights of the subsets of this size.
    weight: f64,
}

/// No column: the place before the root.
const NONE: u32 = u32::MAX;

impl Forest {
    /// Adds to `columns` what each column adds to the mean answer for `row`, and returns that mean.
    pub fn contributions(&self, row: &[f64], columns: &mut [f64]) -> f64 {
        let mut arena = Vec::new();
        let mut mean = self.base;
        for tree in &self.trees {
            mean += tree.mean(0);
            let start = Element {
                column: NONE,
                zero: 1.0,
                one: 1.0,
                weight: 0.0,
            };
            Walk { tree, row, columns }.down(0, &mut arena, 0, start);
            arena.clear();
        }
        mean
    }
}

impl Tree {
    /// Returns the mean answer below `index`, weighted by cover.
    fn mean(&self, index: usize) -> f64 {
        let node = &self.nodes[index];
        if node.is_leaf(index) {
            return node.value;
        }
        let (left, right) = self.shares(index);
        left * self.mean(node.left as usize) + right * self.mean(node.right as usize)
    }

    /// Returns how much of the cover goes left and right. They add up to one by construction, which
    /// the covers of a trained tree do only nearly.
    fn shares(&self, index: usize) -> (f64, f64) {
        let node = &self.nodes[index];
        let [left, right] = [node.left, node.right].map(|c| self.nodes[c as usize].cover);
        let share = if left + right > 0.0 {
            left / (left + right)
        } else {
            0.5
        };
        // A branch that nobody took in training still divides: by next to nothing.
        let share = share.clamp(1e-9, 1.0 - 1e-9);
        (share, 1.0 - share)
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f64],
    columns: &'a mut [f64],
}

impl Walk<'_> {
    /// Walks down from `index`; `arena[from..]` is the path so far, to which `next` is added.
    fn down(&mut self, index: usize, arena: &mut Vec<Element>, from: usize, next: Element) {
        extend(arena, from, next);
        let node = &self.tree.nodes[index];
        if node.is_leaf(index) {
            let path = &arena[from..];
            for at in 1..path.len() {
                let weight = unwound_sum(path, at);
                let element = path[at];
                let share = weight * (element.one - element.zero);
                self.columns[element.column as usize] += share * node.value;
            }
            return;
        }
        let hot = node.next(self.row[node.column as usize]);
        let (left, right) = self.tree.shares(index);
        let (mut zero, mut one) = (1.0, 1.0);
        // A column seen before on this path counts once, with both conditions together.
        let seen = arena[from..]
            .iter()
            .position(|element| element.column == node.column);
        if let Some(at) = seen {
            (zero, one) = (arena[from + at].zero, arena[from + at].one);
            unwind(arena, from, at);
        }
        for (child, share) in [(node.left as usize, left), (node.right as usize, right)] {
            let start = arena.len();
            arena.extend_from_within(from..start);
            let one = if child == hot { one } else { 0.0 };
            let next = Element {
                column: node.column,
                zero: zero * share,
                one,
                weight: 0.0,
            };
            self.down(child, arena, start, next);
            arena.truncate(start);
        }
    }
}

fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).expect("paths are short"))
}

fn extend(arena: &mut Vec<Element>, from: usize, next: Element) {
    let depth = arena.len() - from;
    arena.push(Element {
        weight: if depth == 0 { 1.0 } else { 0.0 },
        ..next
    });
    let path = &mut arena[from..];
    for i in (0..depth).rev() {
        path[i + 1].weight += next.one * path[i].weight * number(i + 1) / number(depth + 1);
        path[i].weight *= next.zero * number(depth - i) / number(depth + 1);
    }
}

/// Takes the element at `at` out of the path, as if it had never been added.
fn unwind(arena: &mut Vec<Element>, from: usize, at: usize) {
    let path = &mut arena[from..];
    let depth = path.len() - 1;
    let Element { zero, one, .. } = path[at];
    let mut next = path[depth].weight;
    for i in (0..depth).rev() {
        if one == 0.0 {
            path[i].weight = path[i].weight * number(depth + 1) / (zero * number(depth - i));
        } else {
            let before = path[i].weight;
            path[i].weight = next * number(depth + 1) / (number(i + 1) * one);
            next = before - path[i].weight * zero * number(depth - i) / number(depth + 1);
        }
    }
    for i in at..depth {
        let Element {
            column, zero, one, ..
        } = path[i + 1];
        path[i] = Element {
            column,
            zero,
            one,
            weight: path[i].weight,
        };
    }
    arena.pop();
}

/// Returns the sum of the weights that [`unwind`] would leave.
fn unwound_sum(path: &[Element], at: usize) -> f64 {
    let depth = path.len() - 1;
    let Element { zero, one, .. } = path[at];
    let mut next = path[depth].weight;
    let mut total = 0.0;
    for i in (0..depth).rev() {
        if one != 0.0 {
            let weight = next * number(depth + 1) / (number(i + 1) * one);
            total += weight;
            next = path[i].weight - weight * zero * number(depth - i) / number(depth + 1);
        } else if zero != 0.0 {
            total += path[i].weight * number(depth + 1) / (zero * number(depth - i));
        }
    }
    total
}
