"""The shell that the commands of the pages run in."""

import pytest
from page_session import PageSession, with_present_numbers


@pytest.fixture
def session(tmp_path):
    opened = PageSession(tmp_path, smaller=lambda arguments: [*arguments, "--set", "training.epochs=1"])
    yield opened
    opened.close()


def test_command_has_its_exit_code_and_its_errors(session):
    done = session.run("ulmfit-tfx run none.yaml")
    assert done.code == 2
    assert "none.yaml: no such file" in done.output


def test_folder_and_files_of_the_shell_are_those_of_the_command(session):
    session.run("mkdir below; echo 'name: x' > below/x.yaml")
    done = session.run("cd below && ulmfit-tfx run x.yaml 2>&1 | tr a-z A-Z")
    assert done.code == 2
    assert "X.YAML: DATA" in done.output


def test_options_that_make_it_small_are_added(session):
    (session.folder / "x.yaml").write_text("name: x\ntraining: []\n")
    assert "--set training.epochs=1: 'training' is no section" in session.run("ulmfit-tfx run x.yaml").output


def test_failure_before_a_pipe_is_one_of_the_line(session):
    assert session.run("ulmfit-tfx run none.yaml | cat").code == 2
    assert session.run("no-such-program | cat").code == 127


def test_make_knows_the_demo_alone(session):
    assert session.run("make test").code == 2
    assert "pretrain_then_classify.yaml: no such file" in session.run("make demo").output


def test_number_that_a_page_shows_becomes_the_newest_that_is_there(tmp_path):
    for name in ("9", "10", "tf_serving"):
        (tmp_path / "runs/a" / name).mkdir(parents=True)
    text = 'load("runs/a/1795/b") runs/a/9 runs/a/1795 runs/none/3 0.5/7'
    assert with_present_numbers(text, tmp_path) == 'load("runs/a/10/b") runs/a/9 runs/a/10 runs/none/3 0.5/7'
