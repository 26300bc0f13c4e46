"""Streams the texts of files, as ingestion reads them, and counts what was refused."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ulmfit_tfx.components.corpus_ingest.source_files import check_source, is_compressed, readable, size_of
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.formats import has_header, parse
from ulmfit_tfx.transforms.records.record import Refusal, Row

_REFUSALS_SHOWN = 5


class Texts:
    """The texts of some files, read once, one after the other.

    Attributes:
        rows: Rows with a text, read so far.
        text_bytes: Their bytes.
        dropped: Rows left out so far, by rule, such as redirects of a MediaWiki dump.
        refused: Rows refused so far, by reason.
        first_refusals: The first few of them.
    """

    def __init__(self, sources: Sequence[SourceConfig]):
        """Finds the files and looks at their headers.

        Args:
            sources: Read in this order. A file that several of them name is read once.

        Raises:
            DataError: Nothing is there, a file cannot be read, or a header lacks a column.
        """
        self.rows = 0
        self.text_bytes = 0
        self.dropped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.first_refusals: list[Refusal] = []
        self._sources: dict[str, SourceConfig] = {}
        for source in sources:
            for file in check_source(source):
                self._sources.setdefault(file, source)
        self._sizes = {file: size_of(file) for file in self._sources}
        self._done = 0

    @property
    def files(self) -> list[str]:
        """The files that are read."""
        return list(self._sources)

    @property
    def share_read(self) -> float:
        """Share of the files' bytes that has been read, for people to watch. A compressed file counts at its end."""
        return self._done / max(sum(self._sizes.values()), 1)

    def __iter__(self) -> Iterator[str]:
        """Reads.

        Raises:
            DataError: A file cannot be read; after the last one: more rows were refused than `max_bad_fraction` allows,
                or there are none.
        """
        before = 0
        for file, source in self._sources.items():
            with readable(file, source) as stream:
                is_plain = not is_compressed(file)
                for record in parse(stream, file, source):
                    if isinstance(record, Row):
                        self.rows += 1
                        self.text_bytes += len(record.text.encode())
                        if self.rows % 1000 == 0 and is_plain:
                            self._done = before + stream.tell()
                        yield record.text
                    elif isinstance(record, Refusal):
                        self._refuse(record)
                    else:
                        self.dropped[record.rule] += 1
            before += self._sizes[file]
            self._done = before
        self._check()

    def _refuse(self, refusal: Refusal) -> None:
        self.refused[refusal.reason] += 1
        if len(self.first_refusals) < _REFUSALS_SHOWN:
            self.first_refusals.append(refusal)

    def _check(self) -> None:
        """Demands that there were rows, and few bad ones."""
        bad = sum(self.refused.values())
        (first, *_) = self._sources.values()
        encoding = first.encoding
        rows_in = self.rows + bad + sum(self.dropped.values())
        if bad > first.max_bad_fraction * rows_in:
            raise DataError(
                f"{bad:,} of {rows_in:,} rows are malformed ({counted(self.refused)}), more than max_bad_fraction="
                f"{first.max_bad_fraction:g} allows. The first of them:\n  "
                + "\n  ".join(map(str, self.first_refusals))
                + (f"\nIs the encoding right? It is {encoding}." if f"not {encoding}" in self.refused else "")
            )
        if not self.rows:
            where = " below the header" if has_header(first) else ""
            left_out = f": all were left out ({counted(self.dropped)})" if self.dropped else ""
            raise DataError(f"{', '.join(self._sources)}: there are no rows{where}{left_out}.")


def counted(reasons: Mapping[str, int]) -> str:
    """Reasons with their counts, in words."""
    return ", ".join(f"{reason}: {count:,}" for reason, count in sorted(reasons.items()))
