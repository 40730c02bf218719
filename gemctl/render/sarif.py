"""Writes diagnostics as SARIF 2.1.0, the format of code scanning. Called by `gemctl validate`.

Source: OASIS "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", and its schema. Lines and columns
count from 1 there as here, the end is exclusive there as here, and `columnKind` says that columns are code points.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from gemctl.core.codes import explained
from gemctl.core.diagnostic import Diagnostic, Severity, in_reading_order, severity_of
from gemctl.core.source import Span
from gemctl.render.annotations import said

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_TOP = "%SRCROOT%"  # stands for the top of the repository, by convention


def log(diagnostics: Iterable[Diagnostic], folder: str, version: str) -> dict[str, Any]:
    """The document: one run, and a result for each diagnostic. `folder` is the project's, seen from the top of the
    repository; `version` is gemctl's.
    """
    found = in_reading_order(tuple(diagnostics))
    codes = sorted({one.code for one in found})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "gemctl", "version": version, "rules": [_rule(code) for code in codes]}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, codes.index(one.code), folder) for one in found],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    told = explained(code)
    return {
        "id": code,
        "shortDescription": {"text": told.summary},
        "fullDescription": {"text": told.text},
        "help": {"text": told.text},
        "defaultConfiguration": {"level": _level(severity_of(code))},
    }


def _result(diagnostic: Diagnostic, rule: int, folder: str) -> dict[str, Any]:
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": _level(diagnostic.severity),
        "message": {"text": f"{diagnostic.summary}. {said(diagnostic)}"},
        "locations": [_location(diagnostic.span, folder)] if diagnostic.span else [],
    }


def _location(span: Span, folder: str) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(f"{folder}{span.file}"), "uriBaseId": _TOP},
            "region": {
                "startLine": span.line,
                "startColumn": span.column,
                "endLine": span.end_line,
                "endColumn": span.end_column,
            },
        }
    }


def _level(severity: Severity) -> str:
    return "error" if severity is Severity.ERROR else "warning"
