"""Reads rows that a model is asked about, of files of any format, with all their columns."""

from collections.abc import Iterator, Sequence

from ulmfit_tfx.components.corpus_ingest.source_files import check_source, readable
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import parse


def files_of(config: SourceConfig) -> Sequence[str]:
    """The files of a source, in the order in which their rows come.

    Raises:
        DataError: There is none, or a header lacks a column.
    """
    return list(check_source(config))


def read_asked(config: SourceConfig, separator: str | None = None) -> Iterator[AskedRow]:
    """Streams the rows of a source, good and refused ones, in their order.

    Args:
        config: Of `asked_texts`.
        separator: What stands between the two texts of a pair. None: the default.

    Raises:
        DataError: A file cannot be read as configured.
    """
    for file in files_of(config):
        with readable(file, config) as stream:
            for record in parse(stream, file, config, separator=separator, keep_all=True):
                if not isinstance(record, Drop):
                    yield AskedRow.of(record, file, config)
