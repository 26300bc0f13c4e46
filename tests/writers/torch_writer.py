"""Writes files of `torch.save` without torch, honest ones and others."""

import collections
import io
import pickle
import types
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


class Global:
    """What a pickle finds under `module.name`. It is written as these two words."""

    def __init__(self, module: str, name: str):
        self.module = module
        self.name = name

    def __call__(self):
        raise AssertionError("only pickle's writer asks whether it can be called")


class Call:
    """A call that the reader of the pickle is to make, and the state that it is to set."""

    def __init__(self, function: Global, arguments: tuple, state: Any = None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)


class Storage:
    def __init__(self, values: np.ndarray, kind: str | None = None, numel: int | None = None, view: Any = None):
        self.content = np.ascontiguousarray(values).tobytes()
        self.kind = kind or STORAGES[values.dtype.name]
        self.numel = values.size if numel is None else numel
        self.view = view


@dataclass
class Tensor:
    storage: Storage
    offset: Any
    size: Any
    stride: Any

    def call(self) -> Call:
        arguments = (self.storage, self.offset, self.size, self.stride, False, collections.OrderedDict())
        return Call(Global("torch._utils", "_rebuild_tensor_v2"), arguments)


class _Pickler(pickle._Pickler):
    """Python's own writer of pickles, and torch's ways with tensors."""

    def __init__(self, file, protocol: int, legacy: bool):
        super().__init__(file, protocol)
        self.legacy = legacy
        self.keys: dict[int, str] = {}
        self.storages: dict[str, Storage] = {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        key = self.keys.setdefault(id(obj), str(len(self.keys)))
        self.storages[key] = obj
        return ("storage", Global("torch", obj.kind), key, "cpu", obj.numel) + ((obj.view,) if self.legacy else ())

    def reducer_override(self, obj):
        if isinstance(obj, np.ndarray):
            dense = np.array(obj, order="C")
            obj = Tensor(Storage(dense), 0, obj.shape, tuple(step // obj.itemsize for step in dense.strides))
        if isinstance(obj, Tensor):
            obj = obj.call()
        return obj.reduced if isinstance(obj, Call) else NotImplemented

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, type | types.FunctionType | types.BuiltinFunctionType):
            # Not by the base class: dill, where something imports it, would write functions in its own way.
            self.save(Global(obj.__module__, obj.__qualname__))
        else:
            super().save(obj, save_persistent_id)


def _save(path: Path, value: Any, legacy: bool = False, protocol: int = 2, **records: bytes) -> Path:
    """Writes a file of torch.save; `records` are more records of the zip archive, or other ones."""
    stream = io.BytesIO()
    pickler = _Pickler(stream, protocol, legacy)
    pickler.dump(value)
    (_save_legacy if legacy else _save_zip)(path, stream.getvalue(), pickler.storages, **records)
    return path


def _save_zip(path: Path, pickled: bytes, storages: dict[str, Storage], **records: bytes) -> None:
    contents = {"data.pkl": pickled, "version": b"3\n"}
    contents |= {f"data/{key}": storage.content for key, storage in storages.items()} | records
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            archive.writestr(f"{path.stem}/{name}", content)


def _save_legacy(path: Path, pickled: bytes, storages: dict[str, Storage]) -> None:
    headers = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    with path.open("wb") as file:
        for header in headers:
            pickle.dump(header, file, 2)
        file.write(pickled)
        pickle.dump(sorted(storages), file, 2)
        for key in sorted(storages):
            file.write(storages[key].numel.to_bytes(8, "little") + storages[key].content)


class TorchWriter:
    Global, Call, Storage, Tensor = Global, Call, Storage, Tensor
    save = staticmethod(_save)
    save_zip = staticmethod(_save_zip)
    save_legacy = staticmethod(_save_legacy)
