"""The notebook, run as a reader runs it: it is small as it stands."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "first_steps.ipynb"


def test_notebook_is_kept_without_outputs():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    nbformat.validate(nbformat.read(NOTEBOOK, as_version=4))


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copy(NOTEBOOK, folder)
    notebook = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    client = NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def shown(notebook, beginning):
    """Of the cell whose code has some text: what it writes, by stream, and what its last line gives, by type."""
    [cell] = [cell for cell in notebook.cells if cell.cell_type == "code" and beginning in cell.source]
    streams = {"stdout": "", "stderr": ""}
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] += output.text
    results = [output.data for output in cell.outputs if output.output_type == "execute_result"]
    return streams, results[0] if results else {}


@pytest.mark.thorough
@pytest.mark.pipeline
def test_notebook_runs_and_nothing_is_written_to_standard_error(executed):
    streams = [
        output for cell in executed.cells for output in cell.get("outputs", ()) if output.output_type == "stream"
    ]
    assert not [output.text for output in streams if output.name == "stderr"]


@pytest.mark.thorough
@pytest.mark.pipeline
def test_notebook_shows_run_report_predictions_and_tags(executed):
    streams, run = shown(executed, 'ut.run(config, root=folder / "runs/moods")')
    assert "] Trainer: trains and exports the model" in streams["stdout"]
    assert "<table>" in run["text/html"]
    assert "<th style='text-align:left'>blessed</th><td style='text-align:left'>yes</td>" in run["text/html"]
    assert "<iframe srcdoc=" in shown(executed, "run.report.read_text()")[1]["text/html"]
    predicted = shown(executed, "model.predict(texts)")[1]["text/plain"]
    assert "first" in predicted
    assert "good" in predicted
    assert "bad" in predicted
    assert "B-PER" in shown(executed, "tagger.predict")[1]["text/plain"]
    assert "B-LOC" in shown(executed, ".explode(")[1]["text/plain"]
