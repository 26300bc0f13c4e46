"""Code that a configuration names by import path."""

import sys

import pytest
from pydantic import ValidationError

from ulmfit_tfx.schemas.config.user_code import ComponentConfig, MetricConfig, TrainerConfig
from ulmfit_tfx.schemas.user_code import beside, imported


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose modules can be imported, and are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    beside(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def complaint(path):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        imported(path)
    return str(error.value)


def test_path_leads_to_what_a_module_in_the_folder_defines(folder):
    (folder / "my_code").mkdir()
    (folder / "my_code" / "training.py").write_text("def run_fn(fn_args):\n    return 1\n")
    assert imported("my_code.training.run_fn")(None) == 1


def test_module_that_was_edited_is_read_again_and_one_that_was_not_is_not(folder):
    (folder / "edited.py").write_text("x = 1\nmade = object()\n")
    assert imported("edited.x") == 1
    made = imported("edited.made")
    assert imported("edited.made") is made
    (folder / "edited.py").write_text("x = 2222\n")
    assert imported("edited.x") == 2222


@pytest.mark.parametrize("path", ["run_fn", "my-code.run_fn", "a..b", "a.b.", ".a.b", "a.b c", "../a.b"])
def test_what_is_no_import_path_is_refused(path):
    assert complaint(path) == "is no import path, such as my_package.my_module.run_fn"


def test_modules_and_names_that_are_not_there_are_named(folder):
    (folder / "there.py").write_text("def run_fn(): ...\n")
    assert "there is no module nowhere" in complaint("nowhere.run_fn")
    assert "there is no module there.deep" in complaint("there.deep.run_fn")
    expected = f"leads nowhere: module there ({folder / 'there.py'}) has no run_fm. Did you mean there.run_fn?"
    assert complaint("there.run_fm") == expected


def test_failure_of_the_import_itself_is_told_apart(folder):
    (folder / "needs.py").write_text("import a_package_that_is_not_installed\n")
    (folder / "broken.py").write_text("def run_fn(:\n")
    (folder / "raises.py").write_text("raise KeyError('x')\n")
    assert complaint("needs.run_fn") == "cannot be imported: No module named 'a_package_that_is_not_installed'"
    assert complaint("broken.run_fn").startswith("cannot be imported: SyntaxError: invalid syntax")
    assert complaint("raises.run_fn") == "cannot be imported: KeyError: 'x'"


def test_folder_comes_after_where_python_looks_anyway(folder):
    (folder / "json.py").write_text("loads = None\n")
    assert imported("json.loads") is not None


def said(section, **values):
    with pytest.raises(ValidationError) as error:
        section(**values)
    return "; ".join(problem["msg"] for problem in error.value.errors())


def test_what_is_named_has_to_be_of_its_kind(folder):
    (folder / "kinds.py").write_text("number = 1\nclass Plain: ...\n")
    assert "is no function" in said(TrainerConfig, run_fn="kinds.number")
    of_a_component = {"after": "CorpusIngest"}
    assert "is no TFX component" in said(ComponentConfig, **{"class": "kinds.Plain"}, **of_a_component)
    assert "is no TFX component" in said(ComponentConfig, **{"class": "kinds.number"}, **of_a_component)
    assert "is no metric" in said(MetricConfig, **{"class": "kinds.Plain"})


def test_sections_are_read_again_from_what_they_dump():
    values = {
        "class": "tfx.components.Transform",
        "after": "CorpusIngest",
        "inputs": {"examples": "CorpusIngest.examples"},
    }
    section = ComponentConfig.model_validate(values)
    assert section.class_ == "tfx.components.Transform"
    assert ComponentConfig.model_validate(section.model_dump()) == section
    assert ComponentConfig.model_validate(section.model_dump(by_alias=True)) == section
    metric = MetricConfig.model_validate({"class": "tensorflow_model_analysis.metrics.ExampleCount", "at_least": 3})
    assert MetricConfig.model_validate(metric.model_dump()) == metric
