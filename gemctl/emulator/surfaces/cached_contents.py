"""Serves cachedContents: create, list, get, patch, delete (ai.google.dev REST reference, "Caching").

Called by `app` through the table of `surfaces`. Separate as every kind is. Where the reference is silent the
behaviour follows published answers of the live service: an absent cache is a 403, a patch needs no mask, an
empty display name is shown, the newest comes first.
"""

import re
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import paging, rules, times, tokens
from gemctl.emulator.paging import first
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import files
from gemctl.emulator.tool_messages import CACHED_CONTENT
from gemctl.emulator.wire import Refusal, invalid

COLLECTION = "cachedContents"

_DEFAULT_TTL = 3_600 * times.SECOND
_DEFAULT_PAGE = 50  # the reference leaves it to the server; an assumption
_EXPIRY = frozenset({"ttl", "expireTime", "expire_time", "expiration"})
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


def _create(call: Call) -> dict[str, object]:
    """The name is the server's: one in the body is ignored, as are the other fields that only it sets."""
    body = call.json(CACHED_CONTENT)
    where = "CreateCachedContentRequest.cached_content"
    if not body.get("model"):
        raise invalid(f"* {where}.model: model is required.")
    model = call.catalogue.find(
        body["model"], version=call.version, method="createCachedContent", field=f"{where}.model"
    )
    if len(body.get("displayName", "")) > 128:
        raise invalid(f"* {where}.display_name: at most 128 characters are allowed.")
    _check_inputs(body, where)
    expires = _expiry(call, body, _DEFAULT_TTL)
    counts = tokens.estimate(body, files.referred(call.world, call.project, body))
    total = sum(counts.values())
    least = call.catalogue.least_cache(model)
    if total < least:
        raise invalid(f"Cached content is too small. total_token_count={total}, min_total_token_count={least}")
    if total > model.input_token_limit:
        raise invalid(
            f"The input token count ({total}) exceeds the maximum number of tokens allowed ({model.input_token_limit})."
        )
    # Cached contents are never shown again, so they are not kept either, but for tools, which requests call.
    kept: dict[str, Any] = {name: body[name] for name in ("tools", "toolConfig") if name in body}
    kept |= {"model": body["model"], "displayName": body.get("displayName", ""), "tokens": total, "counts": counts}
    return _shown(call.world.create(COLLECTION, call.project, kept, expires=expires))


def _list(call: Call) -> dict[str, object]:
    query = call.request.query
    size = paging.page_size(query, default=_DEFAULT_PAGE, most=1000)
    position = paging.decode(query, COLLECTION, 2)
    after = (position[0], position[1]) if position else None
    rows, more = call.world.page(COLLECTION, call.project, size=size, after=after)
    page: dict[str, object] = {}
    if rows:
        page["cachedContents"] = [_shown(row) for row in rows]
    if more is not None:
        page["nextPageToken"] = paging.encode(COLLECTION, more)
    return page


def _get(call: Call) -> dict[str, object]:
    return _shown(_find(call))


def _patch(call: Call) -> dict[str, object]:
    """Change the expiry, the only field that can change. Without a mask the fields of the body count."""
    body = call.json(CACHED_CONTENT)
    body.pop("name", None)
    others = sorted(body.keys() - {"ttl", "expireTime"})
    if others:
        raise invalid(f"Only the expiration of a CachedContent can be updated, not {', '.join(others)}.")
    mask = first(call.request.query, "updateMask", "update_mask")
    paths = {path.strip() for path in mask.split(",")} if mask else set()
    if paths - _EXPIRY:
        raise invalid("The update mask of a CachedContent may only name ttl, expire_time or expiration.")
    if paths and "expiration" not in paths:
        body = {name: value for name, value in body.items() if name in paths or _snake_in(name, paths)}
    if not body:
        raise invalid("The update sets neither ttl nor expire_time.")
    row = _find(call)
    return _shown(call.world.patch(row, expires=_expiry(call, body, 0)))


def _delete(call: Call) -> dict[str, object]:
    call.world.delete(_find(call))
    return {}


def _snake_in(name: str, paths: set[str]) -> bool:
    return name == "expireTime" and "expire_time" in paths


def _find(call: Call) -> Row:
    row = call.world.get(COLLECTION, call.project, f"{COLLECTION}/{call.params['id']}")
    if row is None:
        # The live service does not say which: another project's cache, an expired one and none look alike.
        raise Refusal(403, "CachedContent not found (or permission denied)")
    return row


def _expiry(call: Call, body: Mapping[str, Any], default: int) -> int:
    now = call.world.instant
    if "expireTime" in body:
        expires = int(body["expireTime"])
        if expires <= now:
            raise invalid("The expire_time must be in the future.")
        return expires
    ttl = int(body.get("ttl", default))
    if ttl <= 0:
        raise invalid("The ttl must be positive.")
    if now + ttl > times.LATEST:
        raise invalid("The ttl ends after the year 9999.")
    return now + ttl


def _check_inputs(body: Mapping[str, Any], where: str) -> None:
    contents, system, tools = (body.get(name) for name in ("contents", "systemInstruction", "tools"))
    if not (contents or system or tools):
        raise invalid(f"* {where}: one of contents, system_instruction and tools is required.")
    for index, content in enumerate(contents or ()):
        rules.check_content(content, f"{where}.contents[{index}]", body["model"])
    rules.check_places(contents or (), f"{where}.contents")
    if system is not None:
        rules.check_parts(system, f"{where}.system_instruction")
        if any("text" not in part for part in system.get("parts", ())):
            raise invalid(f"* {where}.system_instruction: only text is supported.")
    names = [function.get("name", "") for tool in tools or () for function in tool.get("functionDeclarations", ())]
    for name in names:
        if not _FUNCTION_NAME.fullmatch(name):
            raise invalid(f"* {where}.tools: a function's name is missing or not valid.")
    if len(set(names)) < len(names):
        raise invalid(f"* {where}.tools: two functions have the same name.")
    rules.check_schemas(body, where)


def _shown(row: Row) -> dict[str, object]:
    """In the order and with the digits that live answers have."""
    return {
        "name": row.name,
        "model": row.body["model"],
        "createTime": times.format_timestamp(row.created, 6),
        "updateTime": times.format_timestamp(row.updated, 6),
        "expireTime": times.format_timestamp(row.expires or 0, 9),
        "displayName": row.body["displayName"],
        "usageMetadata": {"totalTokenCount": row.body["tokens"]},
    }


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "cachedContents", _create),
        Route("GET", "cachedContents", _list),
        Route("GET", "cachedContents/{id}", _get),
        Route("PATCH", "cachedContents/{id}", _patch),
        Route("DELETE", "cachedContents/{id}", _delete),
    ),
)
