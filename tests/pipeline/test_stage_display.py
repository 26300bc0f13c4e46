import io

import pytest
from rich.console import Console

from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.pipeline.stage_display import StageDisplay


@pytest.mark.parametrize(("alike", "is_warned"), [(10, False), (3, True)])
def test_end_of_an_ingestion_warns_of_words_that_serving_cuts_otherwise(alike, is_warned):
    console = Console(file=io.StringIO(), width=1000)
    recut = {"punctuation": alike, "whitespace": 0}
    accounting = Accounting({"train": 10}, {}, {}, {}, rows_in=10, recut=recut, served_cut="punctuation")
    StageDisplay(console).show_end(1.0, False, accounting.to_json())
    shown = console.file.getvalue()
    assert "10 rows in = 10 train" in shown
    assert ("Only 3 of 10 sentences (30.0 %)" in shown) == is_warned
