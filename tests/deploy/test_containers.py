"""The container files: plain, sound by the Compose specification's rules, and nobody is root."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.config import load

ROOT = Path(__file__).parents[2]
STRINGS = {"type": "array", "items": {"type": "string"}}
DURATION = {"type": "string", "pattern": r"^(\d+(us|ms|s|m|h))+$"}
# The part of the Compose specification's schema that the file uses; anything else is a mistake.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["services"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "volumes": {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
        "services": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "anyOf": [{"required": ["image"]}, {"required": ["build"]}],
                "properties": {
                    "image": {"type": "string"},
                    "build": {"type": ["string", "object"]},
                    "user": {"type": "string"},
                    "command": STRINGS,
                    "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
                    "stop_grace_period": DURATION,
                    "read_only": {"type": "boolean"},
                    "tmpfs": STRINGS,
                    "volumes": STRINGS,
                    "ports": STRINGS,
                    "depends_on": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["condition"],
                            "properties": {
                                "condition": {
                                    "enum": [
                                        "service_started",
                                        "service_healthy",
                                        "service_completed_successfully",
                                    ]
                                }
                            },
                        },
                    },
                    "healthcheck": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "test": STRINGS,
                            "disable": {"type": "boolean"},
                            "interval": DURATION,
                            "timeout": DURATION,
                            "start_period": DURATION,
                            "retries": {"type": "integer"},
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return loaded


def test_the_file_follows_the_specification(compose: dict[str, Any]) -> None:
    jsonschema.validate(compose, SCHEMA)


def test_what_services_need_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (ROOT / source).exists(), volume
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), port
    healthy = {
        needed
        for service in services.values()
        for needed, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }
    assert "mosquitto" in healthy
    assert "test" in services["mosquitto"]["healthcheck"]


def test_the_commands_are_commands_of_this_project(compose: dict[str, Any]) -> None:
    from typer.testing import CliRunner

    from simulators.cli import app

    for service in compose["services"].values():
        command = service.get("command", [])
        if command[:1] == ["gateway-sim"]:
            options = CliRunner().invoke(app, [command[1], "--help"]).output
            for word in command[2:]:
                assert not word.startswith("--") or word in options, word


def test_the_gateway_s_configuration_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = load(ROOT / "deploy" / "gateway.toml")
    assert set(configuration.devices) == {"haematology", "chemistry"}
    with (ROOT / "deploy" / "gateway.toml").open("rb") as file:
        assert "password" not in str(tomllib.load(file)).lower()


def test_the_broker_keeps_what_it_promised() -> None:
    lines = (ROOT / "deploy" / "mosquitto.conf").read_text("utf-8").splitlines()
    settings = dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))
    assert settings["persistence"] == "true"
    assert settings["autosave_on_changes"] == "true"
    assert settings["autosave_interval"] == "1"
    assert int(settings["max_queued_messages"]) > 1000


def test_the_image_runs_as_nobody_special() -> None:
    stages = (ROOT / "Dockerfile").read_text("utf-8").split("FROM ")[1:]
    last = stages[-1]
    assert "\nUSER gateway\n" in last
    assert "HEALTHCHECK" in last
    assert "--require-hashes" in stages[0]
    for line in last.splitlines():
        if line.startswith("CMD"):
            assert shlex.split(line[3:].strip("[] ").replace(",", " "))[0] == "gateway"
