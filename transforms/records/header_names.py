"""Names in the header of delimited text, before it is known what delimits them.

For a choice of columns alone: the file's own reader says what the names really are.
"""

import io
import re

from ulmfit_tfx.transforms.records.lines import open_text

HEADER_BYTES = 1 << 16
"""Of a file's beginning, which have its header."""
_DELIMITERS = re.compile(r"[,;\t|]")


def names_of(start: bytes, source: str, encoding: str) -> list[str]:
    r"""Names in the first line that is not blank.

    >>> names_of(b'sep=;\n"Sentence #";Word;Tag\n', "rows.csv", "utf-8")
    ['Sentence #', 'Word', 'Tag']

    Args:
        start: The first `HEADER_BYTES` of the file, or all of it.
        source: The file's name, for errors.
        encoding: Of the file.
    """
    lines = (line.strip("\ufeff\n") for line in open_text(io.BytesIO(start), source, encoding))
    header = next((line for line in lines if line.strip() and not line.startswith("sep=")), "")
    return [name.strip().strip('"') for name in _DELIMITERS.split(header)]
