"""Lines that a person would read the same way on any printout: ``LABEL: text`` and results.

For ``generic.decode``.  A result is a code, a number (with comparator) or a word, and perhaps a
unit and a flag, parted by blanks, tabs, ``;``, ``,``, ``=`` or ``:``; a mark in place of a number
(``++++``, ``OVER``) is one where its unit follows.  Anything else stays a line.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.text.generic import Rule

_CODE: Final = r"(?P<code>[A-Za-z][A-Za-z0-9%#_./-]{0,15})"
_BETWEEN: Final = r"(?:[ \t]*[=:;\t][ \t]*|[ \t]{1,40})"
_SIGN: Final = r"[ \t]*[=:;\t][ \t]*"
_UNIT: Final = (
    r"(?P<unit>%|[A-Za-z\xb5\xe6][A-Za-z0-9*^.\xb5\xe6]{0,11}(?:/[A-Za-z0-9.]{1,9})?"
    r"|(?:x ?)?10[*^eE][0-9]{1,2}/[A-Za-z]{1,3})"
)
_NUMBER: Final = r"(?P<value>(?:[<>]=?|=[<>])? ?[0-9]{1,8}(?:[.,][0-9]{1,6})?)"
_FLAG: Final = r"(?P<flag>HH|LL|[HLNA*!])"
_WORD: Final = (
    r"(?P<value>(?i:positive|negative|pos|neg|trace|normal|invalid|error)"
    r"|\+{1,4}|-|\*{1,6}|-{2,6})"
)
_MARK: Final = (
    r"(?P<value>[-+*.#?<>]{1,8}"
    r"|(?i:over|under|high|low|hi|lo|err|error|invalid|negative|positive|neg|pos|trace))"
)
_CLOCK: Final = r"(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"

_PATTERNS: Final = (
    r"(?i:(?:sample|specimen)(?: ?(?:id|no\.?|number))?) ?[:=] ?(?P<id>\S.{0,39})",
    r"(?i:id) ?[:=] ?(?P<id>\S.{0,39})",
    r"(?i:patient(?: ?(?:id|no\.?|number))?) ?[:=] ?(?P<patient>\S.{0,39})",
    rf"(?i:date) ?[:=] ?(?P<date>[0-9./-]{{6,10}})(?: {_CLOCK})?",
    rf"(?i:time) ?[:=] ?{_CLOCK}",
    r"(?i:serial|s/n)(?: ?no\.?)? ?[:=] ?(?P<serial>\S{1,40})",
    rf"{_CODE}{_BETWEEN}{_NUMBER}(?:[ \t;]*{_UNIT})?(?:[ \t;]+{_FLAG})?",
    rf"{_CODE}{_SIGN}{_WORD}",
    rf"{_CODE}{_BETWEEN}{_MARK}[ \t]+{_UNIT}(?:[ \t;]+{_FLAG})?",
)
LINES: Final = tuple(Rule(re.compile(pattern)) for pattern in _PATTERNS)
