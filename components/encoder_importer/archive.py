"""Unpacks archives of models, and finds the model in a folder."""

import contextlib
import gzip
import lzma
import platform
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal, cast, get_args

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
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
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


def _unpack(archive: Path, folder: Path) -> None:
    with archive.open("rb") as stream:
        head = stream.read(_TAR_BLOCK)
        stream.seek(0)
        if head.startswith(b"PK"):
            _unpack_zip(stream, folder)
        elif head.startswith(b"\x1f\x8b"):
            _unpack_tar(cast(IO[bytes], _BoundedGzip(fileobj=stream)), folder)
        elif head[257:262] == b"ustar" or archive.suffix == ".tar":
            _unpack_tar(stream, folder)
        else:
            raise DataError(f"{looks_like(head)}, expected an archive ({', '.join(ARCHIVE_SUFFIXES)}).")


def _unpack_tar(stream: IO[bytes], folder: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise DataError(
            f"Python {platform.python_version()} cannot unpack tar archives safely, 3.10.12 and 3.11.4 and later can. "
            "Unpack it with another program, and name the folder."
        )
    limits = _Limits(folder)
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            limits.check(member.name, member.size, member.isdir() or (member.isreg() and not member.issparse()))
            archive.extract(member, folder, filter=_with_rights_of_a_new_file)
        stream.seek(archive.offset)
        if stream.read(_TAR_BLOCK) != bytes(_TAR_BLOCK):  # tarfile takes a cut between two members for the end
            raise EOFError("It does not end as a tar archive does")
        while stream.read(_CHUNK):  # gzip's checksum stands at the end
            pass


def _with_rights_of_a_new_file(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    return tarfile.data_filter(member, folder).replace(mode=None, deep=False)  # type: ignore[arg-type]  # as documented


def _unpack_zip(stream: IO[bytes], folder: Path) -> None:
    limits = _Limits(folder)
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            file_type = stat.S_IFMT(member.external_attr >> 16)
            limits.check(member.filename, member.file_size, file_type in (0, stat.S_IFREG, stat.S_IFDIR))
            archive.extract(member, folder)  # no more bytes than the size says, whatever is compressed


@dataclass
class _Limits:
    """What an archive of a model may hold. Sizes are those that bound what is written."""

    folder: Path
    members: int = 0
    size: int = 0

    def check(self, name: str, size: int, is_plain: bool) -> None:
        """Takes one more member into account, before it is written.

        Raises:
            DataError: It is too much, lies outside, or is neither a folder nor a regular file.
            FileExistsError: An earlier member is a file of that name.
        """
        self.members += 1
        self.size += max(size, 0)  # a tar's header can say less than nothing
        path = PurePosixPath(name)
        if self.members > MOST_MEMBERS:
            raise DataError(f"has more than {MOST_MEMBERS:,} members, far more than a model.")
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise DataError(f"{name!a} would lie outside of the archive's folder.")
        if len(path.parts) > _DEEPEST_MEMBER:
            raise DataError(f"{name[:100]!a} lies {len(path.parts)} folders deep, far more than a model.")
        if not is_plain:
            raise DataError(f"{name!a} is a link or a device, or has holes, expected plain files.")
        if self.size > MOST_BYTES:
            raise DataError(f"{name!a}: more than {MOST_BYTES:,} bytes come out of it.")
        if (self.folder / path).is_file():
            raise FileExistsError(f"{name!a} stands there twice")


class _BoundedGzip(gzip.GzipFile):
    """For tarfile: neither reads a huge header at once nor goes on for ever."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _LARGEST_HEADER:
            raise ValueError(f"A header of {size or 0:,} bytes")
        if self.tell() > 2 * MOST_BYTES:
            raise ValueError(f"More than {2 * MOST_BYTES:,} bytes")
        return super().read(size)
