# edgeconv in a container: the locked stack, no compiler, no root.
#   docker build -t edgeconv .
#   mkdir -p out
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/out:/data/out" edgeconv run --out out/demo
# Linux on x86-64: coremltools has no wheel for Linux on ARM (there: docker build --platform linux/amd64 .)
# Any user may run it: nothing is written but into the mounted folder and /tmp.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/edgeconv
ENV PATH=/opt/edgeconv/bin:$PATH
WORKDIR /build
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY edgeconv ./edgeconv
RUN pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
ENV PATH=/opt/edgeconv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    KERAS_HOME=/tmp/keras \
    MPLCONFIGDIR=/tmp/matplotlib
COPY --from=build /opt/edgeconv /opt/edgeconv
RUN useradd --uid 10001 --create-home edgeconv \
    && mkdir /data \
    && chown edgeconv: /data
USER 10001
WORKDIR /data
ENTRYPOINT ["edgeconv"]
CMD ["--help"]
