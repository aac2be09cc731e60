//! Weighted means with their variances, gathered value by value.

/// Sums of weights and values, as far as a self-normalised (Hájek) mean and its variance need them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    /// How many values.
    pub(super) count: u64,
    w: f64,
    ww: f64,
    wy: f64,
    wwy: f64,
    wwyy: f64,
}

/// A mean, the variance of that mean, and the number of equally weighted values that would be as good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mean {
    pub(super) value: f64,
    pub(super) variance: f64,
    pub(super) size: f64,
}

impl Moments {
    pub(super) fn add(&mut self, weight: f64, value: f64) {
        self.count += 1;
        self.w += weight;
        self.ww += weight * weight;
        self.wy += weight * value;
        self.wwy += weight * weight * value;
        self.wwyy += weight * weight * value * value;
    }

    /// Nothing where there is no value.
    pub(super) fn mean(&self) -> Option<Mean> {
        if self.count == 0 || self.w <= 0.0 {
            return None;
        }
        let (value, size) = (self.wy / self.w, self.w * self.w / self.ww);
        let squares = (self.wwyy - 2.0 * value * self.wwy + value * value * self.ww).max(0.0);
        let unbiased = if size > 1.0 { size / (size - 1.0) } else { 1.0 };
        Some(Mean { value, variance: unbiased * squares / (self.w * self.w), size })
    }
}

impl Mean {
    /// The mean of values in [0, 1] with a 0 and a 1 added to them (Agresti and Caffo 2000): a few values that agree
    /// do not prove that all would.
    pub(super) fn tempered(self) -> Self {
        let Self { value, variance, size } = self;
        let centre = (size * value + 1.0) / (size + 2.0);
        let spread = |at: f64| (at - centre) * (at - centre);
        let within = variance * (size - 1.0).max(0.0) + spread(value);
        let squares = size * within + spread(0.0) + spread(1.0);
        Self { value: centre, variance: squares / ((size + 2.0) * (size + 2.0)), size: size + 2.0 }
    }
}
