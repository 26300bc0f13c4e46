import pytest

from ulmfit_tfx.schemas.corpus_cleanup_config import RowStagesConfig, TextStagesConfig
from ulmfit_tfx.transforms.corpus_cleanup.staging import staged
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.record import Row

ENGLISH, POLISH = "The weather was fine all day long.", "Przez cały dzień była piękna pogoda."


def test_row_passes_unchanged_where_no_stage_is_configured():
    row = Row("<b>Any</b> text", label="good")
    assert list(staged(row, RowStagesConfig())) == list(staged(row, TextStagesConfig())) == [row]


def test_sentences_keep_what_else_the_row_has():
    row = Row("It rained. It stopped.", key="book", split="test")
    assert list(staged(row, TextStagesConfig(sentences="en"))) == [
        Row("It rained.", key="book", split="test"),
        Row("It stopped.", key="book", split="test"),
    ]


@pytest.mark.parametrize(
    ("text", "stages", "rule"),
    [
        ("one two", {"min_words": 3}, "fewer than 3 words"),
        ("one two three four", {"max_words": 3}, "more than 3 words"),
        (POLISH, {"languages": ["en"]}, "in another language"),
        ("<br/>", {"strip_html": True}, "empty after clean-up"),
        ("= A heading =", {"strip_wiki": True}, "empty after clean-up"),
        ("<i></i>", {"strip_html": True, "sentences": "en"}, "empty after clean-up"),
    ],
)
def test_rule_that_drops_a_row_is_named(text, stages, rule):
    assert list(staged(Row(text), TextStagesConfig(**stages))) == [Drop(rule)]


def test_row_within_all_bounds_stays():
    stages = RowStagesConfig(min_words=7, max_words=7, languages=["en", "pl"])
    assert list(staged(Row(ENGLISH), stages)) == [Row(ENGLISH)]


def test_text_too_short_to_tell_its_language_stays():
    assert list(staged(Row("123"), RowStagesConfig(languages=["en"]))) == [Row("123")]
