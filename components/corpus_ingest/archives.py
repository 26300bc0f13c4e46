"""Reads the members of zip archives, each a file of its own: `data.zip!/reviews.csv`.

A member is decompressed as it is read, in memory that does not depend on its size.
"""

import fnmatch
import functools
import io
import re
import zipfile
import zlib
from typing import Any, BinaryIO

from ulmfit_tfx.components.corpus_ingest.stored_files import open_stored, stored_version
from ulmfit_tfx.schemas.errors import DataError

MEMBER = "!/"
"""Stands between an archive and the name of a member, or a pattern of names."""

_ABOUT_THE_DATA = re.compile(r"(readme|licen[cs]e|copying|notice|citation|changelog)\b", re.IGNORECASE)
_ENCRYPTED = 1
_ARCHIVES_KEPT = 4


def is_member(path: str) -> bool:
    """Whether a path names members of an archive.

    >>> is_member("gs://bucket/data.zip!/train/*.csv"), is_member("data.zip")
    (True, False)
    """
    return MEMBER in path


def archive_of(path: str) -> str:
    """The archive of a member."""
    return path.rpartition(MEMBER)[0]


def members_of(archive: str, pattern: str | None = None) -> list[str]:
    """Paths of an archive's members, sorted.

    Without a pattern these are all but those whose name, or a folder's name on the way to them, begins with `.` or `_`,
    and but a README or a licence that stands beside others.

    Args:
        archive: The file.
        pattern: Name of a member, or a pattern in which `*` stands for anything.

    Raises:
        DataError: There is none, one is encrypted, or the file is no archive.
    """
    try:
        found = [info for info in _opened(archive).infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise DataError(f"{archive}: cannot be read: {error}.") from None
    if pattern is None:
        found = _with_data([info for info in found if not _is_hidden(info.filename)])
    else:
        found = [info for info in found if info.filename == pattern or fnmatch.fnmatchcase(info.filename, pattern)]
    if not found:
        raise DataError(f"{archive}: the archive holds no file{f' {pattern}' if pattern else ''}.")
    for info in found:
        if info.flag_bits & _ENCRYPTED:
            raise DataError(f"{archive}{MEMBER}{info.filename}: is encrypted. Unpack the archive with its password.")
    return sorted(f"{archive}{MEMBER}{info.filename}" for info in found)


def open_member(path: str) -> io.BufferedReader:
    """Opens a member for reading its content, anywhere in it.

    Raises:
        OSError: It cannot be read; also when it is read.
    """
    archive, _, name = path.rpartition(MEMBER)
    try:
        return io.BufferedReader(_Member(_opened(archive).open(name)))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError) as error:
        raise OSError(str(error)) from None


def member_size(path: str) -> int:
    """Bytes of a member's content.

    Raises:
        DataError: It is not there any more.
    """
    archive, _, name = path.rpartition(MEMBER)
    try:
        return _opened(archive).getinfo(name).file_size
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None


class _Member(io.RawIOBase):
    """A member whose damage is an OSError, as that of a file is."""

    def __init__(self, content: Any):
        self._content = content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._content.read(len(buffer))
        except (zipfile.BadZipFile, zlib.error) as error:
            raise OSError(str(error)) from None
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._content.close()
        super().close()


def _with_data(found: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    data = [info for info in found if not _ABOUT_THE_DATA.match(info.filename.rpartition("/")[2])]
    return data or found


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _opened(archive: str) -> zipfile.ZipFile:
    return _opened_version(archive, stored_version(archive))


# An archive of many members is opened for each of them, and to open it is to read the list of all.
@functools.lru_cache(maxsize=_ARCHIVES_KEPT)
def _opened_version(archive: str, version: tuple[int, int]) -> zipfile.ZipFile:
    stream: BinaryIO = open_stored(archive)
    try:
        return _OwningZipFile(stream)
    except BaseException:
        stream.close()
        raise


class _OwningZipFile(zipfile.ZipFile):
    """Closes the file that it reads, when it is closed or let go."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        super().__init__(stream)

    def close(self) -> None:
        super().close()
        self._stream.close()
