"""From the teacher's vectors to the table, in two steps.

1. *Distil*: each vocabulary entry alone through the teacher, projected and weighted. Covers every token, also those
   that no text shows.
2. *Regress*: move the rows so that their sum points where the teacher's vector of the whole text points
   (the idea of Tokenlearn). Common tokens learn their weight and how they combine; rare ones stay where step 1 put
   them, held by a pull towards it.
"""

import time

import numpy as np
import scipy.sparse

DIMENSIONS = 256
SPECIAL = [0, 100, 101, 102, 103]
# Smooth inverse frequency; the vocabulary's order stands in for frequency.
SIF = 1e-4
BATCH = 2048
STEPS = 1200
RATE = 4e-3
PULL = 0.1
HELD_OUT = 3000


def unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    norms[norms == 0] = 1
    return rows / norms


def bags(ids: list[list[int]], vocabulary: int) -> scipy.sparse.csr_matrix:
    """One row a text: how often each token occurs, over the number of tokens. Special tokens weigh nothing."""
    rows, columns = [], []
    for index, row in enumerate(ids):
        known = [i for i in row if i not in SPECIAL]
        rows += [index] * len(known)
        columns += known
    counts = scipy.sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(ids), vocabulary))
    totals = np.asarray(counts.sum(1)).ravel()
    totals[totals == 0] = 1
    return (scipy.sparse.diags(1 / totals) @ counts).astype(np.float32).tocsr()


def projection(vectors: np.ndarray) -> np.ndarray:
    """The 256 directions that keep most of the teacher's cosines (uncentred, since a cosine is)."""
    _, directions = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return directions[:, ::-1][:, :DIMENSIONS].astype(np.float32)


def distil(tokens: np.ndarray, directions: np.ndarray) -> np.ndarray:
    shares = 1 / (np.arange(len(tokens)) + 1.0)
    weights = SIF / (SIF + shares / shares.sum())
    table = ((tokens - tokens.mean(0)) @ directions) * weights[:, None]
    table[SPECIAL] = 0
    return (table / np.linalg.norm(table, axis=1).mean()).astype(np.float32)


def regress(start: np.ndarray, texts: scipy.sparse.csr_matrix, targets: np.ndarray, say=print) -> np.ndarray:
    """Adam on 1 - cosine, learning rate falling to zero along a half cosine."""
    known = np.asarray(texts.sum(1)).ravel() > 0
    texts, targets = texts[known], targets[known]
    held_texts, held_targets = texts[-HELD_OUT:], targets[-HELD_OUT:]
    texts, targets = texts[:-HELD_OUT], targets[:-HELD_OUT]
    table, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    random, order, at, begun = np.random.default_rng(0), None, len(targets), time.time()
    for step in range(1, STEPS + 1):
        if at + BATCH > len(targets):
            order, at = random.permutation(len(targets)), 0
        batch = np.sort(order[at : at + BATCH])
        at += BATCH
        sums = texts[batch] @ table
        norms = np.linalg.norm(sums, axis=1, keepdims=True) + 1e-6
        sums /= norms
        cosines = (sums * targets[batch]).sum(1, keepdims=True)
        gradient = texts[batch].T @ ((cosines * sums - targets[batch]) / norms / BATCH)
        gradient += PULL / len(targets) * (table - start)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient * gradient
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        table -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        if step % 200 == 0:
            cosine = (unit(held_texts @ table) * held_targets).sum(1).mean()
            say(f"step {step}: cosine to the teacher {cosine:.4f} on {HELD_OUT} held-out texts, {time.time() - begun:.0f} s")
    table[SPECIAL] = 0
    return table / np.linalg.norm(table, axis=1).mean()
