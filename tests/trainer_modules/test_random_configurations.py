"""Configurations drawn by chance: each trains, is exported, reloaded and answers, or is refused with a reason.

`make test-random` runs them; a plain `pytest` leaves them out.
"""

import gc
import random
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from pydantic import ValidationError
from task_examples import write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks import load_predictor
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.regression import trainer as regressor
from ulmfit_tfx.tasks.tagging import trainer as tagger
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tag_schemes import tags_of_spans
from ulmfit_tfx.transforms.tokenization import Tokenizer

pytestmark = pytest.mark.random_configurations

COUNT = 100
TRAIN, EVAL = 30, 16
RUN_FNS = {"classification": classifier.run_fn, "regression": regressor.run_fn, "tagging": tagger.run_fn}
OUTPUTS = {"classification": "probabilities", "regression": "scores", "tagging": "tag_probabilities"}
TEXTS = ["", "a great film.", "A dull story, and a superb, naïve café! [SEP] " * 30]

OFTEN, SELDOM, HARDLY_EVER = 0.4, 0.03, 0.005
"""How probable it is that a field is set: one that the task has a use for, one that it has not, one of another task."""

CHOICES = {
    "cleaning": {"lower_case": (True, False), "strip_html": (True, False)},
    "tokenizer": {"add_bos": (True, False), "add_eos": (True, False), "separator": (None, "[SEP]", "and")},
    "encoder": {
        "architecture": ("qrnn", "awd_lstm"),
        "qrnn_windows": ([1], [2, 1], [3]),
        "qrnn_pooling": ("f", "fo", "ifo"),
        "forget_convention": ("fastai", "paper"),
        "zoneout": (0.0, 0.3),
        "direction": ("forward", "backward"),
        "dropout": (
            {"embedding": 0.3, "input": 0.5, "hidden": 0.5, "output": 0.5, "weight": 0.6},
            {"embedding": 0, "input": 0, "hidden": 0, "output": 0, "weight": 0},
        ),
    },
    "head": {
        "hidden_size": (1, 7),
        "dropout": ([0.0, 0.0], [0.6, 0.3]),
        "batch_norm": (True, False),
        "pooled_pieces": (1, 6, 500),
        "pairs": (True, False),
    },
    "training": {
        "epochs": (1, 2),
        "batch_size": (1, 7, 64),
        "learning_rate": (1e-4, 0.05),
        "schedule": ("one_cycle", "slanted_triangular", "constant"),
        "warm_up": (None, 0, 0.5, 1),
        "momentum": (None, [0.95, 0.85]),
        "beta_2": (0.0, 0.99),
        "epsilon": (1e-5, 1e-7),
        "weight_decay": (0.0, 0.1),
        "gradient_clip_norm": (None, 0.25),
        "layer_rate_factor": (1, 2.6),
        "mixed_precision": ("auto", "off", "float16", "bfloat16"),
        "early_stopping_patience": (1,),
        "checkpoint_seconds": (0, 30),
        "max_seq_len": (3, 12, 40, 256),
        "gradual_unfreezing": (True, False),
        "chunk_pieces": (None, 1, 9, 400),
        "gradient_pieces": (5,),
        "calibrate": (True, False),
        "shuffle_buffer": (1, 1000),
    },
    "export": {"fixed_seq_len": (None, 2, 30)},
    "classification": {
        "class_weights": (None, "balanced", {"good": 1, "bad": 2.5, "plain": 0}, {"good": 1, "food": 1}),
        "label_smoothing": (0.0, 0.2),
        "threshold": (0.1, 0.9),
    },
    "regression": {
        "loss": ("mse", "mae", "huber"),
        "huber_delta": (0.1, 3),
        "normalize": ("standard", "range", "off"),
        "bounds": (None, [1, 5], [0, 1000]),
        "balance": ("off", "weights", "oversample"),
        "balance_bins": (2, 50),
        "balance_limit": (1, 3),
    },
    "tagging": {
        "scheme": ("bio", "bioes", "plain"),
        "alignment": ("all_pieces", "first_piece"),
        "decoder": ("softmax", "crf"),
        "threshold": (0.1, 0.9),
        "words": ("punctuation", "whitespace"),
        "window_overlap": (0, 4, 20),
        "context_layer": (None, 1, 6),
        "word_features": (None, {"rows": 7, "size": 3}),
    },
}
WRONG = (
    ("training", "momentum", [0.85, 0.95]),
    ("training", "learning_rate", 0),
    ("training", "epochs", 0),
    ("training", "learning_rates", 0.01),
    ("training", "best_by", "micro_f2"),
    ("regression", "bounds", [5, 1]),
    ("classification", "threshold", 1),
    ("tagging", "scheme", "iob"),
    ("tagging", "window_overlap", 254),
    ("encoder", "hidden_sizes", []),
    ("head", "dropout", [0.1]),
    ("export", "fixed_seq_len", 1),
)
FOREIGN = {
    "tagging": {
        "cleaning.strip_html",
        "tokenizer.separator",
        "head.hidden_size",
        "head.batch_norm",
        "head.pooled_pieces",
        "head.pairs",
        "training.chunk_pieces",
        "training.gradient_pieces",
    },
    "classification": set(),
    "regression": set(),
}
"""Fields that a task has no use for, beside the sections of the other tasks."""


def draw(number):
    """A configuration, and what it does not say: whether rows have weights, and where the encoders come from."""
    rng = random.Random(number)
    task = rng.choice(sorted(RUN_FNS))
    several = task != "regression" and rng.random() < 0.35
    config = {"name": "drawn", "task": task, "seed": rng.randrange(1000), "data": _data(rng, task, several)}
    for section, fields in CHOICES.items():
        for field, values in fields.items():
            if rng.random() < _probability(task, several, section, field, config):
                config.setdefault(section, {})[field] = rng.choice(values)
    encoder, training = config.setdefault("encoder", {}), config.setdefault("training", {})
    encoder |= {"embedding_size": rng.choice((1, 5, 8)), "hidden_sizes": rng.choice(([4], [6, 5], [5, 1, 6]))}
    training.setdefault("epochs", 1)
    if rng.random() < OFTEN and task != "regression":
        training["best_by"] = "micro_f1" if several else "accuracy"
    if task == "tagging":
        tagging = config.setdefault("tagging", {})
        if several:
            tagging["tag_separator"] = "|"
            tagging |= {"scheme": "plain", "decoder": "softmax"} if rng.random() < 0.8 else {}
        if rng.random() < 0.8 and training.get("max_seq_len", 256) < 40:
            tagging["window_overlap"] = 0
            training["max_seq_len"] = max(training["max_seq_len"], 4)
    if config.get("head", {}).get("pairs") and rng.random() < 0.8:
        config["tokenizer"] = {"separator": "[SEP]"}
    if rng.random() < 0.15:
        section, field, value = rng.choice(
            [wrong for wrong in WRONG if wrong[0] in (task, *set(CHOICES) - set(RUN_FNS))]
        )
        config[section] = config.get(section, {}) | {field: value}
    return config, rng.random() < 0.3, rng.choice(("own", "own", "own", "both", "base"))


def _probability(task, several, section, field, config):
    """How probable it is that a field is set."""
    if section in RUN_FNS and section != task:
        return HARDLY_EVER
    is_of_no_use = (
        f"{section}.{field}" in FOREIGN[task]
        or (field == "threshold" and not several)
        or (field == "class_weights" and several)
        or (field == "gradient_pieces" and not config.get("training", {}).get("chunk_pieces"))
    )
    return SELDOM if is_of_no_use else OFTEN


def _data(rng, task, several):
    if task == "tagging":
        return {"path": "rows", "format": "conll"}
    data = {"path": "rows", "format": "tsv"}
    if task == "regression":
        return data | {"target_columns": rng.choice((["stars"], ["stars", "price"]))}
    return data | ({"label_separator": "|"} if several else {})


def rows_of(config, reviews, weighted):
    """Rows of the task. Every third text is a pair, and one has nothing in it but a tag of HTML."""
    rng = random.Random(0)
    short = [pair for pair in reviews if len(pair[0]) < 120][: TRAIN + EVAL]
    short[::3] = [(text.replace(" and ", " [SEP] ", 1), mood) for text, mood in short[::3]]
    short[3] = short[TRAIN + 3] = ("<br>", "plain")
    for text, mood in short:
        if config.task == "tagging":
            yield Row("", words=tuple(text.split()), tags=tuple(_tags(config.tagging, text.split(), mood)))
            continue
        weight = rng.choice((0.0, 0.5, 3.0)) if weighted else None
        if config.task == "regression":
            stars = {"bad": 1.0, "plain": 3.0, "good": 5.0}[mood]
            targets = (stars, 100 - 10 * stars)[: len(config.data.target_columns)]
            yield Row(text, targets=targets, weight=weight)
        elif config.data.is_multi_label:
            yield Row(text, labels={"bad": (), "plain": ("plain",), "good": ("good", "bad")}[mood], weight=weight)
        else:
            yield Row(text, mood, weight=weight)


def _tags(tagging, words, mood):
    if tagging.tag_separator is not None:
        return ["|".join(["long"] * (len(word) > 5) + [mood] * (word != "and")) for word in words]
    spans = [] if mood == "plain" else [(mood, start, start + 2) for start in range(0, len(words) - 1, 4)]
    return tags_of_spans(len(words), spans, tagging.scheme)


@pytest.fixture(scope="module")
def base_model(tmp_path_factory, spm_model):
    """A model with a forward and a backward encoder."""
    folder = tmp_path_factory.mktemp("base") / "model"
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    config = EncoderConfig(embedding_size=6, hidden_sizes=(5, 6))
    pad = tokenizer.special_ids.pad
    encoders = [
        build_encoder(config.model_copy(update={"direction": direction}), tokenizer.vocab_size, pad)
        for direction in ("forward", "backward")
    ]
    signatures = encoder_signatures(encoders[0], tokenizer, None, 40)
    info = ModelDescription(
        task="encoder", encoder=config, max_seq_len=40, fixed_seq_len=None, directions=("forward", "backward")
    )
    save(str(folder), {"": encoders[0], BACKWARD: encoders[1]}, tokenizer, signatures, info)
    return str(folder)


@pytest.fixture(scope="module")
def outcomes():
    """What came of each configuration."""
    return {}


def assert_names_a_field(error, drawn):
    names = {name for section, fields in drawn.items() if isinstance(fields, dict) for name in (section, *fields)}
    for found in error.errors():
        words = set(re.findall(r"\w+", f"{' '.join(map(str, found['loc']))} {found['msg']}"))
        assert words & names, f"names no field: {found}"


@pytest.mark.parametrize("number", range(COUNT))
def test_configuration_works_or_is_refused_with_a_reason(number, tmp_path, spm_model, reviews, base_model, outcomes):
    drawn, weighted, encoders = draw(number)
    print(yaml.safe_dump(drawn), f"weighted: {weighted}, encoders: {encoders}")  # shown where the test fails
    try:
        config = PipelineConfig.model_validate(drawn)
    except ValidationError as error:
        assert_names_a_field(error, drawn)
        outcomes[number] = "refused"
        return
    rows = list(rows_of(config, reviews, weighted))
    tokenizer = Tokenizer(spm_model, config.tokenizer_to_train, CleaningConfig.model_validate(config.cleaning))
    fn_args = write_inputs(tmp_path / "x", tokenizer, config, rows[:TRAIN], rows[TRAIN:])
    if encoders == "both":
        fn_args.custom_config["directions"] = ["forward", "backward"]
    fn_args.base_model = base_model if encoders == "base" else None
    try:
        RUN_FNS[config.task](fn_args)
    except DataError as error:
        if not re.search(r"classification\.class_weights|regression\.bounds", str(error)):
            raise
        outcomes[number] = "refused"
        return
    assert_answers_alike(load_predictor(fn_args.serving_model_dir), config.task)
    outcomes[number] = "works"
    keras.backend.clear_session()
    gc.collect()


def assert_answers_alike(predictor, task):
    assert [answer.text for answer in predictor.answer(TEXTS)] == TEXTS
    serve, name = predictor.signatures["serving_default"], OUTPUTS[task]
    together = serve(string_inputs=tf.constant(TEXTS))
    for row, text in enumerate(TEXTS):
        alone = serve(string_inputs=tf.constant([text]))
        numbers = alone[name][0].numpy()
        assert np.isfinite(numbers).all()
        found = together[name][row].numpy()
        if task == "tagging":
            assert len(numbers) == int(alone["word_counts"][0]) == int(together["word_counts"][row])
            assert not found[len(numbers) :].any()
            found = found[: len(numbers)]
        np.testing.assert_allclose(found, numbers, rtol=1e-5, atol=1e-5)


def test_fewer_than_half_are_refused(outcomes):
    if len(outcomes) < COUNT:
        pytest.skip("not all configurations were run, or some failed")
    assert 0 < list(outcomes.values()).count("refused") < COUNT / 2
