"""Writes the vectors that the int8 encoder is held to: the floats' own, for texts written here.

    python reference.py CACHE ../../crates/encode/goldens/minilm.jsonl

Forward pass and tokeniser are the ones of `tools/static_table`: numpy, and the reference tokeniser with the padding and
the truncation to 128 that its file carries taken out. A long text is read as the encoder reads it: the first 127 tokens
and the last 127.
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "static_table"))

import distil
import minilm

END_TOKENS = 127
LONG = "The committee met on the second day and heard of harvests, roads, bridges and schools. "
TEXTS = [
    "Hello",
    "What is the capital of Portugal?",
    "Write a haiku about a lighthouse in winter.",
    "Prove that the square root of two is irrational.",
    "A train leaves at 9:40 and travels 210 km at 84 km/h. When does it arrive?",
    "fn main() { let xs = vec![3, 1, 2]; println!(\"{:?}\", xs.iter().max()); }",
    "SELECT name, COUNT(*) FROM orders GROUP BY name HAVING COUNT(*) > 3;",
    "Fasse den folgenden Absatz in zwei Sätzen zusammen.",
    "Explique la différence entre un fleuve et une rivière.",
    "¿Cuál es la raíz cuadrada de ciento cuarenta y cuatro?",
    "Переведи на английский: доброе утро",
    "東京から京都までどのくらいかかりますか",
    "Which of these is a prime number? (A) 21 (B) 27 (C) 31 (D) 33",
    "{\"role\": \"assistant\", \"tool\": \"search\", \"arguments\": {\"query\": \"weather\"}}",
    "Compare the economic causes of the First World War with those of the Second, in a table with three columns.",
    "My order has not arrived, the tracking page shows an error, and nobody answers the phone. What can I do?",
    "If all bloops are razzies and all razzies are lazzies, are all bloops lazzies? Explain step by step.",
    "Integrate $x^2 e^{-x}$ from 0 to infinity.",
    "thanks 👍🏽 that worked!!!",
    LONG * 24 + "Which of these did the committee hear of last?",
]


def main() -> None:
    cache, out = Path(sys.argv[1]), Path(sys.argv[2])
    teacher = minilm.MiniLM(minilm.fetch(cache))
    tokenizer = Tokenizer.from_file(str(cache / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rows = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    rows = [row if len(row) <= 2 * END_TOKENS else row[:END_TOKENS] + row[-END_TOKENS:] for row in rows]
    vectors = distil.unit(teacher.sentences([[101, *row, 102] for row in rows]))
    with out.open("w") as file:
        for text, row, vector in zip(TEXTS, rows, vectors):
            vector = [round(float(value), 5) for value in vector]
            file.write(json.dumps({"text": text, "tokens": len(row) + 2, "vector": vector}) + "\n")


if __name__ == "__main__":
    main()
