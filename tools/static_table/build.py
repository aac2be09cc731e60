"""Makes `static-1.bin` and `wordpiece-1.bin`. See README.md.

    python build.py --cache DIR --out ../../crates/encode/data [--prompts FILE...]
"""

import argparse
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import corpus
import distil
import formats
import minilm

# The teacher's own limit.
MAX_TOKENS = 256


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cache", type=Path, required=True, help="where downloads and the teacher's vectors are kept")
    options.add_argument("--out", type=Path, required=True, help="folder of the two files")
    options.add_argument("--prompts", type=Path, nargs="*", default=[], help="further texts: prompts.jsonl[.zst]")
    options = options.parse_args()

    weights = minilm.fetch(options.cache)
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    # The file has padding and a truncation to 128 baked in.
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    vocabulary = tokenizer.get_vocab()
    print("wordpiece-1.bin", formats.write_wordpiece(options.out / "wordpiece-1.bin", vocabulary))

    teacher = minilm.MiniLM(weights)
    alone = [[101, index, 102] for index in range(len(vocabulary))]
    tokens = cached(options.cache / "tokens.npy", lambda: teacher.sentences(alone, progress=progress("tokens")))

    texts = corpus.wordnet(corpus.fetch_wordnet(options.cache))
    for path in options.prompts:
        texts += corpus.prompts(path)
    texts = sorted(set(texts))
    random.Random(2).shuffle(texts)
    ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    vectors = cached(options.cache / f"texts-{len(texts)}.npy", lambda: teacher.sentences(ids, progress=progress("texts")))
    vectors = distil.unit(vectors)

    directions = distil.projection(vectors)
    table = distil.distil(tokens, directions)
    table = distil.regress(table, distil.bags(ids, len(vocabulary)), distil.unit(vectors @ directions))
    print("static-1.bin", formats.write_table(options.out / "static-1.bin", *formats.quantise(table)))


def cached(path: Path, make) -> np.ndarray:
    if not path.exists():
        np.save(path, make())
    return np.load(path)


def progress(what: str):
    def show(done: int, total: int) -> None:
        print(f"\r{what}: {done} of {total}", end="\n" if done == total else "", flush=True)

    return show


if __name__ == "__main__":
    main()
