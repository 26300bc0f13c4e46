import shutil

import pytest

import ulmfit_tfx
from ulmfit_tfx.schemas import code_version as module
from ulmfit_tfx.schemas.code_version import code_version, folder_of


@pytest.fixture
def copied_sources(tmp_path, monkeypatch):
    for name in module.IMPORT_ORDER:
        shutil.copytree(folder_of(name), tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "folder_of", lambda name: tmp_path / name)
    return tmp_path


def test_package_version_changes_it(monkeypatch):
    before = code_version("transforms")
    monkeypatch.setattr(ulmfit_tfx, "__version__", "99.0")
    assert code_version("transforms") != before
    assert code_version("transforms").startswith("99.0+")


def test_edited_code_changes_what_may_import_it_and_nothing_else(copied_sources):
    before = {name: code_version(name) for name in module.IMPORT_ORDER}
    with open(copied_sources / "trainer_modules" / "classifier.py", "a") as file:
        file.write("\n# edited\n")
    changed = {name for name in module.IMPORT_ORDER if code_version(name) != before[name]}
    assert changed == {"trainer_modules", "components", "pipeline"}
