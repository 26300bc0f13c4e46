"""The tagger, from transformed examples to a SavedModel that answers."""

import dataclasses
import functools
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from base_encoders import encoder_from
from task_examples import CONFIG, write_inputs

from ulmfit_tfx.components.sentencepiece_trainer.executor import train as train_sentencepiece
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.feature_names import WORD_FEATURES
from ulmfit_tfx.tasks import load_predictor, read_model_info
from ulmfit_tfx.tasks.tagging import trainer as tagger
from ulmfit_tfx.trainer_modules.data.token_corpus import documents_of
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.optimization import task_training
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, read_exported, save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.trainer_modules.transfer.piece_vectors import vectors_of
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.word_pieces import word_pieces

TRAIN, EVAL = 120, 40
NO_DROPOUT = dict.fromkeys(("embedding", "input", "hidden", "output", "weight"), 0.0)
ENCODER = {"embedding_size": 16, "hidden_sizes": [16], "dropout": NO_DROPOUT}


def words_of(text):
    return tuple(re.findall(r"\w+|[^\w\s]", text))


def phrase_tags(words, mood):
    """A mood's adjective and the noun after it are a phrase; of the plain mood there are none."""
    is_inside = False
    for word in words:
        is_outside = mood == "plain" or word in ("and", "a", ".", "!", "?")
        yield "O" if is_outside else f"I-{mood}" if is_inside else f"B-{mood}"
        is_inside = not is_outside


def adjective_tags(words, mood):
    """The adjective alone."""
    return ("O" if tag.startswith("I-") else tag for tag in phrase_tags(words, mood))


def property_tags(words, mood):
    """Any number of tags a word: what kind of word it is, and the mood, in which it stands."""
    for tag in phrase_tags(words, mood):
        yield "" if tag == "O" else f"adjective|{mood}" if tag.startswith("B-") else mood


@pytest.fixture(scope="module")
def tokenizer(reviews):
    """So few pieces that most words have several."""
    model = train_sentencepiece([text for text, _ in reviews], TokenizerConfig(vocab_size=90), max_text_bytes=10_000)
    return Tokenizer(model, TokenizerConfig(), CleaningConfig())


@pytest.fixture(scope="module")
def sentences(reviews):
    """From a function of words and mood that gives tags to the rows."""

    def tagged(tags_of):
        short = [(words_of(text), mood) for text, mood in reviews if len(text) < 100]
        return [Row("", words=words, tags=tuple(tags_of(words, mood))) for words, mood in short]

    return tagged


def inputs_of(folder, tokenizer, rows, base_model=None, training=None, **tagging):
    sections = {
        "task": "tagging",
        "data": {"path": "rows", "format": "conll"},
        "encoder": ENCODER,
        "head": {"dropout": [0.0, 0.0]},
        "training": CONFIG["training"] | {"max_seq_len": 24, "epochs": 5, "learning_rate": 0.03} | (training or {}),
        "tagging": {"window_overlap": 6, "context_layer": 12} | tagging,
    }
    config = PipelineConfig.model_validate(CONFIG | sections)
    fn_args = write_inputs(folder, tokenizer, config, rows[:TRAIN], rows[TRAIN : TRAIN + EVAL])
    fn_args.base_model = base_model
    return fn_args


def train(folder, tokenizer, rows, **sections):
    tagger.run_fn(inputs_of(folder, tokenizer, rows, **sections))
    return folder / "model"


def history_of(folder):
    return json.loads((folder / "model_run" / "history.json").read_text())


KINDS = {
    "softmax": (phrase_tags, {"alignment": "all_pieces", "decoder": "softmax"}),
    "crf": (adjective_tags, {"alignment": "first_piece", "decoder": "crf"}),
}


EACH_KIND = pytest.mark.parametrize("kind", [pytest.param("softmax", marks=pytest.mark.thorough), "crf"])


@pytest.fixture(scope="module")
def taggers(tmp_path_factory, tokenizer, sentences):
    """From a kind to its tagger, the same one exported without calibration, and its rows."""
    export = tagger._export

    @functools.lru_cache
    def trained(kind):
        tags_of, tagging = KINDS[kind]
        folder, rows = tmp_path_factory.mktemp(kind), sentences(tags_of)

        def export_both(inputs, built, config, tags, temperature):
            export(inputs, built, config, tags, temperature)
            export(dataclasses.replace(inputs, serving_folder=str(folder / "raw")), built, config, tags, 1.0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tagger, "_export", export_both)
            return train(folder / "x", tokenizer, rows, **tagging), folder / "raw", rows

    return trained


def test_embeddings_begin_at_vectors_of_the_sentences_where_there_is_no_base(tmp_path, tokenizer, sentences):
    barely = {"epochs": 1, "learning_rate": 1e-8}
    fn_args = inputs_of(tmp_path / "x", tokenizer, sentences(phrase_tags), training=barely)
    tagger.run_fn(fn_args)
    embeddings = read_exported(fn_args.serving_model_dir).weights["embedding/embeddings"]
    vectors = vectors_of(documents_of(fn_args.train_files), len(embeddings), embeddings.shape[1], 42)
    expected = vectors * (0.3 / np.sqrt(np.mean(np.square(vectors))))
    np.testing.assert_allclose(embeddings, expected, atol=1e-4)


SUFFIXES = {"ADJ": "\u043e\u0432\u0430", "NOUN": "\u0435\u043d\u0442"}
CYRILLIC = [chr(code) for code in range(0x0430, 0x0450)]


def cyrillic_sentence(rng):
    """Words that hardly occur twice. Their suffix tells the tag, or that they begin with a capital."""
    tags = rng.choice([*SUFFIXES, "PROPN"], 4)
    stems = ["".join(rng.choice(CYRILLIC, 5)) for _ in tags]
    endings = [SUFFIXES.get(tag, "".join(rng.choice(CYRILLIC, 3))) for tag in tags]
    words = [stem + ending for stem, ending in zip(stems, endings, strict=True)]
    words = [word.capitalize() if tag == "PROPN" else word for word, tag in zip(words, tags, strict=True)]
    return Row("", words=tuple(words), tags=tuple(map(str, tags)))


@pytest.mark.parametrize("features", [{"rows": 500, "size": 8}, pytest.param(None, marks=pytest.mark.thorough)])
def test_unseen_words_of_unknown_letters_are_told_by_suffix_and_shape_alone(tmp_path, tokenizer, features):
    """To the tokenizer, which knows no Cyrillic letter, all are the same."""
    rng = np.random.default_rng(0)
    rows = [cyrillic_sentence(rng) for _ in range(TRAIN + EVAL + 20)]
    held = rows[TRAIN + EVAL :]
    model = train(tmp_path / "x", tokenizer, rows, scheme="plain", word_features=features)
    answers = load_predictor(model).answer_words([row.words for row in held])
    tags = [tuple(word.tag for word in answer.words) for answer in answers]
    right = np.mean(np.array(tags) == np.array([row.tags for row in held]))
    assert read_model_info(model).details.word_features == (WORD_FEATURES if features else ())
    assert right > 0.95 if features else right < 0.6


def test_serving_gives_what_the_trained_model_gives_for_the_rows_of_training(
    tmp_path, tokenizer, sentences, monkeypatch
):
    seen, read = [], []
    signatures_of, rows_of = tagger.tagger_signatures, tagger.tagged_rows
    monkeypatch.setattr(tagger, "tagger_signatures", lambda *args: seen.append(args[0]) or signatures_of(*args))
    monkeypatch.setattr(tagger, "tagged_rows", lambda *a, **k: read.append(rows_of(*a, **k)) or read[-1])
    rows = sentences(phrase_tags)
    training = {"epochs": 1, "calibrate": False, "max_seq_len": 100}
    model = train(tmp_path / "x", tokenizer, rows, training=training, alignment="first_piece", word_features={})
    held = rows[TRAIN : TRAIN + EVAL]
    tokenizer = Tokenizer(tokenizer.model, tokenizer.config, tokenizer.cleaning)
    counts = word_pieces(tokenizer, tf.ragged.constant([row.words for row in held])).row_lengths(axis=2).to_list()
    served = probabilities_of(load_predictor(model), [row.words for row in held])
    for ((ids, features), _), of_row, found in zip(read[1].dataset(), counts, served, strict=True):
        trained = tf.nn.softmax(seen[0](ids[None], features[None])[0]).numpy()
        first_pieces = 1 + np.cumsum([0, *of_row[:-1]])
        np.testing.assert_allclose(found, trained[first_pieces], atol=1e-5)


def probabilities_of(model, sequences):
    """By sequence, float32 [words, tags], each sequence tagged by itself."""
    serve = model.signatures["tag_words"]
    return [serve(words=tf.constant([words]))["tag_probabilities"][0].numpy() for words in sequences]


@EACH_KIND
def test_words_that_were_not_trained_on_get_their_tags(taggers, kind):
    model, _, rows = taggers(kind)
    held = rows[TRAIN + EVAL :]
    predictions = load_predictor(model).answer_words([row.words for row in held])
    right = [
        word.tag == tag
        for prediction, row in zip(predictions, held, strict=True)
        for word, tag in zip(prediction.words, row.tags, strict=True)
    ]
    assert np.mean(right) > 0.9
    assert read_model_info(model).details.decoder == kind
    of_texts = load_predictor(model).answer([" ".join(row.words) for row in held])
    for of_text, of_words in zip(of_texts, predictions, strict=True):
        assert [(word.text, word.tag) for word in of_text.words] == [(word.text, word.tag) for word in of_words.words]


@EACH_KIND
def test_calibration_lowers_the_loss_on_the_eval_split_and_changes_no_tag(taggers, kind):
    calibrated, raw, rows = taggers(kind)
    assert read_model_info(raw).details.temperature == 1 != read_model_info(calibrated).details.temperature
    held = rows[TRAIN : TRAIN + EVAL]
    losses, tags = [], []
    for model in map(load_predictor, (calibrated, raw)):
        names = model.info.labels
        of_words = np.concatenate(probabilities_of(model, [row.words for row in held]))
        expected = [names.index(tag) for row in held for tag in row.tags]
        losses.append(-np.log(of_words[np.arange(len(expected)), expected]).mean())
        tags.append([[word.tag for word in p.words] for p in model.answer_words([row.words for row in rows])])
    assert losses[0] < losses[1]
    assert tags[0] == tags[1]


@EACH_KIND
def test_text_in_a_padded_batch_is_tagged_as_by_itself(taggers, kind):
    serve = load_predictor(taggers(kind)[0]).signatures["serving_default"]
    texts = ["A great film.", "dull", "", "Żółć 12,345.67 €", "a warm film and " * 30]
    together = serve(string_inputs=tf.constant(texts))
    for row, text in enumerate(texts):
        alone = serve(string_inputs=tf.constant([text]))
        words = int(alone["word_counts"][0])
        assert words == int(together["word_counts"][row]) >= len(text.split())
        for name in ("words", "tags"):
            np.testing.assert_array_equal(together[name][row, :words], alone[name][0])
        np.testing.assert_allclose(together["tag_probabilities"][row, :words], alone["tag_probabilities"][0], atol=1e-5)


@EACH_KIND
def test_sentence_longer_than_the_model_reads_keeps_all_words_and_their_tags(taggers, kind):
    model, _, rows = taggers(kind)
    parts = rows[TRAIN + EVAL :][:12]
    words, tags = (sum((getattr(row, name) for row in parts), ()) for name in ("words", "tags"))
    [prediction] = load_predictor(model).answer_words([words])
    assert tuple(word.text for word in prediction.words) == words
    assert np.mean([word.tag == tag for word, tag in zip(prediction.words, tags, strict=True)]) > 0.9


def test_later_pieces_learn_the_tag_inside_even_where_no_word_has_it(tmp_path, tokenizer, sentences, monkeypatch):
    seen = []
    signatures_of = tagger.tagger_signatures
    monkeypatch.setattr(tagger, "tagger_signatures", lambda *args: seen.append(args[0]) or signatures_of(*args))
    rows = sentences(adjective_tags)
    model = train(tmp_path / "x", tokenizer, rows, alignment="first_piece", word_features=None)
    assert read_model_info(model).details.word_features == ()
    labels = read_model_info(model).labels
    assert sorted(labels) == ["B-bad", "B-good", "I-bad", "I-good", "O"]
    assert labels[0] == "O", "the most frequent one comes first"
    words = ("a", "brilliant", "film")
    tokenizer = Tokenizer(tokenizer.model, tokenizer.config, tokenizer.cleaning)
    pieces = word_pieces(tokenizer, tf.ragged.constant([words]))[0]
    counts = pieces.row_lengths().numpy()
    assert counts[1] > 2
    special = tokenizer.special_ids
    [ids] = [[special.bos, *pieces.flat_values.numpy(), special.eos]]
    [best] = np.argmax(seen[0](tf.constant([ids], tf.int32)), axis=-1)
    expected = ["O"] * counts[0] + ["B-good"] + ["I-good"] * (counts[1] - 1) + ["O"] * counts[2]
    assert [labels[tag] for tag in best[1:-1]] == expected


def export_base_model(folder, tokenizer):
    """A model with a forward and a backward encoder."""
    config = EncoderConfig(**ENCODER)
    encoders = {
        direction: build_encoder(
            config.model_copy(update={"direction": direction}), tokenizer.vocab_size, tokenizer.special_ids.pad, seed
        )
        for seed, direction in enumerate(("forward", "backward"))
    }
    info = ModelDescription(
        task="encoder", encoder=config, max_seq_len=40, fixed_seq_len=None, directions=tuple(encoders)
    )
    signatures = encoder_signatures(encoders["forward"], tokenizer, None, 40)
    save(str(folder), {"": encoders["forward"], BACKWARD: encoders["backward"]}, tokenizer, signatures, info)
    return str(folder)


class Killed(BaseException):
    """Stands for the end of the process."""


class KilledInTheSecondEpoch(Progress):
    def batch_done(self, epoch, batch, metrics):
        super().batch_done(epoch, batch, metrics)
        if (epoch, batch) == (1, 4):
            raise Killed


@pytest.fixture(scope="module")
def several(tmp_path_factory, tokenizer, sentences):
    """A tagger of several tags a word on encoders of both directions: folder of an unbroken training, its rows."""
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("several")
    tokenizer = Tokenizer(tokenizer.model, tokenizer.config, tokenizer.cleaning)  # see `Tokenizer.op`
    base_model = export_base_model(folder / "base", tokenizer)
    rows = sentences(property_tags)
    train(folder / "unbroken", tokenizer, rows, base_model=base_model, **SEVERAL)
    return folder, rows


SEVERAL = {
    "scheme": "plain",
    "word_features": None,  # with them the best epoch comes before the embeddings are unfrozen
    "tag_separator": "|",
    "threshold": 0.4,
    "training": {
        "epochs": 8,
        "best_by": "micro_f1",
        "gradual_unfreezing": True,
        "checkpoint_seconds": 0,
        "layer_rate_factor": 1.5,
    },
}


def test_several_tags_are_those_from_the_threshold_on_the_most_probable_first(several):
    folder, rows = several
    held = rows[TRAIN + EVAL :]
    model = load_predictor(folder / "unbroken" / "model")
    names = model.info.labels
    assert sorted(names) == ["adjective", "bad", "good"]
    predictions = model.answer_words([row.words for row in held])
    right = []
    for prediction, row, of_words in zip(
        predictions, held, probabilities_of(model, [row.words for row in held]), strict=True
    ):
        for word, expected, of_word in zip(prediction.words, row.tags, of_words, strict=True):
            given = [names[index] for index in np.argsort(-of_word) if of_word[index] >= 0.4]
            assert word.tag == "|".join(given)
            right.append(set(given) == set(filter(None, expected.split("|"))))
    assert np.mean(right) > 0.9


def test_exported_tagger_has_both_encoders_and_the_head(several, tokenizer):
    exported = read_exported(str(several[0] / "unbroken" / "model"))
    assert exported.directions == ("forward", "backward")
    encoder = [name for name in exported.weights if not name.startswith((BACKWARD, "head/"))]
    assert {"embedding/embeddings", "qrnn_0/qrnn_cell/kernel"} <= set(encoder)
    assert [name for name in exported.weights if name.startswith(BACKWARD)] == [f"{BACKWARD}{n}" for n in encoder]
    assert exported.weights["head/emissions/kernel"].shape[-1] == 3
    for direction, prefix in (("forward", ""), ("backward", BACKWARD)):
        found, config = encoder_from(several[0] / "unbroken" / "model", tokenizer, direction)
        assert config.direction == direction
        for weight in found.weights:
            np.testing.assert_array_equal(weight, exported.weights[prefix + weight.path])


def test_both_encoders_are_trained(several):
    folder, _ = several
    base, trained = (read_exported(str(folder / name)).weights for name in ("base", "unbroken/model"))
    unchanged = [name for name, weight in base.items() if np.array_equal(weight, trained[name])]
    assert not unchanged


@pytest.mark.thorough
def test_killed_training_ends_with_the_weights_of_an_unbroken_one(several, tokenizer, monkeypatch):
    folder, rows = several
    fn_args = inputs_of(folder / "killed", tokenizer, rows, base_model=str(folder / "base"), **SEVERAL)
    with monkeypatch.context() as killing:
        killing.setattr(task_training, "Progress", KilledInTheSecondEpoch)
        with pytest.raises(Killed):
            tagger.run_fn(fn_args)
    resumed = []
    monkeypatch.setattr(Progress, "resumed", lambda self, *position: resumed.append(position))
    tagger.run_fn(fn_args)
    steps = resumed[0][0] - resumed[0][2]
    assert steps > 3
    assert resumed == [(steps + 3, 1, 3)]
    assert not list((folder / "killed" / "checkpoints").iterdir())
    found, expected = (read_exported(str(folder / name / "model")).weights for name in ("killed", "unbroken"))
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        np.testing.assert_allclose(weight, expected[name], atol=1e-5, err_msg=name)
    assert history_of(folder / "killed")["best_epoch"] == history_of(folder / "unbroken")["best_epoch"]


@pytest.mark.thorough
def test_further_training_starts_from_both_encoders_of_a_tagger(several, tokenizer, sentences):
    folder, _ = several
    base_model = str(folder / "unbroken" / "model")
    rows = sentences(phrase_tags)
    # At this rate the weights stay as they are.
    training = {"epochs": 1, "learning_rate": 1e-9, "weight_decay": 0}
    model = train(folder / "further", tokenizer, rows, base_model=base_model, training=training, decoder="crf")
    before, after = (read_exported(path) for path in (base_model, str(model)))
    assert after.directions == ("forward", "backward")
    encoders = [name for name in before.weights if not name.startswith("head/")]
    assert encoders == [name for name in after.weights if not name.startswith("head/")]
    for name in encoders:
        np.testing.assert_allclose(after.weights[name], before.weights[name], atol=1e-6, err_msg=name)
    assert after.weights["head/crf/transitions"].shape == (5, 5)
