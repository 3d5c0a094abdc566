"""Headings, tables and lists as Markdown lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def heading(level: int, text: str) -> Iterator[str]:
    yield ""
    yield f"{'#' * level} {text}"
    yield ""


def paragraph(*sentences: str) -> Iterator[str]:
    yield " ".join(sentences)
    yield ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Empty cells stay; a table without rows says so."""
    found = [[_cell(cell) for cell in row] for row in rows]
    if not found:
        yield from paragraph("None.")
        return
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join('---' for _ in columns)}|"
    for row in found:
        yield f"| {' | '.join(row)} |"
    yield ""


def bullets(items: Iterable[str]) -> Iterator[str]:
    for item in items:
        yield f"- {item}"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
