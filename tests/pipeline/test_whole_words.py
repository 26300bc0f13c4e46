"""Tables and sentences are broken between words alone."""

import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.pipeline.cli.clean_tables import show
from ulmfit_tfx.pipeline.cli.whole_words import WholeWords, print_sentence
from ulmfit_tfx.pipeline.tools.clean.rules import Item

WORDS = st.text(st.sampled_from("abcdefgh0123456789.,%/()_"), min_size=1, max_size=40)


def console(width=80):
    return Console(file=io.StringIO(), width=width)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=5), st.integers(30, 100))
def test_no_word_of_the_broken_column_is_cut_and_lines_fit_where_words_do(cells, width):
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(no_wrap=True)
    for cell in cells:
        table.add_row("artifacts", escape(cell), "12.5 kB")
    shown = console(width)
    shown.print(WholeWords(table, 1), soft_wrap=True)
    expected = Counter(word for cell in cells for word in ("artifacts", "12.5", "kB", *cell.split()))
    assert Counter(shown.file.getvalue().split()) == expected
    longest = max(len(word) for cell in cells for word in cell.split())
    assert max(len(line.rstrip()) for line in shown.file.getvalue().splitlines()) <= max(width, longest + 30)


@pytest.mark.parametrize("width", [40, 80])
def test_names_of_what_is_cleaned_and_its_folder_stay_whole(width):
    names = [f"20261130-04{number}539-188735.log" for number in range(4)]
    folder = "/home/ada/runs/" + "/".join(f"folder_{number}" for number in range(12))
    items = [Item("logs", "", name, (), 0, 100, goes=True) for name in names]
    shown = console(width)
    show(shown, folder, items, 900)
    assert f"{folder}: to be removed" in shown.file.getvalue()
    assert all(name in shown.file.getvalue() for name in names)


@pytest.mark.parametrize("width", range(30, 100, 7))
def test_sentence_is_broken_between_words_and_not_within_a_command(width):
    command = "`ulmfit-tfx run 'a b.yaml' --root here`"
    sentence = f"Note: {command} would stop, and --label-column stars takes another one of the columns that there are."
    shown = console(width)
    print_sentence(shown, escape(sentence))
    lines = shown.file.getvalue().splitlines()
    assert " ".join(lines) == sentence
    assert any(command in line for line in lines)
    assert any("--label-column stars" in line for line in lines)
    assert max(map(len, lines)) <= max(width, len(command) + 6)
