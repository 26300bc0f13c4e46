"""The format of files is recognized by what is in them, and what is recognized can be read."""

import gzip
import io
import json
import zipfile

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
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Row

CLASSIFIED = formats_for(labelled_texts(path="a", format="csv"))
TAGGED = formats_for(tagged_words(path="a", format="conll"))
TEXTS = formats_for(text_source(path="a", format="text"))

WIKI = b'<mediawiki xmlns="x"><page></page></mediawiki>'
CONLL = b"EU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\n"
CONLLU = b"# sent_id = 1\n1\tIt\tit\tPRON\t_\t_\t0\t_\t_\t_\n"


def parquet() -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"], "label": ["b"]}), stream)
    return stream.getvalue()


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


def test_files_in_several_formats_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    with pytest.raises(
        DataError, match=r"in several formats: .*a\.csv is csv, .*b\.jsonl is jsonl\. Name those of one"
    ):
        format_of(str(tmp_path), CLASSIFIED)


WORD = st.text("abcé", min_size=1, max_size=6)


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
