"""The command, here and in environments where packages are missing."""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.tools.doctor import __main__ as plainly
from ulmfit_tfx.pipeline.tools.doctor import examination
from ulmfit_tfx.pipeline.tools.doctor.finding import Finding, Verdict

FINE = Finding("Python", "3.10.13")
NOTE = Finding("extra kfp", "kfp missing", Verdict.NOTE, "Optional: kfp.", "pip install 'kfp[a]'")
WARNING = Finding("memory", "1.0 GB", Verdict.WARNING, "Little memory.")
BROKEN = Finding(
    "requirement rich", "missing", Verdict.BROKEN, "rich is missing.", "mend it " + "with words " * 20 + "all"
)
ALSO_BROKEN = Finding("Keras", "fails", Verdict.BROKEN, "Keras fails.", BROKEN.remedy)


@pytest.fixture
def doctor(monkeypatch):
    """Runs the command, or with `plain` what stands in for it, on given findings."""

    def run(findings, *arguments, plain=False):
        monkeypatch.setattr(examination, "examine", lambda quick: findings)
        if plain:
            return plainly.main(arguments)
        return CliRunner(mix_stderr=False, env={"COLUMNS": "80"}).invoke(app, ["doctor", *arguments])

    return run


@pytest.mark.parametrize(
    ("findings", "code"), [([FINE], 0), ([FINE, NOTE, WARNING], 0), ([FINE, NOTE, WARNING, BROKEN], 1)]
)
def test_exit_code_is_1_where_something_is_broken(doctor, findings, code):
    assert doctor(findings).exit_code == code
    assert doctor(findings, "--json").exit_code == code
    assert doctor(findings, plain=True) == code


def test_json_has_every_finding(doctor):
    report = json.loads(doctor([FINE, NOTE, BROKEN], "--json").stdout)
    assert report["verdict"] == "broken"
    assert [(one["check"], one["verdict"]) for one in report["findings"]] == [
        ("Python", "ok"),
        ("extra kfp", "note"),
        ("requirement rich", "broken"),
    ]
    assert report["findings"][1] == {
        "check": "extra kfp",
        "found": "kfp missing",
        "verdict": "note",
        "problem": "Optional: kfp.",
        "remedy": "pip install 'kfp[a]'",
    }


def test_plain_text_has_the_same_json(doctor, capsys):
    doctor([FINE, BROKEN], "--json", plain=True)
    assert capsys.readouterr().out == doctor([FINE, BROKEN], "--json").stdout


def test_commands_can_be_copied_and_stand_once_below_all_that_they_mend(doctor, capsys):
    findings = [FINE, BROKEN, WARNING, NOTE, ALSO_BROKEN]
    doctor(findings, plain=True)
    for shown in (doctor(findings).stdout, capsys.readouterr().out):
        lines = shown.splitlines()
        place = lines.index(f"  {BROKEN.remedy}")
        assert lines[place - 2 : place] == ["broken: rich is missing.", "broken: Keras fails."]
        assert shown.count(BROKEN.remedy) == 1
        assert f"  {NOTE.remedy}" in lines
        assert "warning: Little memory." in lines
        assert lines[-1] == "2 broken, 1 warning, 1 note"


def test_nothing_amiss_is_said(doctor):
    assert doctor([FINE]).stdout.rstrip().endswith("Nothing is amiss.")


@pytest.fixture(scope="module")
def environment_without(tmp_path_factory):
    """Makes a virtual environment of all that is installed but some distributions; returns its Python."""

    def make(*left_out):
        folder = tmp_path_factory.mktemp("broken") / "venv"
        venv.create(folder)
        (site,) = folder.glob("lib/python*/site-packages")
        installed = next(Path(path) for path in sys.path if path.endswith("site-packages"))
        for entry in installed.iterdir():
            if any(entry.name == name or entry.name.startswith(f"{name}-") for name in left_out):
                continue
            if entry.name.endswith(".dist-info"):
                shutil.copytree(entry, site / entry.name)  # uv takes no links for installed packages
            else:
                (site / entry.name).symlink_to(entry)
        return folder / "bin" / "python"

    return make


def call(python, *arguments):
    command = [python, "-m", "ulmfit_tfx.pipeline", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=python.parents[1])


@pytest.fixture(scope="module")
def without_what_it_is_made_of(environment_without):
    return environment_without("typer", "rich", "pydantic", "packaging")


def test_doctor_works_without_what_the_command_is_made_of(without_what_it_is_made_of):
    done = call(without_what_it_is_made_of, "doctor", "--quick", "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("ulmfit-tfx: No module named 'typer'")
    assert "Traceback" not in done.stderr
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert {check for check, finding in findings.items() if finding["verdict"] == "broken"} >= {
        "requirement typer",
        "requirement rich",
    }


def test_any_command_says_which_package_is_missing_and_what_to_run(without_what_it_is_made_of):
    done = call(without_what_it_is_made_of, "run", "some.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ulmfit-tfx: No module named 'typer'")
    assert "Traceback" not in done.stderr
    assert "typer is missing: ulmfit-tfx" in done.stderr
    assert "-m pip install --editable " in done.stderr
    assert done.stderr.endswith("ulmfit-tfx doctor\n")


def test_doctor_goes_on_where_tensorflow_is_missing(environment_without):
    done = call(environment_without("tensorflow", "ml_metadata"), "doctor", "--json")
    assert done.returncode == 1, done.stderr
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["requirement tensorflow"]["found"] == "missing"
    assert findings["import tensorflow"]["found"] == "fails: ModuleNotFoundError"
    assert findings["import tfx"]["found"] == "not tried: needs tensorflow and keras and ml-metadata"
    assert findings["import apache-beam"]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module named 'absent'", name="absent"), "ulmfit-tfx: No module named 'absent'"),
        (RuntimeError("_x.so: undefined symbol: f"), "ulmfit-tfx: _x.so: undefined symbol: f"),
        (ImportError("no such thing", name="ulmfit_tfx.schemas"), "Traceback"),
        (ValueError("a slip of ours"), "Traceback"),
    ],
)
def test_errors_of_the_installation_are_no_tracebacks_and_all_others_are(monkeypatch, capsys, error, message):
    from ulmfit_tfx.pipeline import cli

    def fails():
        raise error

    monkeypatch.setattr("ulmfit_tfx.pipeline.cli.app.app", fails)
    monkeypatch.setattr("ulmfit_tfx.pipeline.tools.doctor.emergency.requirement_findings", lambda installation: [])
    monkeypatch.setattr(sys, "argv", ["ulmfit-tfx", "run", "some.yaml"])
    with pytest.raises(SystemExit) as ending:
        cli.main()
    assert ending.value.code == 1
    assert capsys.readouterr().err.startswith(message)


def test_environment_made_for_another_version_is_a_warning(monkeypatch):
    installation = examination.this_installation()
    assert examination.package_finding(installation).verdict is Verdict.OK
    monkeypatch.setattr("ulmfit_tfx.__version__", "0.0.9")
    assert examination.package_finding(installation).verdict is Verdict.WARNING


def test_help_shows_an_example():
    shown = CliRunner(mix_stderr=False).invoke(app, ["doctor", "--help"]).stdout
    assert "Example: ulmfit-tfx doctor" in " ".join(shown.split())
