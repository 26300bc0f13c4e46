"""The sources: which way imports flow, and what is not to be in them."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IMPORT_ORDER = ("schemas", "transforms", "trainer_modules", "evaluation", "tasks", "components", "pipeline")
FOLDERS = (*IMPORT_ORDER, "package")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


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
    order = (*IMPORT_ORDER, "package")
    allowed = order[: order.index(folder) + 1]
    for name in imported_modules(path):
        first, *rest = name.split(".")
        assert first not in FOLDERS, f"bare import of {name}"
        if first == "ulmfit_tfx" and rest and rest[0] in IMPORT_ORDER:
            assert rest[0] in allowed, f"{folder} imports {name}"


def folder_of(path: Path) -> str:
    """The folder of a module. `__init__.py` and `__main__.py` gather what is in folders, and stand above them."""
    module = path.relative_to(ROOT)
    return str(module if module.stem in ("__init__", "__main__") else module.parent)


def module_file(name: str) -> Path | None:
    """The file of a module of ours; None of a name in one, or of a module of others."""
    parts = name.split(".")[1:] if name.startswith("ulmfit_tfx.") else []
    path = ROOT.joinpath(*parts)
    candidates = (path.with_suffix(".py"), path / "__init__.py") if parts else ()
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def test_no_folders_import_each_other():
    """Not two, nor several in a circle."""
    imports: dict[str, set[str]] = {}
    for path in SOURCES:
        names = imported_modules(path)
        packages = {
            name.rpartition(".")[0] for name in names if module_file(name)
        }  # of which only a module is imported
        files = {file for name in names - packages if (file := module_file(name)) and file.parent != path.parent}
        imports.setdefault(folder_of(path), set()).update(map(folder_of, files))
    graphlib.TopologicalSorter(imports).prepare()


@pytest.mark.parametrize(
    "folder", sorted(path.name for path in (ROOT / "components").iterdir() if (path / "__init__.py").is_file())
)
def test_a_component_imports_no_other_ones_inside(folder):
    """What several components share stands in `components/` itself, in `components/reports/` or in a room before it."""
    shared = {folder, "reports"} if folder != "reports" else {folder}
    for path in (ROOT / "components" / folder).rglob("*.py"):
        for name in imported_modules(path):
            _, _, below = name.partition("ulmfit_tfx.components.")
            first = below.partition(".")[0]
            assert not first or first in shared or not (ROOT / "components" / first).is_dir(), f"{path} imports {name}"


TASK_NAMES = {"classification", "regression", "tagging", "language_model"}
SECTION = {"language_model"}
NAMED = {
    "schemas/component_specs.py": SECTION,
    "schemas/config/pipeline.py": SECTION,
    "components/run_settings.py": SECTION,
    "components/model_packager/description.py": SECTION,
    "trainer_modules/models/language_model.py": {"language_model"},
    "trainer_modules/serving/model_info.py": {"language_model"},
}
"""A language model is a section and a stage in the pipelines of other tasks as well, and a Keras model; and importing
one writes a SavedModel that names it."""


def test_tasks_are_named_in_their_folders_alone():
    """All else asks the task's object, so that a new task is a folder and a line in the table."""
    for path in SOURCES:
        module = path.relative_to(ROOT)
        constants = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        if module.parts[0] != "tasks":
            named = {constant for constant in constants if constant in TASK_NAMES} - NAMED.get(str(module), set())
            assert not named, f"{path} names {named}"


def test_nothing_uses_tf_keras_or_module_files():
    for path in SOURCES:
        assert not re.search(r"\btf\.keras\b|module_file=", path.read_text()), path


def test_layers_and_artifact_types_are_not_registered_in_reloaded_modules():
    for path in [*(ROOT / "tasks").glob("*/trainer.py"), *(ROOT / "tasks").glob("*/preprocessing.py")]:
        assert "register_keras_serializable" not in path.read_text(), path


def test_whole_run_has_every_test_once():
    groups = re.search(r'^whole="\n(.*?)"', (ROOT / "tests" / "run.sh").read_text(), re.DOTALL | re.MULTILINE)[1]
    words = [line.split()[1:] for line in groups.splitlines()]
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = str(path.relative_to(ROOT))
        found = [named for line in words for named in line if name == named or name.startswith(f"{named}/")]
        ignored = [named for line in words if "--ignore" in line for named in line[line.index("--ignore") + 1 :]]
        assert len(found) == 1 + (name in ignored) * 2, (name, found)
