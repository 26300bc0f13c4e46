"""The distribution: what it holds, how it imports, which way imports flow."""

import ast
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from wheel_environment import make_environment

from ulmfit_tfx.schemas.code_version import IMPORT_ORDER

ROOT = Path(__file__).parents[1]
FOLDERS = (*IMPORT_ORDER, "package")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
DATA = [
    *sorted((ROOT / "components").rglob("*.j2")),
    *(ROOT / "schemas" / "tfdv").glob("*.pbtxt"),
    ROOT / "schemas" / "serving_ops.tsv",
    *(ROOT / "transforms" / "stages" / "abbreviations").glob("*.txt"),
]


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_flow_one_way_and_are_never_bare(path):
    folder = path.relative_to(ROOT).parts[0]
    allowed = IMPORT_ORDER[: IMPORT_ORDER.index(folder) + 1] if folder in IMPORT_ORDER else ()
    for name in imported_modules(path):
        first, *rest = name.split(".")
        assert first not in FOLDERS, f"bare import of {name}"
        if first == "ulmfit_tfx" and rest and rest[0] in IMPORT_ORDER:
            assert rest[0] in allowed, f"{folder} imports {name}"


def test_nothing_uses_tf_keras_or_module_files():
    for path in SOURCES:
        assert not re.search(r"\btf\.keras\b|module_file=", path.read_text()), path


def test_layers_and_artifact_types_are_not_registered_in_reloaded_modules():
    for path in [*(ROOT / "trainer_modules").glob("*.py"), *(ROOT / "transforms" / "preprocessing").glob("*.py")]:
        assert "register_keras_serializable" not in path.read_text(), path


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def test_wheel_holds_every_module_under_one_name_and_no_other(distributions):
    names = [name for name in zipfile.ZipFile(distributions[0]).namelist() if ".dist-info/" not in name]
    assert all(name.startswith("ulmfit_tfx/") for name in names)
    expected = {
        "ulmfit_tfx/" + str(path.relative_to(ROOT)).removeprefix("package/")
        for path in [*SOURCES, ROOT / "package" / "py.typed", *DATA]
    }
    assert expected == set(names)


def test_sdist_builds_the_same_wheel(distributions, tmp_path):
    wheel, sdist = distributions
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (again,) = tmp_path.glob("*.whl")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("inside", [True, False], ids=["inside the checkout", "outside it"])
def test_installed_wheel_runs_wherever_the_current_folder_is(distributions, tmp_path, inside):
    """In an environment that sees the dependencies of this one, but has the wheel in place of the checkout."""
    wheel, _ = distributions
    python, site = make_environment(tmp_path / "venv", wheel)
    script = (
        "import ulmfit_tfx, importlib, pathlib\n"
        "from ulmfit_tfx.schemas.code_version import IMPORT_ORDER, code_version\n"
        "for name in IMPORT_ORDER: importlib.import_module('ulmfit_tfx.' + name)\n"
        "import ulmfit_tfx.components.corpus_ingest.component\n"
        "assert code_version('pipeline')\n"
        "print(ulmfit_tfx.__file__)\n"
    )
    cwd = ROOT if inside else tmp_path
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().startswith(str(site))
    command = subprocess.run(
        [python, "-m", "ulmfit_tfx.pipeline", "--version"], capture_output=True, text=True, cwd=cwd
    )
    assert command.stdout.strip() == importlib_version()


def importlib_version() -> str:
    import ulmfit_tfx

    return ulmfit_tfx.__version__
