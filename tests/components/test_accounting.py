import dataclasses

import pytest

from ulmfit_tfx.components.reports.accounting import Accounting


def of_words(punctuation, whitespace, served="punctuation", rows=200):
    split_off = {"train": rows - 20, "eval": 10, "test": 10}
    recut = {"punctuation": punctuation, "whitespace": whitespace}
    return Accounting(split_off, {}, {}, {}, recut=recut, served_cut=served)


def test_rows_without_words_say_nothing_of_them():
    accounting = Accounting({"train": 5}, {}, {}, {})
    assert (accounting.recut_share, accounting.recut_shown(), accounting.recut_warning()) == (None, None, None)


def test_share_is_of_all_splits_and_stays_in_the_file():
    accounting = Accounting.from_json(of_words(199, 0).to_json())
    assert accounting.recut_share == pytest.approx(0.995)
    assert accounting.recut_shown() == (
        "199 of 200 sentences (99.5 %) are cut into the same words by tagging.words: punctuation"
    )
    assert accounting.recut_warning() is None


@pytest.mark.parametrize(("alike", "is_warned"), [(190, False), (189, True)])
def test_share_below_95_percent_is_warned_of(alike, is_warned):
    assert (of_words(alike, 0).recut_warning() is not None) == is_warned


def test_warning_names_the_setting_that_cuts_more_alike():
    assert "With tagging.words: whitespace it would be 99.0 %." in of_words(20, 198).recut_warning()
    assert "With tagging.words: punctuation it would be 50.0 %." in of_words(100, 20, "whitespace").recut_warning()


def test_warning_offers_no_setting_where_none_is_better():
    warning = of_words(0, 0).recut_warning()
    assert "0 of 200 sentences (0.0 %)" in warning
    assert "it would be" not in warning
    assert "tag_words takes text that is cut already" in warning


def test_accounting_of_an_earlier_version_is_read():
    assert Accounting.from_json('{"rows": {"train": 1}, "quarantined": {}, "dropped": {}, "labels": {}}').recut == {}


def test_warnings_are_the_leaks_the_notes_and_the_share_cut_as_served():
    accounting = dataclasses.replace(of_words(20, 0), leaks={"test": 2}, notes=["Tags that never occur in train: x"])
    leak, note, recut = accounting.warnings()
    assert leak == "2 of 10 test texts are also in train or eval (20.0%)"
    assert note == "Tags that never occur in train: x"
    assert f"{recut}." == accounting.recut_warning()
    assert list(of_words(199, 0).warnings()) == []
