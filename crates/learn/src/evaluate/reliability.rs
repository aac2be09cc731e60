//! The reliability picture: what was predicted against what came, in bins of equal mass.

use std::path::Path;

use plotters::prelude::*;

use super::plot::{COLOURS, PlotError, written};
use super::report::EvalReport;

impl EvalReport {
    /// Draws each router's mean grade against its mean prediction, a point a tenth of all predictions, as SVG. On the
    /// dotted line predictions come true.
    ///
    /// # Errors
    /// [`PlotError`] where the file cannot be written.
    pub fn plot_reliability(&self, path: &Path) -> Result<(), PlotError> {
        written(path, (600, 600), |area| self.draw_reliability(area))
    }

    fn draw_reliability<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(format!("{}, {}: reliability", self.data, self.split), ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        chart
            .configure_mesh()
            .light_line_style(BLACK.mix(0.03))
            .bold_line_style(BLACK.mix(0.1))
            .x_desc("predicted quality")
            .y_desc("mean grade that came")
            .x_label_formatter(&|value| format!("{value:.1}"))
            .y_label_formatter(&|value| format!("{value:.1}"))
            .label_style(("sans-serif", 13))
            .draw()?;
        let grey = RGBColor(0x88, 0x88, 0x88);
        chart.draw_series(DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 3, 4, grey.stroke_width(1)))?;
        let drawn = self.routers.iter().filter(|(_, router)| !router.reliability.is_empty());
        for ((name, router), colour) in drawn.zip(COLOURS.iter().copied().cycle()) {
            let points = router.reliability.iter().map(|bin| (bin.predicted, bin.observed));
            let style = colour.stroke_width(if *name == self.default { 3 } else { 1 });
            chart.draw_series(LineSeries::new(points.clone(), style))?;
            let size = if *name == self.default { 4 } else { 2 };
            chart
                .draw_series(points.map(|point| Circle::new(point, size, colour.filled())))?
                .label(format!("{name}, ECE {:.3}", router.ece))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font(("sans-serif", 13))
            .draw()
    }
}
