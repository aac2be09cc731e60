//! Learned estimators: from a prompt's vector and features to quality, length and cost for each candidate.
//!
//! A head predicts quality for every model of the artifact; [`Learned`] joins one with the cost predictor and the prior
//! for targets that the artifact does not know, and is what a route asks. Heads are plain data and plain `f32`
//! slices; how they are fitted stands in `train`.
//!
//! Promises: deterministic; no error whatever the signals hold (a missing vector is answered with the training means);
//! tens of microseconds. Left out: goals and preferences.

mod added;
pub(crate) mod bt;
pub(crate) mod centres;
pub(crate) mod clusters;
pub(crate) mod constant;
pub(crate) mod directions;
pub(crate) mod dot;
pub(crate) mod input;
pub(crate) mod irt;
pub(crate) mod knn;
pub(crate) mod landmarks;
pub(crate) mod learned;
pub(crate) mod likeness;
pub(crate) mod linear;
pub(crate) mod llmrank;
pub(crate) mod logistic;
pub(crate) mod moe;
pub(crate) mod stack;
pub(crate) mod tasks;
pub(crate) mod trees;
pub(crate) mod words;

use pointsman_kernel::Contribution;
use serde::{Deserialize, Serialize};

use bt::BradleyTerry;
use clusters::Clusters;
use constant::Constant;
use input::View;
use irt::Irt;
use knn::Knn;
use landmarks::Landmarks;
use linear::Linear;
use llmrank::LlmRank;
use logistic::Logistic;
use moe::Moma;
use stack::Stack;
use tasks::Tasks;
use trees::Trees;
use words::Words;

/// One way to predict quality.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Head {
    /// Each model's mean.
    Constant(Constant),
    /// A linear map of the input.
    Ridge(Linear),
    /// The mean of the nearest training prompts.
    Knn(Knn),
    /// MoMA's mixture of experts.
    Moma(Moma),
    /// A linear map of the input and of hashed terms.
    Words(Words),
    /// Nearness to centres of the training data.
    Landmarks(Landmarks),
    /// Each model's mean on the task that the prompt looks like.
    Tasks(Tasks),
    /// Boosted trees.
    Trees(Trees),
    /// A mixture of other heads.
    Stack(Stack),
    /// Each model's mean in the cluster of the prompt.
    Clusters(Clusters),
    /// A linear map of the input to log odds.
    Logistic(Logistic),
    /// What the prompt demands and what each model has.
    Irt(Irt),
    /// A linear map of the readable features, with its reasons.
    LlmRank(LlmRank),
    /// Strengths from pairs.
    BradleyTerry(BradleyTerry),
}

/// A head under the name by which it is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) head: Head,
    /// For each model, how far its predictions tend to be off, one standard deviation.
    pub(crate) sd: Vec<f32>,
}

/// Writes the predicted quality of every model for a prompt into `out`; `heads` are those a stack refers to.
pub(crate) fn predict(heads: &[Named], head: &Head, view: &View, out: &mut Vec<f32>) {
    match head {
        Head::Constant(constant) => constant.predict(out),
        Head::Ridge(linear) => linear.predict(&view.x, out),
        Head::Knn(knn) => knn.predict(&view.axes, out),
        Head::Moma(moma) => moma.predict(&view.x, out),
        Head::Stack(stack) => stack.predict(heads, view, out),
        Head::Words(words) => words.predict(view, out),
        Head::Landmarks(landmarks) => landmarks.predict(view, out),
        Head::Tasks(tasks) => tasks.predict(view, out),
        Head::Trees(trees) => trees.predict(view, out),
        Head::Clusters(clusters) => clusters.predict(view, out),
        Head::Logistic(logistic) => logistic.predict(view, out),
        Head::Irt(irt) => irt.predict(view, out),
        Head::LlmRank(llmrank) => llmrank.predict(view, out),
        Head::BradleyTerry(strengths) => strengths.predict(view, out),
    }
    for value in out.iter_mut() {
        *value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    }
}

/// What moves the predicted quality of a model most on this prompt, for heads that can say.
pub(crate) fn because(head: &Head, view: &View, model: usize) -> Vec<Contribution> {
    match head {
        Head::LlmRank(llmrank) => llmrank.because(view, model),
        _ => Vec::new(),
    }
}
