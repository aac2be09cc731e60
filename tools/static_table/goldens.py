"""Writes `crates/encode/goldens/wordpiece.jsonl`: texts of our own with the ids of the reference tokeniser,
special tokens, padding and truncation left out.

    python goldens.py FOLDER_WITH_TOKENIZER_JSON OUT.jsonl
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer

WRITTEN = [
    "", " ", "\n\t\r\n", "Hello, world!", "hello", "HELLO WORLD", "Route this request to the cheapest model.",
    "What is the derivative of x^2 + 3x - 7?", "It's John's dog; don't touch it!", "well-known state-of-the-art",
    "3.14159 2,718,281 1e-9 0x1F 50% $19.99 €5 £7 ¥900", "user@example.org https://example.org/a/b?c=d&e=f#g",
    "fn main() { let x: Vec<u8> = vec![1, 2, 3]; println!(\"{x:?}\"); }", "def f(a, b=None):\n    return a ** b if b else a\n",
    "SELECT name, COUNT(*) FROM users WHERE age >= 21 GROUP BY name;", "$\\frac{a}{b} \\leq \\sqrt{2}$", "`code` and ```fences```",
    "snake_case_name camelCaseName PascalCase SCREAMING_CASE kebab-case", "C:\\Windows\\System32\\drivers",
    "antidisestablishmentarianism", "pneumonoultramicroscopicsilicovolcanoconiosis", "x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101,
    "a" * 50 + "-" + "b" * 60, "naïve café résumé façade", "NAÏVE CAFÉ RÉSUMÉ", "Ångström Øresund Ærø Þór ðe Łódź", "straße STRASSE ẞ",
    "İstanbul ISPARTA ı", "Ελληνικά ΣΊΣΥΦΟΣ άλφα", "Привет, как дела? Ёлка й", "שלום עולם", "مرحبا بالعالم كَتَبَ", "हिन्दी में लिखो", "ภาษาไทย",
    "日本語のテキスト", "カタカナ ひらがな ガギグ がぎぐ", "ﾊﾝｶｸ ｶﾀｶﾅ", "中文分词测试。你好，世界！", "漢字and英語mixed", "한국어 문장입니다", "각 낱말", "ᄀᆞ 옛한글",
    "😀 smile 🎉 party", "👩‍💻 works", "🇩🇪 flag", "1️⃣ keycap", "❤️ heart", "☕☃★", "a\u0300 e\u0301 n\u0303 o\u0308", "\u0301 alone", "a\u200bb c\u200dd",
    "\ufeffbom at the start", "soft\u00adhyphen", "no\u00a0break\u2003em\u3000ideographic", "line\u2028sep\u2029para", "nul\u0000in word", "bell\u0007 esc\u001b[0m del\u007f",
    "\ufffd replacement", "private \ue000 use", "tag \U000e0041", "“curly” ‘quotes’ — dash – en … ellipsis", "«guillemets» ‹single›", "¿Qué? ¡Sí!",
    "½ ¼ ² ³ ¹ № ™ © ®", "ﬁ ﬂ ﬀ ligatures", "Ⅳ Ⅻ ⅷ roman", "𝒜𝓁𝓅𝒽𝒶 𝟙𝟚𝟛", "ＦＵＬＬ ｗｉｄｔｈ １２３", "①②③", "→ ← ↔ ⇒ ∀ ∃ ∈ ∑ ∫ √ ≤ ≥ ≠", "a+b=c<d>e|f~g",
    "[CLS", "CLS]", "##ing ## # #hash", "unused1", "!!!???...", "-----", "_____", "__init__", "@mention #tag", "(nested [brackets {here}])",
    "Tab\tseparated\tvalues", "trailing space ", " leading space", "multiple    spaces", "mixed\r\nline\rends\n", "ǅ ǈ ǋ titlecase", "ſ long s",
    "K Kelvin Å Angstrom", "ﷺ", "豈更車 compat", "⺀ ⼀ radicals", "㍿ ㌔ squares", "ꙮ", "𐐀𐐨 deseret", "Ꭰ cherokee ꭰ", "ა Ა georgian", "ⴰⵣⵓⵍ",
    "Step 1: read. Step 2: think. Step 3: answer step by step.", "Choose one: (A) red (B) green (C) blue (D) none of these.", "Q: 2+2? A: 4 Q: 3+3? A:",
    "{\"role\": \"user\", \"content\": \"hi\"}", "<html><body class='x'>&nbsp;</body></html>", "| a | b |\n|---|---|\n| 1 | 2 |", "- item\n* item\n1. item",
    "Translate into German: 'The quick brown fox jumps over the lazy dog.'", "Prove that there are infinitely many primes.",
    "Summarise the following passage in two sentences.", "tokenization untokenizable retokenized", "supercalifragilisticexpialidocious",
    "zxqj wvkp qqqq", "aaaa bbbb cccc", "1234567890 12345678901234567890", "v1.2.3-rc.4+build.5", "2026-11-25T03:49:57Z", "+1 (555) 010-9999",
    "R2D2 C3PO x86_64 utf8 h264", "don’t can’t I’m you’re", "O'Neill d'Artagnan rock'n'roll", "e.g. i.e. etc. U.S.A. Ph.D.", "A" * 18, "pre" * 20, "ha" * 40,
]
WORDS = "route model prompt token café naïve 日本 Привет don't 3.5 x_y λ→ über № ½ 😀 ñandú Ω ﬁne ТЕСТ ĞĞ 한글 (a) [b] \u0301 \u200b".split(" ")


def texts() -> list[str]:
    pick = random.Random(7)
    out = list(WRITTEN)
    # Mixed sentences, then soups of characters from every part of Unicode.
    for _ in range(40):
        out.append(" ".join(pick.choice(WORDS) for _ in range(pick.randrange(3, 14))))
    for _ in range(80):
        soup = []
        for _ in range(pick.randrange(5, 40)):
            code = pick.choice([pick.randrange(0x20, 0x250), pick.randrange(0x250, 0x3000), pick.randrange(0x3000, 0xD7A4), pick.randrange(0xE000, 0x20000)])
            soup.append(chr(code) + pick.choice(["", "", " ", "a"]))
        out.append("".join(soup))
    return out


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    lines = [
        json.dumps({"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}, ensure_ascii=True)
        for text in texts()
    ]
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
