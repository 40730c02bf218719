"""Counts an answer's tokens as the service shows them: the `usageMetadata` of a GenerateContentResponse.

Called by `answers`. Separate because its sums have rules of their own (REST reference, published answers): the prompt
counts with its cached part, also by modality; candidates without thoughts; what tools brought by itself; the total is
all of these, and the cached part is in it once. What is 0 is not shown. `usage` reads it for the bill.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gemctl.emulator import tokens


def make(
    counts: Mapping[str, int],
    cached: Mapping[str, int],
    contents: Iterable[Mapping[str, Any]],
    thought: int,
    tools: int,
    given: Mapping[str, int],
) -> dict[str, Any]:
    """`counts` are the tokens of the prompt by modality, `cached` those of its cache, `contents` the candidates' own,
    `tools` the tokens that tools brought. What is `given` takes the place of what was counted, as text."""
    prompt = _added([counts, cached])
    if "promptTokenCount" in given:
        prompt = {"TEXT": given["promptTokenCount"]}
    written = _added(_written(content) for content in contents)
    if "candidatesTokenCount" in given:
        written = {"TEXT": given["candidatesTokenCount"]}
    thought = given.get("thoughtsTokenCount", thought)
    tools = given.get("toolUsePromptTokenCount", tools)
    read, wrote = sum(prompt.values()), sum(written.values())
    shown: dict[str, Any] = {
        "promptTokenCount": read,
        **({"candidatesTokenCount": wrote} if wrote else {}),
        "totalTokenCount": read + wrote + thought + tools,
        **({"cachedContentTokenCount": sum(cached.values())} if cached else {}),
        "promptTokensDetails": tokens.details(prompt),
        **({"cacheTokensDetails": tokens.details(cached)} if cached else {}),
        **({"candidatesTokensDetails": tokens.details(written)} if wrote else {}),
    }
    if tools:
        shown |= {
            "toolUsePromptTokenCount": tools,
            "toolUsePromptTokensDetails": tokens.details({"TEXT": tools}),
        }
    return shown | ({"thoughtsTokenCount": thought} if thought else {})


def _written(content: Mapping[str, Any]) -> dict[str, int]:
    parts = [part for part in content.get("parts", ()) if not part.get("thought") and part.get("text") != ""]
    return tokens.estimate({"contents": [{"parts": parts}]}) if parts else {}


def _added(each: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in each:
        for modality, count in counts.items():
            total[modality] = total.get(modality, 0) + count
    return total
