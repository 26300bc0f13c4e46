"""The structured perceptron that taggers are held against."""

import itertools
import random

import numpy as np
import pytest

from ulmfit_tfx.tasks.tagging import perceptron
from ulmfit_tfx.tasks.tagging.perceptron import StructuredPerceptron, best_sequence
from ulmfit_tfx.tasks.tagging.word_features import word_features


@pytest.mark.parametrize("words", [1, 2, 4])
def test_best_sequence_is_the_best_of_all(words):
    rng = np.random.default_rng(words)
    emissions, transitions = rng.normal(size=(words, 3)), rng.normal(size=(4, 3))

    def score(tags):
        pairs = zip((3, *tags), tags, strict=False)
        return sum(emissions[word, tag] for word, tag in enumerate(tags)) + sum(transitions[pair] for pair in pairs)

    best = max(itertools.product(range(3), repeat=words), key=score)
    assert best_sequence(emissions, transitions).tolist() == list(best)


def _sentences(seed, count):
    """Tags that no word tells by itself: a name is what follows Mr, a verb what ends in -ing."""
    chance = random.Random(seed)
    sentences = []
    for _ in range(count):
        words, tags = [], []
        for _ in range(6):
            stem = "".join(chance.choices("abcdefghklmop", k=6))
            added = chance.choice([(["Mr", stem], ["O", "NAME"]), ([f"{stem}ing"], ["VERB"]), ([stem], ["O"])])
            words += added[0]
            tags += added[1]
        sentences.append((words, tags))
    return [list(part) for part in zip(*sentences, strict=True)]


def test_perceptron_learns_what_neighbours_and_suffixes_tell_of_words_that_it_has_not_seen():
    model = StructuredPerceptron(*_sentences(0, 150), seed=0)
    words, tags = _sentences(1, 20)
    assert [model.answer(sentence) for sentence in words] == tags


def test_perceptron_follows_from_the_seed():
    sentences = _sentences(0, 20)
    first, again, other = (StructuredPerceptron(*sentences, seed, epochs=2) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.emissions, again.emissions)
    assert (first.emissions != other.emissions).any()


def test_tags_follow_one_another_as_in_training():
    """Words tell nothing apart, only their order does."""
    model = StructuredPerceptron([["x"] * 4] * 20, [["A", "B", "C", "D"]] * 20, seed=0)
    assert model.answer(["x"] * 4) == ["A", "B", "C", "D"]
    assert model.answer([]) == []


def test_weights_are_the_mean_of_those_after_each_sentence():
    words, tags = _sentences(3, 6)
    model = StructuredPerceptron(words, tags, seed=5, epochs=2)
    generator = np.random.default_rng(5)
    order = generator.permutation(6)
    ids = {tag: index for index, tag in enumerate(model.tags)}
    emissions, transitions = np.zeros_like(model.emissions), np.zeros_like(model.transitions)
    sums, taken = [emissions.copy(), transitions.copy()], 1
    for _ in range(2):
        for example in generator.permutation(6):
            sentence, expected = words[order[example]], [ids[tag] for tag in tags[order[example]]]
            features = model._hasher.transform(word_features(sentence, index) for index in range(len(sentence)))
            found = best_sequence(features @ emissions, transitions)
            for sequence, sign in ((expected, 1), (found, -1)):
                before = len(ids)
                for word, tag in enumerate(sequence):
                    emissions[:, tag] += sign * features[word].toarray()[0]
                    transitions[before, tag] += sign
                    before = tag
            sums[0] += emissions
            sums[1] += transitions
            taken += 1
    np.testing.assert_allclose(model.emissions, sums[0] / taken)
    np.testing.assert_allclose(model.transitions, sums[1] / taken)


def test_a_large_train_split_is_sampled(monkeypatch):
    monkeypatch.setattr(perceptron, "MOST_WORDS", 4)
    model = StructuredPerceptron([["a", "b"], ["c", "d"], ["e", "f"]], [["A", "B"]] * 3, seed=0)
    assert model.answer(["a", "b"]) == ["A", "B"]


def test_many_tags_have_fewer_features(monkeypatch):
    monkeypatch.setattr(perceptron, "_MOST_WEIGHTS", 64)
    assert StructuredPerceptron([["a", "b"]], [["A", "B"]], seed=0).emissions.shape == (32, 2)


@pytest.mark.parametrize(
    ("word", "shape"), [("McDonald's", "XxXx'x"), ("1999-2000", "d-d"), ("USA", "X"), ("Żółć", "Xx"), ("", "")]
)
def test_shape_names_the_kinds_of_characters_once_each_time(word, shape):
    assert word_features([word], 0)["shape"] == shape


def test_word_sees_its_affixes_and_two_neighbours_on_each_side():
    features = word_features(["a", "B", "Warsaw", "c", "d", "e"], 2)
    assert [features[f"prefix_{length}"] for length in (1, 4)] == ["W", "Wars"]
    assert [features[f"suffix_{length}"] for length in (1, 4)] == ["w", "rsaw"]
    neighbours = {name.split(":")[0]: value for name, value in features.items() if name.endswith(":lower")}
    assert neighbours == {"-2": "a", "-1": "b", "+1": "c", "+2": "d"}
