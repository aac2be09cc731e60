//! AdamW (Loshchilov and Hutter, 2019) over one slice of weights.

/// The optimiser's memory of one slice.
#[derive(Clone, Debug)]
pub(crate) struct AdamW {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
    /// Share of a weight that a step of rate 1 takes away.
    decay: f32,
}

impl AdamW {
    pub(crate) fn new(weights: usize, decay: f32) -> Self {
        Self { first: vec![0.0; weights], second: vec![0.0; weights], steps: 0, decay }
    }

    /// Moves `weights` against `gradient` and clears it.
    pub(crate) fn step(&mut self, weights: &mut [f32], gradient: &mut [f32], rate: f32) {
        const BETA1: f32 = 0.9;
        const BETA2: f32 = 0.999;
        self.steps += 1;
        let (bias1, bias2) = (1.0 - BETA1.powi(self.steps), 1.0 - BETA2.powi(self.steps));
        let memory = self.first.iter_mut().zip(&mut self.second);
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(memory) {
            *first += (1.0 - BETA1) * (*gradient - *first);
            *second += (1.0 - BETA2) * (*gradient * *gradient - *second);
            let step = (*first / bias1) / ((*second / bias2).sqrt() + 1e-8);
            *weight -= rate * (step + self.decay * *weight);
            *gradient = 0.0;
        }
    }
}
