//! The report as a page: tables, pictures beside it, the command that makes it again, and the hashes of the data.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::many::{Evaluation, MeanOverTables};
use super::plot::PlotError;
use super::report::{ControlReport, EvalReport, Interval, RouterReport};

impl Evaluation {
    /// Writes the page, and the pictures it shows next to it. `command` is told as the way to make it again.
    ///
    /// # Errors
    /// [`PlotError`] where a file cannot be written.
    pub fn write_markdown(&self, page: &Path, command: &str) -> Result<(), PlotError> {
        let stem = page.file_stem().map_or("report".into(), |stem| stem.to_string_lossy());
        for table in &self.tables {
            let beside = |kind| page.with_file_name(picture(&stem, &table.data, kind));
            table.plot(&beside("cost"))?;
            table.plot_reliability(&beside("reliability"))?;
        }
        std::fs::write(page, self.markdown(&stem, command)).map_err(|error| PlotError::new(page, &error))
    }

    fn markdown(&self, stem: &str, command: &str) -> String {
        let mut page = format!("# Results\n\nMade by\n\n    {command}\n\n");
        page.push_str(
            "Intervals are the middle 95 % of bootstrap resamples of the prompts. `gain over zero` is in points of quality \
             over random mixes of single models. What the words mean: the guide on evaluation.\n\n",
        );
        page.push_str(
            "| data | sha256 | rows | left out | how | encoder |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for table in &self.tables {
            let (data, hash, how) = (&table.data, &table.data_hash, table.how());
            let (rows, left_out, encoder) = (table.prompts, table.left_out, &table.encoder);
            add(&mut page, format_args!("| {data} | {hash} | {rows} | {left_out} | {how} | {encoder} |\n"));
        }
        if let Some(mean) = &self.mean {
            over_tables(&mut page, mean);
        }
        self.tables.iter().for_each(|table| table.section(&mut page, stem));
        page
    }
}

impl EvalReport {
    fn section(&self, page: &mut String, stem: &str) {
        add(page, format_args!("\n## {}\n\n", self.data));
        let cost = picture(stem, &self.data, "cost");
        add(page, format_args!("![Mean cost against mean quality on {}]({cost})\n\n", self.data));
        self.baselines_table(page);
        self.routers_table(page);
        self.served_table(page);
        self.control_table(page);
        self.robust.iter().for_each(|robust| page.push_str(&robust.markdown()));
        let reliability = picture(stem, &self.data, "reliability");
        add(page, format_args!("\n![Predicted quality against grades on {}]({reliability})\n", self.data));
    }

    fn baselines_table(&self, page: &mut String) {
        let known = &self.baselines;
        page.push_str("| without learning | quality | USD a call |\n| --- | --- | --- |\n");
        for single in &known.singles {
            let mark = match &single.model {
                model if *model == known.best_single.model => " (best single)",
                model if *model == known.cheapest.model => " (cheapest)",
                _ => "",
            };
            let (quality, cost) =
                (with(single.quality, single.quality_ci, 3), with(single.cost_usd, single.cost_usd_ci, 6));
            add(page, format_args!("| {}{mark} | {quality} | {cost} |\n", single.model));
        }
        for (name, mean) in [("random model", &known.random), ("oracle", &known.oracle)] {
            let (quality, cost) =
                (with(mean.quality, mean.quality_ci, 3), with(mean.cost_usd, mean.cost_usd_ci, 6));
            add(page, format_args!("| {name} | {quality} | {cost} |\n"));
        }
        for (word, prefer) in [("cost", "0.00"), ("balanced", "0.50"), ("quality", "1.00")] {
            if let Some(point) = known.best_constant.get(prefer) {
                let (quality, cost) = (point.quality, point.cost_usd);
                add(
                    page,
                    format_args!(
                        "| best constant for {word}: {} | {quality:.3} | {cost:.6} |\n",
                        point.model
                    ),
                );
            }
        }
        let zero = with(known.zero_router.aiq_log, known.zero_router.aiq_log_ci, 4);
        add(
            page,
            format_args!("\nZero router (random mixes of these): mean height over log cost {zero}.\n\n"),
        );
    }

    fn routers_table(&self, page: &mut String) {
        page.push_str(
            "| router, `curve` | gain over zero | cost at 99 % (hull) | at 95 % | quality first less best single | Brier | \
             ECE | decision p50 / p99 |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for (name, router) in &self.routers {
            let figures = &router.figures;
            let hull = |share: &str| figures.cost_at_quality_hull.get(share).copied().flatten();
            let over = points(figures.quality_first_over_best, figures.quality_first_over_best_ci);
            add(
                page,
                format_args!(
                    "| {} | {} | {} | {} | {over} | {:.4} | {:.3} | {:.0} / {:.0} us |\n",
                    self.named(name),
                    with(figures.gain_over_zero, figures.gain_over_zero_ci, 2),
                    reached(hull("0.99")),
                    reached(hull("0.95")),
                    router.brier,
                    router.ece,
                    router.decision_us.p50,
                    router.decision_us.p99,
                ),
            );
        }
    }

    fn served_table(&self, page: &mut String) {
        page.push_str(
            "\n| router, as served | `cost` | `balanced` | `quality` | `quality` less best single | gain over zero |\n| --- \
             | --- | --- | --- | --- | --- |\n",
        );
        let unit = self.baselines.best_single.cost_usd;
        for (name, router) in &self.routers {
            let at = |place: usize| prefer_point(router, place, unit);
            let figures = &router.served.figures;
            let over = points(figures.quality_first_over_best, figures.quality_first_over_best_ci);
            let gain = with(figures.gain_over_zero, figures.gain_over_zero_ci, 2);
            let named = self.named(name);
            add(page, format_args!("| {named} | {} | {} | {} | {over} | {gain} |\n", at(0), at(10), at(20)));
        }
        page.push_str("\nQuality @ cost as a share of the best single's. **Bold** serves by default.\n");
    }

    fn control_table(&self, page: &mut String) {
        if let Some(control) = &self.control {
            control_rows(page, control);
        }
    }

    fn named(&self, router: &str) -> String {
        if router == self.default { format!("**{router}**") } else { router.to_owned() }
    }
}

fn over_tables(page: &mut String, mean: &MeanOverTables) {
    page.push_str(
        "\n## Mean over the tables\n\n| router | gain over zero | as served | less the one compared with |\n",
    );
    page.push_str("| --- | --- | --- | --- |\n");
    for (name, gain) in &mean.routers {
        let own = with(gain.gain_over_zero, gain.gain_over_zero_ci, 2);
        let served = with(gain.served_gain_over_zero, gain.served_gain_over_zero_ci, 2);
        let less = mean.versus.as_ref().and_then(|versus| versus.get(name));
        let less = less.map_or_else(String::new, |less| with(less.mean, less.ci, 2));
        add(page, format_args!("| {name} | {own} | {served} | {less} |\n"));
    }
    if let Some(control) = &mean.control {
        control_rows(page, control);
    }
}

/// Who stands above the same estimator trained on shuffled grades.
fn control_rows(page: &mut String, control: &BTreeMap<String, ControlReport>) {
    page.push_str(
        "\n| router | gain over zero | trained on shuffled grades | difference | |\n| --- | --- | --- | --- | --- |\n",
    );
    for (name, own) in control {
        let gain = own.gain_over_zero;
        let (shuffled, difference) =
            (with(own.shuffled, own.shuffled_ci, 2), with(own.difference, own.difference_ci, 2));
        let word = own.word();
        add(page, format_args!("| {name} | {gain:.2} | {shuffled} | {difference} | {word} |\n"));
    }
}

fn prefer_point(router: &RouterReport, place: usize, unit: f64) -> String {
    let point = router.served.curve.get(place);
    point.map_or_else(String::new, |point| format!("{:.3} @ {:.2}", point.quality, point.cost_usd / unit))
}

fn picture(stem: &str, data: &str, kind: &str) -> String {
    format!("{stem}-{data}-{kind}.svg")
}

fn with(value: f64, [low, high]: Interval, digits: usize) -> String {
    format!("{value:.digits$} [{low:.digits$}, {high:.digits$}]")
}

/// A difference of qualities, in points.
fn points(value: f64, [low, high]: Interval) -> String {
    format!("{:+.1} [{:+.1}, {:+.1}]", 100.0 * value, 100.0 * low, 100.0 * high)
}

fn reached(cost: Option<f64>) -> String {
    cost.map_or_else(|| "-".to_owned(), |cost| format!("{cost:.2}"))
}

/// Writing to a string cannot fail.
fn add(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}
