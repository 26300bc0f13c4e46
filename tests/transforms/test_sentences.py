import csv
import time
import typing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_splitter import SentenceSplitter

from ulmfit_tfx.schemas.config.sources.corpus_cleanup import SentenceLanguage
from ulmfit_tfx.transforms.corpus_cleanup import sentences
from ulmfit_tfx.transforms.corpus_cleanup.sentences import split_sentences

DATA = Path(__file__).parents[3] / "shared" / "data"
LANGUAGES = typing.get_args(SentenceLanguage)

# A text a line, its sentences between bars.
SPLIT = {
    "en": """
        Dr. Smith met Mr. Jones and Mrs. Brown. | They talked.
        The U.S. economy grew. | It was a surprise.
        He lives in the U.S. Senate district. | She does not.
        Bring fruit, e.g. Apples or pears. | Then we eat.
        Use the second form, i.e. The long one. | It is clearer.
        It was Smith vs. Jones in court. | Smith won.
        See No. 5 on p. 12, in Figs. 3 and 4. | It is new.
        Pi is 3.14, not 3. | It rose by 2.5 percent.
        J. R. R. Tolkien wrote it. | George W. Bush spoke.
        He said, "Go away." | "Now!" | Then he left.
        "What is it?" she asked. | “Nobody knows.” | ``True.'' | (It was late.) | [He left.]
        Well... not sure. | He waited... | Nothing happened… | Then it did.
        Are you serious?! | I am. | Really? | Yes! | Good.
        We met at 5 p.m. and left. | Visit www.example.com for more. | Version 2.0.1 is out.
        St. Paul is a city. | So is Mt. Vernon. | They sell pens, etc. in the shop.
        Acme Inc. bought Foo Corp. in May. | On Jan. 5 it snowed.
        He left. | — Then she came. | -- And then? | - Nothing.
        """,
    "pl": """
        Kupił owoce, np. Jabłka i gruszki. | Potem wrócił.
        Przyszedł prof. Kowalski z dr. Nowakiem. | Prof. Jan Nowak i dr Anna Lis. | Dr. Nowaka nie było.
        Byli tam m.in. Jan i Anna. | M.in. Jan śpiewał. | Byli też m. in. inni.
        Wygrał, tzn. Jego drużyna wygrała. | Przyszedł, tj. W poniedziałek.
        Kupił chleb, mleko itd. | Potem kupił masło itp. rzeczy.
        Urodził się 12 maja 1999 r. w Krakowie. | Zmarł w 2020 r. | Był poetą.
        Mieszka przy ul. Długiej 5. | Ul. Krótka i os. Zielone są obok. | Tel. 22 555 66.
        O godz. 15.30 w parku. | O godz. 15. | Nie spóźnij się.
        Kościół św. Anny jest piękny. | Szkoła im. Jana Pawła II jest nowa.
        Pracuje w firmie Abc sp. z o.o. w Łodzi. | Zarabia 3,50 zł i ok. 5 tys. zł.
        Napisał to J. Słowacki. | J. I. Kraszewski pisał dużo. | Był tam pan K. z żoną.
        Rozdz. 3 i rys. 4 na str. 12. | Zob. Nowak, t. II, s. 5. | Nr. 6 jest wolny.
        Gen. Anders i płk. Kukliński. | Ks. Jan, bp. Piotr i ppłk. Adam. | Tzw. Żelazna Dama.
        Idą. | „Idź stąd!” | Powiedział: „Idź.” | »Precz!« | Wyszedł. | Kto to?! | Nie wiem.
        No cóż… nie wiem. | Czekał… | Nic. | Czekał... | Nic.
        Żyli w III w. p.n.e. w Grecji. | Ósma rano. | Łukasz śpi. | Żona też.
        — Nie! — zawołał. | — Chodź tu. | — Po co? | - Nic.
        """,
    "de": "Dr. Weber kam z Prof. Lang, z.B. am 5. Mai. | Er blieb. | „Nein.“ | »Doch!« | „Warum?“ fragte sie.",
    "el": "Ήρθε η κ. Παπαδοπούλου. | Έφυγε χθες.",
    "es": "El Sr. García vino. | ¿Por qué? | ¡Nadie lo sabe! | El Dr. López calló.",
    "fr": "M. Dupont est venu. | « Pourquoi ? » | Personne ne sait. | Mme Lang se tut.",
    "pt": "O Sr. Silva veio. | Porquê? | A Sra. Lopes não sabe.",
}


def without_white_space(text: str) -> str:
    return "".join(text.split())


def boundaries(parts: list[str]) -> set[int]:
    """Where parts end, in characters that are no white space."""
    ends, position = set(), 0
    for part in parts:
        position += len(without_white_space(part))
        ends.add(position)
    return ends


def f1(expected: list[str], language: str) -> float:
    """Of the ends that are found in texts of twelve sentences."""
    found = right = wanted = 0
    for first in range(0, len(expected), 12):
        true = boundaries(expected[first : first + 12])
        split = boundaries(split_sentences(" ".join(expected[first : first + 12]), language))
        last = {max(true)}
        found, right, wanted = (
            found + len(split - last),
            right + len(true & split - last),
            wanted + len(true - last),
        )
    return 2 * right / (found + wanted)


@pytest.mark.parametrize(
    ("language", "text"),
    [(language, text.strip()) for language, texts in SPLIT.items() for text in texts.strip().split("\n")],
)
def test_texts_are_split_into_their_sentences(language, text):
    assert split_sentences(text.replace(" | ", " "), language) == text.split(" | ")


def test_every_language_has_examples():
    assert sorted(SPLIT) == sorted(LANGUAGES)


def test_a_line_end_ends_a_sentence():
    text = "A heading\n\nSee Dr.\r\nWho \rleft\N{LINE SEPARATOR}late"
    assert split_sentences(text, "en") == ["A heading", "See Dr.", "Who", "left", "late"]


def test_white_space_becomes_single_spaces():
    assert split_sentences(" It \t is\N{NO-BREAK SPACE} late.  Good   night. ", "en") == ["It is late.", "Good night."]


@pytest.mark.parametrize("text", ["", " \n\t ", "\n"])
def test_no_text_has_no_sentences(text):
    assert split_sentences(text, "en") == []


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from([*".?!… \n\"'»”)(«„—-", "Dr.", "np.", "Jan", "a", "5"])).map("".join)
    ),
    st.sampled_from(LANGUAGES),
)
def test_no_text_is_lost(text, language):
    split = split_sentences(text, language)
    assert without_white_space("".join(split)) == without_white_space(text)
    assert all(sentence == " ".join(sentence.split()) != "" for sentence in split)


def test_many_places_are_asked_about_in_parts():
    texts = [f"This is word{number}. Dr. Who{number} left." for number in range(2 * sentences._ASKED_AT_ONCE)]
    assert split_sentences(" ".join(texts), "en") == [
        part for number in range(len(texts)) for part in (f"This is word{number}.", f"Dr. Who{number} left.")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10**6,
        "." * 10**6,
        ". " * 500_000,
        "A. " * 333_333,
        "." + ")" * 10**6,
        ". -" + "- " * 500_000,
        '. "' * 333_333,
    ],
    ids=lambda text: text[:4],
)
def test_time_is_in_proportion_to_the_length_whatever_the_text(text):
    def seconds(part):
        start = time.process_time()
        split_sentences(part, "pl")
        return time.process_time() - start

    seconds("Warm.")
    of_an_eighth = seconds(text[: len(text) // 8])
    # In proportion it is 8 times as much, on a machine of any speed; where it grows with the square, 64 times.
    assert seconds(text) < 24 * of_an_eighth + 0.5


@pytest.mark.parametrize("path", sorted(sentences._OWN_ABBREVIATIONS.iterdir()), ids=lambda path: path.name)
def test_own_abbreviations_are_needed(path):
    """Without them the package would end a sentence there."""
    package = SentenceSplitter(path.stem)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert len(set(lines)) == len(lines)
    for line in lines:
        word, *kind = line.split()
        assert kind in ([], ["#NUMERIC_ONLY#"])
        text = f"{word}. {'5' if kind else 'Jan'}"
        assert package.split(text) == text.split()
        assert split_sentences(text, path.stem) == [text]


@pytest.mark.skipif(not DATA.exists(), reason="needs the data that development has")
def test_english_sentences_of_a_treebank():
    lines = (DATA / "ud_en_lines" / "en_lines-ud-dev.conllu").read_text(encoding="utf-8").splitlines()
    texts = [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
    assert f1([text for text in texts if text.endswith((".", "?", "!"))], "en") > 0.96


@pytest.mark.skipif(not DATA.exists(), reason="needs the data that development has")
def test_polish_sentences():
    with (DATA / "stsb" / "stsb-pl-dev.csv").open(encoding="utf-8") as file:
        texts = [text for row in csv.reader(file) for text in row[:2]]
    assert f1([text for text in texts if text.endswith((".", "?", "!"))], "pl") > 0.96
