//! Boosted trees in a form of our own: small to store, fast to score, exact to explain.

mod compiled;
mod shapley;

use serde::{Deserialize, Serialize};

use super::features::Direction;

pub use compiled::Compiled;

/// A node of a tree. In a leaf both children are the node itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The column that is compared.
    pub column: u32,
    /// Rows below it go left.
    pub threshold: f64,
    /// The left child.
    pub left: u32,
    /// The right child.
    pub right: u32,
    /// Whether rows without a value go right.
    pub missing_right: bool,
    /// What a leaf adds to the log-odds.
    pub value: f64,
    /// How much training weight came this way; tells how likely a branch is for nobody in
    /// particular.
    pub cover: f64,
}

/// A tree; its root is the first node, children come after their parents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tree {
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// Trees whose sum is a log-odds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Forest {
    /// The log-odds before the first tree.
    pub base: f64,
    /// The trees.
    pub trees: Vec<Tree>,
}

impl Node {
    /// Returns true for a leaf at place `index`.
    #[must_use]
    pub fn is_leaf(&self, index: usize) -> bool {
        self.left as usize == index
    }

    /// Returns the child that a row with this value goes to.
    #[must_use]
    pub fn next(&self, value: f64) -> usize {
        let right = if value.is_nan() {
            self.missing_right
        } else {
            value >= self.threshold
        };
        if right {
            self.right as usize
        } else {
            self.left as usize
        }
    }
}

impl Tree {
    /// Returns what the tree adds for `row`.
    #[must_use]
    pub fn value(&self, row: &[f64]) -> f64 {
        let mut index = 0;
        while !self.nodes[index].is_leaf(index) {
            let node = &self.nodes[index];
            index = node.next(row[node.column as usize]);
        }
        self.nodes[index].value
    }

    /// Returns the number of steps from the root to the deepest leaf.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            if !node.is_leaf(index) {
                depths[node.left as usize] = depths[index] + 1;
                depths[node.right as usize] = depths[index] + 1;
            }
        }
        depths.into_iter().max().unwrap_or(0)
    }

    /// Makes the tree keep to the directions of columns: where a leaf on the side that may not be higher is,
    /// both sides are cut off halfway between. Cuts stay within what the leaves of a side said, so that what
    /// was mended nearer to the root stays mended.
    pub fn straighten(&mut self, directions: &[Option<Direction>]) {
        for index in 0..self.nodes.len() {
            let node = self.nodes[index];
            let direction = directions.get(node.column as usize).copied().flatten();
            let Some(direction) = direction.filter(|_| !node.is_leaf(index)) else {
                continue;
            };
            let sides = (self.leaves(node.left), self.leaves(node.right));
            let (low, high) = match direction {
                Direction::Rising => sides,
                Direction::Falling => (sides.1, sides.0),
            };
            let values = |leaves: &[usize]| -> Vec<f64> {
                leaves.iter().map(|leaf| self.nodes[*leaf].value).collect()
            };
            let top = values(&low).into_iter().fold(f64::NEG_INFINITY, f64::max);
            let bottom = values(&high).into_iter().fold(f64::INFINITY, f64::min);
            if top <= bottom {
                continue;
            }
            let halfway = f64::midpoint(top, bottom);
            for leaf in low {
                self.nodes[leaf].value = self.nodes[leaf].value.min(halfway);
            }
            for leaf in high {
                self.nodes[leaf].value = self.nodes[leaf].value.max(halfway);
            }
        }
    }

    /// Returns the leaves below a node.
    fn leaves(&self, node: u32) -> Vec<usize> {
        let (mut found, mut open) = (Vec::new(), vec![node as usize]);
        while let Some(index) = open.pop() {
            let node = &self.nodes[index];
            if node.is_leaf(index) {
                found.push(index);
            } else {
                open.extend([node.left as usize, node.right as usize]);
            }
        }
        found
    }

    fn is_sound(&self, width: usize) -> bool {
        let sound = |(index, node): (usize, &Node)| {
            let children = [node.left as usize, node.right as usize];
            let is_leaf = children == [index, index];
            let descends = children
                .iter()
                .all(|child| *child > index && *child < self.nodes.len());
            let reads = (node.column as usize) < width || is_leaf;
            let numbers = [node.threshold, node.value, node.cover];
            (is_leaf || descends) && reads && numbers.iter().all(|n| n.is_finite())
        };
        !self.nodes.is_empty() && self.nodes.iter().enumerate().all(sound)
    }
}

impl Forest {
    /// Returns the log-odds of `row`, one node after the other: the reference for the fast way.
    #[must_use]
    pub fn margin(&self, row: &[f64]) -> f64 {
        self.trees
            .iter()
            .fold(self.base, |sum, tree| sum + tree.value(row))
    }

    /// Returns the first trees alone.
    #[must_use]
    pub fn first(&self, trees: usize) -> Self {
        Self {
            base: self.base,
            trees: self.trees[..trees.min(self.trees.len())].to_vec(),
        }
    }

    /// Adds what another one says, times `weight`.
    pub fn add(&mut self, weight: f64, other: Self) {
        self.base += weight * other.base;
        self.trees.extend(other.trees.into_iter().map(|mut tree| {
            tree.nodes.iter_mut().for_each(|node| node.value *= weight);
            tree
        }));
    }

    /// Returns true when every tree ends in leaves and reads columns below `width` only.
    #[must_use]
    pub fn is_sound(&self, width: usize) -> bool {
        self.base.is_finite() && self.trees.iter().all(|tree| tree.is_sound(width))
    }
}

#[cfg(test)]
mod tests;
