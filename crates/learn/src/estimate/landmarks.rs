//! Nearness to landmarks: a smooth surface through the space of prompts, where a linear map is a plane.
//!
//! A few hundred centres of training prompts stand for the data. A prompt's nearness to each (a Gaussian of the distance on
//! the main axes) and its place itself are mapped linearly to scores: kernel ridge regression with the centres for its
//! base, after Nystrom (Williams and Seeger, 2001).

use serde::{Deserialize, Serialize};

use super::directions::Directions;
use super::dot::dot;
use super::input::View;
use super::linear::Linear;

/// Nearness counts this much beside the place.
const NEARNESS: f32 = 2.0;
/// And the place itself this much.
const PLACE: f32 = 0.5;

/// The landmarks and the map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Landmarks {
    pub(crate) directions: Directions,
    /// Row by row, on the main axes.
    pub(crate) centres: Vec<f32>,
    /// Half of each centre's squared norm.
    pub(crate) half: Vec<f32>,
    /// One over the squared width of the Gaussian.
    pub(crate) sharpness: f32,
    /// From nearness and place to scores.
    pub(crate) map: Linear,
}

impl Landmarks {
    pub(crate) fn predict(&self, view: &View, out: &mut Vec<f32>) {
        let mut basis = Vec::new();
        self.basis(&view.axes, &mut basis);
        let mut scores = Vec::new();
        self.map.predict(&basis, &mut scores);
        self.directions.spread(&scores, out);
    }

    /// What the map is applied to.
    pub(crate) fn basis(&self, axes: &[f32], basis: &mut Vec<f32>) {
        basis.clear();
        let half = dot(axes, axes) / 2.0;
        let centres = self.centres.chunks_exact(axes.len().max(1)).zip(&self.half);
        basis.extend(centres.map(|(centre, own)| {
            let distance = (half + own - dot(centre, axes)).max(0.0);
            NEARNESS * (-distance * self.sharpness).exp()
        }));
        basis.extend(axes.iter().map(|value| PLACE * value));
    }

    pub(crate) fn fits(&self, models: usize, axes: usize) -> bool {
        self.directions.fits(models)
            && self.centres.len() == self.half.len() * axes
            && self.map.fits(self.directions.count(), self.half.len() + axes)
    }
}
