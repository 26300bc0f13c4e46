import csv
import subprocess
import sys
import time
from pathlib import Path

import py3langid
import pytest
from hypothesis import given
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ulmfit_tfx.transforms.corpus_cleanup import languages
from ulmfit_tfx.transforms.corpus_cleanup.languages import UNDETERMINED, check_languages, language_of

PACKAGE = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
DATA = Path(__file__).parents[3] / "shared" / "data"
# One in a language, of some ten words.
TEXTS = {
    "de": "Der alte Lehrer wohnte seit vielen Jahren in einem kleinen Haus am Fluss.",
    "en": "The old teacher had lived for many years in a small house by the river.",
    "es": "El viejo maestro vivía desde hacía muchos años en una casa pequeña junto al río.",
    "fr": "Le vieux professeur vivait depuis des années dans une petite maison près de la rivière.",
    "ja": "その老教師は長年、川沿いの小さな家に住んでいた。",
    "pl": "Stary nauczyciel od wielu lat mieszkał w małym domu nad rzeką.",
    "uk": "Старий учитель багато років мешкав недалеко від широкої річки.",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_the_language_of_a_sentence_is_told(language, text):
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["", " \n", "123", "?!", "ok", "\0", "\N{GRINNING FACE}"])
def test_texts_without_evidence_are_of_no_language(text):
    assert language_of(text) == UNDETERMINED


@given(st.one_of(st.text(), st.lists(st.sampled_from(" ".join(TEXTS.values()).split()), max_size=6).map(" ".join)))
def test_the_language_is_the_one_that_the_package_thinks_likely(text):
    language, probability = PACKAGE.classify(text)
    if abs(probability - 0.5) > 1e-3:
        assert language_of(text) == (language if probability > 0.5 else UNDETERMINED)


def test_languages_that_the_package_is_restricted_to_do_not_matter():
    languages._identifier.cache_clear()
    py3langid.set_languages(["de", "fr"])
    try:
        assert language_of(TEXTS["pl"]) == "pl"
    finally:
        py3langid.set_languages()


def test_a_text_is_read_up_to_its_thousandth_character():
    english = TEXTS["en"].ljust(1000)
    assert language_of(english + 100 * TEXTS["pl"]) == "en"
    assert language_of(" " * 999 + TEXTS["en"]) == UNDETERMINED


@pytest.mark.filterwarnings("error")
def test_a_long_text_takes_no_longer_than_its_beginning():
    language_of("The model is read.")
    start = time.process_time()
    assert language_of("The same sentence. " * 500_000) == "en"
    assert time.process_time() - start < 0.5


def test_nothing_is_read_before_a_language_is_asked_for():
    code = (
        "from ulmfit_tfx.transforms.corpus_cleanup import languages\n"
        "assert languages._identifier.cache_info().misses == 0\n"
        "import sys; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_known_languages_pass():
    check_languages(["en", "pl"])
    check_languages([])


@pytest.mark.parametrize(
    ("code", "hint"),
    [("pol", "Did you mean pl"), ("EN", "Did you mean en"), ("xx", r"not known\. Known: "), (UNDETERMINED, "")],
)
def test_unknown_languages_are_named_with_near_ones(code, hint):
    with pytest.raises(ValueError, match=rf"^language '{code}' is not known\.") as error:
        check_languages(["en", code])
    assert error.match(hint)
    assert error.match("Known: af, am, .*, zu$")


@pytest.mark.skipif(not DATA.exists(), reason="needs the data that development has")
@pytest.mark.parametrize("language", ["en", "pl"])
def test_short_sentences(language):
    with (DATA / "stsb" / f"stsb-{language}-dev.csv").open(encoding="utf-8") as file:
        texts = [text for row in csv.reader(file) for text in row[:2]]
    told = [language_of(text) for text in texts]
    assert told.count(language) / len(texts) > 0.95
    assert sum(other not in (language, UNDETERMINED) for other in told) / len(texts) < 0.03
