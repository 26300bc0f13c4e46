"""Tags of words and the spans that they stand for: BIO, BIOES and plain tags.

BIO: `B-x` begins a span of label x, `I-x` is inside of it, `O` outside of any. BIOES: besides, `E-x` ends a span of
several words and `S-x` is one of a single word; BILOU, BMEWO and BMES have other letters for the same. Plain tags have
no such parts, as parts of speech; `O` is outside too.
"""

import bisect
from collections.abc import Collection, Iterable, Sequence

from ulmfit_tfx.schemas.config.tags import TagScheme

OUTSIDE = "O"
_PREFIXES: dict[TagScheme, str] = {"bio": "BI", "bioes": "BIES"}

_OTHER_LETTERS = {"L": "E", "M": "I", "U": "S", "W": "S"}
"""Of BILOU, BMEWO and BMES."""

Span = tuple[str, int, int]
"""Label, first word, and the word after the last one."""


def check_tag(tag: str, scheme: TagScheme) -> str | None:
    """Why a tag is none of a scheme, or None if it is one.

    >>> check_tag("B-PER", "bio"), check_tag("NOUN", "plain")
    (None, None)
    >>> check_tag("S-PER", "bio")
    "'S-PER', expected O, B-x or I-x. Tags that begin with E- or S-, or L- or U-, are of tagging.scheme: bioes"
    >>> check_tag("NOUN", "bioes")
    "'NOUN', expected O, B-x, I-x, E-x or S-x. Any other tags are of tagging.scheme: plain"
    """
    if scheme == "plain" or tag == OUTSIDE:
        return None
    if _is_of(tag, scheme):
        return None
    *first, last = [OUTSIDE, *(f"{prefix}-x" for prefix in _PREFIXES[scheme])]
    hint = "Any other tags are of tagging.scheme: plain"
    if _is_of(in_letters_of(tag, "bioes"), "bioes"):
        hint = "Tags that begin with E- or S-, or L- or U-, are of tagging.scheme: bioes"
    return f"'{tag}', expected {', '.join(first)} or {last}. {hint}"


def in_letters_of(tag: str, scheme: TagScheme) -> str:
    """A tag in the letters of a scheme, where it has those of another name of it.

    >>> [in_letters_of(tag, "bioes") for tag in ("U-PER", "L-PER", "B-PER", "M-PER", "O")]
    ['S-PER', 'E-PER', 'B-PER', 'I-PER', 'O']
    >>> in_letters_of("U-turn", "plain")
    'U-turn'
    """
    letter, dash, label = tag.partition("-")
    return f"{_OTHER_LETTERS[letter]}-{label}" if scheme == "bioes" and dash and letter in _OTHER_LETTERS else tag


def labels_in_letters_of(labels: Iterable[str], scheme: TagScheme) -> tuple[str, ...]:
    """Tags that are allowed, in the letters of a scheme, each once.

    >>> labels_in_letters_of(["O", "U-PER", "S-PER", "L-PER"], "bioes")
    ('O', 'S-PER', 'E-PER')
    """
    return tuple(dict.fromkeys(in_letters_of(label, scheme) for label in labels))


def _is_of(tag: str, scheme: TagScheme) -> bool:
    prefix, dash, label = tag.partition("-")
    return len(prefix) == 1 and prefix in _PREFIXES[scheme] and bool(dash and label)


def tags_of_spans(words: int, spans: Iterable[Span], scheme: TagScheme) -> list[str]:
    """Tags of so many words, of which some are in spans.

    >>> tags_of_spans(4, [("PER", 0, 2), ("LOC", 3, 4)], "bio")
    ['B-PER', 'I-PER', 'O', 'B-LOC']
    >>> tags_of_spans(4, [("PER", 0, 2), ("LOC", 3, 4)], "bioes")
    ['B-PER', 'E-PER', 'O', 'S-LOC']
    >>> tags_of_spans(4, [("PER", 0, 2), ("LOC", 3, 4)], "plain")
    ['PER', 'PER', 'O', 'LOC']

    Raises:
        ValueError: A span is empty, not within the words, or overlaps another.
    """
    tags = [OUTSIDE] * words
    end_before = 0
    for label, start, end in sorted(spans, key=lambda span: span[1]):
        if not end_before <= start < end <= words:
            raise ValueError(f"span {label} from word {start} to {end} overlaps another or is not within {words} words")
        tags[start:end] = _tags_of_span(label, end - start, scheme)
        end_before = end
    return tags


def _tags_of_span(label: str, words: int, scheme: TagScheme) -> list[str]:
    if scheme == "plain":
        return [label] * words
    if scheme == "bioes" and words == 1:
        return [f"S-{label}"]
    tags = [f"B-{label}"] + [f"I-{label}"] * (words - 1)
    if scheme == "bioes":
        tags[-1] = f"E-{label}"
    return tags


def spans_of_tags(tags: Sequence[str], scheme: TagScheme) -> list[Span]:
    """Spans that the tags of a sentence stand for.

    BIO and BIOES tags are read as conlleval does: any sequence has a meaning, and a span that begins with `I-x` or goes
    on with another label is one. Of plain tags, a run of words with the same one is a span.

    >>> spans_of_tags(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"], "bio")
    [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
    >>> spans_of_tags(["ADJ", "NOUN", "NOUN", "O"], "plain")
    [('ADJ', 0, 1), ('NOUN', 1, 3)]
    """
    spans = []
    before, label_before, start = OUTSIDE, "", 0
    for index, tag in enumerate([*tags, OUTSIDE]):
        prefix, label = _parts(tag, scheme)
        is_new = prefix in "OBS" or before in "OES" or label != label_before
        if is_new and before != OUTSIDE:
            spans.append((label_before, start, index))
        if is_new:
            start = index
        before, label_before = prefix, label
    return spans


def normalized(tags: Sequence[str], scheme: TagScheme) -> list[str]:
    """The tags of the same spans as the scheme has them.

    IOB1, where `B-x` only parts two spans side by side, becomes BIO (IOB2), and of BIOES a span that is not closed, or
    not opened, is.

    >>> normalized(["I-PER", "I-PER", "B-PER", "O", "I-LOC"], "bio")
    ['B-PER', 'I-PER', 'B-PER', 'O', 'B-LOC']
    >>> normalized(["B-PER", "I-PER", "O", "B-LOC"], "bioes")
    ['B-PER', 'E-PER', 'O', 'S-LOC']
    >>> normalized(["NOUN", "NOUN"], "plain")
    ['NOUN', 'NOUN']
    """
    return list(tags) if scheme == "plain" else tags_of_spans(len(tags), spans_of_tags(tags, scheme), scheme)


def without(tags: Sequence[str], left_out: Collection[int], scheme: TagScheme) -> list[str]:
    """The tags of a sentence of which some words are left out: spans go on over them.

    >>> without(["B-PER", "I-PER", "I-PER"], {0}, "bio")
    ['B-PER', 'I-PER']

    Args:
        tags: Of all words.
        left_out: Numbers of the words that are left out, from 0.
        scheme: Of the tags.
    """
    kept = [number for number in range(len(tags)) if number not in left_out]
    if scheme == "plain":
        return [tags[number] for number in kept]
    spans = [
        (label, bisect.bisect_left(kept, start), bisect.bisect_left(kept, end))
        for label, start, end in spans_of_tags(tags, scheme)
    ]
    return tags_of_spans(len(kept), [span for span in spans if span[1] < span[2]], scheme)


def _parts(tag: str, scheme: TagScheme) -> tuple[str, str]:
    """Prefix and label; those of a plain tag are of a BIO tag inside a span."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    if scheme == "plain":
        return "I", tag
    prefix, _, label = tag.partition("-")
    return prefix, label


def inside_tag(tag: str, scheme: TagScheme) -> str:
    """Tag of the pieces after the first one of a word with this tag.

    `B-x` goes on as `I-x`, any other tag as itself. So the tags that may follow the word's last piece are those that
    may follow the word: after `E-x` and `S-x` the span is over, after `I-x` it is not.

    >>> inside_tag("B-PER", "bio"), inside_tag("I-PER", "bio"), inside_tag("S-PER", "bioes"), inside_tag("O", "bio")
    ('I-PER', 'I-PER', 'S-PER', 'O')
    >>> inside_tag("B-movement", "plain")
    'B-movement'
    """
    return f"I-{tag[2:]}" if scheme != "plain" and tag.startswith("B-") else tag
