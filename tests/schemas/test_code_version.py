import ast
import re
from pathlib import Path

import pytest

import ulmfit_tfx
from ulmfit_tfx.schemas import code_version as module
from ulmfit_tfx.schemas.code_version import code_digests, code_version
from ulmfit_tfx.schemas.errors import UserError

ROOT = Path(__file__).parents[2]
FOLDERS = ("schemas", "transforms", "trainer_modules", "evaluation", "tasks", "components", "pipeline")
GRAPH = "ulmfit_tfx.pipeline.graph"
TRAINERS = [
    f"ulmfit_tfx.tasks.{task}.trainer" for task in ("classification", "regression", "tagging", "language_model")
]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes the modules of a user's package, by their paths below it."""
    monkeypatch.syspath_prepend(tmp_path)
    module._root.cache_clear()

    def write(**sources):
        for name, source in ({"__init__": ""} | sources).items():
            path = tmp_path / "own_package" / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(source)

    return write


def edit(path, before, after):
    content = path.read_text()
    assert before in content
    path.write_text(content.replace(before, after, 1))


def test_package_version_is_part_of_a_cache_key_and_of_no_digest(monkeypatch):
    version, digests = code_version(TRAINERS[0]), code_digests(TRAINERS[0])
    monkeypatch.setattr(ulmfit_tfx, "__version__", "99.0")
    assert code_version(TRAINERS[0]) == f"99.0+{version.rpartition('+')[2]}"
    assert code_digests(TRAINERS[0]) == digests
    assert "ulmfit_tfx" not in digests


def test_comments_docstrings_and_layout_are_no_edits(copied_sources):
    before = code_version(GRAPH, *TRAINERS)
    for path in copied_sources.rglob("*.py"):
        tree = ast.parse(path.read_text())
        lines = path.read_text().splitlines()
        documented = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)]
        for node in documented:
            if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
                line = node.body[0].lineno - 1
                lines[line] = lines[line].replace('"""', '"""Edited. ', 1)
        edited = re.sub(r"^(class|def) ", r"\n# Edited\n\n\1 ", "\n".join(lines), flags=re.MULTILINE)
        assert edited != path.read_text()
        path.write_text(edited)
    assert code_version(GRAPH, *TRAINERS) == before


def test_comment_in_the_configuration_of_kubeflow_changes_no_training(copied_sources):
    before = [code_digests(trainer) for trainer in TRAINERS]
    path = copied_sources / "schemas" / "config" / "kubeflow.py"
    path.write_text(f"# One comment\n{path.read_text()}# and another\n")
    assert [code_digests(trainer) for trainer in TRAINERS] == before


def test_edited_layer_changes_the_models_that_have_it_and_nothing_else(copied_sources):
    code = [*TRAINERS, "ulmfit_tfx.components.corpus_ingest.executor"]
    before = {name: code_digests(name) for name in code}
    edit(copied_sources / "trainer_modules" / "layers" / "crf.py", "return", "return 0 or")
    after = {name: code_digests(name) for name in code}
    assert {name for name in code if before[name] != after[name]} == {"ulmfit_tfx.tasks.tagging.trainer"}
    changed = before["ulmfit_tfx.tasks.tagging.trainer"].items() - after["ulmfit_tfx.tasks.tagging.trainer"].items()
    assert {name for name, _ in changed} == {"ulmfit_tfx.trainer_modules.layers.crf"}


def test_every_module_and_every_file_that_it_reads_are_told_apart(copied_sources):
    """A file that no module names would be edited without any effect."""
    paths = [path for folder in FOLDERS for path in (copied_sources / folder).rglob("*.py")]
    names = [".".join(("ulmfit_tfx", *path.relative_to(copied_sources).with_suffix("").parts)) for path in paths]
    digests = code_digests(*(name.removesuffix(".__init__") for name in names))
    data = [path for folder in FOLDERS for path in (copied_sources / folder).rglob("*.*") if path.suffix != ".py"]
    assert len(data) > 5
    assert len(digests) == len(paths) + len(data)
    for path in data:
        path.write_text(path.read_text() + "edited\n")
    after = code_digests(*digests.keys() - {name for name in digests if "/" in name})
    assert {name for name in digests if after[name] != digests[name]} == {name for name in digests if "/" in name}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_training_depends_on_no_other_task_and_on_no_later_room(trainer):
    task = trainer.split(".")[2]
    for name in code_digests(trainer):
        room, *rest = name.partition("/")[0].split(".")[1:]
        assert room in ("schemas", "transforms", "trainer_modules", "tasks"), name
        assert room != "tasks" or not rest or rest[0] == task, name


def test_sources_are_parsed_once_for_all_components(monkeypatch):
    code_version(GRAPH)
    parsed = []
    monkeypatch.setattr(module.ast, "parse", parsed.append)
    for trainer in TRAINERS:
        code_version(GRAPH, trainer)
    assert parsed == []


def test_users_code_leads_to_its_own_package_and_to_ours(written):
    written(
        component="import json, yaml, ulmfit_tfx\nfrom own_package.parts import count\n",
        parts="def count():\n    from . import words\n    return words.COUNT\n",
        words="from ulmfit_tfx.transforms.splitting import TRAIN\nfrom .numbers import one\nCOUNT = one.ONE\n",
        numbers__in__one="ONE = 1\n",
        unrelated="ONE = 2\n",
    )
    names = code_digests("own_package.component.Component")
    own = {name for name in names if name.startswith("own_package")}
    assert own == {"own_package", *(f"own_package.{name}" for name in ("component", "parts", "words", "numbers.one"))}
    assert "ulmfit_tfx.transforms.splitting" in names


def test_names_in_strings_are_followed_and_imports_for_type_checking_are_not(written):
    written(
        component=(
            "import typing\nfrom typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from own_package import types\n"
            "if typing.TYPE_CHECKING:\n    from own_package import types\n"
            "RUN_FN = 'own_package.trainer.run_fn'\nMODULE = 'own_package.metrics'\n"
            "TEXT = 'own_package.gone is no more'\n"
            "SCRIPT = 'script.py'\n"
        ),
        **dict.fromkeys(("trainer", "metrics", "types", "script", "gone"), ""),
    )
    expected = {"own_package", *(f"own_package.{name}" for name in ("component", "trainer", "metrics", "script"))}
    assert set(code_digests("own_package.component")) == expected


def test_package_counts_and_leads_on_only_where_it_is_imported_itself(written):
    written(
        __init__="from own_package.table import ROWS\n", table="ROWS = 2\n", a="", b="from own_package import ROWS\n"
    )
    assert set(code_digests("own_package.a")) == {"own_package", "own_package.a"}
    assert set(code_digests("own_package.b")) == {"own_package", "own_package.b", "own_package.table"}


@pytest.mark.parametrize(
    ("before", "after", "is_edit"),
    [
        ("x = 1", "x = 1.0", True),
        ("x = 1", "x = True", True),
        ("x = y", "x = 'y'", True),
        ("def f(x): return x", "def f(x, /): return x", True),
        ("from a import b", "from .a import b", True),
        ("def f():\n    pass", "def f():\n    '''Text.'''\n    pass", False),
        ("x: int = 1", "x: int = 1\n'''What it is.'''", False),
        ("x = (1 + 2)", "x = 1 + 2  # three", False),
        ("x = u'a'", 'x = "a"', False),
    ],
)
def test_edit_is_what_changes_the_syntax(written, before, after, is_edit):
    digests = []
    for source in (before, after):
        written(a=source)
        digests.append(code_digests("own_package.a")["own_package.a"])
    assert (digests[0] != digests[1]) == is_edit


def test_classes_and_functions_stand_for_their_modules():
    assert code_version(code_digests) == code_version(UserError, "ulmfit_tfx.schemas.code_version.code_version")


def test_what_is_left_out_takes_with_it_what_only_it_leads_to(written):
    written(a="from own_package import b, c\n", b="from own_package import d\n", c="", d="")
    assert set(code_digests("own_package.a", without=["own_package.b"])) == {
        f"own_package{x}" for x in ("", ".a", ".c")
    }


@pytest.mark.parametrize("path", ["no_such_package.module.run_fn", "ulmfit_tfx.tasks.no_such.trainer.run_fn", ""])
def test_code_without_a_source_is_named(path):
    with pytest.raises(UserError, match=f"^{path}: its source is not found"):
        code_version(path)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_training_leads_to_no_section_that_it_does_not_read(trainer):
    sections = "ulmfit_tfx.schemas.config"
    digests = code_digests(trainer)
    for name in ("kubeflow", "serving", "beam", "evaluation", "pipeline", "pretrained", "sources.source"):
        assert f"{sections}.{name}" not in digests, name
    assert f"{sections}.encoder" in digests
