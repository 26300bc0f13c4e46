"""Fields that are looked for under another name or in another section."""

import pytest

from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.errors import ConfigError

BEGIN = "name: a\ndata: {path: d.csv, format: csv}\n"


def refusal(folder, text):
    (folder / "c.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(folder / "c.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("lr: 0.1", "lr is not a known field. Did you mean 'training.learning_rate'"),
        ("epochs: 3", "epochs is not a known field. Did you mean 'training.epochs'"),
        ("train: {epochs: 3}", "train is not a known field. Did you mean 'training'?"),
        ("training: {lr: 0.1}", "training.lr is not a known field. Did you mean 'learning_rate'?"),
        ("evaluation: {thresholds: {f1: 0.3}}", "f1 is not a known field. Did you mean 'macro_f1', 'micro_f1' or"),
        ("f1: 0.3", "f1 is not a known field. Did you mean 'evaluation.thresholds.macro_f1'"),
        ("text_column: t", "text_column is not a known field. Did you mean 'data.text_column'"),
        ("encoder: {hidden_sizes: 64}", "encoder.hidden_sizes is 64, expected a list such as [64, 64]."),
        ("training: {epoch: 1}", "training.epoch is not a known field. Did you mean 'epochs'?"),
    ],
)
def test_answer_names_the_field_that_is_meant(tmp_path, line, hint):
    assert hint in refusal(tmp_path, BEGIN + line)


@pytest.mark.parametrize(
    "line", ["training: {learning_rate: 0.1, epochs: 3}", "evaluation: {thresholds: {macro_f1: 0.3}}"]
)
def test_doing_as_the_hint_says_is_right(tmp_path, line):
    (tmp_path / "c.yaml").write_text(BEGIN + line)
    assert load_config(tmp_path / "c.yaml").name == "a"


@pytest.mark.parametrize("text", ["", "# a comment alone\n", "---\n"])
def test_empty_file_is_called_empty(tmp_path, text):
    assert "c.yaml: is empty, expected sections such as 'name:' and 'data:'." in refusal(tmp_path, text)


def test_names_of_labels_that_are_weighted_reach_ingestion(tmp_path):
    (tmp_path / "c.yaml").write_text(BEGIN + "classification: {class_weights: {a: 1, b: 2}}")
    assert load_config(tmp_path / "c.yaml").weighted_labels == ("a", "b")
