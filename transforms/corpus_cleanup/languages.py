"""Tells the language of a text, by the model that the `py3langid` package ships.

The answer depends on the text alone. Of short texts it knows little, and says so: see `language_of`.
"""

import difflib
import functools
from collections.abc import Iterable

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDETERMINED = "und"
"""Stands for no language in particular, as in ISO 639-2: a text of it may be in any."""

_READ_CHARACTERS = 1000
"""They tell as much as all. The package counts in 16 bits, too few for a long text."""


def language_of(text: str) -> str:
    """Tells the language of a text from its first 1,000 characters.

    >>> language_of("To jest zdanie po polsku."), language_of("This sentence is in English."), language_of("123 m")
    ('pl', 'en', 'und')

    Args:
        text: Any text.

    Returns:
        The ISO 639-1 code of the language that is more probable than all others together, else `UNDETERMINED`: of
        empty texts, of numbers, and of many texts of one to four words.
    """
    identifier = _identifier()
    counts = identifier.instance2fv(text[:_READ_CHARACTERS])
    (features,) = counts.nonzero()
    # Not by `classify`, which multiplies all of the table, on all cores that NumPy finds.
    scores = identifier.nb_pc + np.einsum("f,fl->l", counts[features], identifier.nb_ptc[features], dtype="float64")
    best = scores.argmax()
    is_likely = np.exp(scores - scores[best]).sum() < 2
    return identifier.nb_classes[best] if is_likely else UNDETERMINED


def check_languages(codes: Iterable[str]) -> None:
    """Checks that `language_of` can tell languages. Norwegian it tells as `no`, `nb` or `nn`.

    Raises:
        ValueError: It does not know one of them.
    """
    known = sorted(_identifier().nb_classes)
    for code in codes:
        if code not in known:
            near = difflib.get_close_matches(code.lower(), known, n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"language '{code}' is not known.{hint} Known: {', '.join(known)}")


@functools.cache
def _identifier() -> LanguageIdentifier:
    """The model, an own one: another user of the package may restrict the package's to some languages."""
    return LanguageIdentifier.from_pickled_model(MODEL_FILE)
