r"""Counts the records of a document a second time: from the whole of it, by other means than the parsers.

Each function takes the decoded document, with `\n` at all line ends and no byte order mark, and the limit of a row. It
returns the number of records that there have to be, good or bad, or None where it cannot tell.
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Callable
from xml.etree import ElementTree

Count = Callable[[str, int], int | None]

_LONGEST_FIELD = 1 << 30
_UNDECODABLE = re.compile("[\ud800-\udfff]")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _lines(document: str) -> list[str]:
    lines = document.split("\n")
    return lines if lines[-1] else lines[:-1]


def _is_text(line: str, limit: int) -> bool:
    return len(line) > limit or bool(line.strip())


def lines(document: str, limit: int) -> int | None:
    r"""Lines that are not blank. What is too long is no blank line.

    >>> lines("a\n \n\nb", 10), lines(" " * 11, 10)
    (2, 1)
    """
    return sum(_is_text(line, limit) for line in _lines(document))


def lines_after_header(document: str, limit: int) -> int | None:
    r"""Lines that are not empty, but for the first.

    >>> lines_after_header("text\na\n \n\n", 10)
    2
    """
    return max(sum(map(bool, _lines(document))) - 1, 0)


def csv_records(document: str, limit: int) -> int | None:
    r"""Records after the header, if the whole of the document is well-formed and nothing is too long.

    >>> csv_records('text\n"a\nb"\n\nc\n', 20), csv_records('text\n"a', 20)
    (2, None)
    """
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        records = [record for record in csv.reader(io.StringIO(document, newline=""), strict=True) if record]
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(before)
    # Quotation marks, separators and line ends count too, of which there are at most so many.
    is_short = len(document) <= limit or all(2 * sum(map(len, record)) + 3 * len(record) < limit for record in records)
    return max(len(records) - 1, 0) if is_short else None


def paragraphs(document: str, limit: int) -> int | None:
    r"""Runs of lines that are not blank.

    >>> paragraphs("a\nb\n \n\nc", 10)
    2
    """
    return sum(is_text for is_text, _ in itertools.groupby(_lines(document), lambda line: _is_text(line, limit)))


def whole(document: str, limit: int) -> int | None:
    """One, unless the document is blank.

    >>> whole("a", 10), whole(" ", 10), whole(" " * 11, 10)
    (1, 0, 1)
    """
    return int(_is_text(document, limit))


def conll_sentences(document: str, limit: int) -> int | None:
    r"""Blocks between blank lines and starts of documents, if no line might be a comment.

    >>> conll_sentences("-DOCSTART- O\na O\n\nb O\n", 20), conll_sentences("# a\nb O\n", 20)
    (2, None)
    """
    if any(line.startswith("#") or len(line) > limit for line in _lines(document)):
        return None
    return paragraphs("\n".join("" if line.startswith("-DOCSTART-") else line for line in _lines(document)), limit)


def conllu_sentences(document: str, limit: int) -> int | None:
    r"""Blocks between blank lines that hold more than comments, or undecodable bytes, if none is too long.

    >>> conllu_sentences("# a\n1\tx\n\n# b\n\n", 20)
    1
    """
    of_texts = itertools.groupby(_lines(document), lambda line: bool(line.strip()))
    blocks = [list(block) for is_text, block in of_texts if is_text]
    if any(len("\n".join(block)) + 1 > limit for block in blocks):
        return None
    return sum(not all(line.startswith("#") and not _UNDECODABLE.search(line) for line in block) for block in blocks)


def json_items(document: str, limit: int) -> int | None:
    """Items of a JSON list; none where the document is no such list, for there is an error then.

    >>> json_items('[1, {"a": 2}]', 10), json_items("[1] [2]", 10)
    (2, 0)
    """
    try:
        items = json.loads(document)
    except ValueError:
        return 0
    except RecursionError:
        return None
    return len(items) if isinstance(items, list) else 0


def pages(document: str, limit: int) -> int | None:
    """Pages of a dump, articles or not; none where it is not XML, for there is an error then.

    >>> pages("<mediawiki><siteinfo/><page/><page>a</page></mediawiki>", 10), pages("<mediawiki>", 10)
    (2, 0)
    """
    if re.match("<[^>]*encoding=(?!.utf-8)", document):
        return None
    try:
        dump = ElementTree.fromstring(_NOT_IN_XML.sub("?", document))
    except ElementTree.ParseError:
        return 0
    return sum(element.tag.rpartition("}")[2] == "page" for element in dump)
