"""Files that hold no text are told by their bytes, whatever their names are; compressed ones and archives are read."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import zipfile

import numpy as np
import pyarrow
import pyarrow.feather
import pyarrow.orc
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.components.corpus_ingest.archives import members_of
from ulmfit_tfx.components.corpus_ingest.file_kinds import kind_of
from ulmfit_tfx.components.corpus_ingest.shards import shards_of
from ulmfit_tfx.components.corpus_ingest.source_files import (
    check_source,
    find_files,
    fingerprint,
    is_compressed,
    readable,
    size_of,
)
from ulmfit_tfx.components.record_files import framed
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError

TEXT = b"The first line.\nThe second line.\n"
COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1"


def source(path, **config):
    return text_source(**({"path": str(path), "format": "text"} | config))


def put(folder, name, content=TEXT):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def zipped(folder, contents, name="data.zip"):
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in contents.items():
            archive.writestr(member, content)
    return str(path)


def read(path):
    with readable(path, source(path)) as stream:
        return stream.read()


def written(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def database(folder):
    path = folder / "made.db"
    connection = sqlite3.connect(path)
    connection.execute("create table t (a text)")
    connection.commit()
    connection.close()
    return path.read_bytes()


def tar_of(name, content):
    def write(stream):
        with tarfile.open(fileobj=stream, mode="w") as archive:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))

    return written(write)


def office(member):
    def write(stream):
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr(member, "<document/>")

    return written(write)


TABLE = pyarrow.table({"text": ["one", "two"]})
BINARY = {
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "a Python pickle": pickle.dumps({"text": ["a"] * 9}),
    "a tar archive": tar_of("a.txt", TEXT),
    "a Word document (.docx)": office("word/document.xml"),
    "a PowerPoint document (.pptx)": office("ppt/presentation.xml"),
    "an OpenDocument file (.ods, .odt)": office("content.xml"),
    "an Office document from before 2007 (.xls, .doc)": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100),
    "a NumPy array": written(lambda stream: np.save(stream, np.arange(9))),
    "NumPy arrays (.npz)": written(lambda stream: np.savez(stream, a=np.arange(9))),
    "a PNG image": PNG,
    "a Feather file": written(lambda stream: pyarrow.feather.write_feather(TABLE, stream, version=1)),
    "an Arrow or Feather file": written(lambda stream: pyarrow.feather.write_feather(TABLE, stream)),
    "an ORC file": written(lambda stream: pyarrow.orc.write_table(TABLE, stream)),
    "a file of TFRecords": framed([b"a record"]),
    "a Git LFS pointer, not the file itself": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n",
    "a binary file of an unknown kind": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("kind", BINARY)
def test_file_without_text_is_refused_by_its_name_before_it_is_parsed(tmp_path, kind):
    path = put(tmp_path, "rows.csv", BINARY[kind])
    with pytest.raises(DataError) as error:
        check_source(source(path, format="csv"))
    assert str(error.value).startswith(f"{path}: is {kind}, not text. ")


def test_sqlite_database_and_what_is_compressed_is_named_too(tmp_path):
    path = put(tmp_path, "rows.csv.gz", gzip.compress(database(tmp_path)))
    with pytest.raises(DataError, match=r"rows\.csv\.gz: is an SQLite database, not text\. Export it as CSV"):
        check_source(source(path, format="csv"))


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<html>", b"\xef\xbb\xbf<html lang='en'>"])
def test_web_page_is_named_where_rows_have_columns_and_read_where_it_is_a_text(tmp_path, page):
    path = put(tmp_path, "rows.csv", page)
    with pytest.raises(DataError, match=r"is a web page \(of a failed download\?\)"):
        check_source(source(path, format="csv"))
    assert list(check_source(source(path))) == [path]


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r\x1b"), max_size=300),
    st.sampled_from(["", "ORC ", "RIFF", "PAR1,", "ID3", "OggS", "RDX", "BZh9", "GIF8", "FEA1"]),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32", "utf-16-le", "shift_jis", "iso2022_jp"]),
)
def test_no_text_is_taken_for_something_else(text, start, encoding):
    content = f"{start}a, {text}".encode(encoding, "ignore")
    if not content.decode(encoding, "ignore").isascii() and encoding == "utf-16-le":
        return  # zeros that stand irregularly: nothing tells these from bytes
    assert kind_of(io.BufferedReader(io.BytesIO(content))) is None


@pytest.mark.parametrize("way", COMPRESS)
def test_compressed_file_without_its_suffix_is_decompressed(tmp_path, way):
    path = put(tmp_path, "rows.txt", COMPRESS[way](TEXT))
    assert list(check_source(source(path))) == [path]
    assert is_compressed(path)
    assert read(path) == TEXT
    (shard,) = shards_of({path: None}, source(path), shard_bytes=8)
    assert not shard.is_range_of_lines, "a range of compressed bytes is no range of lines"


def test_truncated_file_without_its_suffix_is_an_error(tmp_path):
    path = put(tmp_path, "rows.txt", gzip.compress(TEXT * 99)[:-9])
    with pytest.raises(DataError, match=r"rows\.txt: cannot be read: "):
        read(path)


def test_members_of_an_archive_are_files_but_hidden_ones_and_what_is_said_about_them(tmp_path):
    names = ["b.csv", "part/a.csv", "__MACOSX/._b.csv", ".DS_Store", "README.md", "part/LICENSE"]
    path = zipped(tmp_path, dict.fromkeys(names, b"text\nFine.\n"))
    expected = [f"{path}!/b.csv", f"{path}!/part/a.csv"]
    assert list(check_source(source(path, format="csv"))) == expected
    assert [read(file) for file in expected] == [b"text\nFine.\n"] * 2
    assert [size_of(file) for file in expected] == [11, 11]
    assert [not shard.is_range_of_lines for shard in shards_of(dict.fromkeys(expected), source(path), 2)] == [
        True,
        True,
    ]


def test_archive_of_a_readme_alone_has_it(tmp_path):
    path = zipped(tmp_path, {"readme": TEXT})
    assert members_of(path) == [f"{path}!/readme"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("*.csv", ["b.csv", "part/a.csv"]), ("part/a.csv", ["part/a.csv"]), ("a[1].txt", ["a[1].txt"])],
)
def test_path_may_name_members(tmp_path, pattern, expected):
    path = zipped(tmp_path, dict.fromkeys(["b.csv", "part/a.csv", "a[1].txt", "image.png"], TEXT))
    assert find_files(f"{path}!/{pattern}") == [f"{path}!/{name}" for name in expected]


def test_fingerprint_follows_the_archive_and_the_pattern(tmp_path):
    path = zipped(tmp_path, {"a.csv": b"a", "b.csv": b"b"})
    seen = {fingerprint(path), fingerprint(f"{path}!/a.csv"), fingerprint(f"{path}!/b.csv")}
    zipped(tmp_path, {"a.csv": b"a", "b.csv": b"another"})
    assert len(seen | {fingerprint(f"{path}!/a.csv")}) == 4


def test_archive_that_another_took_the_place_of_is_read_anew(tmp_path):
    path = zipped(tmp_path, {"a.txt": b"before"})
    assert read(f"{path}!/a.txt") == b"before"
    zipped(tmp_path, {"a.txt": b"afterwards"})
    assert read(f"{path}!/a.txt") == b"afterwards"


def test_member_may_be_compressed_in_its_own_way(tmp_path):
    path = zipped(tmp_path, {"a.jsonl.gz": gzip.compress(json.dumps({"text": "Fine."}).encode())})
    assert list(check_source(source(path, format="jsonl"))) == [f"{path}!/a.jsonl.gz"]


def test_nested_archive_encrypted_member_and_foreign_member_are_named(tmp_path):
    inner = zipped(tmp_path, {"a.csv": b"text\n"}, "inner.zip")
    with open(inner, "rb") as stream:
        nested = zipped(tmp_path, {"inner.zip": stream.read()})
    with pytest.raises(
        DataError, match=r"data\.zip!/inner\.zip: is a zip archive inside of another, not text\. Unpack"
    ):
        check_source(source(nested))
    foreign = zipped(tmp_path, {"a.csv": b"text\n", "b.png": PNG})
    with pytest.raises(
        DataError, match=r"data\.zip!/b\.png: is a PNG image, not text\. .* name the files with the rows"
    ):
        check_source(source(foreign))
    content = bytearray((tmp_path / "inner.zip").read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    encrypted = put(tmp_path, "encrypted.zip", bytes(content))
    with pytest.raises(DataError, match=r"encrypted\.zip!/a\.csv: is encrypted\. Unpack the archive"):
        check_source(source(encrypted))


def test_damaged_archive_is_an_error(tmp_path):
    whole = (tmp_path / zipped(tmp_path, {"a.txt": TEXT * 500})).read_bytes()
    path = put(tmp_path, "cut.zip", whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.zip: cannot be read: File is not a zip file"):
        check_source(source(path))
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    path = put(tmp_path, "damaged.zip", bytes(damaged))
    with pytest.raises(DataError, match=r"damaged\.zip!/a\.txt: cannot be read: "):
        read(f"{path}!/a.txt")


def test_memory_for_a_member_of_equal_bytes_does_not_depend_on_its_size(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.txt", "w") as member:
        for _ in range(64):
            member.write(bytes(1 << 20))
    import tracemalloc

    tracemalloc.start()
    with readable(f"{path}!/zeros.txt", source(path)) as stream:
        read_bytes = sum(map(len, iter(lambda: stream.read(1 << 16), b"")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read_bytes == 64 << 20
    assert peak < 8 << 20
