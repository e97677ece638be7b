# The image of every CXQ service: one image, the command says which part of it runs.
#   docker build --tag cxq .
#   docker run --rm cxq --help

FROM python:3.13-slim AS packages
COPY requirements-runtime.lock /tmp/
# Only wheels, and only those whose checksums are committed: nothing is compiled and no build step runs foreign code.
RUN python -m venv /opt/cxq \
    && /opt/cxq/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
        --require-hashes --only-binary=:all: --requirement /tmp/requirements-runtime.lock \
    && /opt/cxq/bin/pip check \
    && /opt/cxq/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim
LABEL org.opencontainers.image.title="cxq" \
      org.opencontainers.image.description="Science and technology innovation vouchers (科技创新券)" \
      org.opencontainers.image.licenses="Apache-2.0"

# A number, so that a cluster can see without looking into the image that it is not root.
RUN groupadd --gid 10001 cxq \
    && useradd --uid 10001 --gid cxq --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cxq \
    && install --directory --owner=cxq --group=cxq --mode=0700 /var/lib/cxq

COPY --from=packages /opt/cxq /opt/cxq
COPY --chmod=0755 deploy/docker/cxq deploy/docker/cxq-ready /usr/local/bin/
COPY LICENSE /app/
COPY deploy/__init__.py /app/deploy/
COPY shared /app/shared
COPY services /app/services
# Compiled now, because the file system is read-only when it runs.
RUN /opt/cxq/bin/python -m compileall -q /app

ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/cxq/bin:$PATH \
    CXQ_ENV=production CXQ_STATE_DIR=/var/lib/cxq
USER 10001:10001
WORKDIR /app
VOLUME /var/lib/cxq
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["cxq"]
CMD ["--help"]
