"""Links and names in the pages: what they lead to exists."""

import itertools
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from commands import make_targets
from pages import ROOT, Span, anchors, code_spans, links

NO_FOLDERS_OF_OURS = {"build", "dist", "runs"}
FOLDERS = sorted(
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and path.name not in NO_FOLDERS_OF_OURS and not path.name.startswith(".")
)
OUR_PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./{{}},*-]*")
OUR_MODULE = re.compile(r"[\w./{},-]+\.py")
ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
PLACEHOLDER = re.compile(r"[A-Z]{2,}")
OF_THE_OLD_PACKAGE = {"01_cleanup.py", "02_build_spm.py", "03_encode_spm.py"}
"""Scripts that docs/tokenizer.md translates."""


def of(spans):
    return pytest.mark.parametrize("span", spans, ids=[f"{span.place} {span.text}"[:80] for span in spans])


def is_external(target: str) -> bool:
    return "://" in target or target.startswith("mailto:")


@of([span for span in links() if not is_external(span.text)])
def test_relative_link_leads_to_a_file_and_to_one_of_its_headings(span: Span):
    path, _, anchor = span.text.partition("#")
    target = (ROOT / span.page).parent / path if path else ROOT / span.page
    assert target.exists(), f"{span.place}: {span.text} leads nowhere"
    if anchor:
        page = target.resolve().relative_to(ROOT).as_posix()
        assert anchor in anchors(page), f"{span.place}: {page} has no heading #{anchor}, but {sorted(anchors(page))}"


@of([span for span in links() if is_external(span.text)])
def test_external_link_is_well_formed(span: Span):
    parts = urlsplit(span.text)
    assert parts.scheme == "https", f"{span.place}: {span.text}"
    assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), f"{span.place}: {span.text}"
    assert not re.search(r"\s", span.text), f"{span.place}: {span.text}"


def with_alternatives(path: str) -> list[str]:
    """`a/{b,c}.py` gives `a/b.py` and `a/c.py`."""
    parts = ALTERNATIVES.split(path)
    choices = [part.split(",") if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


@of([span for span in code_spans() if OUR_PATH.fullmatch(span.text) and not PLACEHOLDER.search(span.text)])
def test_path_that_begins_with_a_folder_of_the_repository_exists(span: Span):
    for path in with_alternatives(span.text):
        near = (ROOT / span.page).parent
        assert any(ROOT.glob(path)) or any(near.glob(path)), f"{span.place}: there is no {path}"


def our_modules() -> list[str]:
    found = []
    for folder in FOLDERS:
        for path, _, files in os.walk(ROOT / folder):
            found += [f"/{(Path(path) / name).relative_to(ROOT).as_posix()}" for name in files if name.endswith(".py")]
    return found


@of([span for span in code_spans() if OUR_MODULE.fullmatch(span.text) and not PLACEHOLDER.search(span.text)])
def test_module_that_is_named_by_the_end_of_its_path_exists(span: Span):
    known = [*our_modules(), "/setup.py"]
    for path in with_alternatives(span.text):
        exists = path in OF_THE_OLD_PACKAGE or any(module.endswith(f"/{path}") for module in known)
        assert exists, f"{span.place}: no module's path ends in {path}"


@of([span for span in code_spans() if MAKE.search(span.text)])
def test_target_of_make_exists(span: Span):
    for target in MAKE.findall(span.text):
        assert target in make_targets(), f"{span.place}: the Makefile has no target {target}"
