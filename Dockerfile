# syntax=docker/dockerfile:1
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY sync ./sync
COPY connectors ./connectors
COPY jobs ./jobs
COPY sandbox ./sandbox
COPY mappings ./mappings
# `--build-arg EXTRAS=tableau` adds what publishing to Tableau needs (300 MB).
ARG EXTRAS=""
RUN python -m venv /opt/tieline && /opt/tieline/bin/pip install --no-cache-dir -c constraints.txt ".${EXTRAS:+[$EXTRAS]}"

# The service. Runs as nobody in particular on a read-only root: only /data (database) and /tmp need to be writable.
# It listens on every address of its container; who reaches it is decided where the port is published.
FROM python:3.13-slim-bookworm AS runtime
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin tieline && install -d -o tieline /data /config
COPY --from=build /opt/tieline /opt/tieline
ENV PATH=/opt/tieline/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 LANG=C.UTF-8 \
    TIELINE_CONFIG=/config/tieline.yaml TIELINE_DATABASE=sqlite:////data/tieline.sqlite TIELINE_HOST=0.0.0.0
USER 10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["tieline", "health"]
ENTRYPOINT ["tieline"]
CMD ["serve"]

# The demo: simulated vendors inside the container, the whole story, and what it wrote.
FROM runtime AS demo
ENV TIELINE_DEMO_FOLDER=/tmp/tieline-demo
HEALTHCHECK NONE
CMD ["demo"]
