"""Refuses requests of the right shape as the service does: roles, parts, schemas, fields that exclude each other.

Called by the surfaces that take contents and tools. Separate because generateContent, batches and caches share it. The
sentences are those that users of the live service published in 2026; where none was published, the check is an
assumption, and says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator import thinking
from gemctl.emulator.messages import PART_DATA
from gemctl.emulator.wire import invalid

_PART_DATA = frozenset(PART_DATA)
_ROLES = frozenset({"", "user", "model"})
_OF_RESULTS = frozenset({"function", "tool"})  # the roles that older models take for results of functions
_NO_SUCH_FROM = (3, 6)  # 3.1 Flash-Lite and 3.5 Flash take them, 3.6 Flash does not (dart_agent_core#34, genkit#5780)
_ROLES_OF_TODAY = "SYSTEM, SYSTEM_1, USER, ASSISTANT, DEVELOPER, CONTEXT, USER_CONTEXT, MODEL, USER"
_FORCED = frozenset({"ANY", "VALIDATED"})
_TYPES = {"items": "ARRAY", "properties": "OBJECT", "enum": "STRING"}
_FAILED = {
    "items": "field predicate failed: $type == Type.ARRAY",
    "properties": "only allowed for OBJECT type",
    "enum": "only allowed for STRING type",
}


def check_content(content: Mapping[str, Any], where: str, model: str) -> None:
    """Check a message of a conversation: who speaks, and that each part has data."""
    role = content.get("role", "")
    if role in _OF_RESULTS and thinking.version(model) >= _NO_SUCH_FROM:
        raise invalid(f"Role '{role}' is not supported. Please use a valid role: {_ROLES_OF_TODAY}.")
    if role not in _ROLES | _OF_RESULTS:
        raise invalid(f"* {where}.role: Please use a valid role: user, model.")
    check_parts(content, where)


def check_parts(content: Mapping[str, Any], where: str) -> None:
    parts = content.get("parts", ())
    if not parts:
        raise invalid(f"* {where}.parts: contents.parts must not be empty.")
    for index, part in enumerate(parts):
        at = f"{where}.parts[{index}]"
        if _PART_DATA.isdisjoint(part) and not part.get("thought"):  # one with `thought` alone is taken (SDK tests)
            raise invalid(f"* {at}.data: one of {', '.join(PART_DATA[:7])} is required.")
        uri = part.get("fileData", {}).get("fileUri")
        if "fileData" in part and not uri:
            raise invalid(f"* {at}.file_data.file_uri: the URI is required.")
        if "inlineData" in part and "data" not in part["inlineData"]:  # an assumption, but for the refusal (SDK tests)
            raise invalid(f"* {at}.inline_data.data: the data is required.")


def check_places(contents: Sequence[Mapping[str, Any]], where: str) -> None:
    """Refuse files of Cloud Storage, which models that answer do not read (SDK tests: those that embed do)."""
    for number, content in enumerate(contents):
        for index, part in enumerate(content.get("parts", ())):
            if part.get("fileData", {}).get("fileUri", "").lower().startswith("gs://"):
                at = f"{where}[{number}].parts[{index}]"
                raise invalid(f"* {at}.file_data.file_uri: Cloud Storage URIs are not supported.")


def check_texts(content: Mapping[str, Any]) -> None:
    """Check the texts of a content to embed."""
    if any(part.get("text") == "" for part in content.get("parts", ())):
        raise invalid("content contains an empty Part")


def check_schemas(request: Mapping[str, Any], where: str) -> None:
    """Check the schemas of functions and of the answer; refuses all mistakes at once."""
    found: list[str] = []
    for number, tool in enumerate(request.get("tools", ())):
        for index, function in enumerate(tool.get("functionDeclarations", ())):
            at = f"{where}.tools[{number}].function_declarations[{index}]"
            for field in ("parameters", "response"):
                found += _schema(function.get(field, {}), f"{at}.{field}")
    config = request.get("generationConfig", {})
    found += _schema(config.get("responseSchema", {}), f"{where}.generation_config.response_schema")
    if found:
        raise invalid("\n".join(found))


def check_settings(request: Mapping[str, Any], where: str) -> None:
    """Check fields of a request that exclude each other, or need one another."""
    settings = request.get("toolConfig", {})
    calling = settings.get("functionCallingConfig")
    if calling is None:
        return
    if calling.get("allowedFunctionNames") and calling.get("mode") not in _FORCED:  # an assumption, by the reference
        at = f"{where}.tool_config.function_calling_config.allowed_function_names"
        raise invalid(f"* {at}: only allowed with the modes ANY and VALIDATED.")
    functions = any(
        tool.get("functionDeclarations") or tool.keys() & {"mcpServers", "computerUse"}
        for tool in request.get("tools", ())
    )
    if not functions and not settings.get("includeServerSideToolInvocations"):
        raise invalid("Function calling config is set without function_declarations.")


def _schema(schema: Mapping[str, Any], at: str) -> Iterator[str]:
    kind = schema.get("type", "TYPE_UNSPECIFIED")
    for field, alone in _TYPES.items():
        if schema.get(field) is not None and schema[field] != [] and kind not in (alone, "TYPE_UNSPECIFIED"):
            yield f"* {at}.{field}: {_FAILED[field]}"
    if kind == "ARRAY" and "items" not in schema:
        yield f"* {at}.items: missing field."
    for index, word in enumerate(schema.get("enum", ())):
        if not word:
            yield f"* {at}.enum[{index}]: cannot be empty"
    properties = schema.get("properties", {})
    for index, name in enumerate(schema.get("required", ())):
        if name not in properties:
            yield f"* {at}.required[{index}]: property is not defined"
    for name, inner in properties.items():
        yield from _schema(inner, f"{at}.properties[{name}]")
    for index, inner in enumerate(schema.get("anyOf", ())):
        yield from _schema(inner, f"{at}.any_of[{index}]")
    if "items" in schema:
        yield from _schema(schema["items"], f"{at}.items")
