import bz2
import errno
import gzip
import io
import lzma
import os
import subprocess
import sys
import uuid

import pytest
import zstandard

from ulmfit_tfx.components import remote_files
from ulmfit_tfx.components.corpus_ingest import compressed_files
from ulmfit_tfx.components.corpus_ingest.source_files import (
    check_source,
    find_files,
    fingerprint,
    is_compressed,
    open_file,
    open_uncompressed,
    readable,
    size_of,
)
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.formats import parse

TEXT = b"".join(b"line %d of a text\n" % number for number in range(5000))
COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}
TREE = ["b.txt", "a.txt.gz", "sub/c.txt", "sub/deep/d.txt", "sub.txt/e"]
LEFT_OUT = [".hidden", "_SUCCESS", ".git/config", "_temporary/part-0.txt", "sub/_x/f.txt", "sub/.y"]


def source(path="rows", **config):
    return text_source(**({"path": str(path), "format": "text"} | config))


def read(path, config=None) -> bytes:
    with readable(str(path), config or source()) as stream:
        return stream.read()


def put(folder, name, content=b"text\n"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


# Folders and globs


def test_folder_is_all_files_below_it_but_hidden_ones(tmp_path):
    contents = {name: gzip.compress(TEXT) if name.endswith(".gz") else TEXT for name in TREE}
    expected = sorted(put(tmp_path, name, content) for name, content in contents.items())
    for name in LEFT_OUT:
        put(tmp_path, name)
    assert find_files(str(tmp_path)) == expected
    assert list(check_source(source(tmp_path))) == expected


def test_folder_may_lie_in_a_hidden_one_and_be_a_link(tmp_path):
    file = put(tmp_path / "_data", "a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "_data")
    assert find_files(os.path.dirname(file)) == [file]
    assert find_files(str(tmp_path / "link")) == [str(tmp_path / "link" / "a.txt")]


def test_folder_has_links_to_files_and_not_those_to_folders(tmp_path):
    elsewhere = put(tmp_path / "elsewhere", "a.txt")
    data = tmp_path / "data"
    data.mkdir()
    (data / "file.txt").symlink_to(elsewhere)
    (data / "folder").symlink_to(tmp_path)
    assert find_files(str(data)) == [str(data / "file.txt")]


def test_link_that_leads_nowhere_is_an_error_and_not_left_out(tmp_path):
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"gone\.txt: cannot be read: .*No such file"):
        check_source(source(tmp_path))


@pytest.mark.parametrize("names", [[], ["_SUCCESS", ".git/config"]])
def test_folder_without_data_is_an_error(tmp_path, names):
    for name in names:
        put(tmp_path, name)
    with pytest.raises(DataError, match="no such file"):
        find_files(str(tmp_path))


def test_folder_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    put(tmp_path, "locked/a.txt")

    def scandir(path, scan=os.scandir):
        if os.path.basename(path) == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match="locked: cannot be read: Permission denied"):
        find_files(str(tmp_path))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["b.txt"]),
        ("**/*.txt", ["b.txt", "sub/c.txt", "sub/deep/d.txt"]),
        ("sub/**", ["sub/c.txt", "sub/deep/d.txt"]),
        ("**/d*", ["sub/deep/d.txt"]),
        ("s*/?.txt", ["sub/c.txt"]),
        ("[ab].txt*", ["a.txt.gz", "b.txt"]),
    ],
)
def test_glob_names_files_and_two_stars_any_number_of_folders(tmp_path, pattern, expected):
    for name in TREE:
        put(tmp_path, name)
    assert find_files(f"{tmp_path}/{pattern}") == [str(tmp_path / name) for name in expected]


def test_file_whose_name_looks_like_a_glob_is_found(tmp_path):
    path = put(tmp_path, "a[1].txt")
    put(tmp_path, "a1.txt")
    assert find_files(path) == [path]


def test_fingerprint_of_a_folder_follows_its_files(tmp_path):
    put(tmp_path, "sub/a.txt")
    seen = {fingerprint(str(tmp_path))}
    put(tmp_path, "sub/_a.txt", b"hidden")
    assert {fingerprint(str(tmp_path))} == seen
    put(tmp_path, "sub/a.txt", b"another")
    seen.add(fingerprint(str(tmp_path)))
    put(tmp_path, "b.txt")
    seen.add(fingerprint(str(tmp_path)))
    assert len(seen) == 3


def test_file_that_is_gone_has_no_size(tmp_path):
    path = put(tmp_path, "a.txt", TEXT)
    assert size_of(path) == len(TEXT)
    os.remove(path)
    with pytest.raises(DataError, match=r"a\.txt: cannot be read"):
        size_of(path)


# Compressed files


def zstd_of(*frames: bytes, **options) -> bytes:
    return b"".join(zstandard.ZstdCompressor(**options).compress(frame) for frame in frames)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_file_is_read_by_its_suffix(tmp_path, suffix):
    path = put(tmp_path, f"a.txt{suffix}", COMPRESS[suffix](TEXT))
    assert is_compressed(path)
    assert read(path) == TEXT
    with open_file(path) as stream:
        assert list(io.TextIOWrapper(stream)) == TEXT.decode().splitlines(keepends=True)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_file_may_have_several_parts(tmp_path, suffix):
    compress = COMPRESS[suffix]
    path = put(tmp_path, f"a.txt{suffix}", compress(TEXT[:1000]) + compress(b"") + compress(TEXT[1000:]))
    assert read(path) == TEXT


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("kept", [0, 1, 3, -1, -5, "half"])
def test_truncated_file_is_an_error_and_not_a_short_file(tmp_path, suffix, kept):
    whole = COMPRESS[suffix](TEXT)
    path = put(tmp_path, f"a.txt{suffix}", whole[: len(whole) // 2 if kept == "half" else kept])
    with pytest.raises(DataError, match=rf"a\.txt{suffix}: cannot be read: "):
        read(path)


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("content", [b"plain text that is not compressed\n", bytes(100)], ids=["text", "zeros"])
def test_file_that_is_not_compressed_is_an_error(tmp_path, suffix, content):
    path = put(tmp_path, f"a.txt{suffix}", content)
    with pytest.raises(DataError, match=rf"a\.txt{suffix}: cannot be read: "):
        read(path)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_damaged_file_is_an_error(tmp_path, suffix):
    content = bytearray(zstd_of(TEXT, write_checksum=True) if suffix == ".zst" else COMPRESS[suffix](TEXT))
    content[len(content) // 2] ^= 1
    path = put(tmp_path, f"a.txt{suffix}", content)
    with pytest.raises(DataError, match=rf"a\.txt{suffix}: cannot be read: "):
        read(path)


def test_zstd_frames_of_all_kinds_are_read(tmp_path):
    skippable = b"\x50\x2a\x4d\x18" + (2000).to_bytes(4, "little") + bytes(2000)
    streamed = zstandard.ZstdCompressor().compressobj()
    frames = [
        zstd_of(TEXT),
        skippable,
        streamed.compress(TEXT) + streamed.flush(),
        zstd_of(b"", write_content_size=False),
    ]
    path = put(tmp_path, "a.txt.zst", b"".join(frames) + skippable)
    assert read(path) == TEXT + TEXT
    put(tmp_path, "a.txt.zst", b"".join(frames) + skippable[:-1])
    with pytest.raises(DataError, match="the compressed file ends within a frame"):
        read(path)


def test_zstd_frame_that_needs_much_memory_is_an_error(tmp_path):
    options = zstandard.ZstdCompressionParameters(window_log=28)
    frame = zstandard.ZstdCompressor(compression_params=options).compressobj()
    path = put(tmp_path, "a.txt.zst", frame.compress(TEXT) + frame.flush())
    with pytest.raises(DataError, match=r"a\.txt\.zst: cannot be read: .*too much memory"):
        read(path)


def test_memory_for_a_zstd_file_of_equal_bytes_is_bounded(tmp_path):
    path = put(tmp_path, "zeros.zst", zstandard.compress(bytes(400 << 20)))
    script = f"""if True:
        import resource
        from ulmfit_tfx.components.corpus_ingest.source_files import open_file
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with open_file({path!r}) as stream:
            read = sum(map(len, iter(lambda: stream.read(1 << 16), b"")))
        print(read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    read_bytes, grown_kib = map(int, done.stdout.split())
    assert read_bytes == 400 << 20
    assert grown_kib < 100 << 10


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_stream_is_closed_with_the_content(suffix):
    compressed = io.BufferedReader(io.BytesIO(COMPRESS[suffix](TEXT)))
    with compressed_files.decompressed(compressed, f"a{suffix}") as stream:
        assert stream.read(4) == TEXT[:4]
        assert not compressed.closed
    assert compressed.closed


@pytest.mark.parametrize("suffix", COMPRESS)
def test_truncated_compressed_stream_is_closed(suffix):
    compressed = io.BufferedReader(io.BytesIO(COMPRESS[suffix](TEXT)[:-20]))
    with pytest.raises(EOFError), compressed_files.decompressed(compressed, f"a{suffix}") as stream:
        stream.read()
    assert compressed.closed


def test_stream_of_a_compressed_file_that_is_empty_is_closed():
    compressed = io.BufferedReader(io.BytesIO())
    with pytest.raises(EOFError):
        compressed_files.decompressed(compressed, "a.gz")
    assert compressed.closed


# Encodings


def test_file_that_begins_as_another_encoding_is_told_apart_before_it_is_read(tmp_path):
    path = put(tmp_path, "a.txt", "text\n".encode("utf-16"))
    with pytest.raises(DataError) as error:
        check_source(source(path))
    assert str(error.value) == (
        f"{path}: is not utf-8: it begins with the byte order mark of UTF-16. Set the source's encoding to utf-16."
    )
    assert list(check_source(source(path, encoding="utf-16"))) == [path]


def test_file_in_utf16_without_a_byte_order_mark_is_named(tmp_path):
    path = put(tmp_path, "a.txt", "text\n".encode("utf-16-le"))
    config = source(encoding="utf-16")
    expected = r"a\.txt: is not utf-16: .* Set the source's encoding"
    with pytest.raises(DataError, match=expected), readable(path, config) as stream:
        list(parse(stream, path, config))


# S3


@pytest.fixture(scope="module")
def s3(request):
    """A client of a fake S3 on this machine, which `s3://` paths of this process lead to."""
    server_module = pytest.importorskip("moto.server", reason="moto, the fake S3, is not installed")
    boto3 = pytest.importorskip("boto3")
    server = server_module.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "none")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield boto3.client("s3")
    server.stop()


@pytest.fixture
def bucket(s3):
    """Name of a bucket with the files of `TREE`, and hidden ones."""
    name = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    for key in (*TREE, *LEFT_OUT):
        s3.put_object(Bucket=name, Key=f"data/{key}", Body=gzip.compress(TEXT) if key.endswith(".gz") else TEXT)
    s3.put_object(Bucket=name, Key="data/sub/", Body=b"")
    return name


@pytest.mark.parametrize("end", ["data", "data/", ""])
def test_folder_in_s3_is_all_files_below_it_but_hidden_ones(bucket, end):
    assert find_files(f"s3://{bucket}/{end}") == sorted(f"s3://{bucket}/data/{name}" for name in TREE)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["b.txt"]),
        ("**/*.txt", ["b.txt", "sub/_x/f.txt", "sub/c.txt", "sub/deep/d.txt"]),
        ("b.txt", ["b.txt"]),
    ],
)
def test_glob_in_s3_names_files(bucket, pattern, expected):
    found = find_files(f"s3://{bucket}/data/{pattern}")
    assert [file for file in found if "_temporary" not in file] == [f"s3://{bucket}/data/{name}" for name in expected]


def test_rows_of_a_glob_in_s3_are_read_decompressed(bucket):
    config = source(f"s3://{bucket}/data/[ab].txt*")
    files = check_source(config)
    assert list(files) == [f"s3://{bucket}/data/a.txt.gz", f"s3://{bucket}/data/b.txt"]
    for file in files:
        with readable(file, config) as stream:
            assert [row.text for row in parse(stream, file, config)] == TEXT.decode().splitlines()


def test_bytes_of_a_file_in_s3_are_read_anywhere_in_it(bucket):
    path = f"s3://{bucket}/data/b.txt"
    assert size_of(path) == len(TEXT)
    with open_uncompressed(path) as stream:
        stream.seek(2000)
        assert stream.read(100) == TEXT[2000:2100]
        assert stream.seek(0, io.SEEK_END) == len(TEXT)


def test_file_in_s3_with_the_name_of_a_glob_is_found(s3, bucket):
    for name in ("x[1].txt", "x1.txt"):
        s3.put_object(Bucket=bucket, Key=name, Body=TEXT)
    assert find_files(f"s3://{bucket}/x[1].txt") == [f"s3://{bucket}/x[1].txt"]


def test_truncated_file_in_s3_is_an_error(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a.txt.gz", Body=gzip.compress(TEXT)[:-20])
    with pytest.raises(DataError, match=r"a\.txt\.gz: cannot be read: "):
        read(f"s3://{bucket}/a.txt.gz")


def test_path_in_s3_that_leads_nowhere_is_an_error(bucket):
    for path in (f"s3://{bucket}/nothing", f"s3://{bucket}/data/*.tsv", f"s3://{uuid.uuid4()}/data"):
        with pytest.raises(DataError, match="no such file"):
            find_files(path)
    with pytest.raises(DataError, match="nothing: cannot be read: .*Not found"):
        read(f"s3://{bucket}/nothing")
    with pytest.raises(DataError, match="nothing: cannot be looked up: "):
        size_of(f"s3://{bucket}/nothing")


def test_fingerprint_of_files_in_s3_follows_their_changes(s3, bucket):
    seen = {fingerprint(f"s3://{bucket}/data")}
    s3.put_object(Bucket=bucket, Key="data/_SUCCESS", Body=b"again")
    assert {fingerprint(f"s3://{bucket}/data")} == seen
    s3.put_object(Bucket=bucket, Key="data/b.txt", Body=TEXT[:-1])
    assert fingerprint(f"s3://{bucket}/data") not in seen


def test_file_on_a_remote_filesystem_is_closed_when_its_reader_is(bucket, monkeypatch):
    closed = []
    close = remote_files._Readable.close
    monkeypatch.setattr(remote_files._Readable, "close", lambda self: (closed.append(self.file), close(self))[1])
    with open_file(f"s3://{bucket}/data/a.txt.gz") as stream:
        stream.read(10)
        assert not closed
    assert closed
    assert all(file.closed for file in closed)


def test_options_of_a_pipeline_stay_those_of_the_filesystems(bucket, monkeypatch):
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions(["--s3_region_name=eu-west-1"])
    monkeypatch.setattr(FileSystems, "_pipeline_options", options)
    assert find_files(f"s3://{bucket}/data/b.txt")
    assert FileSystems._pipeline_options is options


def test_missing_package_for_s3_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    for look in (find_files, fingerprint, size_of, open_file):
        with pytest.raises(DataError) as error:
            look("s3://bucket/a.txt")
        assert str(error.value) == (
            "s3://bucket/a.txt: needs the Python package boto3. It comes with `pip install ulmfit-tfx[aws]`."
        )


def test_missing_credentials_for_s3_are_an_error_at_once(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(DataError, match="s3://bucket/a.txt: there are no AWS credentials"):
        find_files("s3://bucket/a.txt")
