import html

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config import CleaningConfig
from ulmfit_tfx.transforms.cleaning import clean


def cleaned(text: str, **config) -> str:
    return clean(tf.constant([text]), CleaningConfig(**config))[0].numpy().decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fine.<br /><br />Next", "Fine.  Next"),
        ('<a href="x">link</a>', " link "),
        ("Tom &amp; Jerry &quot;live&quot;", 'Tom & Jerry "live"'),
        ("3 < 5 and 7 > 2", "3 < 5 and 7 > 2"),
        ("&amp;lt;", "&lt;"),
        ("it&#39;s it&#039;s it&apos;s", "it's it's it's"),
    ],
)
def test_strip_html(text, expected):
    assert cleaned(text, strip_html=True) == expected


@given(st.text(st.characters(blacklist_categories=["Cs"]).filter(lambda c: c not in "<>&")))
def test_text_without_markup_stays(text):
    assert cleaned(text, strip_html=True) == text


@given(st.text('&<>"x '))
def test_escaped_text_comes_back(text):
    assert cleaned(html.escape(text, quote=True), strip_html=True) == text


def test_lower_case_knows_more_than_ascii():
    assert cleaned("ŻÓŁĆ Straße", lower_case=True) == "żółć straße"


def test_nothing_is_done_unless_asked():
    assert cleaned("<b>A</b> &amp;") == "<b>A</b> &amp;"
