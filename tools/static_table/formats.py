"""The two binary files that `crates/encode` embeds. Little-endian; the readers are `wordpiece/layout.rs` and
`table.rs` there, and this module is their only writer. Both start alike:

    8 bytes magic | u32 version | u32 counts (as listed at each writer) | sha256 of all that follows
"""

import hashlib
import unicodedata
from pathlib import Path

import numpy as np
from tokenizers import normalizers, pre_tokenizers

VERSION = 1
EMPTY = 0xFFFF
BLOCK = 64
# Classes of a code point, as the reference normaliser and pre-tokeniser treat it.
KEEP, DROP, SPACE, ALONE, MAPPED, HANGUL = range(6)


def seal(path: Path, magic: bytes, counts: list[int], payload: bytes) -> str:
    digest = hashlib.sha256(payload)
    header = magic + b"".join(n.to_bytes(4, "little") for n in [VERSION, *counts])
    path.write_bytes(header + digest.digest() + payload)
    return digest.hexdigest()


def write_table(path: Path, rows: np.ndarray, scales: np.ndarray) -> str:
    """Counts: rows, dimensions. Payload: an f32 scale a row, then the int8 rows."""
    payload = scales.astype("<f4").tobytes() + rows.astype(np.int8).tobytes()
    return seal(path, b"PMSTATIC", list(rows.shape), payload)


def quantise(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One scale a row: rows differ in length by their weight, and one scale a dimension would spend its
    steps on the few long ones."""
    scales = np.abs(table).max(1) / 127.0
    scales[scales == 0] = 1.0
    return np.round(table / scales[:, None]).astype(np.int8), scales


def fnv(data: bytes) -> int:
    state = 0x811C9DC5
    for byte in data:
        state = ((state ^ byte) * 0x01000193) & 0xFFFFFFFF
    return state


def slots(entries: list[tuple[int, bytes]], bits: int) -> np.ndarray:
    """Open addressing, linear probing, at most half full."""
    table = np.full(1 << bits, EMPTY, "<u2")
    for index, data in entries:
        state = fnv(data)
        at = (state ^ (state >> 15)) & ((1 << bits) - 1)
        while table[at] != EMPTY:
            at = (at + 1) & ((1 << bits) - 1)
        table[at] = index
    return table


def character_classes() -> tuple[bytearray, dict[int, str]]:
    """What the reference does to every code point, by asking it. Hangul syllables decompose by arithmetic,
    so that their 11,172 mappings need no room."""
    normaliser = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    classes, mapped = bytearray(0x110000), {}
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            classes[code] = DROP
            continue
        char = chr(code)
        out = normaliser.normalize_str("a" + char + "b")[1:-1]
        if out == "":
            classes[code] = DROP
        elif 0xAC00 <= code <= 0xD7A3:
            assert out == unicodedata.normalize("NFD", char)
            classes[code] = HANGUL
        elif out == char or out == f" {char} " or out.isspace():
            pieces = [piece for piece, _ in splitter.pre_tokenize_str("a" + out + "b")]
            if pieces == ["a" + char + "b"]:
                classes[code] = KEEP
            elif pieces == ["a", "b"]:
                classes[code] = SPACE
            else:
                assert pieces == ["a", char, "b"], (code, pieces)
                classes[code] = ALONE
        else:
            classes[code] = MAPPED
            mapped[code] = out
    return classes, mapped


def write_wordpiece(path: Path, vocabulary: dict[str, int]) -> str:
    """Counts: tokens, bits of the word slots, bits of the continuation slots, vocabulary bytes, class blocks,
    mapped code points, mapped bytes. Payload: slots for words, slots for continuations (u16 ids), token offsets
    (u32), token bytes without "##", the block of every 64 code points (u16), the classes by block (u8), mapped
    code points (u32, sorted), their offsets (u32), their texts."""
    tokens = [token for token, _ in sorted(vocabulary.items(), key=lambda item: item[1])]
    assert [vocabulary[token] for token in tokens] == list(range(len(tokens)))
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    words, continuations, blob, offsets = [], [], b"", [0]
    for index, token in enumerate(tokens):
        continued = token.startswith("##") and len(token) > 2
        data = (token[2:] if continued else token).encode()
        if token not in special and not token.startswith("[unused"):
            (continuations if continued else words).append((index, data))
        blob += data
        offsets.append(len(blob))
    word_bits, continuation_bits = 16, 14
    classes, mapped = character_classes()
    blocks, index_of, stage = [], {}, []
    for start in range(0, 0x110000, BLOCK):
        block = bytes(classes[start : start + BLOCK])
        stage.append(index_of.setdefault(block, len(index_of)))
    blocks = b"".join(index_of)
    codes = sorted(mapped)
    texts, text_offsets = b"", [0]
    for code in codes:
        texts += mapped[code].encode()
        text_offsets.append(len(texts))
    u32 = lambda values: np.array(values, "<u4").tobytes()
    payload = b"".join(
        [slots(words, word_bits).tobytes(), slots(continuations, continuation_bits).tobytes(), u32(offsets), blob]
        + [np.array(stage, "<u2").tobytes(), blocks, u32(codes), u32(text_offsets), texts]
    )
    counts = [len(tokens), word_bits, continuation_bits, len(blob), len(index_of), len(codes), len(texts)]
    return seal(path, b"PMWORDPC", counts, payload)
