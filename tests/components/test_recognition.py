"""The format of files is recognized by what is in them, and what is recognized can be read."""

import gzip
import io
import json
import zipfile

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import labelled_texts

from ulmfit_tfx.components.corpus_ingest.recognition import format_of
from ulmfit_tfx.components.corpus_ingest.source_files import check_source, readable
from ulmfit_tfx.schemas.config.sources.alternatives import formats_for
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Row

CLASSIFIED = formats_for(labelled_texts(path="a", format="csv"))
TAGGED = formats_for(tagged_words(path="a", format="conll"))
TEXTS = formats_for(text_source(path="a", format="text"))

WIKI = b'<mediawiki xmlns="x"><page></page></mediawiki>'
CONLL = b"EU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\n"
CONLLU = b"# sent_id = 1\n1\tIt\tit\tPRON\t_\t_\t0\t_\t_\t_\n"


def parquet(**columns) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns or {"text": ["a"], "label": ["b"]}), stream)
    return stream.getvalue()


def xlsx(*rows) -> bytes:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


TOKENS = {"tokens": ["to", "London"], "ner_tags": ["O", "B-LOC"]}
STUDIO = {"text": "to London", "label": [{"start": 3, "end": 9, "text": "London", "labels": ["LOC"]}]}


@pytest.mark.parametrize(
    ("name", "content", "formats", "expected"),
    [
        ("a.csv", b"text,label\na,b\n", CLASSIFIED, "csv"),
        ("a.csv", b"text\n{\n", CLASSIFIED, "csv"),
        ("a.csv.gz", gzip.compress(b"text,label\na,b\n"), CLASSIFIED, "csv"),
        ("a.tsv", b"text\tlabel\n", CLASSIFIED, "tsv"),
        ("rows", b"text\tlabel\na, b\tc\n", CLASSIFIED, "tsv"),
        ("rows", "text;label\na;b\n".encode("utf-16"), CLASSIFIED, "csv"),
        ("a.json", b'[\n {"text": "a"}\n]', CLASSIFIED, "json"),
        ("a.json", b'{"data": [\n {"text": "a"}\n]}', CLASSIFIED, "json"),
        ("a.json", b'{"text": "a"}\n{"text": "b"}\n', CLASSIFIED, "jsonl"),
        ("a.txt", b'\xef\xbb\xbf{"text": "a"}\n', CLASSIFIED, "jsonl"),
        ("a.csv", parquet(), CLASSIFIED, "parquet"),
        ("a.parquet", parquet(), TEXTS, "parquet"),
        ("a.txt", b"__label__a b, c\n__label__b d\n", CLASSIFIED, "fasttext"),
        ("a.txt", b"A sentence, with a comma.\n", TEXTS, "text"),
        ("a", b"One\ttwo\nthree\tfour\n", TEXTS, "text"),
        ("notes.txt", b"[1] A note.\n{x} Another.\n", TEXTS, "text"),
        ("SMSSpam", b"ham\tGo on..\nspam\tFree entry!\n", CLASSIFIED, "tsv"),
        ("poem.txt", b"Roses are red,\n\nviolets are blue,\n", TEXTS, "text"),
        ("a.txt", CONLL, TEXTS, "text"),
        ("dump.xml", WIKI, TEXTS, "mediawiki"),
        ("a.xml", b"<?xml version='1.0'?>\n" + WIKI, TEXTS, "mediawiki"),
        ("page.html", b"<html>Fine.</html>", TEXTS, "text"),
        ("a.conll", CONLL, TAGGED, "conll"),
        ("train.txt", CONLL, TAGGED, "conll"),
        ("train.txt", CONLL.replace(b" ", b"\t"), TAGGED, "conll"),
        ("a.conllu", CONLLU, TEXTS, "conllu"),
        ("train.txt", CONLLU, TAGGED, "conllu"),
        ("a.jsonl", b'[["to", 0], ["London", 1]]\n', TAGGED, "jsonl"),
        ("export.json", json.dumps([{"text": "a", "label": []}]).encode(), TAGGED, "label_studio"),
        ("export.json", json.dumps([STUDIO, {"text": "a"}], indent=1).encode(), TAGGED, "label_studio"),
        ("export.json", json.dumps([{"id": 1, "data": {}, "annotations": []}]).encode(), TAGGED, "label_studio"),
        ("a.json", json.dumps([TOKENS]).encode(), TAGGED, "json"),
        ("a.json", json.dumps([TOKENS] * 5_000, indent=1).encode(), TAGGED, "json"),
        ("a.json.gz", gzip.compress(json.dumps({"data": [TOKENS]}, indent=1).encode()), TAGGED, "json"),
        ("a.json", json.dumps([{"text": "to London", "label": [[3, 9, "LOC"]]}]).encode(), TAGGED, "json"),
        ("a.json", json.dumps([{"text": "to London", "spans": []}]).encode(), TAGGED, "json"),
        ("a.json", json.dumps([["to London", {"entities": []}]]).encode(), TAGGED, "json"),
        ("a.json", json.dumps([[["to", "O"], ["London", "B-LOC"]]]).encode(), TAGGED, "json"),
        ("a.json", json.dumps([["to", "O"], ["London", "B-LOC"]]).encode(), TAGGED, "jsonl"),
        ("a", parquet(**{name: [value] for name, value in TOKENS.items()}), TAGGED, "parquet"),
        ("a", parquet(sentence_id=[1], word=["a"], tag=["O"]), TAGGED, "words_parquet"),
        ("a.parquet", parquet(text=["a b"], value=["b"]), TAGGED, "spans_parquet"),
        ("a.xlsx", xlsx(("Sentence #", "Word", "Tag"), ("Sentence: 1", "a", "O")), TAGGED, "words_xlsx"),
        ("a.xlsx", xlsx(("text", "value"), ("a b", "b")), TAGGED, "spans_xlsx"),
    ],
)
def test_format_is_recognized(tmp_path, name, content, formats, expected):
    (tmp_path / name).write_bytes(content)
    assert format_of(str(tmp_path / name), formats) == expected


def test_folders_of_classes_and_members_of_an_archive_are_recognized(tmp_path):
    for name in ("pos/1.txt", "pos/2.txt", "neg/1.txt", "vocab"):
        (tmp_path / "folders" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folders" / name).write_text("A text.", encoding="utf-8")
    assert format_of(str(tmp_path / "folders"), CLASSIFIED) == "class_folders"
    assert format_of(str(tmp_path / "folders"), TEXTS) == "text"
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        archive.writestr("part/a.tsv", "text\tlabel\n")
        archive.writestr("README", "About.")
    assert format_of(str(tmp_path / "rows.zip"), CLASSIFIED) == "tsv"
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        archive.writestr("train.parquet", parquet(**{name: [value] for name, value in TOKENS.items()}))
    assert format_of(str(tmp_path / "words.zip"), TAGGED) == "parquet"


def test_what_is_not_recognized_is_named_with_the_formats_that_there_are(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("A text.\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"a\.txt: looks like text, and no format is set, which may be 'csv', .*folders'"
    ):
        format_of(str(path), CLASSIFIED)
    path.write_bytes(b"%PDF-1.7\n\0\0\0")
    with pytest.raises(DataError, match=r"a\.txt: is a PDF document, not text\. Extract the text of it"):
        format_of(str(path), CLASSIFIED)
    with pytest.raises(DataError, match="no such file"):
        format_of(str(tmp_path / "gone"), CLASSIFIED)


def test_lines_that_begin_with_labels_are_not_guessed_and_the_hint_leads_to_their_rows(tmp_path):
    path = tmp_path / "stsa.binary.train"
    path.write_text("".join(f"{n % 2} {'so ' * (n % 5)}good a film\n" for n in range(40)), encoding="utf-8")
    with pytest.raises(DataError, match="one of 2 words .0, 1., as with a label: set format to labelled_lines"):
        format_of(str(path), CLASSIFIED)
    assert format_of(str(path), TEXTS) == "text"
    source = labelled_texts(path=str(path), format="labelled_lines")
    with readable(str(path), source) as stream:
        assert [row.label for row in parse(stream, str(path), source)] == ["0", "1"] * 20


def test_files_in_several_formats_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    with pytest.raises(
        DataError, match=r"in several formats: .*a\.csv is csv, .*b\.jsonl is jsonl\. Name those of one"
    ):
        format_of(str(tmp_path), CLASSIFIED)


@pytest.mark.parametrize("archive", ["plain", "gzip", "gzip without suffix", "zip"])
@pytest.mark.parametrize("format", ["jsonl", "json", "parquet", "words_xlsx"])
def test_sentences_are_read_without_a_format_from_archives_too(tmp_path, archive, format):
    contents = {
        "jsonl": json.dumps(TOKENS).encode() + b"\n",
        "json": json.dumps([TOKENS]).encode(),
        "parquet": parquet(**{name: [value] for name, value in TOKENS.items()}),
        "words_xlsx": xlsx(("sentence", "word", "tag"), (1, "to", "O"), (1, "London", "B-LOC")),
    }
    path = tmp_path / f"rows.{format}"
    content = contents[format]
    if archive == "zip":
        path = tmp_path / "rows.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr(f"rows.{format}", content)
    else:
        path = path.with_name(path.name + (".gz" if archive == "gzip" else ""))
        path.write_bytes(content if archive == "plain" else gzip.compress(content))
    found = format_of(str(path), TAGGED)
    assert found == format
    source = tagged_words(path=str(path), format=found)
    (file,) = check_source(source)
    with readable(file, source) as stream:
        (row,) = parse(stream, file, source, TagsConfig())
    assert (row.words, row.tags) == (("to", "London"), ("O", "B-LOC"))


WORD = st.text("abcé", min_size=1, max_size=6)


def test_damaged_page_of_parquet_is_an_error_where_no_format_is_set(tmp_path):
    rows = {"text": [f"row {number}" for number in range(5000)], "label": ["x"] * 5000}
    content = bytearray(parquet(**rows))
    content[200:5000] = b"\xff" * 4800
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read"):
        format_of(str(path), ["parquet", "spans_parquet"])


@settings(deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"text": st.lists(WORD, min_size=2).map(" ".join), "label": WORD}), min_size=1),
    st.sampled_from(["csv", "tsv", "jsonl", "json", "json indented", "fasttext"]),
    st.sampled_from(["rows", "rows.data", "rows.txt"]),
)
def test_rows_that_were_written_come_back_in_the_format_that_is_recognized(tmp_path_factory, rows, layout, name):
    written = {
        "csv": lambda: "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in rows),
        "tsv": lambda: "text\tlabel\n" + "".join(f"{row['text']}\t{row['label']}\n" for row in rows),
        "jsonl": lambda: "".join(json.dumps(row) + "\n" for row in rows),
        "json": lambda: json.dumps(rows),
        "json indented": lambda: json.dumps({"rows": rows}, indent=1),
        "fasttext": lambda: "".join(f"__label__{row['label']} {row['text']}\n" for row in rows),
    }
    path = tmp_path_factory.mktemp("rows") / name
    path.write_text(written[layout](), encoding="utf-8")
    source = labelled_texts(path=str(path), format=format_of(str(path), CLASSIFIED))
    assert list(check_source(source)) == [str(path)]
    with readable(str(path), source) as stream:
        found = list(parse(stream, str(path), source))
    assert found == [Row(row["text"], row["label"]) for row in rows]
