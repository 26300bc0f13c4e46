from pathlib import Path

from ulmfit_tfx.schemas.config.config_reference import render


def test_page_in_docs_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "configuration.md"
    assert page.read_text() == render(), "run `make docs`"
