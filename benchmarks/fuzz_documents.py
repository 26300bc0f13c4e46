"""Small documents of each format, which the fuzzer of ingestion mutates, and large ones that have much of one thing."""

import json
from collections.abc import Callable
from typing import NamedTuple

Large = Callable[[int], str]
"""Makes a document that has so many of something."""


class Documents(NamedTuple):
    """Documents of a format.

    Attributes:
        small: As people have them.
        large: Make some that have much of one thing.
        with_text: Makes a well-formed one that has a text in it, with all escaped that has to be.
    """

    small: tuple[str, ...]
    large: tuple[Large, ...]
    with_text: Callable[[str], str]


_TEXTS = (
    "Prof. Nowak przyjechał do Łodzi o 7.30.\nNikt go nie witał, np. na dworcu.\n\n  Padało.\n\tWszyscy spali.\n",
    "It rained. Dr. Who came late!\nShe said: \"Go on, it's <b>fine</b>.\"\n\n\n= Heading =\n\nThe '''last''' one.",
    "\n \nOne line 12,345.67 €\nA {{template|arg}} and a [[link|text]].<ref>Note</ref>\nAT&amp;T &copy; 2020\n",
    "<p>Zażółć <i>gęślą</i> jaźń — naïve café, 😀.</p>\n<script>x = 1 < 2</script>\n<!-- nie -->\nKoniec.\n",
)
_COLUMNS = ("text", "title", "label", "stars", "weight", "author", "language", "split")
_ROWS = (
    ('A "quiet" film, slow', "Rain", "good", "4.5", "1", "anna", "en", "train"),
    ("Nuda, nuda i jeszcze raz nuda", "Deszcz", "bad", "1", "0.5", "jan", "pl", "dev"),
    ("Dwa akapity.\n\nDrugi: „cytat” & <b>koniec</b>", "", "good;long", "-3e2", "2", "anna", "pl", "test"),
    ("Nothing, really.", "It's", "", "0", "1", "o'neil", "en", "train"),
    ("Café au lait 😀 1,000", "=SUM(A1)", "bad", "3", "1e3", "zoë", "fr", "valid"),
)
_SENTENCES = (
    (("Maria", "B-PER"), ("Nowak", "I-PER"), ("moved", "O"), ("to", "O"), ("Gdańsk", "B-LOC"), (".", "O")),
    (("Prof.", "O"), ("Jan", "B-PER"), ("Kot", "I-PER"), ("mieszka", "O"), ("w", "O"), ("Krakowie", "B-LOC")),
    (("#", "O"), ("1", "O"), ("😀", "O"), ("Łódź", "B-LOC"), ("it's", "O")),
)
_MARKED = (
    ("Acme Corp sells bolts in Łódź", "Acme Corp*Łódź", "ORG"),
    ("Foo and Bar, and Foo again", "Bar*Foo*Foo", "ORG"),
    ("Nic tu nie ma, „naprawdę”", "NULL", "ORG"),
    ("tak tak tak", "tak*tak", "WORD"),
)


def _table(separator: str, rows: list[tuple[str, ...]]) -> str:
    """As CSV, or where the separator is a tab as TSV, which knows no quoting."""
    if separator == "\t":
        return "".join("\t".join(value.replace("\n", " ") for value in row) + "\n" for row in rows)
    return "".join(separator.join(map(_quoted, row)) + "\n" for row in rows)


def _quoted(value: str) -> str:
    """As a field of CSV. The module csv refuses some characters."""
    return '"' + value.replace('"', '""') + '"' if set(value) & set('",\r\n') else value


def _texts_with_labels(separator: str) -> tuple[str, ...]:
    rows = [_COLUMNS, *_ROWS]
    turned = [tuple(reversed(row)) for row in rows]
    return _table(separator, rows), _table(separator, turned), _table(separator, rows * 3)


_CSV = _texts_with_labels(",")
_TSV = _texts_with_labels("\t")
_SPANS_CSV = (_table(",", [("text", "value", "kind"), *_MARKED]),)
_SPANS_TSV = (_table("\t", [("kind", "value", "text"), *(row[::-1] for row in _MARKED)]),)
_JSONL = (
    "".join(json.dumps(dict(zip(_COLUMNS, row, strict=True)), ensure_ascii=False) + "\n" for row in _ROWS),
    '{"text": "Fine", "title": null, "label": ["good", 5], "stars": 5.0, "weight": 1, "author": "a", "language": '
    '"en", "split": "train", "extra": {"a": [1, {}]}}\n\n'
    '{"text": "\\u0141\\u00f3d\\u017a \\ud83d\\ude00", "title": "t", "label": true, "stars": "2", "weight": 0.1, '
    '"author": 7, "language": "", "split": "TEST"}\n',
)
_TAGGED_JSONL = (
    "".join(json.dumps(sentence, ensure_ascii=False) + "\n" for sentence in _SENTENCES) + '[["New York", "B-LOC"]]\n',
    '[["to", 0], ["London", 1], ["town", ["0", 2]]]\n[]\n[["a b", 0.5], ["", "O"]]\n{"text": "x"}\n',
)
_CONLL = (
    "-DOCSTART- -X- O\n\n" + "\n".join("".join(f"{w} NN {tag}\n" for w, tag in words) for words in _SENTENCES),
    "\n".join("".join(f"{w}\t{tag}\n" for w, tag in words) for words in _SENTENCES[:2]),
    "# text = Maria moved.\nMaria\tNNP\tB-PER\nmoved\tVBD\tO\n.\t.\tO\n\n#\tNN\tO\nhash\tNN\tO\n\n# only a comment\n",
)
_CONLLU = (
    """# newdoc id = d1
# sent_id = 1
# text = Zrobiłbyś to w domu.
1-3\tZrobiłbyś\t_\t_\t_\t_\t_\t_\t_\t_
1\tZrobił\tzrobić\tVERB\tpraet\tAspect=Perf|Gender=Masc\t0\troot\t0:root\t_
2\tby\tby\tAUX\tqub\t_\t1\taux\t_\t_
3\tś\tbyć\tAUX\taglt\tPerson=2\t1\taux\t_\t_
4\tto\tto\tPRON\tsubst\t_\t1\tobj\t_\tSpaceAfter=Yes|Ner=O
5\tw\tw\tADP\tprep\t_\t6\tcase\t_\t_
6\tdomu\tdom\tNOUN\tsubst\tCase=Loc|Number=Sing\t1\tobl\t_\tSpaceAfter=No
7\t.\t.\tPUNCT\tinterp\t_\t1\tpunct\t_\t_

# sent_id = 2
1\tShe\tshe\tPRON\tPRP\tCase=Nom\t2\tnsubj\t_\t_
2\tlikes\tlike\tVERB\tVBZ\t_\t0\troot\t_\t_
3\ttea\ttea\tNOUN\tNN\t_\t2\tobj\t_\t_
3.1\tlikes\tlike\tVERB\t_\t_\t_\t_\t2:conj\t_
4\t!\t!\tPUNCT\t.\t_\t2\tpunct\t_\t_

""",
    "# global.columns = ID FORM UPOS MISC\n1\tA b\tX\t_\n2\t#\tSYM\tNer=B\n\n# a comment alone\n\n1\tKoniec\tNOUN\t_\n",
)
_LABEL_STUDIO = (
    json.dumps(
        [
            {"id": 1, "text": "to London.", "label": [{"start": 3, "end": 9, "text": "London", "labels": ["LOC"]}]},
            {"id": 2, "text": "Jan Kot w Łodzi 😀 i Gdańsk", "label": [{"start": 0, "end": 7, "labels": ["PER"]}]},
            {"id": 3, "text": "😀 Łódź", "label": [{"start": 3, "end": 7, "text": "Łódź", "labels": ["LOC", "CITY"]}]},
            {"id": 4, "text": "Nothing here", "annotator": 1, "lead_time": 2.5},
        ],
        indent=1,
        ensure_ascii=False,
    ),
    '[{"text": "a b", "label": []},\n {"text": "\\ud83d\\ude00", "label": [{"start": 0, "end": 1, "labels": ["X"]}]}]',
)
_MEDIAWIKI = (
    """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="pl">
  <siteinfo>
    <sitename>Wiki</sitename>
    <dbname>plwiki</dbname>
    <namespaces>
      <namespace key="-1" case="first-letter">Specjalna</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Dyskusja</namespace>
      <namespace key="6" case="first-letter">Plik</namespace>
      <namespace key="14" case="first-letter">Kategoria</namespace>
    </namespaces>
  </siteinfo>
  <page>
    <title>Łódź</title>
    <ns>0</ns>
    <id>1</id>
    <revision>
      <id>11</id>
      <timestamp>2020-01-01T00:00:00Z</timestamp>
      <contributor><username>A</username><id>5</id></contributor>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="120" xml:space="preserve">'''Łódź''' to miasto w [[Polska|Polsce]], {{nowrap|1,5 km}} od
rzeki.&lt;ref&gt;Zob.
[[tekst]].&lt;/ref&gt;

== Historia ==
* Założona w&amp;nbsp;1423.
[[Plik:A.jpg|thumb|Rynek [[miasto|miasta]]]]
{| class="wikitable"
! Rok !! Osób
|-
| 1900 || 300 000
|}
{{Infobox
| nazwa = Łódź
| x = {{a|{{b}}}}
}}
[[Kategoria:Miasta]]</text>
      <sha1>abc</sha1>
    </revision>
  </page>
  <page>
    <title>Lodz</title>
    <ns>0</ns>
    <id>2</id>
    <redirect title="Łódź" />
    <revision><id>12</id><text xml:space="preserve">#PATRZ [[Łódź]]</text></revision>
  </page>
  <page>
    <title>Dyskusja:Łódź</title>
    <ns>1</ns>
    <id>3</id>
    <revision><id>13</id><text>To nie artykuł.</text></revision>
  </page>
</mediawiki>
""",
    """<?xml version="1.0" encoding="utf-8"?>
<mediawiki>
<page><title>Tea</title><ns>0</ns><id>4</id><revision><id>1</id><text>Old.</text></revision>
<revision><id>2</id><text>''Tea'' is a [http://example.org drink]. See &lt;nowiki&gt;[[this]]&lt;/nowiki&gt;.
{{cite|title=T}} &lt;!-- hidden --&gt; It costs &lt;math&gt;x^2&lt;/math&gt;.</text></revision></page>
<page><title>Empty</title><ns>0</ns><id>5</id><revision><id>3</id><text /></revision></page>
<page><title>C&amp;A</title><ns>0</ns><id>6</id><revision><id>4</id><text>A shop&lt;br/&gt;
of clothes.</text></revision></page>
</mediawiki>
""",
)


def _in_csv(text: str) -> str:
    return _table(",", [_COLUMNS, (text, *_ROWS[0][1:]), (_ROWS[1][0], text, *_ROWS[1][2:])])


def _in_tsv(text: str) -> str:
    return _table("\t", [_COLUMNS, (_on_a_line(text), *_ROWS[0][1:])])


def _in_jsonl(text: str) -> str:
    return json.dumps(dict(zip(_COLUMNS, (text, *_ROWS[0][1:]), strict=True))) + "\n"


def _in_tagged_sentences(text: str) -> str:
    return json.dumps([["Maria", "B-PER"], *([word, "O"] for word in text.split()), [text, "O"]]) + "\n"


def _in_conll(text: str) -> str:
    return f"# text = {_on_a_line(text)}\n" + "".join(f"{word}\tX\tO\n" for word in [*text.split(), _on_a_line(text)])


def _in_conllu(text: str) -> str:
    words = enumerate([*text.split(), _on_a_line(text)], start=1)
    return "".join(f"{at}\t{word}\t_\tX\t_\t_\t0\tdep\t_\tNer=O\n" for at, word in words)


def _in_spans_csv(text: str) -> str:
    return _table(",", [("text", "value", "kind"), (text, text[3:9], "X"), (text, "*".join(text.split()), "Y")])


def _in_spans_tsv(text: str) -> str:
    line = _on_a_line(text)
    return _table("\t", [("text", "value", "kind"), (line, line[3:9], "X"), (line, "*".join(line.split()), "Y")])


def _in_label_studio(text: str) -> str:
    marks = [{"start": 0, "end": 4, "labels": ["X"]}, {"start": 5, "end": 9, "text": text[5:9], "labels": ["Y", "Z"]}]
    return json.dumps([{"text": text, "label": marks}, {"text": text}])


def _in_mediawiki(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    page = f"<page><title>T</title><ns>0</ns><id>1</id><revision><id>1</id><text>{escaped}</text></revision></page>"
    return f"<mediawiki>{page}</mediawiki>"


def _on_a_line(text: str) -> str:
    return " ".join(text.split())


def _marks(count: int, step: int) -> str:
    spans = [{"start": 3 * at * step, "end": 3 * at * step + 2, "labels": ["X"]} for at in range(count)]
    return json.dumps([{"text": "ab " * count, "label": spans}])


def _conllu_words(count: int, feats: int = 1) -> str:
    features = "|".join(f"F{number}=x" for number in range(feats))
    return "".join(f"{at}\tw\tw\tX\t_\t{features}\t0\tdep\t_\t_\n" for at in range(1, count + 1))


def _page_of(opening: str, closing: str) -> tuple[Large, ...]:
    return (
        lambda count: _in_mediawiki(opening * count + " tekst " + closing * count),
        lambda count: _in_mediawiki(f"{opening} tekst {closing} " * count),
        lambda count: _in_mediawiki(f"{opening} tekst " * count),
    )


def _entities(count: int) -> str:
    """Each has twice as much text as the one before."""
    doubled = (f'<!ENTITY e{number} "&e{number - 1};&e{number - 1};">' for number in range(1, count + 1))
    return '<!ENTITY e0 "e">' + "".join(doubled)


_LARGE_TEXTS: tuple[Large, ...] = (
    lambda count: "słowo " * count,
    lambda count: "np. a. " * count,
    lambda count: "<b>x</b> <div " * count,
    lambda count: "{{a|[[b]] " * count,
)
_LARGE_CSV: tuple[Large, ...] = (
    lambda count: ",".join(_COLUMNS) + ",x" * count + "\n" + ",".join(_ROWS[3]) + ",1" * count + "\n",
    lambda count: "text,label\n" + 'x",,"y\n' * count,
    lambda count: 'text,label\n"' + 'a ""quoted"" word ' * count + '",x\n',
    lambda count: 'text,label\n"' + "a line\n" * count,
    lambda count: "text,label\nfine," + "a;" * count + "\n",
)
_LARGE_TSV: tuple[Large, ...] = (
    lambda count: "\t".join(_COLUMNS) + "\tx" * count + "\n" + "\t".join(_ROWS[3]) + "\t1" * count + "\n",
    lambda count: "text\tlabel\nfine\t" + "a;" * count + "\n",
)
_LARGE_JSONL: tuple[Large, ...] = (
    lambda count: json.dumps({"text": "x", "label": ["a"] * count}) + "\n",
    lambda count: '{"text": "x"' + ', "text": "y"' * count + "}\n",
    lambda count: json.dumps({f"k{number}": 1 for number in range(count)}) + "\n",
    lambda count: '{"text": ' + "[" * count + "]" * count + "}\n",
    lambda count: '{"text": "x", "label": ' + "9" * count + "}\n",
)
_LARGE_TAGGED_JSONL: tuple[Large, ...] = (
    lambda count: json.dumps([["w", "O"]] * count) + "\n",
    lambda count: json.dumps([["w", ["X"] * count]]) + "\n",
    lambda count: '[["w", ' + "[" * count + "]" * count + "]]\n",
    lambda count: '[["w", ' + "9" * count + "]]\n",
)
_LARGE_CONLL: tuple[Large, ...] = (
    lambda count: "w NN O\n" * count,
    lambda count: "w" + " x" * count + " O\n",
    lambda count: "# a comment\n" * count + "w NN O\n",
)
_LARGE_CONLLU: tuple[Large, ...] = (
    _conllu_words,
    lambda count: _conllu_words(1, feats=count),
    lambda count: "# k = v\n" * count + _conllu_words(1),
    lambda count: "# global.columns =" + " FORM" * count + "\n" + "w\t" * count + "\n",
)


def _large_spans(separator: str) -> tuple[Large, ...]:
    def row(text: str, values: str) -> str:
        return separator.join(("text", "value", "kind")) + "\n" + separator.join((text, values, "X")) + "\n"

    return (
        lambda count: row("ab " * count, "ab*" * count),
        lambda count: row("ab " * count, "zz*" * count),
        lambda count: row("a" * count, "a*" * (count // 20)),
    )


_LARGE_LABEL_STUDIO: tuple[Large, ...] = (
    lambda count: _marks(count, 1),
    lambda count: _marks(count, 0),
    lambda count: json.dumps([{"text": "ab", "label": [{"start": 0, "end": 2, "labels": ["X"] * count}]}]),
    lambda count: '[{"text": "ab", "label": ' + "[" * count + "]" * count + "}]",
    lambda count: '[{"text": "ab", "label": [{"start": 0, "end": ' + "9" * count + ', "labels": ["X"]}]}]',
)
_LARGE_MEDIAWIKI: tuple[Large, ...] = (
    *_page_of("{{a|", "}}"),
    *_page_of("[[a|", "]]"),
    *_page_of("{| class=x\n| ", "\n|}\n"),
    *_page_of("<ref>", "</ref>"),
    *_page_of("<div ", "</div>"),
    *_page_of("''", "'''"),
    lambda count: f"<!DOCTYPE mediawiki [{_entities(count)}]>"
    + _in_mediawiki("").replace("<text>", f"<text>&e{count};"),
    lambda count: "<mediawiki>" + "<page>" * count + "</page>" * count + "</mediawiki>",
    lambda count: _in_mediawiki("tekst").replace("<page>", "<page>" + "<x/>" * count),
    lambda count: _in_mediawiki("tekst").replace("<page>", "<page " + 'a="b" ' * count + ">"),
)

TEXTS = Documents(_TEXTS, _LARGE_TEXTS, str)
CSV = Documents(_CSV, _LARGE_CSV, _in_csv)
TSV = Documents(_TSV, _LARGE_TSV, _in_tsv)
JSONL = Documents(_JSONL, _LARGE_JSONL, _in_jsonl)
TAGGED_JSONL = Documents(_TAGGED_JSONL, _LARGE_TAGGED_JSONL, _in_tagged_sentences)
CONLL = Documents(_CONLL, _LARGE_CONLL, _in_conll)
CONLLU = Documents(_CONLLU, _LARGE_CONLLU, _in_conllu)
SPANS_CSV = Documents(_SPANS_CSV, _large_spans(","), _in_spans_csv)
SPANS_TSV = Documents(_SPANS_TSV, _large_spans("\t"), _in_spans_tsv)
LABEL_STUDIO = Documents(_LABEL_STUDIO, _LARGE_LABEL_STUDIO, _in_label_studio)
MEDIAWIKI = Documents(_MEDIAWIKI, _LARGE_MEDIAWIKI, _in_mediawiki)
