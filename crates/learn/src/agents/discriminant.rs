//! A linear discriminant: one Gaussian a class, all of one shape, drawn towards a ball where data is scarce.
//!
//! It is made of sums alone, so that leaving out a fold or a category is a subtraction, and it needs no iteration and no
//! random start. A class's score is relative to the mean of everything seen: below 0 a text is more like the whole than like
//! the class, which is what tells a turn that belongs nowhere.
#![allow(clippy::indexing_slicing, reason = "matrices whose sizes are fixed where they are made")]

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use serde::{Deserialize, Serialize};

use super::rows::Rows;
use crate::estimate::dot::dot;

/// What a discriminant is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub(crate) struct Moments {
    scatter: Mat<f64>,
    sums: Vec<Vec<f64>>,
    counts: Vec<f64>,
}

/// The form in which they are kept: the scatter is symmetric, one half of it is enough.
#[derive(Serialize, Deserialize)]
struct Saved {
    half: Vec<f32>,
    sums: Vec<Vec<f32>>,
    counts: Vec<f32>,
    dims: u32,
}

/// Scores of classes, linear in the text's vector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Discriminant {
    weights: Rows,
    bias: Vec<f32>,
}

impl From<Moments> for Saved {
    fn from(moments: Moments) -> Self {
        let dims = moments.scatter.nrows();
        let narrow = |values: &Vec<f64>| values.iter().map(|value| *value as f32).collect();
        let half = (0..dims).flat_map(|row| (0..=row).map(move |column| (row, column)));
        Self {
            half: half.map(|at| moments.scatter[at] as f32).collect(),
            sums: moments.sums.iter().map(narrow).collect(),
            counts: narrow(&moments.counts),
            dims: dims as u32,
        }
    }
}

impl TryFrom<Saved> for Moments {
    type Error = &'static str;

    fn try_from(saved: Saved) -> Result<Self, Self::Error> {
        let dims = saved.dims as usize;
        let sized = saved.sums.iter().all(|sum| sum.len() == dims);
        if dims > 1 << 14
            || saved.half.len() != dims * (dims + 1) / 2
            || !sized
            || saved.sums.len() != saved.counts.len()
        {
            return Err("sums of another size");
        }
        let scatter = Mat::from_fn(dims, dims, |row, column| {
            let (row, column) = (row.max(column), row.min(column));
            f64::from(saved.half[row * (row + 1) / 2 + column])
        });
        let widen = |values: &Vec<f32>| values.iter().map(|value| f64::from(*value)).collect();
        Ok(Self { scatter, sums: saved.sums.iter().map(widen).collect(), counts: widen(&saved.counts) })
    }
}

impl Moments {
    pub(crate) fn new(dims: usize, classes: usize) -> Self {
        Self {
            scatter: Mat::zeros(dims, dims),
            sums: vec![vec![0.0; dims]; classes],
            counts: vec![0.0; classes],
        }
    }

    /// Adds texts, each with its classes; a text of two classes counts once for each.
    pub(crate) fn add(&mut self, texts: &[(&[f32], Vec<usize>)]) {
        let dims = self.scatter.nrows();
        let texts: Vec<_> = texts.iter().filter(|(_, classes)| !classes.is_empty()).collect();
        let x = Mat::from_fn(texts.len(), dims, |row, dim| {
            let (vector, classes) = &texts[row];
            f64::from(vector[dim]) * (classes.len() as f64).sqrt()
        });
        self.scatter += x.transpose() * &x;
        for (vector, classes) in texts {
            for class in classes {
                self.counts[*class] += 1.0;
                for (sum, value) in self.sums[*class].iter_mut().zip(*vector) {
                    *sum += f64::from(*value);
                }
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.scatter += &other.scatter;
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own += other;
        }
        for (own, other) in self.sums.iter_mut().zip(&other.sums) {
            for (own, other) in own.iter_mut().zip(other) {
                *own += other;
            }
        }
    }

    /// Room for further classes.
    pub(crate) fn grow(&mut self, classes: usize) {
        let dims = self.scatter.nrows();
        self.sums.resize(self.sums.len() + classes, vec![0.0; dims]);
        self.counts.resize(self.counts.len() + classes, 0.0);
    }

    /// Whether it is of this size.
    pub(crate) fn fits(&self, classes: usize, dims: usize) -> bool {
        self.scatter.nrows() == dims && self.counts.len() == classes
    }

    /// Whether a class was seen.
    pub(crate) fn has(&self, class: usize) -> bool {
        self.counts.get(class).is_some_and(|count| *count > 0.0)
    }

    /// The discriminant, its common shape drawn this far towards a ball (0 to 1).
    pub(crate) fn solve(&self, shrink: f64) -> Option<Discriminant> {
        let dims = self.scatter.nrows();
        let total: f64 = self.counts.iter().sum();
        if total < 2.0 {
            return None;
        }
        let means = Mat::from_fn(dims, self.counts.len(), |dim, class| {
            self.sums[class][dim] / self.counts[class].max(1.0)
        });
        let weighted = Mat::from_fn(self.counts.len(), dims, |class, dim| self.sums[class][dim]);
        let mut shape = &self.scatter - &means * &weighted;
        let trace: f64 = (0..dims).map(|dim| shape[(dim, dim)]).sum::<f64>() / dims as f64;
        let seen = self.counts.iter().filter(|count| **count > 0.0).count() as f64;
        let freedom = (total - seen).max(1.0);
        let ball = (trace / freedom).max(1e-6);
        for row in 0..dims {
            for column in 0..dims {
                shape[(row, column)] *= (1.0 - shrink) / freedom;
            }
            shape[(row, row)] += shrink * ball;
        }
        let whole = Mat::from_fn(dims, 1, |dim, _| self.sums.iter().map(|sum| sum[dim]).sum::<f64>() / total);
        let factor = shape.llt(Side::Lower).ok()?;
        let turned = factor.solve(&means);
        let origin = factor.solve(&whole);
        let half = |a: &Mat<f64>, b: &Mat<f64>, column: usize| {
            0.5 * (0..dims).map(|dim| a[(dim, column)] * b[(dim, column)]).sum::<f64>()
        };
        let base = half(&whole, &origin, 0);
        let mut out = Discriminant { weights: Rows::new(dims), bias: Vec::new() };
        for class in 0..self.counts.len() {
            let row: Vec<f32> =
                (0..dims).map(|dim| (turned[(dim, class)] - origin[(dim, 0)]) as f32).collect();
            out.weights.push(&row);
            out.bias.push((base - half(&means, &turned, class)) as f32);
        }
        Some(out)
    }
}

impl Discriminant {
    /// The score of a class; 0 beyond the last one.
    pub(crate) fn score(&self, class: usize, text: &[f32]) -> f32 {
        self.bias.get(class).map_or(0.0, |bias| bias + dot(self.weights.row(class), text))
    }

    /// The scores of all classes.
    pub(crate) fn scores(&self, text: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend(self.weights.iter().zip(&self.bias).map(|(row, bias)| bias + dot(row, text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_class_scores_higher_and_leaving_out_is_not_adding() {
        let texts: Vec<(Vec<f32>, Vec<usize>)> = (0..40)
            .map(|at| {
                let wobble = (at % 5) as f32 / 20.0;
                if at % 2 == 0 { (vec![1.0, wobble], vec![0]) } else { (vec![wobble, 1.0], vec![1]) }
            })
            .collect();
        let view: Vec<(&[f32], Vec<usize>)> = texts.iter().map(|(x, y)| (x.as_slice(), y.clone())).collect();
        let mut all = Moments::new(2, 3);
        all.add(&view);
        let (mut first, mut second) = (Moments::new(2, 3), Moments::new(2, 3));
        first.add(&view[..17]);
        second.add(&view[17..]);
        first.merge(&second);
        let (whole, merged) = (all.solve(0.3).unwrap(), first.solve(0.3).unwrap());
        assert!(whole.score(0, &[1.0, 0.1]) > 0.0 && whole.score(1, &[1.0, 0.1]) < 0.0);
        assert!((whole.score(0, &[0.3, 0.4]) - merged.score(0, &[0.3, 0.4])).abs() < 1e-3);
        assert!(all.has(1) && !all.has(2));
        assert!(Moments::new(2, 1).solve(0.3).is_none());
    }
}
