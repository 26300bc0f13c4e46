"""Maps the repository's top-level folders into the one import package, `ulmfit_tfx`.

The folders carry TFX's customary names (`components`, `pipeline`, ...), far too generic for site-packages, so each is
installed as `ulmfit_tfx.<folder>`. Everything else about the distribution stands in pyproject.toml.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = "ulmfit_tfx"
FOLDERS = ("schemas", "transforms", "trainer_modules", "evaluation", "tasks", "components", "pipeline")
FOLDERS_OF_DATA = ("transforms.corpus_cleanup.abbreviations",)

version = re.search(r'__version__ = "(.+)"', Path("package/__init__.py").read_text()).group(1)

setup(
    version=version,
    package_dir={ROOT: "package", **{f"{ROOT}.{folder}": folder for folder in FOLDERS}},
    packages=[
        ROOT,
        *(f"{ROOT}.{folder}" for folder in FOLDERS),
        *(f"{ROOT}.{folder}.{sub}" for folder in FOLDERS for sub in find_packages(folder)),
        *(f"{ROOT}.{folder}" for folder in FOLDERS_OF_DATA),
    ],
    package_data={
        ROOT: ["py.typed"],
        f"{ROOT}.schemas": ["serving_ops.tsv"],
        f"{ROOT}.tasks": ["**/*.pbtxt"],
        f"{ROOT}.components": ["**/*.j2"],
        f"{ROOT}.transforms.corpus_cleanup.abbreviations": ["*.txt"],
    },
)
