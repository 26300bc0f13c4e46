"""Language models, from transformed examples to what is exported."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.tasks.language_model import trainer as language_model
from ulmfit_tfx.trainer_modules.data.token_corpus import documents_of
from ulmfit_tfx.trainer_modules.serving.saved_model import read_exported
from ulmfit_tfx.trainer_modules.transfer.piece_vectors import vectors_of
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer

BARELY = {"epochs": 1, "batch_size": 8, "bptt": 25, "learning_rate": 1e-8}
"""A training that leaves weights where they begin, to a millionth."""
LEARNS = {"learning_rate": 0.02}
SAMPLED = {"softmax": "sampled", "negatives": 30}


@pytest.fixture(scope="module")
def train(tmp_path_factory, spm_model, reviews):
    """Trains a language model with some settings; returns its SavedModel and the files it was trained on.

    Each is trained once, and not to be changed.
    """

    @functools.cache
    def run(base_model=None, first=0, **settings):
        tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
        rows = [Row(text, mood) for text, mood in reviews]
        config, folder = PipelineConfig.model_validate(CONFIG), tmp_path_factory.mktemp("lm")
        fn_args = write_inputs(folder, tokenizer, config, rows[first : first + 24], rows[24:36])
        fn_args.custom_config["language_model"] = LanguageModelConfig(**BARELY | settings).model_dump(mode="json")
        fn_args.base_model = base_model
        language_model.run_fn(fn_args)
        return fn_args.serving_model_dir, fn_args.train_files

    return run


def log_frequencies(files, vocab_size):
    """One is added to the count of each piece."""
    counts = np.ones(vocab_size)
    for record in tf.data.TFRecordDataset(files, "GZIP"):
        for piece in tf.train.Example.FromString(record.numpy()).features.feature["token_ids"].int64_list.value:
            counts[piece] += 1
    return np.log(counts / counts.sum())


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"softmax": "full"}, marks=pytest.mark.thorough),
        SAMPLED,
        pytest.param({"softmax": "full", "tied": False}, marks=pytest.mark.thorough),
    ],
)
def test_weights_begin_at_what_the_texts_say_of_pieces(settings, train):
    model, files = train(**settings)
    exported = read_exported(model)
    bias = exported.weights["lm_head/bias"]
    np.testing.assert_allclose(bias, log_frequencies(files, len(bias)), atol=1e-5)
    size = exported.encoder.embedding_size
    vectors = vectors_of(documents_of(files), len(bias), size, 42)
    expected = vectors * (0.3 / np.sqrt(np.mean(np.square(vectors))))
    embeddings = exported.weights["embedding/embeddings"]
    np.testing.assert_allclose(embeddings[:, : vectors.shape[1]], expected, atol=1e-4)


def test_embeddings_begin_by_chance_where_that_is_asked_for(train):
    model, _ = train(embedding_start="random")
    assert np.abs(read_exported(model).weights["embedding/embeddings"]).max() <= 0.1 + 1e-5


def test_bias_of_a_base_model_stays_its_own(train):
    base, _ = train(**LEARNS)
    model, _ = train(base, first=100)
    before, after = (read_exported(folder).weights["lm_head/bias"] for folder in (base, model))
    np.testing.assert_allclose(after, before, atol=1e-5)


@pytest.mark.parametrize(("settings", "expected"), [(LEARNS, None), (SAMPLED, 30)])
def test_lineage_says_how_many_pieces_targets_were_compared_with(settings, expected, train):
    model, _ = train(**settings)
    record = json.loads((Path(model).parent / "encoder.json").read_text())
    assert record["source"]["negatives"] == expected


def test_more_negatives_than_pieces_are_refused(train):
    with pytest.raises(ConfigError, match="language_model.negatives is 201, more than the vocabulary has pieces, 200"):
        train(softmax="sampled", negatives=201)
