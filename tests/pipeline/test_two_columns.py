"""Lines are broken between words alone, however narrow the terminal is."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.markup import escape

from ulmfit_tfx.pipeline.cli.two_columns import TwoColumns


def printed(rows, width=80, title=""):
    table = TwoColumns(title)
    for name, value in rows:
        table.add_row(escape(name), escape(value))
    console = Console(file=io.StringIO(), width=width)
    console.print(table, soft_wrap=True)
    return console.file.getvalue()


WORDS = st.text(st.sampled_from("abcdefgh0123456789.,%/()-_"), min_size=1, max_size=90)


@given(st.lists(st.tuples(st.text("abc ", max_size=12), st.lists(WORDS, max_size=20).map(" ".join)), max_size=5))
def test_no_word_is_cut_and_none_is_lost(rows):
    expected = [word for name, value in rows for word in (*name.split(), *value.split())]
    assert printed(rows).split() == expected


@given(st.lists(st.text("abc", min_size=1, max_size=20), min_size=1, max_size=40))
def test_lines_that_could_be_short_are_no_longer_than_the_terminal(words):
    assert max(map(len, printed([("name", " ".join(words))], width=60).splitlines())) <= 60


@pytest.mark.parametrize("width", range(30, 100))
def test_number_stays_beside_its_word(width):
    value = "30,000 (24,000 train, 3,000 eval, 3,000 test); 95 % of them, and 17.9 ms at the 99th percentile"
    shown = printed([("rows", value)], width)
    for together in ("24,000 train", "3,000 eval", "95 % of", "17.9 ms"):
        assert together in shown


def test_what_is_long_stays_whole_and_can_be_copied():
    path = "/home/ada/runs/" + "/".join(f"artifact_{number}" for number in range(12))
    assert path in printed([("model", path)], title=f"{path} -> x").splitlines()[2]


def test_gaps_of_a_layout_and_line_ends_stay():
    shown = printed([("stages", " 12.0 s  Trainer  (cache)\n123.0 s  Pusher")])
    assert [line[11:] for line in shown.splitlines() if line] == [" 12.0 s  Trainer  (cache)", "123.0 s  Pusher"]
