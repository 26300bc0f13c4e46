from pathlib import Path

import pytest
import yaml

from ulmfit_tfx.schemas.config_file import load_config
from ulmfit_tfx.schemas.errors import ConfigError

MINIMAL = {"name": "x", "data": {"path": "rows.tsv", "format": "tsv"}}


def load(folder: Path, config, *overrides):
    path = folder / "c.yaml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    return load_config(path, overrides)


def complaint(folder: Path, config, *overrides) -> str:
    with pytest.raises(ConfigError) as error:
        load(folder, config, *overrides)
    return str(error.value)


def with_data(**fields):
    return MINIMAL | {"data": MINIMAL["data"] | fields}


def test_defaults_are_the_published_sizes(tmp_path):
    config = load(tmp_path, MINIMAL)
    assert config.encoder.layer_sizes == (1552, 1552, 1552, 400)
    assert [config.encoder.window(layer) for layer in range(4)] == [2, 1, 1, 1]
    assert config.export.fixed_seq_len == 70
    assert load(tmp_path, MINIMAL, "encoder.architecture=awd_lstm").encoder.layer_sizes == (1152, 1152, 400)


def test_relative_paths_are_taken_from_the_configuration_file(tmp_path):
    assert load(tmp_path, MINIMAL).data.path == str(tmp_path / "rows.tsv")
    assert load(tmp_path, MINIMAL | {"push": {"directory": "models"}}).push.directory == str(tmp_path / "models")
    assert load(tmp_path, MINIMAL).push.directory is None
    remote = with_data(path="gs://bucket/rows.tsv")
    assert load(tmp_path, remote).data.path == "gs://bucket/rows.tsv"


def test_override_wins_over_the_file_and_reaches_nested_fields(tmp_path):
    config = load(tmp_path, MINIMAL | {"training": {"epochs": 2}}, "training.epochs=7", "encoder.hidden_sizes=[8, 4]")
    assert (config.training.epochs, config.encoder.hidden_sizes) == (7, (8, 4))


def test_numbers_are_welcome_as_labels(tmp_path):
    config = load(tmp_path, with_data(labels=[0, 1], label_names={0: "bad", 1: "good"}))
    assert config.data.labels == ("0", "1")
    assert config.data.label_names == {"0": "bad", "1": "good"}


def test_unknown_field_names_the_nearest_and_all_allowed(tmp_path):
    message = complaint(tmp_path, with_data(text_colum="review"))
    assert "c.yaml: data.text_colum is not a known field. Did you mean 'text_column'? Allowed: path, format," in message


def test_wrong_value_names_file_field_value_and_what_is_allowed(tmp_path):
    assert (
        complaint(tmp_path, MINIMAL | {"training": {"epochs": "ten"}})
        == "c.yaml: training.epochs is 'ten', expected a whole number."
    )
    assert "training.batch_size is 0, expected greater than 0" in complaint(
        tmp_path, MINIMAL | {"training": {"batch_size": 0}}
    )


def test_wrong_choice_suggests_the_nearest(tmp_path):
    message = complaint(tmp_path, MINIMAL | {"encoder": {"architecture": "qrn"}})
    assert message == ("c.yaml: encoder.architecture is 'qrn', expected 'qrnn' or 'awd_lstm'. Did you mean 'qrnn'?")


def test_wrong_override_is_attributed_to_the_command_line(tmp_path):
    assert complaint(tmp_path, MINIMAL, "training.learning_rate=-1").startswith("--set: training.learning_rate is -1")


@pytest.mark.parametrize("override", ["training.epochs", "=3", "name.deeper=3"])
def test_override_that_is_no_assignment_is_refused(tmp_path, override):
    assert complaint(tmp_path, MINIMAL, override).startswith(f"--set {override}: ")


def test_every_problem_is_listed(tmp_path):
    message = complaint(tmp_path, MINIMAL | {"seed": -1, "training": {"epochs": 0}, "nmae": "x"})
    assert len(message.splitlines()) == 3


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"data": {"path": "x", "format": "tsv", "splits": {"train": 0.5}}}, "train + eval + test is 0.7, expected 1"),
        ({"data": {"path": "x", "format": "tsv", "labels": ["a"]}}, "expected two or more different values"),
        ({"data": {"path": "x", "format": "tsv", "encoding": "utf-9"}}, "is not an encoding that Python knows"),
        ({"data": {"format": "tsv"}}, "data.path is missing"),
        ({"data": {"path": "x", "format": "tsv", "encoding": "hex"}}, "is not an encoding that Python knows"),
        (
            {"data": {"path": "x", "format": "tsv", "labels": ["a", "b"], "label_names": {"c": "d"}}},
            "label_names names 'c', which is not among labels",
        ),
        ({"data": {"path": "x", "format": "tsv", "label_names": {"a": "x", "b": "x"}}}, "two labels the same name"),
        ({"tokenizer": {"user_defined_symbols": ["!", "!"]}}, "holds an empty or a repeated symbol"),
        ({"name": "3 x"}, "name is '3 x', expected to match"),
        (
            {"pretrained": {"checkpoint": "x"}, "encoder": {"embedding_size": 8}},
            "encoder.embedding_size and pretrained are both set",
        ),
        (
            {"pretrained": {"checkpoint": "x"}, "tokenizer": {"vocab_size": 100}},
            "tokenizer and pretrained are both set",
        ),
    ],
)
def test_rules_across_fields_are_explained(tmp_path, sections, expected):
    assert expected in complaint(tmp_path, MINIMAL | sections)


CORPUS = {"path": "corpus.txt", "format": "text"}
PRETRAINING = {"name": "x", "task": "language_model", "corpus": CORPUS}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (MINIMAL | {"language_model": {}}, "corpus is missing, the text that the language model is trained on"),
        (PRETRAINING | {"data": MINIMAL["data"]}, "data is set, and task language_model has no labelled rows"),
        ({"name": "x"}, "data is missing, the labelled rows of task classification"),
        (
            MINIMAL | {"evaluation": {"compare_from_scratch": True}},
            "evaluation.compare_from_scratch is set, and it compares with language_model alone",
        ),
        (
            PRETRAINING | {"encoder": {"direction": "backward"}},
            "encoder.direction is set, and with a language model it is language_model.direction",
        ),
        (
            PRETRAINING | {"pretrained": {"checkpoint": "x"}, "language_model": {"direction": "both"}},
            "language_model.direction is both, and the pretrained encoder reads in one direction",
        ),
        (MINIMAL | {"training": {"gradient_pieces": 8}}, "gradient_pieces is set and chunk_pieces is not"),
        (
            PRETRAINING | {"language_model": {"min_seq_len": 9, "max_seq_len": 8}},
            "min_seq_len is 9, more than max_seq_len, 8",
        ),
        (
            PRETRAINING | {"corpus": CORPUS | {"splits": {"train": 1, "eval": 0, "test": 0}}},
            "corpus.splits.eval is 0, the texts that the language model is evaluated on",
        ),
        (
            PRETRAINING | {"encoder": {"embedding_size": 8, "hidden_sizes": [8, 4]}, "language_model": {"tied": True}},
            "language_model.tied is true, and it takes equal sizes: encoder.embedding_size is 8, the last of "
            "encoder.hidden_sizes 4",
        ),
        (
            PRETRAINING | {"language_model": {"momentum": [0.85, 0.95]}},
            "language_model.momentum is [0.85, 0.95]",
        ),
    ],
)
def test_rules_of_language_models_are_explained(tmp_path, config, expected):
    message = complaint(tmp_path, config)
    assert message.startswith("c.yaml: ")
    assert expected in message


def test_task_language_model_trains_one_without_a_section_of_it(tmp_path):
    config = load(tmp_path, PRETRAINING)
    assert config.data is None
    assert config.language_model.directions == ("forward",)
    assert load(tmp_path, PRETRAINING, "language_model.direction=both").language_model.directions == (
        "forward",
        "backward",
    )


def test_corpus_of_the_tokenizer_alone_needs_no_eval_split(tmp_path):
    splits = {"train": 1, "eval": 0, "test": 0}
    assert load(tmp_path, MINIMAL | {"corpus": CORPUS | {"splits": splits}}).corpus.splits.eval == 0


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [1", "c.yaml:2: is not YAML"),
        ("", "expected sections"),
        ("- 1", "expected sections"),
        ("seed: 2024-13-45", "is not YAML"),
    ],
)
def test_file_that_is_no_configuration_is_refused(tmp_path, content, expected):
    assert expected in complaint(tmp_path, content + "\n" if content else content)


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "reviews.yaml").touch()
    with pytest.raises(ConfigError, match=r"no such file\. Did you mean .*reviews\.yaml"):
        load_config(tmp_path / "review.yaml")


def test_examples_are_valid():
    examples = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
    assert examples
    for example in examples:
        load_config(example)
