"""Lists that are longer than a page: nothing is cut without a word, by HTTP or at a terminal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result
from web_site import Clinic, clinic

from gateway.cli import asking
from gateway.cli.commands import app
from gateway.desk import asked
from gateway.store import Holds

QC = """
[qc]
hold_patients = true
[qc.materials.QC01]
targets = { "GLU" = { mean = 5.0, sd = 0.1 } }
"""


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    """With a failed control and three results that it holds."""
    async with clinic(tmp_path, free_port, QC) as made:
        await made.send_glucose("QC01", "9.9")
        for number in (1, 2, 3):
            await made.send_glucose(f"26S000{number}", f"5.{number}")
        async with asyncio.timeout(30):
            while len((await made.client.get("/api/v1/held")).json()) < 3:
                await asyncio.sleep(0.01)
        yield made


async def walked(site: Clinic, address: str, entries: Callable[[Any], list[Any]]) -> list[Any]:
    """Every entry of a list, page by page as each page says."""
    found, following = [], address
    while following:
        answer = await site.client.get(following)
        found += entries(answer.json())
        following = answer.links.get("next", {}).get("url", "")
    return found


@pytest.mark.parametrize("name", ["held", "reports", "deliveries", "audit"])
async def test_every_page_says_where_the_next_is(site: Clinic, name: str) -> None:
    done = {"device": "bench", "test": "GLU", "user": "ada", "reason": "wrong vial"}
    if name != "held":
        await site.client.post("/api/v1/qc/release", json={**done, "results": True})

    def entries(body: Any) -> list[Any]:
        return list(body["entries"] if name == "audit" else body)

    whole = await site.client.get(f"/api/v1/{name}?limit=1000")
    assert "link" not in whole.headers
    parts = await walked(site, f"/api/v1/{name}?limit=2", entries)
    assert len(parts) >= 3
    seen = [(one.get("id"), one.get("seq")) for one in parts]
    assert seen == [(one.get("id"), one.get("seq")) for one in entries(whole.json())]


async def test_what_is_asked_for_is_asked_for_on_the_next_page(site: Clinic) -> None:
    answer = await site.client.get("/api/v1/reports?device=bench&state=held&limit=2")
    (seq, _) = (one["seq"] for one in reversed(answer.json()))
    url = f"/api/v1/reports?device=bench&state=held&limit=2&before={seq}"
    assert answer.links["next"]["url"] == url


async def test_a_control_lets_go_what_is_held_behind_a_page(
    site: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Holds.list

    async def page(holds: Holds, **asked: Any) -> Any:
        return await listed(holds, **{**asked, "limit": 2})

    monkeypatch.setattr(Holds, "list", page)
    done = {"device": "bench", "test": "GLU", "user": "ada", "reason": "vial", "results": True}
    answer = await site.client.post("/api/v1/qc/release", json=done)
    assert answer.json()["results"] == [1, 2, 3]


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Any]:
    config = tmp_path / "gateway.toml"
    config.write_text(f'[gateway]\nsite = "t"\ntimezone = "UTC"\ndata_dir = "{tmp_path}/data"\n')

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "-c", str(config)])

    return run


async def test_the_terminal_shows_everything_that_is_held(
    site: Clinic, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "MOST", 2)
    assert len((await site.client.get("/api/v1/held")).json()) == 2
    listed = await command("held", "list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["id", "1", "2", "3"]
    assert [one["id"] for one in json.loads((await command("held", "list", "--json")).stdout)] == [
        *(1, 2, 3)
    ]


async def test_the_terminal_says_that_there_are_older_reports(
    site: Clinic, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_SHOWN", 3)
    first = await command("reports", "list", "--json")
    seqs = [one["seq"] for one in json.loads(first.stdout)]
    assert first.stderr == f"the newest 3 of more; --before {seqs[-1]} shows the next\n"
    rest = await command("reports", "list", "--json", "--before", str(seqs[-1]))
    assert [one["seq"] for one in json.loads(rest.stdout)] == [seqs[-1] - 1]
    assert rest.stderr == ""
    wrong = await command("reports", "list", "--before", "yesterday")
    assert "'yesterday' is not the number" in str(wrong.exception)
