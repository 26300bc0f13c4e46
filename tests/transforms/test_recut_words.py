from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.records.recut_words import alike


def row(*words, written=None):
    return Row(" ".join(words), words=words, tags=("O",) * len(words), written=written)


def test_sentences_are_counted_whose_text_is_cut_into_the_same_words():
    rows = [row("to", "London", "."), row("Great!", ":)"), row("a", "b"), row("New York", "x")]
    assert alike(rows) == {"punctuation": 2, "whitespace": 2}


def test_text_as_it_was_written_counts_where_there_is_one():
    assert alike([row("zu", "dem", "Haus", written="zum Haus")]) == {"punctuation": 0, "whitespace": 0}
    assert alike([row("do", "n't", written="don't"), row("do", "n't")]) == {"punctuation": 2, "whitespace": 1}


def test_words_of_scripts_without_spaces_are_cut_otherwise_by_both():
    assert alike([row("我们", "在", "北京", "。"), row("ฉัน", "ไป")]) == {"punctuation": 0, "whitespace": 0}
