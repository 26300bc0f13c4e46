import re
import time
from pathlib import Path

import mwparserfromhell
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.transforms.markup.wiki_markup import strip_wiki

WIKITEXT = Path(__file__).parents[3] / "shared" / "data" / "wikitext2" / "valid.txt"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("No markup, 3 < 5 and <unk>.", "No markup, 3 < 5 and <unk>."),
        ("A [[poet]], [[Paris|city]], [[dog]]s, [[ a b ]].", "A poet, city, dogs, a b."),
        ("See [[:Category:Poets]] and [[w:Ada|Ada]].", "See Category:Poets and Ada."),
        ("[http://a.b/c a site], [http://a.b], [//a.b so], [mailto:a@b us].", "a site, so, us."),
        ("At http://a.b/c now.", "At http://a.b/c now."),
        ("1&nbsp;km &ndash; R&amp;D &amp;lt; &#233;", "1 km \u2013 R&D &lt; é"),
        ("H<sub>2</sub>O, 10<sup>5</sup>, 10<sup>-5</sup>, 4<sup>th</sup>", "H2O, 10^5, 10^-5, 4th"),
        ("<nowiki>[[a]] ''b'' {{c}}</nowiki>", "[[a]] ''b'' {{c}}"),
        ("a<ref name='x'/> b<ref>c</ref> d", "a b d"),
        ("[[[a]]] {{{1|}}}b", "[a] b"),
        ("one<br/>two<br>three", "one\ntwo\nthree"),
        ("<poem>one\ntwo</poem>", "one\ntwo"),
        ("First.\n\n\n\nSecond.\nThird.", "First.\nSecond.\nThird."),
        ("* one\n** two\n# three\n: four\n;term\n:*five", "one\ntwo\nthree\nfour\nterm\nfive"),
        ("__TOC__Text __NOTOC__ a__b__c", "Text a__b__c"),
    ],
)
def test_text_stays_and_its_markup_goes(markup, text):
    assert strip_wiki(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("''it'' '''bold''' '''''both'''''", "it bold both"),
        ("d'''Art''", "d'Art"),
        ("''''quoted'''", "'quoted"),
        ("'tis 'so'", "'tis 'so'"),
        ("'''L'''''Île''", "LÎle"),
        ("''open", "open"),
        ("la'''x'' l'''y '''z", "lax l'y z"),
        ("x '''a'' l'''b'''c", "x a l'bc"),
    ],
)
def test_apostrophes_are_told_from_those_of_style(markup, text):
    assert strip_wiki(markup) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "== Heading ==",
        "=Heading=",
        " = = Heading = = ",
        "== Heading == <!-- comment -->",
        "----",
        "[[File:A.jpg|thumb|A [[cat]] and {{lang|fr|chat}}]]",
        "[[Plik:A.JPG|mały|Podpis]]",
        "[[Unknown:A.svg|100px|caption]]",
        "[[image: a_b.png]]",
        "[[Category:Cats|Sort]]",
        "[[Kategoria:Koty]]",
        "[[de:Katze]]",
        "[[zh-min-nan:X]]",
        "{{Infobox\n| name = Ada\n| image = [[File:A.jpg]]\n}}",
        "{{Main|Other}}",
        "{{{parameter|default}}}",
        "* {{cite book|title=T|author={{a|b}}}}",
        "{|\n! Head\n|-\n| a || b\nwords\n{|\n| inner\n|}\nwords\n|}",
        "<!-- comment\nof lines -->",
        "<ref>A [[book]]</ref>",
        "<ref name='a' />",
        "<REF name=a>x</Ref >",
        "<references><ref>x</ref></references>",
        "<math>x < [[y]]</math>",
        "<code>[[a]]</code>",
        "<syntaxhighlight lang='c'>a {{b}}</syntaxhighlight>",
        "<gallery>\nA.jpg|words\n</gallery>",
        "<timeline>\nx\n</timeline>",
        "<pre>\nx\n</pre>",
        "__BEZ_SPISU__",
    ],
)
def test_what_is_no_text_goes_with_its_line(hidden):
    assert strip_wiki(f"Before.\n{hidden}\nAfter.") == "Before.\nAfter."


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Ada ({{IPAc-en|a}}; {{lang|el|Άντα}}, {{IPA-el|a}}) wrote.", "Ada (Άντα) wrote."),
        ("Ada ({{IPAc-en|a}}) wrote {{cn}}.", "Ada wrote."),
        ("Ada (Greek: {{IPA-el|a}}; 1815)", "Ada (Greek; 1815)"),
        ("as <math>x</math>, and", "as, and"),
        ("so{{sfn|A|p=1}} it is", "so it is"),
        ("a {{x}} b", "a b"),
        ("a{{x}}b", "ab"),
        ("* {{x}}, {{y}}. Then", "Then"),
        ("a{{angbr|{{x}}}} b", "a b"),
    ],
)
def test_a_gap_takes_its_signs_with_it(markup, text):
    assert strip_wiki(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("{{lang|fr|mot}} {{Lang-fr|mot}} {{transl|ar|a}}", "mot mot a"),
        (
            "{{convert|5|km|mi}}, {{convert|1|-|2|and(-)|3|C}}, {{cvt|6|ft|2|in|m}}",
            "5 km, 1\u20132 and 3 °C, 6 ft 2 in",
        ),
        ("{{nowrap|''a'' [[b|c]] {{small|d}}}}", "a c d"),
        ("{{nowrap|1=a=b}} {{nowrap|a=b}}.", "a=b."),
        ("{{frac|1|2}} {{frac|3}} {{sfrac|1|2|3}}", "1/2 1/3 1 2/3"),
        ("{{circa|1900}} {{as of|2014|lc=y}} {{HMS|Ajax|22}}", "c. 1900 as of 2014 HMS Ajax"),
        ("a{{snd}}b{{nbsp}}c{{'s}} {{formatnum:1200}} {{ill|de|Name}}", "a \u2013 b c's 1200 Name"),
        ("Said:{{quote|text=To be|source=W. S.}}", "Said:\nTo be"),
        ("{{lang|fr}} {{lang|{{x}}}}.", "fr."),
    ],
)
def test_templates_that_stand_for_words_leave_them(markup, text):
    assert strip_wiki(markup) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("a {{ b [[c]] d", "a b c d"),
        ("a }} b ]] c", "a b c"),
        ("[[a [[b]] c", "a b c"),
        ("[[a\nb|c]]", "a\nb|c"),
        ("x [[Paris|city {{ b]] y", "x city b y"),
        ("a <ref>b c", "a b c"),
        ("a <!-- b c", "a b c"),
        ("a </ref> b </div>", "a b"),
        ("Before.\n{| class=x\n| cell\n! head\nAfter.", "Before.\nAfter."),
        ("Before.\n|}\n|-\nAfter!", "Before.\nAfter!"),
        ("Not a table:\n!Important", "Not a table:\n!Important"),
    ],
)
def test_what_is_not_closed_loses_its_markup_alone(markup, text):
    assert strip_wiki(markup) == text


def test_namespaces_of_a_wiki_can_be_named():
    assert strip_wiki("[[Файлы:A|x]] a", {"файлы"}) == "a"


def test_deep_nesting_loses_its_brackets():
    nested = "[[a|" * 50_000 + "word" + "]]" * 50_000
    assert set(re.findall(r"\w+", strip_wiki(nested))) == {"a", "word"}
    assert strip_wiki("{{nowrap|" * 50_000 + "word" + "}}" * 50_000) == ""


_WORDS = st.text(st.sampled_from("abc żó,."), min_size=1, max_size=6)


def _nested(inside):
    return st.one_of(
        st.lists(inside, min_size=1, max_size=3).map("".join),
        st.tuples(_WORDS, inside).map(lambda link: f"[[{link[0]}|{link[1]}]]"),
        inside.map(lambda word: f"{{{{nowrap|{word}}}}}"),
        st.tuples(_WORDS, inside).map(lambda template: f"{{{{lang|{template[0]}|{template[1]}}}}}"),
        st.tuples(inside, _WORDS).map(lambda template: f"{{{{abbr|{template[0]}|{template[1]}|class=x}}}}"),
        st.tuples(_WORDS, inside).map(lambda template: f"{{{{unknown {template[0]}|{template[1]}}}}}"),
    )


def _as_upstream_reads(code) -> str:
    """Text of a markup by the nodes that mwparserfromhell finds."""
    text = ""
    for node in code.nodes:
        if isinstance(node, mwparserfromhell.nodes.Wikilink):
            text += _as_upstream_reads(node.text)
        elif isinstance(node, mwparserfromhell.nodes.Template):
            position = {"nowrap": 1, "abbr": 1, "lang": 2}.get(str(node.name))
            text += "" if position is None else _as_upstream_reads(node.get(position).value)
        else:
            text += str(node)
    return text


@given(st.recursive(_WORDS, _nested, max_leaves=6))
def test_nested_templates_and_links_are_read_as_the_upstream_parser_does(markup):
    markup = "x" + markup
    letters = re.findall(r"\w", _as_upstream_reads(mwparserfromhell.parse(markup)))
    assert re.findall(r"\w", strip_wiki(markup)) == letters


_MARKS = "{{ }} [[ ]] | = '' ''' <ref> </ref> <!-- --> * a &amp; {{lang|a| [[File: http://a".split(" ")


@given(st.lists(st.sampled_from([*_MARKS, " ", "\n"]), max_size=60).map("".join))
def test_no_double_brackets_tags_or_empty_lines_are_left_of_any_text(markup):
    assert not re.search(r"\{\{|\}\}|\[\[|\]\]|</?ref>|<!--|\n\n|  |\ufdd0", strip_wiki(markup))


@pytest.mark.parametrize(
    "piece",
    [
        *("{{", "[[", "{{{", "{|\n", "<ref>", "<div ", "<!--", "[http://a ", "[[a|", "{{a|", "{{lang|en|", "<nowiki>"),
        *(
            "[[a]]",
            "{{a}} ",
            "{{nowrap|=}}",
            "''a\n",
            "\n* ",
            "'''a ''b ",
            "({{a}}",
            "&amp",
            "__A",
            "\ufdd0 ",
            "<math>",
        ),
    ],
)
def test_time_is_in_proportion_to_the_length(piece):
    text = piece * (300_000 // len(piece))
    start = time.process_time()
    strip_wiki(text)
    # It takes half a second at most. Where time grows with the square of the length, it takes a minute.
    assert time.process_time() - start < 5


@pytest.mark.skipif(not WIKITEXT.exists(), reason="WikiText-2 is not there")
def test_of_wikitext_headings_go_and_signs_are_joined():
    for line in WIKITEXT.read_text().splitlines():
        is_heading = line.startswith(" = ") and line.endswith(" = ")
        words = re.sub(" @(.)@ ", r"\1", line).split()
        assert strip_wiki(line).split() == ([] if is_heading else words)
