"""Texts as Python users have them: lists, arrays, pandas Series."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from ulmfit_tfx.schemas.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Texts: TypeAlias = Iterable[str]
"""A list, a tuple, a numpy array or a pandas Series of texts, or whatever gives them one after the other."""


def checked_texts(texts: Texts) -> tuple[list[str], "pd.Index | None"]:
    """Texts as a list, and the index of a Series.

    Raises:
        DataError: That is no row of texts, or one of them is none, such as None or NaN: the message says which.
    """
    import pandas as pd

    if isinstance(texts, str | bytes):
        raise DataError(f"expected several texts, such as a list, got one: [{_shown(texts)}] is a list of it.")
    if isinstance(texts, pd.DataFrame):
        raise DataError(f"expected a column of texts, got a DataFrame with the columns {', '.join(map(str, texts))}.")
    if getattr(texts, "ndim", 1) != 1:
        raise DataError(f"expected a row of texts, got an array of shape {getattr(texts, 'shape', ())}.")
    index = texts.index if isinstance(texts, pd.Series) else None
    values = list(texts)
    for position, text in enumerate(values):
        if not isinstance(text, str):
            where = "" if index is None else f" (index {index[position]!r})"
            raise DataError(f"text {position}{where} is {_shown(text)}, expected a str.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(f"text {position} holds half of a character, which UTF-8 has no bytes for.") from None
    return values, index


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
