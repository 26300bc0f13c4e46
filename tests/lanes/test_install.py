"""Which lane requirements/install.sh takes, on machines that stand-ins of `getconf` and of Pythons make up."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAMPED = ("pyproject.toml", "setup.py", "requirements/install.sh", "requirements/lanes.sh")
TOOLS = ("bash", "cat", "cut", "dirname", "ln", "rm", "sha256sum", "sort")
"""All that the script finds, so that no Python of the machine is among them."""


@pytest.fixture
def install(tmp_path):
    """Runs the script where both lanes are installed already; returns it and the lane that .venv links to."""
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    shutil.copytree(ROOT / "requirements", checkout / "requirements")
    for name in STAMPED[:2]:
        shutil.copy(ROOT / name, checkout)
    for lane, version in (("default", "3.10.13"), ("newest", "3.13.0")):
        contents = [(checkout / name).read_bytes() for name in (f"requirements/{lane}.txt", *STAMPED)]
        folder = checkout / ".venvs" / lane
        write_program(folder / "bin" / "python", f"echo Python {version}")
        (folder / "installed").write_text(f"{lane} {hashlib.sha256(b''.join(contents)).hexdigest()}\n")

    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))

    def run(*arguments, glibc="2.36", pythons=(), **environment):
        write_program(programs / "getconf", f"echo glibc {glibc}" if glibc else "exit 1")
        for version in pythons:
            write_program(programs / f"python{version}", 'case "$2" in *version_info*) exit 0;; esac; echo "$0"')
        places = {"PATH": str(programs), "HOME": str(tmp_path)}
        command = [checkout / "requirements" / "install.sh", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=places | environment)
        link = checkout / ".venv"
        return done, link.readlink().name if link.is_symlink() else None

    return run


def write_program(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{content}\n")
    path.chmod(0o755)


@pytest.mark.parametrize("glibc", ["2.39", "2.41", "3.0"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_newest_is_taken_where_glibc_and_a_python_are_there(install, glibc, python):
    done, lane = install(glibc=glibc, pythons=[python])
    assert (done.returncode, lane) == (0, "newest")
    assert done.stdout == f"Lane 'newest' (Python 3.13.0): glibc is {glibc} here.\n"


@pytest.mark.parametrize(
    ("glibc", "pythons", "reason"),
    [
        ("2.36", ["3.13"], "glibc is 2.36 here, the newest lane needs 2.39"),
        ("2.9", ["3.13"], "glibc is 2.9 here, the newest lane needs 2.39"),
        ("2.41", ["3.10", "3.14"], "glibc is 2.41 here, but no Python 3.11 to 3.13 was found"),
        ("", ["3.13"], "the C library is not glibc, which the newest lane needs"),
    ],
)
def test_default_is_taken_elsewhere_and_the_reason_said(install, glibc, pythons, reason):
    done, lane = install(glibc=glibc, pythons=pythons)
    assert (done.returncode, lane) == (0, "default")
    assert done.stdout == f"Lane 'default' (Python 3.10.13): {reason}.\n"


def test_lane_by_name_comes_before_what_the_machine_has(install):
    assert install(glibc="2.41", pythons=["3.13"], LANE="default")[1] == "default"
    assert install(glibc="2.36", LANE="newest")[1] == "newest"


def test_lane_beside_the_one_in_use_leaves_the_link(install):
    assert install()[1] == "default"
    done, lane = install("newest")
    assert (done.returncode, done.stdout, lane) == (0, "", "default")


def test_lane_that_is_none_is_refused(install):
    done, lane = install(LANE="oldest")
    assert (done.returncode, lane) == (1, None)
    assert "There is no lane 'oldest'. Allowed: default, newest." in done.stderr


@pytest.mark.parametrize(("lane", "version"), [("default", "3.10"), ("newest", "3.13")])
def test_missing_python_is_named_with_ways_to_install_it(install, tmp_path, lane, version):
    (tmp_path / "checkout" / ".venvs" / lane / "installed").unlink()
    done, _ = install(glibc="2.41", LANE=lane)
    assert done.returncode == 1
    assert f"uv python install {version}" in done.stderr


def test_a_lane_beside_that_cannot_be_had_is_told_apart_from_a_failure(install, tmp_path):
    (tmp_path / "checkout" / ".venvs" / "newest" / "installed").unlink()
    assert install("newest", glibc="2.41")[0].returncode == 75
