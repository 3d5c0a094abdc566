"""Queries of HL7 analyzers on a real socket: asked and answered, segment by segment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ehr_side import Ehr, ehr, pid
from hl7_analyzer import Analyzer, dial, listening

from gateway.orders import book
from gateway.orders.model import OrderStatus

QRY = r"MSH|^~\&|Mindray|BS-240|||20260105090000||QRY^Q02|7|P|2.3.1||||||UNICODE"
LAW = (
    r"MSH|^~\&|cobas|LAB|GW|LAB|20260105||QBP^Q11^QBP_Q11|Q1|P|2.5.1|||NE|AL||UNICODE UTF-8"
    "|||LAB-27^IHE"
)
HOST = r"MSH|^~\&|GW|LAB|cobas|LAB|20260105090000||{}"
LAW_END = "UNICODE UTF-8|||LAB-"
GENEXPERT = r"MSH|^~\&|GX^GeneXpert^1.0||LIS||20260105||QBP^{}^QBP_{}|Q2|P|2.5"
BC = r"MSH|^~\&|BC-5380|Mindray|||20260105||ORM^O01|9|P|2.3.1||||||UNICODE"


async def place(side: Ehr, number: str, placer: str, label: str, *tests: str) -> None:
    orders = [
        line
        for test in tests
        for line in (f"ORC|NW|{placer}", f"OBR|1|{placer}||{test}|||||||||||||||||||||||^^^^^S")
    ]
    spm = f"SPM|1|{label}||SER|||||||||||||20260105083000"
    await side.send(pid(number), spm, *orders, kind="OML^O33")


async def status(side: Ehr, label: str) -> set[OrderStatus]:
    return {o.status for o in await side.store.engine.read(lambda c: book.labelled(c, label))}


async def given(side: Ehr, *labels: str) -> None:
    async with asyncio.timeout(20):
        for label in labels:
            while await status(side, label) != {OrderStatus.IN_PROGRESS}:
                await asyncio.sleep(0.01)


async def test_a_mindray_chemistry_gets_its_display_lines(tmp_path: Path) -> None:
    async with (
        ehr(tmp_path) as side,
        listening(side, "mindray-bs", {"GLU": "2", "CRP": "13"}) as (port, filed),
    ):
        await place(side, "MRN1", "P1", "26S1", "2345-7", "1988-5")
        device = await dial(port)
        asked = ("QRD|20260105090000|R|D|2|||RD|26S1|OTH|||T|", "QRF|BS-240||||||RCT|COR|ALL||")
        found = await device.ask(QRY, *asked)
        assert found == [
            r"MSH|^~\&|||Mindray|BS-240|20260105090000||QCK^Q02|H1|P|2.3.1||||||UNICODE",
            *("MSA|AA|7", "ERR|0", "QAK|SR|OK"),
        ]
        shown = await device.hear()
        rows = [line.split("|") for line in shown if line[:3] == "DSP"]
        lines = {row[1]: row[3] for row in rows if len(row) > 3}
        assert shown[:6] == [
            r"MSH|^~\&|||Mindray|BS-240|20260105090000||DSR^Q03|H2|P|2.3.1||||||UNICODE",
            *("MSA|AA|7", "ERR|0", "QAK|SR|OK"),
            "QRD|20260105090000|R|D|2|||RD|26S1|OTH|||T",
            "QRF|BS-240||||||RCT|COR|ALL",
        ]
        assert lines == {
            "1": "MRN1",
            "3": "DOE JANE",
            "4": "19700101000000",
            "5": "F",
            "21": "26S1",
            "23": "20260105073000",
            "24": "Y",
            "26": "serum",
            "29": "2^^^",
            "30": "13^^^",
        }
        assert [row[1] for row in rows] == [str(number) for number in range(1, 31)]
        assert shown[-1] == "DSC"
        assert await status(side, "26S1") == {OrderStatus.ACTIVE}
        device.acknowledge(shown, "ACK^Q03")
        await given(side, "26S1")
        assert len(filed.whole) == 1
        await device.aclose()


async def test_a_mindray_asks_for_a_whole_day(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "mindray-bs") as (port, _):
        for number in range(3):
            await side.order(f"{number}", f"P{number}", f"26S{number}", "GLU")
        device = await dial(port)
        qck = await device.ask(QRY, "QRD|20260105|R|D|2|||RD||OTH|||T|")
        assert qck[-1] == "QAK|SR|OK"
        more = []
        for _ in range(3):
            shown = await device.hear()
            more.append(shown[-1])
            device.acknowledge(shown, "ACK^Q03")
        assert more == ["DSC|2", "DSC|1", "DSC"]
        await given(side, "26S0", "26S1", "26S2")
        qck = await device.ask(QRY.replace("|7|", "|8|"), "QRD|20260105|R|D|2|||RD||OTH|||T|")
        assert qck[-1] == "QAK|SR|NF"
        await device.aclose()


async def test_a_mindray_takes_its_query_back(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "mindray-bs") as (port, _):
        for number in range(3):
            await side.order(f"{number}", f"P{number}", f"26S{number}", "GLU")
        device = await dial(port)
        await device.ask(QRY, "QRD|20260105|R|D|2|||RD||OTH|||T|")
        first = await device.hear()
        qck = await device.ask(QRY.replace("|7|", "|8|"), "QRD|20260105|R|D|2|||RD||CAN|||T|")
        assert qck[1:] == ["MSA|AA|8", "ERR|0", "QAK|SR|NF"]
        device.acknowledge(first, "ACK^Q03")
        qck = await device.ask(QRY.replace("|7|", "|9|"), "QRD|20260105|R|D|2|||RD|26S2|OTH|||T|")
        assert qck[1] == "MSA|AA|9"  # and not another DSR
        await device.aclose()


async def test_a_device_that_acknowledges_nothing_is_answered_at_once(tmp_path: Path) -> None:
    """Some firmware takes a DSR and says nothing; its next question must not wait for that."""
    async with ehr(tmp_path) as side, listening(side, "mindray-bs") as (port, _):
        for number in range(3):
            await side.order(f"{number}", f"P{number}", f"26S{number}", "GLU")
        device = await dial(port)
        asked = []
        for number in range(3):
            query = QRY.replace("|7|", f"|{number}|")
            await device.ask(query, f"QRD|20260105|R|D|2|||RD|26S{number}|OTH|||T|")
            asked.append(await device.hear())
            assert f"DSP|21||26S{number}" in asked[-1]
        device.acknowledge(asked[0], "ACK^Q03")  # late is better than never
        await given(side, "26S0")
        assert await status(side, "26S1") == {OrderStatus.ACTIVE}
        await device.aclose()


async def test_law_work_orders_follow_the_answer(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "generic-law") as (port, _):
        await place(side, "MRN1", "P1", "26S1", "2345-7")
        device = await dial(port)
        query = "QPD|WOS^Work Order Step^IHE_LABTF|TAG7|26S1~26S9"
        assert await device.ask(LAW, query, "RCP|I||R") == [
            HOST.format(f"RSP^K11^RSP_K11|H1|P|2.5.1||||||{LAW_END}27^IHE"),
            *("MSA|AA|Q1", "QAK|TAG7|OK|WOS^Work Order Step^IHE_LABTF", query),
        ]
        order = await device.hear()
        assert order == [
            HOST.format(f"OML^O33^OML_O33|H2|P|2.5.1|||NE|AL||{LAW_END}28^IHE"),
            "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F",
            "SPM|1|26S1||SER|||||||P^^HL70369||||||20260105073000",
            "SAC|||26S1",
            "ORC|NW|1.GLU|||||||20260105090000",
            "TQ1|||||||||S^^HL70485",
            "OBR||1.GLU||GLU^^L",
        ]
        device.acknowledge(order, "ORL^O34^ORL_O34", "SPM|1|26S1", "ORC|OK|1.GLU")
        none = await device.hear()
        assert none[1:] == [
            "SPM|1|26S9|||||||||P^^HL70369",
            *("SAC|||26S9", "ORC|DC||||||||20260105090000"),
        ]
        device.acknowledge(none, "ORL^O34^ORL_O34")
        await given(side, "26S1")
        await device.aclose()


async def test_law_work_a_device_cannot_take_is_not_given(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "generic-law") as (port, _):
        await place(side, "MRN1", "P1", "26S1", "2345-7")
        device = await dial(port)
        for control in ("Q1", "Q2"):
            await device.ask(LAW.replace("Q1|P", f"{control}|P"), "QPD|WOS|T|26S1")
            order = await device.hear()
            assert order[4].startswith("ORC|NW|1.GLU|")
            device.acknowledge(order, "ORL^O34^ORL_O34", "ORC|UA|1.GLU")
        await device.ask(LAW.replace("Q1|P", "Q3|P"), "QPD|WOS|T|26S9")
        assert await status(side, "26S1") == {OrderStatus.ACTIVE}
        await device.aclose()


@pytest.mark.parametrize(
    ("query", "answer", "labels"),
    [
        ("QPD|WOS_ALL^Work Order Step All^IHE_LABTF|T1", "OK", ["26S0", "26S1"]),
        ("QPD|WOS_BY_RACK^Work Order Step^IHE_LABTF|T1||R1|4", "AE", []),
        ("QPD|WOS|T1|26S1~26S0", "OK", ["26S1", "26S0"]),
    ],
)
async def test_law_queries(tmp_path: Path, query: str, answer: str, labels: list[str]) -> None:
    async with ehr(tmp_path) as side, listening(side, "generic-law") as (port, _):
        for number in range(2):
            await side.order(f"{number}", f"P{number}", f"26S{number}", "GLU")
        device = await dial(port)
        got = await device.ask(LAW, query)
        assert got[2].split("|")[:3] == ["QAK", "T1", answer]
        for label in labels:
            order = await device.hear()
            assert f"SAC|||{label}" in order
            device.acknowledge(order, "ORL^O34^ORL_O34")
        await given(side, *labels)
        got = await device.ask(LAW.replace("Q1|P", "Q2|P"), "QPD|WOS|T2|NOBODY")
        assert got[1] == "MSA|AA|Q2"
        await device.aclose()


async def test_law_has_nothing_at_all(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "generic-law") as (port, _):
        device = await dial(port)
        await device.ask(LAW, "QPD|WOS_ALL|T1")
        none = await device.hear()
        assert none[2:] == ['SAC|||""', "ORC|DC||||||||20260105090000"]
        await device.aclose()


async def test_a_genexpert_gets_orders_in_the_answer(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "cepheid-genexpert-hl7") as (port, _):
        await side.order("MRN1", "P1", "26S1", "80382-5")
        await side.order("MRN2", "P2", "26S2", "80382-5")
        device = await dial(port)
        header = GENEXPERT.format("Z03", "Z03")
        assert await device.ask(header, "QPD|Z03^HOST QUERY|T8|MRN1|26S1|", "RCP|I") == [
            r"MSH|^~\&|LIS||GX^GeneXpert^1.0||20260105090000||RSP^Z02^RSP_Z02|H1|P|2.5",
            *("MSA|AA|Q2", "QAK|T8|OK|Z03^HOST QUERY", "QPD|Z03^HOST QUERY|T8|MRN1|26S1"),
            *("PID|1||MRN1", "ORC|NW|1", "OBR|1|||FLUA|||||||A", "TQ1|||||||||R"),
            "SPM|1|26S1||ORH|||||||P",
        ]
        await given(side, "26S1")
        none = await device.ask(header, "QPD|Z03^HOST QUERY|T9||26S9|", "RCP|I")
        assert none[1:] == [
            *("MSA|AA|Q2", "QAK|T9|NF|Z03^HOST QUERY", "QPD|Z03^HOST QUERY|T9||26S9"),
        ]
        rest = await device.ask(
            GENEXPERT.format("Z01", "Z01"), "QPD|Z01^REQUEST TEST ORDERS|T10|ALL"
        )
        assert [line for line in rest if line[:3] in ("PID", "SPM")] == [
            "PID|1||MRN2",
            "SPM|1|26S2||ORH|||||||P",
        ]
        await device.aclose()


async def test_a_blood_counter_gets_its_count(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "mindray-bc5") as (port, _):
        await side.order("MRN1", "P1", "26S1", "6690-2")
        device = await dial(port)
        assert await device.ask(BC, "ORC|RF||26S1||IP") == [
            r"MSH|^~\&|||BC-5380|Mindray|20260105090000||ORR^O02|H1|P|2.3.1||||||UNICODE",
            *("MSA|AA|9", "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F", "ORC|AF|26S1"),
            "OBR|1|26S1||00001^Automated Count^99MRC",
        ]
        assert (await device.ask(BC, "ORC|RF||26S9||IP"))[1:] == ["MSA|AR|9"]
        await side.register("MRN1", "M\u00fcller^Zo\u00eb")
        ascii_only = BC.replace("UNICODE", "ASCII")
        for header, name in ((BC, "M\u00fcller^Zo\u00eb"), (ascii_only, "")):
            answer = await device.ask(header, "ORC|RF||26S1||IP")
            assert answer[2].split("|")[5] == name
        await device.aclose()


async def test_questions_come_between_results_and_in_pairs(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "mindray-bs") as (port, filed):
        await side.order("MRN1", "P1", "26S1", "GLU")
        device = await dial(port)
        device.say(QRY, "QRD|20260105|R|D|2|||RD|26S1|OTH|||T|")
        result = r"MSH|^~\&|Mindray|BS-240|||2026||ORU^R01|8|P|2.3.1||||0||UNICODE"
        device.say(result, "PID|1", "OBR|1|26S1|3", "OBX|1|NM|2|GLU|5.5|mmol/L|||||F")
        assert (await device.hear())[0].split("|")[8] == "QCK^Q02"
        shown = await device.hear()
        ack = await device.hear()
        assert (shown[0].split("|")[8], ack[1]) == ("DSR^Q03", "MSA|AA|8")
        device.acknowledge(shown, "ACK^Q03")
        await given(side, "26S1")
        assert len(filed.whole) == 2
        await device.aclose()


async def test_fifty_hl7_devices_ask_at_once(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side, "mindray-bs") as (port, _):
        for number in range(50):
            await side.order(f"{number}", f"P{number}", f"26S{number}", "GLU")

        async def one(number: int) -> list[str]:
            device: Analyzer = await dial(port)
            label = f"26S{number}"
            await device.ask(QRY, f"QRD|20260105|R|D|2|||RD|{label}|OTH|||T|")
            shown = await device.hear()
            await device.aclose()
            return shown

        answers = await asyncio.gather(*map(one, range(50)))
        for number, shown in enumerate(answers):
            assert f"DSP|21||26S{number}" in shown


async def test_a_mistake_of_ours_ends_the_line_and_not_the_device_s_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ehr(tmp_path) as side, listening(side, "mindray-bs") as (port, filed):
        await side.order("MRN1", "P1", "26S1", "GLU")

        def broken(*_: object) -> None:
            raise KeyError("a mistake")

        query = "QRD|20260105|R|D|2|||RD|26S1|OTH|||T|"
        with monkeypatch.context() as patched:
            patched.setattr("gateway.orders.hl7_answers.answer", broken)
            device = await dial(port)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await device.ask(QRY, query)
            await device.aclose()
        again = await dial(port)
        assert (await again.ask(QRY.replace("|7|", "|8|"), query))[-1] == "QAK|SR|OK"
        await again.aclose()
        assert len(filed.whole) == 2
