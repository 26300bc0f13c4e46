import html
import os
import re
import subprocess
import sys
import time
import unicodedata
from unittest import mock

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.components.infra_check.graph_checks import used_ops
from ulmfit_tfx.schemas import serving_ops
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.transforms.cleaning import clean
from ulmfit_tfx.transforms.markup import html_markup
from ulmfit_tfx.transforms.markup.html_patterns import DECODED

ALL = {name: True for name in CleaningConfig.model_fields}
# Of Unicode 3.2: what Python, the op and RE2 all know, however old or new they are.
CHARACTERS = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Cs")]
MARKS = [c for c in CHARACTERS if unicodedata.category(c).startswith("M")]
PUNCTUATION = [c for c in CHARACTERS if unicodedata.category(c).startswith("P")]
INSIDE_WORDS = ".,:'/_@&-\N{MIDDLE DOT}\N{RIGHT SINGLE QUOTATION MARK}\N{HYPHEN}\N{NON-BREAKING HYPHEN}"


def cleaned_bytes(text: bytes, **config) -> bytes:
    return clean(tf.constant([text]), CleaningConfig(**config))[0].numpy()


def cleaned(text: str, **config) -> str:
    return cleaned_bytes(text.encode(), **config).decode()


def texts_of(*pools: list[str] | str) -> st.SearchStrategy[str]:
    return st.text(st.one_of(map(st.sampled_from, pools)), max_size=30)  # no more combining marks than `nfkc` keeps


def separated(text: str) -> str:
    """Punctuation separated by the rule's words, a character at a time."""

    def is_mark(position: int) -> bool:
        return unicodedata.category(text[position]).startswith("P")

    def is_of_a_word(position: int) -> bool:
        return 0 <= position < len(text) and not text[position].isspace() and not is_mark(position)

    def stands_alone(position: int) -> bool:
        inside = text[position] in INSIDE_WORDS and is_of_a_word(position - 1) and is_of_a_word(position + 1)
        return is_mark(position) and not inside

    result = text[:1]
    for position in range(1, len(text)):
        pair = text[position - 1 : position + 1]
        if not any(map(str.isspace, pair)) and (stands_alone(position - 1) or stands_alone(position)):
            result += " "
        result += text[position]
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fine.<br /><br />Next", "Fine.  Next"),
        ('a <a href="x">li</a>nk', "a link"),
        ("<unk> is no tag, <s> and <I>others</I> are", "<unk> is no tag,  and others are"),
        ("<!-- <b>no</b> --><SCRIPT>x < y</script>so", "so"),
        ("Tom &amp; Jerry &quot;live&quot;", 'Tom & Jerry "live"'),
        ("3 < 5 and 7 > 2", "3 < 5 and 7 > 2"),
        ("&amp;lt;", "&lt;"),
        ("it&#39;s it&#039;s it&apos;s", "it's it's it's"),
    ],
)
def test_strip_html(text, expected):
    assert cleaned(text, strip_html=True) == expected


_NAMES = " ".join(
    [html_markup.HIDDEN, html_markup.LINES, html_markup.BREAKS, html_markup.CELLS, html_markup.INLINE]
).split()
_ATTRIBUTES = ["", " ", "\n", "/", " /", " href=x", ' title="5 > 3"', " title='5 > 3'", " title=don't", ' alt="it\'s"/']
_TAGS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["<", "</"]),
        st.sampled_from(
            [*_NAMES, *map(str.upper, _NAMES), "unk", "pad", "s", "x", "\u017fpan", "stri\u212ae", "doctype"]
        ),
        st.sampled_from(_ATTRIBUTES),
        st.sampled_from([">", ">", ">", ""]),
    ),
)
_HIDDEN_TAGS = st.sampled_from([f"{start}{name}>" for start in ("<", "</") for name in html_markup.HIDDEN.split()])
_SIGNS = st.sampled_from(
    [
        *"<>&\"'/!-;abĄ\n\x1c\x85\xa0\xad",
        *"<!-- --> <![CDATA[ ]]> <!DOCTYPE <?xml ?> <unk> <pad> <s> </s> a<b&&c>d &lt; &gt &amp; &quot &AMP;".split(),
        *"&nbsp; &#39; &#x27; &#0160; &#150; &rsquo; &hellip; &eacute; &#233; &copycat; &".split(),
    ]
)


def stripped_by_ingestion(text: str) -> str:
    """HTML as the corpus clean-up removes it, were the characters of no other entities known there."""
    character = html_markup._character

    def known(entity: re.Match[str]) -> str:
        return character(entity) if html.unescape(entity[0]) in DECODED else entity[0]

    with mock.patch.object(html_markup, "_character", known):
        return html_markup.strip_html(text)


@given(st.lists(st.one_of(_TAGS, _HIDDEN_TAGS, _SIGNS, st.characters(exclude_categories=["Cs"]))).map("".join))
@settings(max_examples=500)
def test_words_without_html_are_those_of_ingestion(text):
    assert cleaned(text, strip_html=True).split() == stripped_by_ingestion(text).split()


@pytest.mark.parametrize("character", DECODED)
def test_entities_that_the_graph_decodes(character):
    names = [f"&{name}" for name, value in html.entities.html5.items() if value == character and name.endswith(";")]
    numbers = [f"&#{ord(character)};", f"&#00{ord(character)};", f"&#x{ord(character):x};", f"&#X0{ord(character):X};"]
    for entity in names + numbers:
        assert cleaned(f"a{entity}b", strip_html=True) == html_markup.strip_html(f"a{entity}b")


@pytest.mark.parametrize("entity", ["&eacute;", "&#233;", "&shy;", "&zwj;", "&#0;", "&#32;"])
def test_rarer_entities_stay_in_the_graph_and_become_characters_in_ingestion(entity):
    assert cleaned(entity, strip_html=True) == entity
    assert html_markup.strip_html(entity) == html.unescape(entity).replace("\xad", "")


def test_white_space_stays_in_the_graph_and_makes_lines_in_ingestion():
    text = "<p>One\nline.</p>  <p>Another."
    assert cleaned(text, strip_html=True) == " One\nline.    Another."
    assert html_markup.strip_html(text) == "One line.\nAnother."


@given(st.text(st.characters(blacklist_categories=["Cs"]).filter(lambda c: c not in "<>&")))
def test_text_without_markup_stays(text):
    assert cleaned(text, strip_html=True) == text


@given(st.text('&<>"x '))
def test_escaped_text_comes_back(text):
    assert cleaned(html.escape(text, quote=True), strip_html=True) == text


def test_nfkc_of_each_character_is_that_of_python():
    texts = clean(tf.constant(CHARACTERS), CleaningConfig(nfkc=True)).numpy()
    assert [text.decode() for text in texts] == [unicodedata.normalize("NFKC", c) for c in CHARACTERS]


@given(texts_of(CHARACTERS, MARKS, "aeKÅｶﾞﾟ가각"))
def test_nfkc_is_that_of_python(text):
    assert cleaned(text, nfkc=True) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("mark", ["\u0301", "\N{HALFWIDTH KATAKANA VOICED SOUND MARK}"])
def test_nfkc_keeps_thirty_combining_marks_in_a_row(mark):
    assert cleaned("x" + 30 * mark, nfkc=True) == unicodedata.normalize("NFKC", "x" + 30 * mark)
    assert cleaned("x" + 31 * mark + "y", nfkc=True) == unicodedata.normalize("NFKC", "x" + 30 * mark + "y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what?", "what ?"),
        ("(see it)", "( see it )"),
        ("Wait... what?!", "Wait . . . what ? !"),
        ("don't, don\u2019t", "don't , don\u2019t"),
        ("3.14 and 1,000, at 12:30.", "3.14 and 1,000 , at 12:30 ."),
        ("a well-known and/or e.g. word(s)", "a well-known and/or e.g . word ( s )"),
        ("'quoted' not\u2014so", "' quoted ' not \u2014 so"),
        ("$5 + 5% < C++", "$5 + 5 % < C++"),
        ("a\n?\tb . c", "a\n?\tb . c"),
        (" spaced  out ", " spaced  out "),
    ],
)
def test_separate_punctuation(text, expected):
    assert cleaned(text, separate_punctuation=True) == expected


@pytest.mark.parametrize("mark", INSIDE_WORDS)
def test_some_marks_stay_inside_words(mark):
    text = f"a{mark}b {mark} 1{mark}2{mark}3"
    assert cleaned(text, separate_punctuation=True) == text
    assert cleaned(f"{mark}a{mark}", separate_punctuation=True) == f"{mark} a {mark}"


@given(texts_of(PUNCTUATION, INSIDE_WORDS, "a1 \n\N{NO-BREAK SPACE}", CHARACTERS))
def test_punctuation_is_separated_by_the_rule(text):
    assert cleaned(text, separate_punctuation=True) == separated(text)


@given(texts_of("ab.'-(?! ", CHARACTERS))
def test_separating_punctuation_again_changes_nothing(text):
    once = cleaned(text, separate_punctuation=True)
    assert cleaned(once, separate_punctuation=True) == once


def test_lower_case_knows_more_than_ascii():
    assert cleaned("ŻÓŁĆ Straße ΑΣ", lower_case=True) == "żółć straße ας"


@given(texts_of(CHARACTERS, "AİIJ̇"))
def test_lower_case_is_that_of_python(text):
    assert cleaned(text, lower_case=True) == text.lower().replace("\0", "\ufffd")


@pytest.mark.parametrize("locale", ["tr_TR.UTF-8", "lt_LT.UTF-8"])
def test_lower_case_does_not_depend_on_the_locale(locale):
    text = "TITLE İ I\u0307 I\u0300 J\u0300 Į\u0300 Ì Í Ĩ"
    code = (
        "import sys, tensorflow as tf\n"
        "from ulmfit_tfx.transforms.cleaning import lower_case\n"
        "sys.stdout.buffer.write(lower_case(tf.constant(sys.stdin.buffer.read())).numpy())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=text.encode(),
        env=os.environ | {"LC_ALL": locale},
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode() == text.lower()


def test_steps_follow_each_other():
    # Full-width brackets are no markup, full-width letters are lower-cased, and marks that NFKC makes are separated.
    assert cleaned("<p>\uff21&lt;\u2025</b>\uff1ci\uff1e", **ALL) == " a< . . <i>"


def test_nothing_is_done_unless_asked():
    assert cleaned("<b>\uff21?</b> &amp;") == "<b>\uff21?</b> &amp;"


@given(st.lists(st.one_of(st.binary(), texts_of("a<b>&amp;.?\uff21I ").map(str.encode))).map(b"".join))
def test_bytes_that_are_no_text_do_no_harm(text):
    cleaned_bytes(text, **ALL).decode()


def test_what_follows_bytes_that_are_no_text_is_cleaned():
    assert cleaned_bytes(b"\xff<b>\xc3 \xef\xbc\xa1?\x00B", **ALL).decode() == "\ufffd\ufffd a ? \ufffdb"


@pytest.mark.parametrize(
    "text",
    [
        *["a" + "\u0301\u0316" * 60_000, "ｶ" + "ﾞ\u0316" * 60_000, "." * 250_000, "<a" * 125_000, "<!--" * 60_000],
        *["<!--<script></script>" * 12_000, "<svg><b>--><style></style>" * 10_000, "&amp" * 60_000],
    ],
)
def test_time_is_bounded_whatever_the_text(text):
    cleaned("warm", **ALL)
    start = time.monotonic()
    cleaned(text, **ALL)
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("version", serving_ops.versions())
def test_tensorflow_serving_knows_the_ops(version):
    function = tf.function(lambda texts: clean(texts, CleaningConfig(**ALL)))
    graph = function.get_concrete_function(tf.TensorSpec([None], tf.string)).graph.as_graph_def()
    used = used_ops(graph)
    assert {"NormalizeUTF8", "StaticRegexReplace", "StringLower"} <= set(used)
    assert not serving_ops.unsupported_ops(used, version)
