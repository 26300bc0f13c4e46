import doctest
import importlib

import pytest

MODULES = ["columns", "data_files", "delimiters", "encodings", "loose_objects", "profiles", "proposal"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module):
    result = doctest.testmod(importlib.import_module(f"ulmfit_tfx.pipeline.tools.init.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
