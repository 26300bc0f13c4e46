"""The pages, read by someone who runs what they show: their commands and their Python, from top to bottom.

Trainings are small, and what a page presupposes stands in its folder (`reading/stand_ins.py`). The commands that are
not run are in `reading/not_run.py`, with the reason.
"""

import importlib
import sys

import pytest
from pages import PAGES, blocks, blocks_of
from reader import ENDS_OTHERWISE, SHOWS_OTHERWISE, Reader, expected_code, read, to_run, with_present_numbers
from shown_labels import labels
from stand_ins import Material, prepare, write_movie_reviews

README, TRAINS_MOST = "README.md", "docs/python.md"
TO_READ = [
    page for page in PAGES if blocks("python", page=page) or any(map(to_run, blocks("sh", "console", page=page)))
]


@pytest.fixture(scope="module")
def material(tmp_path_factory, reviews, spm_model, exported_model):
    """What stand-ins are made of, and the package `movie_reviews` among them."""
    packages = tmp_path_factory.mktemp("packages")
    write_movie_reviews(packages, reviews)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(packages)
        for name in [name for name in sys.modules if name.partition(".")[0] == "movie_reviews"]:
            patch.delitem(sys.modules, name)
        importlib.invalidate_caches()
        patch.setenv("COLUMNS", "140")
        yield Material(reviews, spm_model, exported_model)


@pytest.fixture(scope="module")
def readme(tmp_path_factory, material):
    """Folder of the README's reader, and what he complains of; the other pages have its runs."""
    folder = tmp_path_factory.mktemp("readme")
    prepare(README, folder, None, material)
    return folder, read(blocks(page=README, evaluator=Reader(folder)))


@pytest.mark.pipeline
@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.thorough) if page == TRAINS_MOST else page for page in TO_READ]
)
def test_page_runs_and_shows_what_it_says(page, readme, material, tmp_path):
    folder, complaints = readme
    if page != README:
        prepare(page, tmp_path, folder / "runs", material)
        complaints = read(blocks(page=page, evaluator=Reader(tmp_path)))
    assert not complaints, "\n\n".join(complaints)


def test_exceptions_are_of_commands_that_are_run():
    run = [command for block in blocks("sh", "console") for command in to_run(block)]
    ending = {(page, code) for (page, _), code in ENDS_OTHERWISE.items()}
    assert ending <= {(command.page, expected_code(command)) for command in run}
    assert set(SHOWS_OTHERWISE) <= {(command.page, label) for command in run for label in labels(command.shown)}


def test_what_is_not_as_shown_is_said_with_its_place(tmp_path):
    shell = "```console\n$ echo a\nb\n$ echo a | cat\na\n```\n"
    python = "```python\nx = ''\n```\n```python a.py\nfile\n```\n```python\n\nx[9]\n```\n"
    shown, python = read(blocks_of(f"{shell}\n{python}", "p.md", Reader(tmp_path)))
    assert "p.md:2: echo a: 'b' is not shown by" in shown
    assert "cat" not in shown
    assert 'File "p.md", line 16' in python
    assert "IndexError" in python


@pytest.mark.parametrize("text", ["ulmfit-tfx run none.yaml", "ulmfit-tfx run 'none'.*", "cat none.yaml | head"])
def test_failure_is_one_of_the_line(tmp_path, text):
    done = Reader(tmp_path).run(text)
    assert done.code
    assert "no such file" in done.output.lower()


def test_words_are_those_that_bash_makes_of_them(tmp_path):
    (tmp_path / "x1.yaml").touch()
    assert "x1.yaml: " in Reader(tmp_path).run('ulmfit-tfx run "$PWD"/x?.yaml  # said').output


def test_number_that_a_page_shows_becomes_the_newest_that_is_there(tmp_path):
    for name in ("9", "10", "tf_serving"):
        (tmp_path / "runs/a" / name).mkdir(parents=True)
    text = 'load("runs/a/1795/b") runs/a/9 runs/a/1795 runs/none/3 0.5/7'
    assert with_present_numbers(text, tmp_path) == 'load("runs/a/10/b") runs/a/9 runs/a/10 runs/none/3 0.5/7'
