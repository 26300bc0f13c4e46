"""Tells from a file's first bytes what it seems to be, for the message where something else was expected."""

_STARTS = {
    b"version https://git-lfs": "is a git-LFS pointer, not the file itself (run `git lfs pull` where it was cloned)",
    b"\x89HDF\r\n\x1a\n": "is an HDF5 file (.h5)",
    b"PK\x03\x04": "is a zip file",
    b"\x1f\x8b": "is a gzip file (.gz)",
    b"BZh": "is a bzip2 file",
    b"\xfd7zXZ\x00": "is an xz file",
    b"\x80": "is a pickle of another kind",
}


def looks_like(head: bytes) -> str:
    """Says what a file is.

    Args:
        head: Its first 512 bytes, or all.

    Returns:
        A clause such as "is a text".
    """
    for start, description in _STARTS.items():
        if head.startswith(start):
            return description
    if head[257:262] == b"ustar":
        return "is a tar archive"
    if head[8:10] == b'{"' and head[5:8] == b"\0\0\0":  # the size of the JSON header, 64 bits
        return "is a safetensors file"
    if head.lstrip()[:1] == b"<":
        return "is an HTML or XML page (of a failed download?)"
    if head and head.isascii() and b"\0" not in head:
        return "is a text"
    return "is empty" if not head else "is a file of an unknown kind"


def is_git_lfs_pointer(head: bytes) -> bool:
    """Whether git left a pointer in place of the file."""
    return head.startswith(b"version https://git-lfs")
