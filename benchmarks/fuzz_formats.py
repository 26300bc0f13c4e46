"""What the fuzzer of ingestion tries: each format with its documents, its signs, and configurations that read it."""

import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import Any

import fuzz_counts
import fuzz_documents

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig, NumberedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.config.tags import TagScheme, TagsConfig

_ROW_BYTES = {1: 1, 10: 1, 60: 2, 200: 6, 1000: 6, 10_000: 4, 1_000_000: 80}
"""With weights."""
_LANGUAGES = (("en",), ("pl",), ("en", "pl"))
_MARKUP = ("<b>", "</b>", "<script>", "</script>", "<!--", "-->", "&amp;", "&#0;", "&#55296;", "&#x110000;", "{{", "}}")
_WIKI = ("[[", "]]", "{|", "|}", "|-", "<ref>", "</ref>", "<nowiki>", "'''", "==", "\n* ", "|", "__TOC__", "[http://")
_SPACES = ("\n", "\n\n", "\t", " ", "\r", "\u00a0", "\u2028", "\ufeff")
_CSV = ('"', '""', '",', ',"', ",", '"\n"', "\n", ",,", "=1", "'", ";")
_JSON = (
    *('"', "{", "}", "[", "]", ":", ",", "\\", "\\ud800", "\\u0000", "null", "true", "NaN", "-Infinity", "1e999"),
    *("-0", "9" * 20, "9" * 4301, '"text"', '"label"', '"stars"', '{"text": "x"}', '""', "[]", "\n", "\\n"),
)
_NUMBERS = ("0", "-1", "1e39", "nan", "1,5", "1_000", "\u0664")
_SPLITS = ("train", "dev", "test", "TRAIN", "good", "bad")
_CONLL = (
    "\t",
    " ",
    "\n",
    "\n\n",
    "#",
    "# text =",
    "# text = a",
    "-DOCSTART-",
    "B-PER",
    "I-",
    "E-X",
    "O",
    "_",
    "\u00a0",
)
_CONLLU = (
    *(
        "1-2\t",
        "1.1\t",
        "0\t",
        "-1\t",
        "1-1\t",
        "2-1\t",
        "99999999999999999999\t",
        "a\t",
        "|",
        "=",
        "||",
        "SpaceAfter=No",
    ),
    *("# global.columns =", "# global.columns = ID FORM", "# newdoc", "# text =", "#", "\t_", "\t", "\n", "\n\n"),
)
_XML = (
    *(
        "<page>",
        "</page>",
        "<text>",
        "</text>",
        "<text/>",
        "<revision>",
        "</revision>",
        "<title>",
        "<ns>",
        "<ns>0</ns>",
    ),
    *(
        "<ns>x</ns>",
        "<redirect />",
        "<![CDATA[",
        "]]>",
        "&lt;",
        "&gt;",
        "&amp;",
        "&#0;",
        "&#xD800;",
        "&nbsp;",
        "&unknown;",
    ),
    *('xml:space="preserve"', '<?xml version="1.1" encoding="utf-16"?>', "<!DOCTYPE a SYSTEM 'file:///etc/hostname'>"),
    *("</mediawiki>", "<mediawiki>", "<namespace key='0'>", "xmlns='x'", "x:", "</", "<", ">", '"'),
)


@dataclasses.dataclass(frozen=True)
class FuzzedFormat:
    """A format, in one of the ways in which it is read.

    Attributes:
        name: As the table shows it.
        documents: What mutations begin with.
        tokens: What means something in it.
        configured: Chooses fields of its source, and how words are tagged if they are.
        count: Counts the records of a document by other means, see `fuzz_counts`.
        is_line_a_row: Whether a row is a line, and what a refusal shows of a row is that line.
    """

    name: str
    documents: fuzz_documents.Documents
    tokens: tuple[str, ...]
    configured: Callable[[random.Random], tuple[dict[str, Any], TagsConfig | None]]
    count: fuzz_counts.Count
    is_line_a_row: bool = False

    def ingestion(self, encoding: str, chance: random.Random) -> Ingestion:
        """Some configuration that reads it."""
        fields, tagging = self.configured(chance)
        is_labelled = tagging is not None or _LABELLED in fields
        fields.pop(_LABELLED, None)
        [most] = chance.choices(list(_ROW_BYTES), list(_ROW_BYTES.values()))
        fields |= {"path": "fuzz", "encoding": encoding, "max_row_bytes": most}
        fields["corpus_cleanup"] = _rules(chance) | ({} if is_labelled else _rewording(chance))
        if tagging is not None:
            kind: Callable[..., SourceConfig] = tagged_words
        elif is_labelled:
            kind = NumberedTextsConfig if "target_columns" in fields else ClassifiedTextsConfig
        else:
            kind = text_source
        return Ingestion(kind(**fields), tagging, chance.choice((None, "|")))


_LABELLED = "is_labelled"


def _some(chance: random.Random, **fields: Any) -> dict[str, Any]:
    """Some of the fields."""
    return {name: value for name, value in fields.items() if chance.random() < 0.3}


def _rules(chance: random.Random) -> dict[str, Any]:
    rules = _some(chance, min_words=chance.randint(1, 4), max_words=chance.randint(4, 50))
    return rules | ({"languages": chance.choice(_LANGUAGES)} if chance.random() < 0.05 else {})


def _rewording(chance: random.Random) -> dict[str, Any]:
    return _some(chance, strip_html=True, strip_wiki=True, sentences=chance.choice(("en", "pl", "de")))


def _text(unit: str) -> Callable[[random.Random], tuple[dict[str, Any], None]]:
    return lambda chance: ({"format": "text", "text_unit": unit}, None)


def _texts_with_labels(name: str) -> Callable[[random.Random], tuple[dict[str, Any], None]]:
    def configured(chance: random.Random) -> tuple[dict[str, Any], None]:
        fields: dict[str, Any] = {"format": name} | (_ONE_LINE_A_ROW if name == "tsv" else {})
        split = chance.choice(({}, {"split_key_column": "author"}, {"split_column": "split"}))
        kind = chance.choice(("corpus", "classes", "several", "numbers"))
        if kind == "corpus":
            return fields | {key: value for key, value in split.items() if key != "split_column"}, None
        fields |= split | {_LABELLED: True}
        fields |= _some(
            chance, second_text_column="title", slice_columns=("language", "author"), weight_column="weight"
        )
        if kind == "numbers":
            return fields | {"target_columns": chance.choice((("stars",), ("stars", "weight")))}, None
        fields |= _some(chance, label_names={"good": "positive"}, labels=("good", "bad", "long"))
        return fields | ({"label_separator": ";"} if kind == "several" else {}), None

    return configured


def _texts(name: str, **fields: Any) -> Callable[[random.Random], tuple[dict[str, Any], None]]:
    return lambda chance: ({"format": name} | _some(chance, **fields), None)


def _tagged(
    name: str, schemes: Sequence[TagScheme] = ("bio", "bio", "bioes", "plain"), **fields: Any
) -> Callable[[random.Random], tuple[dict[str, Any], TagsConfig]]:
    """With `fields`, each of which has one of several values or is left out."""

    def configured(chance: random.Random) -> tuple[dict[str, Any], TagsConfig]:
        chosen = {field: chance.choice(values) for field, values in fields.items()}
        scheme = chance.choice(schemes)
        tagging = TagsConfig(
            scheme=scheme,
            tag_separator="|" if scheme == "plain" and chance.random() < 0.5 else None,
            words=chance.choice(("punctuation", "whitespace")),
        )
        given = {field: value for field, value in chosen.items() if value is not None}
        return {"format": name} | given | _some(chance, labels=("O", "B-PER", "I-PER", "B-LOC")), tagging

    return configured


_ONE_LINE_A_ROW = {"quoting": "none"}
"""Otherwise the rows of a TSV cannot be counted without knowing whether it is a quoted one."""
_MARKED_TEXT = (*_CSV, "\t", "*", "NULL", "Foo", "tak", "kind")
_PLAIN_TEXT = (*_SPACES, *_MARKUP, *_WIKI, "Dr.", "np.", "...", "?!")
_SPAN_COLUMNS: dict[str, Any] = {"span_label_column": (None, "kind"), "split_key_column": (None, "kind")}
_CONLL_COLUMNS: dict[str, Any] = {"word_column": (0, 0, 1), "tag_column": (-1, -1, 1, 2)}
_CONLLU_FIELDS: dict[str, Any] = {"tag_field": ("upos", "xpos", "feats", "deprel", "Ner", "head")}
_UNIVERSAL_TAGS: tuple[TagScheme, ...] = ("plain", "plain", "bio")

FORMATS = (
    FuzzedFormat("text, lines", fuzz_documents.TEXTS, _PLAIN_TEXT, _text("line"), fuzz_counts.lines, True),
    FuzzedFormat("text, paragraphs", fuzz_documents.TEXTS, _PLAIN_TEXT, _text("paragraph"), fuzz_counts.paragraphs),
    FuzzedFormat("text, documents", fuzz_documents.TEXTS, _PLAIN_TEXT, _text("document"), fuzz_counts.whole),
    FuzzedFormat(
        "csv",
        fuzz_documents.CSV,
        (*_CSV, *_NUMBERS, *_SPLITS, *_MARKUP),
        _texts_with_labels("csv"),
        fuzz_counts.csv_records,
    ),
    FuzzedFormat(
        "tsv",
        fuzz_documents.TSV,
        ("\t", "\t\t", "\n", '"', ";", *_NUMBERS, *_SPLITS, *_MARKUP),
        _texts_with_labels("tsv"),
        fuzz_counts.lines_after_header,
        True,
    ),
    FuzzedFormat(
        "jsonl, texts",
        fuzz_documents.JSONL,
        (*_JSON, *_SPLITS, *_MARKUP),
        _texts_with_labels("jsonl"),
        fuzz_counts.lines,
        True,
    ),
    FuzzedFormat(
        "jsonl, tagged words",
        fuzz_documents.TAGGED_JSONL,
        (*_JSON, '["x", "O"]', '"B-PER"', '"E-X"', "[[", "]]"),
        _tagged("jsonl"),
        fuzz_counts.lines,
        True,
    ),
    FuzzedFormat(
        "conll, texts", fuzz_documents.CONLL, _CONLL, _texts("conll", word_column=1), fuzz_counts.conll_sentences
    ),
    FuzzedFormat(
        "conll, tagged words",
        fuzz_documents.CONLL,
        _CONLL,
        _tagged("conll", **_CONLL_COLUMNS),
        fuzz_counts.conll_sentences,
    ),
    FuzzedFormat(
        "conllu, texts",
        fuzz_documents.CONLLU,
        (*_CONLLU, *_CONLL),
        _texts("conllu"),
        fuzz_counts.conllu_sentences,
    ),
    FuzzedFormat(
        "conllu, tagged words",
        fuzz_documents.CONLLU,
        (*_CONLLU, *_CONLL),
        _tagged("conllu", _UNIVERSAL_TAGS, **_CONLLU_FIELDS),
        fuzz_counts.conllu_sentences,
    ),
    FuzzedFormat(
        "spans_csv",
        fuzz_documents.SPANS_CSV,
        _MARKED_TEXT,
        _tagged("spans_csv", **_SPAN_COLUMNS),
        fuzz_counts.csv_records,
    ),
    FuzzedFormat(
        "spans_tsv",
        fuzz_documents.SPANS_TSV,
        _MARKED_TEXT,
        _tagged("spans_tsv", quoting=("none",), **_SPAN_COLUMNS),
        fuzz_counts.lines_after_header,
        True,
    ),
    FuzzedFormat(
        "label_studio",
        fuzz_documents.LABEL_STUDIO,
        (*_JSON, '"start"', '"end"', '"labels"', "0", "1", "9", "-1", "1.0", "😀"),
        _tagged("label_studio"),
        fuzz_counts.json_items,
    ),
    FuzzedFormat(
        "mediawiki",
        fuzz_documents.MEDIAWIKI,
        (*_XML, *_MARKUP, *_WIKI),
        _texts("mediawiki"),
        fuzz_counts.pages,
    ),
)
