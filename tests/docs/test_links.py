"""Links and names in the pages: what they lead to exists."""

import functools
import itertools
import re
from urllib.parse import urlsplit

import pytest
from commands import make_targets
from pages import PAGES, ROOT, anchors, code_spans, links

NO_FOLDERS_OF_OURS = {"build", "dist", "runs"}
FOLDERS = sorted(
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and path.name not in NO_FOLDERS_OF_OURS and not path.name.startswith(".")
)
OUR_PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*")
OUR_MODULE = re.compile(r"[\w./-]+\.py")
ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
PLACEHOLDER = re.compile(r"[A-Z]{2,}")
OF_THE_OLD_PACKAGE = {"01_cleanup.py", "02_build_spm.py", "03_encode_spm.py"}
"""Scripts that docs/tokenizer.md translates."""


def complaint_of_link(page: str, target: str) -> str | None:
    """What is wrong with a link: its file or the heading there does not exist, or it is not well formed."""
    parts = urlsplit(target)
    if parts.scheme:
        return None if re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/\S*)?", target) else "is not well formed"
    file = (ROOT / page).parent / parts.path if parts.path else ROOT / page
    if not file.exists():
        return "leads nowhere"
    if parts.fragment and parts.fragment not in (there := anchors(file.resolve().relative_to(ROOT).as_posix())):
        return f"leads to no heading there, but {sorted(there)} are"
    return None


def with_alternatives(path: str) -> list[str]:
    """`a/{b,c}.py` gives `a/b.py` and `a/c.py`."""
    parts = ALTERNATIVES.split(path)
    choices = [part.split(",") if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


@functools.cache
def our_modules() -> list[str]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return [f"/{path.relative_to(ROOT).as_posix()}" for path in [*found, ROOT / "setup.py"]]


def complaint_of_name(page: str, text: str) -> str | None:
    """What code in the text names and is not there: paths, modules by the end of their path, targets of make."""
    if unknown := set(MAKE.findall(text)) - make_targets():
        return f"the Makefile has no target {unknown.pop()}"
    for path in with_alternatives(text):
        if PLACEHOLDER.search(path) or path in OF_THE_OLD_PACKAGE:
            continue
        is_path, is_module = OUR_PATH.fullmatch(path), OUR_MODULE.fullmatch(path)
        if is_path and not any(any(near.glob(path)) for near in (ROOT, (ROOT / page).parent)):
            return f"there is no {path}"
        if is_module and not is_path and not any(module.endswith(f"/{path}") for module in our_modules()):
            return f"no module's path ends in {path}"
    return None


@pytest.mark.parametrize("page", PAGES)
def test_what_links_and_code_in_the_text_name_exists(page):
    checked = [(span, complaint_of_link(page, span.text)) for span in links(page)]
    checked += [(span, complaint_of_name(page, span.text)) for span in code_spans(page)]
    wrong = [f"{span.place}: {span.text}: {complaint}" for span, complaint in checked if complaint]
    assert not wrong, "\n".join(wrong)


def test_stale_links_and_names_are_found():
    """What the test above would say."""
    links_of_readme = ["docs/nowhere.md", "docs/serving.md#nowhere", "http://example.com", "https://example"]
    names = ["tests/nowhere/", "pipeline/{graph,nowhere}.py", "nowhere/graph.py", "make nowhere"]
    assert all(complaint_of_link("README.md", target) for target in links_of_readme)
    assert all(complaint_of_name("README.md", text) for text in names)
    assert complaint_of_name("docs/serving.md", "pipeline/graph.py") is complaint_of_link("README.md", "#your-own-data")
