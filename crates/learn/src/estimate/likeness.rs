//! How unlike the training data a prompt is.
//!
//! Its squared distance to the nearest of some centres of the training prompts: on the main axes to the centre, and beyond
//! the axes to nothing, since what training prompts do not share they do not have. How far prompts of the same
//! data sets lie that the centres were not made from is known; further than nearly all of them begins to be unlike, and as
//! much further again as those are from the middle one is wholly unlike.

use serde::{Deserialize, Serialize};

use super::dot::dot;
use super::input::View;

/// Centres, and distances that are usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Likeness {
    /// Row by row, on the main axes.
    pub(crate) centres: Vec<f32>,
    /// Half of each centre's squared norm.
    pub(crate) half: Vec<f32>,
    /// The squared distance from which on a prompt is unlike.
    pub(crate) near: f32,
    /// The one from which on it is wholly unlike.
    pub(crate) far: f32,
}

impl Likeness {
    /// From 0 for a prompt like those learnt from to 1 for one from elsewhere; nothing where there are no centres.
    pub(crate) fn unlike(&self, view: &View) -> Option<f64> {
        let beyond = self.distance(view)? - self.near;
        let width = self.far - self.near;
        Some(if width > 0.0 { f64::from((beyond / width).clamp(0.0, 1.0)) } else { f64::from(beyond > 0.0) })
    }

    /// The squared distance to what training prompts are like.
    pub(crate) fn distance(&self, view: &View) -> Option<f32> {
        let axes = &view.axes;
        let square = dot(axes, axes);
        let centres = self.centres.chunks_exact(axes.len().max(1)).zip(&self.half);
        let on_axes = centres.map(|(centre, half)| square + 2.0 * (half - dot(centre, axes)));
        let nearest = on_axes.reduce(f32::min)?;
        let beyond_axes = dot(&view.x, &view.x) - square;
        Some(nearest.max(0.0) + beyond_axes.max(0.0))
    }

    pub(crate) fn fits(&self, axes: usize) -> bool {
        self.centres.len() == self.half.len() * axes && self.near.is_finite() && self.far >= self.near
    }
}
