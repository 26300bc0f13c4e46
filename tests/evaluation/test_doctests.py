import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["blocks", "catalogue", "charts"])
def test_examples_in_docstrings_hold(module):
    found = doctest.testmod(importlib.import_module(f"ulmfit_tfx.evaluation.{module}"))
    assert found.attempted > 0
    assert found.failed == 0
