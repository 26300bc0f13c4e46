"""A mark that is not closed is named where it opened."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.config_file import load_config
from ulmfit_tfx.schemas.errors import ConfigError

OPENED = {
    "never closed": ('name: x\ndata:\n  path: "a.csv\n  format: csv\n', 3),
    "single, never closed": ("name: x\ndata:\n  path: 'a.csv\n  format: csv\n", 3),
    "closed by a later one": ("name: x\ndata:\n  path: 'a.csv\n  format: csv\n  label_names: {a: 'b'}\n", 3),
    "closed by the next item": ('name: x\nsample_texts:\n  - "one\n  - "two"\n', 3),
}


@pytest.mark.parametrize(("text", "line"), OPENED.values(), ids=OPENED)
def test_line_is_that_of_the_mark_that_opened(tmp_path, text, line):
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(f"x.yaml:{line}: is not YAML: the ") + ".*opens there"):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "bracket"), [("sample_texts: [a, b\ndata: {path: a}\n", "["), ("data: {path: a\n", "{")]
)
def test_bracket_is_named_with_the_line_where_it_opened(tmp_path, text, bracket):
    file = tmp_path / "x.yaml"
    file.write_text(f"name: x\n{text}seed: 1\n")
    with pytest.raises(
        ConfigError, match=rf"x\.yaml:\d: is not YAML: expected . for the \{bracket} that opens on line 2"
    ):
        load_config(file)


def test_mark_within_marks_is_explained_and_the_advice_works(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("name: x\nsample_texts: ['it's']\n")
    with pytest.raises(ConfigError, match=r"x\.yaml:2: is not YAML: .*'it''s'"):
        load_config(file)
    assert yaml.safe_load("['it''s']") == yaml.safe_load('["it\'s"]') == ["it's"]


@pytest.mark.parametrize(("text", "line"), [("name: x\n\tseed: 2\n", 2), ("name: x\nseed: a: b\n", 2)])
def test_other_faults_stand_where_they_are_noticed(tmp_path, text, line):
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"x\.yaml:{line}: is not YAML"):
        load_config(file)


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from("'\""))
def test_line_does_not_depend_on_what_stands_around_it(tmp_path_factory, before, after, mark):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    lines = [*(f"a{number}: 1" for number in range(before)), f"b: {mark}open", *(f"c{n}: 2" for n in range(after))]
    file.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=rf"any\.yaml:{before + 1}: "):
        load_config(file)
