"""A configuration without formats gets those of its files, and holds them from there on."""

import pytest
import yaml

from ulmfit_tfx.pipeline.config_reading import load_any_config, load_bulk_inference_config, load_config
from ulmfit_tfx.schemas.errors import ConfigError, DataError


@pytest.fixture
def configured(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "label": "b"}\n', encoding="utf-8")
    (tmp_path / "corpus.txt").write_text("A text, plainly.\n", encoding="utf-8")
    (tmp_path / "words.txt").write_text("EU B-ORG\nrejects O\n\nit O\n", encoding="utf-8")
    (tmp_path / "lines.txt").write_text("__label__a b\n", encoding="utf-8")

    def write(**values):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("given", [{}, {"format": "auto"}, {"format": None}])
def test_formats_are_those_of_the_files(configured, given):
    path = configured(name="a", data={"path": "rows.jsonl", **given}, corpus={"path": "corpus.txt", **given})
    config = load_config(path)
    assert (config.data.format, config.corpus.format) == ("jsonl", "text")
    assert load_any_config(path).model_dump() == config.model_dump()
    assert type(config).model_validate(config.model_dump()) == config


def test_formats_depend_on_the_task_and_may_be_set_by_an_override(configured):
    path = configured(name="a", task="tagging", data={"path": "words.txt"})
    assert load_config(path).data.format == "conll"
    assert load_config(path, ["data.format=conllu"]).data.format == "conllu"


def test_format_of_a_bulk_inference_may_be_left_out(configured):
    path = configured(name="a", model="model", data={"path": "corpus.txt"})
    assert load_bulk_inference_config(path).data.format == "text"


def test_plain_text_for_a_classification_is_answered_with_the_format_of_the_file(configured):
    path = configured(name="a", data={"path": "lines.txt", "format": "text"})
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value) == (
        "config.yaml: data.format is text, and lines.txt is in the format fasttext. Set data.format to fasttext, or "
        "leave it out."
    )
    assert load_config(path, ["data.format=fasttext"]) == load_config(path, ["data.format=auto"])


def test_plain_text_that_is_nothing_else_is_answered_with_what_the_task_reads(configured):
    with pytest.raises(ConfigError, match="data.format is text, and task classification reads csv, tsv, jsonl"):
        load_config(configured(name="a", data={"path": "corpus.txt", "format": "text"}))


def test_files_that_are_not_there_and_tasks_that_are_none_are_what_is_told(configured):
    with pytest.raises(DataError, match=r"gone\.csv: no such file"):
        load_config(configured(name="a", data={"path": "gone.csv"}))
    with pytest.raises(ConfigError, match="task"):
        load_config(configured(name="a", task="sorting", data={"path": "rows.jsonl"}))
    with pytest.raises(ConfigError, match=r"data\.path is missing"):
        load_config(configured(name="a", data={}))
