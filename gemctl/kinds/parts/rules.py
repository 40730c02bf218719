"""Checks the service's rules about several fields of a request, where no one shape has them all. Called by kinds.

A request is plain JSON here: in a manifest as it is written, in a file of requests in its plain spelling. Errors are
for requests that the service is known to refuse; warnings for those that some models refuse, or that are likely to be
a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.source import JsonObject, Path

_CALLING: Path = ("toolConfig", "functionCallingConfig")
_BRING_FUNCTIONS = {"mcpServers", "computerUse"}  # tools with functions that are declared elsewhere


def calling(request: JsonObject, *, cached: bool = False) -> Iterator[tuple[Path, Diagnostic]]:
    """Whether functionCallingConfig and the functions that are declared go together, and where they don't.

    "Function calling config is set without function_declarations" is the answer of models up to Gemini 2.5, whatever
    the mode; newer ones let it pass where includeServerSideToolInvocations is set (pydantic-ai#5791). The service's
    answer for a cache (`cached`) was not published.
    """
    settings = request.get("toolConfig", {})
    config = settings.get("functionCallingConfig")
    if config is None:
        return
    tools = request.get("tools", ())
    declared = {function["name"] for tool in tools for function in tool.get("functionDeclarations", ())}
    forced = config.get("mode") in ("ANY", "VALIDATED")
    allowed = config.get("allowedFunctionNames", ())
    names: Path = (*_CALLING, "allowedFunctionNames")
    if allowed and not forced:
        hint = "Write `mode: ANY` or `mode: VALIDATED`, or remove it."
        yield names, problem("E252", "allowedFunctionNames goes with the modes ANY and VALIDATED only.", hint=hint)
    if any(_BRING_FUNCTIONS & tool.keys() for tool in tools):
        return
    if declared:
        for index, name in enumerate(allowed):
            if name not in declared:
                yield (*names, index), problem("W212", f"No function {name!r} is declared.")
    elif not settings.get("includeServerSideToolInvocations"):
        detail = "functionCallingConfig is set, and no function is declared."
        hint = "Declare functions under tools, or remove functionCallingConfig."
        yield _CALLING, problem("E252" if forced and not cached else "W213", detail, hint=hint)


def vectors(request: JsonObject) -> Iterator[tuple[Path, Diagnostic]]:
    """The texts of a request of embedContent that are empty."""
    for index, part in enumerate(request["content"]["parts"]):
        if part.get("text") == "":
            yield ("content", "parts", index, "text"), nothing_to_embed("The text is empty.")


def nothing_to_embed(detail: str) -> Diagnostic:
    return problem("E253", detail, hint="Remove the part, or write something into it.")
