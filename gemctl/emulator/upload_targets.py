"""Says what an upload becomes: a file, or a document of a file search store.

Called by `surfaces.uploads` and by `whole_uploads`. Separate because it is the same whether the bytes come in chunks or
in the request that asks for the upload.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import file_search_documents as documents
from gemctl.emulator.surfaces import files


@dataclass(frozen=True)
class Target:
    """One thing that an upload can become. `path` is where it goes on, behind the version. `begin` reads the request
    that starts it, with the size that was announced, and gives what is kept of it; `largest` is the most bytes, and
    `check` refuses more. `make` makes the object of what is kept and the name of the `blob` in it, or refuses; `made`
    finds one that was made before; `show` is the answer to the end. `keeps` tells whether the bytes are the object's
    from then on. `names` are the fields of the request that can stand in its query, where the body has the bytes."""

    path: Callable[[Call], str]
    begin: Callable[[Call, int], dict[str, Any]]
    largest: Callable[[Call], int]
    check: Callable[[Call, int], None]
    make: Callable[[Call, Mapping[str, Any]], Row]
    made: Callable[[Call, Mapping[str, Any]], Row | None]
    show: Callable[[Call, Row], Mapping[str, object]]
    keeps: bool
    names: frozenset[str]


def _begin_file(call: Call, announced: int) -> dict[str, Any]:
    file = files.read_metadata(call)
    files.check_room(call.world, call.project, announced, call.file_rules)
    return {
        "name": file.get("name", ""),
        "displayName": file.get("displayName", ""),
        "mimeType": file.get("mimeType") or call.request.headers.get("x-goog-upload-header-content-type", "").strip(),
    }


def _make_file(call: Call, kept: Mapping[str, Any]) -> Row:
    files.check_type(kept["mimeType"])
    if kept["name"]:
        files.check_free(call.world, call.project, kept["name"])
    files.check_room(call.world, call.project, call.blobs.size(kept["blob"]), call.file_rules)
    return files.make_uploaded(
        call, kept["blob"], name=kept["name"], mime_type=kept["mimeType"], display_name=kept["displayName"]
    )


def _made_file(call: Call, kept: Mapping[str, Any]) -> Row | None:
    made = call.world.rows(files.COLLECTION, call.project)
    return next((file for file in made if file.body["blob"] == kept["blob"]), None)


TARGETS: Mapping[str, Target] = {
    "file": Target(
        path=lambda _: files.COLLECTION,
        begin=_begin_file,
        largest=lambda call: call.file_rules.largest,
        check=lambda call, size: files.check_room(call.world, call.project, size, call.file_rules),
        make=_make_file,
        made=_made_file,
        show=lambda call, row: {"file": files.show(call.world, row)},
        keeps=True,
        names=frozenset({"file"}),
    ),
    "document": Target(
        path=lambda call: f"fileSearchStores/{call.params['id']}:uploadToFileSearchStore",
        begin=documents.begin,
        largest=lambda call: call.indexing.largest,
        check=documents.check_size,
        make=lambda call, kept: documents.make_uploaded(call, kept, kept["blob"]),
        made=documents.made_of,
        show=lambda _, row: documents.show_upload(row),
        keeps=False,
        names=frozenset({"displayName", "display_name", "mimeType", "mime_type"}),
    ),
}
