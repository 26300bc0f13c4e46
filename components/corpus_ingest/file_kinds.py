"""Tells from a file's first bytes what it is, where it holds no text, so that no parser has to stumble over it."""

import codecs
import io
import re
import struct
import zipfile
from typing import NamedTuple

from ulmfit_tfx.schemas.config.sources.alternatives import formats_for
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.table import container_of
from ulmfit_tfx.schemas.errors import DataError

_LOOKED_AT = 1 << 10
_CONTROLS = frozenset(range(9)) | frozenset(range(14, 32)) - {27}
"""Bytes that texts in hardly any encoding have: not those of white space, nor the one that shifts ISO-2022."""
_TEXT_WITH_ZEROS = ("utf-16", "utf-32")
_FEW_CONTROLS = 0.1


class FileKind(NamedTuple):
    """What a file is, other than text.

    Attributes:
        name: With its article.
        advice: What to do, a sentence.
        format: What formats that read such files are called, or end in.
    """

    name: str
    advice: str
    format: str | None = None


_EXPORT = "Export it as CSV, TSV, JSON Lines or Parquet."
_TEXT_OF_IT = "Extract the text of it, to .txt files for example."
_UNPACK = "Unpack it, and name the folder, or a file in it."
_ON_DISK = (
    "Write what it holds as CSV, JSON Lines or Parquet: with pandas, to_json(path, orient='records', lines=True)."
)
_NO_TEXT = "There is no text in it: name the files with the rows, as in path: folder/*.csv."

PARQUET = FileKind("a Parquet file", "write it as CSV or JSON Lines.", "parquet")
XLSX = FileKind("an Excel workbook (.xlsx)", "save it as CSV.", "xlsx")
ZIP = FileKind("a zip archive", _UNPACK)
_BINARY = FileKind("a binary file of an unknown kind", "Rows are read from texts, Parquet and Excel files.")

_STARTS: tuple[tuple[bytes, FileKind], ...] = (
    (b"PAR1", PARQUET),
    (b"%PDF-", FileKind("a PDF document", _TEXT_OF_IT)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind("an Office document from before 2007 (.xls, .doc)", _EXPORT)),
    (b"{\\rtf", FileKind("an RTF document", _TEXT_OF_IT)),
    (b"SQLite format 3\x00", FileKind("an SQLite database", _EXPORT)),
    (b"ARROW1\x00\x00", FileKind("an Arrow or Feather file", "Write it as Parquet: pyarrow.parquet.write_table.")),
    (b"\xff\xff\xff\xff", FileKind("an Arrow stream", "Write it as Parquet: datasets' to_parquet does it.")),
    (b"FEA1", FileKind("a Feather file", "Write it as Parquet.")),
    (b"Obj\x01", FileKind("an Avro file", "Write it as Parquet or JSON Lines.")),
    (b"ORC", FileKind("an ORC file", "Write it as Parquet.")),
    (b"\x89HDF\r\n\x1a\n", FileKind("an HDF5 file", _ON_DISK)),
    (b"\x93NUMPY", FileKind("a NumPy array", _ON_DISK)),
    (b"RDX", FileKind("an R data file", _EXPORT)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", FileKind("a RAR archive", _UNPACK)),
    (b"\x89PNG", FileKind("a PNG image", _NO_TEXT)),
    (b"\xff\xd8\xff", FileKind("a JPEG image", _NO_TEXT)),
    (b"GIF8", FileKind("a GIF image", _NO_TEXT)),
    (b"II*\x00", FileKind("a TIFF image", _NO_TEXT)),
    (b"MM\x00*", FileKind("a TIFF image", _NO_TEXT)),
    (b"RIFF", FileKind("a sound, video or image file", _NO_TEXT)),
    (b"ID3", FileKind("a sound file", _NO_TEXT)),
    (b"OggS", FileKind("a sound file", _NO_TEXT)),
    (b"\x7fELF", FileKind("a program", _NO_TEXT)),
    (
        b"version https://git-lfs",
        FileKind("a Git LFS pointer, not the file itself", "Run `git lfs pull` where it was cloned."),
    ),
)
_PICKLE = FileKind("a Python pickle", _ON_DISK)
_TAR = FileKind("a tar archive", _UNPACK)
_TF_RECORDS = FileKind("a file of TFRecords", _ON_DISK)
_WEB_PAGE = FileKind("a web page (of a failed download?)", "Download the file itself.")
_STARTS_OF_PICKLES = re.compile(rb"\x80[\x02-\x05]([\x95\]}\[(c]|\x8c|X)")
_STARTS_OF_WEB_PAGES = re.compile(rb"\s*<(!doctype\s+html|html[\s>])", re.IGNORECASE)

_OFFICE = "[Content_Types].xml"
_IN_ZIP: tuple[tuple[str, FileKind], ...] = (
    ("xl/workbook.bin", FileKind("an Excel workbook (.xlsb)", "Save it as .xlsx or CSV.")),
    ("xl/", XLSX),
    ("word/", FileKind("a Word document (.docx)", _TEXT_OF_IT)),
    ("ppt/", FileKind("a PowerPoint document (.pptx)", _TEXT_OF_IT)),
    ("content.xml", FileKind("an OpenDocument file (.ods, .odt)", "Export a table as CSV, a text as .txt.")),
    ("META-INF/container.xml", FileKind("an e-book (.epub)", _TEXT_OF_IT)),
    ("META-INF/MANIFEST.MF", FileKind("a Java archive", _NO_TEXT)),
)


def kind_of(stream: io.BufferedReader) -> FileKind | None:
    """What a file is, None where it seems to be text.

    Args:
        stream: Of its content, at its beginning, and left there.
    """
    start = stream.peek(_LOOKED_AT)[:_LOOKED_AT]
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(stream)
    has_controls = any(byte in _CONTROLS for byte in start)
    for begins, kind in _STARTS:
        # A text may begin with letters that a file of bytes begins with.
        if start.startswith(begins) and (has_controls or not begins.isalnum()):
            return kind
    if _STARTS_OF_PICKLES.match(start):
        return _PICKLE
    if start[257:262] == b"ustar":
        return _TAR
    if _STARTS_OF_WEB_PAGES.match(start.removeprefix(codecs.BOM_UTF8)):
        return _WEB_PAGE
    if _begins_with_a_record(start):
        return _TF_RECORDS
    return _BINARY if _is_binary(start) else None


def check_kind(kind: FileKind | None, file: str, config: SourceConfig) -> None:
    """Demands that a file is one that the source's format reads.

    Raises:
        DataError: It is another, which is named, with what to do.
    """
    container = container_of(config.format)
    if kind is not None and kind.format is not None and kind.format == container:
        return
    if kind is None and container is not None:
        expected = PARQUET if container == PARQUET.format else XLSX
        raise DataError(f"{file}: is not {expected.name}, and format is {config.format}. Set the format that it has.")
    if kind is _BINARY and config.encoding.lower().replace("_", "-").startswith(_TEXT_WITH_ZEROS):
        return
    if kind is _WEB_PAGE and config.format == "text":
        return
    if kind is None:
        return
    if read_as := [name for name in formats_for(config) if kind.format and container_of(name) == kind.format]:
        raise DataError(
            f"{file}: is {kind.name}, and format is {config.format}. Set format to {' or '.join(read_as)}, or "
            f"{kind.advice}"
        )
    nested = " inside of another" if kind is ZIP else ""
    advice = f"{kind.advice[0].upper()}{kind.advice[1:]}"
    raise DataError(f"{file}: is {kind.name}{nested}, not text. {advice}")


def _kind_of_zip(stream: io.BufferedReader) -> FileKind:
    try:
        names = zipfile.ZipFile(stream).namelist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return ZIP  # which says what is wrong with it when it is opened
    finally:
        if stream.seekable():
            stream.seek(0)
    for start, kind in _IN_ZIP:
        # A folder called xl is none of Excel's without the list of types that its documents have.
        if any(name.startswith(start) for name in names) and (not start.endswith("/") or _OFFICE in names):
            return kind
    if any(name.endswith("data.pkl") for name in names):
        return FileKind("a PyTorch file", _ON_DISK)
    if names and all(name.endswith(".npy") for name in names):
        return FileKind("NumPy arrays (.npz)", _ON_DISK)
    return ZIP


def _begins_with_a_record(start: bytes) -> bool:
    """Whether it begins as TFRecord frames a record: its length, and the checksum of that."""
    if len(start) < 12 or start[4:8] != bytes(4):
        return False
    import google_crc32c

    crc = google_crc32c.value(start[:8])
    return struct.unpack("<I", start[8:12])[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _is_binary(start: bytes) -> bool:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) or _looks_like_utf16(start):
        return False
    return sum(byte in _CONTROLS for byte in start) > _FEW_CONTROLS * len(start) and len(start) >= 16


def _looks_like_utf16(start: bytes) -> bool:
    """Whether every second byte is a zero, as in Latin letters of UTF-16 without a mark, and no other."""
    return any(not any(start[first::2]) and all(start[1 - first :: 2]) for first in (0, 1))
