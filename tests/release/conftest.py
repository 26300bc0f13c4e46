"""The distributions of the checkout, built once."""

import zipfile

import pytest
from packaging.metadata import Metadata
from wheel_environment import Distributions, build_distributions


@pytest.fixture(scope="session")
def distributions(tmp_path_factory) -> Distributions:
    """An sdist of the checkout, and a wheel of the sdist."""
    return build_distributions(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def metadata_of_wheel(distributions) -> Metadata:
    """What pip reads."""
    archive = zipfile.ZipFile(distributions.wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    return Metadata.from_email(archive.read(name), validate=False)
