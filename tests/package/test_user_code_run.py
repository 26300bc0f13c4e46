"""A run with code of the user's own: a component, the training, a metric."""

import pytest
from user_code import AUDIT, write_user_code

import ulmfit_tfx as ut

pytestmark = pytest.mark.pipeline

PREFIX = "run_of_the_user"
SECTIONS = {
    "components": [
        {
            "class": f"{PREFIX}_audit.Audit",
            "after": "CorpusIngest",
            "before": "SentencePieceTrainer",
            "inputs": {"examples": "CorpusIngest.examples"},
        }
    ],
    "head": {"branches": ["recurrent"]},
    "trainer": {"run_fn": f"{PREFIX}_training.run_fn"},
    "evaluation": {"metrics": [{"class": f"{PREFIX}_metrics.MeanConfidence", "at_least": 1.5}]},  # of no model
}


@pytest.fixture(scope="module")
def project(tmp_path_factory, reviews, tiny_project):
    folder = tmp_path_factory.mktemp("user_code")
    write_user_code(folder, PREFIX)
    return tiny_project(folder, reviews, **SECTIONS)


def test_users_code_takes_part_in_the_run_and_is_cached_until_it_is_edited(project, capsys):
    root, settings = project.parent / "root", ["training.epochs=3"]
    first = ut.run(ut.load_config(project, settings), root=root)
    shown = capsys.readouterr().out
    assert "trained by the user's code" in shown
    assert "] Audit: runs" in shown
    names = list(first.stages)
    assert names.index("CorpusIngest") < names.index("Audit") < names.index("SentencePieceTrainer")
    [written] = (root / "artifacts" / "Audit" / "counts").glob("*/rows.txt")
    assert written.read_text().endswith(" rows")
    assert 0.8 < first.metrics["mean_confidence"] <= 1
    assert first.scores["accuracy"] >= 0.8
    assert not first.blessed  # the metric's bound is not met, the others are

    second = ut.run(ut.load_config(project, settings), root=root, progress=False)
    assert [name for name, stage in second.stages.items() if not stage.cached] == ["Pusher"]

    (project.parent / f"{PREFIX}_audit.py").write_text(AUDIT.replace("rows < fewest", "rows > fewest"))
    with pytest.raises(ut.RunFailedError, match=r"^Audit failed: there are \d+ rows to train on") as failed:
        ut.run(ut.load_config(project, settings), root=root, progress=False)
    assert failed.value.stage == "Audit"
    assert isinstance(failed.value.__cause__, Exception)
