"""What can be told of a source's files from their first bytes, before a pipeline is built."""

from collections.abc import Mapping

from ulmfit_tfx.components.corpus_ingest.source_files import readable
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.formats import has_header

_FIRST_BYTES = 1 << 16


def check_rows_are_there(files: Mapping[str, str | None], config: SourceConfig) -> None:
    """Demands that not all files of a source, or of a split, end before their first row.

    Args:
        files: Each file with the split that its rows are, or None where they are shared out, as `check_source` gives
            them.
        config: Of the source.

    Raises:
        DataError: They do.
    """
    for split in dict.fromkeys(files.values()):
        of_split = [file for file, its in files.items() if its == split]
        if not any(_may_have_rows(file, config) for file in of_split):
            where = " below the header" if has_header(config) else ""
            path = config.path if split is None else getattr(config, f"{split}_path")
            raise DataError(f"{path}: there are no rows{where}.")


def _may_have_rows(file: str, config: SourceConfig) -> bool:
    """Whether there are lines beside a header, as far as the first bytes tell."""
    with readable(file, config) as stream:
        begin = stream.read(_FIRST_BYTES)
    if len(begin) == _FIRST_BYTES:
        return True
    lines = [line for line in begin.decode(config.encoding, errors="replace").splitlines() if line.strip("\ufeff \t")]
    return len(lines) > has_header(config)
