"""Requirements as a stand-in for uv or pip tells them, of distributions that are nothing but metadata."""

import doctest
import importlib
import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from ulmfit_tfx.pipeline.tools.doctor import packages
from ulmfit_tfx.pipeline.tools.doctor.finding import Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation, this_installation
from ulmfit_tfx.pipeline.tools.doctor.lanes import DEFAULT

PIP = "/env/bin/python -m pip install"
BY_PIP = Installation("/env/bin/python", Path("/env"), None, "0.1.0")


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Lets an environment consist of distributions, each `NAME VERSION` with its requirements."""

    def make(distributions, origin=None):
        for title, requirements in distributions.items():
            name, version = title.split()
            folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
            folder.mkdir()
            lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
            (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in requirements)]))
            if origin and name == "ulmfit-tfx":
                (folder / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        importlib.invalidate_caches()

    return make


@pytest.fixture
def examined(tmp_path, monkeypatch):
    """Findings where uv, or with `pip` that, says something and ends with a code."""

    def examine(said, code=1, installation=BY_PIP):
        program = tmp_path / "bin" / "uv"
        program.parent.mkdir()
        (tmp_path / "said").write_text(said)
        program.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/said >&2\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        return {finding.check: finding for finding in packages.requirement_findings(installation)}

    return examine


def test_example_in_a_docstring_holds():
    assert doctest.testmod(packages).attempted
    assert not doctest.testmod(packages).failed


def test_uv_and_pip_are_understood():
    of_uv, _ = packages.unmet_in(
        "Checked 3 packages in 1ms\nFound 2 incompatibilities\n"
        "The package `tfx` requires `ml-metadata>=1.16.0,<1.17.0`, but it's not installed\n"
        "The package `tfx-bsl` requires `protobuf>=3.20.3,<5 ; python_full_version < '3.11'`, "
        "but `5.29.3` is installed\n"
    )
    of_pip, _ = packages.unmet_in(
        "tfx 1.16.0 requires ml-metadata, which is not installed.\n"
        'tfx-bsl 1.16.1 has requirement protobuf<5,>=3.20.3; python_version < "3.11", but you have protobuf 5.29.3.\n'
    )
    assert of_uv == [
        ("ml-metadata", "", "tfx", "ml-metadata>=1.16.0,<1.17.0"),
        ("protobuf", "5.29.3", "tfx-bsl", "protobuf>=3.20.3,<5"),
    ]
    assert of_pip == [
        ("ml-metadata", "", "tfx 1.16.0", "ml-metadata"),
        ("protobuf", "5.29.3", "tfx-bsl 1.16.1", "protobuf<5,>=3.20.3"),
    ]


def test_uv_is_asked_where_there_is_one_else_pip_and_the_lack_of_both_is_said(tmp_path, monkeypatch):
    checkout = Installation("/env/bin/python", Path("/env"), tmp_path, "0.1.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert packages.checking_command(checkout)[1][:4] == ["/env/bin/python", "-m", "pip", "check"]
    (tmp_path / ".venvs/uv/bin").mkdir(parents=True)
    (tmp_path / ".venvs/uv/bin/uv").touch(mode=0o755)
    uv = str(tmp_path / ".venvs/uv/bin/uv")
    assert packages.checking_command(checkout)[1] == [uv, "pip", "check", "--python", "/env/bin/python"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (found,) = packages.requirement_findings(BY_PIP)
    assert (found.verdict, found.problem) == (Verdict.WARNING, "There is neither uv nor pip to compare versions with.")


def test_check_that_fails_by_itself_is_no_all_clear(examined):
    found = examined("error: no such interpreter\n", code=2)["requirements"]
    assert found.verdict is Verdict.WARNING
    assert found.problem == "`uv pip check` ends with exit code 2: error: no such interpreter"


def test_conflict_names_who_requires_what_and_the_command(environment, examined):
    environment({"ulmfit-tfx 0.1.0": ["tfx"], "tfx 1.16.0": ["tfx-bsl"], "tfx-bsl 1.16.1": []})
    found = examined(
        "The package `tfx-bsl` requires `protobuf<5,>=3.20.3`, but `5.29.3` is installed\n"
        "The package `tfx` requires `protobuf<5`, but `5.29.3` is installed\n"
    )["requirement protobuf"]
    assert (found.found, found.verdict) == ("5.29.3", Verdict.BROKEN)
    assert found.problem == "protobuf 5.29.3: tfx requires protobuf<5, tfx-bsl requires protobuf<5,>=3.20.3."
    assert found.remedy == f"{PIP} ulmfit-tfx"


def test_conflict_deep_below_is_a_warning_and_one_of_others_a_note(environment, examined):
    environment(
        {"ulmfit-tfx 0.1.0": ["a", "other ; extra == 'dev'"], "a 1": ["b"], "b 1": ["c"], "c 1": [], "other 1": []}
    )
    found = examined(
        "The package `c` requires `notebook`, but it's not installed\n"
        "The package `other` requires `theirs`, but it's not installed\n"
    )
    assert found["requirement notebook"].verdict is Verdict.WARNING
    assert (found["requirement theirs"].verdict, found["requirement theirs"].remedy) == (Verdict.NOTE, "")


def test_many_missing_requirements_are_one_finding(environment, examined):
    environment({"ulmfit-tfx 0.1.0": []})
    names = [f"package-{number}" for number in range(20)]
    lines = [f"The package `ulmfit-tfx` requires `{name}`, but it's not installed\n" for name in names]
    found = examined("".join(lines))["requirements"]
    assert (found.found, found.remedy) == ("20 missing or of a wrong version", f"{PIP} ulmfit-tfx")
    assert all(name in found.problem for name in names)


def test_damaged_metadata_is_told_in_the_words_of_uv(environment, examined):
    environment({"ulmfit-tfx 0.1.0": []})
    said = "The package `grpcio` is broken or incomplete (unable to read `METADATA`)."
    found = examined(said)["requirements"]
    assert (found.verdict, found.problem) == (Verdict.WARNING, said)


def test_tensorflow_cpu_stands_in_for_tensorflow(environment, examined):
    environment({"ulmfit-tfx 0.1.0": [], "tensorflow-cpu 2.16.2": [], "tensorflow-text 2.16.1": [], "tfx 1.16.0": []})
    found = examined("The package `tfx` requires `tensorflow<2.17`, but it's not installed\n")
    assert found["requirements"].verdict is Verdict.OK
    assert packages.stack_finding(BY_PIP, DEFAULT).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("tfx", "tensorflow", "text", "problem"),
    [
        (
            "1.16.0",
            "2.16.2",
            "2.15.0",
            "tensorflow-text 2.15.0 has ops for TensorFlow 2.15; they do not load in 2.16.2.",
        ),
        ("1.15.1", "2.16.2", "2.16.1", "lane default, that of this Python, has TFX 1.16, TensorFlow 2.16"),
        ("1.16.0", "2.15.1", "2.15.0", "lane default, that of this Python, has TFX 1.16, TensorFlow 2.16"),
    ],
)
def test_versions_that_do_not_belong_together_are_broken(environment, tfx, tensorflow, text, problem):
    environment({f"tfx {tfx}": [], f"tensorflow {tensorflow}": [], f"tensorflow-text {text}": []})
    found = packages.stack_finding(BY_PIP, DEFAULT)
    assert (found.verdict, found.remedy) == (Verdict.BROKEN, f"{PIP} ulmfit-tfx")
    assert found.found == f"tfx {tfx}, tensorflow {tensorflow}, tensorflow-text {text}"
    assert problem in found.problem


def test_tensorflow_twice_is_broken(environment):
    environment({"tensorflow 2.16.2": [], "tensorflow-cpu 2.16.2": []})
    (found,) = packages.overlap_findings(BY_PIP)
    assert found.verdict is Verdict.BROKEN
    assert found.remedy == (
        f"/env/bin/python -m pip uninstall --yes tensorflow tensorflow-cpu && {PIP} tensorflow==2.16.2"
    )


def test_extra_that_is_missing_is_a_note(environment):
    environment({"kfp 2.5.0": []})
    found = packages.extra_finding(BY_PIP, "kfp")
    assert (found.verdict, found.found) == (Verdict.NOTE, "kfp 2.5.0, kfp-kubernetes missing")
    assert found.remedy == f"{PIP} 'ulmfit-tfx[kfp]'"


def test_package_without_metadata_is_broken(examined):
    found = examined("", 0, Installation("/env/bin/python", Path("/env"), None, None))["requirements"]
    assert (found.verdict, found.remedy) == (Verdict.BROKEN, f"{PIP} ulmfit-tfx")


@pytest.mark.parametrize(
    ("environment_folder", "link", "expected"),
    [
        (".venvs/newest", ".venvs/newest", "rm -r '{0}/.venvs/newest' && LANE=newest make -C '{0}' setup"),
        (".venvs/newest", ".venvs/default", "rm -r '{0}/.venvs/newest' && '{0}/requirements/install.sh' newest"),
        ("mine", ".venvs/default", "/env/bin/python -m pip install --editable '{0}'"),
    ],
    ids=["the lane in use", "a lane beside it", "another environment"],
)
def test_environment_of_a_checkout_is_made_anew_from_its_lock(tmp_path, environment_folder, link, expected):
    checkout = tmp_path / "my checkout"
    (checkout / environment_folder).mkdir(parents=True)
    (checkout / ".venv").symlink_to(link)
    installation = Installation("/env/bin/python", checkout / environment_folder, checkout, "0.1.0")
    assert installation.renew() == expected.format(checkout)


@pytest.mark.parametrize(("editable", "scripts"), [(True, True), (False, True), (True, False)])
def test_checkout_is_the_folder_of_an_editable_installation_that_has_make_setup(
    environment, tmp_path, editable, scripts
):
    checkout = tmp_path / "a checkout"
    (checkout / "requirements").mkdir(parents=True)
    if scripts:
        (checkout / "requirements" / "install.sh").touch()
    environment({"ulmfit-tfx 0.1.0": []}, {"url": checkout.as_uri(), "dir_info": {"editable": editable}})
    assert this_installation().checkout == (checkout if editable and scripts else None)


def test_metadata_that_a_build_left_in_the_current_folder_is_not_the_installation(environment, tmp_path, monkeypatch):
    environment({"ulmfit-tfx 0.1.0": []})
    left = tmp_path / "built" / "ulmfit_tfx.egg-info"
    left.mkdir(parents=True)
    (left / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: ulmfit-tfx\nVersion: 0.0.1\n")
    monkeypatch.setattr(sys, "path", [str(left.parent), *sys.path])
    assert this_installation().version == "0.1.0"
