"""Writes down what TensorFlow's libraries register, in a process that loads nothing else of TensorFlow.

    python -I op_registry.py OUTPUT TENSORFLOW [LIBRARY...]

TENSORFLOW is the package's folder in site-packages, LIBRARYs are shared libraries with more ops. Into OUTPUT go `ops`,
a serialized OpList, and `kernels`, a serialized KernelList. The libraries are TensorFlow's C++ part, which a server has
too: what TensorFlow's Python package registers beyond them, such as the kernel that calls Python functions, is not in.
"""

import ctypes
import sys
from pathlib import Path


class Buffer(ctypes.Structure):
    """The C API's TF_Buffer."""

    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]

    def __bytes__(self) -> bytes:
        return ctypes.string_at(self.data, self.length)


def main(output: Path, tensorflow: Path, *libraries: Path) -> None:
    """Loads and writes."""
    ctypes.CDLL(str(tensorflow / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    api = ctypes.CDLL(str(tensorflow / "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)
    for library in libraries:
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    api.TF_NewStatus.restype = ctypes.c_void_p
    api.TF_GetAllRegisteredKernels.argtypes = [ctypes.c_void_p]
    for function in (api.TF_GetAllOpList, api.TF_GetAllRegisteredKernels):
        function.restype = ctypes.POINTER(Buffer)
    (output / "ops").write_bytes(bytes(api.TF_GetAllOpList().contents))
    (output / "kernels").write_bytes(bytes(api.TF_GetAllRegisteredKernels(api.TF_NewStatus()).contents))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
