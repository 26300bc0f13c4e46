"""Hands a compiled pipeline to Kubeflow Pipelines and follows its run, with kfp's client."""

import contextlib
import dataclasses
import io
import json
import logging
import os
import ssl
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
import urllib3
from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

from ulmfit_tfx.schemas.errors import ConfigError, UserError
from ulmfit_tfx.schemas.lanes import KFP_HEALTH, KFP_RUN, either

SUCCEEDED = "SUCCEEDED"
DEFAULT_EXPERIMENT = "Default"
"""That of a new installation."""

_FINAL_STATES = (SUCCEEDED, "SKIPPED", "FAILED", "CANCELED")
_SECONDS = (10, 60)
"""How long to wait for a connection, and for an answer."""
_SECONDS_BETWEEN_LOOKS = 10.0
_LOST_LOOKS = 30
"""How often in a row the backend may not answer before a run is no longer followed."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Which backend runs a pipeline, and as what.

    Attributes:
        host: Address of the API, http:// or https://. None: that in the environment variable KF_PIPELINES_ENDPOINT, or
            that of the cluster which this process runs in.
        experiment: Made where it does not exist.
        namespace: Of a backend with several users. None: that in kfp's settings, or of this process's pod.
        service_account: That the steps run as. None: the backend's.
        token_file: A file with a bearer token, read before each request. None: requests carry what kfp finds.
        ca_file: Certificates that the backend's is held against. None: public ones.
    """

    host: str | None = None
    experiment: str = DEFAULT_EXPERIMENT
    namespace: str | None = None
    service_account: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None


@dataclasses.dataclass(frozen=True)
class Run:
    """A run in a cluster: its id, and the address of its page in the user interface."""

    id: str
    link: str


@dataclasses.dataclass(frozen=True)
class Change:
    """A state that a run, or a step of it, has come to. `step` is None for the run."""

    step: str | None
    state: str
    error: str = ""


class Backend:
    """A Kubeflow Pipelines backend.

    Attributes:
        target: What was asked for.
        namespace: That runs are started in. None: the backend has none.

    Raises:
        ConfigError: The target is incomplete, its host is no such backend, or does not let us in.
        UserError: It does not answer.
    """

    def __init__(self, target: Target):
        self.target = target
        check(target)
        with self._explained():
            self._client = _Client(
                host=target.host and target.host.rstrip("/"),
                credentials=ServiceAccountTokenVolumeCredentials(str(target.token_file)) if target.token_file else None,
                ssl_ca_cert=str(target.ca_file) if target.ca_file else None,
            )
            self._has_namespaces = bool(self._client.get_kfp_healthz().multi_user)
        self.namespace = self._checked_namespace()

    def submit(self, package: Path, name: str, parameters: Mapping[str, Any]) -> Run:
        """Starts a run.

        Args:
            package: The compiled pipeline.
            name: Of the run.
            parameters: Those that differ from their defaults, by name, in JSON form.

        Raises:
            ConfigError: The backend does not let us in.
            UserError: It refuses the run, or does not answer.
        """
        with self._explained():
            experiment = self._client.create_experiment(self.target.experiment, namespace=self.namespace)
            run = self._client.run_pipeline(
                experiment.experiment_id,
                name,
                str(package),
                params=dict(parameters),
                service_account=self.target.service_account,
            )
        return Run(run.run_id, self._client.link(run.run_id))

    def follow(self, run: Run, seconds: float = _SECONDS_BETWEEN_LOOKS) -> Iterator[Change]:
        """Waits for a run's end.

        Args:
            run: As `submit` gave it.
            seconds: Between looks.

        Yields:
            Changes of the run and of its steps, as they come. The last is the run's final state.

        Raises:
            UserError: The backend does not answer any more, or no longer lets us in. The run goes on.
        """
        seen: dict[str | None, str] = {}
        while True:
            for change in self._changes(self._look(run, seconds)):
                if seen.get(change.step) != change.state:
                    seen[change.step] = change.state
                    yield change
            if seen.get(None) in _FINAL_STATES:
                return
            time.sleep(seconds)

    def _look(self, run: Run, seconds: float) -> kfp_server_api.V2beta1Run:
        """The run as it is now. A backend that does not answer for a while is asked again."""
        lost = 0
        while True:
            try:
                with self._explained():
                    return self._client.get_run(run.id)
            except UserError as error:
                lost += 1
                if isinstance(error, ConfigError) or lost == _LOST_LOOKS:
                    raise UserError(f"{error} The run goes on: {run.link}") from None
            time.sleep(seconds)

    def _changes(self, run: kfp_server_api.V2beta1Run) -> Iterator[Change]:
        for task in (run.run_details and run.run_details.task_details) or ():
            if task.state and task.display_name:
                yield Change(task.display_name, task.state, _message(task.error))
        if run.state:
            yield Change(None, run.state, _message(run.error))

    def _checked_namespace(self) -> str | None:
        namespace = self.target.namespace or self._client.get_user_namespace() or None
        if self._has_namespaces and namespace is None:
            raise ConfigError(
                f"{self._host}: has several users, and no namespace is given. Set kubeflow.namespace or --namespace."
            )
        if self.target.namespace and not self._has_namespaces:
            raise ConfigError(
                f"{self._host}: has one user and no namespaces, and the namespace '{namespace}' is given. "
                "Leave out kubeflow.namespace and --namespace."
            )
        return namespace

    @property
    def _host(self) -> str:
        return self.target.host or os.environ.get(kfp.client.client.KF_PIPELINES_ENDPOINT_ENV) or "This cluster"

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Keeps kfp quiet, and says in a sentence what a failed request means."""
        try:
            with _quiet():
                yield
        except kfp_server_api.ApiException as error:
            raise self._answered(error) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        except OSError as error:
            raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}.") from None
        except _OtherServiceError:
            raise ConfigError(
                f"{self._host}: answers, but not as the API of Kubeflow Pipelines 2 does. Is it a login page, for want "
                "of --token-file? Within a whole Kubeflow, the address of the API ends in /pipeline."
            ) from None

    def _answered(self, error: kfp_server_api.ApiException) -> UserError:
        said = f"({error.status}: {_said(error)})"
        if error.status == 401 and self.target.token_file:
            slip = f"Is the token in {self.target.token_file} of this cluster, for its audience, and not yet expired?"
            return ConfigError(f"{self._host}: does not accept the token {said}. {slip}")
        if error.status == 401:
            return ConfigError(f"{self._host}: wants to know who asks {said}. Give a token by --token-file.")
        if error.status == 403:
            where = f"in namespace {self.target.namespace}" if self.target.namespace else "there"
            slip = f"Has your account the right to start runs {where}?"
            return ConfigError(f"{self._host}: does not allow it {said}. {slip}")
        if error.status is not None and error.status >= 500:
            return UserError(f"{self._host}: has trouble of its own {said}. See the log of deployment ml-pipeline.")
        return UserError(f"{self._host}: refuses it {said}.")

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> UserError:
        reason = getattr(error, "reason", None) or error
        cause = reason.args[0] if isinstance(reason, urllib3.exceptions.SSLError) else reason
        if isinstance(cause, ssl.SSLCertVerificationError):
            slip = "Give the certificate of the authority that signed it by --ca-file."
            return ConfigError(f"{self._host}: its certificate is not trusted: {cause.verify_message}. {slip}")
        if isinstance(cause, ssl.SSLError):
            return ConfigError(
                f"{self._host}: does not speak https ({cause.reason}). Does its address begin with http://?"
            )
        said = str(cause).rpartition(": ")[2] or type(cause).__name__
        slip = "Is the address right, and the port forward or the VPN up?"
        return UserError(f"{self._host}: does not answer: {said}. {slip}")


class _OtherServiceError(Exception):
    """What answers is no Kubeflow Pipelines API."""


class _Client(kfp.Client):
    """kfp's client, but for requests that it repeats for half a minute, or waits for without end."""

    def get_kfp_healthz(self, sleep_duration: int = 0) -> kfp_server_api.V2beta1GetHealthzResponse:
        try:
            health, _, headers = either(self._healthz_api, KFP_HEALTH)(_request_timeout=_SECONDS)
        except kfp_server_api.ApiException as error:
            if error.status == 404:
                raise _OtherServiceError from None
            raise
        if "json" not in headers.get("Content-Type", ""):
            raise _OtherServiceError
        return health

    def get_run(self, run_id: str) -> kfp_server_api.V2beta1Run:
        return either(self._run_api, KFP_RUN)(run_id=run_id, _request_timeout=_SECONDS)

    def link(self, run_id: str) -> str:
        """Address of a run's page."""
        return f"{self._get_url_prefix().rstrip('/')}/#/runs/details/{run_id}"


def check(target: Target) -> None:
    """Whether there is anything to ask.

    Raises:
        ConfigError: There is not.
    """
    for file in filter(None, (target.token_file, target.ca_file)):
        if not file.is_file():
            raise ConfigError(f"{file}: no such file.")
    if target.token_file:
        token = target.token_file.read_text(encoding="ascii", errors="replace").strip()
        if not token:
            raise ConfigError(f"{target.token_file}: is empty, expected a token.")
        if not all("!" <= character <= "~" for character in token):
            raise ConfigError(f"{target.token_file}: expected a token on one line, without spaces, and nothing else.")
    if target.ca_file:
        try:
            ssl.create_default_context(cafile=target.ca_file)
        except ssl.SSLError:
            raise ConfigError(f"{target.ca_file}: expected certificates in PEM form.") from None
    if target.host is not None and not target.host.startswith(("http://", "https://")):
        raise ConfigError(f"The host is '{target.host}', expected an address that begins with http:// or https://.")
    places = (kfp.client.client.KF_PIPELINES_ENDPOINT_ENV, "KUBERNETES_SERVICE_HOST")
    if target.host is None and not any(os.environ.get(place) for place in places):
        raise ConfigError(
            "No host is given: set kubeflow.host or --host to the address of the Kubeflow Pipelines API, such as "
            "http://localhost:8080 after `kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80`."
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides what kfp prints, warns of and logs."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _said(error: kfp_server_api.ApiException) -> str:
    """What the backend has to say, in a line."""
    try:
        text = json.loads(error.body or "")["message"]
    except (ValueError, KeyError, TypeError):
        text = error.reason
    line = " ".join(str(text or "no reason").split()).rstrip(".")
    return line if len(line) <= 500 else f"{line[:497]}..."


def _message(status: Any) -> str:
    """Of a `google.rpc.Status`, whose class has another name in later versions of `kfp_server_api`, or of None."""
    return " ".join(((status and status.message) or "").split())
