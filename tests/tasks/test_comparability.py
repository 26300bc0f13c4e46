"""Which models can be compared on the same rows."""

import pytest
from model_infos import model_info

from ulmfit_tfx.tasks import labelled_task

CLASSIFIER = ("classification", ["a", "b"], {"label_separator": None, "threshold": 0.5})
TAGGER = ("tagging", ["O", "B-X"], {"scheme": "bio", "tag_separator": None})
REGRESSOR = ("regression", [], {"targets": ["stars", "length"]})


def difference(served, candidate):
    candidate = model_info(*candidate)
    return labelled_task(candidate.task).why_not_comparable(served and model_info(*served), candidate)


@pytest.mark.parametrize("kind", [CLASSIFIER, TAGGER, REGRESSOR], ids=lambda kind: kind[0])
def test_model_of_the_same_answers_is_compared_with(kind):
    task, labels, details = kind
    assert difference((task, labels[::-1], details | {"threshold": 0.1}), kind) is None


def test_tagger_of_before_word_features_reads_none_and_is_compared_with():
    assert model_info(*TAGGER).details.word_features == ()
    task, labels, details = TAGGER
    assert difference(TAGGER, (task, labels, details | {"word_features": ["form", "shape"]})) is None


@pytest.mark.parametrize(
    ("served", "candidate", "reason"),
    [
        (None, CLASSIFIER, "it has no information file"),
        (TAGGER, CLASSIFIER, "its task is tagging, that of the new model classification"),
        (("encoder",), CLASSIFIER, "its task is encoder, that of the new model classification"),
        (("classification", ["a"]), CLASSIFIER, "it has no label 'b'"),
        (("classification", ["a", "b", "c"]), CLASSIFIER, "it has the label 'c'"),
        (("classification", ["a", "b"], {"label_separator": ","}), CLASSIFIER, "its number of labels a text is any"),
        (("tagging", ["O", "B-X"], {"scheme": "plain"}), TAGGER, "its tag scheme is plain"),
        (("tagging", ["O", "B-X"], {"scheme": "bio", "tag_separator": "|"}), TAGGER, "its tag separator is '|'"),
        (("regression", [], {"targets": ["length", "stars"]}), REGRESSOR, "its list of targets is length, stars"),
    ],
)
def test_model_that_answers_another_question_is_not_compared_with(served, candidate, reason):
    found = difference(served, candidate)
    assert found is not None
    assert found.startswith(reason)
