"""Shared fixtures: small data of our own and a configuration that trains on it in seconds."""

import functools
import gc
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
gc.set_threshold(50_000, 10, 2)  # graphs are many objects: by default a tenth of the time goes into their cycles

WORDS = {
    "good": "great lovely moving brilliant tender funny warm superb delightful charming".split(),
    "bad": "dull awful clumsy tedious boring stale weak horrid painful dreadful".split(),
    "plain": "long blue early northern wooden square quiet daily annual paper".split(),
}
NOUNS = "film story cast plot scene music ending script camera director".split()


LONG = ("random_configurations", "beam_workers", "release", "thorough")
"""Markers of tests that take long."""


def pytest_collection_modifyitems(config, items):
    """Leaves out the long tests unless `-m` names their marker."""
    markers = [marker for marker in LONG if marker not in config.option.markexpr]
    left_out = [item for item in items if any(map(item.get_closest_marker, markers))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def make_reviews(count: int) -> list[tuple[str, str]]:
    """Texts of three moods that a small model can tell apart."""
    rng = random.Random(0)
    rows = []
    for _ in range(count):
        mood = rng.choice(sorted(WORDS))
        parts = [f"{rng.choice(WORDS[mood])} {rng.choice(NOUNS)}" for _ in range(rng.randint(2, 12))]
        rows.append((" and a ".join(parts) + rng.choice(".!?"), mood))
    return rows


@pytest.fixture
def copied_sources(tmp_path, monkeypatch):
    """A folder with our sources, whose digests stand for those of what runs."""
    from ulmfit_tfx.schemas import code_version

    names = ("schemas", "transforms", "trainer_modules", "evaluation", "tasks", "components", "pipeline")
    folders = {f"ulmfit_tfx.{name}": tmp_path / "sources" / name for name in names}
    for folder in folders.values():
        source = Path(__file__).parents[1] / folder.name
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    packages = {name: (folder / "__init__.py", folder) for name, folder in folders.items()}
    monkeypatch.setattr(code_version, "_root", lambda name: packages.get(name, (None, None)))
    return tmp_path / "sources"


@pytest.fixture(scope="session")
def reviews() -> list[tuple[str, str]]:
    """600 texts and their moods."""
    return make_reviews(600)


@pytest.fixture(scope="session")
def spm_model() -> bytes:
    """A SentencePiece model of 200 pieces."""
    from ulmfit_tfx.components.sentencepiece_trainer.executor import train
    from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig

    texts = [text for text, _ in make_reviews(300)] + ["Żółć, naïve café — 12,345.67 €?"]
    return train(texts, TokenizerConfig(vocab_size=200), max_text_bytes=10_000)


@pytest.fixture(scope="session")
def exported_model(spm_model, tmp_path_factory):
    """Exports a model of one of `exported_models.MODELS`, each once; returns its folder, not to be changed."""
    from exported_models import export_model

    folder = tmp_path_factory.mktemp("exported")
    return functools.cache(lambda kind: Path(export_model(kind, folder / kind, spm_model)))


@pytest.fixture(scope="session")
def tiny_project():
    """Writes rows and a configuration into a folder; returns the configuration's path."""

    def write(folder, rows, **sections):
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["\t".join(row) for row in [("review", "mood"), *rows]]
        (folder / "reviews.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        config = {
            "name": "tiny",
            "data": {
                "path": "reviews.tsv",
                "format": "tsv",
                "text_column": "review",
                "label_column": "mood",
                "length_buckets": [10, 20],
            },
            "cleaning": {"lower_case": True},
            "tokenizer": {"vocab_size": 200},
            "encoder": {"embedding_size": 16, "hidden_sizes": [24, 16]},
            "training": {"epochs": 4, "batch_size": 16, "max_seq_len": 64, "learning_rate": 0.02},
            "evaluation": {"thresholds": {"accuracy": 0.8, "auc": 0.85}},
            "sample_texts": ["a brilliant film and a tender story."],
        }
        for name, section in sections.items():
            config[name] = config.get(name, {}) | section if isinstance(section, dict) else section
        path = folder / "tiny.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def gcs(tmp_path_factory):
    """Lets `gs://` paths of this process and of those that it starts lead to a fake storage; any bucket is there."""
    from fake_gcs import fake_gcs

    with fake_gcs(tmp_path_factory.mktemp("gcs")) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def tensorflow_only(tmp_path_factory):
    """A folder with links to tensorflow, tensorflow-text and what they require, and nothing else."""
    from linked_packages import link_distributions

    folder = tmp_path_factory.mktemp("packages")
    link_distributions(folder, [Requirement("tensorflow"), Requirement("tensorflow-text")])
    return folder


@pytest.fixture(scope="session")
def outputs_in_isolation(tensorflow_only, tmp_path_factory):
    """Calls a SavedModel where nothing but TensorFlow is; returns its outputs by `signature/output`."""
    import numpy as np

    script = Path(__file__).parent / "trainer_modules" / "isolated_inference.py"

    def run(model, mode):
        output = tmp_path_factory.mktemp("outputs") / f"{mode}.npz"
        command = [sys.executable, "-I", "-S", str(script), str(tensorflow_only), str(model), mode, str(output)]
        # tensorflow_transform sets this one for child processes, once another test has imported it.
        environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(np.load(output))

    return run
