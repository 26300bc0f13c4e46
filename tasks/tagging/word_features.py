"""What linear models of words in sentences see of a word, as before neural networks."""

from collections.abc import Sequence
from typing import Any

_AFFIX_LENGTHS = (1, 2, 3, 4)
_NEIGHBOURS = (-2, -1, 1, 2)

Features = dict[str, Any]


def word_features(words: Sequence[str], index: int) -> Features:
    """Features of a word: its form, its affixes, its shape, and forms and shapes of the two words on each side.

    >>> features = word_features(["In", "Kraków", "1999"], 2)
    >>> features["shape"], features["is_digit"], features["suffix_2"], features["-1:lower"], "+1:lower" in features
    ('d', True, '99', 'kraków', False)
    """
    word = words[index]
    features: Features = {"bias": 1.0, "word": word} | _form(word)
    for length in _AFFIX_LENGTHS:
        features[f"prefix_{length}"] = word[:length]
        features[f"suffix_{length}"] = word[-length:]
    for offset in _NEIGHBOURS:
        if 0 <= index + offset < len(words):
            features |= {f"{offset:+}:{name}": value for name, value in _form(words[index + offset]).items()}
    features["begins"] = index == 0
    features["ends"] = index == len(words) - 1
    return features


def _form(word: str) -> Features:
    return {
        "lower": word.lower(),
        "shape": _shape(word),
        "is_digit": word.isdigit(),
        "has_digit": any(map(str.isdigit, word)),
        "is_title": word.istitle(),
        "is_upper": word.isupper(),
    }


def _shape(word: str) -> str:
    """Kinds of characters, those that repeat once: `McDonald's` has the shape `XxXx'x`."""
    shape = ""
    for character in word:
        kind = "X" if character.isupper() else "x" if character.isalpha() else "d" if character.isdigit() else character
        shape += "" if shape.endswith(kind) else kind
    return shape
