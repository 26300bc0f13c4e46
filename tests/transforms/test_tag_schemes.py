import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from ulmfit_tfx.transforms.tag_schemes import check_tag, inside_tag, spans_of_tags, tags_of_spans

LABELS = ["PER", "LOC", "a-b"]


def tags_with(prefixes):
    return st.sampled_from(["O", *(f"{prefix}-{label}" for prefix in prefixes for label in LABELS)])


@pytest.mark.parametrize(("scheme", "prefixes"), [("bio", "BI"), ("bioes", "BIES")])
def test_any_tags_stand_for_the_spans_that_seqeval_finds(scheme, prefixes):
    @given(st.lists(tags_with(prefixes), max_size=12))
    def check(tags):
        found = [(label, start, end - 1) for label, start, end in spans_of_tags(tags, scheme)]
        assert found == get_entities(tags)

    check()


@st.composite
def sentences_with_spans(draw):
    """Number of words, and spans that do not overlap; neighbours have different labels."""
    spans, at = [], 0
    for label, gap, length in draw(
        st.lists(st.tuples(st.sampled_from(LABELS), st.integers(0, 2), st.integers(1, 3)), max_size=5)
    ):
        start = at + gap + (bool(spans) and gap == 0 and spans[-1][0] == label)
        at = start + length
        spans.append((label, start, at))
    return at + draw(st.integers(0, 2)), spans


@given(sentences_with_spans(), st.sampled_from(["bio", "bioes", "plain"]))
def test_spans_come_back_from_their_tags(sentence, scheme):
    words, spans = sentence
    tags = tags_of_spans(words, spans, scheme)
    assert len(tags) == words
    assert all(check_tag(tag, scheme) is None for tag in tags)
    assert spans_of_tags(tags, scheme) == spans


def test_spans_of_one_label_side_by_side_stay_two_but_in_plain_tags():
    spans = [("PER", 0, 1), ("PER", 1, 3)]
    for scheme in ("bio", "bioes"):
        assert spans_of_tags(tags_of_spans(3, spans, scheme), scheme) == spans
    assert spans_of_tags(tags_of_spans(3, spans, "plain"), "plain") == [("PER", 0, 3)]


@pytest.mark.parametrize("spans", [[("A", 0, 2), ("B", 1, 3)], [("A", 1, 1)], [("A", 2, 5)], [("A", -1, 1)]])
def test_spans_that_are_none_are_an_error(spans):
    with pytest.raises(ValueError, match="overlaps another or is not within 4 words"):
        tags_of_spans(4, spans, "bio")


@pytest.mark.parametrize("tag", ["B-", "-PER", "B", "BI-PER", "b-PER", "I PER", "NOUN", ""])
def test_tag_without_one_prefix_and_a_label_is_of_neither_scheme(tag):
    assert check_tag(tag, "bio")
    assert check_tag(tag, "bioes")


def may_follow(tag, scheme, tags):
    """By the rules of the schemes, written out."""
    prefix, label = tag[0], tag[2:]
    if scheme == "bio":
        return {other for other in tags if other[0] in "OB" or (prefix in "BI" and other == f"I-{label}")}
    if prefix in "BI":
        return {f"I-{label}", f"E-{label}"}
    return {other for other in tags if other[0] in "OBS"}


@pytest.mark.parametrize(("scheme", "prefixes"), [("bio", "BI"), ("bioes", "BIES")])
def test_what_may_follow_a_word_may_follow_its_last_piece(scheme, prefixes):
    tags = ["O", *("-".join(parts) for parts in itertools.product(prefixes, ["x", "y"]))]
    for tag in tags:
        assert may_follow(inside_tag(tag, scheme), scheme, tags) == may_follow(tag, scheme, tags)
        assert not inside_tag(tag, scheme).startswith("B-")
