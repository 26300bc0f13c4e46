"""A cleaning between real runs: TFX must not take from its cache what is gone."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.running import build, run_stages
from ulmfit_tfx.pipeline.stages import Unobserved
from ulmfit_tfx.pipeline.tools.clean import history
from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.errors import ExitCode

pytestmark = pytest.mark.pipeline

INGEST, SCHEMA, TOKENIZER = "CorpusIngestUnlabelled", "SchemaImporterUnlabelled", "SentencePieceTrainer"


def clean(root, *options):
    result = CliRunner().invoke(app, ["clean", str(root), *options])
    return result.exit_code, result.output


@pytest.fixture
def runs(tmp_path, reviews):
    """Runs a pipeline up to its tokenizer; returns the stages' results. What it changes is its seed."""
    (tmp_path / "corpus.txt").write_text("\n".join(text for text, _ in reviews))
    config = {
        "name": "lm",
        "task": "language_model",
        "corpus": {"path": "corpus.txt", "format": "text"},
        "tokenizer": {"vocab_size": 120},
        "language_model": {"epochs": 1},
    }
    path = tmp_path / "lm.yaml"
    path.write_text(yaml.safe_dump(config))

    def run(seed):
        def conclude(found, seconds, log_file):
            assert clean(tmp_path / "root", "--keep", "0", "--yes")[0] == ExitCode.STAGE_FAILED  # a run is under way
            return found

        checked = load_config(path, [f"seed={seed}"])
        folder = RunFolder(tmp_path / "root")
        results = run_stages(folder, lambda: build(checked, folder, until=TOKENIZER), conclude, Unobserved())
        assert all(Path(result.outputs[key].uri).exists() for result in results.values() for key in result.outputs)
        return results

    return run


def executed(results):
    return {name for name, result in results.items() if not result.cached}


def test_stages_whose_artifacts_went_run_again_and_the_newest_run_stays_in_the_cache(runs, tmp_path):
    from ulmfit_tfx.schemas import component_specs as specs

    root = tmp_path / "root"
    first, second = runs(seed=1), runs(seed=2)
    assert executed(second) == {INGEST, TOKENIZER}
    code, shown = clean(root, "--keep", "1", "--yes")
    assert code == 0, shown
    for stage, key in ((INGEST, "examples"), (TOKENIZER, "tokenizer")):
        assert not Path(first[stage].outputs[key].uri).exists()
    assert executed(runs(seed=2)) == set()
    assert executed(runs(seed=1)) == {INGEST, TOKENIZER}

    # Killed between ML Metadata and the files: these are there and no run takes them.
    newest = runs(seed=1)
    assert executed(newest) == set()
    history.mark_deleted(root / "metadata.sqlite", [newest[TOKENIZER].outputs["tokenizer"].id])
    assert executed(runs(seed=1)) == {TOKENIZER}

    assert history.SERVED == specs.SERVED
