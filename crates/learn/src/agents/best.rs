//! The best few of many without sorting all: a buffer of twice the size, cut back when it is full.

/// Collects the best `most` of what it is offered.
#[derive(Debug)]
pub(crate) struct Best {
    most: usize,
    /// What is below this is not among the best.
    floor: f32,
    kept: Vec<(f32, u32)>,
}

impl Best {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, floor: f32::NEG_INFINITY, kept: Vec::with_capacity(2 * most) }
    }

    /// Takes a place into account. Of equal scores the lower place is the better one.
    pub(crate) fn offer(&mut self, place: usize, score: f32) {
        if score < self.floor {
            return;
        }
        self.kept.push((score, place as u32));
        if self.kept.len() == 2 * self.most {
            self.cut();
        }
    }

    /// The best places, in no order.
    pub(crate) fn places(mut self) -> impl Iterator<Item = usize> {
        self.cut();
        self.kept.into_iter().map(|(_, place)| place as usize)
    }

    fn cut(&mut self) {
        if self.kept.len() <= self.most {
            return;
        }
        let (_, least, _) =
            self.kept.select_nth_unstable_by(self.most - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.floor = least.0;
        self.kept.truncate(self.most);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_keeps_what_sorting_would(scores in prop::collection::vec(0_u8..20, 0..200), most in 1_usize..30) {
            let mut best = Best::new(most);
            let mut sorted: Vec<(u8, usize)> = Vec::new();
            for (place, score) in scores.iter().enumerate() {
                best.offer(place, f32::from(*score));
                sorted.push((*score, place));
            }
            sorted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            let mut wanted: Vec<usize> = sorted.into_iter().take(most).map(|(_, place)| place).collect();
            let mut found: Vec<usize> = best.places().collect();
            wanted.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, wanted);
        }
    }
}
