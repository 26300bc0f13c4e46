"""A stream with some bytes before it."""

import io
from typing import BinaryIO


class JoinedStream(io.RawIOBase):
    """Some bytes, and a stream after them."""

    def __init__(self, before: bytes, stream: BinaryIO):
        self.before = before
        self.stream = stream

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills a buffer, at least in part unless this is the end."""
        data = self.before[: len(buffer)] or self.stream.read(len(buffer))
        self.before = self.before[len(data) :] if self.before else b""
        buffer[: len(data)] = data
        return len(data)
