"""Answers an interaction: makes steps of what the emulated model says, and counts tokens.

Called by `interaction_life`. Separate because it is nearly pure: it knows models and agents, and neither states nor
times. What is said is said by `generation.say`, the model of all surfaces: an interaction is brought into the form of a
GenerateContentRequest, with all that came before it, and the parts of the answer into steps.

Functions are called as `calls` has it. A model that thinks has a thought first, whose signature goes back to it where
steps are sent back; a summary only where `thinking_summaries` is auto. Pictures are one grey pixel of JPEG, speech is
silence of about the length that the text would take. An agent for research thinks several times and writes a report;
one with a sandbox runs something in it. None of them searches or runs anything.
"""

import base64
import hashlib
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gemctl.emulator import interaction_rules, markers, tokens
from gemctl.emulator.catalogue import Model
from gemctl.emulator.gaos import invalid
from gemctl.emulator.routing import Call
from gemctl.emulator.surfaces import files, generation

_JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
    "AQH/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z"
)
_RATE = 24_000
_LETTERS_A_SECOND = 15
_LONGEST_SPEECH = 30  # seconds
_TOKENS_A_SECOND = 32
_LETTERS = string.ascii_lowercase + string.digits
_CALL_ID = 8
_FUNCTION = {"name": "name", "description": "description", "parameters": "parametersJsonSchema"}
_MODALITIES = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO", "video": "VIDEO", "document": "DOCUMENT"}
_STATUS = {"STOP": "completed", "MAX_TOKENS": "incomplete"}  # that other ends are failures is an assumption
_PLANS = ("Planning the research", "Reading what was found", "Writing the report")


@dataclass(frozen=True)
class Answer:
    """The steps that the model makes, and the status in which they end; `errors` says why it failed. `read` are the
    tokens of the input by modality, `thought` those of the thoughts."""

    steps: list[dict[str, Any]]
    status: str
    read: Mapping[str, int]
    thought: int = 0
    errors: tuple[Mapping[str, str], ...] = ()

    @property
    def usage(self) -> dict[str, Any]:
        """The tokens as the wire has them; nothing for one that has not been answered."""
        return _usage(self.read, _written(self.steps), self.thought) if self.read else {}

    @property
    def used(self) -> dict[str, Any]:
        """The tokens as bills have them."""
        if not self.read:
            return {}
        return {"input": dict(self.read), "cached": {}, "output": sum(_written(self.steps).values()) + self.thought}


def answer(
    call: Call, model: Model, body: Mapping[str, Any], before: Sequence[Mapping[str, Any]], origin: str = ""
) -> Answer:
    """The answer to a body that has been checked. `before` are the steps of the interactions that it follows, `origin`
    the agent of the service that answers; "" for a model. Raises the refusal that a text asks for."""
    given: list[dict[str, Any]] = body["input"]
    own = _contents(given)
    if not own:
        raise invalid("The value is invalid for 'input'. There is nothing in it to answer.")
    request = _request(body, [*before, *given])
    counts = tokens.estimate(request, files.referred(call.world, call.project, request))
    generation.check_length(model, counts, {})
    end = markers.obey(call.world, call.project, model.name, {"contents": own}, "")
    said = generation.say(call, model, request, counts, {}, end)
    thought = said["usageMetadata"].get("thoughtsTokenCount", 0)
    if "candidates" not in said:
        why = said["promptFeedback"]["blockReason"]
        return Answer([], "failed", counts, thought, (_blocked(f"The prompt was blocked: {why}."),))
    candidate = said["candidates"][0]
    steps = _steps(call, body, candidate.get("content", {}).get("parts", ()), origin)
    if thought:
        steps = [*_thoughts(body, origin, said["responseId"]), *steps]
    reason = candidate["finishReason"]
    if reason not in _STATUS:
        return Answer(steps, "failed", counts, thought, (_blocked(f"The answer was blocked: {reason}."),))
    status = _STATUS[reason]
    if any(step["type"] == "function_call" for step in steps):
        status = "requires_action"
    return _within_budget(Answer(steps, status, counts, thought), body)


def _blocked(why: str) -> dict[str, str]:
    return {"code": "blocked", "message": why}


def retold(answer: Answer, steps: list[dict[str, Any]], status: str) -> Answer:
    """The same answer with other steps."""
    return replace(answer, steps=steps, status=status)


def _within_budget(answer: Answer, body: Mapping[str, Any]) -> Answer:
    """An agent that would use more than it may ends without its last step."""
    most = body.get("agent_config", {}).get("max_total_tokens")
    if most is None or answer.usage["total_tokens"] <= int(most):
        return answer
    return retold(answer, answer.steps[:-1], "budget_exceeded")


# What is asked, in the form of a GenerateContentRequest


def _request(body: Mapping[str, Any], steps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    request: dict[str, Any] = {"contents": _contents(steps), "generationConfig": _config(body)}
    if body.get("system_instruction"):
        request["systemInstruction"] = {"parts": [{"text": body["system_instruction"]}]}
    functions = [
        {name: tool[field] for field, name in _FUNCTION.items() if field in tool}
        for tool in body.get("tools", ())
        if tool["type"] == "function"
    ]
    if functions:
        mode, allowed = interaction_rules.choice(body)
        request["tools"] = [{"functionDeclarations": functions}]
        request["toolConfig"] = {"functionCallingConfig": {"mode": mode.upper(), "allowedFunctionNames": allowed}}
    return request


def _contents(steps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    for step in steps:
        role = "user" if step["type"] in ("user_input", "function_result") else "model"
        parts = _parts(step)
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    return contents


def _parts(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    match step["type"]:
        case "user_input" | "model_output":
            return [_part(content) for content in step.get("content", ())]
        case "function_call":
            return [{"functionCall": {"name": step["name"], "args": step["arguments"]}}]
        case "function_result":
            result = step["result"]
            response = result if isinstance(result, dict) else {"result": result}
            return [{"functionResponse": {"name": step.get("name", ""), "response": response}}]
        case _:
            return []


def _part(content: Mapping[str, Any]) -> dict[str, Any]:
    if content["type"] == "text":
        return {"text": content["text"]}
    kind = {"mimeType": content.get("mime_type", f"{content['type']}/*")}
    if "data" in content:
        return {"inlineData": {**kind, "data": content["data"]}}
    return {"fileData": {**kind, "fileUri": content["uri"]}}


def _config(body: Mapping[str, Any]) -> dict[str, Any]:
    given: Mapping[str, Any] = body.get("generation_config", {})
    config: dict[str, Any] = {}
    if "max_output_tokens" in given:
        config["maxOutputTokens"] = max(1, given["max_output_tokens"])
    if level := given.get("thinking_level"):
        config["thinkingConfig"] = {"thinkingBudget": 0} if level == "minimal" else {"thinkingLevel": level.upper()}
    asked = list(body.get("response_modalities", ()))
    for form in interaction_rules.formats(body):
        asked.append(form["type"])
        if "schema" in form:
            config |= {"responseJsonSchema": form["schema"]}
        if form["type"] == "text":
            mime_type = body.get("response_mime_type", form.get("mime_type"))
            config |= {"responseMimeType": mime_type} if mime_type else {}
    if asked:
        config["responseModalities"] = [_MODALITIES[each] for each in dict.fromkeys(asked)]
    return config


# What is answered, in steps


def _thoughts(body: Mapping[str, Any], origin: str, seed: str) -> list[dict[str, Any]]:
    settings = body.get("agent_config", body.get("generation_config", {}))
    shown = settings.get("thinking_summaries") == "auto"
    titles = _PLANS if _researches(origin) else ("Thinking",)
    thoughts: list[dict[str, Any]] = []
    for number, title in enumerate(titles, start=1):
        text = {"type": "text", "text": f"**{title}**\n\nThis is the thought number {number}."}
        summary = {"summary": [text]} if shown else {}
        thoughts.append({"type": "thought", **summary, "signature": _signature(f"{seed} {number}")})
    return thoughts


def _steps(
    call: Call, body: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], origin: str
) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    contents: list[dict[str, Any]] = []
    if origin.startswith("antigravity"):
        steps += _run(call)
    for part in parts:
        if "functionCall" in part:
            asked = part["functionCall"]
            made = call.world.draw(_LETTERS, _CALL_ID)
            steps.append(
                {
                    "type": "function_call",
                    "id": made,
                    "name": asked["name"],
                    "arguments": asked["args"],
                    "signature": _signature(made),
                }
            )
        elif "executableCode" in part:
            steps.append(_code_call(call, "python", part["executableCode"]["code"]))
        elif "codeExecutionResult" in part:
            steps.append(_code_result(steps[-1]["id"], part["codeExecutionResult"]["output"]))
        elif "text" in part:
            free = _researches(origin) and not interaction_rules.formats(body)
            text = _report(body, part["text"]) if free else part["text"]
            contents.append({"type": "text", "text": text})
        elif part["inlineData"]["mimeType"].startswith("image/"):
            contents.append({"type": "image", "mime_type": "image/jpeg", "data": _JPEG})
        else:
            contents.append(_speech(body))
    return [*steps, {"type": "model_output", "content": contents}] if contents else steps


def _researches(origin: str) -> bool:
    return origin.startswith("deep-research")


def _report(body: Mapping[str, Any], text: str) -> str:
    asked = _text(body)
    title = asked.strip().partition("\n")[0][:80] or "Report"
    return f"# {title}\n\n## Summary\n\n{text}\n\n## Sources\n\nNone: nothing was searched.\n"


def texts(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the user says in them."""
    return [
        content["text"]
        for step in steps
        if step["type"] == "user_input"
        for content in step["content"]
        if content["type"] == "text"
    ]


def _text(body: Mapping[str, Any]) -> str:
    said = texts(body["input"])
    return said[-1] if said else ""


def _run(call: Call) -> list[dict[str, Any]]:
    begun = _code_call(call, "bash", "ls")
    return [begun, _code_result(begun["id"], "")]


def _code_call(call: Call, language: str, code: str) -> dict[str, Any]:
    made = call.world.draw(_LETTERS, _CALL_ID)
    arguments = {"language": language, "code": code}
    return {"type": "code_execution_call", "id": made, "arguments": arguments, "signature": _signature(made)}


def _code_result(made: str, output: str) -> dict[str, Any]:
    return {
        "type": "code_execution_result",
        "call_id": made,
        "result": output,
        "signature": _signature(made + "result"),
    }


def _speech(body: Mapping[str, Any]) -> dict[str, Any]:
    """Silence, for one speaker or several together."""
    rate = next((form.get("sample_rate", _RATE) for form in interaction_rules.formats(body)), _RATE)
    rate = min(max(rate, 8_000), 48_000)
    seconds = min(-(-len(_text(body)) // _LETTERS_A_SECOND) or 1, _LONGEST_SPEECH)
    data = base64.b64encode(bytes(2 * rate * seconds)).decode()
    return {"type": "audio", "mime_type": "audio/l16", "sample_rate": rate, "channels": 1, "data": data}


def _signature(seed: str) -> str:
    return base64.b64encode(hashlib.sha256(f"signed {seed}".encode()).digest()).decode()


# Tokens


def _written(steps: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The tokens of an answer by modality, thoughts not counted."""
    counts: dict[str, int] = {}
    parts = [part for step in steps if step["type"] in ("model_output", "function_call") for part in _parts(step)]
    for part in parts:
        blob = part.get("inlineData", {})
        if blob.get("mimeType", "").startswith("audio/"):
            seconds = len(blob["data"]) * 3 // 4 // (2 * _RATE)
            counts["AUDIO"] = counts.get("AUDIO", 0) + _TOKENS_A_SECOND * max(1, seconds)
        else:
            for modality, count in tokens.estimate({"contents": [{"parts": [part]}]}).items():
                counts[modality] = counts.get(modality, 0) + count
    return counts


def _usage(counts: Mapping[str, int], written: Mapping[str, int], thoughts: int) -> dict[str, Any]:
    read, wrote = sum(counts.values()), sum(written.values())
    return {
        "total_tokens": read + wrote + thoughts,
        "total_input_tokens": read,
        "input_tokens_by_modality": _by_modality(counts),
        "total_cached_tokens": 0,
        "total_output_tokens": wrote,
        **({"output_tokens_by_modality": _by_modality(written)} if written else {}),
        "total_tool_use_tokens": 0,
        "total_thought_tokens": thoughts,
    }


def _by_modality(counts: Mapping[str, int]) -> list[dict[str, object]]:
    return [{"modality": modality.lower(), "tokens": count} for modality, count in sorted(counts.items())]
