"""What `import ulmfit_tfx` gives, and what it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ulmfit_tfx
import ulmfit_tfx as ut

HEAVY = ("tensorflow", "keras", "tfx", "pandas", "numpy", "pydantic", "apache_beam", "matplotlib", "sklearn", "rich")
PROBE = f"""
import sys, time
started = time.perf_counter()
import ulmfit_tfx as ut
seconds = time.perf_counter() - started
dir(ut), ut.__version__
print(seconds, *(name for name in {HEAVY} if name in sys.modules))
"""


def in_a_fresh_process(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout


def test_import_is_quick_and_loads_nothing_heavy():
    runs = [in_a_fresh_process(PROBE).split() for _ in range(3)]
    assert all(loaded == [] for _, *loaded in runs)
    assert min(float(seconds) for seconds, *_ in runs) < 0.1


@pytest.mark.parametrize("name", ["ConfigError", "PipelineConfig", "load_config", "load_encoder", "import_encoder"])
def test_names_of_data_and_functions_come_without_tensorflow(name):
    loaded = in_a_fresh_process(f"import sys, ulmfit_tfx as ut; ut.{name}; print('tensorflow' in sys.modules)")
    assert loaded.strip() == "False"


@pytest.mark.parametrize("name", ut.__all__)
def test_each_public_name_is_there_listed_and_documented(name):
    assert name in dir(ut)
    value = getattr(ut, name)
    assert name == "__version__" or value.__doc__.strip()
    assert getattr(ut, name) is value


def test_names_for_type_checkers_are_those_that_are_looked_up():
    tree = ast.parse(Path(ulmfit_tfx.__file__).read_text())
    [typed] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.asname: f"{node.module}.{alias.name}" for node in typed.body for alias in node.names}
    assert {*imported, "__version__"} == set(ut.__all__)
    looked_up = {
        name: f"ulmfit_tfx.{name if name == module else f'{module}.{name}'}" for name, module in ut._MODULES.items()
    }
    assert imported == looked_up


def test_other_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="ulmfit_tfx.*no_such_name"):
        ut.no_such_name  # noqa: B018
    with pytest.raises(ImportError, match="no_such_name"):
        from ulmfit_tfx import no_such_name  # noqa: F401


def test_star_import_gives_the_public_names():
    shown = in_a_fresh_process("from ulmfit_tfx import *; print(*sorted(globals()))").split()
    assert set(ut.__all__) <= set(shown)
