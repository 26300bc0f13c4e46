"""Requirements of distributions that are nothing but metadata."""

import importlib
import importlib.metadata
import json
import sys
from pathlib import Path

import packaging.requirements
import packaging.utils
import packaging.version  # noqa: F401  all before the path is another one
import pytest

from ulmfit_tfx.pipeline.tools.doctor.finding import Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation, this_installation
from ulmfit_tfx.pipeline.tools.doctor.requirement_tree import walk
from ulmfit_tfx.pipeline.tools.doctor.requirements import requirement_findings

PIP = "/env/bin/python -m pip install"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """Lets an environment consist of distributions, each `NAME VERSION` with its requirements; returns ours."""

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
        return importlib.metadata.distribution("ulmfit-tfx")

    return make


def examined(distribution, checkout=None, prefix="/env"):
    installation = Installation("/env/bin/python", Path(prefix), checkout, distribution)
    return {finding.check: finding for finding in requirement_findings(installation)}


def test_requirements_are_followed_with_their_markers_and_extras(environment):
    tree = walk(
        environment(
            {
                "ulmfit-tfx 0.1.0": ["tfx>=1", "never ; python_version < '3'"],
                "tfx 1.16.0": ["Apache_Beam[gcp]>=2", "protobuf<5,>=3"],
                "apache-beam 2.63.0": ["protobuf>=3.20.3", "storage ; extra == 'gcp'", "boto3 ; extra == 'aws'"],
                "protobuf 3.20.3": [],
            }
        )
    )
    assert tree.versions == {"tfx": "1.16.0", "apache-beam": "2.63.0", "protobuf": "3.20.3"}
    (missing,) = tree.unmet
    assert (missing.name, missing.requirer, missing.installed, missing.depth) == (
        "storage",
        "apache-beam 2.63.0",
        None,
        3,
    )


def test_requirements_in_a_circle_are_followed_once(environment):
    tree = walk(environment({"ulmfit-tfx 0.1.0": ["a"], "a 1": ["b"], "b 1": ["a"]}))
    assert tree.versions == {"a": "1", "b": "1"}


def test_requirements_of_a_wrong_version_are_none_of_ours(environment):
    tree = walk(environment({"ulmfit-tfx 0.1.0": ["tfx>=1.16"], "tfx 1.15.0": ["no-longer-required"]}))
    assert [unmet.name for unmet in tree.unmet] == ["tfx"]


@pytest.mark.parametrize(
    ("bounds", "together"),
    [
        ([">=3.20.3,<5", ">=3.9,<4.0.0dev"], "p>=3.20.3,<4.0.0dev"),
        (["!=3.1,<4", "!=4.21.*,!=4.1"], "p<4,!=3.1"),
        (["~=0.3.1", ""], "p~=0.3.1"),
        (["==1.4", ">=1"], "p>=1,==1.4"),
    ],
)
def test_what_pip_is_given_meets_all_requirers(environment, bounds, together):
    requirers = {f"r{number} 1": [f"p{bound}"] for number, bound in enumerate(bounds)}
    tree = walk(environment({"ulmfit-tfx 0.1.0": [title.split()[0] for title in requirers], **requirers}))
    assert tree.wanted["p"] == together


def test_conflict_names_who_requires_what_and_one_command_for_all(environment):
    found = examined(
        environment(
            {
                "ulmfit-tfx 0.1.0": ["tfx"],
                "tfx 1.16.0": ["protobuf<5", "tfx-bsl"],
                "tfx-bsl 1.16.1": ["protobuf<5,>=3.20.3"],
                "protobuf 5.29.3": [],
            }
        )
    )["requirement protobuf"]
    assert (found.found, found.verdict) == ("5.29.3", Verdict.BROKEN)
    assert (
        found.problem == "protobuf 5.29.3: tfx 1.16.0 requires protobuf<5, tfx-bsl 1.16.1 requires protobuf<5,>=3.20.3."
    )
    assert found.remedy == f"{PIP} 'protobuf>=3.20.3,<5'"


def test_conflict_deep_below_is_a_warning(environment):
    chain = {"ulmfit-tfx 0.1.0": ["a"], "a 1": ["b"], "b 1": ["c"], "c 1": ["notebook"]}
    assert examined(environment(chain))["requirement notebook"].verdict is Verdict.WARNING


def test_many_missing_requirements_are_one_finding(environment):
    names = [f"package-{number}" for number in range(20)]
    found = examined(environment({"ulmfit-tfx 0.1.0": names}))["requirements"]
    assert (found.found, found.remedy) == ("20 missing or of a wrong version", f"{PIP} ulmfit-tfx")
    assert all(name in found.problem for name in names)


def test_tensorflow_cpu_stands_in_for_tensorflow(environment):
    found = examined(
        environment(
            {
                "ulmfit-tfx 0.1.0": ["tensorflow<2.17", "tensorflow-text"],
                "tensorflow-cpu 2.16.2": [],
                "tensorflow-text 2.16.1": [],
            }
        )
    )
    assert found["requirements"].verdict is Verdict.OK
    assert found["tensorflow-cpu = tensorflow-text"].verdict is Verdict.OK


def test_tensorflow_text_of_another_minor_version_is_broken(environment):
    found = examined(
        environment(
            {
                "ulmfit-tfx 0.1.0": ["tensorflow-text>=2.16.1,<2.17", "tensorflow<2.17"],
                "tensorflow 2.16.2": [],
                "tensorflow-text 2.15.0": [],
            }
        )
    )["tensorflow = tensorflow-text"]
    assert (found.found, found.verdict) == ("2.16.2 and 2.15.0", Verdict.BROKEN)
    assert found.remedy == f"{PIP} 'tensorflow-text>=2.16.1,<2.17'"


def test_tensorflow_twice_is_broken_though_every_requirement_is_met(environment):
    distributions = {"ulmfit-tfx 0.1.0": ["tensorflow"], "tensorflow 2.16.2": [], "tensorflow-cpu 2.16.2": []}
    found = examined(environment(distributions))
    assert found["requirements"].verdict is Verdict.OK
    assert found["one TensorFlow"].verdict is Verdict.BROKEN
    assert found["one TensorFlow"].remedy == (
        f"/env/bin/python -m pip uninstall --yes tensorflow tensorflow-cpu && {PIP} tensorflow==2.16.2"
    )


def test_extra_that_is_missing_is_a_note(environment):
    kubeflow = ["kfp-kubernetes ; extra == 'kfp'", "kfp ; extra == 'kfp'"]
    found = examined(environment({"ulmfit-tfx 0.1.0": kubeflow, "kfp 2.5.0": []}))
    assert (found["extra kfp"].verdict, found["extra kfp"].found) == (Verdict.NOTE, "kfp-kubernetes missing")
    assert found["extra kfp"].remedy == f"{PIP} 'ulmfit-tfx[kfp]'"
    assert found["requirements"].verdict is Verdict.OK


def test_package_without_metadata_is_broken():
    found = examined(None)["requirements"]
    assert (found.verdict, found.remedy) == (Verdict.BROKEN, f"{PIP} ulmfit-tfx")


@pytest.mark.parametrize(
    ("environment_folder", "link", "expected"),
    [
        (".venvs/newest", ".venvs/newest", "rm -r '{0}/.venvs/newest' && LANE=newest make -C '{0}' setup"),
        (".venvs/newest", ".venvs/default", "rm -r '{0}/.venvs/newest' && '{0}/requirements/install.sh' newest"),
        ("mine", ".venvs/default", "/env/bin/python -m pip install 'tfx<2'"),
    ],
    ids=["the lane in use", "a lane beside it", "another environment"],
)
def test_environment_of_a_checkout_is_made_anew_from_its_lock(
    environment, tmp_path, environment_folder, link, expected
):
    checkout = tmp_path / "my checkout"
    (checkout / environment_folder).mkdir(parents=True)
    (checkout / ".venv").symlink_to(link)
    distribution = environment({"ulmfit-tfx 0.1.0": ["tfx<2"]})
    found = examined(distribution, checkout, checkout / environment_folder)["requirement tfx"]
    assert found.remedy == expected.format(checkout)


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
    assert this_installation().distribution.version == "0.1.0"
