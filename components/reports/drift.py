"""What StrictExampleValidator found out about drift, as a file and as sentences."""

import dataclasses
import json
from collections.abc import Iterator, Mapping

REPORT_FILE = "drift.json"

_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class FeatureDrift:
    """How far a feature's distribution is from the one before.

    Attributes:
        feature: Its name.
        measure: What the distance is: "L-infinity", the largest difference of a share, or "Jensen-Shannon divergence",
            in bits.
        distance: 0 where nothing changed, 1 where no value of the one occurs in the other.
        threshold: Largest distance that is no drift.
        moved: Shares of the values, or ranges of numbers, that changed most, the one that did most first: before, now.
    """

    feature: str
    measure: str
    distance: float
    threshold: float
    moved: Mapping[str, tuple[float, float]]

    @property
    def is_drift(self) -> bool:
        """Whether the distance is over the threshold."""
        return self.distance > self.threshold

    def __str__(self) -> str:
        shown = list(self.moved.items())[:_SHOWN]
        moved = ", ".join(f"{value} {before:.1%} -> {now:.1%}" for value, (before, now) in shown)
        return f"{self.feature}: {self.measure} {self.distance:.3f}, more than {self.threshold:g}: {moved}"


@dataclasses.dataclass(frozen=True)
class DriftReport:
    """How the rows of the train split differ from those that the model in service was trained on.

    Attributes:
        reason: Why nothing is compared; "" where something is.
        rows: Of the train split, `before` and `now`.
        mean_text_bytes: Of a text, likewise.
        features: What was measured.
        not_compared: By name of a feature, why not.
    """

    reason: str = ""
    rows: Mapping[str, int] = dataclasses.field(default_factory=dict)
    mean_text_bytes: Mapping[str, float] = dataclasses.field(default_factory=dict)
    features: tuple[FeatureDrift, ...] = ()
    not_compared: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def drifted(self) -> tuple[FeatureDrift, ...]:
        """What is over its threshold."""
        return tuple(each for each in self.features if each.is_drift)

    def sentences(self) -> Iterator[str]:
        """What people have to know, a line each."""
        if self.reason:
            yield f"not measured: {self.reason}"
            return
        yield from map(str, self.drifted)
        if quiet := [each for each in self.features if not each.is_drift]:
            measured = ", ".join(f"{each.feature} {each.distance:.3f} of {each.threshold:g}" for each in quiet)
            yield f"{'none else' if self.drifted else 'none from the rows of the model in service'}: {measured}"
        for feature, why in self.not_compared.items():
            yield f"{feature} is not compared: {why}"

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "DriftReport":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        features = tuple(
            FeatureDrift(**each | {"moved": {value: tuple(shares) for value, shares in each["moved"].items()}})
            for each in values["features"]
        )
        return cls(**values | {"features": features})
