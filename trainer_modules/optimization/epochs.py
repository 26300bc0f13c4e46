"""How many epochs a training has where the configuration does not say."""

_FEWEST, _MOST = 4, 20

OF_THOUSAND_TEXTS = 6
OF_THOUSAND_SENTENCES = 22
"""Of taggers."""


def usual_epochs(rows: int, of_thousand: int) -> int:
    """Epochs by the number of train rows: as their root falls, so that steps rise as it does, within bounds.

    Args:
        rows: Of the train split.
        of_thousand: Epochs for a thousand rows.
    """
    return min(max(round(of_thousand * (1000 / rows) ** 0.5), _FEWEST), _MOST)
