"""The example clients, as processes that have only what they say they need."""

import importlib.metadata
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ulmfit_tfx.tasks import load_predictor

EXAMPLES = Path(__file__).parents[2] / "examples" / "serving"
TEXTS = ["A great film!", "Tedious and a dull story."]


@pytest.fixture(scope="module")
def run(tensorflow_only, tmp_path_factory):
    """Runs a client: that of REST without any package, that of gRPC with tensorflow and tensorflow-serving-api."""
    packages = tmp_path_factory.mktemp("packages")
    api = importlib.metadata.distribution("tensorflow-serving-api").locate_file("tensorflow_serving")
    (packages / "tensorflow_serving").symlink_to(Path(str(api)))

    def call(script, *arguments, **options):
        path = os.pathsep.join([str(packages), str(tensorflow_only)]) if script == "grpc_client.py" else ""
        return subprocess.run(
            [sys.executable, "-S", str(EXAMPLES / script), *arguments],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONUTF8": "1"},
            timeout=120,
            **options,
        )

    return call


def server_of(client, script):
    return client.grpc if script == "grpc_client.py" else client.rest


def printed(run, client, script, kind, texts=TEXTS, **options):
    client = client(kind)
    done = run(script, "--server", server_of(client, script), "--model", "moods", *texts, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split("\t") for line in done.stdout.splitlines()], client.model


CLIENTS = pytest.mark.parametrize("script", ["rest_client.py", "grpc_client.py"])


@CLIENTS
@pytest.mark.parametrize("kind", ["classifier", "multi_label"])
def test_classes_are_those_of_the_loaded_model_the_most_probable_first(run, client, script, kind):
    lines, model = printed(run, client, script, kind)
    predictions = load_predictor(model).answer(TEXTS)
    assert [(label, text) for label, _, text in lines] == [(p.label or "-", p.text) for p in predictions]
    for (_, classes, _), prediction in zip(lines, predictions, strict=True):
        ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
        found = [(name, float(number)) for name, number in re.findall(r"(\w+) ([\d.]+)", classes)]
        assert [name for name, _ in found] == [name for name, _ in ranked]
        assert [number for _, number in found] == pytest.approx([number for _, number in ranked], abs=6e-4)


@CLIENTS
def test_numbers_are_those_of_the_loaded_model(run, client, script):
    lines, model = printed(run, client, script, "several_targets")
    for line, prediction in zip(lines, load_predictor(model).answer(TEXTS), strict=True):
        assert line.pop() == prediction.text
        found = dict(column.split() for column in line)
        assert {name: float(number) for name, number in found.items()} == pytest.approx(prediction.scores, abs=6e-4)


@CLIENTS
def test_tags_are_those_of_the_loaded_model_word_by_word(run, client, script):
    lines, model = printed(run, client, script, "tagger")
    expected = []
    for prediction in load_predictor(model).answer(TEXTS):
        expected += [*([word.text, word.tag] for word in prediction.words), []]
    assert [columns[:2] if len(columns) == 3 else [] for columns in lines] == expected


@CLIENTS
def test_texts_come_from_standard_input_where_none_is_named(run, client, script):
    texts = [f"żółć {number}" for number in range(150)]
    lines, model = printed(run, client, script, "classifier", [], input="".join(f"{text}\n" for text in texts))
    assert [columns[-1] for columns in lines] == texts
    assert [columns[0] for columns in lines] == [prediction.label for prediction in load_predictor(model).answer(texts)]


@CLIENTS
def test_bytes_that_are_no_utf_8_are_replaced(run, client, script):
    expected, _ = printed(run, client, script, "regressor", ["a \ufffd film"])
    assert printed(run, client, script, "regressor", [b"a \xff film"])[0] == expected


def refusal(done):
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@CLIENTS
def test_model_that_is_not_served_is_named(run, client, script):
    server = server_of(client("classifier"), script)
    line = refusal(run(script, "--server", server, "--model", "other", "x"))
    assert line.startswith(f"{server}: the model 'other' gives no answer: Servable not found for request")


@pytest.mark.parametrize(("script", "scheme"), [("rest_client.py", "http://"), ("grpc_client.py", "")])
def test_server_that_is_not_there_is_named(run, script, scheme):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"{scheme}127.0.0.1:{unused.getsockname()[1]}"
    assert refusal(run(script, "--server", server, "--model", "moods", "x")).startswith(f"{server}: cannot be reached")


@pytest.mark.parametrize(("script", "scheme"), [("rest_client.py", "http://"), ("grpc_client.py", "")])
def test_server_that_does_not_answer_is_not_waited_for(run, script, scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"{scheme}127.0.0.1:{silent.getsockname()[1]}"
        line = refusal(run(script, "--server", server, "--model", "moods", "--timeout", "1", "x"))
    assert line.startswith(f"{server}: no answer within 1 seconds")


def test_rest_client_tells_the_port_for_grpc(run, client):
    server = f"http://{client('classifier').grpc}"
    assert "not the REST API" in refusal(run("rest_client.py", "--server", server, "--model", "moods", "x"))


def test_rest_client_tells_a_server_of_another_kind(run):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer():
            connection, _ = other.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html")

        thread = threading.Thread(target=answer)
        thread.start()
        line = refusal(
            run("rest_client.py", "--server", f"http://127.0.0.1:{other.getsockname()[1]}", "--model", "m", "x")
        )
        thread.join()
    assert "Is it TensorFlow Serving that answers?" in line
