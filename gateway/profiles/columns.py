"""What the columns of an exported table mean: a closed list of meanings, and headings for them.

Headings are compared without case, blanks and punctuation: ``Sample ID``, ``sample_id`` and
``SampleID`` are one.  Only headings that mean one thing everywhere stand in ``HEADINGS``; a bare
``ID`` or ``Name`` is the site's to explain (``columns`` of the device).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from gateway.profiles.schema import AnalyzerProfile


class Meaning(StrEnum):
    """What a column holds; the words a site may use in ``columns``."""

    SPECIMEN = "specimen"
    PATIENT = "patient"
    FAMILY = "family"  # the family name, or all of a name
    GIVEN = "given"
    BIRTH = "birth"
    SEX = "sex"
    TYPE = "type"  # of the specimen
    KIND = "kind"  # what the run was for
    POSITION = "position"
    SERIAL = "serial"
    MODEL = "model"
    TEST = "test"
    VALUE = "value"
    UNIT = "unit"
    FLAG = "flag"
    RANGE = "range"
    STATUS = "status"
    DATE = "date"
    TIME = "time"
    OBSERVED = "observed"  # date and time in one
    OPERATOR = "operator"
    REMARK = "remark"
    IGNORED = "ignored"


ROW_MEANINGS: Final = frozenset(
    {
        *(Meaning.TEST, Meaning.VALUE, Meaning.UNIT, Meaning.FLAG, Meaning.RANGE, Meaning.STATUS),
        *(Meaning.DATE, Meaning.TIME, Meaning.OBSERVED, Meaning.OPERATOR),
    }
)
"""What may differ from result to result; everything else is the specimen's."""


def normal(heading: str) -> str:
    """A heading as headings are compared."""
    return re.sub(r"[\W_]+", "", heading.lower())


def _known(words: Mapping[Meaning, str]) -> Mapping[str, str]:
    return MappingProxyType(
        {word: meaning.value for meaning, text in words.items() for word in text.split()}
    )


HEADINGS: Final = _known(
    {
        Meaning.SPECIMEN: "sampleid samplenumber sampleno samplebarcode specimenid specimennumber "
        "specimenno barcode tubeid tubebarcode accessionnumber accessionid sid probe probeid "
        "probenid probennummer probennr auftragsnummer",
        Meaning.PATIENT: "patientid patientno patientnumber patientidentifier pid mrn "
        "medicalrecordnumber patientennummer patientennr",
        Meaning.FAMILY: "lastname familyname surname patientname patientlastname nachname",
        Meaning.GIVEN: "firstname givenname patientfirstname vorname",
        Meaning.BIRTH: "dateofbirth birthdate dob patientdob geburtsdatum",
        Meaning.SEX: "sex gender patientsex geschlecht",
        Meaning.TYPE: "sampletype specimentype matrix",
        Meaning.KIND: "runtype testtype resulttype kind purpose",
        Meaning.POSITION: "position well rackposition cup",
        Meaning.SERIAL: "serialnumber serialno instrumentserialnumber instrumentserial "
        "deviceserialnumber deviceserial analyzerserialnumber",
        Meaning.MODEL: "instrument instrumentname instrumentmodel analyzer analyzermodel "
        "devicemodel",
        Meaning.TEST: "test testname testcode testid analyte analytename parameter parametername "
        "assay assayname item itemname testitem untersuchung",
        Meaning.VALUE: "result results resultvalue testresult value wert messwert ergebnis "
        "concentration",
        Meaning.UNIT: "unit units resultunit resultunits einheit",
        Meaning.FLAG: "flag flags abnormalflag abnormalflags resultflag",
        Meaning.RANGE: "referencerange referenceinterval normalrange refrange referenzbereich",
        Meaning.STATUS: "resultstatus status",
        Meaning.DATE: "date testdate resultdate analysisdate measurementdate datum messdatum",
        Meaning.TIME: "time testtime resulttime analysistime measurementtime zeit uhrzeit",
        Meaning.OBSERVED: "datetime dateandtime testdatetime resultdatetime measuredat "
        "observedat timestamp analysisdatetime messzeitpunkt",
        Meaning.OPERATOR: "operator operatorid operatorname user userid bediener",
        Meaning.REMARK: "comment comments remark remarks note notes kommentar bemerkung",
        Meaning.IGNORED: "no nr index rowno rownumber lfdnr seq sequence",
    }
)


@lru_cache(maxsize=256)
def adapted(profile: AnalyzerProfile, columns: tuple[tuple[str, str], ...]) -> AnalyzerProfile:
    """As ``with_columns``, the same one for the same columns."""
    return with_columns(profile, dict(columns))


def with_columns(profile: AnalyzerProfile, columns: Mapping[str, str]) -> AnalyzerProfile:
    """The profile with a site's headings before its own; numbers alone stand for a table that has
    no headings."""
    if not columns:
        return profile
    own = {normal(heading): meaning for heading, meaning in columns.items()}
    numbered = all(heading.isdigit() for heading in own)
    return replace(profile, columns=own if numbered else {**profile.columns, **own})
