"""Rows with predictions of each task, small enough to score by hand, and a reader of pages."""

import dataclasses
import json
from html.parser import HTMLParser

import pytest
from model_infos import model_info

from ulmfit_tfx.components.evaluation_report.content import build_content
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.row_places import RowPlace
from ulmfit_tfx.evaluation.history import History
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig
from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.tasks.regression.predictor import ScorePrediction
from ulmfit_tfx.tasks.tagging.predictor import TaggedWord, TagPrediction
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.transforms.records.record import Row


@dataclasses.dataclass(frozen=True)
class Case:
    """What a report is made from."""

    info: ModelInfo
    rows: list[Row]
    predictions: list

    def content(self, served="there is none", history=None, held_out=None, buckets=None, **evaluation):
        settings = EvaluationConfig.model_validate({"intervals": 50, **evaluation})
        buckets = buckets or ["all lengths"] * len(self.rows)
        places = [RowPlace(f"/data/{number % 2}.csv", number + 2, number + 1) for number in range(len(self.rows))]
        return build_content(
            "demo", self.info, self.rows, places, self.predictions, settings, 7, buckets, served, history, held_out
        )


def classified(text, label, first, **fields):
    """A row of classes a and b, and the probability of a that it is given."""
    predicted = "a" if first >= 0.5 else "b"
    row = Row(text, label=label, **fields)
    return row, Prediction(text, predicted, {"a": first, "b": 1 - first}, (predicted,))


def tagged(words, expected, predicted, scores=None):
    scores = scores or [0.9] * len(words)
    text = " ".join(words)
    answer = tuple(TaggedWord(*found, 0, 0, 0, 0) for found in zip(words, predicted, scores, strict=True))
    return Row(text, words=tuple(words), tags=tuple(expected)), TagPrediction(text, answer, ())


def case(info, pairs):
    rows, predictions = zip(*pairs, strict=True)
    return Case(info, list(rows), list(predictions))


def _classification():
    pairs = [
        classified("one", "a", 0.9, slices=(("language", "en"),)),
        classified("two", "a", 0.2, slices=(("language", "pl"),)),
        classified("three", "b", 0.4, slices=(("language", "pl"),)),
        classified("four", "b", 0.1),
        classified("five", "b", 0.95, slices=(("language", "en"),)),
    ]
    details = {"label_separator": None, "threshold": 0.5, "temperature": 1.0}
    return case(model_info("classification", ["a", "b"], details), pairs)


def _multi_label():
    def pair(text, expected, a, b, c):
        by_class = {"a": a, "b": b, "c": c}
        given = tuple(sorted((name for name in by_class if by_class[name] >= 0.5), key=lambda name: -by_class[name]))
        return Row(text, labels=expected), Prediction(text, ";".join(given), by_class, given)

    pairs = [
        pair("one", ("a", "b"), 0.9, 0.6, 0.1),
        pair("two", (), 0.1, 0.7, 0.2),
        pair("three", ("c", "a"), 0.8, 0.1, 0.01),
        pair("four", ("b",), 0.3, 0.8, 0.2),
    ]
    details = {"label_separator": ";", "threshold": 0.5, "temperature": 1.0}
    return case(model_info("classification", ["a", "b", "c"], details), pairs)


def _regression():
    def pair(text, expected, predicted):
        return Row(text, targets=expected), ScorePrediction(text, dict(zip(("joy", "calm"), predicted, strict=True)))

    pairs = [
        pair("one", (1.0, 100.0), (1.5, 100.0)),
        pair("two", (2.0, 200.0), (2.0, 200.0)),
        pair("three", (3.0, 300.0), (2.0, 310.0)),
        pair("four", (4.0, 100.0), (4.5, 400.0)),
    ]
    return case(model_info("regression", [], {"targets": ["joy", "calm"]}), pairs)


def _bio():
    pairs = [
        tagged(["Ann", "Lee", "saw", "Rome"], ["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "O", "O", "B-LOC"]),
        tagged(["in", "Oslo"], ["O", "B-LOC"], ["O", "B-LOC"]),
        tagged(["no", "name"], ["O", "O"], ["B-PER", "O"], [0.6, 0.9]),
        tagged(["Bob", "left"], ["B-PER", "O"], ["O", "O"]),
    ]
    details = {"scheme": "bio", "tag_separator": None, "threshold": 0.5, "decoder": "softmax", "temperature": 1.0}
    return case(model_info("tagging", ["O", "B-PER", "I-PER", "B-LOC"], details), pairs)


def _plain():
    pairs = [
        tagged(["the", "run"], ["DET", "NOUN"], ["DET", "VERB"]),
        tagged(["they", "run"], ["PRON", "VERB"], ["NOUN", "NOUN"]),
        tagged(["a", "cat"], ["DET", "NOUN"], ["DET", "NOUN"]),
    ]
    details = {"scheme": "plain", "tag_separator": None, "threshold": 0.5, "decoder": "softmax", "temperature": 1.0}
    return case(model_info("tagging", ["NOUN", "VERB", "DET", "PRON"], details), pairs)


def _multi_label_tagging():
    pairs = [
        tagged(["cats", "run"], ["N+Plur", "V"], ["Plur+N", "V+Plur"]),
        tagged(["a", "cat"], ["", "N"], ["", "N"]),
    ]
    details = {"scheme": "plain", "tag_separator": "+", "threshold": 0.5, "decoder": "softmax", "temperature": 1.0}
    return case(model_info("tagging", ["N", "V", "Plur"], details), pairs)


CASES = {
    "classification": _classification,
    "multi-label": _multi_label,
    "regression": _regression,
    "bio": _bio,
    "plain": _plain,
    "multi-label tagging": _multi_label_tagging,
}


@pytest.fixture
def case_of():
    """Makes the rows and predictions of a kind of model."""
    return lambda kind: CASES[kind]()


@pytest.fixture(params=CASES)
def any_case(request):
    return CASES[request.param]()


@pytest.fixture
def single_label():
    """Makes a case of classes a and b from texts, labels and probabilities of a."""
    info = _classification().info
    return lambda *rows: case(info, [classified(*row) for row in rows])


@pytest.fixture
def bio_case():
    """Makes a tagger's case from words, expected tags, predicted tags and perhaps scores."""
    info = _bio().info
    return lambda *sentences: case(info, [tagged(*sentence) for sentence in sentences])


@pytest.fixture
def history():
    """Of two directions, three epochs each."""
    epochs = [
        {"loss": 0.9 / n, "accuracy": 0.6 + n / 10, "eval_loss": 1 / n, "eval_accuracy": 0.5 + n / 10}
        for n in (1, 2, 3)
    ]
    course = {"best_epoch": 2, "epochs": epochs}
    average = {"eval_loss": 0.3, "eval_accuracy": 0.85}
    return History.from_json(json.dumps({"forward": course, "backward": course, "average": average}))


@pytest.fixture
def held_out():
    scores = {"model": 0.8123, "majority": 0.5, "tfidf": 0.7}
    systems = {name: {"accuracy": Interval(value, value - 0.02, value + 0.02)} for name, value in scores.items()}
    return HeldOutReport("classification", 321, systems)


VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """A page in parts; fails where a tag is not closed in its turn."""

    def __init__(self, html):
        super().__init__()
        self.open = []
        self.tags = []
        self.words = []
        self.tables = []
        self.errors = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag == "li" and self.within("ol"):
            self.errors.append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.within("style"):
            return
        self.words.append(data)
        if self.within("td") or self.within("th"):
            self.tables[-1][-1][-1] += data.strip()
        if self.within("ol") and self.errors:
            self.errors[-1] += data

    def within(self, tag):
        return any(tag == name for name, _ in self.open)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def table(self, *header):
        """The rows below a header that begins like this."""
        (found,) = [table for table in self.tables if tuple(table[0][: len(header)]) == header]
        return found[1:]


@pytest.fixture
def read_page():
    return Page
