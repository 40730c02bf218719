"""Makes the objects of a seed (`seeds`) in a world.

Called by `admin`. Separate from the surfaces because it is a client of theirs: it makes everything by the API's own
creates, so all rules apply, and what is refused is refused in the service's words. No fault strikes these requests, no
quota counts them, and the log of requests does not have them. Each object is made with the clock at its moment, where
it stands until the object is there; then it is the present again. All of a seed is made, or nothing.
"""

import json
import mimetypes
import random
import re
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import seeds, times
from gemctl.emulator.app import App
from gemctl.emulator.clock import SettableClock
from gemctl.emulator.seed_text import Place, SeedText
from gemctl.emulator.seeds import Entry
from gemctl.emulator.wire import Request, Response

_VERSION = "v1beta"
_REFERENCE = re.compile(r"([A-Za-z][\w-]*)((?:\.\w+)*)", re.ASCII)
_UNKNOWN = re.compile(r"""Unknown name "(\w+)"(?: at '([^']*)')?""", re.ASCII)
_NAMED = re.compile(r"""'([\w.\[\]]+)'|\* ([\w.]+):""", re.ASCII)
_STARTED = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
_SENT = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}

Object = dict[str, Any]


def make(app: App, clock: SettableClock | None, seed: SeedText) -> dict[str, Any]:
    """Make them all; gives `made`, their names in the order of making, and `objects`, those with an `$as` by it. Raises
    SeedError, and has changed nothing then."""
    entries = seeds.read(seed, app.knobs.pace)
    with app.held() as world:
        records, ids = world.records(), world.ids
        state = None if isinstance(ids, random.SystemRandom) else ids.getstate()
        present = times.to_datetime(world.instant)
        work = _Work(app, seed)
        still = clock is not None and clock.still
        try:
            if clock is not None:
                clock.still = True
            for entry in entries:
                if entry.age and clock is None:
                    raise seed.wrong((*entry.place, "$age"), "the clock of this emulator cannot be moved")
                if clock is not None:
                    clock.move_to(present - entry.age)
                if entry.age and world.latest > times.to_instant(present - entry.age):
                    raise seed.wrong((*entry.place, "$age"), "something has happened since then; reset it first")
                work.make(entry)
        except Exception:
            if state is not None:
                ids.setstate(state)
            world.put_back(records, ids)  # before anybody else asks: what they do in between would be gone
            raise
        finally:
            if clock is not None:
                clock.move_to(present)
                clock.still = still
    return {"made": work.names, "objects": work.named}


class _Work:
    """What was made up to now: their names; by their `$as`; and by their places in the seed."""

    def __init__(self, app: App, seed: SeedText) -> None:
        self.names: list[str] = []
        self.named: dict[str, Object] = {}
        self._placed: dict[Place, Object] = {}
        self._app, self._seed = app, seed
        self._project = app.projects[0]

    def make(self, entry: Entry) -> None:
        """Make one."""
        body = {name: self._resolved(value, (*entry.place, name)) for name, value in entry.body.items()}
        made = self._create(entry, body)
        self.names.append(made.get("name") or f"{entry.collection}/{made['id']}")
        self._placed[entry.place] = made
        if "$as" in entry.own:
            self.named[entry.own["$as"]] = made

    def _create(self, entry: Entry, body: Object) -> Object:
        match entry.collection:
            case "files":
                return self._file(entry, body)
            case seeds.DOCUMENTS:
                return self._document(entry, body)
            case "batches":
                return self._batch(entry, body)
            case "interactions" if body.get("stream"):
                raise self._seed.wrong((*entry.place, "stream"), "an object of a seed has no stream")
        return self._asked(entry, entry.collection, body)

    def _file(self, entry: Entry, body: Object) -> Object:
        if entry.data is None:
            return self._inner(self._asked(entry, "files", {"file": body}), "file")
        body = {"mimeType": _media_type(entry), **body}
        return self._inner(self._uploaded(entry, "files", {"file": body}, entry.data), "file")

    def _document(self, entry: Entry, body: Object) -> Object:
        assert entry.inside is not None
        store = self._placed[entry.inside.place]["name"]
        path = f"{store}:uploadToFileSearchStore"
        if "fileName" in body:
            operation = self._asked(entry, f"{store}:importFile", body)
        elif entry.data is None:
            operation = self._asked(entry, path, body)
        else:
            body = {"mimeType": _media_type(entry), **body}
            operation = self._uploaded(entry, path, body, entry.data)
        return self._asked(entry, f"{store}/documents/{operation['name'].rpartition('/')[2]}", method="GET")

    def _batch(self, entry: Entry, body: Object) -> Object:
        model = str(body.pop("model", "")).removeprefix("models/")
        if not re.fullmatch(r"[\w.-]+", model, re.ASCII):
            raise self._seed.wrong(entry.place, "a batch has a model, by its name")
        method = entry.own.get("$method", seeds.METHODS[0])
        batch = self._asked(entry, f"models/{model}:{method}", {"batch": body})
        if entry.own.get("$state") == "CANCELLED":
            self._asked(entry, f"{batch['name']}:cancel", {})
        return batch

    def _uploaded(self, entry: Entry, path: str, body: Object, data: bytes) -> Object:
        started = self._ask(entry, "POST", f"/upload/{_VERSION}/{path}", json.dumps(body).encode(), _STARTED)
        query = started.headers["X-Goog-Upload-URL"].partition("?")[2]
        pairs = tuple((name, value) for name, _, value in (pair.partition("=") for pair in query.split("&")))
        return _parsed(self._ask(entry, "POST", f"/upload/{_VERSION}/{path}", data, _SENT, pairs))

    def _asked(self, entry: Entry, path: str, body: Object | None = None, method: str = "POST") -> Object:
        data = b"" if body is None else json.dumps(body).encode()
        return _parsed(self._ask(entry, method, f"/{_VERSION}/{path}", data))

    def _ask(
        self,
        entry: Entry,
        method: str,
        path: str,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        query: tuple[tuple[str, str], ...] = (),
    ) -> Response:
        answer = self._app.made(Request(method, path, query, headers or {}, data), self._project)
        if answer.status != 200:
            error = _parsed(answer).get("error", {})
            message = str(error.get("message", "it can't be made"))
            raise self._seed.wrong(self._meant(entry, message), message)
        return answer

    def _inner(self, answer: Object, name: str) -> Object:
        inner: Object = answer[name]
        return inner

    def _meant(self, entry: Entry, message: str) -> Place:
        """The place of what a refusal names: of its words, the longest way into the object that is there."""
        unknown = [f"{found[2] or ''}.{found[1]}" for found in _UNKNOWN.finditer(message)]
        best = entry.place
        for path in unknown or [found[1] or found[2] for found in _NAMED.finditer(message)]:
            words = re.findall(r"\w+", path)
            for start in range(len(words)):
                place = self._way(entry.place, words[start:])
                best = max(best, place, key=len)
        return best

    def _way(self, place: Place, words: list[str]) -> Place:
        for word in words:
            keys = (key for (*above, key) in filter(None, self._seed.places) if tuple(above) == place)
            found = next((key for key in keys if _plain(key) == _plain(word)), None)
            if found is None:
                break
            place = (*place, found)
        return place

    def _resolved(self, value: Any, place: Place) -> Any:
        """The value, with `{$ref: name.field}` and `{$in: 30m}` in it replaced by what they stand for."""
        if isinstance(value, list):
            return [self._resolved(item, (*place, number)) for number, item in enumerate(value)]
        if not isinstance(value, Mapping):
            return value
        if value.keys() == {"$in"}:
            try:
                moment = self._app.world.instant + times.span(seeds.span(value["$in"]))
            except ValueError as error:
                raise self._seed.wrong((*place, "$in"), str(error)) from None
            return times.format_timestamp(moment, 9)
        reference = value.get("$ref") if value.keys() == {"$ref"} else None
        found = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if found is None:  # a schema's own has other characters: #/$defs/item
            return {name: self._resolved(item, (*place, name)) for name, item in value.items()}
        thing: Any = self.named.get(found[1])
        if thing is None:
            raise self._seed.wrong((*place, "$ref"), f"nothing that was made before it is called {found[1]}")
        for word in filter(None, (found[2] or ".name").split(".")):
            thing = thing.get(word) if isinstance(thing, Mapping) else None
        if thing is None:
            raise self._seed.wrong((*place, "$ref"), f"{found[1]} has no {(found[2] or '.name')[1:]}")
        return thing


def _plain(word: str | int) -> str:
    return str(word).replace("_", "").lower()


def _parsed(answer: Response) -> Object:
    try:
        value = json.loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _media_type(entry: Entry) -> str:
    if "$path" not in entry.own:
        return "text/plain" if "$text" in entry.own else "application/octet-stream"
    return mimetypes.guess_type(entry.own["$path"])[0] or "application/octet-stream"
