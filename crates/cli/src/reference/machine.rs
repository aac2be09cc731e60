//! The picture and the table of the agent stage's state machine, drawn from the kernel's own table.

use std::fmt::Write as _;

use pointsman_kernel::agents::Stage;

const WIDTH: f64 = 132.0;
const HEIGHT: f64 = 44.0;

/// Where a stage stands: centre of its box.
fn place(stage: Stage) -> (f64, f64) {
    match stage {
        Stage::Idle => (90.0, 190.0),
        Stage::Ambiguous => (300.0, 80.0),
        Stage::Clarify => (520.0, 40.0),
        Stage::Matched => (520.0, 190.0),
        Stage::Collecting => (740.0, 110.0),
        Stage::Running => (740.0, 250.0),
        Stage::Done => (740.0, 380.0),
        Stage::FollowUp => (300.0, 380.0),
        Stage::Handoff => (960.0, 190.0),
        Stage::Failed => (520.0, 300.0),
        Stage::General => (960.0, 420.0),
    }
}

/// The machine as an SVG picture.
pub(crate) fn picture() -> String {
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1060 470\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0 8 4 0 8z\" fill=\"#667\"/></marker></defs>\n<rect width=\"1060\" height=\"470\" fill=\"#fff\"/>\n",
    );
    for stage in Stage::ALL {
        for to in stage.row().leads_to {
            arrow(&mut svg, place(stage), place(*to));
        }
    }
    for stage in Stage::ALL {
        let (x, y) = place(stage);
        let fill = if stage.rests() { "#e3f1e5" } else { "#eef1f8" };
        let row = stage.row();
        let out = if row.cancel { "CANCEL" } else { "NONE" };
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\" fill=\"{fill}\" stroke=\"#334\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-size=\"9\">{}, {out}</text>",
            x - WIDTH / 2.0,
            y - HEIGHT / 2.0,
            y - 3.0,
            stage.name(),
            y + 13.0,
            row.allows.words(),
        );
    }
    svg + "</svg>\n"
}

/// The machine as a page.
pub(crate) fn markdown() -> String {
    let mut page = String::from(
        "# The agent stage's state machine\n\nGenerated from the code. Green boxes: a turn has ended, or waits for the user.\n\n\
         ![States and what leads where](agent-states.svg)\n\n| state | entered when | may be chosen | leads to |\n| --- | --- | --- | --- |\n",
    );
    for stage in Stage::ALL {
        let row = stage.row();
        let leads: Vec<&str> = row.leads_to.iter().map(|to| to.name()).collect();
        let out = if row.cancel { "CANCEL" } else { "NONE" };
        let allows = row.allows.words();
        let _ =
            writeln!(page, "| {} | {} | {allows}, {out} | {} |", stage.name(), row.entered, leads.join(", "));
    }
    page
}

/// A line from the edge of one box to the edge of the other, bent a little so that two ways are told apart.
fn arrow(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1.0);
    let edge = |(x, y): (f64, f64), sign: f64| {
        let reach = (WIDTH / 2.0 / dx.abs().max(1e-6)).min(HEIGHT / 2.0 / dy.abs().max(1e-6));
        (x + sign * dx * reach, y + sign * dy * reach)
    };
    let ((ax, ay), (bx, by)) = (edge(from, 1.0), edge(to, -1.0));
    let bend = 18.0;
    let (cx, cy) = ((ax + bx) / 2.0 - dy / length * bend, (ay + by) / 2.0 + dx / length * bend);
    let _ = writeln!(
        svg,
        "<path d=\"M{ax:.1} {ay:.1} Q{cx:.1} {cy:.1} {bx:.1} {by:.1}\" fill=\"none\" stroke=\"#667\" marker-end=\"url(#tip)\"/>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_every_state_and_arrow() {
        let svg = picture();
        let arrows: usize = Stage::ALL.iter().map(|stage| stage.row().leads_to.len()).sum();
        assert_eq!(svg.matches("marker-end").count(), arrows);
        assert!(
            Stage::ALL.iter().all(|stage| svg.contains(stage.name()) && markdown().contains(stage.name()))
        );
    }
}
