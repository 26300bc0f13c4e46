"""The Dockerfile and what goes into it, as far as they can be tried without a Docker engine."""

import dataclasses
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from docker.utils import exclude_paths

ROOT = Path(__file__).parents[1]
LOCK = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements/default.txt").read_text(), re.MULTILINE))
INSTALL = ROOT / "requirements/install_image.sh"
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


@dataclasses.dataclass
class Stage:
    """A stage of the Dockerfile: its base, and its instructions as (name, arguments)."""

    base: str
    instructions: list[tuple[str, str]]


def read_stages() -> tuple[dict[str, str], list[tuple[str, Stage]]]:
    """Global arguments with their defaults, and stages by name in order; the last has none."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")]
    arguments, stages = {}, []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        name, rest = line.split(maxsplit=1)
        if name == "FROM":
            base, _, alias = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], rest).partition(" AS ")
            stages.append((alias, Stage(base, [])))
        elif stages:
            stages[-1][1].instructions.append((name, rest))
        else:
            assert name == "ARG"
            arguments.update([rest.split("=")])
    return arguments, stages


ARGUMENTS, STAGES = read_stages()


def whole(stage: Stage) -> list[tuple[str, str]]:
    """A stage's instructions and, before them, those of the stages that it is made from."""
    base = dict(STAGES).get(stage.base)
    return (whole(base) if base else []) + stage.instructions


RESULTS = pytest.mark.parametrize("stage", [dict(STAGES)["beam"], STAGES[-1][1]], ids=["beam", "default"])


def test_versions_are_those_of_the_checkout_and_the_lock():
    assert ARGUMENTS["PYTHON_VERSION"] == (ROOT / ".python-version").read_text().strip()
    assert ARGUMENTS["BEAM_VERSION"] == LOCK["apache-beam"]
    python = f"python:{ARGUMENTS['PYTHON_VERSION']}-"
    names = {alias for alias, _ in STAGES}
    outside = {stage.base for _, stage in STAGES} - names
    assert {base for base in outside if not base.startswith(python)} == {
        f"apache/beam_python{ARGUMENTS['PYTHON_VERSION']}_sdk:{LOCK['apache-beam']}"
    }
    assert LOCK["tensorflow-text"].split(".")[:2] == LOCK["tensorflow"].split(".")[:2]


@RESULTS
def test_user_is_a_number_that_is_not_roots(stage):
    *_, user = (rest for name, rest in whole(stage) if name == "USER")
    assert re.fullmatch(r"[1-9]\d*:\d+", user)  # Kubernetes' runAsNonRoot takes no names


@RESULTS
def test_nothing_of_the_checkout_is_copied_past_the_building_stages(stage):
    copied = [rest for name, rest in whole(stage) if name in ("COPY", "ADD")]
    assert copied
    assert all(rest.startswith("--from=") for rest in copied)


def test_only_the_beam_worker_has_an_entrypoint():
    assert not [rest for name, rest in whole(STAGES[-1][1]) if name == "ENTRYPOINT"]
    assert [rest for name, rest in whole(dict(STAGES)["beam"]) if name == "ENTRYPOINT"] == ['["/opt/apache/beam/boot"]']


def test_context_leaves_out_what_is_not_built_from(tmp_path):
    kept = ["pyproject.toml", "setup.py", "README.md", "LICENSE", "package/__init__.py", "tasks/a/a.pbtxt"]
    left_out = ["runs/a/model", ".venv/bin/python", ".git/config", "tests/test_a.py", ".env", "examples/data/a.tsv"]
    left_out += ["pipeline/__pycache__/a.pyc", "build/lib/a.py", "dist/a.whl", "docs/a.md", "key.json"]
    for name in kept + left_out:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    context = exclude_paths(str(tmp_path), IGNORED, dockerfile="Dockerfile")
    assert {name for name in context if (tmp_path / name).is_file()} == set(kept)


def test_context_builds_the_wheel_of_the_checkout(tmp_path):
    context = tmp_path / "context"
    for name in exclude_paths(str(ROOT), IGNORED, dockerfile="Dockerfile"):
        if (ROOT / name).is_file():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            (context / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    contents = []
    for source in (context, ROOT):
        out = tmp_path / source.name
        done = subprocess.run([*command, str(out), str(source)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (wheel,) = out.glob("*.whl")
        contents.append({item.filename: item.CRC for item in zipfile.ZipFile(wheel).infolist()})
    assert contents[0] == contents[1]


@pytest.fixture
def install(tmp_path):
    """Runs install_image.sh with a `uv` that notes what it is given and says what is unmet; returns both."""
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)

    def run(*arguments, unmet=(), **lane):
        check = "\n".join(f"The package `{name}` requires `{of}`, but it's not installed" for name, of in unmet)
        (tmp_path / "unmet").write_text(check)
        notes = tmp_path / "notes"
        uv = (
            f'#!/bin/bash\nif [ "$2" = check ]; then cat {tmp_path}/unmet >&2; exit 1; fi\n'
            f'printf "%s\\n" "$UV_EXCLUDE_NEWER" "$@" > {notes}\n'
            'for i in "$@"; do [ -f "$i" ] && cat "$i" >> '
            f"{notes}; done; exit 0\n"
        )
        for path, content in ((python, "#!/bin/bash\n"), (tmp_path / "uv", uv)):
            path.write_text(content)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        command = [INSTALL, tmp_path / "venv", *arguments]
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"} | lane
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        return done, notes.read_text().splitlines() if notes.exists() else []

    return run


MEANT = [("widgetsnbextension", "notebook>=4.4.1"), ("tfx", "tensorflow>=2.16.0,<2.17")]


def test_tensorflow_of_the_lock_comes_without_cuda_or_with_it(install):
    version = LOCK["tensorflow"]
    done, asked = install("cpu", "kfp,examples", "boto3==1.37.13", unmet=MEANT)
    assert done.returncode == 0, done.stderr
    assert {f"tensorflow-cpu=={version}", "--extra=kfp", "--extra=examples", "boto3==1.37.13"} <= set(asked)
    assert {'notebook ; python_version < "3"', 'tensorflow ; python_version < "3"'} <= set(asked)
    done, asked = install("gpu", "", unmet=MEANT[:1])
    assert done.returncode == 0, done.stderr
    assert f"tensorflow[and-cuda]=={version}" in asked
    assert 'tensorflow ; python_version < "3"' not in asked
    assert not [argument for argument in asked if argument.startswith("--extra")]


@pytest.mark.parametrize(
    ("accelerator", "unmet"),
    [
        ("cpu", ("jupyter-server", "anyio>=3.1.0")),
        ("cpu", ("jupyterlab", "notebook-shim>=0.2")),
        ("cpu", ("tfx", "tensorflow-transform>=1.16")),
        ("gpu", ("tfx", "tensorflow>=2.16.0,<2.17")),
    ],
)
def test_a_requirement_that_is_not_left_out_on_purpose_stops_the_build(install, accelerator, unmet):
    done, _ = install(accelerator, "kfp", unmet=[*MEANT[:1], unmet])
    assert done.returncode == 1
    assert f"`{unmet[0]}`" in done.stderr
    assert "widgetsnbextension" not in done.stderr


def test_an_unknown_accelerator_is_refused(install):
    done, asked = install("tpu", "kfp")
    assert (done.returncode, asked) == (2, [])
    assert "Allowed: cpu, gpu" in done.stderr


def test_image_of_the_newest_lane_has_its_versions_and_packages_of_its_date(install):
    newest = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements/newest.txt").read_text(), re.MULTILINE))
    done, asked = install("cpu", "kfp", unmet=MEANT, LANE="newest")
    assert done.returncode == 0, done.stderr
    assert f"tensorflow-cpu=={newest['tensorflow']}" in asked
    dates = [install("cpu", "kfp", unmet=MEANT, LANE=lane)[1][0] for lane in ("default", "newest")]
    assert dates == ["2025-03-15", "2026-11-01"]


def test_an_unknown_lane_is_refused(install):
    done, asked = install("cpu", "kfp", LANE="oldest")
    assert (done.returncode, asked) == (1, [])
    assert "Allowed: default, newest" in done.stderr
