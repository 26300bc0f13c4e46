"""Small files share a shard, large ones are cut, and what is read of them is what stands in each."""

import gzip
import itertools
from itertools import zip_longest

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources import labelled_texts

from ulmfit_tfx.components.corpus_ingest.deduplication import position_of
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts, read_shard
from ulmfit_tfx.components.corpus_ingest.shards import shards_of
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.record import Refusal, Row


def put(folder, sizes, suffix=".txt"):
    paths = []
    for number, size in enumerate(sizes):
        path = folder / f"{number:04d}{suffix}"
        path.write_bytes(b"x" * size)
        paths.append(str(path))
    return paths


def read(shard, source):
    return list(read_shard(shard, Ingestion(source), None, 0, ReadCounts()))


def document(path="rows", **config):
    return text_source(path=str(path), format="text", text_unit="document", **config)


def test_many_small_files_become_few_shards(tmp_path):
    paths = put(tmp_path, [40] * 3000)
    (shard,) = shards_of(dict.fromkeys(paths), document())
    assert list(shard.files) == paths
    assert not shard.is_range_of_lines
    assert read(shard, document()) == [Row("x" * 40)] * 3000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from([None, "test", "eval"])), max_size=12))
def test_shards_have_all_files_once_in_their_order_of_one_split_and_bounded_size(tmp_path_factory, files):
    paths = put(tmp_path_factory.mktemp("files"), [size for size, _ in files])
    splits = dict(zip(paths, [split for _, split in files], strict=True))
    shards = shards_of(splits, document(), shard_bytes=100)
    assert [file for shard in shards for file in shard.files] == paths
    assert [shard.number for shard in shards] == list(range(len(shards)))
    sizes = dict(zip(paths, [size for size, _ in files], strict=True))
    for shard, following in zip_longest(shards, shards[1:]):
        assert {splits[file] for file in shard.files} == {shard.split}
        held = sum(map(sizes.get, shard.files))
        assert held <= 100
        assert following is None or following.split != shard.split or held + sizes[following.file] > 100


def test_large_file_of_lines_is_cut_and_small_ones_after_it_share_a_shard(tmp_path):
    paths = put(tmp_path, [10, 250, 10, 10])
    (tmp_path / "0001.txt").write_bytes(b"y" * 99 + b"\n" + b"z" * 150)
    shards = shards_of(dict.fromkeys(paths), text_source(path="rows", format="text"), shard_bytes=100)
    assert [(shard.files, shard.start, shard.stop) for shard in shards] == [
        ((paths[0],), 0, None),
        ((paths[1],), 0, 100),
        ((paths[1],), 100, None),
        ((paths[2], paths[3]), 0, None),
    ]


def test_compressed_files_count_by_what_they_may_hold(tmp_path):
    paths = put(tmp_path, [0] * 4, ".gz")
    for path in paths:
        with open(path, "wb") as stream:
            stream.write(gzip.compress(b"a text\n"))
    (size,) = {len(gzip.compress(b"a text\n"))}
    assert len(shards_of(dict.fromkeys(paths), document(), shard_bytes=8 * size)) == 2


def test_refusal_names_its_own_file_and_line_and_header_of_each_file_is_read(tmp_path):
    paths = [tmp_path / f"{number}.csv" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_text(f"label,text\na,{number}\nb\n" if number < 2 else "text,label\n2,a\n,b\n", encoding="utf-8")
    source = labelled_texts(path=str(tmp_path), format="csv")
    (shard,) = shards_of({str(path): None for path in paths}, source)
    found = read(shard, source)
    assert [row.text for row in found if isinstance(row, Row)] == ["0", "1", "2"]
    assert [(each.source, each.line) for each in found if isinstance(each, Refusal)] == [
        (str(path), 3) for path in paths
    ]


def test_file_that_cannot_be_read_is_named_though_it_shares_a_shard(tmp_path):
    paths = put(tmp_path, [5, 5])
    (shard,) = shards_of(dict.fromkeys(paths), document())
    (tmp_path / "0001.txt").unlink()
    with pytest.raises(DataError, match=r"0001\.txt: cannot be read"):
        read(shard, document())


def test_rows_of_files_that_share_a_shard_keep_their_order_and_those_of_test_files_go_first(tmp_path):
    paths = put(tmp_path, [5] * 4)
    first, second = shards_of(dict(zip(paths, [None, None, "test", "test"], strict=True)), document())
    positions = [position_of(shard, row) for shard in (second, first) for row in range(2)]
    assert positions == sorted(set(positions))


def put_parquet(path, row_groups, **options):
    """A file of rows "0", "1" and so on, with row groups of so many rows."""
    numbers = itertools.count()
    schema = pyarrow.schema([("text", pyarrow.string()), ("label", pyarrow.string())])
    with pyarrow.parquet.ParquetWriter(path, schema, **options) as writer:
        for rows in row_groups:
            texts = [str(next(numbers)) for _ in range(rows)]
            writer.write_table(pyarrow.table({"text": texts, "label": ["a"] * rows}, schema), row_group_size=rows)
    return str(path)


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 4000))
def test_row_groups_of_a_large_file_are_shared_out_and_each_row_is_read_once_in_its_order(
    tmp_path_factory, row_groups, shard_bytes
):
    path = put_parquet(tmp_path_factory.mktemp("rows") / "rows.parquet", row_groups)
    source = labelled_texts(path=path, format="parquet")
    shards = shards_of({path: None}, source, shard_bytes)
    found = [row for shard in shards for row in read(shard, source)]
    assert [(row.text, row.line) for row in found] == [(str(n), n + 1) for n in range(sum(row_groups))]
    assert [shard.number for shard in shards] == list(range(len(shards)))
    if len(shards) > 1:
        cut = [number for shard in shards for number in shard.row_groups]
        assert cut == list(range(len(row_groups)))


def test_large_parquet_file_is_cut_where_a_shard_is_full_and_a_compressed_one_is_not(tmp_path):
    path = put_parquet(tmp_path / "rows.parquet", [200] * 6, use_dictionary=False, compression="none")
    source = labelled_texts(path=path, format="parquet")
    written = pyarrow.parquet.ParquetFile(path).metadata
    of_two = sum(written.row_group(number).total_byte_size for number in range(2))
    shards = shards_of({path: "test"}, source, of_two)
    assert [shard.row_groups for shard in shards] == [range(2), range(2, 4), range(4, 6)]
    assert {shard.split for shard in shards} == {"test"}
    (tmp_path / "rows.parquet.gz").write_bytes(gzip.compress((tmp_path / "rows.parquet").read_bytes()))
    (whole,) = shards_of({f"{path}.gz": None}, source, 200)
    assert whole.row_groups is None
    assert len(read(whole, source)) == 1200


def test_words_a_row_are_not_cut_apart_for_a_sentence_goes_on_in_the_next_row_group(tmp_path):
    path = put_parquet(tmp_path / "rows.parquet", [20] * 6)
    assert len(shards_of({path: None}, tagged_words(path=path, format="words_parquet"), 10)) == 1
