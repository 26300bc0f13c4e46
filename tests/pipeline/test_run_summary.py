"""The closing words of a run in 80 columns: no number, word or command is cut."""

import io
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from model_infos import model_info
from rich.console import Console

from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.drift import DriftReport
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.reports.infra import InfraReport, Latency, Memory
from ulmfit_tfx.components.reports.scores_file import Comparison, EvaluationScores, SliceScores
from ulmfit_tfx.evaluation.catalogue import SYSTEMS
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.pipeline.cli import run_summary
from ulmfit_tfx.pipeline.stages import StageResult
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig

NAME = "sentiment_of_reviews_of_films_of_the_last_twenty_years_in_three_languages"
TEXT = "A moving, beautifully acted film that I'll watch again, and then once more with all of my friends."
SCORE = Interval(0.123456, 0.101, 0.234)


def stage(name, folder, **properties):
    """A stage with one artifact under all names, and text or whole-number properties."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    values = {key: SimpleNamespace(string_value=str(value), int_value=value) for key, value in properties.items()}
    artifact = SimpleNamespace(uri=str(folder / name), custom_properties=values)
    return StageResult(name, 1234.5, False, _Everywhere(artifact))


class _Everywhere(dict):
    """The same artifact as each output."""

    def __init__(self, artifact):
        super().__init__(tokenizer=artifact)
        self.artifact = artifact

    def __missing__(self, key):
        return self.artifact


@pytest.fixture
def summary(tmp_path, monkeypatch):
    """Prints a summary of a run with long names and all measures, in 80 columns."""
    folder = tmp_path / "runs" / NAME
    config = PipelineConfig(
        name=NAME,
        data={"path": "rows.tsv", "format": "tsv", "slice_columns": ["language_of_the_review"]},
        evaluation={"thresholds": {"accuracy": 0.8123, "auc": 0.7654, "calibration_error": 0.0987}},
        sample_texts=[TEXT],
    )
    accounting = Accounting(
        {"train": 1_234_567, "eval": 123_456, "test": 123_456},
        {"wrong number of columns": 12_345, "empty text": 23_456, "label not in labels": 1_234},
        {"shorter than min_words": 34_567},
        {},
        rows_in=1_500_000,
        recut={"punctuation": 1},
        served_cut="punctuation",
    )
    scores = {name: SCORE for name in config.measures}
    slices = {f"language number {number}": SliceScores(12_345, {"accuracy": 0.5}) for number in range(9)}
    of_eval = EvaluationScores(
        "classification",
        99,
        scores,
        {"language_of_the_review": slices},
        Comparison(scores, scores),
        warnings=tuple(accounting.warnings()),
    )
    held_out = HeldOutReport(
        "classification", 123_456, dict.fromkeys(SYSTEMS, scores), {"majority": scores}, "accuracy"
    )
    infra = InfraReport(
        "2.19", "2.16", False, {}, 9, {"serving_default": Latency(1234.5, 2345.6, 9)}, Memory(1.0, 2.0, 12_345.0)
    )
    results = {
        "CorpusIngest": stage("CorpusIngest", folder, accounting=accounting.to_json()),
        "StrictExampleValidator": stage("StrictExampleValidator", folder),
        "Trainer": stage("Trainer", folder),
        "TaskEvaluator": stage("TaskEvaluator", folder, blessed=1),
        "EvaluationReport": stage("EvaluationReport", folder),
        "HeldOutScorer": stage("HeldOutScorer", folder),
        "InfraCheck": stage("InfraCheck", folder),
        "Pusher": stage("Pusher", folder, pushed_destination=folder / "serving" / NAME / "1796064375"),
    }
    for result in results.values():
        result.outputs.pop("tokenizer")
    results["SentencePieceTrainer"] = stage(
        "SentencePieceTrainer", folder, trained_on="all 1,234,567 texts, 1,234.5 MB"
    )
    (folder / "SentencePieceTrainer" / "x.vocab").write_text("piece\n" * 8000)
    (folder / "StrictExampleValidator" / "drift.json").write_text(DriftReport("no model is in service").to_json())
    (folder / "EvaluationReport" / "scores.json").write_text(of_eval.to_json())
    (folder / "HeldOutScorer" / "held_out.json").write_text(held_out.to_json())
    (folder / "InfraCheck" / "report.json").write_text(infra.to_json())
    info = model_info("classification", ["a", "b"])
    for name, answer in (("find_model", str), ("read_model_info", lambda _: info), ("_show_samples", lambda *_: None)):
        monkeypatch.setattr(run_summary, name, answer)
    console = Console(file=io.StringIO(), width=80)
    run_summary.show_summary(console, config, results, 12_345.6, folder / "logs" / f"{NAME}.log")
    return folder, console.file.getvalue()


def test_each_command_stands_on_a_line_of_its_own(summary):
    folder, shown = summary
    commands = [shlex.split(line) for line in shown.splitlines() if line.startswith("  ulmfit-tfx ")]
    model = str(folder / "serving" / NAME / "1796064375")
    assert commands == [["ulmfit-tfx", "predict", model, TEXT], ["ulmfit-tfx", "show", model]]


def test_paths_stand_on_one_line(summary):
    folder, shown = summary
    for path in (folder / "serving" / NAME / "1796064375", folder / "EvaluationReport" / "report.html"):
        assert any(str(path) in line for line in shown.splitlines())
    assert str(folder / "logs" / f"{NAME}.log") in shown.splitlines()[-1]


def test_numbers_stay_whole_and_beside_what_they_count(summary):
    _, shown = summary
    for together in (
        *("1,234,567 train", "123,456 eval", "123,456 test", "1,500,000", "wrong number", "empty text: 23,456"),
        *("0.1235 (0.101..0.234)", "(threshold 0.8123)", "1234.5 ms", "2345.6 ms", "12,345 MB", "8,000 pieces"),
        *("all 1,234,567 texts", "1,234.5 MB", "12345.6 s", "95 % interval", "1234.5 s  EvaluationReport"),
    ):
        assert together in shown, f"{together} is cut:\n{shown}"


def test_lines_without_paths_fit(summary):
    _, shown = summary
    table, _, _ = shown.partition("Report:")
    assert max(len(line) for line in table.splitlines() if NAME not in line) <= 80


def test_what_a_small_share_cut_as_served_means_is_said_once(summary):
    _, shown = summary
    assert "words as served" in shown
    assert shown.count("Scores are of the given words") == 1


def test_paths_are_from_here(summary, monkeypatch):
    folder, _ = summary
    monkeypatch.chdir(folder)
    assert run_summary._from_here(folder / "logs") == Path("logs")
