import importlib.util
import json
from pathlib import Path

import pytest

MACHINE = {"cores": 2}


@pytest.fixture(scope="module")
def recorded_rows():
    path = Path(__file__).parents[2] / "benchmarks" / "recorded_rows.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RecordedRows


def refuse():
    raise AssertionError("measured again")


def cut_off():
    raise KeyboardInterrupt


def test_rerun_measures_only_what_is_missing(recorded_rows, tmp_path):
    file = tmp_path / "rows.json"
    first = recorded_rows(file, MACHINE)
    first.measured({"contestant": "ours", "seed": 0}, lambda: {"perplexity": 98.5})
    with pytest.raises(KeyboardInterrupt):
        first.measured({"contestant": "ours", "seed": 1}, cut_off)

    rerun = recorded_rows(file, MACHINE)

    assert rerun.measured({"seed": 0, "contestant": "ours"}, refuse) == {"perplexity": 98.5}
    assert rerun.measured({"contestant": "ours", "seed": 1}, lambda: {"perplexity": 99.0}) == {"perplexity": 99.0}
    assert [row["measured"]["perplexity"] for row in json.loads(file.read_text())["rows"]] == [98.5, 99.0]


def test_other_settings_are_another_row(recorded_rows, tmp_path):
    rows = recorded_rows(tmp_path / "rows.json", MACHINE)
    rows.measured({"momentum": (0.95, 0.85)}, lambda: {"perplexity": 98.5})

    assert rows.measured({"momentum": [0.95, 0.85]}, refuse) == {"perplexity": 98.5}
    assert rows.measured({"momentum": [0.8, 0.7]}, lambda: {"perplexity": 97.0}) == {"perplexity": 97.0}


def test_rows_of_another_machine_are_refused(recorded_rows, tmp_path):
    file = tmp_path / "rows.json"
    recorded_rows(file, MACHINE).measured({"seed": 0}, lambda: {"perplexity": 98.5})

    with pytest.raises(ValueError, match=r"rows\.json was measured on .*2.*Name another file"):
        recorded_rows(file, {"cores": 64})
