"""Text as Markdown that shows it unchanged."""

import re

_MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])")
"""Characters that mark something up. An underscore between letters or digits does not."""


def plain(value: object) -> str:
    r"""A value as it is read, on one line, wherever it stands in a paragraph or in a cell of a table.

    >>> print(plain("B|PER\nbatch_size __x__"))
    B\|PER batch_size \_\_x\_\_
    """
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(value).split()))
