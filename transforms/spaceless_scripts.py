"""Scripts that are written without spaces between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese."""

import re

# The code points that these scripts have in Unicode and that RE2's \p{Han} and so on, as in `word_splitting`, match.
_CHARACTERS = (
    "\u0e01-\u0e3a\u0e40-\u0e5b"  # Thai
    "\u0e81-\u0edf"  # Lao
    "\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17f9\u19e0-\u19ff"  # Khmer
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff6f\uff71-\uff9d"  # kana
    "\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9"  # Han
    "\U00020000-\U000323af"
)
_CHARACTER = re.compile(f"[{_CHARACTERS}]")


def is_spaceless(text: str) -> bool:
    """Whether a text has a character of these scripts.

    >>> is_spaceless("ไป Bangkok"), is_spaceless("to Bangkok")
    (True, False)
    """
    return _CHARACTER.search(text) is not None
