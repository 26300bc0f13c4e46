import html
import time

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.transforms.markup.html_markup import strip_html


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No markup at all.",
        "3 < 5 and 7 > 2",
        "x<y and y>z, <unk> <3 </3 <user@example.com> a<-b",
        "R&D at AT&T, a && b, &c; &copycat; &#; &#xZ;",
        "  two  spaces\tand\n\na blank line, 3  < 5 ",
        "<![CDATA <!- x> <a",
    ],
)
def test_a_text_without_markup_comes_back_unchanged(text):
    assert strip_html(text) == text


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("<b>bo</b>ld <a href='x'>li</a>nk <SPAN CLASS=y>sp</SPAN>an", "bold link span"),
        ("Very good.<br /><br />Go<br>there.", "Very good.\nGo\nthere."),
        ("<p>One\nparagraph.</p>\n<p>Another.</p>", "One paragraph.\nAnother."),
        ("<ul><li>first<li>second</ul>", "first\nsecond"),
        ("<table><tr><td>1<td>2<tr><td>3</table>", "1 2\n3"),
        ("One line.\nNext <i>line</i>.\n\nThird.", "One line.\nNext line.\nThird."),
    ],
)
def test_tags_of_blocks_end_lines_those_of_cells_are_spaces_and_others_nothing(text, stripped):
    assert strip_html(text) == stripped


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- a <b>comment</b> -->",
        "<!-- one\nof two lines -->",
        "<!-->",
        "<script type='x'>if (a < b) { document.write('<p>no</p>') }</script>",
        "<STYLE>p > a { color: red }</Style >",
        "<![CDATA[ <data> ]]>",
        "<!Doctype html>",
        '<?xml version="1.0"?>',
        "<title>Page</title>",
    ],
)
def test_comments_scripts_styles_and_declarations_go_with_their_content(hidden):
    assert strip_html(f"Before{hidden} after.") == "Before after."


@pytest.mark.parametrize("opener", ["<!-- ", "<script>", "<![CDATA[", "<style>"])
def test_what_is_not_closed_takes_no_text_with_it(opener):
    assert strip_html(f"Before {opener}after <b>all</b>.") == "Before after all."


@pytest.mark.parametrize(
    ("entity", "character"),
    [
        ("&quot;", '"'),
        ("&amp;", "&"),
        ("&#233;", "é"),
        ("&#xE9;", "é"),
        ("&Eacute;", "É"),
        ("&hellip;", "…"),
        ("&amp;lt;", "&lt;"),
        ("&amp;amp;nbsp;", "&amp;nbsp;"),
        ("&lt;b&gt;", "<b>"),
        ("a&nbsp;b", "a b"),
        ("wo&shy;rd", "word"),
        ("&amp &lt &gt &quot", '& < > "'),
        ("&#0;", "\ufffd"),
        ("&#xD800;", "\ufffd"),
        ("&#9999999;", "\ufffd"),
    ],
)
def test_entities_become_their_characters_once(entity, character):
    assert strip_html(entity) == character
    assert strip_html(f"<i>{entity}</i>") == character


@pytest.mark.parametrize(
    "tag",
    ['<a title="5 > 3">', "<a title='5 > 3'>", '<img alt="it\'s">', "<a title=don't>", '<a title="a>', "<a\nhref=x\n>"],
)
def test_attributes_may_hold_what_looks_like_the_end_of_a_tag(tag):
    assert strip_html(f"be{tag}fore") == "before"


_WORDS = st.text(st.sampled_from("abcż<>&\"'; 12"), min_size=1, max_size=8)


def _element(name: str, attributes: dict[str, str], content: list[str]) -> str:
    written = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(content)}</{name}>"


_NODES = st.recursive(
    _WORDS.map(html.escape),
    lambda inside: st.tuples(
        st.sampled_from(["b", "i", "a", "span", "em", "code"]),
        st.dictionaries(st.sampled_from(["class", "title"]), _WORDS, max_size=2),
        st.lists(inside, max_size=3),
    ).map(lambda node: _element(*node)),
    max_leaves=10,
)


@given(st.lists(_NODES, min_size=1).map("".join))
def test_inline_markup_leaves_the_text_that_a_browser_shows(markup):
    shown = lxml.html.fragment_fromstring(markup, create_parent="div").text_content()
    assert strip_html(f"<b>{markup}</b>").split() == shown.split()


@given(st.text())
def test_escaping_a_text_is_undone(text):
    text = text.replace("\xa0", " ").replace("\xad", "")
    assert strip_html(html.escape(text)) == text


@given(st.text(st.sampled_from("<>/!-&;=\"' abip[]\n"), max_size=200))
def test_no_text_is_too_odd(text):
    assert len(strip_html(text)) <= len(text)


@pytest.mark.parametrize(
    "piece", ["<", "<a ", '<a "', "<a '", "<b>", "<!--", "<script>", "<![CDATA[", "&", "&#1", "<a <!"]
)
def test_time_is_in_proportion_to_the_length(piece):
    text = piece * (300_000 // len(piece))
    start = time.process_time()
    strip_html(text)
    # It takes a tenth of a second. Where time grows with the square of the length, it takes a minute.
    assert time.process_time() - start < 5
