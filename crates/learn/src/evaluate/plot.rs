//! The cost-quality picture: each router's curve, each single model as a point, and the line of random mixes.

use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::hull::{Hull, Point};
use super::report::EvalReport;

/// A picture that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("{file}: the picture cannot be drawn: {what}; check that its folder exists and may be written to")]
pub struct PlotError {
    file: String,
    what: String,
}

const COLOURS: [RGBColor; 6] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0xd9, 0x6b, 0x0b),
    RGBColor(0x2a, 0x8c, 0x4a),
    RGBColor(0xb0, 0x2a, 0x5b),
    RGBColor(0x6a, 0x4c, 0x93),
    RGBColor(0x6b, 0x6b, 0x6b),
];

impl EvalReport {
    /// Draws mean quality against mean cost (on a logarithm) as SVG.
    ///
    /// # Errors
    /// [`PlotError`] where the file cannot be written.
    pub fn plot(&self, path: &Path) -> Result<(), PlotError> {
        let drawn = self.svg().map_err(|what| PlotError { file: path.display().to_string(), what })?;
        std::fs::write(path, drawn)
            .map_err(|error| PlotError { file: path.display().to_string(), what: error.to_string() })
    }

    fn svg(&self) -> Result<String, String> {
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (960, 600)).into_drawing_area();
            self.draw(&area).map_err(|error| error.to_string())?;
            area.present().map_err(|error| error.to_string())?;
        }
        Ok(text)
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let singles = &self.baselines.singles;
        let curves = self.routers.values().flat_map(|router| &router.curve);
        let costs =
            singles.iter().map(|single| single.cost_usd).chain(curves.clone().map(|point| point.cost_usd));
        let costs: Vec<f64> = costs.filter(|cost| *cost > 0.0).collect();
        let qualities = singles.iter().map(|single| single.quality).chain(curves.map(|point| point.quality));
        let (low, high) = ends(costs.iter().copied(), 1e-6, 1e-2);
        let (worst, best) = ends(qualities, 0.0, 1.0);
        let margin = ((best - worst) * 0.08).max(0.005);
        let mut chart = ChartBuilder::on(area)
            .caption(
                format!(
                    "{}, {}: {} prompts, {} models",
                    self.data,
                    self.split,
                    self.prompts,
                    self.models.len()
                ),
                ("sans-serif", 20),
            )
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d((low * 0.8..high * 1.6).log_scale(), worst - margin..best + margin)?;
        mesh(&mut chart)?;
        let zero =
            Hull::of(singles.iter().map(|single| Point { cost: single.cost_usd, quality: single.quality }));
        let steps = 120;
        let mix = (0..=steps).map(|at| {
            let cost = low * (high / low).powf(f64::from(at) / f64::from(steps));
            (cost, zero.at(cost))
        });
        let grey = RGBColor(0x99, 0x99, 0x99);
        chart
            .draw_series(DashedLineSeries::new(mix, 6, 4, grey.stroke_width(2)))?
            .label("random mixes (zero router)")
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], grey.stroke_width(2)));
        for ((name, router), colour) in self.routers.iter().zip(COLOURS.iter().copied().cycle()) {
            let mut points: Vec<(f64, f64)> = router
                .curve
                .iter()
                .filter(|p| p.cost_usd > 0.0)
                .map(|point| (point.cost_usd, point.quality))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let style = colour.stroke_width(if *name == self.default { 3 } else { 1 });
            chart
                .draw_series(LineSeries::new(points, style))?
                .label(name.clone())
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart.draw_series(singles.iter().filter(|single| single.cost_usd > 0.0).map(|single| {
            EmptyElement::at((single.cost_usd, single.quality))
                + Circle::new((0, 0), 4, BLACK.filled())
                + Text::new(single.model.clone(), (6, 4), ("sans-serif", 12))
        }))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        Ok(())
    }
}

fn mesh<'a, B, X, Y>(
    chart: &mut ChartContext<'a, B, Cartesian2d<X, Y>>,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>>
where
    B: DrawingBackend + 'a,
    X: plotters::coord::ranged1d::Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: plotters::coord::ranged1d::Ranged<ValueType = f64> + ValueFormatter<f64>,
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
{
    chart
        .configure_mesh()
        .light_line_style(BLACK.mix(0.04))
        .x_desc("mean cost of a call, USD")
        .y_desc("mean quality")
        .x_label_formatter(&|cost| format!("{cost:.1e}"))
        .y_label_formatter(&|quality| format!("{quality:.2}"))
        .draw()
}

fn ends(values: impl Iterator<Item = f64>, otherwise_low: f64, otherwise_high: f64) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { (low, high) } else { (otherwise_low, otherwise_high) }
}
