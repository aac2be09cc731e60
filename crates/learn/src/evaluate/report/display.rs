//! The report as a table for people, within 100 columns.

use std::fmt;

use super::{EvalReport, Interval, SingleReport};

impl fmt::Display for EvalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, split {}: {} prompts, {} left out, encoder {}",
            self.data, self.split, self.prompts, self.left_out, self.encoder
        )?;
        writeln!(f, "{}; 95 % intervals of {} resamples", self.how(), self.resamples)?;
        if self.seen_in_training > 0 {
            let seen = self.seen_in_training;
            writeln!(f, "CAUTION: {seen} of these prompts were trained on; use --split dev, or --cv 5")?;
        }
        writeln!(f)?;
        writeln!(f, "{:<44} {:>24} {:>27}", "single models", "quality", "USD a call")?;
        for single in &self.baselines.singles {
            let mark = match single.model == self.baselines.best_single.model {
                true => " (best single)",
                false if single.model == self.baselines.cheapest.model => " (cheapest)",
                false => "",
            };
            line(f, &format!("{}{mark}", single.model), single)?;
        }
        let (random, oracle) = (&self.baselines.random, &self.baselines.oracle);
        for (name, mean) in [("random", random), ("oracle", oracle)] {
            let (quality, cost) =
                (with(mean.quality, mean.quality_ci, 3), with(mean.cost_usd, mean.cost_usd_ci, 6));
            writeln!(f, "{name:<44} {quality:>24} {cost:>27}")?;
        }
        let constants = [("cost", "0.00"), ("balanced", "0.50"), ("quality", "1.00")];
        let named = constants.iter().filter_map(|(word, prefer)| {
            Some(format!("{word} {}", self.baselines.best_constant.get(*prefer)?.model))
        });
        let constants: Vec<String> = named.collect();
        writeln!(f, "best constant: {}", constants.join(", "))?;
        let zero = &self.baselines.zero_router;
        writeln!(f, "zero router: area over log cost {}", with(zero.aiq_log, zero.aiq_log_ci, 4))?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<10} {:>23} {:>22} {:>8} {:>8} {:>6} {:>16}",
            "router", "gain over zero", "cost at 99 % (hull)", "at 95 %", "Brier", "ECE", "decision p50/p99"
        )?;
        let cost = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        for (name, router) in &self.routers {
            let mark = if *name == self.default { "*" } else { "" };
            let figures = &router.figures;
            let hull = |share: &str| figures.cost_at_quality_hull.get(share).copied().flatten();
            let ci = figures.cost_at_quality_hull_ci.get("0.99").copied().unwrap_or_default();
            writeln!(
                f,
                "{:<10} {:>23} {:>22} {:>8} {:>8.4} {:>6.3} {:>16}",
                format!("{name}{mark}"),
                with(figures.gain_over_zero, figures.gain_over_zero_ci, 2),
                format!("{} [{}, {}]", cost(hull("0.99")), cost(ci[0]), cost(ci[1])),
                cost(hull("0.95")),
                router.brier,
                router.ece,
                format!("{:.0}/{:.0} us", router.decision_us.p50, router.decision_us.p99),
            )?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "served (floor and all): quality and share of the best single's cost at each preference"
        )?;
        writeln!(
            f,
            "{:<10} {:>20} {:>20} {:>20} {:>23}",
            "router", "cost", "balanced", "quality", "gain over zero"
        )?;
        let unit = self.baselines.best_single.cost_usd;
        for (name, router) in &self.routers {
            let at = |place: usize| {
                let point = router.served.curve.get(place);
                point.map_or_else(String::new, |point| {
                    format!("{:.3} @ {:.2}", point.quality, point.cost_usd / unit)
                })
            };
            let gain = with(router.served.figures.gain_over_zero, router.served.figures.gain_over_zero_ci, 2);
            writeln!(f, "{name:<10} {:>20} {:>20} {:>20} {gain:>23}", at(0), at(10), at(20))?;
        }
        if let Some(versus) = &self.versus {
            writeln!(f)?;
            writeln!(f, "gain over zero, less that of {}:", versus.router)?;
            for (name, differences) in &versus.differences {
                if let Some(difference) = differences.get("gain_over_zero") {
                    writeln!(f, "{name:<10} {:>23}", with(difference.mean, difference.ci, 2))?;
                }
            }
        }
        if let Some(control) = &self.control {
            writeln!(f)?;
            writeln!(f, "gain over zero beside the same estimator trained on shuffled grades:")?;
            for (name, own) in control {
                writeln!(
                    f,
                    "{name:<10} {:>7.2} {:>7.2} {:>23} {}",
                    own.gain_over_zero,
                    own.shuffled,
                    with(own.difference, own.difference_ci, 2),
                    own.word()
                )?;
            }
        }
        for (router, by_preference) in self.own_scores.iter().flatten() {
            for (preference, scores) in by_preference {
                let scores: Vec<String> =
                    scores.iter().map(|(name, score)| format!("{name} {score:.3}")).collect();
                write!(f, "\n{router:<10} at {preference:<9} {}", scores.join(", "))?;
            }
        }
        if self.own_scores.is_some() {
            writeln!(f)?;
        }
        if let Some(robust) = &self.robust {
            writeln!(f, "\n{robust}")?;
        }
        write!(f, "* serves by default")
    }
}

impl EvalReport {
    /// How its estimators came by what they know.
    pub(in crate::evaluate) fn how(&self) -> String {
        match (&self.artifact, &self.leave_out, self.folds) {
            (Some(hash), ..) => format!("artifact {hash}"),
            (None, Some(what), _) => format!("each {what} judged by what the others teach"),
            (None, None, Some(folds)) => format!("{folds}-fold cross-validation"),
            (None, None, None) => "trained on the table's own training rows".to_owned(),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, single: &SingleReport) -> fmt::Result {
    let name: String = name.chars().take(44).collect();
    let quality = with(single.quality, single.quality_ci, 3);
    let cost = with(single.cost_usd, single.cost_usd_ci, 6);
    writeln!(f, "{name:<44} {quality:>24} {cost:>27}")
}

fn with(value: f64, [low, high]: Interval, digits: usize) -> String {
    format!("{value:.digits$} [{low:.digits$}, {high:.digits$}]")
}
