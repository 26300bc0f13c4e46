import gzip
import io
import stat
import subprocess
import tarfile
import zipfile

import pytest

from ulmfit_tfx.components.encoder_importer import archive
from ulmfit_tfx.components.encoder_importer.archive import FoundModel, find_checkpoint, unpacked
from ulmfit_tfx.schemas.errors import DataError

FILES = {"model/saved_model.pb": b"graph" * 500, "model/assets/wiki.model": b"", "readme.txt": b"hello"}
SUFFIXES = pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".zip"])
TARS = pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])


def tar_member(name, content=b"", **attributes):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    return member, content


def write_tar(path, members):
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as written:
        for member, content in members:
            written.addfile(member, io.BytesIO(content))
    return path


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members:
            written.writestr(name, content)
    return path


def write(path, files):
    if path.suffix == ".zip":
        return write_zip(path, files)
    return write_tar(path, [tar_member(name, content) for name, content in files])


def refusal(path) -> str:
    with pytest.raises(DataError) as error, unpacked(path):
        pass
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    return str(error.value)


def files_below(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@SUFFIXES
def test_archive_comes_out_as_it_went_in_and_is_gone_afterwards(tmp_path, suffix):
    with unpacked(write(tmp_path / f"model{suffix}", FILES.items())) as folder:
        assert files_below(folder) == FILES
    assert not folder.exists()


def test_folders_and_current_folder_as_tar_writes_them(tmp_path):
    members = [
        tar_member(".", type=tarfile.DIRTYPE),
        tar_member("./empty/", type=tarfile.DIRTYPE),
        tar_member("./a/b", b"x"),
    ]
    with unpacked(write_tar(tmp_path / "model.tar", members)) as folder:
        assert files_below(folder) == {"a/b": b"x"}
        assert (folder / "empty").is_dir()


def test_rights_in_the_archive_are_not_taken_over(tmp_path):
    with unpacked(write_tar(tmp_path / "model.tar", [tar_member("run", b"x", mode=0o6777)])) as folder:
        assert not (folder / "run").stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR | stat.S_IWOTH)


@SUFFIXES
@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/outside", "a/..", "..\\outside", "C:\\outside"])
def test_name_outside_of_the_archive_is_refused(tmp_path, suffix, name):
    victim = tmp_path / "outside"
    named = str(victim) if name == "/outside" else name
    message = refusal(write(tmp_path / f"model{suffix}", [("fine", b""), (named, b"x")]))
    assert "would lie outside of the archive's folder" in message
    assert not victim.exists()


@TARS
@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE"])
def test_links_and_devices_are_refused(tmp_path, suffix, kind):
    link = tar_member("model/link", type=getattr(tarfile, kind), linkname="fine")
    message = refusal(write_tar(tmp_path / f"model{suffix}", [tar_member("fine", b"x"), link]))
    assert "'model/link' is a link or a device" in message


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path, kind):
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    assert "'link' is a link or a device" in refusal(write_zip(tmp_path / "model.zip", [(member, "/etc/passwd")]))


def test_python_without_tarfile_s_filters_refuses_a_tar_and_says_what_helps(tmp_path, monkeypatch):
    path = write(tmp_path / "model.tar", FILES.items())
    monkeypatch.delattr(tarfile, "data_filter")
    assert "cannot unpack tar archives safely, 3.10.12 and 3.11.4 and later can" in refusal(path)
    with unpacked(write(tmp_path / "model.zip", FILES.items())) as folder:
        assert files_below(folder) == FILES


def test_file_with_holes_is_refused(tmp_path):
    """A few bytes would become a file of terabytes."""
    path = tmp_path / "model.tar"
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(1 << 40)
    subprocess.run(["tar", "--sparse", "--format=gnu", "-cf", path, "-C", tmp_path, "holes"], check=True)
    assert path.stat().st_size < 100_000
    assert "'holes' is a link or a device, or has holes" in refusal(path)


def test_size_below_zero_makes_no_room_for_others(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 100_000)
    owing, _ = tar_member("a")
    owing.size = -512  # the next header is read again, as often as members may be
    path = tmp_path / "model.tar"
    path.write_bytes(owing.tobuf(tarfile.GNU_FORMAT) + tar_member("b", bytes(200_000))[0].tobuf() + bytes(300_000))
    assert refusal(path)
    limits = archive._Limits(tmp_path)
    limits.check("a", -200_000, is_plain=True)
    with pytest.raises(DataError, match="more than 100,000 bytes"):
        limits.check("b", 100_001, is_plain=True)


@SUFFIXES
def test_size_is_counted_by_the_bytes_that_come_out(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 3_000_000)
    path = write(tmp_path / f"model{suffix}", [("a", bytes(2_000_000)), ("b", bytes(1_000_001))])
    assert "'b': more than 3,000,000 bytes come out of it" in refusal(path)
    with unpacked(write(tmp_path / f"fits{suffix}", [("a", bytes(2_000_000)), ("b", bytes(1_000_000))])):
        pass


def test_header_that_understates_a_member_does_not_help(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 100_000)
    path = write_zip(tmp_path / "model.zip", [("a", bytes(1_000_000))])
    path.write_bytes(path.read_bytes().replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert refusal(path)


@SUFFIXES
def test_members_are_counted(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MEMBERS", 3)
    path = write(tmp_path / f"model{suffix}", [(f"f{number}", b"") for number in range(4)])
    assert "has more than 3 members" in refusal(path)


def test_huge_extended_header_is_not_read(tmp_path):
    long_name = tar_member("././@LongLink", bytes(20_000_000), type=tarfile.GNUTYPE_LONGNAME)
    path = write_tar(tmp_path / "model.tar.gz", [long_name, tar_member("a", b"x")])
    assert "A header of 20,0" in refusal(path)


def test_endless_zeros_behind_the_end_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 1_000_000)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as written:
        written.addfile(*[tar_member("a")[0]])
    path = tmp_path / "model.tar.gz"
    path.write_bytes(gzip.compress(stream.getvalue() + bytes(9_000_000)))
    assert "More than 2,000,000 bytes" in refusal(path)


@SUFFIXES
def test_deep_folders_are_refused(tmp_path, suffix):
    assert "40 folders deep" in refusal(write(tmp_path / f"model{suffix}", [("/".join("a" * 40), b"")]))


@TARS
@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_members_in_each_others_way_are_refused(tmp_path, suffix, names):
    assert "cannot be unpacked" in refusal(write(tmp_path / f"model{suffix}", [(name, b"x") for name in names]))


@SUFFIXES
def test_archive_cut_anywhere_is_refused(tmp_path, suffix):
    path = write(tmp_path / f"model{suffix}", [("a/b", b"x" * 600), ("c", bytes(range(256)))])
    whole = path.read_bytes()
    end = len(whole.rstrip(b"\0")) + 512 if suffix == ".tar" else len(whole)  # one block of zeros ends a tar
    for size in range(0, end, 7):
        path.write_bytes(whole[:size])
        assert any(word in refusal(path) for word in ("truncated", "expected an archive")), size


def test_other_files_are_named(tmp_path):
    path = tmp_path / "model.tar.gz"
    assert refusal(path).endswith("no such file.")
    for content, seems in [
        (b"version https://git-lfs.github.com", "git-LFS pointer"),
        (b"<html>", "HTML"),
        (b"", "empty"),
    ]:
        path.write_bytes(content)
        assert seems in refusal(path)


# What is found in a folder


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("names", "kind", "path"),
    [
        (["saved_model.pb", "variables/variables.index", "assets/a.model"], "saved-model", ""),
        (["x/1/saved_model.pb", "x/1/variables/variables.index"], "saved-model", "x/1"),
        (["exp.index", "exp.data-00000-of-00001", "checkpoint"], "keras", "exp"),
        (["weights/exp.v2.index"], "keras", "weights/exp.v2"),
        (["models/learner.pth", "models/wiki.model"], "fastai", "models/learner.pth"),
        (["encoder.json", "encoder.weights.h5"], "ulmfit-tfx", ""),
    ],
)
def test_the_one_model_is_found(tmp_path, names, kind, path):
    touch(tmp_path, *names)
    assert find_checkpoint(tmp_path) == FoundModel(kind, tmp_path / path)


def test_several_models_are_listed(tmp_path):
    touch(tmp_path, "keras_weights/exp.index", "saved_model/saved_model.pb", "fastai_model/x.pth")
    with pytest.raises(DataError) as error:
        find_checkpoint(tmp_path)
    listed = "fastai_model/x.pth (fastai), keras_weights/exp (keras), saved_model (saved-model)"
    assert str(error.value) == f"{tmp_path}: holds 3 models: {listed}. Name one of them, or its format."


def test_no_model_is_said(tmp_path):
    with pytest.raises(DataError, match="holds no model, expected a SavedModel"):
        find_checkpoint(touch(tmp_path, "a/b/c/d/x.pth"))
    with pytest.raises(DataError, match="no such folder"):
        find_checkpoint(tmp_path / "x")
