"""Finds the rows of a source that repeat earlier ones, on Beam, in memory that does not depend on how often they do.

No text passes from one stage to another. What does are blocks of packed records, each for one of the partitions that
digests and bands fall into by their hash: an element a row takes 2.5 times the memory and the time.

1. Of the equal texts of a batch the first one is packed. In a partition of digests, the first of all batches stays.
2. `near`: the bands of the texts that stay are compared in partitions of their own. For each row that shares a band,
   the first row with that band is noted.
3. The signatures of these rows alone go to that first row, and are compared with its own. A similar row is left out,
   whether that first row stays or not: where A resembles B and B resembles C, A alone may stay.

A row is not compared with all that share a band. In a source of few templates there are many, and one of many estimates
is above the threshold by chance.

What stays depends on the rows and their positions alone, neither on the number of workers nor on their order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import AsMultiMap, TaggedOutput
from apache_beam.transforms.window import GlobalWindows

from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.schemas.config.sources.corpus_cleanup import RowCleanupConfig
from ulmfit_tfx.transforms.corpus_cleanup.duplicates import (
    DIGEST_BYTES,
    SIGNATURE_BYTES,
    band_keys,
    bands_for,
    matches_needed,
    signatures,
    text_digest,
)

DUPLICATE, RELABELLED, NEAR = "duplicate", "duplicate with another label", "near duplicate"

_ROW_BITS, _SHARD_BITS = 36, 24
"""Of a position; two more are the rank of the shard."""
_PAGE_BITS = 14
"""Rows of a shard whose positions are equal but for these last bits are looked up together."""
_PARTITIONS = 256
"""At 33 and 170 bytes a row, a hundred million rows take 13 and 66 MB of each."""
_BATCH_ROWS, _BATCH_CHARACTERS = 1 << 14, 1 << 23

_SIGNED, _LATER = "signed", "later"

_TEXT = np.dtype([("digest", f"V{DIGEST_BYTES}"), ("position", "<i8"), ("label", "<i8"), ("is_repeated", np.bool_)])
_FIRST = np.dtype([("digest", f"V{DIGEST_BYTES}"), ("position", "<i8"), ("label", "<i8")])
_SIGNATURE = np.dtype([("position", "<i8"), ("values", np.uint8, SIGNATURE_BYTES)])
_BAND = np.dtype([("key", "<u4"), ("position", "<i8")])
_PAIR = np.dtype([("first", "<i8"), ("position", "<i8")])
_MEMBER = np.dtype([("first", "<i8"), ("signature", _SIGNATURE)])
_POSITION = np.dtype("<i8")

_Block = tuple[int, bytes]
"""A partition, page or shard, and packed records for it."""
_Found = tuple[int, tuple[bytes, bytes]]
"""A shard, and for it records of `_FIRST` and of `_POSITION`."""


class Occurrence(NamedTuple):
    """A text in its place.

    Attributes:
        position: See `position_of`.
        text: The text.
        label: Its `label_hash`.
    """

    position: int
    text: str
    label: int


def position_of(shard: Shard, row: int) -> int:
    """A number below 2**62 that orders the rows of a source: the first of equal rows stays.

    Args:
        shard: With its rank: rows of test and eval files stay before others.
        row: Number of the row in its shard, of those that reach this stage, from 0.
    """
    return key_of(shard) << _ROW_BITS | row


def key_of(shard: Shard) -> int:
    """Key of a shard in what `Duplicates` gives."""
    return shard.rank << _SHARD_BITS | shard.number


class Duplicates(beam.PTransform):
    """From `Occurrence`s, in any order, to what `LeftOut` wants, by `key_of` the shard.

    Occurrences should come from a stage that Beam fuses with this one, so that texts stay where they are.
    """

    def __init__(self, config: RowCleanupConfig):
        """Describes the search.

        Args:
            config: With `deduplicate` not off.
        """
        super().__init__()
        self.similarity = config.near_similarity if config.deduplicate == "near" else None

    def expand(self, occurrences: beam.PCollection) -> beam.PCollection:
        """Adds the stages."""
        is_signing = self.similarity is not None
        pack = beam.ParDo(_Pack(is_signing)).with_output_types(_Block).with_outputs(_SIGNED, main="texts")
        find_first = beam.FlatMap(_first_of_each).with_output_types(_Found).with_outputs(_LATER, main="found")
        packed = occurrences | "Pack" >> pack
        of_digest = packed.texts | "ByDigest" >> beam.GroupByKey() | "FindFirst" >> find_first
        if not is_signing:
            return of_digest.found
        pairs = (
            packed[_SIGNED]
            | "Cut" >> beam.FlatMap(_bands, AsMultiMap(of_digest[_LATER]), self.similarity).with_output_types(_Block)
            | "ByBand" >> beam.GroupByKey()
            | "FindPairs" >> beam.FlatMap(_pairs).with_output_types(_Block)
        )
        near = (
            packed[_SIGNED]
            | "Sign" >> beam.FlatMap(_members, AsMultiMap(pairs)).with_output_types(_Block)
            | "ByFirst" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMap(_near, self.similarity).with_output_types(_Found)
        )
        return (of_digest.found, near) | beam.Flatten()


class LeftOut:
    """The rows of a shard that repeat earlier ones."""

    def __init__(self, found: Iterable[tuple[bytes, bytes]]):
        """Unpacks what `Duplicates` gives for the shard. Memory is that of its rows that repeat others."""
        self.firsts: dict[bytes, tuple[int, int]] = {}
        self.near: set[int] = set()
        for firsts, near in found:
            records = np.frombuffer(firsts, _FIRST).tolist()
            self.firsts.update((digest, (position, label)) for digest, position, label in records)
            self.near.update(np.frombuffer(near, _POSITION).tolist())

    def reason(self, occurrence: Occurrence) -> str | None:
        """Why a row is left out, one of DUPLICATE, RELABELLED and NEAR, or None where it stays."""
        position, text, label = occurrence
        first = self.firsts.get(text_digest(text)) if self.firsts else None
        if first is not None and first[0] != position:
            return DUPLICATE if first[1] == label else RELABELLED
        return NEAR if position in self.near else None


class _Pack(beam.DoFn):
    """From occurrences to blocks of `_TEXT` for partitions and, tagged, blocks of `_SIGNATURE` for pages."""

    def __init__(self, is_signing: bool):
        self.is_signing = is_signing

    def start_bundle(self) -> None:
        self.batch: list[Occurrence] = []
        self.characters = 0

    def process(self, occurrence: Occurrence) -> Iterator[Any]:
        self.batch.append(occurrence)
        self.characters += len(occurrence.text)
        if len(self.batch) >= _BATCH_ROWS or self.characters >= _BATCH_CHARACTERS:
            batch, self.batch, self.characters = self.batch, [], 0
            texts, signed = _packed(batch, self.is_signing)
            yield from texts
            yield from (TaggedOutput(_SIGNED, block) for block in signed)

    def finish_bundle(self) -> Iterator[Any]:
        if self.batch:
            texts, signed = _packed(self.batch, self.is_signing)
            yield from map(GlobalWindows.windowed_value, texts)
            yield from (TaggedOutput(_SIGNED, GlobalWindows.windowed_value(block)) for block in signed)


def _packed(batch: Sequence[Occurrence], is_signing: bool) -> tuple[list[_Block], list[_Block]]:
    """The first of the equal texts of each shard: blocks of `_TEXT` for partitions, and of `_SIGNATURE` for pages."""
    positions, texts, labels = zip(*batch, strict=True)
    records = np.zeros(len(texts), _TEXT)
    records["digest"] = np.frombuffer(b"".join(map(text_digest, texts)), records["digest"].dtype)
    records["position"] = positions
    records["label"] = labels
    order, is_first = _by_digest(records)
    shards = records["position"][order] >> _ROW_BITS
    is_first[1:] |= shards[1:] != shards[:-1]
    starts = np.flatnonzero(is_first)
    first = order[starts]
    records["is_repeated"][first] = np.diff(starts, append=len(order)) > 1
    of_texts = list(_blocks(_halves(records[first])[:, 0] % _PARTITIONS, records[first]))
    if not is_signing:
        return of_texts, []
    signed = signatures([texts[place] for place in first])
    of_signatures = np.empty(len(signed.places), _SIGNATURE)
    of_signatures["position"] = records["position"][first[signed.places]]
    of_signatures["values"] = signed.values
    return of_texts, list(_blocks(of_signatures["position"] >> _PAGE_BITS, of_signatures))


def _first_of_each(partition: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
    """From a partition of digests to first rows, for shards, and, tagged, the positions of later ones, for pages."""
    records = _joined(partition[1], _TEXT)
    order, is_first = _by_digest(records)
    records = records[order]
    later = records["position"][~is_first]
    yield from (TaggedOutput(_LATER, block) for block in _blocks(later >> _PAGE_BITS, later))
    starts = np.flatnonzero(is_first)
    lengths = np.diff(starts, append=len(records))
    is_repeated = np.repeat(np.logical_or.reduceat(records["is_repeated"], starts) | (lengths > 1), lengths)
    firsts = np.repeat(records[starts], lengths)[is_repeated][list(_FIRST.names or ())].astype(_FIRST)
    for shard, of_shard in _blocks(records["position"][is_repeated] >> _ROW_BITS, firsts):
        yield shard, (of_shard, b"")


def _bands(signed: _Block, later: Mapping[int, Iterable[bytes]], similarity: float) -> Iterator[_Block]:
    """From a page's signatures of texts that stay to blocks of `_BAND` for partitions."""
    page, block = signed
    records = np.frombuffer(block, _SIGNATURE)
    records = records[~np.isin(records["position"], _joined(later[page], _POSITION))]
    keys = band_keys(records["values"], bands_for(similarity))
    bands = np.empty(keys.shape, _BAND)
    bands["key"] = keys >> np.uint64(32)
    bands["position"] = records["position"][:, None]
    yield from _blocks(keys.ravel() % _PARTITIONS, bands.ravel())


def _pairs(partition: tuple[int, Iterable[bytes]]) -> Iterator[_Block]:
    """From a partition of bands to blocks of `_PAIR` for pages: each row that shares a band, and the first with it."""
    records = _joined(partition[1], _BAND)
    records = records[np.lexsort((records["position"], records["key"]))]
    starts, lengths = _runs(records["key"])
    pairs = np.empty(len(records), _PAIR)
    pairs["first"] = np.repeat(records["position"][starts], lengths)
    pairs["position"] = records["position"]
    pairs = pairs[np.repeat(lengths > 1, lengths)]
    yield from _blocks(pairs["position"] >> _PAGE_BITS, pairs)


def _members(signed: _Block, pairs: Mapping[int, Iterable[bytes]]) -> Iterator[_Block]:
    """From a page's signatures to blocks of `_MEMBER` for partitions: those of rows that share a band."""
    page, block = signed
    records = np.frombuffer(block, _SIGNATURE)
    of_page = np.unique(_joined(pairs[page], _PAIR))
    of_page = of_page[np.isin(of_page["position"], records["position"])]
    sorter = np.argsort(records["position"])
    places = sorter[np.searchsorted(records["position"], of_page["position"], sorter=sorter)]
    members = np.empty(len(of_page), _MEMBER)
    members["first"] = of_page["first"]
    members["signature"] = records[places]
    yield from _blocks(members["first"] % _PARTITIONS, members)


def _near(partition: tuple[int, Iterable[bytes]], similarity: float) -> Iterator[_Found]:
    """From rows that share a band with the same first row to those that are similar to it, for shards."""
    members = _joined(partition[1], _MEMBER)
    members = members[np.lexsort((members["signature"]["position"], members["first"]))]
    positions, values = members["signature"]["position"], members["signature"]["values"]
    needed = matches_needed(similarity)
    starts, lengths = _runs(members["first"])
    is_near = np.count_nonzero(values == np.repeat(values[starts], lengths, axis=0), axis=1) >= needed
    is_near[starts] = False
    for shard, near in _blocks(positions[is_near] >> _ROW_BITS, positions[is_near]):
        yield shard, (b"", near)


def _by_digest(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of records of `_TEXT` by digest and position, and for each in it whether its digest is a new one."""
    halves = _halves(records)
    order = np.lexsort((records["position"], halves[:, 1], halves[:, 0]))
    is_first = np.ones(len(records), np.bool_)
    is_first[1:] = (halves[order[1:]] != halves[order[:-1]]).any(axis=1)
    return order, is_first


def _halves(records: np.ndarray) -> np.ndarray:
    """Digests as numbers, uint64 [records, 2]."""
    return np.ascontiguousarray(records["digest"]).view("<u8").reshape(-1, 2)


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where runs of equal values start, and how long they are."""
    is_start = np.ones(len(values), np.bool_)
    is_start[1:] = values[1:] != values[:-1]
    starts = np.flatnonzero(is_start)
    return starts, np.diff(starts, append=len(values))


def _blocks(keys: np.ndarray, records: np.ndarray) -> Iterator[_Block]:
    """Records by their keys, packed."""
    order = np.argsort(keys, kind="stable")
    for start, length in zip(*_runs(keys[order]), strict=True):
        of_key = order[start : start + length]
        yield int(keys[of_key[0]]), records[of_key].tobytes()


def _joined(blocks: Iterable[bytes], dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(b"".join(blocks), dtype)
