//! rten: pure Rust, a part of the program.

use std::sync::Arc;

use rten::{Model, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;

use super::idle::Idle;
use super::{Runtime, RuntimeError};

const NAME: &str = "rten 0.27";

/// A model over rten.
pub(super) struct Rten {
    model: Model,
    input: NodeId,
    output: NodeId,
    /// One thread each, so that a run takes one core; a run beside it has another.
    pools: Idle<Arc<ThreadPool>>,
}

impl Rten {
    pub(super) fn new(model: Vec<u8>) -> Result<Self, RuntimeError> {
        let fault = |reason: String| RuntimeError::Model { runtime: NAME.to_owned(), reason };
        let model = rten::ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(model)
            .map_err(|error| fault(error.to_string()))?;
        let (&[input], &[output]) = (model.input_ids(), model.output_ids()) else {
            return Err(fault("it must have one input and one output".to_owned()));
        };
        Ok(Self { model, input, output, pools: Idle::new(pool()) })
    }
}

impl Runtime for Rten {
    fn name(&self) -> &str {
        NAME
    }

    fn hidden(&self, ids: &[u16]) -> Result<Vec<f32>, String> {
        let input =
            NdTensor::from_data([1, ids.len()], ids.iter().map(|id| i32::from(*id)).collect::<Vec<_>>());
        self.pools.with(
            || Ok(pool()),
            |pool| {
                let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
                let input = ValueOrView::Value(input.into());
                let mut outputs = self
                    .model
                    .run(vec![(self.input, input)], &[self.output], Some(options))
                    .map_err(|error| error.to_string())?;
                let output = outputs.pop().ok_or("it gave nothing")?;
                let output: NdTensor<f32, 3> = output.try_into().map_err(|_| "it did not give states")?;
                Ok(output.into_data())
            },
        )
    }
}

fn pool() -> Arc<ThreadPool> {
    Arc::new(ThreadPool::with_num_threads(1))
}
