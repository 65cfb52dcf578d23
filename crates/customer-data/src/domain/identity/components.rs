//! Which of many things hang together: a forest of disjoint sets, 8 bytes for each thing.

/// Disjoint sets over the numbers below a count.
#[derive(Debug, Clone)]
pub struct Components {
    parents: Vec<u32>,
    sizes: Vec<u32>,
}

impl Components {
    /// Puts each number below `count` into a set of its own.
    #[must_use]
    pub fn new(count: u32) -> Self {
        let sizes = vec![1; count as usize];
        Self {
            parents: (0..count).collect(),
            sizes,
        }
    }

    /// Returns the number that stands for the set of `at`: the same one until the set grows.
    pub fn root(&mut self, at: u32) -> u32 {
        let mut at = at;
        loop {
            let parent = self.parents[at as usize];
            if parent == at {
                return at;
            }
            // Each visit halves the way, so that later ones are short.
            let above = self.parents[parent as usize];
            self.parents[at as usize] = above;
            at = above;
        }
    }

    /// Makes one set of two, and returns what stands for it; nothing when they were one already.
    pub fn join(&mut self, one: u32, other: u32) -> Option<u32> {
        let (one, other) = (self.root(one), self.root(other));
        if one == other {
            return None;
        }
        let (large, small) = if self.sizes[one as usize] < self.sizes[other as usize] {
            (other, one)
        } else {
            (one, other)
        };
        self.parents[small as usize] = large;
        self.sizes[large as usize] += self.sizes[small as usize];
        Some(large)
    }

    /// Returns how many there are in the set of `at`.
    pub fn size(&mut self, at: u32) -> u32 {
        let root = self.root(at);
        self.sizes[root as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The model paints: whoever hangs together has one colour.
        #[test]
        fn sets_are_what_painting_by_hand_makes_of_them(
            pairs in prop::collection::vec((0_u32..20, 0_u32..20), 0..40),
        ) {
            let mut components = Components::new(20);
            let mut colours: Vec<u32> = (0..20).collect();
            for (one, other) in pairs {
                let (from, to) = (colours[one as usize], colours[other as usize]);
                let joined = components.join(one, other);
                prop_assert_eq!(joined.is_some(), from != to);
                for colour in &mut colours {
                    if *colour == from {
                        *colour = to;
                    }
                }
            }
            for one in 0..20 {
                let alike = colours.iter().filter(|c| **c == colours[one as usize]).count();
                prop_assert_eq!(components.size(one) as usize, alike);
                for other in 0..20 {
                    let same = components.root(one) == components.root(other);
                    prop_assert_eq!(same, colours[one as usize] == colours[other as usize]);
                }
            }
        }
    }
}
