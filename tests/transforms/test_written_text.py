from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.transforms.written_text import written


@given(st.lists(st.text("aé1", min_size=1), min_size=1))
def test_words_of_other_scripts_are_written_with_spaces(words):
    assert written(words) == " ".join(words)


@given(st.lists(st.text("我们在ไป。、ー", min_size=1), min_size=1))
def test_words_of_these_scripts_are_written_without(words):
    assert written(words) == "".join(words)


def test_marks_stand_where_people_write_them():
    assert written(["Oslo", "(", "Norway", ")", ",", "a", "-", "b", "..."]) == "Oslo (Norway), a - b ..."
