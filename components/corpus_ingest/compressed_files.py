"""Decompresses files by their suffix or first bytes, as streams that tell a truncated file from a short one."""

import bz2
import gzip
import io
import lzma
import os
import re
from collections.abc import Callable
from typing import Any, BinaryIO

_ZSTD_WINDOW = 128 << 20
"""Bytes that a frame may look back, and so has to keep in memory: as many as the `zstd` command allows."""
_ZSTD_READ_AT_ONCE = 1 << 10
"""All that comes of these is held in memory, up to 32 MiB."""
_READ_AT_ONCE = 1 << 17
STARTS = 10
"""Bytes that a compressed file is told by."""


def compression_of(path: str, start: bytes) -> str | None:
    """The suffix of the way that a file is compressed in: its own, or that of what it begins as. None: it is not.

    >>> compression_of("rows.csv.gz", b""), compression_of("rows.csv", gzip.compress(b"text")[:STARTS])
    ('.gz', '.gz')
    """
    if has_compressed_suffix(path):
        return _suffix(path)
    return next((suffix for suffix, begins in _STARTS.items() if begins.match(start)), None)


def has_compressed_suffix(path: str) -> bool:
    """Whether a file is to be compressed by its name: .gz, .bz2, .xz and .zst are."""
    return _suffix(path) in _OPENERS


def decompressed(stream: io.BufferedReader, path: str) -> io.BufferedReader:
    """The content of a compressed file; of another the stream itself.

    Args:
        stream: Of the file. Is closed with what is returned.
        path: Of the file.

    Raises:
        EOFError: The file is empty. When it is read: it is truncated.
        OSError, zlib.error, lzma.LZMAError: When it is read: it is damaged, or not compressed so.
    """
    try:
        compression = compression_of(path, stream.peek(STARTS)[:STARTS])
        if compression is None:
            return stream
        if not stream.peek(1):
            raise EOFError("a compressed file is never empty")
        return _Decompressed(_OPENERS[compression](stream), stream)
    except BaseException:
        stream.close()
        raise


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1]


class _Decompressed(io.BufferedReader):
    """Closes the compressed stream too, which Python's own readers leave open."""

    def __init__(self, content: Any, compressed: BinaryIO):
        super().__init__(content, _READ_AT_ONCE)
        self._compressed = compressed

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._compressed.close()


class _ZstdReader(io.RawIOBase):
    """The content of one zstd frame after the other. zstandard's own readers take a truncated file for a short one."""

    def __init__(self, stream: BinaryIO):
        import zstandard

        self._stream = stream
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._error = zstandard.ZstdError
        self._frame: Any = None
        self._compressed = b""
        self._content = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._content and self._decompress_some():
            pass
        size = min(len(buffer), len(self._content))
        buffer[:size] = self._content[:size]
        self._content = self._content[size:]
        return size

    def _decompress_some(self) -> bool:
        """Whether there was anything left."""
        data = self._compressed or self._stream.read(_ZSTD_READ_AT_ONCE)
        if not data:
            if self._frame is not None:
                raise EOFError("the compressed file ends within a frame")
            return False
        try:
            self._frame = self._frame or self._decompressor.decompressobj()
            self._content = memoryview(self._frame.decompress(data))
        except self._error as error:
            raise OSError(str(error)) from None
        self._compressed = self._frame.unused_data
        if self._frame.eof:
            self._frame = None
        return True


_OPENERS: dict[str, Callable[[Any], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _ZstdReader,
}

_STARTS = {
    ".gz": re.compile(rb"\x1f\x8b\x08", re.DOTALL),
    ".bz2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", re.DOTALL),
    ".xz": re.compile(rb"\xfd7zXZ\x00", re.DOTALL),
    ".zst": re.compile(rb"\x28\xb5\x2f\xfd", re.DOTALL),
}
