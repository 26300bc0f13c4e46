"""GPUs of a driver that a script plays, and of TensorFlow's word."""

from pathlib import Path

import pytest

from ulmfit_tfx.pipeline.tools.doctor.finding import Verdict
from ulmfit_tfx.pipeline.tools.doctor.gpu import ask_driver, gpu_finding
from ulmfit_tfx.pipeline.tools.doctor.installation import Installation

BY_PIP = Installation("/env/bin/python", Path("/env"), None, "0.1.0")
T4 = ["NVIDIA T4 (driver 535.104.05)"]
WITH_CUDA = {"version": "2.16.2", "cuda": "12.3", "cudnn": "8", "gpus": []}


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Makes `nvidia-smi` a shell script; the only program on the PATH."""

    def make(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return make


def test_driver_names_its_gpus(nvidia_smi):
    assert ask_driver() == ([], "")
    nvidia_smi("echo 'NVIDIA T4, 535.104.05'")
    assert ask_driver() == (T4, "")


def test_driver_that_does_not_answer_is_a_warning(nvidia_smi):
    nvidia_smi("echo 'NVIDIA-SMI has failed because'; echo 'it could not'; exit 9")
    assert ask_driver() == ([], "nvidia-smi exits with 9: NVIDIA-SMI has failed because")
    assert gpu_finding(BY_PIP, ask_driver(), WITH_CUDA).verdict is Verdict.WARNING


def test_gpu_that_tensorflow_does_not_see_comes_with_its_libraries(nvidia_smi):
    log = "2025-01-01 00:00:00.1: W gpu_device.cc:2251] Cannot dlopen some GPU libraries.\nI other.cc:1] done\n"
    found = gpu_finding(BY_PIP, (T4, ""), WITH_CUDA, log)
    assert found.verdict is Verdict.WARNING
    assert found.problem.endswith("It says: Cannot dlopen some GPU libraries.")
    assert found.remedy == "/env/bin/python -m pip install 'tensorflow[and-cuda]==2.16.2'"


def test_gpu_is_not_seen_by_a_tensorflow_without_cuda(nvidia_smi):
    assert "built without CUDA" in gpu_finding(BY_PIP, (T4, ""), {"version": "2.16.2"}).problem


def test_gpu_that_is_hidden_on_purpose_is_a_note(nvidia_smi, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    found = gpu_finding(BY_PIP, (T4, ""), WITH_CUDA)
    assert (found.verdict, found.remedy) == (Verdict.NOTE, "unset CUDA_VISIBLE_DEVICES")


def test_seen_gpus_and_none_at_all_are_fine():
    seen = gpu_finding(BY_PIP, (T4, ""), {**WITH_CUDA, "gpus": ["NVIDIA T4"]})
    assert (seen.verdict, seen.found) == (
        Verdict.OK,
        "TensorFlow sees NVIDIA T4, built for CUDA 12.3, cuDNN 8",
    )
    assert gpu_finding(BY_PIP, ([], ""), WITH_CUDA).verdict is Verdict.OK
