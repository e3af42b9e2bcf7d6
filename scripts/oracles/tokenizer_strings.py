"""A thousand strings to try a tokenizer with; the same ones every time. Nothing here knows a tokenizer."""

import random
import re
import unicodedata
from pathlib import Path

BANK = Path(__file__).resolve().parents[2] / "src" / "instructions" / "bank"
CATEGORIES = ["cat", "potted plant", "Siamese", "traffic light", "aeroplane", "person", "café table", "naïve Übermensch"]

SCRIPTS = {
    "latin": "Ångström façade Straße œuvre ÞÓR łódź İstanbul ıspanak ŉ ǅ ǆ ſ ﬁre ﬀ Ĳ K Å",
    "vietnamese": "Tiếng Việt rất đẹp người đàn ông",
    "greek": "ΟΔΥΣΣΕΎΣ σοφία Σίσυφος ΐ ᾈ Ω ϐ µ ς",
    "cyrillic": "Сегментируй собаку Ёлка йод Їжак ЀЍ Ӂ ѣ",
    "armenian": "Բարեւ Ձեզ և ﬓ",
    "georgian": "გამარჯობა ᲒᲐᲛᲐ Ⴀ",
    "hebrew": "שָׁלוֹם כלב שׁ יִ",
    "arabic": "اكتشف القطة مُحَمَّد ﷺ ﻻ ٣٤٥ ـ",
    "devanagari": "कुत्ते को ढूंढो क़ क्ष १२३",
    "bengali": "বিড়াল কো ৪৫",
    "tamil": "நாய் கொ ௧",
    "thai": "หาสุนัขในภาพ กำ ๙",
    "khmer": "ស្វែងរក ០",
    "tibetan": "ཁྱི་ ཀཱི ༤",
    "han": "检测图中的所有汽车 漢字 豈 𠮷野家 〇 兀",
    "kana": "犬をセグメントして ｶﾀｶﾅ ガ が ｶﾞ ゟ ㍿",
    "hangul": "고양이를 찾아줘 각 한글 ㅋㅋㅋ ﾡ",
    "ethiopic": "ውሻውን ፈልግ ፩",
    "cherokee": "ᏣᎳᎩ ꭰꭱ Ꮿ",
    "georgian-deseret": "𐐔𐐯𐑅𐐨𐑉𐐯𐐻 𐐀",
    "gothic": "𐌲𐌿𐍄𐌹𐍃𐌺",
    "runes": "ᚠᚢᚦ ᛮᛯ",
    "mathematical": "𝐁𝐨𝐥𝐝 𝕊 𝒳 𝟗 ℝ ℵ Ⅷ ⅷ ½ ² ① ⒈ ㊗ ₃ ∑ ≠ ≢",
}
EMOJI = ["😀", "🐕", "❤️", "❤", "👍🏽", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇫🇷", "🇯🇵🇧🇷", "1️⃣", "#️⃣", "🫠", "🧑🏿‍🚀", "☺︎", "©", "™️", "🥹", "🪿"]
COMBINING = ["\u0301", "\u0308", "\u0327", "\u0323", "\u0345", "\u20dd", "\u093c", "\u05b0", "\u0651", "\u3099", "\u0f71", "\u200d"]
BLANKS = [" ", "  ", "\t", "\n", "\r\n", "\v", "\f", "\u0085", "\u00a0", "\u1680", "\u2003", "\u200a", "\u2028", "\u2029", "\u202f",
          "\u205f", "\u3000"]
INVISIBLE = ["\u200b", "\u200c", "\u2060", "\ufeff", "\u180e", "\u00ad", "\u200e", "\u202e", "\u2066", "\ufffd", "\ufffe", "\ue000"]
CONTROLS = [chr(n) for n in [*range(0x00, 0x09), *range(0x0E, 0x20), 0x7F, *range(0x80, 0xA0)]]
MARKERS = ["<|startoftext|>", "<|endoftext|>", "<|ENDOFTEXT|>", "<|StartOfText|>", "<|endoftext", "|endoftext|>", "<| endoftext |>",
           "<|endof\u200dtext|>", "<<|endoftext|>>"]
CONTRACTIONS = ["it's", "IT'S", "don't", "DON'T", "they're", "THEY'RE", "I've", "I'M", "we'll", "WE'LL", "he'd", "HE'D", "'S", "'re've",
                "rock'n'roll", "it’s", "l'été", "O'Reilly's", "'''s", "s's's", "'tis", "'lla", "x'dx"]
ENTITIES = ["&amp;", "&lt;b&gt;", "&#39;", "&quot;cat&quot;", "&amp;amp;", "&nbsp;", "&#x1F600;", "caf&eacute;", "a & b"]
NUMBERS = ["0", "7", "42", "1234567890", "3.14159", "1,000,000", "-5e-7", "0x1F", "2024-11-24", "50%", "12:30", "1st", "x2y3", "٣٤٥", "१२", "½", "²", "Ⅷ",
           "①", "€9.99", "#1"]
PUNCTUATION = ["!!!", "?!?", "...", "…", "---", "—", "–", "(((", "*** ***", "~~", "@@", "\\\\", "//", "|", "^_^", ":-)", "«»", "„“", "¿¡", "、。", "：", "‽", "''", "\"\"",
               "```", "{[()]}", "<>", "$$$", "%%%", "&&", "==", "=>", "_", "__a__"]


def bank(rng, count):
    """Sentences of the instruction bank with their places filled."""
    wordings = []
    for path in sorted(BANK.glob("*.ts")):
        wordings += re.findall(r'^\s*(?:template: )?"((?:[^"\\]|\\.)+)",$', path.read_text(), re.MULTILINE)
    fill = lambda wording: re.sub(r"\{[^}]*\}", lambda _: rng.choice(CATEGORIES), wording)
    change = [str, str.upper, str.lower, str.title, str.swapcase, lambda text: unicodedata.normalize("NFD", text)]
    return [rng.choice(change)(fill(wording)) for wording in rng.choices(wordings, k=count)]


def pieces(rng, pool, count, longest=8):
    """Some of the pool, run together, spaced, or spaced oddly."""
    made = []
    for _ in range(count):
        joint = rng.choice(["", " ", rng.choice(BLANKS)])
        made.append(joint.join(rng.choices(pool, k=rng.randint(1, longest))))
    return made


def marked(rng, count):
    """Letters of every script with combining marks in any order, composed or not."""
    letters = [c for text in SCRIPTS.values() for c in text]
    made = []
    for _ in range(count):
        text = "".join(rng.choice(letters) + "".join(rng.choices(COMBINING, k=rng.randint(0, 3))) for _ in range(rng.randint(1, 20)))
        made.append(unicodedata.normalize(rng.choice(["NFC", "NFD", "NFKC", "NFKD"]), text) if rng.random() < 0.6 else text)
    return made


def scattered(rng, count):
    """Any assigned code points; those of recent Unicode versions are left out, for every library knows another version."""
    made = []
    while len(made) < count:
        text = "".join(chr(rng.choice([rng.randrange(0x250), rng.randrange(0x3000), rng.randrange(0x10000), rng.randrange(0x20000)]))
                       for _ in range(rng.randint(1, 12)))
        if all(unicodedata.category(c) not in ("Cs", "Cn") for c in text):
            made.append(text)
    return made


def long(rng, count):
    """From about 60 tokens to just below the 10,000 UTF-16 units that are accepted."""
    words = [w for text in SCRIPTS.values() for w in text.split()][:40] + "the a dog running through tall grass beside some very old fence".split()
    made = ["the " * 2499, "a" * 9999, "😀" * 4999, "e\u0301" * 4999, "7" * 9999, "!" * 9999, " " * 9999, "<|endoftext|>" * 700, "supercalifragilistic" * 499]
    made += ["dog " * n for n in (73, 74, 75, 76, 77)] + ["x" * n for n in (75, 150, 300)]
    while len(made) < count:
        made.append(" ".join(rng.choices(words, k=rng.randint(40, 200))))
    return made


def strings():
    rng = random.Random(77)
    whole = [" ".join(rng.sample(text.split(), k=len(text.split()))) for text in SCRIPTS.values()]
    words = [w for text in SCRIPTS.values() for w in text.split()]
    everything = words + EMOJI + COMBINING + BLANKS + INVISIBLE + CONTROLS + MARKERS + CONTRACTIONS + ENTITIES + NUMBERS + PUNCTUATION
    made = ["", " ", "\n", "a", "A", "\u0301", "a photo of a cat", *whole, *EMOJI, *MARKERS, *CONTRACTIONS, *ENTITIES, *NUMBERS, *PUNCTUATION]
    made += bank(rng, 220) + pieces(rng, words, 100) + pieces(rng, EMOJI + words[:10], 60) + marked(rng, 80) + scattered(rng, 100)
    made += pieces(rng, BLANKS + INVISIBLE + ["a", "dog", "."], 50) + pieces(rng, CONTROLS + ["b", "cat"], 30)
    made += pieces(rng, NUMBERS, 30) + pieces(rng, PUNCTUATION, 30) + pieces(rng, CONTRACTIONS + ["", "'"], 30) + long(rng, 45)
    distinct = dict.fromkeys(made)
    while len(distinct) < 1000:
        distinct |= dict.fromkeys(pieces(rng, everything, 1, 12))
    return list(distinct)
