"""The rules by themselves, against what sets say."""

import doctest
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.pipeline.tools.clean import disk, rules
from ulmfit_tfx.pipeline.tools.clean.rules import Item, Rules, judged

NOW = 1_000_000.0


def item(number, stage, age, needed, counted):
    return Item(
        kind="artifacts",
        of=stage,
        name=str(number),
        paths=(Path(str(number)),),
        last_used=NOW - age,
        size=1,
        needed="in service" if needed else "",
        counted=counted,
    )


ITEMS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 900), st.booleans(), st.booleans()), max_size=12).map(
    lambda rows: [item(number, *row) for number, row in enumerate(sorted(rows, key=lambda row: -row[1]))]
)


def going(items, keep=None, older_than=None):
    return {each.name for each in judged(items, Rules(keep, older_than), NOW) if each.goes}


def test_examples_in_docstrings_hold():
    for module in (rules, disk):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0


@given(ITEMS, st.integers(0, 5), st.integers(0, 900))
def test_both_rules_remove_the_intersection_of_what_each_removes(items, keep, older_than):
    assert going(items, keep, older_than) == going(items, keep) & going(items, older_than=older_than)


@given(ITEMS, st.integers(0, 5))
def test_count_lets_so_many_of_each_stage_stay_and_none_older_than_one_that_goes(items, keep):
    gone = going(items, keep)
    for stage in "ab":
        free = [each for each in items if each.of == stage and each.counted]
        newest = sorted(free, key=lambda each: each.last_used, reverse=True)[:keep]
        for each in free:
            if each.name in gone:
                assert len(newest) == keep
                assert all(each.last_used <= other.last_used for other in newest)
        assert len([each for each in free if each.name not in gone]) >= min(keep, len(free))


@given(ITEMS, st.integers(0, 900))
def test_age_alone_removes_what_is_older_and_not_needed(items, older_than):
    expected = {each.name for each in items if not each.needed and NOW - each.last_used >= older_than}
    assert going(items, older_than=older_than) == expected


@given(ITEMS, st.integers(0, 5), st.integers(0, 900))
def test_what_is_needed_never_goes_and_all_are_judged_once(items, keep, older_than):
    found = judged(items, Rules(keep, older_than), NOW)
    assert sorted(int(each.name) for each in found) == list(range(len(items)))
    assert not any(each.goes and each.needed for each in found)
    assert all(each.reason for each in found)
