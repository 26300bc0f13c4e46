"""Reads files of `torch.save` into NumPy arrays, without torch and without running anything of the file.

Formats: the zip archive of torch >= 1.6 (`NAME/data.pkl`, and for each storage an uncompressed record `NAME/data/KEY`),
and the legacy stream before it (five pickles, then the storages). torch's own `weights_only=True` refuses what fastai's
`learner.save` writes (fastcore lists and NumPy scalars in 'opt').
"""

import math
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ulmfit_tfx.components.encoder_importer.file_kinds import looks_like
from ulmfit_tfx.components.encoder_importer.pickle_reader import (
    DamagedError,
    Meanings,
    Name,
    RefusedError,
    Stateful,
    read_pickle,
    shown,
)
from ulmfit_tfx.schemas.errors import DataError

_ZIP_START = b"PK\x03\x04"
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_PROTOCOL = 1001
_MOST_DIMENSIONS = 32  # NumPy's
_LONGEST_WORD = 16  # what a call copies is short, since a few bytes can repeat the call
_BFLOAT16 = "torch.BFloat16Storage"
_STORAGES = {
    "torch.DoubleStorage": "f8",
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    _BFLOAT16: "u2",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "u1",
}
_SCALARS = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})


def read_torch_file(path: str | Path) -> Any:
    """Reads a file of `torch.save`.

    Returns:
        Nested dicts, lists and tuples as they were saved, with a NumPy array in place of each tensor (read-only, on the
        file's memory where its dtype allows; bfloat16 becomes float32). fastcore's lists become opaque objects.

    Raises:
        DataError: There is no such file, it is not of torch.save, it is truncated or damaged, or it holds anything but
            plain values and tensors.
    """
    data = _mapped(path)
    if data[:4] == _ZIP_START:
        read: Callable[[Any], Any] = _read_zip
    elif data[: len(_LEGACY_START)] == _LEGACY_START:
        read = _read_legacy
    elif any(start.startswith(data[: len(start)]) for start in (_ZIP_START, _LEGACY_START)):
        raise DataError(f"{path}: it is truncated: it has {len(data)} bytes.")
    else:
        raise DataError(f"{path}: {looks_like(data[:512])}, expected a file of torch.save (.pth).")
    try:
        return read(data)
    except RefusedError as error:
        raise DataError(f"{path}: refused: {error}. Nothing was loaded or run.{_advice(str(error))}") from None
    except DamagedError as error:
        raise DataError(f"{path}: {error}.") from None


def _mapped(path: str | Path) -> Any:
    file = Path(path)
    if file.is_dir():
        raise DataError(f"{path}: is a folder, expected a file of torch.save (.pth).")
    try:
        if file.exists() and not file.is_file():
            raise DataError(f"{path}: is a device or a pipe, expected a file of torch.save (.pth).")
        with file.open("rb") as stream:
            if not file.stat().st_size:
                raise DataError(f"{path}: is empty, expected a file of torch.save (.pth).")
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None


def _advice(refusal: str) -> str:
    if any(f"asks for {package}" in refusal for package in ("torch.", "fastai", "__main__.")):
        return " Is it a whole model or learner? Save its weights alone, with learner.save or model.state_dict()."
    return ""


@dataclass(frozen=True)
class _Storage:
    """A row of numbers that tensors are views of."""

    values: np.ndarray


@dataclass(frozen=True)
class _StorageReference:
    """What a pickle says of a storage."""

    kind: str
    key: str
    numel: int
    view: tuple[str, int, int] | None

    @classmethod
    def of(cls, reference: Any) -> "_StorageReference":
        label, kind, key, _, numel, *rest = reference
        if label != "storage" or not isinstance(kind, Name) or not isinstance(key, str) or not _is_count(numel):
            raise TypeError
        if kind.text not in _STORAGES:
            raise RefusedError(f"its pickle uses {kind.text} as a storage")
        view = rest[0] if rest else None
        if view is not None:
            view_key, offset, size = view
            if not isinstance(view_key, str) or not _is_count(offset) or not _is_count(size):
                raise TypeError
        return cls(kind.text, key, numel, view)

    @property
    def size_bytes(self) -> int:
        return self.numel * np.dtype(_STORAGES[self.kind]).itemsize

    def read(self, data: Any, start: int, byte_order: Literal["<", ">"] = "<") -> _Storage:
        """The storage whose numbers begin at a byte of the file."""
        dtype = np.dtype(_STORAGES[self.kind]).newbyteorder(byte_order)
        values = np.frombuffer(data, dtype, self.numel, start) if self.numel else np.empty(0, dtype)
        if not dtype.isnative:
            values = values.astype(dtype.newbyteorder("="))
        if self.kind == _BFLOAT16:
            values = np.left_shift(values.astype(np.uint32), 16).view(np.float32)
        if self.kind == "torch.BoolStorage":
            values = values != 0
        return _Storage(values)

    def view_of(self, storage: _Storage) -> _Storage:
        """The part of a storage that is meant (in files of torch before 0.4)."""
        if self.view is None:
            return storage
        _, offset, size = self.view
        if offset + size > storage.values.size:
            raise DamagedError(f"the view {shown(self.view[0])} reaches outside of its storage")
        return _Storage(storage.values[offset : offset + size])


def _read_zip(data: Any) -> Any:
    records = _zip_records(data)
    roots = [name.removesuffix("/data.pkl") for name in records if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(roots) != 1:
        some = ", ".join(shown(name) for name in sorted(records)[:3])
        raise DamagedError(f"is a zip file without a NAME/data.pkl, so not of torch.save. It holds {some or 'nothing'}")
    (root,) = roots
    if f"{root}/constants.pkl" in records:
        raise RefusedError("it is a TorchScript program, not a PyTorch state dict")
    order: Literal["<", ">"] = ">" if _content(data, records, f"{root}/byteorder", missing=b"little") == b"big" else "<"
    storages: dict[str, tuple[str, _Storage]] = {}

    def storage(reference: Any) -> _Storage:
        wanted = _StorageReference.of(reference)
        if wanted.key not in storages:
            start, size = _record(data, records, f"{root}/data/{wanted.key}")
            if size != wanted.size_bytes:
                raise DamagedError(
                    f"storage {shown(wanted.key)} has {size:,} bytes, expected {wanted.size_bytes:,} "
                    f"({wanted.numel:,} numbers of {wanted.kind})"
                )
            storages[wanted.key] = wanted.kind, wanted.read(data, start, order)
        kind, found = storages[wanted.key]
        if kind != wanted.kind or found.values.size != wanted.numel:
            raise DamagedError(f"storage {shown(wanted.key)} is declared in two ways")
        return wanted.view_of(found)

    pickled = _content(data, records, f"{root}/data.pkl")
    return read_pickle(pickled, 0, _meanings(storage))[0]


def _zip_records(data: Any) -> dict[str, zipfile.ZipInfo]:
    """Records of a zip archive by name. Together they are no longer than the file, so none overlap in a bomb."""
    try:
        with zipfile.ZipFile(data) as archive:
            found = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, OverflowError, ValueError, struct.error):
        raise DamagedError("it is truncated or damaged: the zip archive has no valid directory at its end") from None
    records = {record.filename: record for record in found}
    if len(records) < len(found) or sum(record.compress_size for record in found) > len(data):
        raise RefusedError("its zip archive has records that overlap")
    return records


def _record(data: Any, records: dict[str, zipfile.ZipInfo], name: str) -> tuple[int, int]:
    """First byte and size of a record whose checksum is right."""
    if name not in records:
        raise DamagedError(f"its record {shown(name)} is missing")
    record = records[name]
    if record.compress_type != zipfile.ZIP_STORED or record.flag_bits & 1 or record.compress_size != record.file_size:
        raise RefusedError(f"its record {shown(name)} is compressed or encrypted, which torch never does")
    header = data[record.header_offset : record.header_offset + 30]
    if len(header) < 30 or header[:4] != _ZIP_START:
        raise DamagedError(f"it is damaged: the record {shown(name)} has no header")
    name_size, extra_size = struct.unpack("<HH", header[26:30])
    start = record.header_offset + 30 + name_size + extra_size
    if start + record.file_size > len(data):
        raise DamagedError(f"it is truncated: the record {shown(name)} reaches beyond its end")
    if zlib.crc32(memoryview(data)[start : start + record.file_size]) != record.CRC:
        raise DamagedError(
            f"it is damaged (or was saved without checksums): the record {shown(name)} does not have the checksum that "
            "the archive notes"
        )
    return start, record.file_size


def _content(data: Any, records: dict[str, zipfile.ZipInfo], name: str, missing: bytes | None = None) -> bytes:
    if missing is not None and name not in records:
        return missing
    start, size = _record(data, records, name)
    return data[start : start + size]


def _read_legacy(data: Any) -> Any:
    _, position = read_pickle(data, 0, Meanings({}))
    protocol, position = read_pickle(data, position, Meanings({}))
    if protocol != _LEGACY_PROTOCOL:
        raise DamagedError(f"is a legacy file of torch.save of an unknown protocol, expected {_LEGACY_PROTOCOL}")
    _, begin = read_pickle(data, position, Meanings({}))
    declared: dict[str, _StorageReference] = {}

    def declare(reference: Any) -> _Storage:
        wanted = _StorageReference.of(reference)
        known = declared.setdefault(wanted.key, wanted)
        if (known.kind, known.numel) != (wanted.kind, wanted.numel):
            raise DamagedError(f"storage {shown(wanted.key)} is declared in two ways")
        # The sizes are only known after a first reading, and the numbers only lie behind them: zeros without memory.
        return wanted.view_of(_Storage(np.broadcast_to(np.zeros((), np.float32), wanted.numel)))

    _, end = read_pickle(data, begin, _meanings(declare))
    storages = _legacy_storages(data, end, declared)

    def storage(reference: Any) -> _Storage:
        wanted = _StorageReference.of(reference)
        return wanted.view_of(storages[wanted.key])

    return read_pickle(data, begin, _meanings(storage))[0]


def _legacy_storages(data: Any, position: int, declared: dict[str, _StorageReference]) -> dict[str, _Storage]:
    """Storages behind the object: a list of their keys, then the count and the numbers of each, little-endian."""
    keys, position = read_pickle(data, position, Meanings({}))
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(declared):
        raise DamagedError("it is damaged: its list of storages is not that of its tensors")
    storages = {}
    for key in keys:
        reference = declared[key]
        end = position + 8 + reference.size_bytes
        if end > len(data):
            raise DamagedError(
                f"it is truncated: storage {shown(key)} needs {reference.size_bytes + 8:,} bytes at byte {position:,}, "
                f"and {len(data) - position:,} are left"
            )
        if struct.unpack("<q", data[position : position + 8])[0] != reference.numel:
            raise DamagedError(f"storage {shown(key)} is declared in two ways")
        storages[key] = reference.read(data, position + 8)
        position = end
    if position < len(data):
        raise DamagedError(f"it is damaged: {len(data) - position:,} bytes follow its last storage")
    return storages


def _meanings(persistent: Callable[[Any], _Storage]) -> Meanings:
    return Meanings(_CALLS, frozenset(_STORAGES), persistent)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """A view of a storage. Offset and strides count numbers, not bytes."""
    if not isinstance(storage, _Storage) or not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise TypeError
    if len(size) != len(stride) or len(size) > _MOST_DIMENSIONS or not all(map(_is_count, (offset, *size, *stride))):
        raise DamagedError("a tensor has impossible sizes or strides")
    values = storage.values
    if 0 in size:
        return np.empty(size, values.dtype)
    if math.prod(size) > values.size:  # strides of 0: small in the file, huge once something copies it
        raise DamagedError(f"a tensor of shape {list(size)} repeats its storage of {values.size:,} numbers")
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if last >= values.size:
        raise DamagedError(f"a tensor of shape {list(size)} reaches outside of its storage of {values.size:,} numbers")
    step_bytes = tuple(step * values.strides[0] for step in stride)
    return np.lib.stride_tricks.as_strided(values[offset:], size, step_bytes, writeable=False)


def _ordered_dict() -> dict[Any, Any]:
    return {}


def _parameter(tensor: Any, *_: Any) -> np.ndarray:
    if not isinstance(tensor, np.ndarray):
        raise TypeError
    return tensor


def _size(dimensions: Any) -> tuple[Any, ...]:
    if not isinstance(dimensions, tuple):
        raise TypeError
    return dimensions


def _device(kind: Any, index: Any = None) -> str:
    if not isinstance(kind, str) or len(kind) > _LONGEST_WORD or not (index is None or _is_count(index)):
        raise TypeError
    return kind if index is None else f"{kind}:{index}"


def _latin1_bytes(text: Any, encoding: Any) -> bytes:
    """Bytes as protocol 2 writes them; here, of NumPy scalars."""
    if not isinstance(text, str) or encoding != "latin1" or len(text) > _LONGEST_WORD:
        raise RefusedError("its pickle asks for _codecs.encode of more than a NumPy number")
    return text.encode("latin1")


class _ScalarType(Stateful):
    """dtype of a NumPy number."""

    def __init__(self, code: Any, *_: Any):
        if code not in _SCALARS:
            raise RefusedError("its pickle has NumPy values that are not numbers")
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        _, byte_order, *_ = state
        if byte_order not in ("<", ">", "|", "="):
            raise TypeError
        self.dtype = self.dtype.newbyteorder(byte_order)


def _scalar(scalar_type: Any, raw: Any) -> Any:
    if not isinstance(scalar_type, _ScalarType) or not isinstance(raw, bytes) or len(raw) != scalar_type.dtype.itemsize:
        raise TypeError
    return np.frombuffer(raw, scalar_type.dtype)[0].item()


class OpaqueList(Stateful):
    """A list of fastcore's class L. Only the optimizer's state has them, so what it holds is never looked at."""

    def __init__(self, *_: Any):
        self.state: Any = None

    def set_state(self, state: Any) -> None:
        """Keeps the state as it is: a copy could be asked for again and again."""
        self.state = state


_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "torch.device": _device,
    "numpy.dtype": _ScalarType,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "_codecs.encode": _latin1_bytes,
    "fastcore.foundation.L": OpaqueList,
    "fastai.core.L": OpaqueList,
    "fastai2.core.L": OpaqueList,
}
