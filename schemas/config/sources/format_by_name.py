"""The format of a file, by its name."""

import os
from collections.abc import Sequence

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.section import listed

COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
_FORMATS = {
    "": "text",
    ".txt": "text",
    ".text": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".conll": "conll",
    ".conll2003": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bioes": "conll",
    ".ner": "conll",
    ".conllu": "conllu",
    ".xml": "mediawiki",
}


def suffix_of(path: str) -> str:
    """The suffix that tells a file's format, without that of a compression, in lower case.

    >>> suffix_of("a/rows.CSV.gz"), suffix_of("SMSSpamCollection"), suffix_of("dump.xml.bz2")
    ('.csv', '', '.xml')
    """
    stem, suffix = os.path.splitext(path.lower())
    return os.path.splitext(stem)[1] if suffix in COMPRESSED else suffix


def named_format(path: str) -> str | None:
    """The format that a file's suffix says, None where it says none.

    >>> named_format("reviews.CSV.gz"), named_format("reviews"), named_format("reviews.md")
    ('csv', 'text', None)
    """
    return _FORMATS.get(suffix_of(path))


def format_of(path: str, formats: Sequence[str], option: str) -> str:
    """The format that a file's suffix says.

    Args:
        path: Of the file.
        formats: Those that can be read.
        option: Where the format is said otherwise.

    Raises:
        ConfigError: It says none of them.
    """
    found = named_format(path)
    if found is None or found not in formats:
        reads = (
            f"{found} is not read here" if found else f"the suffix '{suffix_of(path)}' does not say which format it has"
        )
        raise ConfigError(f"{path}: {reads}. Say it with {option}: {listed(tuple(formats))}.")
    return found
