//! The non-decreasing concave hull of points in cost and quality: what random mixes of them can reach.

/// A mean cost in dollars and the mean quality that goes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) cost: f64,
    pub(crate) quality: f64,
}

/// Corners from the cheapest to the best, rising in both; beyond the last it is level.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hull(Vec<Point>);

impl Hull {
    /// The hull of some points. It starts at the cheapest.
    pub(crate) fn of(points: impl IntoIterator<Item = Point>) -> Self {
        let mut points: Vec<Point> = points.into_iter().collect();
        points.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(b.quality.total_cmp(&a.quality)));
        let mut corners: Vec<Point> = Vec::new();
        for point in points {
            if corners.last().is_some_and(|last| point.quality <= last.quality) {
                continue;
            }
            while let [.., a, b] = corners.as_slice() {
                // b lies on or below the line from a to the new point.
                let below = (b.quality - a.quality) * (point.cost - a.cost)
                    <= (point.quality - a.quality) * (b.cost - a.cost);
                if !below {
                    break;
                }
                corners.pop();
            }
            corners.push(point);
        }
        Self(corners)
    }

    /// The lowest cost at which it reaches a quality.
    pub(crate) fn cost_of(&self, quality: f64) -> Option<f64> {
        let first = self.0.first()?;
        if quality <= first.quality {
            return Some(first.cost);
        }
        self.0
            .array_windows()
            .find(|[_, b]| b.quality >= quality)
            .map(|[a, b]| a.cost + (quality - a.quality) / (b.quality - a.quality) * (b.cost - a.cost))
    }

    /// Its mean height over costs spread evenly from `low` to `high`.
    pub(crate) fn mean_height(&self, low: f64, high: f64) -> f64 {
        self.mean(
            low,
            high,
            |a, b| b - a,
            |height, slope, a, b| height * (b - a) + slope * (b * b - a * a) / 2.0,
        )
    }

    /// Its mean height over costs spread evenly in their logarithm; the hull itself stays straight in cost.
    pub(crate) fn mean_height_log(&self, low: f64, high: f64) -> f64 {
        let low = low.max(high * 1e-9);
        self.mean(
            low,
            high,
            |a, b| (b / a).ln(),
            |height, slope, a, b| height * (b / a).ln() + slope * (b - a),
        )
    }

    /// Sums `area` of `height + slope cost` over the pieces between `low` and `high`, over the `width` of all.
    fn mean(
        &self,
        low: f64,
        high: f64,
        width: impl Fn(f64, f64) -> f64,
        area: impl Fn(f64, f64, f64, f64) -> f64,
    ) -> f64 {
        let Some(last) = self.0.last() else { return 0.0 };
        if low >= high {
            return self.at(low);
        }
        let mut total = 0.0;
        for [a, b] in self.0.array_windows() {
            let (from, to) = (a.cost.max(low), b.cost.min(high));
            if from < to {
                let slope = (b.quality - a.quality) / (b.cost - a.cost);
                total += area(a.quality - slope * a.cost, slope, from, to);
            }
        }
        let from = last.cost.max(low);
        if from < high {
            total += area(last.quality, 0.0, from, high);
        }
        total / width(low, high)
    }

    /// Its height; below the cheapest corner that corner's own.
    pub(crate) fn at(&self, cost: f64) -> f64 {
        let piece = self.0.array_windows().find(|[_, b]| b.cost >= cost);
        match (piece, self.0.first(), self.0.last()) {
            (Some([a, b]), ..) if cost >= a.cost => {
                a.quality + (cost - a.cost) / (b.cost - a.cost) * (b.quality - a.quality)
            }
            (_, Some(first), _) if cost <= first.cost => first.quality,
            (_, _, Some(last)) => last.quality,
            _ => 0.0,
        }
    }

    #[cfg(test)]
    pub(crate) fn corners(&self) -> &[Point] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Hull, Point};

    fn points(list: &[(f64, f64)]) -> Vec<Point> {
        list.iter().map(|(cost, quality)| Point { cost: *cost, quality: *quality }).collect()
    }

    #[test]
    fn areas_are_those_computed_by_hand() {
        // (2, 0.5) lies below the line from (1, 0.4) to (3, 0.8); (9, 0.7) is dominated.
        let hull = Hull::of(points(&[(3.0, 0.8), (1.0, 0.4), (2.0, 0.5), (9.0, 0.7)]));
        assert_eq!(hull.corners(), points(&[(1.0, 0.4), (3.0, 0.8)]));
        // From 1 to 3 the mean height is 0.6, from 3 to 9 it is 0.8: (2 * 0.6 + 6 * 0.8) / 8.
        assert!((hull.mean_height(1.0, 9.0) - 0.75).abs() < 1e-12);
        // Height 0.2 + 0.2 c: integral over ln c from 1 to 3 is 0.2 ln 3 + 0.2 * 2; then 0.8 (ln 9 - ln 3).
        let by_hand = (0.2 * 3.0_f64.ln() + 0.4 + 0.8 * 3.0_f64.ln()) / 9.0_f64.ln();
        assert!((hull.mean_height_log(1.0, 9.0) - by_hand).abs() < 1e-12);
        assert!((hull.cost_of(0.6).unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(hull.cost_of(0.1), Some(1.0));
        assert_eq!(hull.cost_of(0.81), None);
        assert_eq!([hull.at(0.5), hull.at(2.0), hull.at(50.0)], [0.4, 0.6000000000000001, 0.8]);
    }

    proptest! {
        #[test]
        fn no_point_lies_above_and_the_hull_rises_and_bends_down(list in prop::collection::vec((0.01_f64..10.0, 0.0_f64..1.0), 1..30)) {
            let list = points(&list);
            let hull = Hull::of(list.iter().copied());
            for point in &list {
                prop_assert!(hull.at(point.cost) >= point.quality - 1e-9);
            }
            for [a, b] in hull.corners().array_windows() {
                prop_assert!(b.cost > a.cost && b.quality > a.quality);
            }
            for [a, b, c] in hull.corners().array_windows() {
                prop_assert!((b.quality - a.quality) / (b.cost - a.cost) > (c.quality - b.quality) / (c.cost - b.cost));
            }
        }

        #[test]
        fn mean_heights_are_limits_of_sums(list in prop::collection::vec((0.01_f64..10.0, 0.0_f64..1.0), 1..12), low in 0.02_f64..1.0, width in 1.5_f64..20.0) {
            let hull = Hull::of(points(&list));
            let high = low * width;
            let steps = 4000;
            let middle = |at: usize| (at as f64 + 0.5) / f64::from(steps as u32);
            let straight: f64 = (0..steps).map(|at| hull.at(low + (high - low) * middle(at))).sum::<f64>() / steps as f64;
            // Below its cheapest corner the closed form counts nothing, so compare from there on.
            if hull.corners()[0].cost <= low {
                prop_assert!((hull.mean_height(low, high) - straight).abs() < 2e-3);
                let log: f64 = (0..steps).map(|at| hull.at(low * width.powf(middle(at)))).sum::<f64>() / steps as f64;
                prop_assert!((hull.mean_height_log(low, high) - log).abs() < 2e-3);
            }
        }
    }
}
