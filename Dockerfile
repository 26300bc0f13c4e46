# The image in which each step of a compiled pipeline runs, and the command `ulmfit-tfx`.
#
#   make image                TensorFlow without CUDA
#   make image GPU=1          with the CUDA and cuDNN that TensorFlow was built with; the driver is the node's
#   make image BEAM=1         a worker of Beam's portable runners and Dataflow too, see docs/beam.md
#   make image LANE=newest    TFX 1.21 on Python 3.13, for pipelines that are compiled in that lane
#
# `docker build` by hand takes more --build-arg: EXTRAS, those of pyproject.toml with commas, such as kfp,examples; and
# PACKAGES, further ones with spaces, such as boto3==1.37.13, with which Beam reads data from s3://.
#
# No ENTRYPOINT: Kubeflow runs `python -m ...` in it, people `ulmfit-tfx ...`.

ARG PYTHON_VERSION=3.10
ARG DEBIAN=bookworm
ARG BEAM_VERSION=2.63.0

# Python and the locked packages. This image has compilers, which a few of them need: they come as sources alone.
FROM python:${PYTHON_VERSION}-${DEBIAN} AS packages
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir --disable-pip-version-check uv==${UV_VERSION}
WORKDIR /build
COPY requirements/default.txt requirements/newest.txt requirements/lanes.sh requirements/install_image.sh requirements/
COPY pyproject.toml .
ARG LANE=default
ARG ACCELERATOR=cpu
ARG EXTRAS=kfp
ARG PACKAGES=
# hadolint ignore=SC2086
RUN --mount=type=cache,target=/root/.cache/uv \
    python -m venv --without-pip /opt/venv \
    && LANE=${LANE} requirements/install_image.sh /opt/venv "${ACCELERATOR}" "${EXTRAS}" ${PACKAGES}

# The wheel of this checkout, in a layer of its own: edited code changes a megabyte of the image.
FROM packages AS wheel
COPY . .
RUN uv build --quiet --wheel --out-dir /tmp/dist . \
    && PYC_INVALIDATION_MODE=UNCHECKED_HASH uv pip install --quiet --python /opt/venv --prefix /opt/wheel \
        --no-deps --compile-bytecode /tmp/dist/*.whl

FROM python:${PYTHON_VERSION}-slim-${DEBIAN} AS runtime
ARG PYTHON_VERSION
# Group 0, since OpenShift chooses the user. /gcs, /minio and /s3 are where Kubeflow's launcher keeps artifacts of a bucket.
RUN useradd --uid 1000 --gid 0 --create-home --home-dir /home/ulmfit --shell /usr/sbin/nologin ulmfit \
    && chmod 775 /home/ulmfit \
    && install --directory --owner 1000 --group 0 --mode 775 /gcs /minio /s3 \
    && python -m compileall -q -x '/tests?/' --invalidation-mode unchecked-hash "/usr/local/lib/python${PYTHON_VERSION}"
COPY --from=packages /opt/venv /opt/venv
COPY --from=wheel /opt/wheel /opt/venv
# CUDA's libraries, where they are: TensorFlow's own search path lacks some of them.
RUN find /opt/venv/lib -type d -path '*/nvidia/*/lib' > /etc/ld.so.conf.d/cuda.conf && ldconfig
ENV PATH=/opt/venv/bin:${PATH} HOME=/home/ulmfit PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=2
WORKDIR /home/ulmfit
USER 1000:0
CMD ["ulmfit-tfx", "--help"]
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="ulmfit-tfx" \
    org.opencontainers.image.description="TFX pipelines that fine-tune ULMFiT and MultiFiT text models" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

FROM apache/beam_python${PYTHON_VERSION}_sdk:${BEAM_VERSION} AS beam-sdk

FROM runtime AS beam
COPY --from=beam-sdk /opt/apache/beam /opt/apache/beam
# Otherwise it makes a virtual environment that does not see this one.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENTRYPOINT ["/opt/apache/beam/boot"]

FROM runtime
