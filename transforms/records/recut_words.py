"""Whether the words of a sentence are those that serving cuts its text into."""

from collections.abc import Sequence

from ulmfit_tfx.schemas.config.tags import WORD_CUTS
from ulmfit_tfx.transforms.records.marked_text import word_splitter
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.written_text import written


def alike(rows: Sequence[Row]) -> dict[str, int]:
    """How many sentences each way of cutting raw text cuts into the words that they have.

    >>> alike([Row("Do n't !", words=("Do", "n't", "!"), tags=("O", "O", "O"), written="Don't!")])
    {'punctuation': 1, 'whitespace': 0}

    Args:
        rows: Sentences with words. What is cut is the text as it was `written`, where a row has that, or else as it
            may have been.

    Returns:
        Numbers of sentences, by the values of `tagging.words`.
    """
    texts = [written(row.words) if row.written is None else row.written for row in rows]
    given = [[word.encode() for word in row.words] for row in rows]
    cuts = {cut: word_splitter(cut)(texts)[0].to_list() for cut in WORD_CUTS}
    return {cut: sum(map(list.__eq__, found, given)) for cut, found in cuts.items()}
