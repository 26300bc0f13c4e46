"""Lists of labels that were written into one cell, as Python or JSON writes them."""

import ast
import contextlib
import json
import re

from ulmfit_tfx.transforms.records.lines import excerpt, is_decoded
from ulmfit_tfx.transforms.records.record import RowError

_NUMBERS = r"\s*(?:[-+]?\d[\d.]*(?:[\s,]+[-+]?\d[\d.]*)*[\s,]*)?"
_LIST = re.compile(rf"""\[(?:{_NUMBERS}|\s*["'].*)\]|\(\s*["'].*\)|\{{\s*["'].*\}}""", re.DOTALL)
_TEXT = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
_ITEM = re.compile(rf"{_TEXT}|[-+]?[\d.]+(?:[eE][-+]?\d+)?")
_ITEMS = re.compile(rf"\s*(?:(?:{_ITEM.pattern})\s*(?:,\s*(?:{_ITEM.pattern})\s*)*,?\s*)?")


def looks_like_a_list(cell: str) -> bool:
    """Whether a cell looks like a list, a tuple or a set of texts or numbers.

    >>> [looks_like_a_list(cell) for cell in ("['a', 'b']", "[1]", "[]", "('a',)", "[urgent]", "[18+]", "a, b")]
    [True, True, True, True, False, False, False]
    """
    return _LIST.fullmatch(cell) is not None


def listed(cell: str, column: str) -> list[str]:
    r"""The items of a cell that `looks_like_a_list`, numbers as they are written.

    >>> listed("['a', 'b c', -5]", "tags"), listed('["caf\\u00e9"]', "tags"), listed("[]", "tags")
    (['a', 'b c', '-5'], ['café'], [])

    Raises:
        RowError: It is none, such as an array that NumPy wrote without commas.
    """
    items = _ITEMS.fullmatch(cell.strip()[1:-1])
    if items is None:
        detail = f"column '{column}' is '{excerpt(cell)}', expected items in quotation marks with commas between them"
        raise RowError("list that cannot be read", detail)
    return [_value(item[0], cell, column) for item in _ITEM.finditer(cell.strip()[1:-1])]


def _value(item: str, cell: str, column: str) -> str:
    if item[-1] not in "\"'":
        return item
    text = ""
    with contextlib.suppress(ValueError):  # JSON's, whose escapes are not all Python's
        text = json.loads(item)
    with contextlib.suppress(SyntaxError, ValueError):
        text = text or ast.literal_eval(item)
    if not is_decoded(text) or (not text and len(item) > len("''")):
        detail = f"column '{column}' is '{excerpt(cell)}', and {excerpt(item)} is no text of Python's or JSON's"
        raise RowError("list that cannot be read", detail)
    return text.strip()
