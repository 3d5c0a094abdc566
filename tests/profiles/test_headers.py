"""Headers as models, firmware and services vary them: each known by its profile and by no other."""

from __future__ import annotations

import pytest

from gateway.profiles import AnalyzerProfile, catalogue
from gateway.profiles.patterns import matches

HEADERS = {
    "abbott-afinion-2": ("H.5.1", ("Afinion 2", "AFINION", "Abbott Afinion AS100", "Afinion2")),
    "abbott-istat": ("DEV.vendor_id", ("ABBT", "Abbott Point of Care", "i-STAT")),
    "accu-chek-inform-ii": ("DEV.model_id", ("Inform II", "ACCU-CHEK Inform II", "INFORM2")),
    "cepheid-genexpert": ("H.5.1", ("GeneXpert PC", "GENEXPERT", "GeneXpert Dx")),
    "cepheid-genexpert-hl7": ("MSH.3.2", ("GeneXpert", "GeneXpert Dx")),
    "erba-h360": ("MSH.3.1", ("H360", "H560", "ELite 580", "elite580", "H360S")),
    "generic-law": ("MSH.21.1", ("LAB-27", "LAB-28", "LAB-29")),
    "hemoscreen": ("MSH.3.1", ("HemoScreen", "HEMOSCREEN", "PixCell HemoScreen 2")),
    "hemoscreen-poct1a": ("DEV.device_name", ("HemoScreen", "Hemoscreen-2", "PixCell HemoScreen")),
    "horiba-yumizen-h500": ("H.5.1", ("H500", "Yumizen H500", "YUMIZEN H550", "H550CT")),
    "ichroma-ii": ("MSH.4.1", ("ichroma2", "ichroma II", "ICHROMA III")),
    "mindray-bc5": ("MSH.3.1", ("BC-5380", "BC-5150", "BC-6800", "BC-20s", "BC30", "bc-5000")),
    "mindray-bs": ("MSH.4.1", ("BS-200", "BS240", "BS-480E", "bs-380")),
    "nova-statstrip": ("DEV.model_id", ("StatStrip", "STATSTRIP XPRESS", "Nova StatStrip GLU")),
    "quidel-sofia-2": ("H.5.1", ("Sofia", "Sofia 2", "SOFIA2", "Quidel Sofia 2")),
    "quidel-sofia-2-poct1a": ("DEV.device_name", ("Sofia", "Sofia 2", "SOFIA2")),
    "radiometer-abl9": ("H.5.1", ("ABL9", "ABL 9", "abl9 BASIC")),
    "radiometer-abl80": ("H.5.1", ("ABL80", "ABL 80 FLEX", "ABL80 FLEX CO-OX")),
    "radiometer-abl90": ("H.5.1", ("ABL90", "ABL 90 FLEX", "ABL90 FLEX PLUS")),
    "roche-c111": ("H.5.1", ("c111", "c 111", "cobas c 111", "COBAS C111")),
    "roche-c311": ("H.5.1", ("c311", "C 311", "cobas c 311", "cobas c311 V2")),
    "roche-cobas-liat": ("MSH.3.1", ("cobas Liat", "LIAT", "cobas liat system", "Liat Analyzer")),
    "siemens-clinitek-advantus": ("H.5.1", ("CLINITEK Advantus", "Clinitek 500")),
    "siemens-dca-vantage": ("H.5.1", ("DCA VANTAGE", "DCA Vantage", "DCAVantage", "DCA_VANTAGE 2")),
    "siemens-dca-vantage-poct1a": ("DEV.model_id", ("DCA Vantage", "DCA", "Siemens DCA VANTAGE")),
    "snibe-maglumi": ("H.5.1", ("Maglumi User", "MAGLUMI 800", "Snibe MAGLUMI X3")),
    "sysmex-poch-100i": ("H.5.1", ("pocH-100i", "POCH-100", "poch100i")),
    "sysmex-xn-l": ("H.5.1", ("XN-350", "XN-450", "XN550", "XN-L", "xn-1000", "XN-330")),
    "sysmex-xp-300": ("H.5.1", ("XP-300", "XP-100", "xp300", "XP-300-1")),
}

PROFILES = catalogue()


def known(profile: AnalyzerProfile, path: str, text: str) -> bool:
    whole = path.rsplit(".", 1)[0]
    return any(
        matches(one.pattern, (text,)) for one in profile.signatures if one.path in (path, whole)
    )


def test_every_signature_has_its_headers() -> None:
    assert set(HEADERS) == {name for name, one in PROFILES.items() if one.signatures}


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [(name, path, text) for name, (path, texts) in HEADERS.items() for text in texts],
)
def test_header_of_a_family(name: str, path: str, text: str) -> None:
    protocol = PROFILES[name].link.protocol
    same = {key: one for key, one in PROFILES.items() if one.link.protocol is protocol}
    assert [key for key, one in same.items() if known(one, path, text)] == [name]
