"""The page: complete, self-contained, escaped, accessible and the same each time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ulmfit_tfx.components.evaluation_report.content import Served
from ulmfit_tfx.components.evaluation_report.html import to_html
from ulmfit_tfx.tasks.classification.predictor import Prediction

WRITERS = str(Path(__file__).parents[2] / "writers")

HOSTILE = [
    '<script src="https://example.org/x.js">alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "</p></li></ol></main></style><style>*{display:none}</style>",
    "{{ content.name }}{% raw %}",
    "x" * 5000,
    "\u05e9\u05dc\u05d5\u05dd \u202e reversed",
    "\U0001f600 emoji &amp; entity",
    "]]><svg onload=alert(1)>",
]


@pytest.fixture(scope="module")
def pages():
    """Full pages by the kind of their case, each made once."""
    return {}


@pytest.fixture
def full_html(request, pages, any_case, history, held_out):
    """The page of a case with all that there can be on it."""
    kind = request.node.callspec.params["any_case"]
    if kind not in pages:
        served = Served(any_case.info, any_case.predictions)
        pages[kind] = to_html(any_case.content(served=served, history=history, held_out=held_out))
    return pages[kind]


def test_every_task_has_its_sections(any_case, full_html, read_page):
    page = read_page(full_html)
    anchors = [attributes["id"] for tag, attributes in page.tags if tag == "h2"]
    own = {
        "classification": ["labels"] if getattr(any_case.info.details, "label_separator", None) else ["classes"],
        "regression": ["targets"],
        "tagging": ["entities", "tags"] if getattr(any_case.info.details, "scheme", None) == "bio" else ["tags"],
    }[any_case.info.task]
    calibration = [] if any_case.info.task == "regression" else ["calibration"]
    assert anchors == ["service", "test", "training", *own, *calibration, "slices", "errors"]


def test_links_lead_to_what_is_on_the_page_and_identifiers_are_unique(full_html, read_page):
    page = read_page(full_html)
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = [attributes["href"] for _, attributes in page.tags if "href" in attributes]
    targets += re.findall(r"url\(([^)]*)\)", " ".join(str(value) for _, found in page.tags for value in found.values()))
    assert len(targets) > 10
    assert all(target[0] == "#" and target[1:] in identifiers for target in targets)


def test_nothing_is_loaded_from_elsewhere(full_html, read_page):
    page = read_page(full_html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "base", "image"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"]
    assert "//" not in full_html
    assert "@import" not in full_html
    assert not re.search(r"url\((?!#)", full_html)


def test_hostile_texts_are_shown_as_they_are(single_label, read_page):
    page = read_page(to_html(single_label(*[(hostile, "a", 0.1) for hostile in HOSTILE]).content()))
    assert len(page.errors) == len(HOSTILE)
    for hostile, shown in zip(HOSTILE, page.errors, strict=True):
        assert hostile in shown
    assert not {tag for tag, _ in page.tags} & {"script", "img"}


def test_hostile_words_are_shown_as_they_are(bio_case, read_page):
    words = [word for hostile in HOSTILE for word in hostile.split()]
    page = read_page(to_html(bio_case((words, ["B-PER"] * len(words), ["O"] * len(words))).content()))
    for word in words:
        assert page.errors[0].count(word) >= 2  # in what is expected and in what is predicted
    assert not {tag for tag, _ in page.tags} & {"script", "img"}


@pytest.mark.parametrize("hostile", [*HOSTILE, "tab\tline\nbreak \x07 \x00", "$\\frac{1}{2}$", ""])
def test_hostile_labels_are_shown_as_they_are(single_label, read_page, hostile):
    case = single_label(("one", "a", 0.1), ("two", "b", 0.2), ("three", "a", 0.9))
    named = {"a": hostile, "b": "b"}
    info = case.info.model_copy(update={"labels": tuple(named.values())})
    rows = [type(row)(row.text, label=named[row.label]) for row in case.rows]
    predictions = [
        Prediction(
            found.text,
            named[found.label],
            {named[name]: value for name, value in found.probabilities.items()},
            (named[found.label],),
        )
        for found in case.predictions
    ]
    page = read_page(to_html(type(case)(info, rows, predictions).content()))
    names = [row[0] for row in page.table("class")]
    assert names == [hostile.strip(), "b"]
    assert not {tag for tag, _ in page.tags} & {"script", "img"}


def test_tables_have_captions_and_headers_and_charts_have_words(full_html, read_page):
    page = read_page(full_html)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("table") == tags.count("caption") > 0
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in page.tags if tag == "th")
    images = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(images) == tags.count("svg") > 0
    assert all(len(attributes["aria-label"]) > 20 for attributes in images)


def test_the_first_screen_says_what_is_demanded_and_what_is_missed(case_of, read_page):
    content = case_of("classification").content(thresholds={"accuracy": 0.5, "calibration_error": 0.01})
    text = read_page(to_html(content)).text
    assert "Misses 1 of 2 demands for a blessing" in text
    assert "at least 0.5: ✓ met" in text
    assert "at most 0.01: ✗ missed" in text
    assert re.search(r"Calibration error is 0\.\d{4}, demanded: at most 0\.01", text)


def test_a_model_that_meets_everything_is_said_to(case_of, read_page):
    text = read_page(to_html(case_of("classification").content(thresholds={"accuracy": 0.5}))).text
    assert "Meets the 1 demand for a blessing" in text


def test_without_thresholds_the_page_says_that_nothing_is_blessed(case_of, read_page):
    assert "Nothing is demanded, so the model is not blessed" in read_page(to_html(case_of("bio").content())).text


def test_the_reason_for_no_comparison_is_on_the_page(case_of, read_page):
    text = read_page(to_html(case_of("bio").content(served="its task is 'regression'"))).text
    assert "Not compared with a model in service: its task is 'regression'." in text


def test_the_comparison_shows_both_models_and_the_difference(single_label, read_page):
    new = single_label(*[(str(n), "a", 0.9 if n else 0.1) for n in range(4)])
    old = single_label(*[(str(n), "a", 0.1) for n in range(4)])
    page = read_page(to_html(new.content(served=Served(old.info, old.predictions))))
    (accuracy,) = [row for row in page.table("score", "new", "in service") if row[0] == "Accuracy"]
    assert accuracy[1:3] == ["0.750", "0.000"]
    assert accuracy[3].startswith("+0.750 (")
    assert accuracy[4] == "better"
    assert "mends 3 rows and breaks 0" in page.text


def test_the_test_split_shows_all_systems(case_of, read_page, held_out):
    page = read_page(to_html(case_of("classification").content(held_out=held_out)))
    assert page.table("system") == [
        ["this model", "0.812 (0.792 … 0.832)"],
        ["majority class", "0.500 (0.480 … 0.520)"],
        ["TF-IDF + linear", "0.700 (0.680 … 0.720)"],
    ]
    assert "321 rows that nothing else has read" in page.text


def test_learning_curves_tell_the_directions_apart(case_of, read_page, history):
    text = read_page(to_html(case_of("classification").content(history=history))).text
    for words in ("forward, train", "forward, eval", "backward, eval", "backward, best epoch", "eval, average of both"):
        assert words in text
    assert "Forward: best epoch 2 of 3, eval loss 0.500; backward: best epoch 2 of 3, eval loss 0.500." in text


def test_a_model_without_errors_is_said_to_have_none(single_label, read_page):
    page = read_page(to_html(single_label(("one", "a", 0.9), ("two", "b", 0.1)).content()))
    assert "None: all 2 rows are exactly right." in page.text


def test_one_row_is_enough(any_case, read_page):
    small = type(any_case)(any_case.info, any_case.rows[:1], any_case.predictions[:1])
    assert "on 1 rows" in read_page(to_html(small.content())).text


def test_equal_input_gives_equal_bytes_also_in_another_process(tmp_path):
    script = tmp_path / "report.py"
    script.write_text(
        """import sys
from ulmfit_tfx.components.evaluation_report.content import build_content
from ulmfit_tfx.components.evaluation_report.html import to_html
from ulmfit_tfx.components.row_places import RowPlace
from ulmfit_tfx.tasks.tagging.predictor import TaggedWord, TagPrediction
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig
from ulmfit_tfx.transforms.records.record import Row
tags = ["O", "B-LOC", "B-PER", "B-ORG", "B-MISC", "B-DATE"]
rows, found = [], []
for n in range(12):
    words, expected = ("here", "is", f"Rome{n}"), ("O", "O", tags[n % 6])
    rows.append(Row(" ".join(words), words=words, tags=expected, slices=((f"column{n % 3}", "x"),)))
    answer = tuple(TaggedWord(word, tags[(n + i) % 6], 0.8, 0, 0, 0, 0) for i, word in enumerate(words))
    found.append(TagPrediction(rows[-1].text, answer, ()))
sys.path.append(sys.argv[1])
from model_infos import model_info
info = model_info("tagging", tags, {"scheme": "bio", "tag_separator": None})
places = [RowPlace("a.csv", n + 2, n + 1) for n in range(12)]
settings = EvaluationConfig(intervals=20)
content = build_content("demo", info, rows, places, found, settings, 7, ["all"] * 12, "there is none")
sys.stdout.buffer.write((to_html(content) + content.errors_tsv + content.scores.to_json()).encode())
"""
    )
    pages = [
        subprocess.run(
            [sys.executable, str(script), WRITERS], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert pages[0].stdout == pages[1].stdout
    assert pages[0].stdout.startswith(b"<!DOCTYPE html>")
