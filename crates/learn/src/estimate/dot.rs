//! Inner products in the order that lets the compiler use vector instructions: several sums side by side.

/// Sums side by side.
const LANES: usize = 16;

/// The inner product of the common length of `a` and `b`.
#[inline]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The inner product of small integers, exact. Always inlined, so that it is compiled for the processor of its caller.
#[inline(always)]
pub(crate) fn dot_i8(a: &[i8], b: &[i16]) -> i32 {
    let mut total = 0_i32;
    for (a, b) in a.iter().zip(b) {
        total += i32::from(*a) * i32::from(*b);
    }
    total
}

/// `into += scale * from`.
#[inline]
pub(crate) fn add_scaled(into: &mut [f32], from: &[f32], scale: f32) {
    for (into, from) in into.iter_mut().zip(from) {
        *into += scale * from;
    }
}

/// The logistic function.
#[inline]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Its inverse, for probabilities kept away from 0 and 1.
#[inline]
pub(crate) fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}
