"""Finds and opens files on Beam's filesystems, such as GCS and S3. Beam is imported once there is one to look at."""

import contextlib
import glob
import hashlib
import importlib.util
import io
import os
from collections.abc import Iterable, Iterator
from typing import Any

from ulmfit_tfx.schemas.errors import DataError, UserError

_READ_AT_ONCE = 1 << 17


def match(path: str) -> list[Any]:
    """Finds files.

    Args:
        path: A file or a glob, in which `**/` stands for any number of folders, and none.

    Returns:
        Beam's `FileMetadata` of each file: `path`, `size_in_bytes` and `last_updated_in_seconds`.

    Raises:
        DataError: The filesystem cannot be asked.
    """
    with _looked_up(path):
        filesystem = _filesystem(path)
        if _is_object(path) and filesystem.exists(path):
            return [filesystem.metadata(path)]
        if not glob.has_magic(path):
            return []
        matches = filesystem.match([path, path.replace("/**/", "/")])
    # What ends with a slash is how some tools store an empty folder.
    found = {each.path: each for result in matches for each in result.metadata_list if not each.path.endswith("/")}
    return list(found.values())


def fingerprint(found: Iterable[Any]) -> str:
    """Digest of the names, sizes and times of files that `match` found."""
    digest = hashlib.sha256()
    for metadata in found:
        digest.update(os.path.basename(metadata.path).encode())
        digest.update(f"{metadata.size_in_bytes} {metadata.last_updated_in_seconds}".encode())
    return digest.hexdigest()


def size(path: str) -> int:
    """Bytes of a file.

    Raises:
        DataError: There is none, or the filesystem cannot be asked.
    """
    with _looked_up(path):
        return _filesystem(path).size(path)


def open_remote(path: str) -> io.BufferedReader:
    """Opens a file for reading its bytes as they stand, anywhere in it.

    Raises:
        OSError: It cannot be read; also when it is read.
    """
    from apache_beam.io.filesystem import CompressionTypes

    with _as_os_errors():
        file = _filesystem(path).open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return io.BufferedReader(_Readable(file), _READ_AT_ONCE)


class _Readable(io.RawIOBase):
    """A Beam file as Python's own readers want it: Beam's lack a part of the interface."""

    def __init__(self, file: Any):
        self.file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _as_os_errors():
            data = self.file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.file.seek(offset, whence)
        return self.file.tell()

    def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        if not self.closed:
            self.file.close()
        super().close()


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """Each filesystem has errors of its own."""
    try:
        yield
    except (OSError, UserError):
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _looked_up(path: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise DataError(f"{path}: cannot be looked up: {error}.") from None


def _is_object(path: str) -> bool:
    """Whether a path may name a file, and not a bucket or a folder. To ask S3 about these takes Beam ten minutes."""
    _, _, name = path.partition("://")[2].partition("/")
    return bool(name) and not name.endswith("/")


def _filesystem(path: str) -> Any:
    is_in_s3 = path.startswith("s3://")
    if is_in_s3 and importlib.util.find_spec("boto3") is None:
        raise DataError(f"{path}: needs the Python package boto3. It comes with `pip install ulmfit-tfx[aws]`.")
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.options.value_provider import RuntimeValueProvider

    # S3 asks for options, if only to find none in them. Those of a pipeline in this process are left alone.
    if FileSystems._pipeline_options is None and RuntimeValueProvider.runtime_options is None:
        FileSystems.set_options(PipelineOptions([]))
    if is_in_s3:
        _check_credentials(path, FileSystems._pipeline_options or RuntimeValueProvider.runtime_options)
    return FileSystems.get_filesystem(path)


def _check_credentials(path: str, options: Any) -> None:
    """Demands credentials of AWS, without which Beam would ask again and again for ten minutes."""
    import boto3
    from apache_beam.options.pipeline_options import PipelineOptions

    values = options.get_all_options() if isinstance(options, PipelineOptions) else options
    if not values.get("s3_access_key_id") and boto3.session.Session().get_credentials() is None:
        raise DataError(
            f"{path}: there are no AWS credentials, such as in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or in "
            "~/.aws/credentials."
        )
