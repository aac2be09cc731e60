//! Where names stand beside their points so that they can be read.
//!
//! Greedy: each name takes the first of a few places around its point that meets no other name, no point, no edge
//! and least of the lines.

/// Width of a letter and height of a line, in pixels, of the font in use.
const LETTER: f64 = 6.9;
const LINE: f64 = 13.0;
/// Half the width of a point.
const POINT: f64 = 5.0;

/// A name and the pixel of its point.
pub(super) struct Label<'a> {
    pub(super) text: &'a str,
    pub(super) at: (f64, f64),
}

#[derive(Clone, Copy)]
struct Frame {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Frame {
    /// The area that both cover.
    fn shared(&self, other: &Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    fn area(&self) -> f64 {
        (self.right - self.left) * (self.bottom - self.top)
    }
}

/// About how wide a name is drawn.
pub(super) fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

/// For each label the offset of its upper left corner from its point; `lines` are pixels that are better left free.
pub(super) fn place(
    labels: &[Label<'_>],
    lines: &[(f64, f64)],
    (width, height): (f64, f64),
) -> Vec<(f64, f64)> {
    let picture = Frame { left: 0.0, top: 0.0, right: width, bottom: height };
    let mut taken: Vec<Frame> = labels
        .iter()
        .map(|label| {
            let (x, y) = label.at;
            Frame { left: x - POINT, top: y - POINT, right: x + POINT, bottom: y + POINT }
        })
        .collect();
    let mut places = Vec::with_capacity(labels.len());
    for label in labels {
        let long = width_of(label.text);
        let frame = |(x, y): (f64, f64)| {
            let (left, top) = (label.at.0 + x, label.at.1 + y);
            Frame { left, top, right: left + long, bottom: top + LINE }
        };
        let meets = |offset: &(f64, f64)| {
            let own = frame(*offset);
            let outside = own.area() - own.shared(&picture);
            let over = |(x, y): &&(f64, f64)| {
                (own.left..own.right).contains(x) && (own.top - 2.0..own.bottom + 2.0).contains(y)
            };
            let crossed = lines.iter().filter(over).count() as f64;
            taken.iter().map(|other| own.shared(other)).sum::<f64>() + 4.0 * outside + 3.0 * crossed
        };
        let best = around(long).into_iter().min_by(|a, b| meets(a).total_cmp(&meets(b))).unwrap_or_default();
        taken.push(frame(best));
        places.push(best);
    }
    places
}

/// Offsets around a point in the order in which they are liked.
fn around(long: f64) -> Vec<(f64, f64)> {
    let (right, left, middle) = (POINT + 3.0, -long - POINT - 3.0, -long / 2.0);
    let (level, above, below) = (-LINE / 2.0, -LINE - POINT - 1.0, POINT + 2.0);
    let mut offsets = vec![(right, level), (left, level), (middle, above), (middle, below)];
    for lines in 1..=3 {
        let far = f64::from(lines) * (LINE + 2.0);
        offsets.extend([
            (right, above + LINE - far),
            (right, below - LINE + far),
            (left, above + LINE - far),
            (left, below - LINE + far),
        ]);
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_near_points_do_not_cover_each_other_and_stay_inside() {
        let text = "a-model-of-some-length";
        let label = |x: f64, y: f64| Label { text, at: (x, y) };
        let labels = [label(400.0, 300.0), label(404.0, 303.0), label(398.0, 297.0), label(990.0, 10.0)];
        let size = (1000.0, 600.0);
        let frames: Vec<Frame> = place(&labels, &[], size)
            .iter()
            .zip(&labels)
            .map(|((x, y), label)| {
                let (left, top) = (label.at.0 + x, label.at.1 + y);
                Frame { left, top, right: left + text.len() as f64 * LETTER, bottom: top + LINE }
            })
            .collect();
        for (at, own) in frames.iter().enumerate() {
            assert!(frames.iter().skip(at + 1).all(|other| own.shared(other) < 1.0), "name {at} is covered");
            assert!(own.right <= size.0 && own.top >= 0.0, "name {at} leaves the picture");
        }
    }
}
