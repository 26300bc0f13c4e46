"""What wiki templates leave of a text: some stand for words of a sentence, most for boxes, notes and links.

A dump has the calls of templates, not the templates, so that what one prints is known for those listed here alone. They
are the ones that stand inside sentences of the English Wikipedia most often; in other wikis several have the same name.
"""

import re
from collections.abc import Callable, Mapping, Sequence

Arguments = Sequence[str]
"""Positional arguments of a template, without markup. Not empty."""

_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(?:-[a-z-]+)?")
_RANGES = {
    "-": "\u2013",
    "\u2013": "\u2013",
    "&": " and ",
    "x": " \u00d7 ",
    "\u00d7": " \u00d7 ",
    "+/-": " ± ",
    "±": " ± ",
}
_RANGES |= {word: f" {word} " for word in ("and", "by", "or", "to")}
_UNITS = {"C": "°C", "F": "°F", "sqmi": "sq mi", "sqft": "sq ft", "sqyd": "sq yd", "sqin": "sq in", "cuft": "cu ft"}
_SMALLER_UNITS = ("ft", "in", "lb", "lbs", "oz", "yd")


def template_name(call: str) -> str:
    """The name of the template that a text between double braces calls.

    >>> template_name("Lang_x |pl|a"), template_name("formatnum: 12")
    ('lang x', 'formatnum:')
    """
    name = re.split(r"[|\n]|(?<=:)", call[:80].lstrip(), maxsplit=1)[0]
    return " ".join(name.replace("_", " ").lower().split())


def has_words(name: str) -> bool:
    """Whether a template stands for words that `words_of` knows."""
    return name in _CHARACTERS or name in _WORDS or name.startswith("lang-")


def words_of(name: str, arguments: Arguments) -> str:
    """The words that a template stands for.

    >>> words_of("convert", ["5", "or", "6", "ft", "m"]), words_of("lang", ["fr", "mot"])
    ('5 or 6 ft', 'mot')

    Args:
        name: One that `has_words`.
        arguments: Its positional arguments, without markup or white space around them.
    """
    if name in _CHARACTERS:
        return _CHARACTERS[name]
    return _WORDS.get(name, _first)(arguments) if any(arguments) else ""


def _first(arguments: Arguments) -> str:
    return arguments[0]


def _last(arguments: Arguments) -> str:
    return arguments[-1]


def _paragraph(arguments: Arguments) -> str:
    return f"\n{arguments[0]}\n"


def _before(words: str) -> Callable[[Arguments], str]:
    return lambda arguments: words + arguments[0]


def _fraction(arguments: Arguments) -> str:
    if len(arguments) == 1:
        return f"1/{arguments[0]}"
    return f"{' '.join(arguments[:-1])}/{arguments[-1]}"


def _measure(arguments: Arguments) -> str:
    """Of `convert`: what was measured, not what it is in other units."""
    words = arguments[0]
    at = 1
    # In brackets there may be another sign for the other units, as in `and(-)`.
    while at + 1 < len(arguments) and (between := _RANGES.get(arguments[at].partition("(")[0])):
        words += between + arguments[at + 1]
        at += 2
    if at < len(arguments):
        words += " " + _UNITS.get(arguments[at], arguments[at])
    if len(arguments) > at + 2 and arguments[at + 1].isdigit() and arguments[at + 2] in _SMALLER_UNITS:
        words += f" {arguments[at + 1]} {arguments[at + 2]}"
    return words


def _not_a_language(arguments: Arguments) -> str:
    """Of `ill`, whose arguments have changed places over the years: what the link is called."""
    return next((argument for argument in arguments if not _LANGUAGE_CODE.fullmatch(argument)), arguments[0])


_CHARACTERS: Mapping[str, str] = {
    "nbsp": " ",
    "thinsp": " ",
    "spaces": " ",
    "snd": " \u2013 ",
    "snds": " \u2013 ",
    "spnd": " \u2013 ",
    "spaced ndash": " \u2013 ",
    "spaced en dash": " \u2013 ",
    "ndash": "\u2013",
    "mdash": "—",
    "mdashb": "—",
    "em dash": "—",
    "·": " · ",
    "dot": " · ",
    "•": " • ",
    "'": "'",
    "'s": "'s",
    "' \"": "'\"",
    "eqm": "\u21cc",
    "=": "=",
    "!": "|",
}

_WORDS: Mapping[str, Callable[[Arguments], str]] = {
    **dict.fromkeys(
        "abbr big em flag flagcountry flagu formatnum: iast ipa kbd large lc: linktext math mvar nihongo nobold nobr "
        "nobreak noitalic nowrap railgauge sc sic small smaller smallcaps strong sub sup tooltip uc: url val vanchor "
        "var".split(),
        _first,
    ),
    **dict.fromkeys(["no italic", "small caps", "visible anchor"], _first),
    **dict.fromkeys(["lang", "rtl-lang", "script", "transl", "transliteration"], _last),
    **dict.fromkeys(["blockquote", "cquote", "quotation", "quote"], _paragraph),
    **dict.fromkeys(["frac", "fraction", "sfrac"], _fraction),
    **dict.fromkeys(["conv", "convert", "cvt"], _measure),
    **dict.fromkeys(["c.", "circa"], _before("c. ")),
    **dict.fromkeys(["ill", "interlanguage link"], _not_a_language),
    **{ship: _before(ship.upper() + " ") for ship in ("hmas", "hmcs", "hms", "rms", "ss", "uss")},
    **dict.fromkeys(["chem", "chem2"], "".join),
    "angbr": lambda arguments: f"⟨{arguments[0]}⟩",
    "as of": _before("as of "),
    "e": _before("\u00d710^"),
    "us$": _before("US$"),
    "£": _before("£"),
}
