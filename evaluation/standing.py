"""Where a model stands beside the strongest of its baselines, in one line."""

import dataclasses
from collections.abc import Mapping

from ulmfit_tfx.evaluation.catalogue import NO_BASELINES, SYSTEMS, lower_is_better, title_of
from ulmfit_tfx.evaluation.intervals import Interval


@dataclasses.dataclass(frozen=True)
class Standing:
    """A model beside its strongest baseline.

    Attributes:
        score: By which they are compared.
        baseline: The strongest, a name of `catalogue.SYSTEMS`.
        lead: By how much the model is ahead, with a paired 95 % interval; negative where it is behind, whether the
            score is better high or low.
    """

    score: str
    baseline: str
    lead: Interval

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.lead.low > 0 or self.lead.high < 0

    def sentence(self) -> str:
        """In words.

        >>> Standing("accuracy", "tfidf", Interval(0.012, -0.004, 0.029)).sentence()
        'accuracy ahead of TF-IDF + linear by 0.0120 (-0.004..0.029): not significant'
        >>> Standing("mae", "mean", Interval(-0.05, -0.07, -0.03)).sentence()
        'MAE behind mean of training by 0.0500 (0.030..0.070): significant'
        >>> Standing("accuracy", "majority", Interval(0.0, 0.0, 0.0)).sentence()
        'accuracy level with majority class (0.000..0.000): not significant'
        """
        title, value, low, high = SYSTEMS[self.baseline].title, self.lead.value, self.lead.low, self.lead.high
        if value < 0:
            where, value, low, high = f"behind {title} by {-value:.4f}", -value, -high, -low
        else:
            where = f"ahead of {title} by {value:.4f}" if value else f"level with {title}"
        verdict = "significant" if self.is_significant else "not significant"
        return f"{title_of(self.score)} {where} ({low:.3f}..{high:.3f}): {verdict}"


def standing(
    score: str,
    systems: Mapping[str, Mapping[str, Interval]],
    differences: Mapping[str, Mapping[str, Interval]],
) -> Standing | None:
    """Where a model stands by a score; None where no baseline has it, or it was not compared with them.

    Args:
        score: Its name.
        systems: Scores of each system.
        differences: The model's scores less those of each other system, paired.
    """
    sign = -1 if lower_is_better(score) else 1
    baselines = {
        name: sign * scores[score].value
        for name, scores in systems.items()
        if name not in NO_BASELINES and score in scores and score in differences.get(name, {})
    }
    if not baselines:
        return None
    strongest = max(baselines, key=lambda name: baselines[name])
    found = differences[strongest][score]
    return Standing(score, strongest, found if sign > 0 else Interval(-found.value, -found.high, -found.low))
