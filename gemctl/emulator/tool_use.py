"""Makes what an answer shows of the tools that the service runs itself: code execution, Google Search, URL context.

Called by `answers`. Separate because it is pure, and about something that the emulator does not do: no code is run,
nothing is searched, and no page is read. What is shown comes from a scripted answer, from marks in the last message, or
is made up and says so:

* `[[emulator: run print(1 + 1) => 2]]`: this code, with this output; without `=>` there is none.
* `[[emulator: search who won => https://example.com/ A title]]`: this was searched for, and found there.

Where a tool is on and nothing says more, code that says what it is was run once, one page of example.com was found, and
the addresses in the text were read. The shapes follow the guides on these tools and published answers: code and its
result are parts before the text, sources and segments stand beside the content, and what the tools brought is counted
as a prompt of tools.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gemctl.emulator import marks
from gemctl.emulator.scripted import Rule

_ADDRESS = re.compile(r"https?://[^\s\"'<>\[\]()]+[^\s\"'<>\[\]().,;:!?]")
_MADE_SOURCE = {"uri": "https://example.com/", "title": "example.com"}
_MOST_ADDRESSES = 20  # guide on URL context
_CHARACTERS = 4  # a token, as `tokens` counts
_SEARCHES = frozenset({"googleSearch", "googleSearchRetrieval"})


@dataclass(frozen=True)
class ToolUse:
    """What tools brought: `parts` before the text, and the sources, queries and addresses that stand beside it."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    sources: Sequence[Mapping[str, str]] = ()
    queries: Sequence[str] = ()
    addresses: Sequence[str] = ()

    @property
    def tokens(self) -> int:
        """The tokens that the tools brought to the prompt, which are text."""
        outputs = [part["codeExecutionResult"]["output"] for part in self.parts if "codeExecutionResult" in part]
        brought = [*outputs, *(source["uri"] + source.get("title", "") for source in self.sources), *self.addresses]
        return sum(-(-len(each) // _CHARACTERS) for each in brought)

    def beside(self, text: str) -> dict[str, Any]:
        """The fields of a candidate that tell where its text comes from."""
        shown: dict[str, Any] = {}
        if self.sources or self.queries:
            shown["groundingMetadata"] = _grounding(self.sources, self.queries, text)
        if self.addresses:
            read = [
                {"retrievedUrl": each, "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"} for each in self.addresses
            ]
            shown["urlContextMetadata"] = {"urlMetadata": read}
        return shown


def of(request: Mapping[str, Any], rule: Rule | None) -> ToolUse:
    """What the tools of a request bring to its answer. A rule is obeyed whether or not the request has the tools."""
    if rule is not None:
        return ToolUse(_runs(rule.code), rule.sources, rule.queries)
    tools = {name for tool in request.get("tools", ()) for name in tool}
    last = request["contents"][-1].get("parts", ())
    text = "\n".join(part["text"] for part in last if part.get("text"))
    runs: list[Mapping[str, Any]] = []
    if "codeExecution" in tools:
        said = (each.partition(" => ") for each in marks.inside(text, "run"))
        runs = [{"code": code, "output": _line(output)} for code, _, output in said] or [_made(text)]
    sources: list[Mapping[str, str]] = []
    queries: list[str] = []
    if tools & _SEARCHES:
        found = [each.partition(" => ") for each in marks.inside(text, "search")]
        queries = [query for query, _, _ in found] or [text[:80]]
        pages = [page.partition(" ") for _, _, page in found]
        sources = [{"uri": uri, "title": title or uri} for uri, _, title in pages if uri] or [_MADE_SOURCE]
    addresses = _ADDRESS.findall(text) if "urlContext" in tools else []
    return ToolUse(_runs(runs), sources, queries, list(dict.fromkeys(addresses))[:_MOST_ADDRESSES])


def _made(text: str) -> dict[str, str]:
    said = f"The emulator runs no code. It was asked: {text[:80]}"
    return {"code": f"print({said!r})", "output": f"{said}\n"}


def _line(output: str) -> str:
    return f"{output}\n" if output else ""


def _runs(code: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for each in code:
        made.append({"executableCode": {"language": "PYTHON", "code": each["code"]}})
        result = {"outcome": each.get("outcome", "OUTCOME_OK"), "output": each.get("output", "")}
        made.append({"codeExecutionResult": result})
    return made


def _grounding(sources: Sequence[Mapping[str, str]], queries: Sequence[str], text: str) -> dict[str, Any]:
    """Every source supports the whole text; segments count bytes."""
    chunks = [{"web": {"uri": each["uri"], "title": each.get("title", each["uri"])}} for each in sources]
    shown: dict[str, Any] = {}
    if queries:
        shown["searchEntryPoint"] = {"renderedContent": "<div>The emulator searched for nothing.</div>"}
    if chunks:
        shown["groundingChunks"] = chunks
        if text:
            segment = {"startIndex": 0, "endIndex": len(text.encode("utf-8", "replace")), "text": text}
            support = {"segment": segment, "groundingChunkIndices": list(range(len(chunks)))}
            shown["groundingSupports"] = [support]
    if queries:
        shown["webSearchQueries"] = list(queries)
    return shown
