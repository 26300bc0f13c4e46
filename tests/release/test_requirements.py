"""Which requirements of the wheel hold where: two lanes of versions, told apart by Python's."""

import importlib.metadata
import platform
from collections import Counter

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

EACH_LANE_HAS_ITS_OWN = ["tfx", "tensorflow-text", "tensorflow-serving-api", "keras", "apache-beam", "numpy"]


@pytest.fixture(scope="module")
def holding(metadata_of_wheel):
    """Gives the requirements that hold for a version of Python, by name, with or without an extra."""

    def evaluate(python: str, extra: str = "") -> dict[str, Requirement]:
        surroundings = {"python_version": python, "python_full_version": f"{python}.0", "extra": extra}
        requirements = metadata_of_wheel.requires_dist
        hold = [one for one in requirements if one.marker is None or one.marker.evaluate(surroundings)]
        if extra:
            hold = [one for one in hold if "extra" in str(one.marker)]
        assert max(Counter(one.name for one in hold).values()) == 1, f"Python {python}: required twice"
        return {one.name: one for one in hold}

    return evaluate


@pytest.mark.parametrize(
    ("python", "tfx", "text", "keras", "beam"),
    [
        ("3.10", "1.16.0", "2.16.1", "3.9.0", "2.63.0"),
        ("3.11", "1.21.0", "2.21.1", "3.15.1", "2.77.0"),
        ("3.12", "1.21.0", "2.21.1", "3.15.1", "2.77.0"),
        ("3.13", "1.21.0", "2.21.1", "3.15.1", "2.77.0"),
    ],
)
def test_each_python_gets_the_stack_of_one_lane(holding, python, tfx, text, keras, beam):
    hold = holding(python)
    other = holding("3.13" if python == "3.10" else "3.10")
    for name, version in {"tfx": tfx, "tensorflow-text": text, "keras": keras, "apache-beam": beam}.items():
        assert Version(version) in hold[name].specifier, name
        assert Version(version) not in other[name].specifier, name


def test_lanes_require_the_same_names(holding):
    default, *newest = (holding(python) for python in ("3.10", "3.11", "3.12", "3.13"))
    assert newest[0] == newest[1] == newest[2]
    assert newest[0].keys() == default.keys()
    assert sorted(name for name in default if default[name] != newest[0][name]) == sorted(EACH_LANE_HAS_ITS_OWN)


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_extra_brings_kfp_to_each_python(holding, python):
    hold = holding(python, "kfp")
    assert "kfp-kubernetes" in hold
    assert "kfp" in hold or "kfp" in hold["tfx"].extras


@pytest.mark.parametrize("extra", ["", "aws", "kfp", "dev", "examples"])
def test_versions_that_are_tested_here_are_those_that_are_required(holding, extra):
    python = ".".join(platform.python_version_tuple()[:2])
    for name, requirement in holding(python, extra).items():
        assert requirement.specifier.contains(importlib.metadata.version(name), prereleases=True), requirement


def test_pythons_are_those_that_the_lanes_are_for(metadata_of_wheel):
    supported = [minor for minor in range(8, 16) if f"3.{minor}.5" in metadata_of_wheel.requires_python]
    assert supported == [10, 11, 12, 13]
    classifiers = {f"Programming Language :: Python :: 3.{minor}" for minor in supported}
    assert classifiers == {one for one in metadata_of_wheel.classifiers if one.startswith("Programming Language")}
