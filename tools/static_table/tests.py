"""The teacher gives the vectors that are published for its weights, and the quantised table keeps its directions.

    python tests.py CACHE
"""

import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import distil
import formats
import minilm


def the_teacher_gives_the_similarities_of_its_model_card(cache: Path) -> None:
    tokenizer = Tokenizer.from_file(str(minilm.fetch(cache) / "tokenizer.json"))
    tokenizer.no_padding()
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    vectors = distil.unit(minilm.MiniLM(cache).sentences([tokenizer.encode(text).ids for text in texts]))
    found = vectors @ vectors.T
    assert np.allclose(found[[0, 0, 1], [1, 2, 2]], [0.6660, 0.1046, 0.1411], atol=1e-4), found


def quantising_keeps_directions(_: Path) -> None:
    table = np.random.default_rng(0).normal(size=(1000, distil.DIMENSIONS)) * np.geomspace(1e-3, 10, 1000)[:, None]
    rows, scales = formats.quantise(table)
    cosines = (distil.unit(rows * scales[:, None]) * distil.unit(table)).sum(1)
    assert cosines.min() > 0.999, cosines.min()


def a_bag_weighs_no_special_token(_: Path) -> None:
    bag = distil.bags([[101, 2054, 2054, 1037, 102], [101, 102]], 30522)
    assert bag[0, 2054] == np.float32(2 / 3) and bag[0].sum() == 1 and bag[1].sum() == 0


if __name__ == "__main__":
    for test in (the_teacher_gives_the_similarities_of_its_model_card, quantising_keeps_directions, a_bag_weighs_no_special_token):
        test(Path(sys.argv[1]))
        print("ok", test.__name__)
