"""What a file is taken for."""

import csv
import io
import json

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.pipeline.tools.init.delimiters import CANDIDATES, sniff
from ulmfit_tfx.pipeline.tools.init.layouts import binary_layout, folder_layout, has_header, layout_of
from ulmfit_tfx.schemas.errors import DataError

WORDS = ["the room was clean, and quiet", "never again; too loud", "fine"]
TABLE = [["text", "label"], *([word, label] for word in WORDS for label in ("good", "bad"))]
CONLLU = "# text = It is\n1\tIt\tit\tPRON\t_\t_\t0\t_\t_\t_\n2\tis\tbe\tAUX\t_\t_\t0\t_\t_\t_\n\n"
STUDIO = [{"text": "to London", "label": [{"start": 3, "end": 9, "text": "London", "labels": ["LOC"]}]}]


def written(rows, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


FILES = {
    "comma": ("a.csv", written(TABLE, ","), {"format": "csv"}),
    "semicolon": ("a.csv", written(TABLE, ";"), {"format": "csv", "delimiter": ";"}),
    "bar": ("a.txt", written(TABLE, "|"), {"format": "csv", "delimiter": "|"}),
    "Excel's first line": ("a.csv", "sep=;\n" + written(TABLE, ";"), {"format": "csv", "delimiter": ";"}),
    "tab": ("a.tsv", 'text\tlabel\nso "it" goes\tx\nno\ty\n', {"format": "tsv"}),
    "tab under another name": ("a.csv", "text\tlabel\nso, it goes\tx\nno, no, no\ty\n", {"format": "tsv"}),
    "no header": (
        "SMS",
        "ham\tsee you at six then\nspam\tyou won\nham\tok\nspam\tclick\n",
        {"format": "tsv", "columns": ["label", "text"]},
    ),
    "JSON Lines": ("a.jsonl", '{"text": "a b", "label": 1}\n{"text": "c", "label": 0}\n', {"format": "jsonl"}),
    "pairs": ("a.jsonl", '[["to", "O"], ["Rome", "B-LOC"]]\n', {"format": "jsonl"}),
    "CoNLL": ("a.conll", "to O\nRome B-LOC\n\nby O\nrail O\n", {"format": "conll"}),
    "CoNLL with numbers": ("a.txt", "1\tto\tO\n2\tRome\tB-LOC\n\n1\tby\tO\n", {"format": "conll", "word_column": 1}),
    "CoNLL with the tag before the last": (
        "a.conll",
        "to O x\nRome B-LOC y\n\nby O z\n",
        {"format": "conll", "tag_column": 1},
    ),
    "CoNLL-U": ("a.conllu", CONLLU, {"format": "conllu"}),
    "Label Studio": ("a.json", json.dumps(STUDIO, indent=1), {"format": "label_studio"}),
    "wiki": ("a.xml", "<mediawiki>\n<page></page>\n</mediawiki>\n", {"format": "mediawiki"}),
    "JSON list": ("a.json", json.dumps([{"text": "a b", "label": 1}], indent=1), {"format": "json"}),
    "Label Studio, in full": (
        "a.json",
        json.dumps(
            [
                {
                    "data": {"text": "to Rome"},
                    "annotations": [{"result": [{"from_name": "ner", "type": "labels", "value": {}}]}],
                }
            ]
        ),
        {"format": "label_studio", "label_controls": ["ner"]},
    ),
    "Label Studio's CSV": (
        "a.csv",
        written([["text", "label"], ["to Rome", json.dumps(STUDIO[0]["label"])], ["by rail", ""]], ","),
        {"format": "label_studio_csv"},
    ),
    "Hugging Face": (
        "a.jsonl",
        '{"tokens": ["to", "Rome"], "ner_tags": ["O", "B-LOC"]}\n{"tokens": [], "ner_tags": []}\n',
        {"format": "jsonl"},
    ),
    "doccano": (
        "a.jsonl",
        '{"text": "to Rome", "label": [[3, 7, "LOC"]]}\n{"text": "by", "label": []}\n',
        {"format": "jsonl"},
    ),
    "Hugging Face's lists": (
        "a.json",
        '[{"tokens": ["to", "Rome"], "ner_tags": ["O", "B-LOC"], "pos_tags": ["TO", "NNP"]}]',
        {"format": "json", "tags_field": "ner_tags"},
    ),
    "doccano's lists": ("a.json", '[{"text": "to Rome", "label": [[3, 7, "LOC"]]}]', {"format": "json"}),
    "Prodigy's lists": (
        "a.json",
        '[{"text": "to Rome", "spans": [{"start": 3, "end": 7, "label": "LOC"}]}]',
        {"format": "json"},
    ),
    "spaCy's lists": ("a.json", '[["to Rome", {"entities": [[3, 7, "LOC"]]}]]', {"format": "json"}),
    "spaCy's lines": ("a.jsonl", '["to Rome", {"entities": [[3, 7, "LOC"]]}]\n', {"format": "jsonl"}),
    "lists of pairs": ("a.json", '[[["to", "O"], ["Rome", "B-LOC"]],\n[["by", "O"]]]', {"format": "json"}),
    "a list within an object": ("a.json", '{\n"rows": [{"text": "a b", "label": 1}]}', {"format": "json"}),
    "fastText": ("a.txt", "__label__a some, words\n__label__b others\n", {"format": "fasttext"}),
    "fastText with several labels": (
        "a.txt",
        "__label__a __label__b some words\n__label__b others\n",
        {"format": "fasttext", "label_separator": " "},
    ),
    "a word a row": (
        "a.csv",
        "Sentence #,Word,POS,Tag\nSentence: 1,to,TO,O\n,Rome,NNP,B-geo\n",
        {"format": "words_csv"},
    ),
    "a label and a text": (
        "stsa.binary.train",
        "".join(f"{number % 2} {'so , ' * (number % 5)}good a film , really .\n" for number in range(40)),
        {"format": "labelled_lines"},
    ),
    "a text, two spaces and a label": (
        "a.txt",
        "".join(f"{'so , ' * (number % 5)}good a film , really .  {number % 2}\n" for number in range(40)),
        {"format": "labelled_lines", "label_at": "last"},
    ),
    "text": ("a.txt", "A line, and more.\nAnother one\nA third, with a comma, or two.\n", {"format": "text"}),
}


@pytest.mark.parametrize(("name", "content", "fields"), FILES.values(), ids=FILES)
def test_layout_is_recognized(tmp_path, name, content, fields):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert layout_of(str(tmp_path / name), "utf-8").fields == fields


def test_lines_with_labels_are_text_where_a_language_model_is_wanted(tmp_path):
    (tmp_path / "a.txt").write_text(FILES["a label and a text"][1], encoding="utf-8")
    labelled = layout_of(str(tmp_path / "a.txt"), "utf-8")
    assert "--task language_model reads the lines as text" in labelled.remark
    assert layout_of(str(tmp_path / "a.txt"), "utf-8", "language_model").fields == {"format": "text"}


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [("O B-X I-X", "bio"), ("O B-X E-X S-X", "bioes"), ("O U-X L-X", "bioes"), ("DET NOUN", "plain")],
)
def test_scheme_follows_from_the_tags(tmp_path, tags, scheme):
    (tmp_path / "a.conll").write_text("".join(f"w {tag}\n" for tag in tags.split()) + "\nw O\n")
    found = "plain" if scheme == "plain" else scheme
    assert layout_of(str(tmp_path / "a.conll"), "utf-8").sections == {"tagging": {"scheme": found}}


# Quotes, delimiters and line ends in fields are what CSV is for.
FIELDS = st.text(st.sampled_from('ab ,;|\t"\n.'), max_size=12).filter(lambda field: "\r" not in field)


@given(
    st.sampled_from(CANDIDATES),
    st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(FIELDS, min_size=width, max_size=width), min_size=8)),
)
def test_delimiter_is_found_again_where_others_stand_in_few_fields(delimiter, rows):
    width = len(rows[0])
    plain = [[f"w{place}" for place in range(width)]] * (2 * len(rows))
    header = [f"column {place}" for place in range(width)]
    lines = written([header, *rows, *plain], delimiter).splitlines(keepends=True)
    found = sniff(lines)
    assert found is not None
    assert (found.delimiter, found.header) == (delimiter, header)


@pytest.mark.parametrize("first", [["text", "label"], ["review", "stars"], ["Sentence #", "Tag"]])
def test_names_are_a_header(first):
    assert has_header(sniff([f"{','.join(row)}\n" for row in [first, ["a b", "1"], ["c d", "2"]]]))


@pytest.mark.parametrize("first", [["it was good", "pos"], ["7", "a text"], ["so", "so"]])
def test_rows_are_no_header(first):
    assert not has_header(sniff([f"{','.join(row)}\n" for row in [first, ["bad", "pos"], ["c d", "neg"]]]))


@pytest.mark.parametrize("format", ["parquet", "xlsx"])
def test_columns_of_a_binary_file_are_looked_up(tmp_path, format):
    file = tmp_path / "rows"
    if format == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": ["a b", "c"], "meta": [{"label": 1}, {"label": 0}]}), file)
    else:
        book = openpyxl.Workbook()
        for row in (["text", "meta.label"], ["a b", 1]):
            book.active.append(row)
        book.save(file)
    layout = binary_layout(str(file))
    assert (layout.fields, layout.columns) == ({"format": format}, ("text", "meta.label"))


NUMBERED = pyarrow.table({"tokens": [["to", "Rome"]], "pos_tags": [[0, 1]], "ner_tags": [[0, 1]]})
NAMES = {"info": {"features": {"ner_tags": {"feature": {"_type": "ClassLabel", "names": ["O", "B-LOC"]}}}}}


def test_words_with_tags_in_a_binary_file_are_rows_of_a_tagger(tmp_path):
    file = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(NUMBERED.replace_schema_metadata({"huggingface": json.dumps(NAMES)}), file)
    layout = binary_layout(str(file))
    assert (layout.task, layout.fields) == ("tagging", {"format": "parquet", "tags_field": "ner_tags"})
    assert layout.sections == {"tagging": {"scheme": "bio"}}, "by the names that the file has of its numbers"
    pyarrow.parquet.write_table(pyarrow.table({"sentence": [1], "word": ["Rome"], "ner": ["U-LOC"]}), file)
    layout = binary_layout(str(file))
    assert (layout.fields, layout.sections) == ({"format": "words_parquet"}, {"tagging": {"scheme": "bioes"}})
    book = openpyxl.Workbook()
    for row in (["Sentence #", "Word", "POS", "Tag"], ["Sentence: 1", "Rome", "NNP", "B-LOC"]):
        book.active.append(row)
    book.save(tmp_path / "rows.xlsx")
    assert binary_layout(str(tmp_path / "rows.xlsx")).fields == {"format": "words_xlsx"}


def test_text_is_no_binary_file(tmp_path):
    (tmp_path / "rows").write_text("PAR for the course\n")
    assert binary_layout(str(tmp_path / "rows")) is None


def test_file_that_holds_no_text_is_named_with_what_to_do(tmp_path):
    (tmp_path / "rows").write_bytes(b"%PDF-1.7\n\0\0\0")
    with pytest.raises(DataError, match="is a PDF document, not text. Extract the text of it"):
        binary_layout(str(tmp_path / "rows"))


def test_folder_for_each_label():
    files = [f"d/{label}/{number}.txt" for label in ("neg", "pos") for number in range(3)]
    assert folder_layout(files, "d").fields == {"format": "class_folders"}
    assert folder_layout([f"d/{number}.txt" for number in range(6)], "d") is None
    assert folder_layout([f"d/{number}/only.txt" for number in range(6)], "d") is None
