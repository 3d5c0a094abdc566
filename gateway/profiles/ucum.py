"""Whether a text is a unit of UCUM: its grammar, and the atoms that laboratories use.

Units are compared as text and never converted; this only finds what cannot be one (``mmol / L``,
``IU/mL``, ``mcg``), and what atoms one is made of.  The Unified Code for Units of Measure, version
2.1, case sensitive.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

LONGEST: Final = 64

_WITH_PREFIX: Final = (
    "m s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv l L ar t u eV bar "
    "kat U [iU] [IU] eq osm cal m[Hg] m[H2O] By bit Ci R RAD REM dyn erg P St G Mx Ky Np B "
    "[knk'U] [mclg'U]"
)
_WITHOUT: Final = (
    "10* 10^ [pi] % [ppth] [ppm] [ppb] [pptr] [pH] ' '' deg min h d wk mo a a_j a_g a_t mo_j mo_s "
    "mo_g [degF] [degR] [HPF] [LPF] [drp] [arb'U] [USP'U] [GPL'U] [MPL'U] [APL'U] [beth'U] "
    "[anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U] [ka'U] [tb'U] [CCID_50] [TCID_50] [EID_50] "
    "[PFU] [FFU] [CFU] [IR] [BAU] [AU] [Amb'a'1'U] [PNU] [Lf] [D'ag'U] [FEU] [ELU] [EU] g% [g%] "
    "[hd_i] [S] [HP_X] [HP_C] [in_i] [ft_i] [lb_av] [oz_av] [gr] [MET] [Ch] [diop] cal_th "
    "[oz_us] [pt_us] [qt_us] [gal_us] [foz_us] [tsp_us] [tbs_us] [cup_us] tex [den]"
)
_METRIC: Final = frozenset(_WITH_PREFIX.split())
_PLAIN: Final = frozenset(_WITHOUT.split())
_TEN: Final = frozenset(("10*", "10^"))
_PREFIXES: Final = ("da", *"YZEPTGMkhdcmunpfazy")
_EXPONENT: Final = re.compile(r"(?P<atom>.*?[^0-9+-])(?P<exponent>[+-]?[1-9][0-9]?)")
_ANNOTATION: Final = re.compile(r"\{[\x21-\x7a\x7c\x7e]*\}")
_OPERATORS: Final = re.compile(r"([./()])")
_BRACKETS: Final = re.compile(r"\[[^\[\]]*\]")


class Factor(NamedTuple):
    """``atom`` is without prefix and annotation, empty for a number or a power of ten; ``power`` is
    negative below the line."""

    atom: str
    power: int


def is_ucum(text: str) -> bool:
    """Whether ``text`` can be a UCUM unit (``1`` and ``{index}`` are)."""
    if not text or len(text) > LONGEST or not text.isascii() or not text.isprintable():
        return False
    if " " in text or text.count("(") > 4:
        return False
    return _term(_tokens(text.removeprefix("/")))


def factors(unit: str) -> tuple[Factor, ...] | None:
    """``mg/dL`` to g and L to the power of -1.

    None for what is no unit, for parentheses, and where an annotation stands alone (``{AU}/mL``):
    what it counts the unit does not say.
    """
    if not is_ucum(unit) or "(" in unit:
        return None
    found: list[Factor] = []
    below = unit.startswith("/")
    for part in _tokens(unit.removeprefix("/")):
        if part in (".", "/"):
            below = part == "/"
            continue
        factor = _factor(_ANNOTATION.sub("", part))
        if factor is None:
            return None
        found.append(factor._replace(power=-factor.power) if below else factor)
    return tuple(found)


def _factor(bare: str) -> Factor | None:
    """A component without its annotation."""
    if bare.isdecimal():
        return Factor("", 1) if bare[0] != "0" else None
    match = _EXPONENT.fullmatch(bare)
    atom, power = _without_prefix(bare), 1
    if atom is None and match is not None:
        atom, power = _without_prefix(match["atom"]), int(match["exponent"])
    if atom is None:
        return None
    return Factor("", 1) if atom in _TEN else Factor(atom, power)


def _tokens(text: str) -> list[str]:
    """Operators, parentheses and components; annotations and brackets are never cut."""
    found, at = [""], 0
    while at < len(text):
        whole = _ANNOTATION.match(text, at) or _BRACKETS.match(text, at)
        if whole is not None:
            found[-1] += whole[0]
            at = whole.end()
        elif _OPERATORS.match(text, at):
            found += [text[at], ""]
            at += 1
        else:
            found[-1] += text[at]
            at += 1
    return [token for token in found if token]


def _term(tokens: list[str]) -> bool:
    """component (operator component)*, where a component may be a term in parentheses."""
    depth, wants = 0, True
    for token in tokens:
        match token:
            case "(":
                if not wants:
                    return False
                depth += 1
            case ")":
                depth -= 1
                if wants or depth < 0:
                    return False
            case "." | "/":
                if wants:
                    return False
                wants = True
            case _:
                if not wants or not _component(token):
                    return False
                wants = False
    return depth == 0 and not wants


def _component(token: str) -> bool:
    bare, count = _ANNOTATION.subn("", token)
    if count > 1 or (count and not token.endswith("}")):
        return False
    return count == 1 if not bare else _factor(bare) is not None


def _without_prefix(text: str) -> str | None:
    """The atom of a component; None where it is none."""
    if text in _METRIC or text in _PLAIN:
        return text
    rests = (text[len(p) :] for p in _PREFIXES if text.startswith(p))
    return next((rest for rest in rests if rest in _METRIC), None)
