"""What linear baselines are fitted on."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import scipy.sparse
from sklearn.feature_extraction.text import TfidfVectorizer

log = logging.getLogger(__name__)


_WORDS = {"ngram_range": (1, 2), "min_df": 2}


_CHARACTERS = {"ngram_range": (1, 3), "analyzer": "char_wb"}


def tfidf(
    train_texts: Sequence[str], texts: Sequence[str]
) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix] | None:
    """TF-IDF of words and word pairs, of characters in a script without spaces between words.

    Returns:
        float64 [train_texts, terms] and [texts, terms]; None where the texts hold not even characters to count.
    """
    options: Mapping[str, Any]
    for options in (_WORDS, _CHARACTERS):
        vectorizer = TfidfVectorizer(sublinear_tf=True, **options)
        try:
            return vectorizer.fit_transform(train_texts), vectorizer.transform(texts)
        except ValueError as error:  # no term is left
            log.info("TF-IDF of %s: %s", options, error)
    return None
