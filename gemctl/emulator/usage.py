"""Says which tokens of an answer are billed, as JSON that records and batches keep.

Called by the surfaces that answer requests, and by `batch_work` and `bill`. Separate because it knows neither prices
nor the world. The tokens of one answer are {"input": {"TEXT": 200}, "cached": {"TEXT": 50000}, "output": 300}: what
was read and not cached, by modality, what was read from a cache, and what was written, thoughts included (pricing page
and billing page on ai.google.dev). Where a part of what was written is speech, which Live models have a price of its
own for, that part is in `spoken` as well.
"""

from collections.abc import Iterable, Mapping
from typing import Any

_LONG = 200_000
"""A request with a longer prompt, its cached part included, has another price with some models (pricing page)."""


def of_answer(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """From the `usageMetadata` of a GenerateContentResponse, whose prompt may have been blocked. Prompts of tools count
    as input."""
    cached = _by_modality(metadata.get("cacheTokensDetails", ()))
    prompt = _by_modality(metadata["promptTokensDetails"])
    fresh = {modality: max(0, count - cached.get(modality, 0)) for modality, count in prompt.items()}
    fresh["TEXT"] = fresh.get("TEXT", 0) + metadata.get("toolUsePromptTokenCount", 0)
    output = metadata.get("candidatesTokenCount", 0) + metadata.get("thoughtsTokenCount", 0)
    return {"input": fresh, "cached": cached, "output": output}


def of_input(counts: Mapping[str, int]) -> dict[str, Any]:
    """Of tokens that were only read, by modality."""
    return {"input": dict(counts), "cached": {}, "output": 0}


def is_long(tokens: Mapping[str, Any]) -> bool:
    """Whether the prompt is longer than what the first price is for."""
    prompt: int = sum(tokens["input"].values()) + sum(tokens["cached"].values())
    return prompt > _LONG


def total(each: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of tokens."""
    result: dict[str, Any] = {"input": {}, "cached": {}, "output": 0}
    for tokens in each:
        for name in ("input", "cached"):
            for modality, count in tokens[name].items():
                result[name][modality] = result[name].get(modality, 0) + count
        result["output"] += tokens["output"]
        if spoken := tokens.get("spoken", 0):
            result["spoken"] = result.get("spoken", 0) + spoken
    return result


def add(sums: dict[str, Any], tokens: Mapping[str, Any]) -> None:
    """Count the tokens of one request into those of many: `short` and `long` ones are kept apart."""
    name = "long" if is_long(tokens) else "short"
    sums[name] = total((sums[name], tokens)) if name in sums else total((tokens,))


def _by_modality(details: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return {detail["modality"]: detail["tokenCount"] for detail in details}
