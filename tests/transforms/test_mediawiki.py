import bz2
import importlib.util
import io
import itertools
import re
import tracemalloc
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.mediawiki import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row

SITE = """\
  <siteinfo>
    <sitename>Wiki</sitename>
    <namespaces>
      <namespace key="-1" case="first-letter">Specjalna</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Dyskusja</namespace>
      <namespace key="6" case="first-letter">Akta</namespace>
      <namespace key="14" case="first-letter">Zbiór</namespace>
    </namespaces>
  </siteinfo>
"""


def dump_of(*pages: str, site: str = "", version: str = "0.10") -> str:
    start = f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-{version}/" version="{version}" xml:lang="en">'
    return "\n".join([start, site, *pages, "</mediawiki>"])


def page_of(*texts: str, title: str = "Title", ns: str = "<ns>0</ns>", more: str = "", model: str = "") -> str:
    revisions = (
        f"<revision><id>{number}</id>{model}<comment>No [[text]].</comment>"
        f'<text xml:space="preserve">{escape(text)}</text></revision>'
        for number, text in enumerate(texts)
    )
    return f"<page>\n<title>{title}</title>{ns}<id>1</id>{more}\n{''.join(revisions)}</page>"


def records_of(content: str | bytes, **config) -> list:
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(parse(stream, "dump.xml", text_source(path="dump", format="mediawiki", **config)))


def error_of(content: str | bytes, **config) -> str:
    with pytest.raises(DataError) as error:
        records_of(content, **config)
    return str(error.value)


def test_the_text_of_an_article_is_its_wikitext_without_markup():
    dump = dump_of(page_of("{{Box}}\n'''Ada''' was a [[poet]]'s daughter. 3 < 5 &amp; so.\n\n== Life ==\nShort."))
    assert records_of(dump) == [Row("Ada was a poet's daughter. 3 < 5 & so.\nShort.")]


def test_the_text_is_that_of_the_last_revision():
    assert records_of(dump_of(page_of("First.", "Second."))) == [Row("Second.")]
    assert records_of(dump_of(page_of("First.", ""))) == [Drop("empty article")]


@pytest.mark.parametrize(
    ("page", "rule"),
    [
        (page_of("Text.", ns="<ns>1</ns>"), "not an article"),
        (page_of("Text.", ns="<ns>-2</ns>"), "not an article"),
        (page_of("#REDIRECT [[Other]]", more='<redirect title="Other" />'), "redirect"),
        (page_of("#PRZEKIERUJ [[Other]]"), "redirect"),
        (page_of("Text.", more="<redirect />"), "redirect"),
        (page_of("# REDIRECTS [[Other]] are lists here."), None),
        (page_of("{}", model="<model>wikibase-item</model>"), "not wikitext"),
        (page_of("Text.", model="<model>wikitext</model>"), None),
        (page_of("{{Box}}"), "empty article"),
        (page_of(), "empty article"),
    ],
)
def test_a_page_that_is_no_article_is_dropped_by_a_rule_with_a_name(page, rule):
    [record, last] = records_of(dump_of(page, page_of("Last.")))
    assert isinstance(record, Row) if rule is None else record == Drop(rule)
    assert last == Row("Last.")


@pytest.mark.parametrize(
    "dump",
    [
        dump_of(page_of("Text."), version="0.3"),
        dump_of(page_of("Text.", ns=""), version="0.5"),
        dump_of(page_of("Text."), site=SITE, version="0.11"),
        f"<mediawiki>{page_of('Text.')}</mediawiki>",
        dump_of(page_of("Text.")).replace("<", "<w:").replace("<w:/", "</w:").replace("xmlns=", "xmlns:w="),
        dump_of(
            page_of("Text.").replace("</revision>", "<content><role>x</role><text>No.</text></content></revision>")
        ),
        dump_of(page_of("Text.").replace("</page>", "<upload><text>No.</text></upload></page>")),
        '<?xml version="1.0"?>\n<!-- a dump -->' + dump_of(page_of("Text.").replace("Text.", "<![CDATA[Text.]]>")),
    ],
)
def test_any_version_of_the_schema_is_read(dump):
    assert records_of(dump) == [Row("Text.")]


@pytest.mark.parametrize(
    ("title", "site", "is_article"),
    [
        ("Dyskusja:Ada", SITE, False),
        ("zbiór:Ada", SITE, False),
        ("2001: Odyseja", SITE, True),
        ("User:Ada", SITE, True),
        ("User:Ada", "", False),
        ("Template talk:Ada", "", False),
        ("Talk:Ada", "", False),
        ("2001: A Space Odyssey", "", True),
    ],
)
def test_before_namespaces_were_numbered_the_title_tells_them(title, site, is_article):
    expected = Row("Text.") if is_article else Drop("not an article")
    assert records_of(dump_of(page_of("Text.", title=title, ns=""), site=site)) == [expected]


def test_links_to_files_and_categories_go_by_the_names_that_the_dump_gives():
    page = page_of("[[Akta:A|thumb|words]]Text.[[zbiór:B]]")
    assert records_of(dump_of(page, site=SITE)) == [Row("Text.")]
    assert records_of(dump_of(page)) != [Row("Text.")]


def test_a_page_over_the_limit_is_refused_with_the_line_that_it_begins_on():
    dump = dump_of(page_of("Short."), page_of("ż" * 51), page_of("ż" * 50), page_of("x" * 999, "Last."))
    records = records_of(dump, max_row_bytes=100)
    assert records == [Row("Short."), Refusal.too_long("dump.xml", 6, 100), Row("ż" * 50), Row("Last.")]


def test_memory_is_bounded_whatever_a_page_holds():
    class Endless(io.RawIOBase):
        """A page of 20 MB, made as it is read."""

        pieces = itertools.chain([dump_of(page_of("Short.")).removesuffix("</mediawiki>"), "<page><revision><text>"])
        pieces = itertools.chain(
            pieces, itertools.repeat("[[a]] " * 10_000, 330), ["</text></revision></page></mediawiki>"]
        )

        def read(self, size=-1):
            return next(self.pieces, "").encode()

    tracemalloc.start()
    records = list(parse(Endless(), "dump.xml", text_source(path="x", format="mediawiki", max_row_bytes=100_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [type(record) for record in records] == [Row, Refusal]
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("encoding", "declaration"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-8", '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'),
        ("utf-16", ""),
        ("utf-16", "<?xml version='1.0' encoding='utf-16'?>"),
        ("iso-8859-2", '<?xml version="1.0" encoding="ISO-8859-2"?>'),
        ("cp1250", '<?xml version="1.0" encoding="windows-1250"?>'),
    ],
)
def test_the_file_says_its_encoding(encoding, declaration):
    dump = declaration + dump_of(page_of("Zażółć gęślą jaźń."))
    assert records_of(dump.encode(encoding), encoding="ascii" if declaration else "utf-8") == [
        Row("Zażółć gęślą jaźń.")
    ]


def test_the_configuration_says_the_encoding_of_a_file_that_does_not():
    assert records_of(dump_of(page_of("Jaźń.")).encode("cp1250"), encoding="cp1250") == [Row("Jaźń.")]


@pytest.mark.parametrize(
    ("junk", "escaped"),
    [
        (b"caf\xe9", r"caf\udce9"),
        (b"\xff\xfe", r"\udcff\udcfe"),
        (b"NUL \x00", r"NUL \u0000"),
        (b"\x1b[0m", r"\u001b[0m"),
    ],
)
def test_undecodable_bytes_and_control_characters_refuse_their_page_alone(junk, escaped):
    declaration = "<?xml version='1.0' encoding='UTF-8'?>"
    dump = declaration + dump_of(page_of("First."), page_of("A JUNK text."), page_of("Last."))
    [first, refused, last] = records_of(dump.encode().replace(b"JUNK", junk))
    assert (first, last) == (Row("First."), Row("Last."))
    assert (refused.line, refused.reason) == (6, "not utf-8")
    assert refused.row == f"A {escaped} text."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "dump.xml:1: malformed XML in column 1: no element found. Is the file complete?"),
        ("<html></html>", "dump.xml:1: the first element is <html>, expected <mediawiki>. Is the format right?"),
        ("Plain text.", "dump.xml:1: malformed XML in column 1: syntax error. Is the format right?"),
        (dump_of(page_of("a")).removesuffix("</mediawiki>"), "dump.xml:6: malformed XML in column 1: no element found"),
        (dump_of(page_of("a"))[:-3], "dump.xml:6: malformed XML in column 1: unclosed token. Is the file complete?"),
        ("<mediawiki>\n<page></mediawiki>", "dump.xml:2: malformed XML in column 9: mismatched tag"),
        ("<mediawiki>\n\n&nbsp;</mediawiki>", "dump.xml:3: malformed XML in column 1: undefined entity"),
        ("<mediawiki/>\n<mediawiki/>", "dump.xml:2: malformed XML in column 1: junk after document element"),
        ("<?xml version='1.0' encoding='klingon'?><mediawiki/>", "dump.xml:1: the declared encoding 'klingon'"),
        ("<mediawiki>\n" + "<a>" * 40, "dump.xml:2: there are more than 32 elements within each other"),
    ],
)
def test_a_file_that_is_no_whole_dump_is_an_error_with_its_place(content, message):
    assert error_of(content).startswith(message)


def test_document_types_are_refused_before_their_entities_expand():
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE mediawiki [<!ENTITY e0 "ha">{entities}]>\n<mediawiki>&e9;</mediawiki>'
    assert error_of(bomb).startswith("dump.xml:1: there is a document type declaration")


@pytest.mark.parametrize("start", ['<page a="', "<!-- ", "<?x "])
def test_a_tag_without_end_is_an_error_before_it_fills_the_memory(start):
    class Endless(io.RawIOBase):
        pieces = itertools.chain([b"<mediawiki>" + start.encode()], itertools.repeat(b"x" * 65536))

        def read(self, size=-1):
            return next(self.pieces)

    with pytest.raises(DataError, match="a tag or comment has more than"):
        list(parse(Endless(), "dump.xml", text_source(path="x", format="mediawiki")))


_PAGES = [page_of("Text é."), page_of("x", ns="<ns>4</ns>"), page_of(""), page_of("ż" * 40), page_of("#REDIRECT [[a]]")]


@given(st.lists(st.sampled_from(_PAGES), max_size=6), st.lists(st.integers(1, 400), min_size=1), st.booleans())
def test_records_are_the_same_however_the_bytes_arrive(pages, sizes, is_wide):
    content = dump_of(*pages, site=SITE).encode("utf-16" if is_wide else "utf-8")

    class Trickle(io.BytesIO):
        sizes_left = itertools.cycle(sizes)

        def read(self, size=-1):
            return super().read(next(self.sizes_left))

    trickled = list(parse(Trickle(content), "dump.xml", text_source(path="x", format="mediawiki", max_row_bytes=60)))
    assert trickled == records_of(content, max_row_bytes=60)
    assert len(trickled) == len(pages)


_DUMP = dump_of(*_PAGES, site=SITE).encode()


@given(st.lists(st.tuples(st.integers(0, len(_DUMP)), st.integers(0, 9), st.binary(max_size=9)), max_size=4))
def test_a_damaged_dump_is_an_error_or_every_page_is_a_record(damages):
    dump = _DUMP
    for place, length, junk in damages:
        dump = dump[:place] + junk + dump[place + length :]
    try:
        records = records_of(dump)
    except DataError:
        return
    assert len(records) == len(re.findall(rb"<page[\s>/]", dump))


def _gensim_dumps() -> list[Path]:
    # Without importing it: that takes seconds.
    gensim = importlib.util.find_spec("gensim")
    return [] if gensim is None else sorted((Path(gensim.origin).parent / "test" / "test_data").glob("*wiki*.bz2"))


_LEFTOVERS = {
    "bracket": r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}",
    "quotes": r"''",
    "tag": r"</?[A-Za-z]+(\s[^<>]*)?/?>",
    "comment": r"<!--|-->",
    "entity": r"&(#\d+|#[xX][0-9A-Fa-f]+|[A-Za-z]+);",
    "heading": r"^\s*=.*=\s*$",
    "list": r"^[*#:;|!]",
    "cell": r"\|\||\b(style|class|align|valign|colspan|rowspan|width|bgcolor)\s*=",
    "magic word": r"__[A-Z]+__",
    "file or category": r"\b(File|Image|Category|Файл|Картинка|Категория):\w",
    "image option": r"\bthumb\||\b\d+px\b",
    "external link": r"\[\s*(https?:)?//",
    "gap": r"\(\s*[,;)]|[,;]\s*[,;]| {2}|^\s*$|\ufdd0",
}


@pytest.mark.parametrize("file", _gensim_dumps() or [None], ids=lambda file: file and file.name)
def test_of_a_real_dump_the_articles_come_out_without_markup(file):
    if file is None:
        pytest.skip("gensim, which has excerpts of dumps, is not installed")
    namespace = "{http://www.mediawiki.org/xml/export-0.10/}"
    kinds = []
    with bz2.open(file) as stream:
        pages = ElementTree.parse(stream).iter(f"{namespace}page")
    for page in pages:
        is_article = page.findtext(f"{namespace}ns") == "0"
        is_redirect = page.find(f"{namespace}redirect") is not None
        kinds.append("not an article" if not is_article else "redirect" if is_redirect else "row")

    with bz2.open(file) as stream:
        records = list(parse(stream, file.name, text_source(path="x", format="mediawiki")))
    assert [record.rule if isinstance(record, Drop) else "row" for record in records] == kinds

    lines = [line for record in records if isinstance(record, Row) for line in record.text.split("\n")]
    left = {
        kind: found for kind, pattern in _LEFTOVERS.items() if (found := [x for x in lines if re.search(pattern, x)])
    }
    assert left == {}
