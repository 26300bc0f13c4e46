"""Whole pipelines of the tasks beside the classifier with one label a row, run through the command as a user would."""

import csv
import dataclasses
import json
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.tasks import read_model_info
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, read_exported

pytestmark = pytest.mark.pipeline

SMALL = {
    "name": "tiny",
    "cleaning": {"lower_case": True},
    "tokenizer": {"vocab_size": 200},
    "encoder": {"embedding_size": 16, "hidden_sizes": [24, 16]},
    "training": {"epochs": 4, "batch_size": 16, "max_seq_len": 64, "learning_rate": 0.02},
    "evaluation": {"intervals": 100},
}


@dataclasses.dataclass(frozen=True)
class Project:
    """A configuration, and what its runs leave behind."""

    config: Path

    @property
    def root(self) -> Path:
        return self.config.parent / "root"

    @property
    def serving(self) -> Path:
        return self.root / "serving" / "tiny"

    def run(self, **changes) -> tuple[int, str]:
        """Exit code and standard output of `ulmfit-tfx run`, with fields overridden."""
        options = [
            part
            for name, value in changes.items()
            for part in ("--set", f"{name.replace('__', '.')}={json.dumps(value)}")
        ]
        result = CliRunner().invoke(app, ["run", str(self.config), "--root", str(self.root), *options])
        return result.exit_code, result.stdout

    def made(self, pattern: str) -> Path:
        """The newest thing that fits a pattern below the artifacts."""
        return max((self.root / "artifacts").glob(pattern), key=lambda path: path.stat().st_mtime)

    def predict(self, *texts: str) -> list[dict]:
        """What `ulmfit-tfx predict --json` says of texts, asking the pushed model."""
        result = CliRunner().invoke(app, ["predict", str(self.serving), *texts, "--json"])
        assert result.exit_code == 0, result.stdout
        return [json.loads(line) for line in result.stdout.splitlines()]


def write_project(folder: Path, files: Mapping[str, str], **sections) -> Project:
    """Writes files, and the small configuration with these sections more or changed."""
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    config = dict(SMALL)
    for name, section in sections.items():
        config[name] = config.get(name, {}) | section if isinstance(section, dict) else section
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return Project(path)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Tab-separated values."""
    return "\n".join("\t".join(map(str, row)) for row in [header, *rows]) + "\n"


def cached_stages(shown: str) -> set[str]:
    """Stages that a run took from cache."""
    return set(re.findall(r"\] (\w+): [^\n]*\n +from cache", shown))


def started_stages(shown: str) -> set[str]:
    return set(re.findall(r"\] (\w+): ", shown))


LIKING = "superb cast and a warm ending and a lovely story and a tender scene."
DISLIKING = "dull plot and a stale ending and a weak script and a tedious story."


@pytest.fixture(scope="module")
def scored(tmp_path_factory, reviews):
    """A regressor of two numbers: how much a review likes what it is of, from 1 to 5, and the same from 0 to 1."""
    moods = {"good": 5.0, "bad": 1.0, "plain": 3.0}
    rng = random.Random(1)
    rows = []
    for text, mood in reviews[:400]:
        liking = moods[mood]
        rows.append((text, rng.choice(["web", "print"]), rng.choice([0.5, 1, 2]), liking, (liking - 1) / 4))
    project = write_project(
        tmp_path_factory.mktemp("scored"),
        {"reviews.tsv": table(["review", "source", "weight", "liking", "share"], rows)},
        task="regression",
        data={
            "path": "reviews.tsv",
            "format": "tsv",
            "text_column": "review",
            "target_columns": ["liking", "share"],
            "slice_columns": ["source"],
            "weight_column": "weight",
        },
        training={"epochs": 12},
        evaluation={"thresholds": {"pearson": 0.8, "mae": 0.6}},
        sample_texts=["a superb cast and a warm ending."],
    )
    return project, *project.run()


def test_regressor_is_blessed_and_the_summary_shows_its_errors_and_correlations(scored):
    _, code, shown = scored
    assert code == 0, shown
    interval = r"-?\d\.\d{4} \(-?\d\.\d{3}\.\.-?\d\.\d{3}\)"
    for line in (
        rf"eval MAE +{interval} +\(threshold 0\.6\)",
        rf"eval Pearson +{interval} +\(threshold 0\.8\)",
        r"MAE by source +\d\.\d{4} +print +\(\d+ rows\)",
        rf"test MAE +{interval} ",
        rf"mean of training +{interval}",
        rf"TF-IDF \+ linear +{interval}",
        r"blessed +yes",
        r"liking +share +text",
    ):
        assert re.search(line, shown), line


def test_regressor_learns_the_numbers_in_their_own_units(scored):
    project, _, _ = scored
    liked, disliked = (answer["scores"] for answer in project.predict(LIKING, DISLIKING))
    assert [liked["liking"], disliked["liking"]] == pytest.approx([5, 1], abs=1)
    assert [liked["share"], disliked["share"]] == pytest.approx([1, 0], abs=0.25)


def test_report_of_a_run_has_scores_errors_and_a_page(scored):
    project, _, shown = scored
    report = project.made("EvaluationReport/report/*")
    assert str(report / "report.html") in shown.replace("\n", "")
    assert (report / "report.html").read_text().startswith("<!")
    scores = json.loads((report / "scores.json").read_text())
    assert scores["scores"].keys() == {"mae", "rmse", "pearson", "spearman", "one_minus_wmae"}
    assert scores["by_slice"]["source"].keys() == {"web", "print"}
    assert sum(found["rows"] for found in scores["by_slice"]["source"].values()) == scores["rows"]
    with (report / "errors.tsv").open(newline="") as file:
        errors = list(csv.DictReader(file, dialect="excel-tab"))
    assert 0 < len(errors) <= scores["rows"]
    kinds = {f"{kind} {target}" for kind in ("expected", "predicted", "error") for target in ("liking", "share")}
    assert kinds < errors[0].keys()
    for row in errors:
        error = float(row["predicted liking"]) - float(row["expected liking"])
        assert float(row["error liking"]) == pytest.approx(error, abs=1e-3)


def test_card_in_the_pushed_model_has_the_figures_of_the_held_out_scores(scored):
    project, _, _ = scored
    card = (find_model(project.serving) / "assets.extra" / "README.md").read_text()
    _, front_matter, text = card.split("---\n", 2)
    metadata = yaml.safe_load(front_matter)
    (result,) = metadata["model-index"][0]["results"]
    assert result["dataset"]["split"] == "test"
    held_out = json.loads(project.made("HeldOutScorer/report/*/held_out.json").read_text())["systems"]["model"]
    assert [metric["value"] for metric in result["metrics"]] == [score["value"] for score in held_out.values()]
    for score in held_out.values():
        assert f"{score['value']:.4f}" in text


FIRST_NAMES = "Zoë Łukasz Ana José Mia Olaf".split()
LAST_NAMES = "Müller Nowak Peña Stone Żak".split()
CITIES = ["Kraków", "São Paulo", "Oslo", "Lima", "New York"]
SENTENCES = [
    "{person} lives in {city} .",
    "Yesterday {person} went from {city} to {city} .",
    "The film of {person} was shown in {city} .",
    "{city} is far from {city} .",
    "It rained again .",
]


def tagged_sentences(count: int, seed: int) -> list[list[tuple[str, str]]]:
    """Words of sentences about people and cities, with their BIO tags."""
    rng = random.Random(seed)
    sentences = []
    for _ in range(count):
        words = []
        for word in rng.choice(SENTENCES).split():
            if word == "{person}":
                words += entity("PER", f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}")
            elif word == "{city}":
                words += entity("LOC", rng.choice(CITIES))
            else:
                words.append((word, "O"))
        sentences.append(words)
    return sentences


def entity(label: str, text: str) -> list[tuple[str, str]]:
    return [(word, f"{'I' if index else 'B'}-{label}") for index, word in enumerate(text.split())]


def conll(sentences: Sequence[Sequence[tuple[str, str]]]) -> str:
    """Sentences as columns, a blank line after each."""
    return "".join("".join(f"{word}\t{tag}\n" for word, tag in words) + "\n" for words in sentences)


CONLL_FILES = {
    "train.conll": conll(tagged_sentences(300, 1)),
    "dev.conll": conll(tagged_sentences(60, 2)),
    "test.conll": conll(tagged_sentences(50, 3)),
}
CONLL = {
    "allow_leaks": True,
    "format": "conll",
    "path": "train.conll",
    "eval_path": "dev.conll",
    "test_path": "test.conll",
}


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """A tagger of people and cities."""
    project = write_project(
        tmp_path_factory.mktemp("tagged"),
        CONLL_FILES,
        task="tagging",
        data=CONLL,
        tagging={"decoder": "crf", "context_layer": 16},
        tokenizer={"character_coverage": 1.0},
        cleaning={"lower_case": False},
        training={"epochs": 8},
        evaluation={"thresholds": {"entity_f1": 0.8}},
        sample_texts=["Zoë Nowak lives in Oslo."],
    )
    return project, *project.run()


def test_tagger_is_blessed_by_the_f1_of_whole_entities(tagged):
    _, code, shown = tagged
    assert code == 0, shown
    assert "examples 410 (300 train, 60 eval, 50 test)" in " ".join(shown.split())
    for line in (
        r"eval entity F1 +[01]\.\d{4} \([01]\.\d{3}\.\.[01]\.\d{3}\) +\(threshold 0\.8\)",
        r"test entity F1 +[01]\.\d{4} ",
        r"most frequent tag +[01]\.\d{4} ",
        r"blessed +yes",
        r"\[PER Zoë Nowak\] lives in \[LOC Oslo\]\.",
    ):
        assert re.search(line, shown), line
    assert "beside the served model" not in shown, "there is none yet"


def test_spans_of_the_pushed_tagger_lie_where_their_text_does_in_bytes_and_in_characters(tagged):
    project, _, _ = tagged
    text = "Yesterday Łukasz Peña went from São Paulo to Kraków."
    (answer,) = project.predict(text)
    assert [(span["label"], span["text"]) for span in answer["spans"]] == [
        ("PER", "Łukasz Peña"),
        ("LOC", "São Paulo"),
        ("LOC", "Kraków"),
    ]
    for marked in (*answer["spans"], *answer["words"]):
        start = text.index(marked["text"])
        assert (marked["start_char"], marked["end_char"]) == (start, start + len(marked["text"]))
        start_byte = len(text[:start].encode())
        assert (marked["start_byte"], marked["end_byte"]) == (start_byte, start_byte + len(marked["text"].encode()))
    assert [word["text"] for word in answer["words"]][-2:] == ["Kraków", "."]


def test_run_that_pushed_a_version_is_all_cache_when_run_again(tagged):
    """It is still compared with what was in service when it first ran, which was nothing."""
    project, _, _ = tagged
    code, shown = project.run()
    assert code == 0, shown
    assert cached_stages(shown) == started_stages(shown) - {"Pusher"} >= {"BaselineResolver", "TaskEvaluator"}
    assert len(list(project.serving.glob("[0-9]*"))) == 1


@pytest.mark.thorough
def test_model_worse_than_the_one_in_service_by_more_than_is_allowed_is_not_pushed(tagged):
    project, _, _ = tagged
    before = list(project.serving.iterdir())
    code, shown = project.run(
        training__epochs=1,
        training__learning_rate=1e-5,
        evaluation={"allowed_drop": {"entity_f1": 0.01}, "intervals": 100},
    )
    assert code == 4, shown
    assert re.search(r"beside the served model +entity F1 -[01]\.\d{4} \(-[01]\.\d{3}\.\.-[01]\.\d{3}\)", shown), shown
    assert re.search(r"blessed +no: .*allowed_drop", " ".join(shown.split())), shown
    assert list(project.serving.iterdir()) == before
    comparison = json.loads(project.made("EvaluationReport/report/*/scores.json").read_text())["baseline"]
    first = json.loads(min(project.root.glob("artifacts/EvaluationReport/report/*/scores.json")).read_text())
    assert comparison["scores"]["entity_f1"]["value"] == first["scores"]["entity_f1"]["value"]


def mood_pairs(reviews: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str, str]]:
    """Two short texts and their moods but for the plain one: both, one or none."""
    rng = random.Random(2)
    short = [row for row in reviews if len(row[0]) < 90]
    rows = []
    for _ in range(count):
        (first, mood), (second, other) = rng.sample(short, 2)
        rows.append((first, second, "; ".join(sorted({mood, other} - {"plain"}))))
    return rows


@pytest.fixture(scope="module")
def several(tmp_path_factory, reviews):
    """A classifier of pairs of texts, with any number of labels a pair."""
    project = write_project(
        tmp_path_factory.mktemp("several"),
        {"pairs.tsv": table(["first", "second", "moods"], mood_pairs(reviews, 500)), "moods.txt": "good\nbad\n"},
        data={
            "path": "pairs.tsv",
            "format": "tsv",
            "text_column": "first",
            "second_text_column": "second",
            "label_column": "moods",
            "label_separator": ";",
            "label_file": "moods.txt",
        },
        evaluation={"thresholds": {"micro_f1": 0.8}},
    )
    return project, *project.run()


@pytest.mark.thorough
def test_classifier_of_several_labels_is_blessed_by_its_micro_f1(several):
    _, code, shown = several
    assert code == 0, shown
    for line in (
        r"eval micro F1 +[01]\.\d{4} \([01]\.\d{3}\.\.[01]\.\d{3}\) +\(threshold 0\.8\)",
        r"test micro F1 +[01]\.\d{4} ",
        r"blessed +yes",
    ):
        assert re.search(line, shown), line


@pytest.mark.thorough
def test_labels_are_those_of_both_texts_of_a_pair_which_a_separator_parts(several):
    project, _, _ = several
    pairs = {
        "great film and a lovely cast [SEP] dull plot": {"good", "bad"},
        "blue camera [SEP] awful music and a weak story": {"bad"},
        "daily script and a long cast [SEP] tender ending": {"good"},
        "long film [SEP] early scene and a square plot": set(),
    }
    answers = project.predict(*pairs)
    assert [set(answer["labels"]) for answer in answers] == list(pairs.values())
    info = read_model_info(find_model(project.serving))
    assert sorted(info.labels) == ["bad", "good"]
    assert info.tokenizer.separator == "[SEP]"


@pytest.mark.thorough
def test_tagger_starts_from_the_language_models_of_both_directions(tmp_path):
    """With the head alone trained, both encoders are as the language models left them."""
    texts = [" ".join(word for word, _ in words) for words in tagged_sentences(200, 4)]
    project = write_project(
        tmp_path,
        CONLL_FILES | {"corpus.txt": "\n".join(texts) + "\n"},
        task="tagging",
        data=CONLL,
        corpus={"path": "corpus.txt", "format": "text"},
        tagging={"context_layer": None},
        language_model={"epochs": 1, "batch_size": 8, "bptt": 20, "direction": "both"},
        training={"epochs": 1, "gradual_unfreezing": True},
        evaluation={"thresholds": {"accuracy": 0.0}},
    )
    code, shown = project.run()
    assert code == 0, shown
    base = read_exported(project.made("LanguageModelTrainer/model/*/Format-Serving"))
    tagger = read_exported(find_model(project.serving))
    assert tagger.directions == ("forward", "backward")
    encoders = [name for name in tagger.weights if name in base.weights]
    assert {name.startswith(BACKWARD) for name in encoders} == {True, False}
    for name in encoders:
        np.testing.assert_array_equal(tagger.weights[name], base.weights[name], err_msg=name)
    others = {name.partition("/")[0] for name in tagger.weights.keys() - set(encoders)}
    assert others == {"head"}
