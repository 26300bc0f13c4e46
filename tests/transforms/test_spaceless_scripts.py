import unicodedata

import tensorflow as tf

from ulmfit_tfx.transforms.spaceless_scripts import is_spaceless
from ulmfit_tfx.transforms.word_splitting import _SPACELESS_SCRIPTS


def test_characters_are_those_that_serving_takes_for_words_of_their_own():
    points = [point for point in range(0x80, 0x110000) if not 0xD800 <= point < 0xE000]
    characters = [chr(point) for point in points if unicodedata.category(chr(point)) in ("Lo", "Mn", "Mc")]
    served = tf.strings.regex_full_match(tf.constant(characters), f"[{_SPACELESS_SCRIPTS}]").numpy()
    basic = [(each, bool(is_served)) for each, is_served in zip(characters, served, strict=True) if each < "\U00010000"]
    assert [each for each, is_served in basic if is_served != is_spaceless(each)] == []
    beyond = [each for each, is_served in zip(characters, served, strict=True) if each > "\uffff" and not is_served]
    assert not any(map(is_spaceless, beyond))
