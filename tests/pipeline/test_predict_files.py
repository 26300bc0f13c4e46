"""`ulmfit-tfx predict --file`: a row out for each row in, with its columns, in its order."""

import csv
import json
import shutil
import zipfile

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from task_model_writer import write_classifier, write_regressor, write_tagger
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.asking import Account, answered
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow

CSV = 'key,text,label\n7,"good, ""good""\nbad",x\n8,,y\n9,bad\n10, plain ,z\n'


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_classifier(folder / "classifier")
    write_classifier(folder / "labels", label_separator="|")
    write_regressor(folder / "regressor")
    write_tagger(folder / "tagger")
    return folder


def invoke(*arguments, code=0):
    result = CliRunner(mix_stderr=False).invoke(app, ["predict", *map(str, arguments)])
    assert result.exit_code == code, result.stderr
    return result


def test_csv_keeps_its_columns_and_says_why_rows_are_refused(models, tmp_path):
    (tmp_path / "in.csv").write_text(CSV)
    result = invoke(
        models / "classifier", "--file", tmp_path / "in.csv", "--id-column", "key", "--output", tmp_path / "out.csv"
    )
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("key", "line", "text", "label", "predicted_label"),
        *("probability", "probability_bad", "probability_good", "probability_plain", "error"),
    ]
    assert [row["key"] for row in rows] == ["7", "8", "", "10"]
    assert [row["line"] for row in rows] == ["2", "4", "5", "6"]
    assert [row["text"] for row in rows] == ['good, "good"\nbad', "", "", "plain"]
    assert [row["label"] for row in rows] == ["x", "y", "", "z"]
    assert [row["predicted_label"] for row in rows] == ["bad", "", "", "plain"]
    assert [row["error"] for row in rows] == [
        *("", "empty text: column 'text'", "wrong number of columns: 2, expected 3", "")
    ]
    assert result.stdout == f"{tmp_path}/out.csv: 4 rows\n"
    assert "'label' is 'predicted_label'" in result.stderr
    assert "2 of 4 rows have no prediction: empty text: 1, wrong number of columns: 1." in result.stderr


def test_lines_keep_their_numbers_and_json_lines_their_types(models, tmp_path):
    (tmp_path / "in.txt").write_text("good\n\nbad\n\n")
    lines = invoke(models / "regressor", "--file", tmp_path / "in.txt", "--json").stdout.splitlines()
    rows = list(map(json.loads, lines))
    assert [(row["line"], row["text"], row["error"]) for row in rows] == [
        *((1, "good", None), (2, "", "blank line"), (3, "bad", None), (4, "", "blank line"))
    ]
    assert [row["scores"] and row["scores"]["characters"] for row in rows] == [4, None, 3, None]
    (tmp_path / "in.jsonl").write_text('{"id": 1, "text": "good", "more": {"a": [1]}}\n{"id": 2}\n')
    lines = invoke(models / "regressor", "--file", tmp_path / "in.jsonl", "--json").stdout.splitlines()
    first, second = map(json.loads, lines)
    assert (first["id"], first["more"], second["id"], second["more"]) == (1, {"a": [1]}, 2, None)
    assert second["error"] == "missing field: 'text'. Fields: id"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("labels", {"labels": ["good"], "probability_good": 0.5}),
        ("regressor", {"characters": 8.0}),
        ("tagger", {"words": ["Zoë", "good"], "tags": ["B-PER", "O"]}),
    ],
)
def test_every_task_is_written_as_a_table(models, tmp_path, model, expected, suffix):
    (tmp_path / "in.txt").write_text("\nZoë good\n")
    target = tmp_path / f"out{suffix}"
    invoke(models / model, "--file", tmp_path / "in.txt", "--output", target)
    blank, row = pq.read_table(target).to_pylist() if suffix == ".parquet" else csv.DictReader(target.open())
    for name, value in expected.items():
        assert (json.loads(row[name]) if isinstance(row[name], str) else row[name]) == value
        assert blank[name] in (None, "")
    if model == "tagger":
        [span] = json.loads(row["spans"])
        assert (span["text"], span["label"], span["start_char"]) == ("Zoë", "PER", 0)


def test_header_without_the_column_is_found_out_before_the_model_is_loaded(models, tmp_path):
    (tmp_path / "in.csv").write_text("id,txt\n1,good\n")
    result = invoke(models / "classifier", "--file", tmp_path / "in.csv", code=3)
    assert "there is no column 'text'. Columns: id, txt. Did you mean 'txt'?" in result.stderr
    invoke(models / "classifier", "--file", tmp_path / "in.csv", "--text-column", "txt")


@pytest.mark.parametrize(("member", "texts"), [("rows.csv", ["fine", "bad"]), ("rows.txt", ["text", "fine", "bad"])])
def test_members_of_an_archive_are_asked_in_their_format(models, tmp_path, member, texts):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(member, "text\nfine\nbad\n")
    invoke(models / "classifier", "--file", tmp_path / "in.zip", "--output", tmp_path / "out.jsonl")
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["text"] for row in written] == texts


def test_model_of_single_texts_takes_no_pairs(models, tmp_path):
    (tmp_path / "in.csv").write_text("text,other\ngood,bad\n")
    arguments = ("--file", tmp_path / "in.csv", "--second-text-column", "other")
    assert "was trained on single texts" in invoke(models / "classifier", *arguments, code=2).stderr


def test_folder_of_a_run_stands_for_the_newest_model_that_it_pushed(models, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metadata.sqlite").touch()
    assert "is the folder of a run that has pushed no model here" in invoke(tmp_path / "run", "good", code=2).stderr
    for version in ("9", "10"):
        shutil.copytree(models / "classifier", tmp_path / "run" / "serving" / "reviews" / version)
    result = invoke(tmp_path / "run", "good")
    assert f"Model: {tmp_path}/run/serving/reviews/10" in result.stderr
    shutil.copytree(models / "classifier", tmp_path / "run" / "serving" / "mails" / "3")
    message = invoke(tmp_path / "run", "good", code=2).stderr
    assert f"Name one: {tmp_path}/run/serving/mails, {tmp_path}/run/serving/reviews." in message


def asked(number, is_good):
    return AskedRow(
        "f", number, {"id": number}, f"text {number}" if is_good else None, None if is_good else "blank line"
    )


@settings(deadline=None, max_examples=60)
@given(kinds=st.lists(st.booleans(), max_size=30), at_once=st.integers(1, 8))
def test_any_order_of_good_and_refused_rows_stays(kinds, at_once):
    account = Account()
    rows = account.counting(asked(number, is_good) for number, is_good in enumerate(kinds))
    chunks = list(answered(rows, lambda texts: [text.upper() for text in texts], at_once))
    found = [pair for chunk in chunks for pair in chunk]
    assert [row.columns["id"] for row, _ in found] == list(range(len(kinds)))
    assert [answer for _, answer in found] == [f"TEXT {n}" if good else None for n, good in enumerate(kinds)]
    assert all(len(chunk) <= at_once for chunk in chunks)
    assert (account.rows, account.refused.total()) == (len(kinds), kinds.count(False))
    assert account.is_without_text == (not any(kinds))


def test_rows_are_asked_while_they_are_read():
    taken = []

    def endless():
        for number in range(10**9):
            taken.append(number)
            yield asked(number, True)

    chunks = answered(endless(), list, 4)
    next(chunks)
    next(chunks)
    assert len(taken) == 8


def test_long_rows_are_asked_by_the_few():
    rows = [AskedRow("f", n, {"text": "x" * 3_000_000}, "x" * 3_000_000) for n in range(3)]
    assert [len(chunk) for chunk in answered(rows, list)] == [1, 1, 1]
