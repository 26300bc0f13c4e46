"""Checks of machine and interpreter, by what they are told."""

import importlib.util
import py_compile
import shutil
import sys
from pathlib import Path

import pytest

from ulmfit_tfx.pipeline.tools.doctor import machine
from ulmfit_tfx.pipeline.tools.doctor.finding import Verdict
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation
from ulmfit_tfx.pipeline.tools.doctor.lanes import DEFAULT, NEWEST, lane_of

BY_PIP = Installation("/env/bin/python", Path("/env"), None, "0.1.0")
CHECKOUT = Installation("/code/.venv/bin/python", Path("/code/.venv"), Path("/code"), "0.1.0")


@pytest.mark.parametrize(
    ("version", "lane"), [((3, 9), None), ((3, 10), DEFAULT), ((3, 11), NEWEST), ((3, 13), NEWEST), ((3, 14), None)]
)
def test_lane_follows_from_the_version_of_python(version, lane):
    assert lane_of(version) is lane


def test_python_without_a_lane_is_broken():
    found = machine.python_finding(CHECKOUT, (3, 14, 0), None)
    assert (found.verdict, found.remedy) == (Verdict.BROKEN, "LANE=default make -C /code setup")
    assert "--python 3.10" in machine.python_finding(BY_PIP, (3, 14, 0), None).remedy


@pytest.mark.parametrize(
    ("glibc", "lane", "verdict"),
    [
        ("2.36", DEFAULT, Verdict.OK),
        ("2.36", NEWEST, Verdict.BROKEN),
        ("2.39", NEWEST, Verdict.OK),
        ("2.100", NEWEST, Verdict.OK),
        ("3.0", NEWEST, Verdict.OK),
        (None, DEFAULT, Verdict.BROKEN),
    ],
)
def test_newest_lane_needs_a_later_glibc(glibc, lane, verdict):
    assert machine.glibc_finding(BY_PIP, glibc, lane).verdict is verdict


def test_other_platforms_are_a_warning():
    assert machine.platform_finding("Linux", "x86_64").verdict is Verdict.OK
    assert machine.platform_finding("Darwin", "arm64").verdict is Verdict.WARNING


def test_python_that_comes_with_pip_mends_its_absence_itself(monkeypatch):
    assert machine.pip_finding(BY_PIP, there=False).remedy == "/env/bin/python -m ensurepip --upgrade"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert machine.pip_finding(BY_PIP, there=False).remedy == "uv pip install --python /env/bin/python pip"


@pytest.mark.parametrize(
    ("uncompiled", "switched_off", "verdict", "remedy"),
    [
        ({}, True, Verdict.OK, ""),
        ({"tfx": True}, True, Verdict.WARNING, "unset PYTHONDONTWRITEBYTECODE"),
        ({"tfx": True}, False, Verdict.OK, ""),
        ({"tfx": False}, False, Verdict.WARNING, 'export PYTHONPYCACHEPREFIX="$HOME/.cache/python"'),
    ],
    ids=["compiled", "never compiled", "to be compiled", "cannot be compiled"],
)
def test_byte_code_has_to_be_there_or_to_be_written(uncompiled, switched_off, verdict, remedy):
    found = machine.byte_code_finding(uncompiled, switched_off)
    assert (found.verdict, found.remedy) == (verdict, remedy)


def test_package_counts_as_compiled_once_python_has_compiled_it(tmp_path, monkeypatch):
    (tmp_path / "tfx").mkdir()
    source = tmp_path / "tfx" / "__init__.py"
    source.touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in [name for name in sys.modules if name.partition(".")[0] in ("tfx", "tensorflow", "apache_beam")]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    assert machine.uncompiled_packages() == {"tfx": True}
    py_compile.compile(str(source))
    assert machine.uncompiled_packages() == {}


@pytest.mark.parametrize(("gigabytes", "verdict"), [(1.9, Verdict.WARNING), (2.1, Verdict.OK)])
def test_little_room_on_a_disk_is_a_warning(tmp_path, monkeypatch, gigabytes, verdict):
    usage = shutil.disk_usage(tmp_path)._replace(free=int(gigabytes * 1e9))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    found = machine.disk_finding("working folder", lambda: tmp_path)
    assert (found.verdict, found.found) == (verdict, f"{gigabytes} GB free in {tmp_path}")


def test_folder_that_is_gone_is_broken(tmp_path):
    assert machine.disk_finding("working folder", lambda: tmp_path / "gone").verdict is Verdict.BROKEN


@pytest.mark.parametrize(("limit", "expected"), [("max\n", 10_000), ("4000\n", 4000), ("20000\n", 10_000)])
def test_memory_is_the_container_s_where_that_is_less(tmp_path, monkeypatch, limit, expected):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 1000, "SC_PHYS_PAGES": 10}.get)
    (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(machine, "_CGROUP_LIMITS", (str(tmp_path / "memory.max"), str(tmp_path / "none")))
    assert machine.memory_bytes() == expected


def test_little_memory_is_a_warning():
    assert machine.memory_finding(3_900_000_000).verdict is Verdict.WARNING
    assert machine.memory_finding(4_000_000_000).verdict is Verdict.OK
