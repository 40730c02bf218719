"""Serves fileSearchStores: create, list, get, delete (ai.google.dev REST reference, "File search stores").

Called by `app` through the table of `surfaces`; `file_search_documents` finds stores here, and gets names. Separate as
every kind is. A store can't be changed: there is no PATCH. Its counters are those of its documents, kept by the world
as documents come and go; its update time moves with each of these changes, which is an effect `counted` of the store.

Where the reference is silent the behaviour follows published answers of the live service and the official SDK's own
tests: a store that is not there is a 403 and a malformed name a 400; a name is made of the display name; the oldest
comes first; counters that are zero are absent. Assumptions: a page of stores that is too large is coerced, as the
reference has it for other lists; any model that makes vectors can be a store's.
"""

import re
import string
from typing import Any

from gemctl.emulator import file_search_rules, paging, times
from gemctl.emulator.file_search_messages import STORE
from gemctl.emulator.paging import first
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.wire import Refusal, invalid
from gemctl.emulator.world import World

COLLECTION = "fileSearchStores"
DEFAULT_PAGE, LARGEST_PAGE = 10, 20
PENDING, ACTIVE, FAILED = "STATE_PENDING", "STATE_ACTIVE", "STATE_FAILED"

_DEFAULT_MODEL = "models/gemini-embedding-001"
_ALPHABET = string.digits + string.ascii_lowercase
_ID = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LONGEST_ID = 40
_LONGEST_SLUG = 27
_SUFFIX = 12
_COUNTERS = {ACTIVE: "activeDocumentsCount", PENDING: "pendingDocumentsCount", FAILED: "failedDocumentsCount"}


# Called by the documents' surface


def documents(store: str) -> str:
    """The collection of a store's documents."""
    return f"{store}/documents"


def find(call: Call, own: str) -> Row:
    """The store `fileSearchStores/<own>` of the project, or the 403, which does not say whether there is one."""
    check_id(own, "* name: FileSearchStore ID (name excluding 'fileSearchStores/')")
    row = call.world.get(COLLECTION, call.project, f"{COLLECTION}/{own}")
    if row is None:
        raise Refusal(403, f"You do not have permission to access the FileSearchStore {own} or it may not exist.")
    return row


def count(call: Call, store: str) -> None:
    """Note that the documents of a store have changed."""
    row = call.world.get(COLLECTION, call.project, store)
    if row is not None:
        call.world.patch(row, "counted")


def used(world: World, project: str) -> int:
    """The bytes of all documents of a project's stores."""
    return sum(world.tally(documents(row.name), project).size for row in world.rows(COLLECTION, project))


def new_name(world: World, collection: str, display_name: str) -> str:
    """A free name as published ones are: the beginning of the display name in small letters and digits, blanks as
    dashes, and twelve random characters; these alone, twice, where nothing is left of the display name."""
    slug = re.sub(r"[^a-z0-9 ]", "", display_name.lower()).replace(" ", "-").lstrip("-")[:_LONGEST_SLUG]
    while True:
        start = slug or world.draw(_ALPHABET, _SUFFIX)
        name = f"{collection}/{start}-{world.draw(_ALPHABET, _SUFFIX)}"
        if world.unused(name):
            return name


def check_id(own: str, what: str) -> None:
    """400 for an ID that no object can have."""
    if len(own) > _LONGEST_ID or not _ID.fullmatch(own):
        raise invalid(
            f"{what} must be at most {_LONGEST_ID} lowercase alphanumeric characters or dashes, and cannot start or"
            " end with a dash."
        )


def is_forced(call: Call) -> bool:
    """The `force` of a delete: Python sends `True`, JavaScript `true`."""
    text = first(call.request.query, "force").lower()
    if text not in ("", "true", "false"):
        raise invalid(f"Invalid value at 'force' (TYPE_BOOL), \"{text[:40]}\"")
    return text == "true"


# Methods


def _create(call: Call) -> dict[str, object]:
    """Fields that only the server sets are ignored."""
    body = call.json(STORE)
    where = "CreateFileSearchStoreRequest.file_search_store"
    display_name, model = body.get("displayName", ""), body.get("embeddingModel") or _DEFAULT_MODEL
    file_search_rules.check_display_name(display_name, where)
    call.catalogue.find(model, version=call.version, method="embedContent", field=f"{where}.embedding_model")
    kept = {"displayName": display_name, "model": model}
    name = new_name(call.world, COLLECTION, display_name)
    return _shown(call.world, call.world.create(COLLECTION, call.project, kept, name=name))


def _list(call: Call) -> dict[str, object]:
    query = call.request.query
    size = paging.page_size(query, default=DEFAULT_PAGE, most=LARGEST_PAGE)
    position = paging.decode(query, COLLECTION, 2)
    after = (position[0], position[1]) if position else None
    rows, more = call.world.page(COLLECTION, call.project, size=size, after=after, newest_first=False)
    page: dict[str, object] = {}
    if rows:
        page[COLLECTION] = [_shown(call.world, row) for row in rows]
    if more is not None:
        page["nextPageToken"] = paging.encode(COLLECTION, more)
    return page


def _get(call: Call) -> dict[str, object]:
    return _shown(call.world, find(call, call.params["id"]))


def _delete(call: Call) -> dict[str, object]:
    """The documents go first: a store is never without some of its own."""
    store = find(call, call.params["id"])
    held = list(call.world.rows(documents(store.name), call.project))
    if held and not is_forced(call):
        raise Refusal(400, "Cannot delete non-empty FileSearchStore", status="FAILED_PRECONDITION")
    for row in held:
        call.world.delete(row)
    call.world.delete(store)
    return {}


def _shown(world: World, row: Row) -> dict[str, Any]:
    """A store as the API shows it, without what is empty."""
    tally = world.tally(documents(row.name), row.project)
    counters = {name: tally.states[state] for state, name in _COUNTERS.items()}
    counters["sizeBytes"] = tally.size
    store: dict[str, Any] = {
        "name": row.name,
        "displayName": row.body["displayName"],
        "createTime": times.format_timestamp(row.created, 6),
        "updateTime": times.format_timestamp(row.updated, 6),
        **{name: str(number) for name, number in counters.items() if number},
        "embeddingModel": row.body["model"],
    }
    return {name: value for name, value in store.items() if value}


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fileSearchStores", _create),
        Route("GET", "fileSearchStores", _list),
        Route("GET", "fileSearchStores/{id}", _get),
        Route("DELETE", "fileSearchStores/{id}", _delete),
    ),
)
