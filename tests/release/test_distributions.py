"""What an sdist and a wheel of the checkout hold, and what their metadata say."""

import importlib.metadata
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version
from wheel_environment import ROOT

import ulmfit_tfx

FOLDERS = ("package", "schemas", "transforms", "trainer_modules", "evaluation", "tasks", "components", "pipeline")
MODULES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
DATA = [
    ROOT / "package" / "py.typed",
    *(ROOT / "components").rglob("*.j2"),
    *(ROOT / "tasks").rglob("*.pbtxt"),
    ROOT / "schemas" / "serving_ops.tsv",
    *(ROOT / "transforms" / "corpus_cleanup" / "abbreviations").glob("*.txt"),
]
DOCUMENTS = [ROOT / name for name in ("CHANGELOG.md", "LICENSE", "README.md")]
BUILD = [ROOT / name for name in ("MANIFEST.in", "pyproject.toml", "setup.py")]
GENERATED = ("PKG-INFO", "setup.cfg", "ulmfit_tfx.egg-info")
MEGABYTE = 1_000_000


def contents_of_wheel(path: Path) -> dict[str, bytes]:
    archive = zipfile.ZipFile(path)
    return {name: archive.read(name) for name in archive.namelist()}


def contents_of_sdist(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        files = [item for item in archive.getmembers() if item.isfile()]
        return {item.name.partition("/")[2]: archive.extractfile(item).read() for item in files}


def test_wheel_holds_every_module_under_one_name_and_no_other(distributions):
    contents = contents_of_wheel(distributions.wheel)
    found = {name: content for name, content in contents.items() if ".dist-info/" not in name}
    expected = {path.relative_to(ROOT): path.read_bytes() for path in [*MODULES, *DATA]}
    assert found == {f"ulmfit_tfx/{path}".replace("/package/", "/", 1): content for path, content in expected.items()}


def test_sdist_holds_the_sources_and_no_more(distributions):
    contents = contents_of_sdist(distributions.sdist)
    found = {name: content for name, content in contents.items() if not name.startswith(GENERATED)}
    expected = [*MODULES, *DATA, *DOCUMENTS, *BUILD]
    assert found == {str(path.relative_to(ROOT)): path.read_bytes() for path in expected}


def test_distributions_are_small(distributions):
    """A model or the data of a run that slipped in would be larger than any file of code, and than all of them."""
    assert distributions.sdist.stat().st_size < MEGABYTE
    assert distributions.wheel.stat().st_size < 1.2 * MEGABYTE
    for content in (contents_of_wheel(distributions.wheel), contents_of_sdist(distributions.sdist)):
        assert max(map(len, content.values())) < MEGABYTE / 10


def test_build_leaves_no_folder_of_data_to_chance(distributions):
    assert "is absent from the `packages` configuration" not in distributions.log


@pytest.mark.skipif(
    Version(importlib.metadata.version("setuptools")) < Version("77"),
    reason="setuptools before 77 writes the field License-File into metadata of a version that does not know it",
)
def test_metadata_are_valid(distributions):
    (of_wheel,) = (
        content for name, content in contents_of_wheel(distributions.wheel).items() if name.endswith("/METADATA")
    )
    for written in (of_wheel, contents_of_sdist(distributions.sdist)["PKG-INFO"]):
        Metadata.from_email(written, validate=True)


def test_metadata_are_those_of_the_project(distributions, metadata_of_wheel):
    assert metadata_of_wheel.name == "ulmfit-tfx"
    assert metadata_of_wheel.description_content_type == "text/markdown"
    assert metadata_of_wheel.description == (ROOT / "README.md").read_text()
    of_sdist = Metadata.from_email(contents_of_sdist(distributions.sdist)["PKG-INFO"], validate=False)
    assert of_sdist.requires_dist == metadata_of_wheel.requires_dist


def test_license_is_in_the_wheel(distributions):
    (text,) = (content for name, content in contents_of_wheel(distributions.wheel).items() if name.endswith("/LICENSE"))
    assert text == (ROOT / "LICENSE").read_bytes()


def test_version_is_the_same_everywhere(distributions, metadata_of_wheel):
    version = ulmfit_tfx.__version__
    assert str(metadata_of_wheel.version) == version
    assert str(parse_wheel_filename(distributions.wheel.name)[1]) == version
    assert str(parse_sdist_filename(distributions.sdist.name)[1]) == version
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()
