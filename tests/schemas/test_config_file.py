import re
from pathlib import Path

import pytest
import yaml

from ulmfit_tfx.schemas.config.config_file import (
    load_any_config,
    load_bulk_inference_config,
    load_config,
    paths_read_by_steps,
    with_paths,
)
from ulmfit_tfx.schemas.config.language_model import SAMPLED_FROM, LanguageModelConfig
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


def test_sizes_of_published_models_are_meant_by_null(tmp_path):
    config = load(tmp_path, MINIMAL, "encoder.hidden_sizes=null")
    assert config.encoder.hidden_sizes == (1552, 1552, 1552, 400)
    assert [config.encoder.window(layer) for layer in range(4)] == [2, 1, 1, 1]
    assert config.export.fixed_seq_len == 70
    assert load(tmp_path, MINIMAL, "encoder={architecture: awd_lstm, hidden_sizes: null}").encoder.hidden_sizes == (
        1152,
        1152,
        400,
    )


def test_relative_paths_are_taken_from_the_configuration_file(tmp_path):
    assert load(tmp_path, MINIMAL).data.path == str(tmp_path / "rows.tsv")
    assert load(tmp_path, MINIMAL | {"push": {"directory": "models"}}).push.directory == str(tmp_path / "models")
    assert load(tmp_path, MINIMAL).push.directory is None
    remote = with_data(path="gs://bucket/rows.tsv")
    assert load(tmp_path, remote).data.path == "gs://bucket/rows.tsv"


TAUGHT = MINIMAL | {"distillation": {"data": {"path": "taught.jsonl", "format": "jsonl"}}}


def test_path_in_a_section_of_a_section_is_taken_from_the_configuration_file_too(tmp_path):
    config = load(tmp_path, TAUGHT)
    assert config.distillation.data.path == str(tmp_path / "taught.jsonl")
    assert dict(paths_read_by_steps(config))["distillation.data.path"] == str(tmp_path / "taught.jsonl")
    elsewhere = with_paths(config, {"distillation.data.path": "/mnt/taught.jsonl"})
    assert elsewhere.distillation.data.path == "/mnt/taught.jsonl"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("data.label_separator=;", "distillation is set, and with data.label_separator a row has several classes"),
        ("data.second_text_column=b", "distillation.data.second_text_column is null"),
        ("distillation.data.confidence_column=c", "confidence_column is set, and it is of the label in label_column"),
        ("distillation.data={path: x, format: csv, label_column: a, logits: true}", "labels have no logits"),
        ("distillation.data.probabilities=[good]", "expected a column, or two or more different ones"),
        ("distillation.data.splits={train: 0.9, eval: 0.1, test: 0}", "all rows of a teacher are for training"),
        ("distillation.temperature=0", "distillation.temperature is 0"),
    ],
)
def test_distillation_that_cannot_be_is_refused(tmp_path, override, said):
    assert said in complaint(tmp_path, TAUGHT, override)


def test_other_tasks_have_no_distillation_yet(tmp_path):
    regression = TAUGHT | {"task": "regression", "data": MINIMAL["data"] | {"target_columns": ["stars"]}}
    assert "distillation is set, and the task is regression" in complaint(tmp_path, regression)


def test_override_wins_over_the_file_and_reaches_nested_fields(tmp_path):
    config = load(tmp_path, MINIMAL | {"training": {"epochs": 2}}, "training.epochs=7", "encoder.hidden_sizes=[8, 4]")
    assert (config.training.epochs, config.encoder.hidden_sizes) == (7, (8, 4))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("components.1.after=X", "--set components.1.after=X: '1' is none of the 1 entries, counted from 0."),
        ("components.x.after=X", "--set components.x.after=X: 'x' is none of the 1 entries, counted from 0."),
        ("components.0=X", "--set components.0=X: expected a field of an entry, such as components.0.name=value."),
        ("components.0.name=1-", "--set: components.0.name is '1-', expected to match"),
    ],
)
def test_override_reaches_entries_of_a_list_by_number(tmp_path, override, expected):
    component = {"class": "tfx.components.StatisticsGen", "after": "CorpusIngest"}
    assert expected in complaint(tmp_path, MINIMAL | {"components": [component]}, override)
    changed = load(tmp_path, MINIMAL | {"components": [component]}, "components.0.after=Trainer")
    assert changed.components[0].after == "Trainer"


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
        (
            {"data": {"path": "x", "format": "tsv", "labels": ["a", "b"], "label_names": {"a": "b"}}},
            "label_names gives 'a' the name of another of labels, 'b'",
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
            MINIMAL | {"training": {"chunk_pieces": 8}, "head": {"pool_embeddings": True}},
            "head.pool_embeddings is true, and texts that are read in training.chunk_pieces have none",
        ),
        (
            MINIMAL | {"data_schema": {"fail_on_drift": True, "drift_threshold": None}},
            "fail_on_drift is set, and drift_threshold is null: drift is not measured",
        ),
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
        (
            PRETRAINING | {"language_model": {"softmax": "sampled", "label_smoothing": 0.1}},
            "label_smoothing is 0.1, which spreads over all pieces, and softmax is sampled",
        ),
        (
            PRETRAINING | {"language_model": {"softmax": "full", "negatives": 9}},
            "negatives is 9, and softmax is full: there is no use for it",
        ),
        (
            PRETRAINING | {"language_model": {"label_smoothing": 0.1, "negatives": 9}},
            "negatives is 9, and label_smoothing is 0.1: there is no use for it",
        ),
        (
            PRETRAINING | {"tokenizer": {"vocab_size": 500}, "language_model": {"negatives": 501}},
            "language_model.negatives is 501, more than the vocabulary has pieces, 500, which is tokenizer.vocab_size",
        ),
    ],
)
def test_rules_of_language_models_are_explained(tmp_path, config, expected):
    message = complaint(tmp_path, config)
    assert message.startswith("c.yaml: ")
    assert expected in message


@pytest.mark.parametrize(
    ("settings", "vocab_size", "expected"),
    [
        ({}, SAMPLED_FROM - 1, None),
        ({}, SAMPLED_FROM, 500),
        ({"negatives": 7}, SAMPLED_FROM, 7),
        ({"negatives": 7}, 100, None),
        ({"label_smoothing": 0.1}, 100_000, None),
        ({"softmax": "full"}, 100_000, None),
        ({"softmax": "sampled"}, 102, 26),
        ({"softmax": "sampled", "negatives": 100}, 100, 100),
    ],
)
def test_softmax_follows_from_the_vocabulary_unless_it_is_set(settings, vocab_size, expected):
    assert LanguageModelConfig(**settings).negatives_of(vocab_size) == expected


def test_task_language_model_trains_one_without_a_section_of_it(tmp_path):
    config = load(tmp_path, PRETRAINING)
    assert config.data is None
    assert config.language_model.directions == ("forward",)
    assert load(tmp_path, PRETRAINING, "language_model.direction=both").language_model.directions == (
        "forward",
        "backward",
    )


ROWS = {"path": "rows.tsv", "format": "tsv"}
SEVERAL_LABELS = {"name": "x", "data": ROWS | {"label_separator": ";"}}
REGRESSION = {"name": "x", "task": "regression", "data": ROWS | {"target_columns": ["stars"]}}
TAGGING = {"name": "x", "task": "tagging", "data": {"path": "rows.conll", "format": "conll"}}
TAGGED_SPANS = {"name": "x", "task": "tagging", "data": {"path": "rows.tsv", "format": "spans_tsv"}}
SEVERAL_TAGS = TAGGING | {"tagging": {"scheme": "plain", "tag_separator": "|"}}
COMPARISON = {"corpus": CORPUS, "language_model": {}, "evaluation": {"compare_from_scratch": True}}


def changed(config, **sections):
    """The configuration with these fields in its sections more."""
    merged = dict(config)
    for name, section in sections.items():
        merged[name] = config.get(name, {}) | section if isinstance(section, dict) else section
    return merged


def assert_refused(folder, config, message):
    assert complaint(folder, config) == f"c.yaml: {message}."


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            changed(TAGGING, data=ROWS),
            "data.format is tsv, and task tagging reads jsonl, json, parquet, conll, conllu, words_csv, words_tsv, "
            "words_xlsx, words_parquet, spans_tsv, spans_csv, spans_xlsx, spans_parquet, label_studio, "
            "label_studio_csv, label_studio_tsv. A file with a word and its tag a row is words_tsv",
        ),
        (
            changed(REGRESSION, data={"format": "conll"}),
            "data.format is conll, and task regression reads csv, tsv, jsonl, json, parquet, xlsx",
        ),
        (
            {"name": "x", "task": "regression", "data": ROWS},
            "data.target_columns is missing, the columns with the numbers to predict",
        ),
        (
            changed(MINIMAL, data={"target_columns": ["stars"]}),
            "data.target_columns is set, and task classification has no use for it",
        ),
        (
            changed(REGRESSION, data={"labels": ["a", "b"]}),
            "data.labels is set, and task regression has no use for it",
        ),
        (
            changed(REGRESSION, data={"label_column": "stars"}),
            "data.label_column is set, and task regression has no use for it",
        ),
        (
            changed(TAGGED_SPANS, data={"weight_column": "weight"}),
            "data.weight_column is set, and task tagging has no use for it",
        ),
        (
            changed(TAGGED_SPANS, data={"second_text_column": "answer"}),
            "data.second_text_column is set, and task tagging has no use for it",
        ),
        (
            changed(MINIMAL, data={"tag_column": 1}),
            "data.tag_column is set, and task classification has no use for it",
        ),
        (
            changed(TAGGING, data={"text_column": "words"}),
            "data.text_column is set, and format conll has no use for it",
        ),
        (
            changed(TAGGING, data={"slice_columns": ["language"]}),
            "data.slice_columns is set, and format conll has no use for it",
        ),
        (
            changed(TAGGING, data={"split_column": "part"}),
            "data.split_column is set, and format conll has no use for it",
        ),
        (
            changed(TAGGING, data={"tag_field": "xpos"}),
            "data.tag_field is set, and format conll has no use for it",
        ),
        (
            changed(TAGGING, data={"label_map": "names.json"}),
            "data.label_map is set, and format conll has no use for it",
        ),
        (
            changed(TAGGED_SPANS, data={"word_column": 1}),
            "data.word_column is set, and format spans_tsv has no use for it",
        ),
        (
            changed(TAGGING, data={"span_separator": "*"}),
            "data.span_separator is set, and format conll has no use for it",
        ),
    ],
)
def test_field_of_data_that_the_task_or_the_format_has_no_use_for_is_refused(tmp_path, config, message):
    assert_refused(tmp_path, config, message)


@pytest.mark.parametrize(
    ("config", "fields", "message"),
    [
        (
            MINIMAL,
            {"split_column": "part", "test_path": "test.tsv"},
            "data: split_column and eval_path or test_path are both set: the splits are named twice",
        ),
        (REGRESSION, {"target_columns": ["a", "a"]}, "data: target_columns is ['a', 'a'], expected different columns"),
        (
            MINIMAL,
            {"labels": ["a", "b"], "label_file": "labels.txt"},
            "data: labels and label_file are both set: the labels are listed twice",
        ),
    ],
)
def test_fields_of_data_that_contradict_each_other_are_refused(tmp_path, config, fields, message):
    assert_refused(tmp_path, changed(config, data=fields), message)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed(MINIMAL, tagging={}), "tagging is set, and the task is classification"),
        (changed(REGRESSION, classification={}), "classification is set, and the task is regression"),
        (changed(TAGGING, regression={}), "regression is set, and the task is tagging"),
        (changed(PRETRAINING, classification={}), "classification is set, and the task is language_model"),
        (
            changed(REGRESSION, regression={"bounds": [5, 1]}),
            "regression: bounds is [5.0, 1.0], expected the lower one first",
        ),
        (
            changed(SEVERAL_LABELS, classification={"class_weights": "balanced"}),
            "classification.class_weights is set, and with data.label_separator a row has several classes",
        ),
        (
            changed(MINIMAL, classification={"threshold": 0.4}),
            "classification.threshold is set, and without data.label_separator a row gets its most probable class",
        ),
    ],
)
def test_section_that_the_task_has_no_use_for_is_refused(tmp_path, config, message):
    assert_refused(tmp_path, config, message)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"tagging": {"scheme": "plain", "decoder": "crf", "tag_separator": "|"}},
            "tagging.tag_separator is set, and several tags a word take scheme plain and decoder softmax, not plain "
            "and crf",
        ),
        (
            {"tagging": {"tag_separator": "|"}},
            "tagging.tag_separator is set, and several tags a word take scheme plain and decoder softmax, not bio and "
            "softmax",
        ),
        (
            {"tagging": {"threshold": 0.4}},
            "tagging.threshold is set, and without tagging.tag_separator a word gets its most probable tag",
        ),
        (
            {"tagging": {"window_overlap": 30}, "training": {"max_seq_len": 32}},
            "tagging.window_overlap is 30, and windows of training.max_seq_len = 32 hold 30 pieces",
        ),
        ({"cleaning": {"strip_html": True}}, "cleaning.strip_html is set, and a tagger has no use for it"),
        ({"head": {"hidden_size": 20}}, "head.hidden_size is set, and a tagger has no use for it"),
        ({"head": {"pooled_pieces": 20}}, "head.pooled_pieces is set, and a tagger has no use for it"),
        ({"training": {"chunk_pieces": 64}}, "training.chunk_pieces is set, and a tagger has no use for it"),
        ({"tokenizer": {"separator": "[SEP]"}}, "tokenizer.separator is set, and a tagger has no use for it"),
        (
            {"pretrained": {"checkpoint": "wiki", "separator": "[SEP]"}},
            "pretrained.separator is set, and a tagger has no use for it",
        ),
    ],
)
def test_rules_of_taggers_are_explained(tmp_path, sections, message):
    assert_refused(tmp_path, changed(TAGGING, **sections), message)


def test_longest_overlap_of_windows_leaves_them_a_piece(tmp_path):
    sections = {"tagging": {"window_overlap": 29}, "training": {"max_seq_len": 32}}
    assert load(tmp_path, changed(TAGGING, **sections)).tagging.window_overlap == 29


MEASURES = {
    "one label": (MINIMAL, "accuracy, auc, macro_f1, calibration_error"),
    "several labels": (SEVERAL_LABELS, "micro_f1, auc, macro_f1, calibration_error"),
    "numbers": (REGRESSION, "mae, rmse, pearson, spearman, one_minus_wmae"),
    "entities": (TAGGING, "entity_f1, entity_precision, entity_recall, accuracy"),
    "plain tags": (changed(TAGGING, tagging={"scheme": "plain"}), "accuracy"),
    "several tags": (SEVERAL_TAGS, "micro_f1, macro_f1"),
}
ALL_MEASURES = sorted({name for _, names in MEASURES.values() for name in names.split(", ")})


@pytest.mark.parametrize(("config", "names"), MEASURES.values(), ids=MEASURES)
def test_thresholds_and_allowed_drops_are_of_what_the_task_is_measured_by(tmp_path, config, names):
    for name in ALL_MEASURES:
        thresholds = changed(config, evaluation={"thresholds": {name: 0.5}})
        drops = changed(config, evaluation={"allowed_drop": {name: 0.5}})
        if name in names.split(", "):
            assert getattr(load(tmp_path, thresholds).evaluation.thresholds, name) == 0.5
            assert load(tmp_path, drops).evaluation.allowed_drop == {name: 0.5}
            continue
        measured = f"this task is measured by {names}"
        assert_refused(tmp_path, thresholds, f"evaluation.thresholds.{name} is set, and {measured}")
        assert_refused(tmp_path, drops, f"evaluation.allowed_drop names '{name}', and {measured}")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            changed(MINIMAL, evaluation={"thresholds": {"perplexity": 90}}),
            "evaluation.thresholds.perplexity is set, and there is no language model to hold against it",
        ),
        (
            changed(PRETRAINING, evaluation={"thresholds": {"accuracy": 0.5}}),
            "evaluation.thresholds.accuracy is set, and this task is measured by perplexity, word_perplexity",
        ),
        (
            changed(PRETRAINING, evaluation={"allowed_drop": {"perplexity": 1}}),
            "evaluation.allowed_drop is set, and a language model is not compared with the one in service",
        ),
        (
            changed(MINIMAL, evaluation={"allowed_drop": {"auc": 0.1}, "compare_with_served": False}),
            "evaluation.allowed_drop is set, and evaluation.compare_with_served is false",
        ),
        (
            changed(MINIMAL, data={"splits": {"train": 0.9, "test": 0}}, **COMPARISON),
            "evaluation.compare_from_scratch is set, and data.splits.test is 0: both are scored on it",
        ),
    ],
)
def test_rules_of_the_evaluation_are_explained(tmp_path, config, message):
    assert_refused(tmp_path, config, message)


@pytest.mark.parametrize("fields", [{"test_path": "test.tsv"}, {"split_column": "part"}])
def test_comparison_from_scratch_takes_a_test_split_that_is_named(tmp_path, fields):
    config = changed(MINIMAL, data={"splits": {"train": 0.9, "test": 0}} | fields, **COMPARISON)
    assert load(tmp_path, config).evaluation.compare_from_scratch


@pytest.mark.parametrize(
    ("config", "best_by", "choices"),
    [
        (MINIMAL, "micro_f1", "loss or accuracy"),
        (SEVERAL_LABELS, "accuracy", "loss or micro_f1"),
        (REGRESSION, "accuracy", "loss"),
        (TAGGING, "micro_f1", "loss or accuracy"),
        (SEVERAL_TAGS, "accuracy", "loss or micro_f1"),
    ],
)
def test_best_epoch_is_by_what_the_task_measures_while_it_trains(tmp_path, config, best_by, choices):
    message = f"training.best_by is {best_by}, and this task has {choices}"
    assert_refused(tmp_path, changed(config, training={"best_by": best_by}), message)
    for choice in choices.split(" or "):
        assert load(tmp_path, changed(config, training={"best_by": choice})).training.best_by == choice


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"head": {"pairs": True}},
            "head.pairs is true, and nothing separates two texts: tokenizer.separator is null",
        ),
        (
            {"data": {"second_text_column": "answer"}, "tokenizer": {"add_bos": False}},
            "tokenizer.add_bos is false, and <s> is where the second text of a pair begins: set head.pairs to false to "
            "read both as one",
        ),
    ],
)
def test_pairs_that_cannot_be_told_apart_are_refused(tmp_path, sections, message):
    assert_refused(tmp_path, changed(MINIMAL, **sections), message)


@pytest.mark.parametrize(
    ("sections", "separator"),
    [
        ({}, None),
        ({"data": {"second_text_column": "answer"}}, "[SEP]"),
        ({"data": {"second_text_column": "answer"}, "tokenizer": {"separator": "<>"}}, "<>"),
        ({"data": {"second_text_column": "answer"}, "pretrained": {"checkpoint": "wiki"}}, "[SEP]"),
        ({"pretrained": {"checkpoint": "wiki", "separator": "<>"}}, "<>"),
    ],
)
def test_second_text_implies_a_separator(tmp_path, sections, separator):
    assert load(tmp_path, changed(MINIMAL, **sections)).separator == separator


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
        (load_bulk_inference_config if example.stem == "bulk_inference" else load_config)(example)


def test_configuration_with_a_model_is_a_bulk_inference(tmp_path):
    (tmp_path / "bulk.yaml").write_text("name: bulk\nmodel: m\ndata: {path: t.txt, format: text}\n")
    config = load_any_config(tmp_path / "bulk.yaml")
    assert paths_read_by_steps(config) == [("data.path", f"{tmp_path}/t.txt"), ("model", f"{tmp_path}/m")]


def test_paths_can_be_others_elsewhere(tmp_path):
    (tmp_path / "bulk.yaml").write_text("name: bulk\nmodel: m\ndata: {path: t.txt, format: text}\n")
    config = with_paths(load_any_config(tmp_path / "bulk.yaml"), {"data.path": "gs://b/t.txt", "model": "/mnt/m"})
    assert paths_read_by_steps(config) == [("data.path", "gs://b/t.txt"), ("model", "/mnt/m")]
    with pytest.raises(ConfigError, match="names 'data.paths'. Paths that this configuration has: data.path, model"):
        with_paths(config, {"data.paths": "x"})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("labels: [01, 2]", 'data.labels.0 is the number 1: YAML reads 01 so. Write "01", in quotes.'),
        ("labels: [1.10, 2.0]", 'data.labels.0 is the number 1.1: YAML reads 1.10 so. Write "1.10", in quotes.'),
        ("labels: [12:30, '1']", 'data.labels.0 is the number 750: YAML reads 12:30 so. Write "12:30", in quotes.'),
        (
            "label_names: {a: x, 007: y}",
            'label_names.007 is the number 7: YAML reads 007 so. Write "007", in quotes.',
        ),
        ("label_names: {a: 0x10}", 'data.label_names.a is the number 16: YAML reads 0x10 so. Write "0x10", in quotes.'),
        (
            "labels: [yes, 'no']",
            'labels.0 is True, expected a string. YAML reads yes as True: write "yes", in quotes.',
        ),
        ("label_column: 2024-01-31", 'YAML reads 2024-01-31 as 2024-01-31: write "2024-01-31", in quotes.'),
        (
            "label_column: on",
            'is True, expected a string. YAML reads on as True: write "on", in quotes.',
        ),
    ],
)
def test_words_that_yaml_reads_as_something_else_are_an_error(tmp_path, data, expected):
    file = tmp_path / "config.yaml"
    file.write_text(f"name: x\ndata:\n  path: rows.tsv\n  format: tsv\n  {data}\n")
    with pytest.raises(ConfigError, match=re.escape(expected)):
        load_config(file)


def test_numbers_that_yaml_reads_as_they_are_written_are_labels(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("name: x\ndata:\n  path: rows.tsv\n  format: tsv\n  labels: [0, 1, 1.5, '01', \"yes\"]\n")
    assert load_config(file).data.labels == ("0", "1", "1.5", "01", "yes")
    assert load_config(file, ["data.labels=[7, 8]"]).data.labels == ("7", "8")
