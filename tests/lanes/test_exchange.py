"""What one lane writes gives the same in the other: models, encoders, checkpoints of trainings, configurations."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("exchange.py")
LANES = ("default", "newest")


def run(lane, *arguments):
    python = ROOT / ".venvs" / lane / "bin" / "python"
    done = subprocess.run([python, SCRIPT, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folders that the two lanes wrote."""
    missing = [lane for lane in LANES if not (ROOT / ".venvs" / lane / "installed").exists()]
    if missing:
        pytest.skip(f"lane {missing[0]} is not installed here: `requirements/install.sh {missing[0]}` does it")
    folder = tmp_path_factory.mktemp("exchange")
    for lane in LANES:
        run(lane, "write", folder / lane)
    return folder


@pytest.mark.parametrize(("writer", "reader"), itertools.permutations(LANES))
def test_what_one_lane_wrote_gives_the_same_in_the_other(written, writer, reader):
    differences = json.loads(run(reader, "read", written / writer).splitlines()[-1])
    assert len(differences) > 12
    assert {item: found for item, found in differences.items() if found > 1e-5} == {}
