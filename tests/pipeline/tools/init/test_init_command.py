"""From data to a configuration that the product takes as it is."""

import json
import random
import zipfile

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.config_reading import load_config
from ulmfit_tfx.pipeline.tools.init.columns import Wanted
from ulmfit_tfx.pipeline.tools.init.proposal import name_for, propose
from ulmfit_tfx.pipeline.tools.init.writing import as_yaml

WORDS = "price parcel screen crash invoice late broken thanks refund login".split()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(count, labels=("billing", "technical"), start=0):
    chooser = random.Random(start)
    return [
        (f"{' '.join(chooser.choices(WORDS, k=9))} {start + number}", labels[number % len(labels)])
        for number in range(count)
    ]


def write_csv(file, given, header="text,label"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([header, *(",".join(row) for row in given)]) + "\n", encoding="utf-8")


def init(*arguments):
    return CliRunner(mix_stderr=False).invoke(app, ["init", *map(str, arguments)])


def loaded(file="tickets.yaml"):
    config = load_config(file)
    check_source(config.data or config.corpus)
    return config


def test_csv_becomes_a_configuration_that_loads_and_the_next_command_is_shown(folder):
    write_csv(folder / "tickets.csv", rows(80))
    result = init("tickets.csv")
    assert result.exit_code == 0, result.stderr
    assert "80 (" in result.stdout
    assert "2: billing 40, technical 40" in result.stdout
    assert result.stdout.endswith("  ulmfit-tfx run tickets.yaml\n")
    config = loaded()
    assert (config.task, config.data.path) == ("classification", str(folder / "tickets.csv"))
    assert config.evaluation.thresholds.accuracy == 0.501
    assert yaml.safe_load((folder / "tickets.yaml").read_text())["data"]["path"] == "tickets.csv"


def test_files_of_a_folder_are_its_splits_and_what_they_share_is_counted(folder):
    shared = rows(10)
    write_csv(folder / "data" / "train.csv", [*shared, *rows(60, start=100)])
    write_csv(folder / "data" / "dev.csv", rows(20, start=200))
    write_csv(folder / "data" / "test.csv", [*shared, *rows(10, start=300)])
    (folder / "data" / "README.md").write_text("About it")
    result = init("data", "--output", "tickets.yaml")
    assert result.exit_code == 0, result.stderr
    assert "10 (50.0 %)" in result.stdout
    assert "not read: README.md" in result.stdout
    data = loaded().data
    assert (data.path, data.eval_path, data.test_path) == tuple(
        str(folder / "data" / f"{split}.csv") for split in ("train", "dev", "test")
    )


def test_test_file_without_labels_is_left_out(folder):
    write_csv(folder / "data" / "train.csv", rows(60))
    write_csv(folder / "data" / "test.csv", [(text,) for text, _ in rows(20, start=100)], header="text")
    result = init("data", "--output", "tickets.yaml")
    assert result.exit_code == 0, result.stderr
    assert "there is no column 'label'" in result.stdout
    assert loaded().data.test_path is None


def test_numbers_become_a_regression_whose_threshold_is_the_deviation(folder):
    write_csv(folder / "tickets.csv", [(text, f"{number / 10}") for number, (text, _) in enumerate(rows(101))])
    assert init("tickets.csv").exit_code == 0
    config = loaded()
    assert (config.task, config.data.target_columns) == ("regression", ("label",))
    assert config.evaluation.thresholds.rmse == pytest.approx(2.92, abs=0.01)  # of 0..10, evenly


def test_several_numbers_are_said_and_stand_in_a_comment_that_can_be_taken(folder):
    given = [(f"{number % 19 / 10}", f"{number % 23 / 10}", text) for number, (text, _) in enumerate(rows(101))]
    write_csv(folder / "tickets.csv", given, header="V,A,text")
    result = init("tickets.csv")
    assert "several numbers to learn: V, A. 'V' is taken" in result.stdout
    assert loaded().data.target_columns == ("V",)
    content = (folder / "tickets.yaml").read_text()
    one = next(line for line in content.splitlines() if line.startswith("  target_columns:"))
    (folder / "tickets.yaml").write_text(
        content.replace(f"{one}\n", "").replace("  # target_columns", "  target_columns")
    )
    assert loaded().data.target_columns == ("V", "A")


def test_rare_class_is_held_against_macro_f1(folder):
    write_csv(folder / "tickets.csv", rows(100, labels=["ham"] * 9 + ["spam"]))
    assert init("tickets.csv").exit_code == 0
    assert loaded().evaluation.thresholds.macro_f1 == pytest.approx(2 * 0.9 / 1.9 / 2, abs=0.001)


@pytest.mark.parametrize(
    ("labels", "score"),
    [
        (("a;b", "a", "b"), 2 * 4 / (3 * 2 + 4)),  # of three rows two have a, and two b: both are given
        (("a", "b", "c", "a;b", "c;d", "d"), 2 * 2 / (6 * 1 + 8)),  # none is on more than half: a, of the first row
    ],
)
def test_several_labels_are_held_against_those_that_most_rows_have(folder, labels, score):
    write_csv(folder / "tickets.csv", rows(120, labels=labels))
    assert init("tickets.csv").exit_code == 0
    assert loaded().data.label_separator == ";"
    assert loaded().evaluation.thresholds.micro_f1 == pytest.approx(score, abs=0.0011)


def test_labels_of_few_rows_are_named(folder):
    write_csv(folder / "tickets.csv", [*rows(80), *rows(2, labels=("refund",), start=100)])
    assert "cannot be learned: refund" in " ".join(init("tickets.csv").stdout.split())
    assert loaded().data.rare_labels == "drop"


def test_model_has_to_be_no_worse_than_simple_ones(folder):
    write_csv(folder / "tickets.csv", rows(80))
    init("tickets.csv")
    assert loaded().evaluation.beat == "baseline"


@pytest.mark.parametrize(("shared", "deduplicated"), [(0, "off"), (8, "exact")])
def test_test_texts_are_left_out_of_train(folder, shared, deduplicated):
    write_csv(folder / "data/train.csv", rows(80))
    write_csv(folder / "data/test.csv", [*rows(80)[:shared], *rows(20, start=500)])
    assert init("data").exit_code == 0
    assert loaded("data.yaml").data.corpus_cleanup.deduplicate == deduplicated


def test_eval_rows_are_taken_from_train_where_the_column_names_none(folder):
    given = [(*row, "test" if number % 5 == 0 else "train") for number, row in enumerate(rows(100))]
    write_csv(folder / "tickets.csv", given, header="text,label,split")
    assert init("tickets.csv").exit_code == 0
    assert (loaded().data.split_column, loaded().data.eval_from_train) == ("split", True)


def test_file_whose_rows_are_all_refused_says_why(folder):
    write_csv(folder / "tickets.csv", [(text, f' "{label}"') for text, label in rows(20)])
    assert "space before a quotation mark" in " ".join(init("tickets.csv").stderr.split())


@pytest.mark.parametrize("names", [["tickets.csv"], ["train.csv", "test.csv"], ["README.md", "tickets.csv"]])
def test_members_of_an_archive_are_looked_at(folder, names):
    with zipfile.ZipFile(folder / "tickets.zip", "w") as archive:
        for number, name in enumerate(names):
            write_csv(folder / name, rows(80, start=100 * number))
            archive.write(folder / name, name)
    result = init("tickets.zip")
    assert result.exit_code == 0, result.stderr
    data = loaded().data
    assert (data.format, data.text_column, data.label_column) == ("csv", "text", "label")
    assert (data.test_path is not None) == ("test.csv" in names)


def test_words_with_tags_become_a_tagging(folder):
    (folder / "tickets.conll").write_text("to O\nRome B-LOC\n\n" * 30)
    assert init("tickets.conll").exit_code == 0
    assert (loaded().task, loaded().tagging.scheme) == ("tagging", "bio")


def test_plain_text_becomes_a_language_model(folder):
    (folder / "tickets.txt").write_text("\n".join(text for text, _ in rows(100)) + "\n")
    assert init("tickets.txt").exit_code == 0
    assert (loaded().task, loaded().corpus.format) == ("language_model", "text")


def test_labels_that_yaml_would_retype_keep_their_names(folder):
    write_csv(folder / "tickets.csv", rows(40, labels=("yes", "no")), header="text,true")
    assert init("tickets.csv").exit_code == 0
    assert loaded().data.label_column == "true"


def test_rows_that_would_stop_a_run_are_shown_and_end_with_3(folder):
    write_csv(folder / "tickets.csv", [*rows(40), *[("", "billing")] * 10])
    result = init("tickets.csv")
    assert result.exit_code == 3
    assert "10 (20.0 %)" in result.stdout
    assert "tickets.csv:42: empty text" in " ".join(result.stdout.split())
    assert "would stop" in result.stdout


def test_configuration_is_not_overwritten_unasked(folder):
    write_csv(folder / "tickets.csv", rows(40))
    (folder / "tickets.yaml").write_text("mine")
    result = init("tickets.csv")
    assert result.exit_code == 2
    assert "tickets.yaml: is there already. --force overwrites it" in result.stderr
    assert (folder / "tickets.yaml").read_text() == "mine"
    assert init("tickets.csv", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["none.csv"], 3, "none.csv: no such file"),
        (["empty.csv"], 3, "empty.csv: the file is empty"),
        (["tickets.csv", "--task", "clasification"], 2, "--task is 'clasification', expected one of classification"),
        (["tickets.csv", "--text-column", "txt"], 2, "has the columns text, label"),
        (["tickets.csv", "--task", "tagging"], 2, "has no words with tags"),
        (["tickets.csv", "--output", "none/x.yaml"], 2, "there is no folder none"),
    ],
)
def test_what_is_wrong_is_said(folder, arguments, code, complaint):
    write_csv(folder / "tickets.csv", rows(40))
    (folder / "empty.csv").touch()
    result = init(*arguments)
    assert (result.exit_code, result.exception.__class__) == (code, SystemExit)
    assert complaint in result.stderr
    assert not list(folder.glob("*.yaml"))


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8).filter(
    lambda name: not set(name) & set('",')
)


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=2, unique=True), st.lists(NAMES, min_size=2, max_size=3, unique=True))
def test_whatever_columns_and_labels_are_called_the_configuration_reads_them(tmp_path_factory, names, labels):
    folder = tmp_path_factory.mktemp("named")
    file = folder / "rows.jsonl"
    given = [{names[0]: text, names[1]: label} for text, label in rows(30, labels=labels)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in given), encoding="utf-8")
    wanted = Wanted("classification", text=names[0], labels=(names[1],))
    (folder / "rows.yaml").write_text(as_yaml(propose(str(file), "rows", wanted), folder), encoding="utf-8")
    data = load_config(folder / "rows.yaml").data
    check_source(data)
    assert (data.text_column, data.label_column) == tuple(names)


@pytest.mark.parametrize("source", ["a.csv", "1.csv", "żółć.tsv", "x y.csv.gz", "-.txt", "..", "train"])
def test_name_is_one_that_a_pipeline_can_have(folder, source):
    (folder / "x.txt").write_text("a text of words\n" * 30)
    proposal = propose("x.txt", name_for(source), Wanted())
    assert proposal.name
