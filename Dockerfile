# One image for web, worker, beat and migrations; compose.yaml says what each starts.
#
# The base is named by tag: a digest can only be taken from the registry that you build from. Pin it there
# (--build-arg BASE=python:3.13-slim-trixie@sha256:…) and renew it with each release.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /app
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
COPY requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --require-hashes --only-binary=:all: -r requirements.txt
# What of the checkout comes in is listed in .dockerignore: no data, no .env, no history.
COPY . .
# The settings make a secret where none is given: it stays in the folder that is removed in this very layer.
RUN CTEM_DATA_DIR=/tmp/build CTEM_STATIC_DIR=/app/collected /venv/bin/python manage.py collectstatic --no-input \
    && rm -rf /tmp/build \
    && /venv/bin/python -m compileall -q /app

FROM ${BASE}
# git and bubblewrap for the runner, pg_dump and pg_restore for backups. Debian keeps one version a release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap git postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin ctem \
    && install -d -o ctem -g ctem -m 0700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CTEM_PRODUCTION=true \
    CTEM_HTTPS=true \
    CTEM_DATA_DIR=/data \
    CTEM_STATIC_DIR=/app/collected \
    CTEM_WEB_ADDRESS=0.0.0.0 \
    PORT=8000
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the web process; compose.yaml has others for worker and beat.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
CMD ["gunicorn", "ctem.wsgi"]
