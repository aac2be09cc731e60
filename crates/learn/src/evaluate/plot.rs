//! The cost-quality picture: the routers' curves, every single model as a point, and the line of random mixes.
//!
//! What serves by default is drawn twice: the curve that compares estimators, and what users get at each preference. The
//! other routers are thin lines, since on most tables they lie within each other's intervals.

mod labels;

use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::hull::{Hull, Point};
use super::report::EvalReport;
use labels::{Label, place, width_of};

/// A picture that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("{file}: the picture cannot be drawn: {what}; check that its folder exists and may be written to")]
pub struct PlotError {
    file: String,
    what: String,
}

impl PlotError {
    pub(super) fn new(file: &Path, what: &dyn std::error::Error) -> Self {
        Self { file: file.display().to_string(), what: what.to_string() }
    }
}

pub(super) const COLOURS: [RGBColor; 8] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0xd9, 0x6b, 0x0b),
    RGBColor(0x2a, 0x8c, 0x4a),
    RGBColor(0xb0, 0x2a, 0x5b),
    RGBColor(0x6a, 0x4c, 0x93),
    RGBColor(0x8a, 0x6d, 0x1f),
    RGBColor(0x1f, 0x8a, 0x8a),
    RGBColor(0x5c, 0x5c, 0x5c),
];
const SIZE: (u32, u32) = (1080, 680);
const FONT: (&str, i32) = ("sans-serif", 13);
const GREY: RGBColor = RGBColor(0x88, 0x88, 0x88);

type Chart<'a, 'b, B> =
    ChartContext<'a, B, Cartesian2d<plotters::coord::combinators::LogCoord<f64>, RangedCoordf64>>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Draws into an SVG file.
pub(super) fn written<'a>(
    path: &Path,
    size: (u32, u32),
    draw: impl for<'b> FnOnce(&DrawingArea<SVGBackend<'b>, Shift>) -> Drawn<SVGBackend<'b>>,
) -> Result<(), PlotError> {
    let fault = |what: String| PlotError { file: path.display().to_string(), what };
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area).map_err(|error| fault(error.to_string()))?;
        area.present().map_err(|error| fault(error.to_string()))?;
    }
    std::fs::write(path, text).map_err(|error| fault(error.to_string()))
}

impl EvalReport {
    /// Draws mean quality against mean cost (on a logarithm) as SVG.
    ///
    /// # Errors
    /// [`PlotError`] where the file cannot be written.
    pub fn plot(&self, path: &Path) -> Result<(), PlotError> {
        written(path, SIZE, |area| self.draw(area))
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        area.fill(&WHITE)?;
        let (costs, qualities) = self.ends();
        let how = match (&self.leave_out, self.folds) {
            (Some(_), _) => "each data set left out".to_owned(),
            (None, Some(folds)) => format!("{folds}-fold"),
            (None, None) => format!("split {}", self.split),
        };
        let title = format!(
            "{}, {how}: {} prompts, {} models, encoder {}",
            self.data,
            self.prompts,
            self.models.len(),
            self.encoder
        );
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 20))
            .margin(14)
            .x_label_area_size(46)
            .y_label_area_size(58)
            .build_cartesian_2d((costs.0..costs.1).log_scale(), qualities.0..qualities.1)?;
        chart
            .configure_mesh()
            .light_line_style(BLACK.mix(0.03))
            .bold_line_style(BLACK.mix(0.10))
            .x_desc("mean cost of a call, USD (log scale)")
            .y_desc("mean quality")
            .x_label_formatter(&|cost| money(*cost))
            .y_label_formatter(&|quality| format!("{quality:.2}"))
            .label_style(FONT)
            .draw()?;
        self.draw_mixes(&mut chart, costs)?;
        self.draw_curves(&mut chart)?;
        self.draw_singles(&mut chart, costs, qualities)?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.9))
            .border_style(BLACK.mix(0.25))
            .label_font(FONT)
            .draw()
    }

    /// Costs and qualities from end to end, with room for names.
    fn ends(&self) -> ((f64, f64), (f64, f64)) {
        let singles = self.baselines.singles.iter().map(|single| (single.cost_usd, single.quality));
        let curves = self.routers.values().flat_map(|router| &router.curve);
        let served = self.routers.values().flat_map(|router| &router.served.curve);
        let points: Vec<(f64, f64)> = singles
            .chain(curves.map(|point| (point.cost_usd, point.quality)))
            .chain(served.map(|point| (point.cost_usd, point.quality)))
            .collect();
        let (low, high) = ends(points.iter().map(|p| p.0).filter(|cost| *cost > 0.0), (1e-6, 1e-2));
        let (worst, best) = ends(points.iter().map(|p| p.1), (0.0, 1.0));
        let (width, height) = ((high / low).ln().max(0.5), (best - worst).max(0.02));
        (
            (low * (-0.06 * width).exp(), high * (0.14 * width).exp()),
            (worst - 0.08 * height, best + 0.08 * height),
        )
    }

    fn draw_mixes<B: DrawingBackend>(&self, chart: &mut Chart<'_, '_, B>, costs: (f64, f64)) -> Drawn<B> {
        chart
            .draw_series(DashedLineSeries::new(self.mixes(costs), 6, 4, GREY.stroke_width(2)))?
            .label("random mixes of single models (zero router)")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], GREY.stroke_width(2)));
        Ok(())
    }

    fn draw_curves<B: DrawingBackend>(&self, chart: &mut Chart<'_, '_, B>) -> Drawn<B> {
        // The default last, so that it lies on top.
        let mut routers: Vec<_> = self.routers.iter().zip(COLOURS.iter().copied().cycle()).collect();
        routers.sort_by_key(|((name, _), _)| **name == self.default);
        for ((name, router), colour) in routers {
            let serves = *name == self.default;
            let style = colour.mix(if serves { 1.0 } else { 0.7 }).stroke_width(if serves { 3 } else { 1 });
            let curve = rising(router.curve.iter().map(|point| (point.cost_usd, point.quality)));
            if let [only] = curve.as_slice() {
                let only = *only;
                chart
                    .draw_series([TriangleMarker::new(only, 8, colour.filled())])?
                    .label(name.clone())
                    .legend(move |(x, y)| TriangleMarker::new((x + 9, y), 6, colour.filled()));
                continue;
            }
            chart
                .draw_series(LineSeries::new(curve, style))?
                .label(name.clone())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
            if serves {
                let served: Vec<(f64, f64)> = router
                    .served
                    .curve
                    .iter()
                    .filter(|point| point.cost_usd > 0.0)
                    .map(|point| (point.cost_usd, point.quality))
                    .collect();
                chart.draw_series(LineSeries::new(served.clone(), colour.mix(0.5).stroke_width(1)))?;
                chart
                    .draw_series(served.into_iter().map(|point| {
                        EmptyElement::at(point)
                            + Circle::new((0, 0), 4, WHITE.filled())
                            + Circle::new((0, 0), 4, colour.stroke_width(2))
                    }))?
                    .label(format!("{name} as served, prefer 0 to 1"))
                    .legend(move |(x, y)| Circle::new((x + 9, y), 4, colour.stroke_width(2)));
            }
        }
        Ok(())
    }

    fn draw_singles<B: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, '_, B>,
        costs: (f64, f64),
        qualities: (f64, f64),
    ) -> Drawn<B> {
        let (width, height) = chart.plotting_area().dim_in_pixel();
        let pixel = |cost: f64, quality: f64| {
            let x = (cost / costs.0).ln() / (costs.1 / costs.0).ln() * f64::from(width);
            let y = (qualities.1 - quality) / (qualities.1 - qualities.0) * f64::from(height);
            (x, y)
        };
        let singles: Vec<_> = self.baselines.singles.iter().filter(|single| single.cost_usd > 0.0).collect();
        let wanted: Vec<Label<'_>> = singles
            .iter()
            .map(|single| Label { text: &single.model, at: pixel(single.cost_usd, single.quality) })
            .collect();
        let lines: Vec<(f64, f64)> = self.lines(costs).map(|(cost, quality)| pixel(cost, quality)).collect();
        let places = place(&wanted, &lines, (f64::from(width), f64::from(height)));
        let best = &self.baselines.best_single.model;
        chart.draw_series(singles.iter().zip(places).map(|(single, (x, y))| {
            let size = if single.model == *best { 6 } else { 4 };
            let (left, top) = (x as i32, y as i32);
            let right = left + width_of(&single.model) as i32;
            EmptyElement::at((single.cost_usd, single.quality))
                + Rectangle::new([(left - 2, top - 1), (right, top + 14)], WHITE.mix(0.75).filled())
                + Circle::new((0, 0), size, BLACK.filled())
                + Text::new(single.model.clone(), (left, top), FONT)
        }))?;
        Ok(())
    }

    /// Points along what is drawn most boldly: the default's curves and the random mixes.
    fn lines(&self, costs: (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
        let default = self.routers.get(&self.default);
        let served = default.into_iter().flat_map(|router| &router.served.curve);
        let served = served.map(|point| (point.cost_usd, point.quality)).filter(|point| point.0 > 0.0);
        let curve = default.into_iter().flat_map(|router| &router.curve);
        let curve = rising(curve.map(|point| (point.cost_usd, point.quality)));
        let between = |[a, b]: &[(f64, f64); 2]| {
            let ((low, from), (high, to)) = (*a, *b);
            (0..12).map(move |step| {
                let share = f64::from(step) / 12.0;
                (low * (high / low).powf(share), from + share * (to - from))
            })
        };
        let along: Vec<(f64, f64)> = curve.array_windows().flat_map(between).collect();
        served.chain(along).chain(self.mixes(costs))
    }

    /// The zero router's hull.
    fn mixes(&self, costs: (f64, f64)) -> Vec<(f64, f64)> {
        let singles = self.baselines.singles.iter();
        let zero = Hull::of(singles.map(|single| Point { cost: single.cost_usd, quality: single.quality }));
        let (steps, from) = (160_u32, self.baselines.cheapest.cost_usd.max(costs.0));
        let mix = |at: u32| {
            let cost = from * (costs.1 / from).powf(f64::from(at) / f64::from(steps));
            (cost, zero.at(cost))
        };
        (0..=steps).map(mix).collect()
    }
}

/// Points that cost something, from the cheapest on.
fn rising(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = points.filter(|(cost, _)| *cost > 0.0).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// Dollars as people write them: no exponent down to a millionth.
fn money(usd: f64) -> String {
    if usd >= 0.01 {
        format!("${usd:.2}")
    } else if usd >= 1e-6 {
        let digits = (1.0 - usd.log10().floor()) as usize;
        let text = format!("{usd:.digits$}");
        format!("${}", text.trim_end_matches('0'))
    } else {
        format!("${usd:.0e}")
    }
}

fn ends(values: impl Iterator<Item = f64>, otherwise: (f64, f64)) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { (low, high) } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn money_is_written_without_exponents() {
        let cases =
            [(1.5, "$1.50"), (0.01, "$0.01"), (0.001, "$0.001"), (0.00025, "$0.00025"), (1e-6, "$0.000001")];
        for (usd, expected) in cases {
            assert_eq!(money(usd), expected);
        }
    }
}
