# ruff: noqa: RUF001  # characters that look like others belong here
"""Texts that tokenizers go wrong on, by what is odd about them, and small tokenizers to try them with."""

import functools
import io
import random
import unicodedata
from collections.abc import Iterable

import sentencepiece
from hypothesis import strategies as st

KINDS = [(model_type, byte_fallback) for model_type in ("bpe", "unigram") for byte_fallback in (False, True)]
"""Arguments of `train_tokenizer`."""

SENTENCES = {
    "Polish": "Zażółć gęślą jaźń, mówi Łucja; w maju 1935 roku nie było tu już nikogo.",
    "Japanese": "昨日は雨が降りましたが、今日はとてもいい天気です。カタカナも「ひらがな」もあります。",
    "Arabic": "ذهبتُ إلى السوق صباحًا واشتريتُ خبزًا وقهوةً، ثم عدتُ إلى البيت.",
    "Thai": "วันนี้อากาศดีมาก ฉันไปเดินเล่นที่สวนสาธารณะกับเพื่อนๆ",
    "Hebrew": "שָׁלוֹם, מה שלומך היום?",
    "Hindi": "आज मौसम बहुत अच्छा है।",
    "Korean": "오늘은 날씨가 참 좋습니다.",
    "Vietnamese": "Hôm nay trời đẹp, chúng tôi đi dạo ở công viên.",
    "English": "It was a naïve café tale of 12,345.67 euros, was it not?! Yes!",
}
WHITE_SPACE = [character for character in map(chr, range(0x10000)) if character.isspace()]

_INVISIBLE = "\u00ad\u115f\u180e\u200b\u2060\u2800\u3164"
_BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_NONCHARACTERS = [*range(0xFDD0, 0xFDF0), *(plane << 16 | end for plane in range(17) for end in (0xFFFE, 0xFFFF))]
_ASTRAL = [plane << 16 | low for plane in range(1, 17) for low in (0, 0x400, 0x8000, 0xFFFD)]


def _around(parts: Iterable[str]) -> list[str]:
    """Each of the parts by itself, and around and in words; and all of them."""
    parts = list(parts)
    each = [text for part in parts for text in (part, f"{part}naïve{part}{part}tale{part} {part}")]
    return [*each, "".join(parts)]


def _in_all_forms(texts: Iterable[str]) -> list[str]:
    return [unicodedata.normalize(form, text) for text in texts for form in ("NFC", "NFD", "NFKC", "NFKD")]


ODD_TEXTS: dict[str, list[str]] = {
    "empty": [""],
    "white space": [*_around(WHITE_SPACE), "\r\n", " \t\u3000\u2003 a \u00a0 b\n\n"],
    "characters that are not seen": _around(_INVISIBLE),
    "emoji": [
        *_around(["👩\u200d👩\u200d👧\u200d👦", "👩🏽\u200d🚀", "👍🏿👍🏻👍", "🏽", "🇵🇱🇯🇵🇵", "\u200d"]),
        *_around(["1\ufe0f\u20e3", "❤\ufe0f❤\ufe0e❤"]),
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "🧑\u200d🤝\u200d🧑" * 20,
    ],
    "combining marks": [
        *_in_all_forms([*SENTENCES.values(), "ǟ ṩ ệ Å ﬁ ｶﾞ 각 ẛ̣"]),
        *_around("\u0301\u0345\u0e33"),
        "a" + "\u0301" * 60,
        "e\u0301" * 40,
        "s\u0307\u0323 s\u0323\u0307",
        "n\u0351\u036b\u0303a\u0334i\u0336v\u0337e",
    ],
    "right to left": [
        f"a {SENTENCES['Hebrew']} (naïve) {SENTENCES['Arabic']} 12",
        *_around(_BIDI_CONTROLS),
    ],
    "control characters": _around(map(chr, range(0xA0))),
    "zero bytes": ["\0\0", "\0\0tale\0\0", "ta\0le", "ta\0\0le \0 \0naïve\0", "żółć\0", " \0", "\0 ", "?\0!"],
    "byte order mark": [*_around("\ufeff\ufffe"), "\ufeff\ufefftale", "ta\ufeffle"],
    "private use": _around("\ue000\uf8ff\U000f0000\U0010fffd"),
    "noncharacters": _around(map(chr, _NONCHARACTERS)),
    "astral planes": [*_around(map(chr, _ASTRAL)), "𝔗𝔞𝔩𝔢 𝕥𝕒𝕝𝕖 𝟙𝟚𝟛", "𠀀𠮷野家", "𒀀𒁀", "𐍈 𐎀", "\U0010ffff"],
    "compatibility characters": [*"ﬁlm|①½™Å㎏㍿Ⅷ|ｆｕｌｌ ﹖！|İi ẞß ſ Ǆ|…‥․|\ufffd".split("|"), "ﷺ﷽" * 30],
    "special pieces": [
        *_around(["<s>", "</s>", "<pad>", "<unk>", "<S>", "⁇", "▁", "<0x41>", "<0xE2><0x96><0x81>", "<0x00>"]),
        "▁<s>▁",
    ],
    "user symbols": [
        *_around(["?", "!", "?!", "？！"]),
        "?! tale ?!tale?!",
        "! ?  !!??",
        "?▁!",
        "!\u0301?",
        "?!" * 300,
    ],
    "separator": ["[SEP]", "a tale [SEP] a café", "[SEP][SEP] tale[SEP]", "[sep] [SEP", "tale [SEP] ?"],
    "languages": [*SENTENCES.values(), " ".join(SENTENCES.values()), "".join(SENTENCES.values())],
}
"""By what is odd about them. They are short."""


@functools.cache
def long_texts() -> dict[str, str]:
    """Texts of a megabyte, and of 100,000 equal characters."""
    words = random.Random(0).choices(" ".join(SENTENCES.values()).split(), k=160_000)
    return {
        "a megabyte with spaces": " ".join(words).encode()[:1_000_000].decode(errors="ignore"),
        "a megabyte without spaces": "".join(words).encode()[:1_000_000].decode(errors="ignore"),
        "equal letters": "a" * 100_000,
        "equal user symbols": "?" * 100_000,
        "equal spaces": " " * 100_000,
        "equal unknown characters": "\0" * 100_000,
    }


def random_texts(count: int) -> list[str]:
    """Random texts of up to 40 parts: characters of all of Unicode, of its lower end, odd ones, and words."""
    rng = random.Random(0)
    odd = "".join(text for texts in ODD_TEXTS.values() for text in texts)
    words = " ".join(SENTENCES.values()).split()
    draws = [
        lambda: chr(rng.randrange(0xE000, 0x110000)),
        lambda: chr(rng.randrange(0xD800)),
        lambda: rng.choice(odd),
        lambda: rng.choice(words) + rng.choice(" ?!\u00a0▁"),
    ]
    return ["".join(rng.choice(draws)() for _ in range(rng.randrange(40))) for _ in range(count)]


def any_text() -> st.SearchStrategy[str]:
    """Texts of all of Unicode, with many of the characters that mean something to a tokenizer."""
    meaningful = st.sampled_from([*WHITE_SPACE, *" ▁?!<s>/\0\ufeff\u200d\u0301aełなب"])
    return st.text(st.one_of(st.characters(exclude_categories=["Cs"]), meaningful), max_size=40)


@functools.cache
def train_tokenizer(model_type: str = "bpe", byte_fallback: bool = False, **options) -> bytes:
    """Trains a SentencePiece model of a few hundred pieces on `SENTENCES`, with the special ids that all of ours have.

    Rare characters of the sentences have no piece.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*SENTENCES.values(), *_in_all_forms(["ǟ ṩ é", "a naïve tale"])]),
        model_writer=model,
        model_type=model_type,
        vocab_size=600 if byte_fallback else 330,
        hard_vocab_limit=False,
        byte_fallback=byte_fallback,
        character_coverage=0.98,
        user_defined_symbols=["?", "!"],
        unk_id=0,
        pad_id=1,
        bos_id=2,
        eos_id=3,
        num_threads=1,
        minloglevel=2,
        **options,
    )
    return model.getvalue()
