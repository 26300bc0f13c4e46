"""Unpacks archives of models, and finds the model in a folder."""

import contextlib
import gzip
import lzma
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal, get_args

from ulmfit_tfx.components.encoder_importer.file_kinds import looks_like
from ulmfit_tfx.schemas.errors import DataError

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
MOST_MEMBERS = 1_000
"""A SavedModel, a checkpoint and a tokenizer have some tens of files."""
MOST_BYTES = 8 << 30
"""Several times an encoder with a vocabulary of 200,000 and the state of its optimizer."""

_CHUNK = 1 << 20
_LARGEST_HEADER = 1 << 24  # tarfile reads a member's extended header at once
_TAR_BLOCK = 512
_DEEPEST_MODEL = 3
_DEEPEST_MEMBER = 30
_DAMAGED = (
    *(OSError, EOFError, ValueError, RuntimeError, IndexError, struct.error),
    *(zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
)
ModelKind = Literal["ulmfit-tfx", "saved-model", "keras", "fastai"]


@contextlib.contextmanager
def unpacked(path: str | Path) -> Iterator[Path]:
    """Unpacks an archive into a folder that lives as long as the context.

    Only folders and regular files are written, with the rights of a new file, whatever the archive notes of them.

    Args:
        path: A tar archive, gzipped or not, or a zip archive.

    Raises:
        DataError: It is missing, damaged or no archive; it has a member that is a link, a device or outside of the
            archive's own folder; it has more than `MOST_MEMBERS` members or `MOST_BYTES` bytes.
    """
    with tempfile.TemporaryDirectory(prefix="ulmfit-tfx-") as folder:
        try:
            _unpack(Path(path), Path(folder))
        except FileNotFoundError:
            raise DataError(f"{path}: no such file.") from None
        except _DAMAGED as error:
            reason = str(error).replace(folder, str(path))
            raise DataError(f"{path}: cannot be unpacked, is it truncated? {reason}.") from None
        yield Path(folder)


@dataclass(frozen=True)
class FoundModel:
    """A model in a folder: what kind it is, and the path that the reader of this kind takes.

    Attributes:
        kind: `ulmfit-tfx`: our own; `saved-model` and `keras`: the old package's; `fastai`: a .pth.
        path: The folder of `encoder.json` or `saved_model.pb`, the checkpoint's prefix, or the .pth file.
    """

    kind: ModelKind
    path: Path


def find_checkpoint(folder: str | Path, kinds: Collection[ModelKind] = get_args(ModelKind)) -> FoundModel:
    """Finds the one model in a folder or up to three folders below.

    Args:
        folder: Where to look.
        kinds: Look for these alone.

    Raises:
        DataError: There is none, or there are several.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{folder}: no such folder.")
    found = [model for model in _models_in(root) if model.kind in kinds]
    if len(found) == 1:
        return found[0]
    wanted = "a SavedModel (saved_model.pb), a checkpoint (*.index), a fastai file (*.pth) or our own encoder.json"
    if not found:
        raise DataError(f"{folder}: holds no model, expected {wanted}.")
    listed = ", ".join(f"{model.path.relative_to(root)} ({model.kind})" for model in found)
    raise DataError(f"{folder}: holds {len(found)} models: {listed}. Name one of them, or its format.")


def _models_in(folder: Path, depth: int = 0) -> Iterator[FoundModel]:
    if (folder / "encoder.json").is_file():
        yield FoundModel("ulmfit-tfx", folder)
        return  # its SavedModel and its weights lie below
    if (folder / "saved_model.pb").is_file():
        yield FoundModel("saved-model", folder)
        return  # its variables are a checkpoint too
    for file in sorted(folder.glob("*.index")):
        yield FoundModel("keras", file.with_suffix(""))
    for file in sorted(folder.glob("*.pth")):
        yield FoundModel("fastai", file)
    if depth < _DEEPEST_MODEL:
        for below in sorted(folder.iterdir()):
            if below.is_dir() and not below.is_symlink():
                yield from _models_in(below, depth + 1)


@dataclass(frozen=True)
class _Member:
    name: str
    kind: Literal["file", "folder", "other"]
    content: IO[bytes] | None = None


def _unpack(archive: Path, folder: Path) -> None:
    written = 0
    for count, member in enumerate(_members(archive), start=1):
        if count > MOST_MEMBERS:
            raise DataError(f"{archive}: has more than {MOST_MEMBERS:,} members, far more than a model.")
        target = folder / _safe_name(archive, member)
        if member.content is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(member.content) as content, target.open("xb") as file:
            while chunk := content.read(_CHUNK):
                written += len(chunk)
                if written > MOST_BYTES:
                    raise DataError(f"{archive}: {member.name!a}: more than {MOST_BYTES:,} bytes come out of it.")
                file.write(chunk)


def _safe_name(archive: Path, member: _Member) -> PurePosixPath:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or "\0" in member.name:
        raise DataError(f"{archive}: {member.name!a} would lie outside of the archive's folder.")
    if len(name.parts) > _DEEPEST_MEMBER:
        raise DataError(f"{archive}: {member.name[:100]!a} lies {len(name.parts)} folders deep, far more than a model.")
    if member.kind == "other":
        raise DataError(f"{archive}: {member.name!a} is a link or a device, expected files.")
    return name


def _members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as stream:
        head = stream.read(_TAR_BLOCK)
        stream.seek(0)
        if head.startswith(b"PK"):
            yield from _zip_members(stream)
        elif head.startswith(b"\x1f\x8b"):
            yield from _tar_members(_Bounded(gzip.GzipFile(fileobj=stream)))
        elif head[257:262] == b"ustar" or archive.suffix == ".tar":
            yield from _tar_members(_Bounded(stream))
        else:
            raise DataError(f"{archive}: {looks_like(head)}, expected an archive ({', '.join(ARCHIVE_SUFFIXES)}).")


def _zip_members(stream: IO[bytes]) -> Iterator[_Member]:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            file_type = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                yield _Member(member.filename, "folder")
            elif file_type in (0, stat.S_IFREG):
                yield _Member(member.filename, "file", archive.open(member))
            else:
                yield _Member(member.filename, "other")


def _tar_members(stream: "_Bounded") -> Iterator[_Member]:
    with tarfile.open(fileobj=stream, mode="r:") as archive:  # type: ignore[call-overload]  # it reads, seeks and tells
        for member in archive:
            if member.isdir():
                yield _Member(member.name, "folder")
            elif member.isreg():
                yield _Member(member.name, "file", archive.extractfile(member))
            else:
                yield _Member(member.name, "other")
        stream.seek(archive.offset)
        if stream.read(_TAR_BLOCK) != bytes(_TAR_BLOCK):  # tarfile takes a cut between two members for the end
            raise EOFError("It does not end as a tar archive does")
        while stream.read(_CHUNK):  # gzip's checksum stands at the end
            pass


class _Bounded:
    """A stream for tarfile that neither reads a huge header at once nor goes on for ever."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile):
        self._stream = stream

    def read(self, size: int) -> bytes:
        if size > _LARGEST_HEADER:
            raise ValueError(f"A header of {size:,} bytes")
        self._check(self._stream.tell())
        return self._stream.read(size)

    def seek(self, position: int) -> int:
        self._check(position)
        return self._stream.seek(position)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, position: int) -> None:
        if position > 2 * MOST_BYTES:
            raise ValueError(f"More than {2 * MOST_BYTES:,} bytes")
