"""The table of errors can be read back, whatever texts hold."""

import ast
import csv
import doctest
import io
import re

from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.components.evaluation_report import tsv
from ulmfit_tfx.components.evaluation_report.tsv import to_tsv

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def unescaped(value):
    return re.sub(r"\\(x..|u....|.)", lambda found: ast.literal_eval(f'"{found[0]}"'), value)


@given(st.lists(st.fixed_dictionaries({"text": TEXTS, "label": TEXTS})))
def test_csv_reads_back_what_was_written(records):
    found = csv.DictReader(io.StringIO(to_tsv(records, ["text", "label"]), newline=""), dialect="excel-tab")
    assert [{name: unescaped(value) for name, value in record.items()} for record in found] == records


@given(st.lists(st.fixed_dictionaries({"text": TEXTS, "label": TEXTS})))
def test_a_record_is_a_line_with_a_tab_between_its_values(records):
    lines = to_tsv(records, ["text", "label"]).splitlines()
    assert [line.count("\t") for line in lines] == [1] * (len(records) + 1)


def test_examples_in_docstrings_hold():
    found = doctest.testmod(tsv)
    assert found.attempted > 0
    assert found.failed == 0
