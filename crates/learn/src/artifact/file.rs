//! The artifact's bytes: magic, version, sha256, content. Behind the trained content stand models that were added later.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::{ArtifactError, Body};
use crate::estimate::{Head, Named};

const MAGIC: &[u8; 8] = b"PMLEARN\n";
/// Rises with every change to what the content holds.
const VERSION: u32 = 4;
const SUM_AT: usize = MAGIC.len() + 4;
const CONTENT_AT: usize = SUM_AT + 32;

pub(super) fn write(body: &Body) -> Result<Vec<u8>, ArtifactError> {
    check(body)?;
    let mut content = postcard::to_stdvec(body).map_err(|_| ArtifactError::Content { part: "content" })?;
    if !body.added.is_empty() {
        let added =
            postcard::to_stdvec(&body.added).map_err(|_| ArtifactError::Content { part: "added models" })?;
        content.extend_from_slice(&added);
    }
    let mut bytes = Vec::with_capacity(CONTENT_AT + content.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(&content));
    bytes.extend_from_slice(&content);
    Ok(bytes)
}

pub(super) fn read(bytes: &[u8]) -> Result<Body, ArtifactError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(ArtifactError::Kind)?;
    let (version, _) = rest.split_first_chunk::<4>().ok_or(ArtifactError::Checksum)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(ArtifactError::Version { found: version, expected: VERSION });
    }
    let (Some(sum), Some(content)) = (bytes.get(SUM_AT..CONTENT_AT), bytes.get(CONTENT_AT..)) else {
        return Err(ArtifactError::Checksum);
    };
    if Sha256::digest(content).as_slice() != sum {
        return Err(ArtifactError::Checksum);
    }
    let (mut body, rest) =
        postcard::take_from_bytes::<Body>(content).map_err(|_| ArtifactError::Content { part: "content" })?;
    if !rest.is_empty() {
        body.added =
            postcard::from_bytes(rest).map_err(|_| ArtifactError::Content { part: "added models" })?;
    }
    check(&body)?;
    Ok(body)
}

pub(super) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Every size agrees with every other, so that nothing that is asked of the artifact can go wrong.
fn check(body: &Body) -> Result<(), ArtifactError> {
    let wrong = |part| Err(ArtifactError::Content { part });
    let (models, dims) = (body.models.len(), body.input.dimensions());
    let (axes, places) = (body.input.axes(), body.input.rarity.len());
    if models == 0 || body.models.iter().map(|model| &model.name).collect::<HashSet<_>>().len() != models {
        return wrong("list of models");
    }
    if dims == 0
        || body.input.feature_scale.len() != body.input.feature_mean.len()
        || body.input.axes.len() != axes * dims
    {
        return wrong("input");
    }
    if !body.likeness.fits(axes) {
        return wrong("measure of likeness");
    }
    let lengths = &body.lengths;
    if !lengths.log_tokens.fits(models, dims) || lengths.sd.len() != models || !lengths.anyone.fits(1, dims) {
        return wrong("length predictor");
    }
    let fits = |(at, named): (usize, &Named)| {
        named.sd.len() == models
            && match &named.head {
                Head::Constant(constant) => constant.mean.len() == models,
                Head::Ridge(linear) => linear.fits(models, dims),
                Head::Knn(knn) => knn.fits(models, axes),
                Head::Moma(moma) => moma.fits(models, dims),
                Head::Stack(stack) => stack.fits(models, at),
                Head::Words(words) => words.fits(models, dims, places),
                Head::Landmarks(landmarks) => landmarks.fits(models, axes),
                Head::Tasks(tasks) => tasks.fits(models, axes),
                Head::Trees(trees) => trees.fits(models),
                Head::Clusters(clusters) => clusters.fits(models, axes),
                Head::Logistic(logistic) => logistic.fits(models, dims),
                Head::Irt(irt) => irt.fits(models, axes),
                Head::LlmRank(llmrank) => llmrank.fits(models, axes),
                Head::BradleyTerry(strengths) => strengths.fits(models, axes),
            }
    };
    if !body.heads.iter().enumerate().all(fits) {
        return wrong("list of estimators");
    }
    let names: HashSet<_> =
        body.models.iter().chain(body.added.iter().map(|added| &added.model)).map(|m| &m.name).collect();
    if names.len() != models + body.added.len()
        || !body.added.iter().all(|added| added.fits(body.heads.len(), models))
    {
        return wrong("added models");
    }
    if !body.heads.iter().any(|named| named.name == body.default) {
        return wrong("default estimator");
    }
    Ok(())
}
