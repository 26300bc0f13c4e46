import functools
import itertools
import math

import keras
import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.tasks.tagging.signatures import tagger_signatures
from ulmfit_tfx.trainer_modules.layers.crf import ConditionalRandomField
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import save
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.word_features import word_feature_ids

MAX_SEQ_LEN, OVERLAP = 12, 3
BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
BIOES = ["O", *(f"{prefix}-{label}" for label in ("PER", "LOC") for prefix in "BIES")]
PLAIN = ["O", "NOUN", "ADJ", "ŻÓŁĆ"]
TAGGERS = {"crf": BIO, "several": PLAIN}
"""Those that are exported, with their tags."""
WHOLE_WORDS = "great lovely moving brilliant film story cast plot a".split()
"""Words of a single piece, as many as there are BIOES tags."""
TEXTS = ["A brilliant, naïve film isn't a tender film!", "", "Żółć 12,345.67 €? " * 9, " \n", "x" * 99]


@pytest.fixture(scope="module")
def tokenizer(spm_model):
    return Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())


@pytest.fixture(scope="module")
def reference(spm_model):
    return sentencepiece.SentencePieceProcessor(model_proto=spm_model)


def softmax(emissions, mask):
    return None, tf.nn.softmax(emissions)


def sigmoid(emissions, mask):
    return None, tf.nn.sigmoid(emissions)


def viterbi(crf, emissions, mask):
    return crf.decode(emissions, mask), crf.marginals(emissions, mask)


def random_table(tags: int) -> np.ndarray:
    """What the model gives for each piece, whatever is around it: float32 [vocabulary, tags]."""
    return np.random.default_rng(0).normal(size=(200, tags), scale=2).astype("float32")


def signatures_of(tokenizer, table, labels, decode=softmax, tagging=None, **limits):
    """Signatures of a model that looks up emissions, and fails where it is not given windows as they have to be."""
    special = tokenizer.special_ids

    def emissions(ids):
        checks = [
            tf.debugging.assert_less_equal(tf.shape(ids)[1], MAX_SEQ_LEN),
            tf.debugging.assert_equal(ids[:, 0], special.bos),
            tf.debugging.assert_equal(tf.reduce_sum(tf.cast(tf.equal(ids, special.eos), tf.int32), axis=1), 1),
        ]
        with tf.control_dependencies(checks):
            return tf.gather(tf.constant(table), ids)

    config = TaggingConfig(window_overlap=OVERLAP, **{"word_features": None} | (tagging or {}))
    return tagger_signatures(emissions, decode, tokenizer, labels, config, MAX_SEQ_LEN, **limits)


def rows_of(outputs) -> list[dict]:
    """Outputs without padding, a dict a text."""
    arrays = {name: output.numpy() for name, output in outputs.items()}
    rows = []
    for row in range(len(arrays["words"])):
        words, spans = (int(arrays[f"{kind}_counts"][row]) for kind in ("word", "span"))
        of_row = {"all_tags": arrays["all_tags"][row]}
        for name in arrays.keys() - {"word_counts", "span_counts", "all_tags"}:
            length = spans if name.startswith("span_") else words
            of_row[name] = arrays[name][row, :length]
            assert not np.any(arrays[name][row, length:].astype(bool)), f"{name} is padded with something"
        rows.append(of_row)
    return rows


def assert_same_rows(found: list[dict], expected: list[dict]):
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        assert row.keys() == other.keys()
        for name, array in row.items():
            if array.dtype.kind == "f":
                np.testing.assert_allclose(array, other[name], atol=1e-6, err_msg=name)
            else:
                np.testing.assert_array_equal(array, other[name], err_msg=name)


def emissions_of_words(words, reference, table) -> list[np.ndarray]:
    """Emissions of each word's pieces, float64 [pieces, tags]."""
    return [table[reference.encode(word.decode()) or [0]].astype("float64") for word in words]


def slow_softmax(emissions):
    exponents = np.exp(emissions)
    return exponents / exponents.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def tag(tokenizer):
    """`tag_words` of words that stand for tags, by labels and scheme; takes lists of tags, returns rows."""
    graphs = {}

    def run(sentences, labels, scheme):
        if scheme not in graphs:
            table = np.zeros((200, len(labels)), "float32")
            ids = [piece for (piece,) in tokenizer.op.tokenize(WHOLE_WORDS)[:, 1:-1].to_list()]
            table[ids[: len(labels)]] = 9 * np.eye(len(labels))
            graphs[scheme] = signatures_of(tokenizer, table, labels, tagging={"scheme": scheme})["tag_words"]
        word_of = dict(zip(labels, WHOLE_WORDS, strict=False))
        words = [[word_of[tag] for tag in tags] for tags in sentences]
        longest = max(map(len, words), default=0)
        padded = [[*row, *[""] * (longest - len(row))] for row in words]
        rows = rows_of(graphs[scheme](tf.constant(padded, tf.string, [len(words), longest])))
        assert [[tag.decode() for tag in row["tags"]] for row in rows] == sentences
        return rows

    return run


def spans_of(row) -> list[tuple[str, int, int]]:
    names = ("span_labels", "span_start_words", "span_end_words")
    return [(label.decode(), start, end) for label, start, end in zip(*(row[name] for name in names), strict=True)]


def sentences_of(labels):
    return st.lists(st.lists(st.sampled_from(labels), max_size=12), max_size=3)


@pytest.mark.parametrize(("labels", "scheme"), [(BIO, "bio"), (BIOES, "bioes")])
@settings(deadline=None)
@given(data=st.data())
def test_spans_are_the_entities_of_seqeval(tag, labels, scheme, data):
    sentences = data.draw(sentences_of(labels))
    for row, tags in zip(tag(sentences, labels, scheme), sentences, strict=True):
        assert spans_of(row) == [(label, start, last + 1) for label, start, last in get_entities(tags)]


@settings(deadline=None)
@given(sentences=sentences_of(PLAIN))
def test_spans_of_plain_tags_are_runs(tag, sentences):
    for row, tags in zip(tag(sentences, PLAIN, "plain"), sentences, strict=True):
        runs = [list(run) for _, run in itertools.groupby(enumerate(tags), lambda pair: pair[1])]
        assert spans_of(row) == [(run[0][1], run[0][0], run[-1][0] + 1) for run in runs if run[0][1] != "O"]


@pytest.mark.parametrize("alignment", ["all_pieces", "first_piece"])
def test_words_have_the_mean_of_their_pieces_or_the_first(tokenizer, reference, alignment):
    table = random_table(len(BIO))
    rows = rows_of(
        signatures_of(tokenizer, table, BIO, tagging={"alignment": alignment})["serving_default"](tf.constant(TEXTS))
    )
    assert [len(row["words"]) for row in rows] == [11, 0, 36, 0, 1]
    for row in rows:
        for index, pieces in enumerate(emissions_of_words(row["words"], reference, table)):
            of_pieces = slow_softmax(pieces)
            expected = of_pieces.mean(axis=0) if alignment == "all_pieces" else of_pieces[0]
            np.testing.assert_allclose(row["tag_probabilities"][index], expected, atol=1e-5)
            assert row["tags"][index].decode() == BIO[expected.argmax()]
            np.testing.assert_allclose(row["scores"][index], expected.max(), atol=1e-5)


@pytest.mark.parametrize("alignment", ["all_pieces", "first_piece"])
def test_a_crf_decodes_whole_texts_and_words_have_the_tag_of_their_first_piece(tokenizer, reference, alignment):
    table = random_table(len(BIO))
    crf = ConditionalRandomField()
    crf.build((None, None, len(BIO)))
    for weight, array in zip(crf.weights, crf.get_weights(), strict=True):
        weight.assign(np.random.default_rng(1).normal(size=array.shape, scale=3))
    signatures = signatures_of(
        tokenizer,
        table,
        BIO,
        functools.partial(viterbi, crf),
        {"alignment": alignment, "decoder": "crf"},
    )
    rows = rows_of(signatures["serving_default"](tf.constant(TEXTS)))
    differ = 0
    for row in filter(lambda row: len(row["words"]), rows):
        of_words = emissions_of_words(row["words"], reference, table)
        emissions = np.concatenate(of_words)[None].astype("float32")
        mask = np.ones(emissions.shape[:2], bool)
        first = np.cumsum([0, *map(len, of_words)])[:-1]
        best = np.array(crf.decode(emissions, mask))[0, first]
        marginals = np.array(crf.marginals(emissions, mask))[0, first]
        assert [tag.decode() for tag in row["tags"]] == [BIO[tag] for tag in best]
        np.testing.assert_allclose(row["tag_probabilities"], marginals, atol=1e-5)
        np.testing.assert_allclose(row["scores"], marginals[range(len(best)), best], atol=1e-5)
        differ += int((emissions[0, first].argmax(axis=-1) != best).sum())
    assert differ, "transitions change no tag, so that this shows nothing"


def test_several_tags_a_word(tokenizer, reference):
    labels = ["O", "loud", "late", "long"]
    table = random_table(len(labels))
    tagging = {"scheme": "plain", "tag_separator": "|", "threshold": 0.7}
    rows = rows_of(signatures_of(tokenizer, table, labels, sigmoid, tagging)["serving_default"](tf.constant(TEXTS)))
    given, none_given = 0, 0
    for row in rows:
        probabilities = [
            (1 / (1 + np.exp(-pieces))).mean(axis=0) for pieces in emissions_of_words(row["words"], reference, table)
        ]
        runs = set()
        for index, of_word in enumerate(probabilities):
            tags = sorted((-probability, label) for probability, label in zip(of_word, labels, strict=True))
            tags = [(-probability, label) for probability, label in tags if -probability >= 0.7]
            assert row["tags"][index].decode() == "|".join(label for _, label in tags)
            score = min(probability for probability, _ in tags) if tags else math.prod(1 - of_word)
            np.testing.assert_allclose(row["scores"][index], score, atol=1e-5)
            given, none_given = given + (len(tags) > 1), none_given + (not tags)
        for tag_id, label in list(enumerate(labels))[1:]:
            inside = [of_word[tag_id] >= 0.7 for of_word in probabilities]
            for start, end in itertools.combinations(range(len(inside) + 1), 2):
                is_longest = not any(inside[max(start - 1, 0) : start]) and not any(inside[end : end + 1])
                if all(inside[start:end]) and is_longest:
                    runs.add((label, start, end))
        assert len(spans_of(row)) == len(runs)
        assert set(spans_of(row)) == runs
        assert sorted(row["span_start_words"]) == row["span_start_words"].tolist()
        for (_, start, end), score in zip(spans_of(row), row["span_scores"], strict=True):
            np.testing.assert_allclose(score, row["scores"][start:end].mean(), atol=1e-6)
    assert given
    assert none_given


@pytest.fixture(scope="module")
def random_tagger(tokenizer):
    return signatures_of(tokenizer, random_table(len(BIO)), BIO)


def test_words_and_spans_are_where_the_offsets_say(random_tagger):
    rows = rows_of(random_tagger["serving_default"](tf.constant(TEXTS)))
    assert sum(len(row["span_labels"]) for row in rows) > 3
    for text, row in zip(TEXTS, rows, strict=True):
        for kind, texts in (("word", "words"), ("span", "span_texts")):
            for index, part in enumerate(row[texts]):
                first, last = (row[f"{kind}_{end}_bytes"][index] for end in ("start", "end"))
                assert text.encode()[first:last] == part
                first, last = (row[f"{kind}_{end}_chars"][index] for end in ("start", "end"))
                assert text[first:last] == part.decode()
        for (_, start, end), score in zip(spans_of(row), row["span_scores"], strict=True):
            np.testing.assert_allclose(score, row["scores"][start:end].mean(), atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(texts=st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60) | st.sampled_from(TEXTS)))
def test_a_batch_is_tagged_as_its_texts_are(random_tagger, texts):
    def serve(texts):
        return rows_of(random_tagger["serving_default"](tf.constant(texts, tf.string, [len(texts)])))

    assert_same_rows(serve(texts), [serve([text])[0] for text in texts])


@pytest.mark.parametrize("limits", [{}, {"max_positions": 1}])
def test_each_word_is_tagged_by_its_own_features_in_windows_of_any_input(tokenizer, limits):
    """The model's tag is the length of the prefix, of words in a text of several windows, split or not."""
    by_length = word_feature_ids(tf.constant(["", "a", "it", "was", "Żół"]), CleaningConfig())[:, 1]
    special = tokenizer.special_ids

    def emissions(ids, features):
        is_mark = (ids == special.bos) | (ids == special.eos) | (ids == special.pad)
        checks = [tf.debugging.assert_equal(tf.reduce_all(features == -1, axis=-1), is_mark)]
        with tf.control_dependencies(checks):
            return 9 * tf.cast(features[..., 1, None] == by_length, tf.float32)

    config = TaggingConfig(window_overlap=OVERLAP, scheme="plain", words="whitespace")
    labels = ["0", "1", "2", "3", "Ż"]
    signatures = tagger_signatures(emissions, softmax, tokenizer, labels, config, MAX_SEQ_LEN, **limits)
    words = ["a", "it", "Żółć", "was", "a", "żółw"] * 5
    expected = ["1", "2", "Ż", "3", "1", "0"] * 5
    outputs = [
        signatures["serving_default"](tf.constant([" ".join(words)])),
        signatures["tag_words"](tf.constant([words])),
        signatures["serving_examples"](tf.constant([example_of(words=words)])),
        signatures["serving_examples"](tf.constant([example_of(text=[" ".join(words)])])),
    ]
    for found in outputs:
        assert [tag.decode() for tag in found["tags"][0].numpy()] == expected


def test_words_are_tagged_as_the_text_that_they_make(random_tagger):
    words = [["A", "naïve", "film", "!"], ["Żółć", "", "", ""], ["", "", "", ""]]
    texts = tf.constant(["A naïve film !", "Żółć", ""])
    found = random_tagger["tag_words"](tf.constant(words))
    assert_same_rows(rows_of(found), rows_of(random_tagger["serving_default"](texts)))


def test_words_may_be_empty_or_hold_spaces(random_tagger):
    (row,) = rows_of(random_tagger["tag_words"](tf.constant([["", "New York", "", "!", ""]])))
    assert [word.decode() for word in row["words"]] == ["", "New York", "", "!"]
    assert row["word_start_bytes"].tolist() == [0, 1, 10, 11]
    assert row["word_end_bytes"].tolist() == [0, 9, 10, 12]


def example_of(**features: list[str]) -> bytes:
    lists = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
        for name, values in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString()


def test_examples_have_words_or_text_in_one_batch(random_tagger):
    examples = [
        example_of(text=["It isn't."]),
        example_of(words=["don't", "New York"], text=["something else"]),
        example_of(),
        example_of(words=["Żółć"]),
        example_of(text=["a film"], words=[]),
    ]
    found = random_tagger["serving_examples"](tf.constant(examples))
    assert found["word_counts"].shape == found["span_counts"].shape == (5, 1)
    texts = rows_of(random_tagger["serving_default"](tf.constant(["It isn't.", "", "a film"])))
    words = rows_of(random_tagger["tag_words"](tf.constant([["don't", "New York"], ["Żółć", ""]])))
    squeezed = found | {name: found[name][:, 0] for name in ("word_counts", "span_counts")}
    assert_same_rows(rows_of(squeezed), [texts[0], words[0], texts[1], words[1], texts[2]])


@pytest.mark.parametrize("limits", [{"max_positions": 1, "max_decoded": 1}, {"max_positions": 30, "max_decoded": 60}])
def test_reading_some_rows_at_a_time_changes_nothing(tokenizer, random_tagger, limits):
    few = signatures_of(tokenizer, random_table(len(BIO)), BIO, **limits)["serving_default"](tf.constant(TEXTS))
    assert_same_rows(rows_of(few), rows_of(random_tagger["serving_default"](tf.constant(TEXTS))))


@pytest.mark.parametrize("texts", [[], [""], ["", " \n"]])
def test_no_words_give_empty_outputs(random_tagger, texts):
    outputs = random_tagger["serving_default"](tf.constant(texts, tf.string, [len(texts)]))
    assert outputs["tag_probabilities"].shape == (len(texts), 0, len(BIO))
    assert outputs["all_tags"].shape == (len(texts), len(BIO))
    assert outputs["word_counts"].numpy().tolist() == outputs["span_counts"].numpy().tolist() == [0] * len(texts)
    assert outputs["tags"].shape == outputs["span_texts"].shape == (len(texts), 0)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0)])
def test_no_words_to_tag_give_empty_outputs(random_tagger, shape):
    outputs = random_tagger["tag_words"](tf.zeros(shape, tf.string))
    assert outputs["tags"].shape == outputs["span_texts"].shape == (shape[0], 0)
    assert outputs["word_counts"].shape == (shape[0],)


def test_a_text_of_a_megabyte_is_tagged_to_its_end(random_tagger):
    sentence = "A naïve film isn't a tender film! "
    repeated = 1_000_000 // len(sentence.encode())
    (row,) = rows_of(random_tagger["serving_default"](tf.constant([sentence * repeated])))
    (once,) = rows_of(random_tagger["serving_default"](tf.constant([sentence])))
    assert row["tags"].tolist() == once["tags"].tolist() * repeated
    assert row["word_end_chars"][-1] == len(sentence) * repeated - 1


def test_bytes_that_are_not_utf8_are_tagged(random_tagger):
    (row,) = rows_of(random_tagger["serving_default"](tf.constant([b"a\xff\xfe film\0 \x80"])))
    assert b"film" in row["words"]


def test_whitespace_words(tokenizer):
    signatures = signatures_of(tokenizer, random_table(len(BIO)), BIO, tagging={"words": "whitespace"})
    (row,) = rows_of(signatures["serving_default"](tf.constant(["It isn't, is it?"])))
    assert [word.decode() for word in row["words"]] == ["It", "isn't,", "is", "it?"]


@pytest.fixture(scope="module")
def exported(tokenizer, outputs_in_isolation, tmp_path_factory):
    """Outputs by mode of two taggers in one SavedModel, whose signatures have a prefix each."""
    signatures, models = {}, {}
    for kind, labels in TAGGERS.items():
        ids = keras.Input((None,), dtype="int32")
        normal = keras.initializers.RandomNormal(0, 2, seed=0)
        crf = ConditionalRandomField(name="crf")
        models[f"{kind}/"] = model = keras.Model(
            ids, crf(keras.layers.Embedding(200, len(labels), embeddings_initializer=normal)(ids))
        )
        decode, tagging = {
            "crf": (functools.partial(viterbi, crf), {"decoder": "crf"}),
            "several": (sigmoid, {"scheme": "plain", "tag_separator": ","}),
        }[kind]
        config = TaggingConfig(window_overlap=OVERLAP, word_features=None, **tagging)
        of_kind = tagger_signatures(model, decode, tokenizer, labels, config, MAX_SEQ_LEN)
        signatures |= {f"{kind}_{name}": function for name, function in of_kind.items()}
    folder = tmp_path_factory.mktemp("tagger") / "model"
    save(
        str(folder),
        models,
        tokenizer,
        signatures,
        ModelDescription(task="tagging", encoder=EncoderConfig(), max_seq_len=MAX_SEQ_LEN, fixed_seq_len=None),
    )
    return {mode: outputs_in_isolation(folder, mode) for mode in ("tf2", "tf1")}


def test_tf1_session_gives_the_same(exported):
    by_mode = exported
    assert by_mode["tf2"].keys() == by_mode["tf1"].keys()
    for name, expected in by_mode["tf2"].items():
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(by_mode["tf1"][name], expected, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(by_mode["tf1"][name], expected, err_msg=name)


@pytest.mark.parametrize("kind", list(TAGGERS))
def test_contract_of_names_shapes_and_dtypes(exported, kind):
    tags = len(TAGGERS[kind])
    outputs = {
        name.removeprefix(f"{kind}_"): array for name, array in exported["tf1"].items() if name.startswith(f"{kind}_")
    }
    expected = {}
    for signature in ("serving_default", "tag_words", "serving_examples"):
        words, spans = (outputs[f"{signature}/{name}"].shape[1] for name in ("words", "span_labels"))
        counts = (3, 1) if signature == "serving_examples" else (3,)
        assert (words == 4) if signature == "tag_words" else (words > 60)
        contract = {name: ("bytes", (3, words)) for name in ("words", "tags")}
        contract |= {"scores": ("float32", (3, words)), "tag_probabilities": ("float32", (3, words, tags))}
        contract |= {name: ("bytes", (3, spans)) for name in ("span_labels", "span_texts")}
        contract |= {"span_scores": ("float32", (3, spans)), "all_tags": ("bytes", (3, tags))}
        contract |= {name: ("int32", counts) for name in ("word_counts", "span_counts")}
        contract |= {
            f"{kind}_{end}_{unit}": ("int32", (3, words if kind == "word" else spans))
            for kind, end, unit in itertools.product(("word", "span"), ("start", "end"), ("bytes", "chars"))
        }
        contract |= {f"span_{end}_words": ("int32", (3, spans)) for end in ("start", "end")}
        expected |= {f"{signature}/{name}": value for name, value in contract.items()}
    found = {
        name: ("bytes" if array.dtype.kind == "S" else array.dtype.name, array.shape) for name, array in outputs.items()
    }
    assert found == expected
