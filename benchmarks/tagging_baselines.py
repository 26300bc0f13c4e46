"""What a tagger is compared with beside the baselines of each run: a conditional random field with word features.

Needs sklearn-crfsuite (`pip install 'ulmfit-tfx[benchmarks]'`).
"""

from collections.abc import Sequence

from ulmfit_tfx.tasks.tagging.word_features import Features, word_features
from ulmfit_tfx.transforms.records.record import Row


def crf_baseline(train_rows: Sequence[Row], rows: Sequence[Row]) -> list[list[str]]:
    """Tags of rows' words by a field that is fitted on the words and tags of `train_rows`. The same each time."""
    import sklearn_crfsuite

    field = sklearn_crfsuite.CRF(algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=100, all_possible_transitions=True)
    field.fit([_features(row) for row in train_rows], [list(row.tags) for row in train_rows])
    return [list(tags) for tags in field.predict([_features(row) for row in rows])]


def _features(row: Row) -> list[Features]:
    return [word_features(row.words, index) for index in range(len(row.words))]
