"""Cuts files of lines into ranges of bytes that can be parsed apart."""

import io
from typing import BinaryIO

from ulmfit_tfx.schemas.source_config import SourceConfig

_CHUNK = 1 << 20
def is_splittable(config):
    import codecs
    name = codecs.lookup(config.encoding).name
    fine = name in ("utf-8", "ascii") or name.startswith(("iso8859", "cp125", "koi8"))
    return fine and (config.format in ("tsv", "jsonl") or (config.format == "text" and config.text_unit == "line"))
def align(stream, offset):
    if offset <= 0: return 0
    stream.seek(offset - 1)
    while True:
        data = stream.read(_CHUNK)
        if not data: return stream.tell()
        if (at := data.find(b"\n")) >= 0: return stream.tell() - len(data) + at + 1
def count_line_ends(stream, start, stop):
    stream.seek(start); left = stop - start; n = 0; before = b""
    while left and (data := stream.read(min(_CHUNK, left))):
        left -= len(data); n += data.count(b"\n") + data.count(b"\r") - (before + data).count(b"\r\n"); before = data[-1:]
    return n
def range_stream(stream, start, stop):
    stream.seek(start)
    return io.BytesIO(stream.read(stop - start))
