"""The format of a file of texts, by its name."""

from collections.abc import Sequence
from pathlib import PurePath

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.section import listed

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
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
    ".conllu": "conllu",
}


def format_of(path: str, formats: Sequence[str], option: str) -> str:
    """The format that a file's suffix says, that of compressed files before the compression's.

    >>> format_of("reviews.CSV.gz", ("text", "csv"), "--format")
    'csv'
    >>> format_of("reviews", ("text", "csv"), "--format")
    'text'

    Args:
        path: Of the file.
        formats: Those that can be read.
        option: Where the format is said otherwise.

    Raises:
        ConfigError: It says none of them.
    """
    name = PurePath(path)
    suffix = name.suffix.lower()
    if suffix in _COMPRESSED:
        suffix = PurePath(name.stem).suffix.lower()
    found = _FORMATS.get(suffix)
    if found is None or found not in formats:
        reads = f"{found} is not read here" if found else f"the suffix '{suffix}' does not say which format it has"
        raise ConfigError(f"{path}: {reads}. Say it with {option}: {listed(tuple(formats))}.")
    return found
