"""What is made of the probe's report, and how its process is ended."""

import json
import os
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from ulmfit_tfx.pipeline.tools.doctor import probe
from ulmfit_tfx.pipeline.tools.doctor.finding import Verdict
from ulmfit_tfx.pipeline.tools.doctor.imports import Outcome, import_findings, keras_backend_finding, run_probe
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation

BY_PIP = Installation("/env/bin/python", Path("/env"), None, "0.1.0")


def event(check, state, **more):
    return {"check": check, "state": state, **more}


def found(*events, ending="", log="", unmet=False):
    findings = import_findings(BY_PIP, Outcome(list(events), ending, log), unmet)
    return {finding.check.removeprefix("import "): finding for finding in findings}


def failure(check, error, message):
    return event(check, "begun"), event(check, "failed", error=error, message=message)


def test_symbol_that_tensorflow_lacks_is_named():
    message = "/site/tensorflow_text/python/ops/_sentence_breaking_ops.so: undefined symbol: _ZN4absl3foo"
    of_text = found(*failure("tensorflow-text", "NotFoundError", message))["tensorflow-text"]
    assert of_text.verdict is Verdict.BROKEN
    assert of_text.problem.startswith("_sentence_breaking_ops.so of tensorflow-text needs the symbol _ZN4absl3foo,")
    assert "-m pip install --force-reinstall --no-deps tensorflow-text" in of_text.remedy


def test_imports_that_fail_beside_unmet_requirements_get_no_command_of_their_own():
    events = failure("ml-metadata", "ModuleNotFoundError", "No module named 'ml_metadata'")
    assert found(*events)["ml-metadata"].remedy.endswith(
        "--force-reinstall --no-deps ml-metadata==" + version("ml-metadata")
    )
    of_store = found(*events, unmet=True)["ml-metadata"]
    assert (of_store.verdict, of_store.remedy) == (Verdict.BROKEN, "")


def test_module_whose_files_are_gone_is_what_is_restored():
    events = failure("tfx", "ModuleNotFoundError", "No module named 'yaml.loader'")
    assert found(*events)["tfx"].remedy.endswith(f"--force-reinstall --no-deps PyYAML=={version('PyYAML')}")


def test_what_needs_a_broken_package_is_not_tried():
    events = *failure("tensorflow", "ImportError", "no"), event("tensorflow-text", "left_out", needs=["tensorflow"])
    of_text = found(*events)["tensorflow-text"]
    assert (of_text.verdict, of_text.found) == (Verdict.BROKEN, "not tried: needs tensorflow")


def test_other_backend_of_keras_is_broken_and_its_origin_named(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert keras_backend_finding().verdict is Verdict.OK
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    finding = keras_backend_finding()
    assert finding.verdict is Verdict.BROKEN
    assert finding.problem.startswith(f"{tmp_path}/keras.json chooses Keras' backend jax.")
    assert finding.remedy == "export KERAS_BACKEND=tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert keras_backend_finding().problem.startswith("KERAS_BACKEND=torch chooses")


def test_process_that_is_killed_names_the_step():
    findings = found(event("tensorflow", "begun"), ending="was ended by SIGSEGV", log="first\nlast line\n")
    assert findings["tensorflow"].verdict is Verdict.BROKEN
    assert "imports tensorflow was ended by SIGSEGV. Last it wrote: last line" in findings["tensorflow"].problem


def test_functions_that_tfma_lacks_are_broken():
    facts = {"found": "0.47.1, incomplete", "verdict": "broken", "problem": "It lacks some.", "lacks": "tfma==0.47.1"}
    (of_tfma,) = found(event("tfma", "done", seconds=1, facts=facts)).values()
    assert (of_tfma.verdict, of_tfma.remedy) == (Verdict.BROKEN, "/env/bin/python -m pip install tfma==0.47.1")


@pytest.mark.parametrize(("seconds", "verdict"), [(10, Verdict.OK), (70, Verdict.WARNING)])
def test_slow_imports_are_a_warning(seconds, verdict):
    checks = [event(check, "done", seconds=seconds / 2, facts={"found": "1"}) for check in ("ml-metadata", "tfx")]
    assert found(*checks)["time of imports"].verdict is verdict


def test_probe_that_hangs_is_ended_with_its_children(tmp_path):
    script = tmp_path / "probe.py"
    script.write_text(
        "import json, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(json.dumps({'check': 'tfx', 'state': 'begun', 'child': child.pid}), flush=True)\n"
        "time.sleep(60)\n"
    )
    started = time.monotonic()
    outcome = run_probe(script, seconds=2)
    assert time.monotonic() - started < 20
    assert outcome.ending == "did not end within 2 seconds"
    (begun,) = outcome.events
    while is_running(begun["child"]) and time.monotonic() - started < 20:
        time.sleep(0.05)
    assert not is_running(begun["child"])


def is_running(process):
    """Whether it is there, and no zombie that waits for whoever adopts orphans here."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def test_probe_that_dies_leaves_what_it_said_and_wrote(tmp_path):
    script = tmp_path / "probe.py"
    line = json.dumps({"check": "tensorflow", "state": "begun"})
    script.write_text(
        f"import os, sys\nprint({line!r}, flush=True)\nprint('libtensorflow', file=sys.stderr, flush=True)\n"
        f"print('half a line', end='', flush=True)\nos.kill(os.getpid(), {int(signal.SIGILL)})\n"
    )
    outcome = run_probe(script)
    assert outcome.events == [{"check": "tensorflow", "state": "begun"}]
    assert (outcome.ending, outcome.log) == ("was ended by SIGILL", "libtensorflow\n")


def test_probe_says_what_failed_and_leaves_out_what_needs_it(monkeypatch, capfd):
    def fails():
        os.write(1, b"noise of a library\n")
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("sys.path", ["the script's folder", *sys.path])
    monkeypatch.setattr(os, "_exit", lambda code: None)
    checks = {"tensorflow": (fails, ()), "keras": (dict, ("tensorflow",)), "ml-metadata": (dict, ())}
    monkeypatch.setattr(probe, "CHECKS", checks)
    output = os.dup(1)
    try:
        probe.main()
    finally:
        os.dup2(output, 1)
        os.close(output)
    said, noise = capfd.readouterr()
    events = [json.loads(line) for line in said.splitlines()]
    assert [(one["check"], one["state"]) for one in events] == [
        ("tensorflow", "begun"),
        ("tensorflow", "failed"),
        ("keras", "left_out"),
        ("ml-metadata", "begun"),
        ("ml-metadata", "done"),
    ]
    assert (events[1]["error"], events[1]["message"]) == ("RuntimeError", "two\nlines")
    assert noise == "noise of a library\n"
