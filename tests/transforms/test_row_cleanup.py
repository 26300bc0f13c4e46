import pytest

from ulmfit_tfx.schemas.config.sources.corpus_cleanup import RowCleanupConfig, TextCleanupConfig
from ulmfit_tfx.transforms.corpus_cleanup.row_cleanup import cleaned_up
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.record import Row

ENGLISH, POLISH = "The weather was fine all day long.", "Przez cały dzień była piękna pogoda."


def test_row_passes_unchanged_where_nothing_is_configured():
    row = Row("<b>Any</b> text", label="good")
    assert list(cleaned_up(row, RowCleanupConfig())) == list(cleaned_up(row, TextCleanupConfig())) == [row]


def test_sentences_keep_what_else_the_row_has():
    row = Row("It rained. It stopped.", key="book", split="test")
    assert list(cleaned_up(row, TextCleanupConfig(sentences="en"))) == [
        Row("It rained.", key="book", split="test"),
        Row("It stopped.", key="book", split="test"),
    ]


@pytest.mark.parametrize(
    ("text", "cleanup", "rule"),
    [
        ("one two", {"min_words": 3}, "fewer than 3 words"),
        ("one two three four", {"max_words": 3}, "more than 3 words"),
        (POLISH, {"languages": ["en"]}, "in another language"),
        ("<br/>", {"strip_html": True}, "empty after clean-up"),
        ("= A heading =", {"strip_wiki": True}, "empty after clean-up"),
        ("<i></i>", {"strip_html": True, "sentences": "en"}, "empty after clean-up"),
    ],
)
def test_rule_that_drops_a_row_is_named(text, cleanup, rule):
    assert list(cleaned_up(Row(text), TextCleanupConfig(**cleanup))) == [Drop(rule)]


def test_row_within_all_bounds_stays():
    config = RowCleanupConfig(min_words=7, max_words=7, languages=["en", "pl"])
    assert list(cleaned_up(Row(ENGLISH), config)) == [Row(ENGLISH)]


def test_text_too_short_to_tell_its_language_stays():
    assert list(cleaned_up(Row("123"), RowCleanupConfig(languages=["en"]))) == [Row("123")]
