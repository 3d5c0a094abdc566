"""Orders and patients over HTTP: what the EHR sent, what became of it, who may see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from web_site import Clinic, clinic

END = b"\x1c\r"


async def ehr(site: Clinic, *segments: str, kind: str, control: str) -> str:
    """Sends a message to the orders listener; the acknowledgment code."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.parts.reception.port or 0)
    header = rf"MSH|^~\&|EHR|C|GW|L|20260105100000||{kind}|{control}|P|2.5"
    body = "".join(f"{segment}\r" for segment in (header, *segments)).encode()
    writer.write(b"\x0b" + body + END)
    answer = await asyncio.wait_for(reader.readuntil(END), 20)
    writer.close()
    await writer.wait_closed()
    return answer.split(b"MSA|")[1][:2].decode()


async def test_orders_and_patients(tmp_path: Path, free_port: Callable[[], int]) -> None:
    orders = f'[orders]\nlisten = "127.0.0.1:{free_port()}"'
    async with clinic(tmp_path, free_port, orders) as site:
        pid = "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F"
        for number, status in ((1, "NW"), (2, "NW")):
            sent = await ehr(
                site,
                *(
                    pid,
                    f"ORC|{status}|P{number}^EHR",
                    f"OBR|1|P{number}^EHR|S{number}|2345-7^Glu^LN",
                ),
                kind="ORM^O01",
                control=f"o{number}",
            )
            assert sent == "AA"
        assert await ehr(site, pid, "ORC|CA|P2^EHR", kind="ORM^O01", control="c2") == "AA"
        merge = "PID|1||MRN2^^^EHR^MR||DOE^JANE||19700101|F"
        assert await ehr(site, merge, "MRG|MRN1^^^EHR^MR", kind="ADT^A40", control="m1") == "AA"
        await site.send(
            r"H|\^&|||TEST^1||||||||LIS2-A2|20260105101130",
            "P|1||MRN1||DOE^JANE",
            "O|1|S1||^^^GLU",
            "R|1|^^^GLU|5.5|mg/dL||N||F||||20260105101130",
            "L|1|N",
        )
        async with asyncio.timeout(20):
            while not (await site.client.get("/api/v1/orders?status=done")).json():
                await asyncio.sleep(0.02)
        listed = (await site.client.get("/api/v1/orders")).json()
        assert [(o["placer"]["number"], o["status"]) for o in listed] == [
            ("P2", "cancelled"),
            ("P1", "done"),
        ]
        assert (listed[1]["test"]["code"], listed[1]["specimens"]) == ("2345-7", ["S1", "P1"])
        got = await site.client.get(f"/api/v1/orders/{listed[1]['id']}")
        assert got.status_code == 200, got.text
        one = got.json()
        assert [report["device"] for report in one["reports"]] == ["bench"]
        assert (one["told"], one["sent_out"]) == ([], None)
        assert [(number["value"], number["state"]) for number in one["patient"]["identifiers"]] == [
            ("MRN2", "active"),
            ("MRN1", "dead"),
        ]
        for query, count in (
            ("status=done", 1),
            ("placer=P2", 1),
            ("specimen=S1", 1),
            ("patient=MRN1", 2),
            ("patient=NOBODY", 0),
            (f"before={listed[0]['id']}", 1),
            ("limit=1", 1),
        ):
            assert len((await site.client.get(f"/api/v1/orders?{query}")).json()) == count, query
        [person] = (await site.client.get("/api/v1/patients?number=MRN1")).json()
        shown = (await site.client.get(f"/api/v1/patients/{person['id']}")).json()
        assert shown == person
        assert (person["name"], person["birth_date"], person["sex"]) == (
            *("DOE^JANE", "1970-01-01", "F"),
        )


async def test_what_is_not_there(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with clinic(tmp_path, free_port) as site:
        assert (await site.client.get("/api/v1/orders")).json() == []
        assert (await site.client.get("/api/v1/patients")).json() == []
        for path in ("orders/7", "patients/7"):
            assert (await site.client.get(f"/api/v1/{path}")).status_code == 404
        for path in ("orders?status=lost", "orders/x", "patients/x", "orders?limit=0"):
            assert (await site.client.get(f"/api/v1/{path}")).status_code in (400, 422), path
