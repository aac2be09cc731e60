//! The figures of steadiness for people, and for a page.

use std::fmt;

use super::{AttackReport, Both, RobustReport, Share};

impl fmt::Display for RobustReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strip = self.strip_words;
        writeln!(f, "steadiness of the served policy at balanced, {} prompts", self.prompts)?;
        write!(f, "{:<34} {:>28} {:>28}", "", "as it stands", format!("robust ({strip} words)"))?;
        for (what, both) in self.rows() {
            write!(f, "\n{what:<34} {:>28} {:>28}", percent(both.plain), percent(both.robust))?;
        }
        let (plain, robust) = (self.unattacked.plain, self.unattacked.robust);
        let at = |quality: f64, cost: f64| format!("{quality:.3} @ {cost:.6}");
        let (own, other) = (at(plain.quality, plain.cost_usd), at(robust.quality, robust.cost_usd));
        write!(f, "\n{:<34} {own:>28} {other:>28}", "unattacked: quality @ USD a call")?;
        let us = |p: super::Percentiles| format!("{:.0}/{:.0} us", p.p50, p.p99);
        let (own, other) = (us(plain.decision_us), us(robust.decision_us));
        write!(f, "\n{:<34} {own:>28} {other:>28}", "decision p50/p99")?;
        let [low, high] = self.quality_difference_ci.map(|end| 100.0 * end);
        let difference = 100.0 * self.quality_difference;
        write!(
            f,
            "\nthe defence's quality less the other's: {difference:+.2} [{low:+.2}, {high:+.2}] points"
        )?;
        self.attack.iter().try_for_each(|attack| write!(f, "\n{}", attack.words()))
    }
}

impl RobustReport {
    /// The same as a table of a page.
    pub(in crate::evaluate) fn markdown(&self) -> String {
        use fmt::Write as _;
        let mut page = format!(
            "\n| the served policy at `balanced`, {} prompts | as it stands | robust ({} words) |\n| --- | --- | --- |\n",
            self.prompts, self.strip_words
        );
        for (what, both) in self.rows() {
            let _ = writeln!(page, "| {what} | {} | {} |", percent(both.plain), percent(both.robust));
        }
        let (plain, robust) = (self.unattacked.plain, self.unattacked.robust);
        for (what, of) in [("quality", 0), ("USD a call", 1), ("decision p50, us", 2)] {
            let value = |b: super::Brought| match of {
                0 => format!("{:.3}", b.quality),
                1 => format!("{:.6}", b.cost_usd),
                _ => format!("{:.0}", b.decision_us.p50),
            };
            let _ = writeln!(page, "| unattacked: {what} | {} | {} |", value(plain), value(robust));
        }
        if let Some(attack) = &self.attack {
            let _ = writeln!(page, "\n{}.", attack.words());
        }
        page
    }

    fn rows(&self) -> Vec<(String, Both<Share>)> {
        let mut rows = Vec::new();
        if let Some(stability) = &self.stability {
            rows.push((format!("same choice, {} edits, bar 97 %", stability.edits), stability.same));
            for (kind, both) in &stability.by_edit {
                rows.push((format!("  {}", kind.replace('_', " ")), *both));
            }
        }
        if let Some(attack) = &self.attack {
            rows.push((format!("attack succeeds, {} prompts", attack.prompts), attack.success));
        }
        rows
    }
}

impl AttackReport {
    fn words(&self) -> String {
        let to = self.target.as_ref().map_or("a dearer model".to_owned(), |target| target.clone());
        format!(
            "attack: up to {} tokens in {} tries, towards {to}; {} prompts had nowhere to go",
            self.tokens, self.tries, self.not_attackable
        )
    }
}

fn percent(share: Share) -> String {
    let [low, high] = share.ci.map(|end| 100.0 * end);
    format!("{:.1} % [{low:.1}, {high:.1}]", 100.0 * share.share)
}
