"""Commands in the pages, without running one: each is classified, and what it names exists."""

import doctest
import re

import commands as commands_module
import pytest
import shown_labels
import typer.main
from commands import check, check_synopsis, commands, commands_of, make_targets, simple_commands
from not_run import NOT_RUN, reason_not_to_run
from pages import ROOT, Span, blocks, blocks_of, code_spans, place

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.schemas.errors import ExitCode

LANGUAGES = {"console", "json", "python", "sh", "text", "yaml"}
# Of a line, and of the indented ones below it that go on with its options.
SYNOPSIS = re.compile(
    r"^\s*(?:ulmfit-tfx (?=[a-z-])|(?=tokenizer (?:train|encode|show) ))(.*(?:\n {8,}\S.*)*)", re.MULTILINE
)
SYNOPSES = [Span(place(block), block.parsed) for block in blocks("text")] + code_spans()


def of(items):
    return pytest.mark.parametrize("item", items, ids=[f"{item.place} {item.text}"[:80] for item in items])


def test_blocks_say_their_language():
    unknown = {place(block) for block in blocks()} - {place(block) for block in blocks(*LANGUAGES)}
    assert not unknown, (
        f"{unknown}: a block's language is one of {', '.join(sorted(LANGUAGES))}. "
        "Commands are sh, commands after '$ ' with what they show are console, all that is only shown is text."
    )


@of(commands())
def test_command_is_run_or_the_reason_is_given_and_what_it_names_exists(item):
    reason = reason_not_to_run(item)
    assert reason is None or reason.why, "Say in NOT_RUN of not_run.py why it is not run, or add its programs to RUN."
    for words in simple_commands(item.text):
        check(*words)


@pytest.mark.parametrize(("page", "beginning"), [(page, start) for page in NOT_RUN for start in NOT_RUN[page]])
def test_reason_is_of_a_command_and_its_test_is_there(page, beginning):
    assert any(command.page == page and command.text.startswith(beginning) for command in commands())
    reason = NOT_RUN[page][beginning]
    if reason.tested_by:
        assert reason.naming in (ROOT / reason.tested_by).read_text(encoding="utf-8")


@of([span for span in SYNOPSES if SYNOPSIS.search(span.text)])
def test_subcommand_and_options_of_a_synopsis_exist(item):
    for synopsis in SYNOPSIS.findall(item.text):
        check_synopsis(synopsis.split())


def test_readme_lists_every_subcommand_and_exit_code():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in typer.main.get_command(app).commands:
        assert f"| `ulmfit-tfx {name} " in readme, f"README.md's table of commands lacks {name}"
    listed = re.search(r"Exit codes: (.*?)\.\n", readme, re.DOTALL).group(1)
    assert [int(code) for code in re.findall(r"(?:^|; ?\n?)(\d+) ", listed)] == sorted(map(int, ExitCode))


@pytest.mark.parametrize("module", [commands_module, shown_labels])
def test_examples_in_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_stale_commands_are_found():
    """What the tests above would say."""
    stale = {
        "ulmfit-tfx trian x.yaml": "no subcommand trian",
        "ulmfit-tfx run x.yaml --epochs 3": "No such option: --epochs",
        "ulmfit-tfx run": "Missing argument 'CONFIG.yaml'",
        "ulmfit-tfx tokenizer train a.txt": "Missing option '--output'",
        "ulmfit-tfx complete lm text --beams many": "'many' is not a valid integer",
        "make demos": "no target demos",
        "python benchmarks/speed.py": "no script benchmarks/speed.py",
        "python benchmarks/tasks.py --ful": "tasks.py has no option --ful",
        "python -m apache_beam.runners.worker.pool": "no module apache_beam.runners.worker.pool",
    }
    for text, complaint in stale.items():
        with pytest.raises(ValueError, match=re.escape(complaint)):
            check(*simple_commands(text)[0])
    with pytest.raises(ValueError, match="no option --set-field"):
        check_synopsis("run CONFIG.yaml [--set-field key=value]".split())


def commands_in(text):
    return [command for block in blocks_of(text, "p.md") for command in commands_of(block)]


def test_commands_of_a_script_are_cut_as_bash_reads_them():
    text = "# said\nexport A=1\n\ncat <<'END' | wc \\\n  -l   # counted\n  # within\nEND\nmake \"a\nb\"\n"
    assert [(command.line, command.text) for command in commands_in(f"\n```sh\n{text}```\n")] == [
        (4, "export A=1"),
        (6, "cat <<'END' | wc \\\n  -l   # counted\n  # within\nEND"),
        (10, 'make "a\nb"'),
    ]


def test_commands_of_a_console_have_what_they_show():
    found = commands_in("1. a\n   ```console\n   $ cat a | head\n   first\n\n   $ make demo\n   ```\n")
    assert [(command.text, command.shown) for command in found] == [("cat a | head", "first\n\n"), ("make demo", "")]


@pytest.mark.parametrize(
    ("language", "text"), [("sh", "make 'demo\n"), ("console", "make demo\n"), ("console", "$ a |\n")]
)
def test_what_bash_does_not_take_is_an_error(language, text):
    with pytest.raises(ValueError, match=r"p\.md:[12]"):
        commands_in(f"```{language}\n{text}```\n")


def test_targets_are_those_of_the_makefile():
    assert {"demo", "test", "lint"} <= make_targets()
    assert "VERSION" not in make_targets()
