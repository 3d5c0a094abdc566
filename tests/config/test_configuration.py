"""The configuration file: sound ones are read, every mistake gets one readable line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load, parse, schema
from gateway.devices import known_devices
from gateway.errors import ConfigurationError

SOUND = """
[gateway]
site = "clinic-a"
timezone = "Europe/Berlin"
data_dir = "./data"

[http]
listen = "127.0.0.1:8080"

[devices.haematology]
profile = "sysmex-xn-l"
stream = "tcp-listen:127.0.0.1:4001"
timezone = "Europe/Berlin"
codes = { "WBC" = "6690-2" }
units = { "10^9/L" = "10*9/L" }
orders = "optional"

[devices.us-room-2]
profile = "ultrasound"
ae_title = "VOLUSON"
address = "127.0.0.1/32"

[dicom]
ae_title = "GATEWAY"
listen = "127.0.0.1:11112"

[orders]
listen = "127.0.0.1:2575"

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:2576"
message = "oru-2.5.1"
without_patient = "hold"
devices = ["haematology"]

[destinations.events]
type = "mqtt"
url = "mqtt://127.0.0.1:1883"
root = "clinic"
patient_data = "none"

[destinations.pacs]
type = "dicom"
address = "ORTHANC@127.0.0.1:4242"
commitment = true

[destinations.drop]
type = "file"
directory = "./outgoing"
"""

BASE = '[gateway]\nsite = "a"\ntimezone = "UTC"\ndata_dir = "d"\n'
DEVICE = '[devices.x]\nprofile = "generic-astm"\nstream = "tcp-listen:127.0.0.1:4001"\n'


def mistakes(text: str, path: Path = Path("gateway.toml")) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, path)
    return caught.value.mistakes


def test_the_contract_s_example_is_sound() -> None:
    configuration = parse(SOUND, Path("/srv/clinic/gateway.toml"))
    assert configuration.gateway.data_dir == Path("/srv/clinic/data")
    assert list(configuration.analyzers) == ["haematology"]
    assert configuration.ultrasounds["us-room-2"].ae_title == "VOLUSON"
    assert set(configuration.destinations) == {"ehr", "events", "pacs", "drop"}
    assert configuration.order_policy("haematology") == "optional"


def test_orders_are_required_where_the_ehr_sends_them() -> None:
    without = BASE + DEVICE
    assert parse(without, Path("g.toml")).order_policy("x") == "optional"
    with_orders = without + '[orders]\nlisten = "127.0.0.1:2575"\n'
    assert parse(with_orders, Path("g.toml")).order_policy("x") == "required"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(BASE + "colour = 1\n", ["gateway.colour", "not a setting"], id="unknown-key"),
        pytest.param(
            BASE + DEVICE + 'timezon = "UTC"\n',
            ["devices.x.timezon", "did you mean 'timezone'"],
            id="near-miss",
        ),
        pytest.param(BASE.replace('"a"', "7"), ["gateway.site", "text in quotes"], id="wrong-type"),
        pytest.param(
            BASE.replace('site = "a"\n', ""), ["gateway.site", "is missing"], id="missing"
        ),
        pytest.param(
            BASE.replace("UTC", "Mars/Olympus"), ["gateway.timezone", "no IANA"], id="zone"
        ),
        pytest.param(
            BASE + DEVICE.replace("generic-astm", "sysmex-xnl"),
            ["devices.x.profile", "sysmex-xn-l"],
            id="unknown-profile",
        ),
        pytest.param(
            BASE + DEVICE.replace("tcp-listen:127.0.0.1:4001", "tcp-lisen:1"),
            ["devices.x.stream"],
            id="stream",
        ),
        pytest.param(
            BASE
            + '[destinations.links]\ntype = "file"\ndirectory = "links"\nstudies = true\n'
            + "study_page = true\n",
            ["destinations.links.study_page", "[http] and [dicom]"],
            id="links-to-pages-nobody-serves",
        ),
        pytest.param(
            BASE
            + '[http]\n[dicom]\n[destinations.links]\ntype = "file"\ndirectory = "links"\n'
            + "study_page = true\n",
            ["destinations.links.study_page", "studies = true"],
            id="links-without-studies",
        ),
        pytest.param(
            BASE + '[http]\naddress = "gateway.example"\n',
            ["http.address"],
            id="address-without-scheme",
        ),
        pytest.param(
            BASE + "[dicom]\nkeep_days = 30\n",
            ["dicom.keep_days", "commitment = true"],
            id="retention-without-a-promise",
        ),
        pytest.param(
            BASE + DEVICE + 'codes = { "GLU" = "2345-8" }\n',
            ["devices.x.codes.GLU", "check digit"],
            id="loinc",
        ),
        pytest.param(
            BASE + DEVICE + '[http]\nlisten = "127.0.0.1:4001"\n',
            ["http.listen", "4001", "devices.x.stream"],
            id="duplicate-port",
        ),
        pytest.param(
            BASE + DEVICE + DEVICE.replace("devices.x", "devices.y"),
            ["devices.y.stream", "tell them apart"],
            id="shared-line",
        ),
        pytest.param(
            BASE + '[destinations.e]\ntype = "smoke"\n',
            ["destinations.e.type", "mllp"],
            id="destination-type",
        ),
        pytest.param(
            BASE + '[destinations.e]\ntype = "mllp"\naddress = "127.0.0.1:1"\nmessage = "oru-9"\n',
            ["destinations.e.message", "oru-2.5.1"],
            id="destination-profile",
        ),
        pytest.param(
            BASE + '[destinations.e]\ntype = "mllp"\naddress = "127.0.0.1:1"\ndevices = ["nobody"]',
            ["destinations.e.devices", "nobody"],
            id="unknown-device",
        ),
        pytest.param(
            BASE + '[destinations.m]\ntype = "mqtt"\nurl = "mqtt://h:1"\npassword_file = "nope"\n',
            ["destinations.m.password_file", "no file"],
            id="unreadable-file",
        ),
        pytest.param(
            BASE + '[destinations.m]\ntype = "mqtt"\nurl = "mqtt://u:secret@h:1"\n',
            ["destinations.m.url", "password_file"],
            id="secret-in-url",
        ),
        pytest.param(
            BASE + '[devices."Big Name"]\nprofile = "generic-astm"\nstream = "tcp:h:1"\n',
            ["devices.Big Name", "a-z"],
            id="device-name",
        ),
        pytest.param(
            BASE + '[devices.u]\nprofile = "ultrasound"\nae_title = "X"\naddress = "here"\n',
            ["devices.u.address", "no IP address"],
            id="ultrasound-address",
        ),
    ],
)
def test_each_mistake_is_one_line_naming_file_and_key(text: str, words: list[str]) -> None:
    lines = mistakes(text)
    assert len(lines) == 1, lines
    assert lines[0].startswith("gateway.toml")
    for word in words:
        assert word in lines[0], lines[0]
    assert "secret" not in lines[0]


def test_all_mistakes_are_reported_at_once_with_their_lines() -> None:
    text = BASE + DEVICE.replace("generic-astm", "nothing") + '[http]\nlisten = "nowhere"\nx = 1\n'
    lines = mistakes(text)
    assert len(lines) == 3
    assert any(line.startswith("gateway.toml:6: devices.x.profile") for line in lines), lines
    assert any(line.startswith("gateway.toml:9: http.listen") for line in lines), lines
    assert any(line.startswith("gateway.toml:10: http.x") for line in lines), lines


def test_broken_toml_names_the_place() -> None:
    (line,) = mistakes("[gateway\nsite = 1\n")
    assert "not valid TOML" in line
    assert "line 1" in line


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "absent.toml")
    (line,) = caught.value.mistakes
    assert "absent.toml" in line
    assert "--config" in line


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    path.write_bytes(b"\xff\xfe[gateway]")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load(path)


def test_the_schema_is_of_this_file() -> None:
    assert {"gateway", "devices", "destinations", "dicom", "orders", "http"} <= set(
        schema()["properties"]
    )


FOLDER = SOUND.replace(
    "[devices.us-room-2]",
    """[devices.files]
profile = "file-drop"
stream = "file:./incoming"
columns = { "ID" = "specimen" }

[devices.us-room-2]""",
)


def test_a_folder_is_relative_to_the_file(tmp_path: Path) -> None:
    found = parse(FOLDER, tmp_path / "gateway.toml")
    assert found.analyzers["files"].stream == f"file:{tmp_path}/incoming"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("file:./incoming", "tcp:127.0.0.1:4009", "give the folder"),
        ("file:./incoming", "file:./incoming?settle=x", "1 to 9999 seconds"),
        ('"ID" = "specimen"', '"ID" = "thing"', "no meaning of a column"),
        ("tcp-listen:127.0.0.1:4001", "file:./incoming", "already the stream"),
        ("tcp-listen:127.0.0.1:4001", "file:.?subfolders=yes", "also belong to device"),
        ('timezone = "Europe/Berlin"\ncodes', 'columns = { "ID" = "test" }\ncodes', "read tables"),
    ],
)
def test_mistakes_about_folders(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in FOLDER
    with pytest.raises(ConfigurationError) as caught:
        parse(FOLDER.replace(old, new, 1), tmp_path / "gateway.toml")
    assert says in str(caught.value)


POCT = """
[devices.glucose]
profile = "nova-statstrip"
stream = "tcp-listen:127.0.0.1:4300"
lists = ["operators"]

[operators]
file = "./operators.csv"
"""


def test_operators_and_lists(tmp_path: Path) -> None:
    (tmp_path / "operators.csv").write_text("id,valid_until\nOP1,2026-12-31\n", encoding="utf-8")
    found = parse(SOUND + POCT, tmp_path / "gateway.toml")
    assert found.analyzers["glucose"].lists == ("operators",)
    known = known_devices(found)
    assert known["glucose"].certification is not None
    assert known["glucose"].certification.hold
    assert known["haematology"].certification is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("./operators.csv", "./none.csv", "no such file"),
        ('[operators]\nfile = "./operators.csv"', "", "needs an [operators] section"),
        ("nova-statstrip", "erba-xl", "only POCT1-A devices"),
        ('lists = ["operators"]', 'lists = ["friends"]', "lists"),
        ('lists = ["operators"]', 'operators = "maybe"', "ignore"),
    ],
)
def test_mistakes_about_operators(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "operators.csv").write_text("id\nOP1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        parse(SOUND + POCT.replace(old, new), tmp_path / "gateway.toml")
    assert says in str(caught.value)
