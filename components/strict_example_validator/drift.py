"""Measures how statistics of rows differ from earlier ones, by TFDV's drift comparators.

Numbers are compared by the tenths of the earlier distribution. TFDV's own bins are of equal width between the lowest
and the highest number, so that one new extreme moves them all: ratings from 1 to 5 and the same with a single 0 are
0.45 bits apart by them.
"""

import bisect
import itertools
from collections.abc import Mapping
from typing import TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from ulmfit_tfx.components.pushed_statistics import is_compared
from ulmfit_tfx.components.reports.drift import DriftReport, FeatureDrift
from ulmfit_tfx.schemas.feature_names import TEXT

_Feature: TypeAlias = statistics_pb2.FeatureNameStatistics
_Measurement: TypeAlias = anomalies_pb2.DriftSkewInfo.Measurement
_Shares: TypeAlias = Mapping[str, tuple[float, float]]
"""Of the values of a feature, or of ranges of numbers: before, now."""

_MEASURES = {
    _Measurement.L_INFTY: "L-infinity",
    _Measurement.JENSEN_SHANNON_DIVERGENCE: "Jensen-Shannon divergence",
    _Measurement.NORMALIZED_ABSOLUTE_DIFFERENCE: "normalized absolute difference",
}
_TENTHS = 10
_KEPT = 20


def find_drift(
    now: statistics_pb2.DatasetFeatureStatisticsList,
    before: statistics_pb2.DatasetFeatureStatisticsList,
    threshold: float,
    schema: schema_pb2.Schema,
) -> DriftReport:
    """Compares what `pushed_statistics.training_statistics` gives of two runs.

    Args:
        now: Of this run.
        before: Of an earlier one.
        threshold: Of every feature, for the L-infinity distance of texts or the Jensen-Shannon divergence of numbers.
        schema: A feature's `drift_comparator` in it stands in the place of these.
    """
    found = {"before": _by_name(before.datasets[0]), "now": _by_name(now.datasets[0])}
    names = [name for name in found["now"] | found["before"] if is_compared(name)]
    not_compared = {name: why for name in names if (why := _why_not(found, name))}
    shares = {name: _shares(found["before"][name], found["now"][name]) for name in names if name not in not_compared}
    own = {feature.name: feature.drift_comparator for feature in schema.feature if feature.HasField("drift_comparator")}
    comparators = schema_pb2.Schema()
    for name in shares:
        feature = comparators.feature.add(name=name, type=schema_pb2.BYTES)
        if name in own:
            feature.drift_comparator.CopyFrom(own[name])
        elif found["now"][name].HasField("num_stats"):
            feature.drift_comparator.jensen_shannon_divergence.threshold = threshold
        else:
            feature.drift_comparator.infinity_norm.threshold = threshold
    return DriftReport(
        rows={"before": int(before.datasets[0].num_examples), "now": int(now.datasets[0].num_examples)},
        mean_text_bytes={
            when: round(features[TEXT].string_stats.avg_length, 2)
            for when, features in found.items()
            if TEXT in features
        },
        features=_measured(shares, comparators),
        not_compared=not_compared,
    )


def _by_name(dataset: statistics_pb2.DatasetFeatureStatistics) -> dict[str, _Feature]:
    return {feature.path.step[0]: feature for feature in dataset.features}


def _why_not(found: Mapping[str, Mapping[str, _Feature]], name: str) -> str:
    """Why a feature's values cannot be compared, "" where they can."""
    if name not in found["before"]:
        return "the rows of the model in service did not have it"
    if name not in found["now"]:
        return "the rows of the model in service had it, and these do not"
    before, now = ({each.name: each.str for each in found[when][name].custom_stats} for when in ("before", "now"))
    changed = [
        f"{field} was {before.get(field, 'not recorded')} and is {now.get(field, 'not recorded')}"
        for field in now | before
        if before.get(field) != now.get(field)
    ]
    if changed:
        return ", ".join(changed)
    if found["before"][name].type != found["now"][name].type:
        return "it was of another type"
    empty = [when for when in ("before", "now") if not _total(found[when][name])]
    return f"it has no values {empty[0]}" if empty else ""


def _total(feature: _Feature) -> float:
    return sum(_counts(feature).values()) if feature.HasField("string_stats") else sum(_numbers(feature).values())


def _shares(before: _Feature, now: _Feature) -> _Shares:
    if before.HasField("string_stats"):
        counts_before, counts_now = _counts(before), _counts(now)
    else:
        numbers = _numbers(before)
        bounds = _tenths(numbers)
        counts_before, counts_now = _in_ranges(numbers, bounds), _in_ranges(_numbers(now), bounds)
    total_before, total_now = sum(counts_before.values()), sum(counts_now.values())
    return {
        value: (counts_before.get(value, 0.0) / total_before, counts_now.get(value, 0.0) / total_now)
        for value in counts_before | counts_now
    }


def _counts(feature: _Feature) -> dict[str, float]:
    return {bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets}


def _numbers(feature: _Feature) -> dict[float, float]:
    """A distribution of numbers as points with their weights, at the upper ends of the quantiles' buckets."""
    points: dict[float, float] = {}
    for histogram in feature.num_stats.histograms:
        for bucket in histogram.buckets:
            points[bucket.high_value] = points.get(bucket.high_value, 0.0) + bucket.sample_count
    return points


def _tenths(points: Mapping[float, float]) -> list[float]:
    """Upper bounds of the ranges that a distribution is cut into: each holds about a tenth of it, or a single number.

    >>> _tenths({number: 5.0 for number in range(1, 21)})
    [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    >>> _tenths({1.0: 30.0, 2.0: 3.0, 3.0: 67.0})  # what is common is not hidden among what is rare
    [1.0, 2.0, 3.0]
    """
    total, seen, previous = sum(points.values()), 0.0, None
    bounds: list[float] = []
    for number, weight in sorted(points.items()):
        tenths = [int((seen + more) / total * _TENTHS + 1e-9) for more in (0.0, weight)]
        if weight * _TENTHS >= total and previous is not None and previous not in bounds:
            bounds.append(previous)
        if tenths[1] > tenths[0]:
            bounds.append(number)
        seen, previous = seen + weight, number
    return bounds


def _in_ranges(points: Mapping[float, float], bounds: list[float]) -> dict[str, float]:
    """Weights by range, each with its upper bound.

    >>> _in_ranges({1.0: 2.0, 1.5: 1.0, 2.0: 5.0, 7.0: 1.0}, [1.0, 2.0])
    {'up to 1': 2.0, 'over 1 up to 2': 6.0, 'over 2': 1.0}
    """
    between = (f"over {low:g} up to {high:g}" for low, high in itertools.pairwise(bounds))
    names = [f"up to {bounds[0]:g}", *between, f"over {bounds[-1]:g}"]
    weights = dict.fromkeys(names, 0.0)
    for number, weight in points.items():
        weights[names[bisect.bisect_left(bounds, number)]] += weight
    return weights


def _measured(shares: Mapping[str, _Shares], comparators: schema_pb2.Schema) -> tuple[FeatureDrift, ...]:
    """What TFDV says of distributions."""
    if not shares:
        return ()
    before, now = (_statistics(shares, when) for when in (0, 1))
    anomalies = tfdv.validate_statistics(now, comparators, previous_statistics=before)
    return tuple(
        FeatureDrift(
            feature=info.path.step[0],
            measure=_MEASURES[measurement.type],
            distance=measurement.value,
            threshold=measurement.threshold,
            moved=_most_moved(shares[info.path.step[0]]),
        )
        for info in anomalies.drift_skew_info
        for measurement in info.drift_measurements
    )


def _most_moved(shares: _Shares) -> dict[str, tuple[float, float]]:
    moved = {value: each for value, each in shares.items() if each[0] != each[1]}
    return dict(sorted(moved.items(), key=lambda item: (-round(abs(item[1][1] - item[1][0]), 9), item[0]))[:_KEPT])


def _statistics(shares: Mapping[str, _Shares], when: int) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Distributions, those before (0) or now (1), as TFDV reads them: a share of 0 would keep it from measuring."""
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    dataset = statistics.datasets.add(num_examples=1)
    for name, of_feature in shares.items():
        feature = dataset.features.add(type=_Feature.STRING)
        feature.path.step.append(name)
        feature.string_stats.common_stats.num_non_missing = 1
        for value, each in of_feature.items():
            if each[when]:
                feature.string_stats.rank_histogram.buckets.add(label=value, sample_count=each[when])
    return statistics
