"""What a model is blessed against beside thresholds: the simple models of the same run."""

import dataclasses

import pytest
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard

from ulmfit_tfx.components.baseline_scoring import scored_beside_baselines
from ulmfit_tfx.components.reports.beaten import REPORT_FILE, BeatenReport
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.task_evaluator import executor
from ulmfit_tfx.components.task_evaluator.beaten import Beat
from ulmfit_tfx.evaluation.catalogue import MAJORITY, MODEL, TFIDF
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig

BEAT = Beat("baseline", 1, 50)


def report(lead):
    """Of a model that is ahead of the strongest simple one by so much, give or take 0.02."""
    scores = {"accuracy": Interval(0.8, 0.7, 0.9)}
    difference = {"accuracy": Interval(lead, lead - 0.02, lead + 0.02)}
    return BeatenReport(
        HeldOutReport("classification", 100, {MODEL: scores, TFIDF: scores}, {TFIDF: difference}, "accuracy")
    )


def test_report_of_a_model_is_read_as_it_was_written():
    assert BeatenReport.from_json(report(0.1).to_json()).standing() == report(0.1).standing()


@pytest.mark.parametrize(("lead", "is_met"), [(0.1, True), (0.0, True), (-0.01, True), (-0.05, False)])
def test_a_model_may_be_behind_by_noise_and_by_no_more(lead, is_met):
    found = report(lead)
    assert found.is_met == is_met
    assert bool(found.lost()) != is_met
    if not is_met:
        assert "not as good as a simple model: eval accuracy behind TF-IDF + linear by 0.0500" in found.lost()


@pytest.mark.parametrize(
    ("by_thresholds", "lead", "blessed"),
    [(None, 0.0, 1), (None, -0.1, 0), (1, 0.0, 1), (1, -0.1, 0), (0, 0.1, 0)],
)
def test_blessed_is_what_thresholds_do_not_refuse_and_simple_models_do_not_beat(
    tmp_path, monkeypatch, by_thresholds, lead, blessed
):
    artifacts = {
        standard.EVALUATION_KEY: standard_artifacts.ModelEvaluation(),
        standard.BLESSING_KEY: standard_artifacts.ModelBlessing(),
        standard.MODEL_KEY: standard_artifacts.Model(),
    }
    for name, artifact in artifacts.items():
        artifact.uri = str(tmp_path / name)
        (tmp_path / name).mkdir()
    blessing = artifacts[standard.BLESSING_KEY]
    if by_thresholds is not None:
        (tmp_path / "blessing" / ("BLESSED" if by_thresholds else "NOT_BLESSED")).touch()
        blessing.set_int_custom_property("blessed", by_thresholds)
    monkeypatch.setattr(executor, "beaten", lambda inputs, beat: report(lead))
    listed = {name: [artifact] for name, artifact in artifacts.items()}
    executor._hold_against_simple_models(listed, listed, BEAT)
    assert blessing.get_int_custom_property("blessed") == blessed
    assert [path.name for path in (tmp_path / "blessing").iterdir()] == ["BLESSED" if blessed else "NOT_BLESSED"]
    assert BeatenReport.from_json((tmp_path / "evaluation" / REPORT_FILE).read_text()).is_met == (lead >= 0)


def test_what_is_demanded_without_a_word_in_the_configuration():
    def beaten(**fields):
        return EvaluationConfig.model_validate(fields).beaten

    assert beaten() == "baseline"
    assert beaten(thresholds={"accuracy": 0.5}) is None
    assert beaten(thresholds={"perplexity": 50}) == "baseline"
    assert beaten(thresholds={"accuracy": 0.5}, beat="majority") == "majority"
    assert beaten(beat="none") is None


def test_demand_travels_as_json():
    assert Beat.from_json(BEAT.to_json()) == BEAT


@dataclasses.dataclass(frozen=True)
class _Found:
    """Rows that are scored by how many of the answers are right."""

    answers: list

    def __len__(self):
        return len(self.answers)

    def scores(self, indices):
        return {"accuracy": float(sum(self.answers[index] for index in indices)) / max(len(indices), 1)}


class _Contest:
    leading = "accuracy"

    def of_model(self, answers):
        return answers

    def of_baselines(self, train, rows, seed):
        return {MAJORITY: [0, 1] * 20, TFIDF: [1, 1] * 20}

    def scored(self, rows, answers):
        return _Found(answers)

    def intervals(self, scored, found):
        return found.intervals()


@pytest.mark.parametrize(("baselines", "strongest", "is_met"), [(None, TFIDF, False), ((MAJORITY,), MAJORITY, True)])
def test_a_model_is_held_against_the_strongest_of_those_that_are_asked_for(monkeypatch, baselines, strongest, is_met):
    class Task:
        def contest(self, info):
            return _Contest()

    class Predictor:
        info = type("Info", (), {"task": "classification"})

        def answer_rows(self, rows):
            return [1, 0] * 20

    monkeypatch.setattr("ulmfit_tfx.components.baseline_scoring.labelled_task", lambda name: Task())
    found = BeatenReport(scored_beside_baselines({MODEL: Predictor()}, [], [], 200, 1, baselines))
    assert found.standing().baseline == strongest
    assert found.is_met == is_met
