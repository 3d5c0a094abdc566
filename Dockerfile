# The gateway and its simulators in one image; which one runs is the command.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE NOTICE ./
COPY gateway gateway
COPY simulators simulators
RUN python -m venv /opt/gateway \
 && /opt/gateway/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/gateway/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN groupadd --system --gid 10001 gateway \
 && useradd --system --uid 10001 --gid gateway --home-dir /var/lib/gateway --create-home gateway
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH PYTHONUNBUFFERED=1
USER gateway
WORKDIR /var/lib/gateway
VOLUME ["/var/lib/gateway"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
  CMD ["gateway", "status", "--running", "-c", "/etc/gateway/gateway.toml"]
CMD ["gateway", "run", "-c", "/etc/gateway/gateway.toml"]
