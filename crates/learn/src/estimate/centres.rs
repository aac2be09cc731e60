//! Centres of the training prompts, and which of them a prompt is near.
//!
//! A prompt belongs to its three nearest centres, the more the nearer: a hard boundary would give two prompts that hardly
//! differ the numbers of two different tables.

use serde::{Deserialize, Serialize};

use super::dot::dot;

/// Centres that a prompt belongs to.
pub(crate) const NEAR: usize = 3;

/// Centres on the main axes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Centres {
    /// Row by row.
    pub(crate) centres: Vec<f32>,
    /// Half of each centre's squared norm.
    pub(crate) half: Vec<f32>,
    /// One over the squared distance at which a share has fallen to 1/e.
    pub(crate) sharpness: f32,
}

impl Centres {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.half.len()
    }

    /// The nearest centres, each with its share; the shares sum to one unless there is no centre.
    pub(crate) fn near(&self, axes: &[f32]) -> [(usize, f32); NEAR] {
        let mut best = [(0, f32::INFINITY); NEAR];
        let own = dot(axes, axes);
        let centres = self.centres.chunks_exact(axes.len().max(1)).zip(&self.half);
        for (at, (centre, half)) in centres.enumerate() {
            let mut next = (at, (own + 2.0 * (half - dot(centre, axes))).max(0.0));
            for place in &mut best {
                if next.1 < place.1 {
                    std::mem::swap(place, &mut next);
                }
            }
        }
        let nearest = best.first().map_or(0.0, |(_, distance)| *distance);
        let mut total = 0.0;
        for (_, value) in &mut best {
            *value = if value.is_finite() { (-(*value - nearest) * self.sharpness).exp() } else { 0.0 };
            total += *value;
        }
        if total > 0.0 {
            best.iter_mut().for_each(|(_, share)| *share /= total);
        }
        best
    }

    pub(crate) fn fits(&self, axes: usize) -> bool {
        self.centres.len() == self.half.len() * axes && self.sharpness.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::Centres;

    #[test]
    fn shares_fall_with_distance_and_sum_to_one() {
        let centres = Centres {
            centres: vec![0.0, 0.0, 2.0, 0.0, 4.0, 0.0, 9.0, 0.0],
            half: vec![0.0, 2.0, 8.0, 40.5],
            sharpness: 0.5,
        };
        let near = centres.near(&[1.9, 0.0]);
        assert_eq!(near.map(|(at, _)| at), [1, 0, 2]);
        assert!(near[0].1 > near[1].1 && near[1].1 > near[2].1);
        assert!((near.iter().map(|(_, share)| share).sum::<f32>() - 1.0).abs() < 1e-6);
        let one = Centres { centres: vec![1.0], half: vec![0.5], sharpness: 1.0 };
        assert_eq!(one.near(&[7.0]), [(0, 1.0), (0, 0.0), (0, 0.0)]);
    }
}
