"""What goes and what stays, by folders of runs with real ML Metadata."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from run_folders import STAGES, RunFolderWriter
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli import clean
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.run_lock import locked_for_cleaning, locked_for_run

DELETED = mlmd.Artifact.DELETED


@pytest.fixture
def folder(tmp_path):
    return RunFolderWriter(tmp_path / "reviews")


def run(*arguments, answer=None):
    """Exit code and all that the command prints."""
    result = CliRunner().invoke(app, ["clean", *map(str, arguments)], input=answer)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return SimpleNamespace(code=result.exit_code, text=result.output)


def cleaned(folder, *arguments):
    """The command's answer with --yes."""
    done = run(folder.root, "--yes", *arguments)
    assert done.code == 0, done.text
    return done.text


def fates(folder, *arguments):
    """Why each thing goes and why each stays, by its name."""
    result = CliRunner().invoke(app, ["clean", str(folder.root), "--json", *arguments])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    return [{record["name"]: record["reason"] for record in found[fate]} for fate in ("goes", "stays")]


def kept(folder, stage):
    """Executions of a stage whose files are there."""
    return sorted(int(path.name) for path in folder.root.glob(f"artifacts/{stage}/[a-z]*/*"))


def names(folder, pattern):
    return sorted(path.name for path in folder.root.glob(pattern))


def snapshot(root):
    """All files and folders but the lock."""
    return sorted(str(path) for path in root.rglob("*") if path.name != ".lock")


# By age and count


@pytest.mark.parametrize(
    ("days_ago", "options", "gone"),
    [
        ((9, 8, 7, 6, 5), [], 2),
        ((40, 31, 29, 3, 2, 1), ["--older-than", "30d"], 2),
        ((40, 35, 33, 3), ["--older-than", "34d", "--keep", "3"], 1),
    ],
    ids=["the newest three stay", "age alone", "what both rules give free"],
)
def test_runs_go_by_count_and_age(folder, days_ago, options, gone):
    runs = [folder.run(days) for days in days_ago]
    cleaned(folder, *options)
    for stage in STAGES:
        assert kept(folder, stage) == [each[stage] for each in runs[gone:]]


def test_what_goes_leaves_no_file_and_is_marked_in_ml_metadata(folder):
    old, new = folder.run(9), folder.run(1)
    cleaned(folder, "--keep", "1")
    ids = {path.name for path in folder.root.glob("artifacts/*/.system/executor_execution/*")}
    assert ids == set(map(str, new.values()))
    states = folder.states()
    assert {states[each] for each in old.values()} == {DELETED}
    assert {states[each] for each in new.values()} == {mlmd.Artifact.LIVE}


def test_what_a_later_run_took_from_cache_is_as_young_as_that_run(folder):
    first = folder.run(40)
    folder.run(3, cached=["CorpusIngest"])
    folder.run(1)
    goes, _ = fates(folder, "--older-than", "30d", "--only", "artifacts")
    assert goes.keys() == {str(first[stage]) for stage in ("Trainer", "TaskEvaluator", "Pusher")}


def test_versions_logs_and_checkpoints_go_by_count_and_age(folder):
    for version in range(1, 6):
        folder.version(str(version), 10 - version)
        folder.file(f"logs/2026010{version}.log", 10 - version)
        folder.checkpoint(f"{version}f", 10 - version)
    folder.run(0)
    cleaned(folder, "--keep", "2")
    assert names(folder, "serving/reviews/*") == ["4", "5"]
    assert names(folder, "logs/*") == ["20260104.log", "20260105.log"]
    assert names(folder, "checkpoints/*") == ["4f", "5f"]
    cleaned(folder, "--older-than", "132h")
    assert names(folder, "logs/*") == ["20260105.log"]


def test_versions_are_counted_by_number(folder):
    folder.run(0)
    for version, days_ago in (("9", 1), ("10", 8), ("11", 9)):
        folder.version(version, days_ago)
    cleaned(folder, "--keep", "2")
    assert names(folder, "serving/reviews/*") == ["10", "11"]


def test_only_names_the_kinds(folder):
    old = folder.run(9, pushed="1")
    folder.run(1, pushed="2")
    folder.file("logs/1.log", 9)
    folder.file("logs/2.log", 1)
    cleaned(folder, "--keep", "1", "--only", "logs, versions")
    assert names(folder, "logs/*") == ["2.log"]
    assert names(folder, "serving/reviews/*") == ["2"]
    assert old["Trainer"] in kept(folder, "Trainer")


def test_predictions_go_only_where_they_are_named(folder):
    folder.run(0)
    folder.file("predictions/predictions.jsonl", 90)
    cleaned(folder, "--keep", "0")
    assert names(folder, "predictions/*") == ["predictions.jsonl"]
    cleaned(folder, "--keep", "0", "--only", "predictions")
    assert names(folder, "predictions/*") == []


def test_keep_0_leaves_what_is_needed(folder):
    folder.run(9, pushed="1")
    newest = folder.run(1, pushed="2")
    folder.file("logs/1.log", 1)
    cleaned(folder, "--keep", "0")
    assert kept(folder, "Trainer") == [newest["Trainer"]]
    assert names(folder, "serving/reviews/*") == ["2"]
    assert names(folder, "logs/*") == []


# What stays in any case


def test_origins_of_the_model_in_service_stay(folder):
    served = folder.run(90, pushed="100")
    for days_ago in (80, 70, 60):
        newest = folder.run(days_ago, blessed=False)
    goes, stays = fates(folder, "--keep", "0", "--older-than", "1d")
    assert {stays[str(served[stage])] for stage in served} == {"made the model in service"}
    assert {stays[str(newest[stage])] for stage in newest} == {"of the newest finished run"}
    assert stays["100"] == "in service"
    assert len(goes) == 8


def test_pinned_version_and_its_origins_stay(folder):
    from ulmfit_tfx.components.models_config import serve_only

    first, second, third = (folder.run(90 - number, pushed=f"{number}00") for number in (1, 2, 3))
    serve_only(str(folder.root / "serving" / "reviews"), 100)
    goes, stays = fates(folder, "--keep", "0")
    assert stays["100"] == "in service"
    assert stays[str(first["Trainer"])] == "made the model in service"
    assert str(second["Trainer"]) in goes
    assert goes.keys() >= {"200", "300"}
    assert str(third["Trainer"]) in stays


def test_model_in_service_outside_the_folder_keeps_its_origins(folder, tmp_path):
    served = folder.run(90, pushed="1", serving=tmp_path / "production" / "reviews")
    other = folder.run(80, blessed=False)
    folder.run(70, blessed=False)
    goes, stays = fates(folder, "--keep", "0")
    assert stays[str(served["Trainer"])] == "made the model in service"
    assert str(other["Trainer"]) in goes


def test_version_that_the_newest_run_was_compared_with_stays(folder):
    folder.version("1", 90)
    folder.version("2", 80)
    folder.version("3", 70)
    folder.run(1, served=str(folder.root / "serving" / "reviews" / "1"))
    goes, stays = fates(folder, "--keep", "0", "--only", "versions")
    assert stays == {"1": "read by the newest finished run", "3": "in service"}
    assert goes.keys() == {"2"}


def test_newest_blessed_model_stays_though_it_was_not_pushed(folder):
    blessed = folder.run(90, blessed=True)
    folder.run(80, blessed=False)
    folder.run(70, blessed=False)
    _, stays = fates(folder, "--keep", "0")
    assert stays[str(blessed["Trainer"])] == "made the newest blessed model"


@pytest.mark.parametrize("state", [mlmd.Execution.FAILED, mlmd.Execution.RUNNING])
def test_newest_unfinished_run_and_the_newest_finished_one_before_it_stay(folder, state):
    finished = folder.run(90, blessed=False)
    older = folder.run(80, until="TaskEvaluator", ends=state)
    newer = folder.run(70, until="TaskEvaluator", ends=state)
    goes, stays = fates(folder, "--keep", "0")
    assert {stays[str(finished[stage])] for stage in finished} == {"of the newest finished run"}
    assert stays[str(newer["Trainer"])] == "of a run that goes on from it"
    assert str(older["Trainer"]) in goes


def test_unfinished_run_before_a_finished_one_goes(folder):
    killed = folder.run(90, until="Trainer", ends=mlmd.Execution.RUNNING)
    folder.run(80)
    goes, _ = fates(folder, "--keep", "1")
    assert goes.keys() == set(map(str, killed.values()))


def test_run_that_was_killed_takes_no_place_from_one_that_came_to_its_end(folder):
    whole = folder.run(90)
    folder.run(80, until="Trainer", ends=mlmd.Execution.RUNNING)
    folder.run(70)
    assert str(whole["Trainer"]) not in fates(folder, "--keep", "2")[0]


def test_search_for_a_learning_rate_does_not_pass_for_a_newer_run(folder):
    whole = folder.run(90, blessed=False)
    folder.run(80, until="Trainer")
    folder.run(70, until="Trainer")
    _, stays = fates(folder, "--keep", "0")
    assert {stays[str(whole[stage])] for stage in whole} == {"of the newest finished run"}


def test_what_a_run_that_stays_took_from_an_older_one_stays_and_the_rest_of_that_goes(folder):
    older = folder.run(90)
    folder.run(80, cached=["CorpusIngest"])
    folder.run(70)
    goes, stays = fates(folder, "--keep", "2", "--only", "artifacts")
    assert stays[str(older["CorpusIngest"])] == "of the newest 2 runs"
    assert goes.keys() == {str(older[stage]) for stage in ("Trainer", "TaskEvaluator", "Pusher")}


def test_runs_that_were_taken_from_cache_count(folder):
    first = folder.run(90)
    second = folder.run(80)
    folder.run(70, cached=STAGES)
    goes, stays = fates(folder, "--keep", "1", "--only", "artifacts")
    assert {stays[str(second[stage])] for stage in STAGES} == {"made the newest blessed model"}
    assert goes.keys() == {str(first[stage]) for stage in STAGES}


def test_two_pipelines_in_a_folder_are_counted_apart(tmp_path):
    one, other = RunFolderWriter(tmp_path / "shared", "one"), RunFolderWriter(tmp_path / "shared", "other")
    first = one.run(90, blessed=False)
    for days_ago in (80, 70, 60):
        other.run(days_ago, blessed=False)
    _, stays = fates(one, "--keep", "1")
    assert stays[str(first["Trainer"])] == "of the newest finished run"
    assert "one.Trainer" not in run(one.root, "--keep", "1", "--dry-run").text
    assert "other.Trainer" in run(one.root, "--keep", "1", "--dry-run").text


def test_checkpoints_since_the_last_finished_run_stay(folder):
    folder.run(5)
    folder.run(1, until="Trainer", ends=mlmd.Execution.RUNNING)
    folder.checkpoint("older", 6)
    folder.checkpoint("newer", 4)
    folder.checkpoint("corpora-newer", 4)
    goes, stays = fates(folder, "--keep", "0", "--only", "checkpoints")
    assert goes.keys() == {"older"}
    assert set(stays.values()) == {"a killed training goes on from it"}


def test_all_checkpoints_stay_where_no_run_has_finished(folder):
    folder.run(5, until="Trainer", ends=mlmd.Execution.RUNNING)
    folder.checkpoint("first", 6)
    assert fates(folder, "--keep", "0", "--only", "checkpoints")[0] == {}


# What is not the folder's own


def test_links_are_not_followed(folder, tmp_path):
    old = folder.run(9, pushed="1")
    folder.run(1, pushed="2")
    moved = {
        f"artifacts/Trainer/model/{old['Trainer']}": tmp_path / "model",
        "artifacts/CorpusIngest": tmp_path / "ingest",
        "serving/reviews/1": tmp_path / "version",
    }
    for name, target in moved.items():
        (folder.root / name).rename(target)
        (folder.root / name).symlink_to(target)
    inside = folder.root / "artifacts" / "TaskEvaluator" / "blessing" / str(old["TaskEvaluator"])
    (inside / "link").symlink_to(tmp_path / "version")
    before = {target: snapshot(target) for target in moved.values()}
    cleaned(folder, "--keep", "1")
    assert {target: snapshot(target) for target in moved.values()} == before
    assert not inside.exists()


def test_artifact_that_lies_outside_is_left(folder, tmp_path):
    outside = tmp_path / "encoder"
    outside.mkdir()
    (outside / "weights.h5").write_bytes(b"weights")
    folder.run(9)
    folder.run(1)
    artifact = next(each for each in folder.store.get_artifacts() if each.uri.endswith("Trainer/model"))
    artifact.uri = str(outside)
    folder.store.put_artifacts([artifact])
    cleaned(folder, "--keep", "0")
    assert (outside / "weights.h5").read_bytes() == b"weights"


def test_other_files_are_left(folder):
    folder.run(1)
    files = [
        folder.file(name, 900)
        for name in ("notes.txt", "artifacts/Trainer/model/mine/x", "logs/kept.txt", "serving/reviews/12/part.tmp")
    ]
    cleaned(folder, "--keep", "0")
    assert all(file.exists() for file in files)


def test_folder_that_was_moved_is_cleaned_by_its_layout(folder, tmp_path):
    served = folder.run(90, pushed="1")
    old, new = folder.run(80, blessed=False), folder.run(70, blessed=False)
    folder.root = folder.root.rename(tmp_path / "moved")
    cleaned(folder, "--keep", "1")
    assert kept(folder, "Trainer") == [served["Trainer"], new["Trainer"]]
    assert old["Trainer"] not in kept(folder, "Trainer")


def test_what_ml_metadata_does_not_know_goes_by_age(folder):
    folder.run(0)
    for execution, days_ago in ((997, 40), (998, 3)):
        folder.output("Trainer", "model", execution, days_ago)
    working = folder.file("artifacts/Trainer/.system/stateful_working_dir/0a1b2c3d-4e5f/state", 40).parent
    cleaned(folder, "--older-than", "30d")
    assert 997 not in kept(folder, "Trainer")
    assert 998 in kept(folder, "Trainer")
    assert not working.exists()


# Killed, hindered, and at the same time


def test_killed_cleaning_is_ended_by_the_next_whatever_its_rules(folder, monkeypatch):
    from ulmfit_tfx.pipeline.tools.clean import disk

    old, new = folder.run(9, pushed="1"), folder.run(1, pushed="2")
    folder.checkpoint("1f", 8)
    rmtree = disk.shutil.rmtree

    def killed(path, *arguments, **options):
        for file in [each for each in path.rglob("*") if each.is_file()][:1]:
            file.unlink()
        raise KeyboardInterrupt

    for number in range(3):
        monkeypatch.setattr(disk.shutil, "rmtree", killed)
        assert run(folder.root, "--keep", "1", "--yes", "--only", "artifacts,versions,checkpoints").code == 130
        assert {folder.states()[each] for each in old.values()} == {DELETED}
        monkeypatch.setattr(disk.shutil, "rmtree", rmtree)
        if number == 0:
            assert "half removed" in run(folder.root, "--dry-run", "--older-than", "999d").text
    cleaned(folder, "--older-than", "999d")
    assert kept(folder, "Trainer") == [new["Trainer"]]
    assert not list(folder.root.rglob(".removed-*"))


def test_version_that_goes_vanishes_at_once(folder, monkeypatch):
    from ulmfit_tfx.pipeline.tools.clean import disk

    folder.run(9, pushed="1")
    folder.run(1, pushed="2")
    seen = []
    monkeypatch.setattr(disk.shutil, "rmtree", lambda path: seen.append(names(folder, "serving/reviews/[0-9]*")))
    cleaned(folder, "--keep", "1", "--only", "versions")
    assert seen == [["2"]]


def test_what_cannot_be_removed_is_named_and_the_rest_goes(folder, monkeypatch):
    from ulmfit_tfx.pipeline.tools.clean import disk

    old, new = folder.run(9), folder.run(1)
    rmtree = disk.shutil.rmtree

    def refuses(path, *arguments, **options):
        if f".removed-{old['Trainer']}" in str(path) and "model" in str(path):
            raise PermissionError(13, "Permission denied", str(path / "Split-train"))
        rmtree(path, *arguments, **options)

    monkeypatch.setattr(disk.shutil, "rmtree", refuses)
    done = run(folder.root, "--keep", "1", "--yes")
    assert done.code == 1
    assert f".removed-{old['Trainer']}/Split-train: cannot be removed: Permission denied." in done.text
    assert kept(folder, "TaskEvaluator") == [new["TaskEvaluator"]]
    monkeypatch.setattr(disk.shutil, "rmtree", rmtree)
    cleaned(folder, "--older-than", "999d")
    assert not list(folder.root.rglob(".removed-*"))


def test_run_in_progress_refuses_a_cleaning(folder):
    folder.run(9)
    folder.run(1)
    before = snapshot(folder.root)
    with locked_for_run(folder.root, waits=pytest.fail):
        done = run(folder.root, "--keep", "1", "--yes")
        assert done.code == 1
        assert "a run, or another cleaning, is under way there" in done.text
        assert run(folder.root, "--keep", "1", "--dry-run").code == 0
    assert snapshot(folder.root) == before
    cleaned(folder, "--keep", "1")


def test_run_waits_for_a_cleaning(folder):
    class WaitsError(Exception):
        pass

    def waits():
        raise WaitsError

    with locked_for_cleaning(folder.root), pytest.raises(WaitsError), locked_for_run(folder.root, waits):
        pass
    with locked_for_run(folder.root, waits), locked_for_run(folder.root, waits):  # two runs do not hinder each other
        pass


def test_lock_of_a_killed_run_is_gone(folder):
    script = (
        "import os, sys, pathlib\n"
        "from ulmfit_tfx.pipeline.run_lock import locked_for_run\n"
        "with locked_for_run(pathlib.Path(sys.argv[1]), print): os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, folder.root]).returncode == -9
    folder.run(1)
    cleaned(folder)


def test_version_that_a_rollback_puts_in_service_before_the_answer_stays(folder, monkeypatch):
    from ulmfit_tfx.components.models_config import serve_only

    folder.run(9, pushed="1")
    folder.run(5, pushed="2")
    folder.run(1, pushed="3")

    def agreed_late(overview):
        serve_only(str(folder.root / "serving" / "reviews"), 1)
        return True

    monkeypatch.setattr(clean, "_agreed", agreed_late)
    assert run(folder.root, "--keep", "1", "--only", "versions").code == 0
    assert names(folder, "serving/reviews/[0-9]*") == ["1", "3"]


# What is shown and asked


def test_without_a_terminal_it_shows_and_stops(folder):
    folder.run(9)
    folder.run(1)
    before = snapshot(folder.root)
    done = run(folder.root, "--keep", "1")
    assert done.code == 2
    assert "to be removed" in done.text
    assert "there is no terminal to ask on. Give --yes to remove, or --dry-run." in done.text
    assert snapshot(folder.root) == before


@pytest.mark.parametrize(("answer", "stays"), [("y\n", 1), ("n\n", 2), ("\n", 2)])
def test_on_a_terminal_it_asks(folder, monkeypatch, answer, stays):
    folder.run(9)
    folder.run(1)
    monkeypatch.setattr(clean, "_on_terminal", lambda: True)
    done = run(folder.root, "--keep", "1", answer=answer)
    assert done.code == 0
    assert "Remove 4 things, 4.0 kB? [y/N]" in done.text
    assert len(kept(folder, "Trainer")) == stays


def test_tables_name_what_goes_and_why_the_rest_stays_and_fit_80_columns(folder, monkeypatch):
    monkeypatch.setattr(clean.output, "_width", 80)
    monkeypatch.chdir(folder.root.parent)
    for days_ago in (50, 40, 30, 20, 10, 9):
        folder.run(days_ago, blessed=False)
    folder.run(8, pushed="1795827835")
    folder.file("logs/20261128-010147-093795.log", 60)
    done = run("reviews", "--keep", "1", "--dry-run")
    assert done.code == 0
    [row] = [line.split() for line in done.text.splitlines() if "TaskEvaluator" in line]
    assert row == ["artifacts", "TaskEvaluator", "3,", "7,", "11,", "3", "more", "9d", "to", "50d", "6.0", "kB"]
    assert "24.0 kB" in next(line for line in done.text.splitlines() if line.strip().startswith("total"))
    assert "in service (1795827835)" in done.text
    assert "made the model in service" in done.text
    assert max(len(line.rstrip()) for line in done.text.splitlines()) <= 80
    assert "Nothing was removed, as --dry-run says." in done.text


def test_nothing_to_remove_is_said(folder):
    folder.run(1)
    assert "There is nothing to remove." in cleaned(folder)


def test_json_tells_all_and_removes_only_with_yes(folder):
    old = folder.run(9)
    folder.run(1)
    shown = json.loads(run(folder.root, "--keep", "1", "--json").text)
    assert not shown["removed"]
    assert shown["bytes"] == 4000
    [trainer] = [record for record in shown["goes"] if record["of"] == "Trainer"]
    assert trainer["name"] == str(old["Trainer"])
    assert trainer["bytes"] == 1000
    assert trainer["age_seconds"] == pytest.approx(9 * 86_400, abs=60)
    assert str(folder.root / "artifacts" / "Trainer" / "model" / str(old["Trainer"])) in trainer["paths"]
    assert len(kept(folder, "Trainer")) == 2
    assert json.loads(run(folder.root, "--keep", "1", "--json", "--yes").text)["removed"]
    assert len(kept(folder, "Trainer")) == 1


def test_help_and_errors_import_nothing_heavy(tmp_path):
    script = (
        "import sys\n"
        "from ulmfit_tfx.pipeline.cli.app import app\n"
        "for arguments in (['--help'], [sys.argv[1]], ['runs', '--older-than', 'x']):\n"
        "    try: app(['clean', *arguments], standalone_mode=False)\n"
        "    except BaseException: pass\n"
        "heavy = {'tensorflow', 'tfx', 'keras', 'numpy', 'ml_metadata'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Example: ulmfit-tfx clean runs/reviews" in done.stdout


# Wrong folders


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("none", "no such folder"),
        ("file", "is a file"),
        ("empty", "holds no metadata.sqlite, so no run has begun there"),
        ("runs", "holds folders of runs: films, reviews. Give one of them."),
        ("runs/reviews/artifacts/Trainer", "is a part of the folder of runs"),
        ("runs/reviews/serving", "is a part of the folder of runs"),
        ("runs/reviews/serving/reviews/1", "is a model"),
        ("replays", "has artifacts and no metadata.sqlite"),
        ("gs://bucket/serving/reviews", "is not on this machine. What is pushed there is removed by later pushes"),
    ],
)
def test_wrong_folder_is_refused(tmp_path, monkeypatch, where, message):
    monkeypatch.chdir(tmp_path)
    RunFolderWriter(tmp_path / "runs" / "reviews").run(1, pushed="1")
    RunFolderWriter(tmp_path / "runs" / "films").run(1)
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    (tmp_path / "replays" / "artifacts").mkdir(parents=True)
    before = snapshot(tmp_path)
    done = run(where, "--yes", "--keep", "0")
    assert done.code == 2
    assert message in done.text
    assert where in done.text
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"?" * 5000], ids=range(3))
def test_damaged_database_is_named_and_left(folder, content):
    folder.run(9)
    folder.run(1)
    database = folder.root / "metadata.sqlite"
    database.write_bytes(content)
    before = snapshot(folder.root)
    done = run(folder.root, "--keep", "0", "--yes")
    assert done.code == 1
    assert str(database) in done.text
    assert snapshot(folder.root) == before
    assert database.read_bytes() == content


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_folder_that_cannot_be_written_is_named(folder):
    folder.run(9)
    folder.root.chmod(0o500)
    try:
        done = run(folder.root, "--keep", "0", "--yes")
    finally:
        folder.root.chmod(0o700)
    assert done.code == 1
    assert "cannot be written: Permission denied" in done.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--older-than", "30"], "--older-than is '30', expected a whole number and a unit, m, h, d or w"),
        (["--older-than", "-3d"], "expected a whole number and a unit"),
        (["--older-than", "1.5h"], "expected a whole number and a unit"),
        (["--only", "artefacts"], "--only is 'artefacts', expected some of artifacts, checkpoints, versions, logs"),
        (["--dry-run", "--yes"], "--dry-run and --yes exclude each other"),
        (["--keep", "-1"], "--keep"),
    ],
)
def test_wrong_options_are_refused(folder, options, message):
    folder.run(1)
    done = run(folder.root, *options)
    assert done.code == 2
    assert message in " ".join(done.text.split())


# Folders of versions


def test_served_folder_alone_is_cleaned(tmp_path):
    writer = RunFolderWriter(tmp_path / "unused")
    served = tmp_path / "production" / "reviews"
    for number, days_ago in (("7", 40), ("8", 30), ("9", 20), ("10", 10)):
        writer.version(number, days_ago, served)
    done = run(served, "--keep", "2", "--yes")
    assert done.code == 0
    assert sorted(path.name for path in served.iterdir()) == ["10", "9"]


def test_served_folder_has_nothing_but_versions(folder):
    folder.run(1, pushed="1")
    done = run(folder.root / "serving" / "reviews", "--only", "logs")
    assert done.code == 2
    assert "holds versions of a model and nothing else" in done.text


def test_folder_in_which_no_stage_has_begun_has_its_logs_cleaned(folder):
    folder.file("logs/1.log", 9)
    folder.file("logs/2.log", 1)
    cleaned(folder, "--keep", "1")
    assert names(folder, "logs/*") == ["2.log"]


def test_served_folder_of_runs_is_cleaned_as_theirs(folder):
    folder.version("1", 90)
    folder.version("2", 80)
    folder.version("3", 70)
    old = folder.run(9, served=str(folder.root / "serving" / "reviews" / "1"))
    served = folder.root / "serving" / "reviews"
    with locked_for_run(folder.root, waits=pytest.fail):
        assert run(served, "--keep", "1", "--yes").code == 1
    assert run(served, "--keep", "1", "--yes").code == 0
    assert names(folder, "serving/reviews/[0-9]*") == ["1", "3"]
    assert kept(folder, "Trainer") == [old["Trainer"]]
