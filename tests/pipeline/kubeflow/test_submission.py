import datetime
import json
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fake_kubeflow_api import FakeKubeflowApi, running, serving, specs
from google.protobuf import json_format
from kfp import compiler, dsl, kubernetes
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PlatformSpec
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app

TOKEN = "do-not-show-me"


@dsl.container_component
def step(path: str, epochs: int, rate: float, deep: bool, sizes: list, more: dict):
    return dsl.ContainerSpec(image="ulmfit:1", command=["true"], args=[path])


@dsl.pipeline(name="reviews", pipeline_root="gs://bucket/root")
def reviews_pipeline(
    data_path: str = "a.tsv",
    epochs: int = 1,
    rate: float = 0.5,
    deep: bool = False,
    sizes: list = [1],  # noqa: B006
    more: dict = {},  # noqa: B006
):
    task = step(path=data_path, epochs=epochs, rate=rate, deep=deep, sizes=sizes, more=more)
    kubernetes.mount_pvc(task, "data", "/data")


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    """A pipeline as kfp's own compiler writes it, with parameters of all types and a volume."""
    file = tmp_path_factory.mktemp("package") / "pipeline.yaml"
    compiler.Compiler().compile(reviews_pipeline, str(file))
    return file


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Neither kfp's own settings nor waiting."""
    for name in ("KF_PIPELINES_ENDPOINT", "KF_PIPELINES_UI_ENDPOINT", "KF_PIPELINES_SA_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", "/nowhere/context.json")
    monkeypatch.setattr("time.sleep", lambda _: None)


def submit(*arguments: object):
    return CliRunner(mix_stderr=False).invoke(app, ["submit", *map(str, arguments)])


def test_pipeline_arrives_as_it_was_compiled(package):
    with running(FakeKubeflowApi()) as api:
        result = submit(package, "--host", api.url)
    assert result.exit_code == 0, result.stderr
    [run] = api.runs
    pipeline, platform = specs(run.pipeline_spec)
    documents = list(yaml.safe_load_all(package.read_text()))
    assert pipeline == json_format.ParseDict(documents[0], PipelineSpec())
    assert platform == json_format.ParseDict(documents[1], PlatformSpec())


def test_run_has_the_names_that_were_given(package):
    with running(FakeKubeflowApi()) as api:
        options = ("--experiment", "films", "--run-name", "June", "--service-account", "trainer")
        submit(package, "--host", api.url, *options)
    [run], [experiment] = api.runs, api.experiments
    assert (experiment.display_name, run.experiment_id) == ("films", experiment.experiment_id)
    assert (run.display_name, run.service_account) == ("June", "trainer")


def test_run_without_a_name_is_that_of_the_pipeline_at_a_time(package):
    with running(FakeKubeflowApi()) as api:
        submit(package, "--host", api.url)
    [run], [experiment] = api.runs, api.experiments
    name, _, moment = run.display_name.partition(" ")
    age = datetime.datetime.now() - datetime.datetime.fromisoformat(moment)
    assert name == "reviews"
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5)
    assert experiment.display_name == "Default"


def test_experiment_that_exists_is_used_again(package):
    with running(FakeKubeflowApi()) as api:
        for _ in range(2):
            submit(package, "--host", api.url, "--experiment", "films")
    assert [run.experiment_id for run in api.runs] == ["experiment-1", "experiment-1"]


def test_parameters_arrive_with_their_types(package):
    given = {"data_path": "7", "epochs": "3", "rate": "1e-3", "deep": "true", "sizes": "[2, 3]", "more": '{"a": "b=c"}'}
    with running(FakeKubeflowApi()) as api:
        options = [part for name, value in given.items() for part in ("--param", f"{name}={value}")]
        result = submit(package, "--host", api.url, *options)
    assert result.exit_code == 0, result.stderr
    assert api.runs[0].runtime_config.parameters == {
        "data_path": "7",
        "epochs": 3,
        "rate": 0.001,
        "deep": True,
        "sizes": [2, 3],
        "more": {"a": "b=c"},
    }


def test_parameters_that_are_not_given_are_not_sent(package):
    with running(FakeKubeflowApi()) as api:
        submit(package, "--host", api.url)
    assert not (api.runs[0].runtime_config and api.runs[0].runtime_config.parameters)


@pytest.mark.parametrize(
    ("parameter", "complaint"),
    [
        ("data_pat=x", "data_pat: the pipeline has no such parameter. Is 'data_path' meant?"),
        ("epochs=many", "epochs: got 'many', expected a whole number."),
        ("deep", "--param deep: expected NAME=VALUE."),
    ],
)
def test_wrong_parameter_exits_with_2_before_anything_is_sent(package, parameter, complaint):
    with running(FakeKubeflowApi()) as api:
        result = submit(package, "--host", api.url, "--param", parameter)
    assert (result.exit_code, api.requests) == (2, [])
    assert complaint in result.stderr


def test_run_and_what_to_look_at_are_shown_and_nothing_else(package):
    with running(FakeKubeflowApi()) as api:
        result = submit(package, "--host", f"{api.url}/")
    assert result.stdout.splitlines() == [
        "reviews: run run-1, experiment Default",
        f"{api.url}/#/runs/details/run-1",
        "Its pods: kubectl get pods -n kubeflow -l pipeline/runid=run-1",
    ]
    assert result.stderr == ""


def test_link_leads_to_the_address_of_the_user_interface(package, monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://kubeflow.example/pipeline/")
    with running(FakeKubeflowApi()) as api:
        result = submit(package, "--host", api.url)
    assert "https://kubeflow.example/pipeline/#/runs/details/run-1" in result.stdout.splitlines()


def test_host_may_come_from_kfps_environment_variable(package, monkeypatch):
    with running(FakeKubeflowApi()) as api:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", api.url)
        assert submit(package).exit_code == 0
    assert len(api.runs) == 1


def test_namespace_arrives(package):
    with running(FakeKubeflowApi(multi_user=True)) as api:
        result = submit(package, "--host", api.url, "--namespace", "team")
    assert result.exit_code == 0, result.stderr
    assert api.experiments[0].namespace == "team"
    assert "kubectl get pods -n team" in result.stdout


def test_backend_with_several_users_wants_a_namespace(package):
    with running(FakeKubeflowApi(multi_user=True)) as api:
        result = submit(package, "--host", api.url)
    assert (result.exit_code, api.runs) == (2, [])
    assert f"{api.url}: has several users, and no namespace is given. Set kubeflow.namespace" in result.stderr


def test_backend_with_one_user_wants_no_namespace(package):
    with running(FakeKubeflowApi()) as api:
        result = submit(package, "--host", api.url, "--namespace", "team")
    assert (result.exit_code, api.runs) == (2, [])
    assert "has one user and no namespaces, and the namespace 'team' is given" in result.stderr


def changes(stdout: str) -> list[str]:
    """Lines that begin with a time, without it."""
    lines = (line.partition(" ") for line in stdout.splitlines())
    return [said for moment, _, said in lines if moment.count(":") == 2 and moment.replace(":", "").isdigit()]


def test_waiting_shows_each_change_once_until_the_run_has_succeeded(package):
    histories = [
        "PENDING",
        ("RUNNING", {"step": "RUNNING", "step-driver": "SUCCEEDED"}),
        ("RUNNING", {"step": "RUNNING", "step-driver": "SUCCEEDED"}),
        ("SUCCEEDED", {"step": "SUCCEEDED"}),
    ]
    with running(FakeKubeflowApi(histories=histories)) as api:
        result = submit(package, "--host", api.url, "--wait")
    assert result.exit_code == 0, result.stderr
    assert changes(result.stdout) == [
        "The run: pending",
        "step: running",
        "The run: running",
        "step: succeeded",
        "The run: succeeded",
    ]
    assert result.stdout.splitlines()[-1].startswith("Succeeded after 0:00:0")


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_waiting_for_a_run_that_ends_otherwise_exits_with_1(package, state):
    with running(FakeKubeflowApi(histories=["RUNNING", state])) as api:
        result = submit(package, "--host", api.url, "--wait")
    assert result.exit_code == 1
    assert changes(result.stdout)[-1] == f"The run: {state.lower()}"
    assert f"It has not succeeded. Logs of its steps: {api.url}/#/runs/details/run-1" in result.stdout


def test_error_of_a_failed_run_is_shown(package):
    failed = {"run_id": "run-1", "state": "FAILED", "error": {"code": 13, "message": "step: exit code 137"}}
    with running(FakeKubeflowApi(histories=[(200, "application/json", json.dumps(failed))])) as api:
        result = submit(package, "--host", api.url, "--wait")
    assert changes(result.stdout) == ["The run: failed: step: exit code 137"]


def test_backend_that_is_away_for_a_while_is_asked_again(package):
    away = (503, "text/html", "upstream connect error")
    with running(FakeKubeflowApi(histories=["RUNNING", away, away, "SUCCEEDED"])) as api:
        result = submit(package, "--host", api.url, "--wait")
    assert result.exit_code == 0, result.stderr


def test_backend_that_stays_away_ends_the_waiting_and_not_the_run(package):
    with running(FakeKubeflowApi(histories=["RUNNING", (503, "text/html", "upstream connect error")])) as api:
        result = submit(package, "--host", api.url, "--wait")
    assert result.exit_code == 1
    assert f"The run goes on: {api.url}/#/runs/details/run-1" in result.stderr


def test_token_that_expires_while_waiting_ends_the_waiting_and_not_the_run(package):
    expired = (401, "application/json", json.dumps({"message": "token has expired", "code": 16}))
    with running(FakeKubeflowApi(histories=["RUNNING", expired])) as api:
        result = submit(package, "--host", api.url, "--wait")
    assert result.exit_code == 1
    assert "(401: token has expired)" in result.stderr
    assert "The run goes on: " in result.stderr
    assert len([path for _, path, _ in api.requests if path.endswith("/runs/run-1")]) == 2


@pytest.fixture
def token_file(tmp_path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


def test_token_of_a_file_goes_with_every_request_and_is_never_shown(package, token_file):
    with running(FakeKubeflowApi(token=TOKEN, histories=["RUNNING", "SUCCEEDED"])) as api:
        result = submit(package, "--host", api.url, "--token-file", token_file, "--wait")
    assert result.exit_code == 0, result.stderr
    assert {authorization for *_, authorization in api.requests} == {f"Bearer {TOKEN}"}
    assert TOKEN not in result.stdout + result.stderr


def test_token_file_may_be_named_by_kfps_environment_variable(package, token_file, monkeypatch):
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token_file))
    with running(FakeKubeflowApi(token=TOKEN)) as api:
        assert submit(package, "--host", api.url).exit_code == 0


def test_token_that_is_not_accepted_is_named_by_its_file(package, token_file):
    with running(FakeKubeflowApi(token="another")) as api:
        result = submit(package, "--host", api.url, "--token-file", token_file)
    assert (result.exit_code, api.runs) == (2, [])
    assert f"{api.url}: does not accept the token (401: " in result.stderr
    assert f"Is the token in {token_file} of this cluster" in result.stderr
    assert TOKEN not in result.stdout + result.stderr


def test_missing_token_is_asked_for(package):
    with running(FakeKubeflowApi(token=TOKEN)) as api:
        result = submit(package, "--host", api.url)
    assert (result.exit_code, api.runs) == (2, [])
    assert "wants to know who asks (401: " in result.stderr
    assert "Give a token by --token-file." in result.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "no such file"),
        ("\n", "is empty, expected a token"),
        (f"{TOKEN}\n{TOKEN}\n", "expected a token on one line"),
        (f"Bearer {TOKEN}\n", "expected a token on one line"),
        (f"{TOKEN}é", "expected a token on one line"),
    ],
)
def test_token_file_without_a_token_exits_with_2(package, tmp_path, text, complaint):
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    result = submit(package, "--host", "http://127.0.0.1:9", "--token-file", file)
    assert result.exit_code == 2
    assert f"{file}: {complaint}" in result.stderr
    assert TOKEN not in result.stdout + result.stderr


def test_file_without_certificates_exits_with_2(package, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    result = submit(package, "--host", "https://127.0.0.1:9", "--ca-file", file)
    assert result.exit_code == 2
    assert f"{file}: expected certificates in PEM form." in result.stderr


def answering(status: int, content_type: str, body: str, path: str = ""):
    """An answer for paths that end in `path`, and what the fake says for the others."""
    api = FakeKubeflowApi()

    def answer(method, target, authorization, given):
        if target.partition("?")[0].endswith(path):
            return status, content_type, body
        return api.answer(method, target, authorization, given)

    return serving(answer)


REFUSAL = json.dumps({"code": 3, "message": "Failed to create a run:\n Invalid input error: no task"})


@pytest.mark.parametrize(
    ("answer", "code", "complaint"),
    [
        ((404, "text/plain", "404 page not found"), 2, "answers, but not as the API of Kubeflow Pipelines 2 does"),
        ((200, "text/html", "<form>Log in</form>"), 2, "the address of the API ends in /pipeline."),
        ((403, "text/plain", "RBAC: access denied"), 2, "Has your account the right to start runs there?"),
        ((502, "text/html", "<html>"), 1, "has trouble of its own (502: Bad Gateway)"),
        ((400, "application/json", REFUSAL, "/runs"), 1, "(400: Failed to create a run: Invalid input error: no task)"),
        ((403, "application/json", REFUSAL, "/experiments"), 2, "does not allow it (403: Failed to create a run"),
    ],
)
def test_answer_that_is_an_error_is_one_line(package, answer, code, complaint):
    with answering(*answer) as url:
        result = submit(package, "--host", url)
    assert result.exit_code == code
    [line] = result.stderr.splitlines()
    assert line.startswith(f"{url}: ")
    assert complaint in line


def test_host_where_nothing_listens_exits_with_1(package, caplog):
    with serving(lambda *_: (500, "", "")) as url:
        pass
    result = submit(package, "--host", url)
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"{url}: does not answer: [Errno 111] Connection refused.")
    assert caplog.records == []  # urllib3 warns of each attempt


def test_host_that_has_no_address_exits_with_1(package):
    result = submit(package, "--host", "http://kubeflow.invalid")
    assert result.exit_code == 1
    assert "http://kubeflow.invalid: does not answer: " in result.stderr
    assert "[Errno -" in result.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate for the loopback interface that no authority has signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cluster")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "cluster.pem"
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(signed.public_bytes(encoding) + secret)
    return file


@pytest.fixture
def tls(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_certificate_that_is_given_is_trusted(package, certificate, tls):
    api = FakeKubeflowApi()
    with serving(api.answer, tls) as url:
        result = submit(package, "--host", url, "--ca-file", certificate)
    assert result.exit_code == 0, result.stderr
    assert len(api.runs) == 1


def test_certificate_of_a_private_authority_is_not_trusted(package, tls):
    api = FakeKubeflowApi()
    with serving(api.answer, tls) as url:
        result = submit(package, "--host", url)
    assert (result.exit_code, api.requests) == (2, [])
    assert f"{url}: its certificate is not trusted: self" in result.stderr
    assert "by --ca-file." in result.stderr


def test_https_where_http_is_spoken_exits_with_2(package):
    with running(FakeKubeflowApi()) as api:
        result = submit(package, "--host", api.url.replace("http://", "https://"))
    assert result.exit_code == 2
    assert "does not speak https (WRONG_VERSION_NUMBER). Does its address begin with http://?" in result.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "No host is given: set kubeflow.host or --host"),
        (("--host", "localhost:8080"), "The host is 'localhost:8080', expected an address that begins with http://"),
        (("--host", "http://x", "--set", "seed=1"), "is compiled already. Is --param meant?"),
    ],
)
def test_wrong_options_exit_with_2(package, options, complaint):
    result = submit(package, *options)
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_configuration_without_the_section_exits_with_2(tmp_path, reviews, tiny_project):
    config = tiny_project(tmp_path, reviews[:10])
    result = submit(config, "--host", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "has no section kubeflow" in result.stderr


@pytest.fixture
def configuration(tmp_path, reviews, tiny_project) -> Path:
    """A configuration that says all of a submission but the host."""
    section = {
        "image": "ulmfit:1",
        "pipeline_root": "gs://bucket/root",
        "paths": {"data.path": "gs://bucket/reviews.tsv"},
        "experiment": "films",
        "namespace": "team",
        "service_account": "trainer",
        "image_pull_policy": "Always",
    }
    return tiny_project(tmp_path, reviews[:10], kubeflow=section)


def test_configuration_is_compiled_and_submitted_with_the_names_of_its_section(configuration, tmp_path):
    with running(FakeKubeflowApi(multi_user=True)) as api:
        result = submit(configuration, "--host", api.url, "--set", "seed=7", "--param", "data_fingerprint=june")
    assert result.exit_code == 0, result.stderr
    [run], [experiment] = api.runs, api.experiments
    assert (experiment.display_name, experiment.namespace, run.service_account) == ("films", "team", "trainer")
    assert run.runtime_config.parameters == {"data_fingerprint": "june"}
    file = tmp_path / "compiled.yaml"
    CliRunner().invoke(app, ["compile", str(configuration), "--set", "seed=7", "--output", str(file)])
    documents = list(yaml.safe_load_all(file.read_text()))
    pipeline, platform = specs(run.pipeline_spec)
    assert pipeline == json_format.ParseDict(documents[0], PipelineSpec())
    assert platform == json_format.ParseDict(documents[1], PlatformSpec())
    assert result.stderr == ""


def test_options_come_before_the_section(configuration):
    options = ("--experiment", "books", "--namespace", "others", "--service-account", "reader")
    with running(FakeKubeflowApi(multi_user=True)) as api:
        result = submit(configuration, "--host", api.url, *options)
    assert result.exit_code == 0, result.stderr
    [run], [experiment] = api.runs, api.experiments
    assert (experiment.display_name, experiment.namespace, run.service_account) == ("books", "others", "reader")


def test_wrong_configuration_exits_with_2(configuration):
    result = submit(configuration, "--host", "http://127.0.0.1:9", "--set", "kubeflow.imag=x")
    assert result.exit_code == 2
    assert "kubeflow.imag is not a known field. Did you mean 'image'?" in result.stderr
