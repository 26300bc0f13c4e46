"""Feeds mutated files to ingestion: no crash, no hang, and every record accounted for.

    python benchmarks/ingestion_fuzz.py [--inputs 20000]
    python benchmarks/ingestion_fuzz.py --seed 1234 [--keep FILE]

An input is a file of one of `fuzz_formats.FORMATS` with mutations, in some encoding, maybe compressed, maybe damaged
after that, and a configuration to read it by. All of it follows from its seed, so that it can be replayed. It is read
as a worker reads a shard; a file of lines besides as several ranges, which have to give the same. What is wrong with a
file or a row for people to mend is no fault; see `Outcome` for what is one.
"""

import argparse
import bz2
import codecs
import contextlib
import dataclasses
import gzip
import itertools
import lzma
import math
import os
import random
import signal
import tempfile
import time
import traceback
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import zstandard
from contest import CONSOLE
from fuzz_documents import TEXTS
from fuzz_formats import FORMATS, FuzzedFormat
from fuzz_mutations import LARGEST, Material, damaged, mutated
from rich.progress import track
from rich.table import Table

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, line_ends, read_shard
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.components.corpus_ingest.source_files import readable
from ulmfit_tfx.schemas.config.sources.corpus_cleanup import SentenceLanguage, TextCleanupConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.corpus_cleanup.row_cleanup import cleaned_up
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import check_header
from ulmfit_tfx.transforms.records.line_ranges import is_splittable
from ulmfit_tfx.transforms.records.lines import escaped
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import SPLITS

LONGEST, GIVEN_UP_AFTER = 1.0, 10.0
"""Seconds for an input from which on it counts as hanging, and after which it is not waited for."""

CRASH, MISCOUNT, BAD_ITEM, RANGES_DIFFER, HANG = "crash", "miscount", "bad item", "ranges differ", "hang"

_DOCUMENTS = {"small": 55, "mutated text": 40, "large": 5}
"""What a document begins as, with weights."""
_LONGEST_REASON, _LONGEST_DETAIL = 80, 2000
_LONGEST_ESCAPED = len("\\udcff")
_COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda content: gzip.compress(content, 1, mtime=0),
    ".bz2": lambda content: bz2.compress(content, 1),
    ".xz": lambda content: lzma.compress(content, preset=0),
    ".zst": zstandard.ZstdCompressor(level=1).compress,
}
_OTHER_ENCODINGS = (
    *("utf-8-sig", "ascii", "latin-1", "cp1250", "iso8859-2", "utf-16", "utf-16-le", "utf-32", "utf-7", "gb18030"),
    *("shift_jis", "big5", "iso2022_jp", "hz", "euc_kr", "cp037", "unicode_escape", "raw_unicode_escape", "punycode"),
)
_BYTE_BY_BYTE = ("utf-8", "ascii", "latin-1", "cp1250", "iso8859-2")
"""Encodings of which a decoder that takes the whole of a file gives what one that takes a part at a time does."""
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

Item = Row | Refusal | Drop


@dataclasses.dataclass(frozen=True)
class FuzzInput:
    """A file and how it is read.

    Attributes:
        seed: All else follows from it.
        format: Its format.
        stored: What the file holds.
        content: The same before it was compressed. None: it was damaged after that.
        suffix: Of the file's name.
        ingestion: How it is read.
        cuts: Bytes at which the file is cut into ranges, ascending. Empty: it is read as a whole only.
        label_map: Names of its tags, of tagged words in JSON.
    """

    seed: int
    format: FuzzedFormat
    stored: bytes
    content: bytes | None
    suffix: str
    ingestion: Ingestion
    cuts: tuple[int, ...]
    label_map: dict[str, str] | None


@dataclasses.dataclass
class Outcome:
    """What came of an input.

    Attributes:
        rows: Rows out.
        refused: Rows in quarantine.
        dropped: Rows dropped by a rule.
        is_error: Whether the file cannot be read, and people are told why.
        seconds: That it took. After one that took too long it was tried again, for it may have been another program.
        fault: CRASH: another exception than `DataError`. MISCOUNT: other numbers of records than were counted, by
            ingestion itself or by `fuzz_counts`. BAD_ITEM: a row or refusal that cannot be written, or is not as it is
            documented. RANGES_DIFFER: the rows of a file's ranges are not those of the file. HANG: it took longer than
            `LONGEST`. None: all is well.
        detail: What was found.
    """

    rows: int = 0
    refused: int = 0
    dropped: int = 0
    is_error: bool = False
    seconds: float = 0.0
    fault: str | None = None
    detail: str = ""


class _FaultError(Exception):
    def __init__(self, fault: str, detail: str):
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail


class _GivenUp(BaseException):
    """Is raised wherever an input is that does not come to its end. No `Exception`, or a parser might catch it."""


def fuzz_input(seed: int) -> FuzzInput:
    """Makes the input of a seed."""
    chance = random.Random(seed)
    fuzzed = FORMATS[seed % len(FORMATS)]
    encoding = chance.choice(_OTHER_ENCODINGS) if chance.random() < 0.15 else "utf-8"
    ingestion = fuzzed.ingestion(encoding, chance)
    written_in = encoding if chance.random() < 0.8 else chance.choice(_OTHER_ENCODINGS)
    document = _document(fuzzed, written_in, chance)
    label_map = {"0": "O", "1": "B-LOC", "2": "I-LOC", "O": "O"} if chance.random() < 0.3 else None
    if chance.random() < 0.6:
        is_cut = is_splittable(ingestion.source) and chance.random() < 0.7
        cuts = sorted(chance.randint(1, max(len(document), 1)) for _ in range(chance.randint(1, 2))) if is_cut else []
        return FuzzInput(seed, fuzzed, document, document, ".txt", ingestion, tuple(cuts), label_map)
    suffix = chance.choice(list(_COMPRESSED))
    stored = _COMPRESSED[suffix](document)
    is_damaged = chance.random() < 0.4
    if is_damaged:
        stored = damaged(stored, chance)
    return FuzzInput(seed, fuzzed, stored, None if is_damaged else document, suffix, ingestion, (), label_map)


def _document(fuzzed: FuzzedFormat, encoding: str, chance: random.Random) -> bytes:
    """A document that is mutated, or that has a mutated text in it, or both."""
    tokens = [_encoded(token, encoding) for token in fuzzed.tokens]
    small = [_encoded(text, encoding) for text in fuzzed.documents.small]
    [kind] = chance.choices(list(_DOCUMENTS), list(_DOCUMENTS.values()))
    if kind == "large":
        document = _encoded(_large(fuzzed, chance), encoding)
    elif kind == "mutated text":
        texts = [text.encode() for text in TEXTS.small]
        text = mutated(chance.choice(texts), Material(texts, [token.encode() for token in fuzzed.tokens]), chance)
        document = _encoded(fuzzed.documents.with_text(text.decode("utf-8", "replace")), encoding)
    else:
        document = chance.choice(small)
    is_mutated = kind == "small" or chance.random() < 0.3
    return mutated(document, Material(small, tokens), chance) if is_mutated else document[:LARGEST]


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding, "replace")
    except UnicodeError:
        return text.encode("utf-8", "replace")


def _large(fuzzed: FuzzedFormat, chance: random.Random) -> str:
    large = chance.choice(fuzzed.documents.large)
    size_of_one = (len(large(1000)) - len(large(0))) / 1000
    count = int(LARGEST / size_of_one / 2 ** chance.uniform(0, 8))
    while len(document := large(count)) > LARGEST:
        count = count * 9 // 10
    return document


def outcome_of(tried: FuzzInput, folder: Path) -> Outcome:
    """Reads an input and judges what comes.

    Args:
        tried: The input.
        folder: Where its file is put.
    """
    file = folder / f"fuzz{tried.suffix}"
    file.write_bytes(tried.stored)
    outcome = _tried(tried, str(file))
    for _ in range(2):
        if outcome.fault is None and outcome.seconds > LONGEST:
            outcome.seconds = min(outcome.seconds, _tried(tried, str(file)).seconds)
    if outcome.fault is None and outcome.seconds > LONGEST:
        outcome.fault, outcome.detail = HANG, f"took {outcome.seconds:.1f} s"
    return outcome


def _tried(tried: FuzzInput, file: str) -> Outcome:
    outcome = Outcome()
    started = time.perf_counter()
    try:
        with _given_up_after(GIVEN_UP_AFTER):
            _read(tried, file, outcome)
    except _FaultError as found:
        outcome.fault, outcome.detail = found.fault, found.detail
    except Exception as error:
        outcome.fault = CRASH
        outcome.detail = "".join(traceback.format_exception(error)[-3:])
    except _GivenUp:
        outcome.seconds = time.perf_counter() - started
        outcome.fault, outcome.detail = HANG, f"given up after {outcome.seconds:.0f} s"
    return outcome


def _read(tried: FuzzInput, file: str, outcome: Outcome) -> None:
    """Reads a file as a whole and in ranges.

    Raises:
        _FaultError: Something is wrong with what came.
        Exception: It crashes.
    """
    source = tried.ingestion.source
    started = time.perf_counter()
    with contextlib.suppress(DataError), readable(file, source) as stream:
        check_header(stream, file, source)
    items, counts, error = _items([Shard(0, file, None)], tried)
    outcome.seconds = time.perf_counter() - started
    for kind, name in ((Row, "rows"), (Refusal, "refused"), (Drop, "dropped")):
        setattr(outcome, name, sum(isinstance(item, kind) for item in items))
    outcome.is_error = error is not None
    document = _decoded(tried)
    _check_items(items, tried, document)
    if error is None:
        _check_counts(items, counts, tried, document)
    if tried.cuts:
        edges = [0, *tried.cuts]
        ranges = [Shard(at, file, None, *edge) for at, edge in enumerate(zip(edges, [*tried.cuts, None], strict=True))]
        started = time.perf_counter()
        of_ranges, range_counts, range_error = _items(ranges, tried)
        outcome.seconds = max(outcome.seconds, time.perf_counter() - started)
        _check_ranges((items, counts, error), (of_ranges, range_counts, range_error))


def _items(shards: Sequence[Shard], tried: FuzzInput) -> tuple[list[Item], ReadCounts, DataError | None]:
    """What all shards of a file give, what was counted, and the error that ends it."""
    counts = ReadCounts()
    items: list[Item] = []
    lines_before = 0
    try:
        for shard in shards:
            items += read_shard(shard, tried.ingestion, tried.label_map, lines_before, counts)
            if len(shards) > 1:
                lines_before += line_ends(shard, tried.ingestion.source)
    except DataError as error:
        return items, counts, error
    return items, counts, None


def _decoded(tried: FuzzInput) -> str | None:
    """What the file holds, with lone surrogates for undecodable bytes, or None where that cannot be told."""
    encoding = tried.ingestion.source.encoding
    if tried.content is None or encoding not in _BYTE_BY_BYTE:
        return None
    # What the mark says goes before the configured encoding in MediaWiki's dumps.
    marks = [mark for mark, of in _BYTE_ORDER_MARKS.items() if of != encoding]
    if tried.content.startswith(tuple(marks)):
        return None
    document = tried.content.decode(encoding, "surrogateescape").removeprefix("\ufeff")
    return document.replace("\r\n", "\n").replace("\r", "\n")


def _check_items(items: Iterable[Item], tried: FuzzInput, document: str | None) -> None:
    lines = None if document is None else document.split("\n")
    for item in items:
        if isinstance(item, Row):
            problem = _problem_of_row(item, tried)
        elif isinstance(item, Refusal):
            problem = _problem_of_refusal(item, tried, lines)
        elif isinstance(item, Drop):
            problem = None if _is_unicode(item.rule) and 0 < len(item.rule) <= _LONGEST_REASON else "is not short"
        else:
            problem = "is neither a row nor a refusal nor dropped"
        if problem is not None:
            raise _FaultError(BAD_ITEM, f"{problem}: {ascii(item)[:500]}")


def _problem_of_row(row: Row, tried: FuzzInput) -> str | None:
    """Why a row is not one, or None."""
    texts = [row.text, row.label, *(row.labels or ()), *row.words, *row.tags, row.split, row.key]
    texts += itertools.chain(*row.slices)
    if not all(map(_is_unicode, texts)):
        return "cannot be written in UTF-8"
    if not row.text.strip():
        return "the text is empty"
    if row.text != row.text.strip():
        return "there is white space around the text"
    source = tried.ingestion.source
    if source.corpus_cleanup == type(source.corpus_cleanup)() and len(row.text.encode()) > source.max_row_bytes:
        return "is longer than max_row_bytes"
    if len(row.words) != len(row.tags) or bool(row.words) != (tried.ingestion.tagging is not None):
        return "has not a tag for each word"
    if row.words and (not all(row.words) or " ".join(row.words) != row.text):
        return "the text is not that of the words"
    numbers = [*row.targets, *([] if row.weight is None else [row.weight])]
    if not all(map(math.isfinite, numbers)) or (row.weight or 0) < 0:
        return "has a number that is none"
    if row.split not in (None, *SPLITS) or row.key == "":
        return "has no such split"
    return None if row.line is not None and row.line >= 1 else "has no line"


def _problem_of_refusal(refusal: Refusal, tried: FuzzInput, lines: Sequence[str] | None) -> str | None:
    """Why a refusal is not one, or None. Where a row is a line of a known file, it has to be the one that is named."""
    if not all(map(_is_unicode, (refusal.reason, refusal.detail, refusal.row))):
        return "cannot be written in UTF-8"
    if not 0 < len(refusal.reason) <= _LONGEST_REASON or len(refusal.detail) > _LONGEST_DETAIL:
        return "the reason or the detail is not short"
    if len(refusal.row) > _LONGEST_ESCAPED * tried.ingestion.source.max_row_bytes:
        return "the row is longer than max_row_bytes"
    if refusal.line < 1 or (lines is not None and refusal.line > len(lines)):
        return "there is no such line"
    if not (refusal.row and lines is not None and tried.format.is_line_a_row):
        return None
    return None if refusal.row == escaped(lines[refusal.line - 1]) else "stands in another line"


def _is_unicode(text: str | None) -> bool:
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_counts(items: Sequence[Item], counts: ReadCounts, tried: FuzzInput, document: str | None) -> None:
    if counts.records + counts.split_off != len(items):
        raise _FaultError(MISCOUNT, f"{counts}, and {len(items)} rows, refused and dropped")
    expected = None if document is None else tried.format.count(document, tried.ingestion.source.max_row_bytes)
    if expected is not None and expected != counts.records:
        raise _FaultError(MISCOUNT, f"{counts.records} records were read, and there are {expected}")


Reading = tuple[list[Item], ReadCounts, DataError | None]


def _check_ranges(whole: Reading, ranges: Reading) -> None:
    """Of a file that cannot be read some range cannot either, and the rows before do not matter."""
    if (whole[2] is None) != (ranges[2] is None):
        raise _FaultError(RANGES_DIFFER, f"the file: {whole[2]}; its ranges: {ranges[2]}")
    if whole[2] is None and whole[:2] != ranges[:2]:
        pairs = itertools.zip_longest(whole[0], ranges[0])
        differing = next((pair for pair in pairs if pair[0] != pair[1]), (whole[1], ranges[1]))
        raise _FaultError(RANGES_DIFFER, " became ".join(ascii(each)[:500] for each in differing))


@contextlib.contextmanager
def _given_up_after(seconds: float) -> Iterator[None]:
    def give_up(*signal_and_frame: Any) -> None:
        raise _GivenUp

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)  # again and again: an exception may be lost in a callback
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fuzz(count: int, first_seed: int = 0) -> dict[str, Any]:
    """Tries so many inputs.

    Args:
        count: How many.
        first_seed: Seed of the first one; the others follow.

    Returns:
        JSON: `formats`, a list of `name`, `inputs`, `rows`, `refused`, `dropped`, `errors`, `slowest` (seconds) and
        `slowest_seed`; `faults`, a list of `seed`, `format`, `fault` and `detail`; and `seconds`, of all.
    """
    tallies = {fuzzed.name: _tally(fuzzed) for fuzzed in FORMATS}
    faults = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="ulmfit-tfx-") as name:
        folder = Path(name)
        _warm_up(folder)
        for seed in track(range(first_seed, first_seed + count), "Fuzzing", console=CONSOLE, transient=True):
            tried = fuzz_input(seed)
            outcome = outcome_of(tried, folder)
            _add(tallies[tried.format.name], outcome, seed)
            if outcome.fault is not None:
                faults.append(
                    {"seed": seed, "format": tried.format.name, "fault": outcome.fault, "detail": outcome.detail}
                )
    return {"formats": list(tallies.values()), "faults": faults, "seconds": time.perf_counter() - started}


def _warm_up(folder: Path) -> None:
    """Lets everything load that is loaded when it is first needed, which no input is to be blamed for."""
    for language in typing.get_args(SentenceLanguage):
        config = TextCleanupConfig(strip_wiki=True, strip_html=True, sentences=language, languages=("en",))
        list(cleaned_up(Row("{{a|b}} <b>text</b>."), config))
    file = folder / "fuzz.txt"
    for fuzzed in FORMATS:
        document = fuzzed.documents.small[0].encode()
        file.write_bytes(document)
        for seed in range(10):
            ingestion = fuzzed.ingestion("utf-8", random.Random(seed))
            with contextlib.suppress(Exception):  # will be found in inputs that have a seed
                _read(FuzzInput(seed, fuzzed, document, document, ".txt", ingestion, (), None), str(file), Outcome())


def _tally(fuzzed: FuzzedFormat) -> dict[str, Any]:
    numbers = dict.fromkeys(("inputs", "rows", "refused", "dropped", "errors"), 0)
    return {"name": fuzzed.name, **numbers, "slowest": 0.0, "slowest_seed": None}


def _add(tally: dict[str, Any], outcome: Outcome, seed: int) -> None:
    tally["inputs"] += 1
    tally["errors"] += outcome.is_error
    for name in ("rows", "refused", "dropped"):
        tally[name] += getattr(outcome, name)
    if outcome.seconds > tally["slowest"]:
        tally["slowest"], tally["slowest_seed"] = outcome.seconds, seed


def slowest(result: dict[str, Any]) -> float:
    """Seconds of the input that took longest, of what `fuzz` returned."""
    return max(tally["slowest"] for tally in result["formats"])


def show(result: dict[str, Any]) -> None:
    """Prints what `fuzz` returned."""
    inputs = sum(tally["inputs"] for tally in result["formats"])
    table = Table(title=f"{inputs:,} mutated files, {result['seconds']:.0f} seconds")
    for column in ("format", "inputs", "rows", "refused", "dropped", "errors for people", "slowest, seconds", "seed"):
        table.add_column(column, justify="left" if column == "format" else "right")
    for tally in result["formats"]:
        numbers = (f"{tally[name]:,}" for name in ("inputs", "rows", "refused", "dropped", "errors"))
        table.add_row(tally["name"], *numbers, f"{tally['slowest']:.2f}", str(tally["slowest_seed"]))
    CONSOLE.print(table)
    for found in result["faults"]:
        CONSOLE.print(f"[red]{found['fault']}[/red] {found['format']}, --seed {found['seed']}: ", end="")
        CONSOLE.print(found["detail"].strip(), markup=False, highlight=False)


def replay(seed: int, keep: Path | None) -> None:
    """Tries one input again, and prints what it is and what comes of it."""
    tried = fuzz_input(seed)
    CONSOLE.print(f"{tried.format.name}, {len(tried.stored):,} bytes, {tried.suffix}, cut at {list(tried.cuts)}")
    CONSOLE.print(tried.ingestion.to_json(), markup=False)
    CONSOLE.print(repr((tried.content or tried.stored)[:1000]), markup=False)
    if keep is not None:
        keep.write_bytes(tried.stored)
    with tempfile.TemporaryDirectory(prefix="ulmfit-tfx-") as folder:
        _warm_up(Path(folder))
        outcome = outcome_of(tried, Path(folder))
    for name, value in dataclasses.asdict(outcome).items():
        CONSOLE.print(f"{name}: {value}", markup=False)


def main() -> None:
    """Fuzzes, or replays one input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--inputs", type=int, default=20_000, help="how many are tried")
    parser.add_argument("--first-seed", type=int, default=0, help="of the inputs tried")
    parser.add_argument("--seed", type=int, help="try the input of this seed alone, and show it")
    parser.add_argument("--keep", type=Path, help="with --seed: where its file is kept")
    options = parser.parse_args()
    if options.seed is None:
        show(fuzz(options.inputs, options.first_seed))
    else:
        replay(options.seed, options.keep)


if __name__ == "__main__":
    main()
