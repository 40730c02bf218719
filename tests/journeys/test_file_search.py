"""Stories of file search stores that no script can tell: hundreds of documents, and other programs that look on."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.world import World

pytestmark = pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning")
STORE = "FileSearchStore/handbook"
MANIFEST = {
    "apiVersion": "gemctl/v1",
    "kind": "FileSearchStore",
    "metadata": {"name": "handbook"},
    "spec": {"displayName": "Handbook", "documents": [{"files": "handbook/**/*.md", "metadata": {"year": 2026}}]},
    "publish": [{"file": "out/stores.json", "key": "handbook"}],
}
PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: reading-room, id: r3adr00m}
defaultStack: live
stacks:
  live: {}
"""


@dataclass
class Library:
    """A project on an emulator behind a socket, at which other programs may look too."""

    folder: Path
    app: App
    url: str
    clock: ManualClock
    err: str = ""
    seen: int = 0

    def gemctl(self, line: str, status: int = 0) -> str:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = run(line.split(), clock=self.clock)
        self.err = err.getvalue()
        assert found == status, (line, found, out.getvalue(), self.err)
        return out.getvalue()

    def change(self, *options: str) -> dict[str, Any]:
        """What a plan has for the store."""
        return json.loads(self.gemctl(" ".join(("plan --json", *options))))["changes"][0]

    def write(self, path: str, text: str) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def declare(self, **changes: Any) -> None:
        """Write the manifest, with these changes of its spec."""
        whole = {**MANIFEST, "spec": {**MANIFEST["spec"], **changes}}
        self.write("store.yaml", yaml.safe_dump(whole, sort_keys=False))

    @property
    def store(self) -> str:
        return json.loads((self.folder / "out/stores.json").read_text(encoding="utf-8"))["handbook"]

    @contextlib.contextmanager
    def official(self) -> Iterator[Any]:
        from google import genai

        client = genai.Client(api_key="any", http_options={"base_url": self.url})
        with contextlib.closing(client):
            yield client

    def documents(self) -> dict[str, Any]:
        """What the official client lists in the store, by display name."""
        with self.official() as client:
            found = list(client.file_search_stores.documents.list(parent=self.store))
        assert len({one.display_name for one in found}) == len(found)
        return {one.display_name: one for one in found}

    def sent(self) -> list[str]:
        """Requests since the last time, by method and path."""
        new = [f"{one.method} {one.path}" for one in self.app.requests[self.seen :]]
        self.seen += len(new)
        return new


@pytest.fixture
def library(tmp_path, monkeypatch):
    clock = ManualClock()
    app = App(World(now=clock.now))
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        monkeypatch.setenv("GEMINI_API_KEY", "any")
        monkeypatch.chdir(tmp_path)
        made = Library(tmp_path, app, url, clock)
        made.write("gemctl.yaml", PROJECT)
        made.declare()
        yield made
    assert not app.bugs


def pages() -> dict[str, str]:
    return {f"handbook/{n % 10}/page-{n:03}.md": f"# Page {n}\n\nWhat page {n} says.\n" for n in range(200)}


def test_a_store_follows_a_folder_of_two_hundred_documents(library):
    for path, text in pages().items():
        library.write(path, text)

    # One is too large: that is said where it is declared, before anything is sent.
    with (library.folder / "handbook/scans.md").open("wb") as file:
        file.truncate((100 << 20) + 1)
    for line in ("validate", "plan", "apply --yes"):
        library.gemctl(line, 1)
        assert "store.yaml:8:12: error[E271]: Wrong documents" in library.err
        assert "It is larger than 100 MiB: handbook/scans.md." in library.err
    assert library.sent() == []
    (library.folder / "handbook/scans.md").unlink()

    # The first apply makes the store and everything in it; another program finds what is in the folder.
    assert "sync    FileSearchStore/handbook" in library.gemctl("apply --yes")
    found = library.documents()
    assert found.keys() == pages().keys()
    assert {one.state.value for one in found.values()} == {"STATE_ACTIVE"}
    assert {one.mime_type for one in found.values()} == {"text/markdown"}
    assert all({"gemctl", "year"} == {entry.key for entry in one.custom_metadata} for one in found.values())

    # A plan with nothing to do is one call, whatever lies in the store.
    library.sent()
    library.gemctl("plan --detailed-exitcode")
    assert library.sent() == ["GET /v1beta/fileSearchStores"]

    # Five are edited, two are removed, and one comes that can't be indexed.
    names = sorted(pages())
    for path in names[:5]:
        library.write(path, pages()[path] + "A sentence more.\n")
    for path in names[5:7]:
        (library.folder / path).unlink()
    library.write("handbook/bad.md", "# Bad\n\n[[emulator: document fails]]\n")
    counts = library.change()["members"]
    assert {name: counts[name] for name in ("add", "replace", "delete", "keep", "failed", "lost")} == {
        "add": 1, "replace": 5, "delete": 2, "keep": 193, "failed": 0, "lost": 0
    }  # fmt: skip
    said = library.gemctl("plan -v")
    assert [f"± {path}" in said for path in names[:7]] == [True] * 5 + [False] * 2
    assert [f"- {path}" in said for path in names[:7]] == [False] * 5 + [True] * 2
    assert "7 of 8 documents" in library.gemctl("apply --yes", 5)
    assert "FileSearchDocument/handbook/handbook/bad.md: Could not create it" in library.err
    assert "1 of 8 documents could not be brought up to date" in library.err
    now = library.documents()
    assert now.keys() == {*names[:5], *names[7:], "handbook/bad.md"}
    assert now["handbook/bad.md"].state.value == "STATE_FAILED"
    assert {path for path in names[7:] if now[path].name != found[path].name} == set()
    assert {path for path in names[:5] if now[path].name == found[path].name} == set()

    # What failed is not sent again, and not forgotten.
    library.gemctl("plan --detailed-exitcode")
    assert "warning[W592]" in library.err
    assert "FileSearchStore/handbook: handbook/bad.md." in library.err
    assert library.change()["members"]["failed"] == 1
    library.gemctl("apply --yes")
    library.write("handbook/bad.md", "# No longer bad\n")
    library.gemctl("apply --yes")
    library.gemctl("plan --detailed-exitcode --refresh")
    assert "W592" not in library.err
    assert {one.state.value for one in library.documents().values()} == {"STATE_ACTIVE"}

    # A store takes its documents with it; so their number has to be said.
    library.gemctl("destroy --yes", 1)
    assert "error[E593]" in library.err
    assert len(library.documents()) == 199
    library.gemctl("destroy --yes --allow-documents 199")
    assert library.gemctl("get").strip() == "Nothing is live."


def put_in(library: Library, store: str, path: str, name: str) -> None:
    """Another program uploads a document."""
    with library.official() as client:
        client.file_search_stores.upload_to_file_search_store(
            file_search_store_name=store,
            file=str(library.folder / path),
            config={"display_name": name, "mime_type": "text/plain"},
        )
    library.clock.advance(60)


def test_documents_of_others_are_left_alone(library):
    for number in range(3):
        library.write(f"handbook/{number}.md", f"Page {number}.")
    library.gemctl("apply --yes")
    library.write("note.txt", "Somebody's note.")
    put_in(library, library.store, "note.txt", "note.txt")
    put_in(library, library.store, "note.txt", "handbook/0.md")  # by the same name as ours, and not ours

    def others() -> list[str]:
        with library.official() as client:
            found = client.file_search_stores.documents.list(parent=library.store)
            return sorted(one.display_name for one in found if not one.custom_metadata)

    assert others() == ["handbook/0.md", "note.txt"]
    library.gemctl("plan --detailed-exitcode --refresh")
    library.write("handbook/0.md", "Page 0, edited.")
    (library.folder / "handbook/1.md").unlink()
    library.gemctl("apply --yes")
    library.gemctl("plan --detailed-exitcode --refresh")
    assert others() == ["handbook/0.md", "note.txt"]

    # Another's hand takes one of ours out: it is made again once that is seen.
    with library.official() as client:
        found = client.file_search_stores.documents.list(parent=library.store)
        ours = next(one.name for one in found if one.custom_metadata and one.display_name == "handbook/2.md")
        client.file_search_stores.documents.delete(name=ours, config={"force": True})
    library.clock.advance(60)
    assert library.change()["reason"] == "drifted"
    library.gemctl("apply --yes")
    library.gemctl("plan --detailed-exitcode --refresh")
    assert others() == ["handbook/0.md", "note.txt"]


def test_a_store_that_others_made_is_taken_in_without_their_documents(library):
    with library.official() as client:
        store = client.file_search_stores.create(config={"display_name": "Leaflets"}).name
    library.write("note.txt", "A leaflet.")
    for name in ("one.txt", "two.txt"):
        put_in(library, store, "note.txt", name)
    (library.folder / "store.yaml").unlink()
    said = library.gemctl("import --from-live FileSearchStore --all --write leaflets.yaml")
    text = (library.folder / "leaflets.yaml").read_text(encoding="utf-8")
    assert "# The 2 documents in it stay others', and are left alone as long as it lives.\n" in text
    manifest = yaml.safe_load(text)
    assert manifest["spec"] == {"displayName": "Leaflets", "embeddingModel": "models/gemini-embedding-001"}
    library.write("gemctl.yaml", PROJECT + said.partition("\n\n")[2])

    library.gemctl("plan --detailed-exitcode")
    library.gemctl("apply --yes")
    manifest |= {"spec": {**manifest["spec"], "documents": [{"files": "leaflets/*.txt"}]}}
    manifest["publish"] = [{"file": "out/stores.json", "key": "handbook"}]
    library.write("leaflets.yaml", yaml.safe_dump(manifest))
    library.write("leaflets/three.txt", "A leaflet of ours.")
    library.write("leaflets/four.txt", "Another leaflet of ours.")
    library.gemctl("apply --yes")
    assert library.store == store
    assert library.documents().keys() == {"one.txt", "two.txt", "leaflets/three.txt", "leaflets/four.txt"}
    (library.folder / "leaflets/three.txt").unlink()
    library.gemctl("apply --yes")
    library.gemctl("plan --detailed-exitcode --refresh")
    assert library.documents().keys() == {"one.txt", "two.txt", "leaflets/four.txt"}

    # With the state lost, the line in gemctl.yaml finds the store, and marks find what is ours in it.
    (library.folder / ".gemctl/live/state.json").unlink()
    library.gemctl("plan --detailed-exitcode")
    counts = library.change("--refresh")["members"]
    assert (counts["keep"], counts["add"], counts["delete"]) == (1, 0, 0)


def test_what_a_failed_document_was_to_replace_stays_until_one_does(library):
    def states() -> list[str]:
        with library.official() as client:
            found = client.file_search_stores.documents.list(parent=library.store)
            return sorted(one.state.value for one in found)

    fails = "[[emulator: document fails]]"
    library.write("handbook/0.md", "A page.")
    library.gemctl("apply --yes")
    for text in (f"A page. {fails}", f"A page, mended. {fails}"):
        library.write("handbook/0.md", text)
        library.gemctl("apply --yes", 5)
        library.gemctl("plan")
        assert "handbook/0.md" in library.err and "W592" in library.err
        library.gemctl("apply --yes")
        library.gemctl("plan --detailed-exitcode")
        assert states() == ["STATE_ACTIVE", "STATE_FAILED"]
    library.write("handbook/0.md", "A page, mended well.")
    library.gemctl("apply --yes")
    library.gemctl("plan --detailed-exitcode --refresh")
    assert states() == ["STATE_ACTIVE"]


def test_a_file_is_uploaded_anew_for_a_document_that_is_made_of_it(library):
    """It is not needed by the document that is there already, and neither edit nor end of it may import old bytes."""
    library.write("plan.md", "Novels are upstairs.")
    library.write("file.yaml", "apiVersion: gemctl/v1\nkind: File\nmetadata: {name: plan}\nspec: {source: plan.md}\n")
    library.declare(documents=[{"fileRef": {"name": "plan"}, "metadata": {"floor": 1}}])
    library.gemctl("apply --yes")
    library.gemctl("plan --detailed-exitcode")

    def imported() -> int:
        with library.official() as client:
            (document,) = client.file_search_stores.documents.list(parent=library.store)
        assert [entry.key for entry in document.custom_metadata] == ["gemctl", "floor"]
        return document.size_bytes

    assert imported() == 20
    library.write("plan.md", "Novels are in the cellar.")
    changes = json.loads(library.gemctl("plan --json"))["changes"]
    assert {one["address"]: one["action"] for one in changes} == {"File/plan": "replace", STORE: "update"}
    assert changes[1]["members"]["indexed"]["likely"] > 0
    library.gemctl("apply --yes")
    assert imported() == 25
    library.clock.advance(72 * 3600)
    library.gemctl("plan --detailed-exitcode")
    library.write("plan.md", "Novels are gone.")
    library.gemctl("apply --yes")
    library.gemctl("plan --detailed-exitcode --refresh")
    assert imported() == 16


def test_a_program_asks_by_the_published_name(library):
    """The program of docs/file-search.md."""
    library.write("handbook/hours.md", "The reading room is open from nine to seven.")
    library.gemctl("apply --yes")
    program = Path(__file__).parent.parent.parent / "manifests/file-search/ask.py"
    words = [sys.executable, program, "When may I come?"]
    done = subprocess.run(words, cwd=library.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    (asked,) = (one.json for one in library.app.requests if one.path.endswith(":generateContent"))
    (tool,) = asked["tools"]
    assert tool["fileSearch"] == {"file_search_store_names": [library.store], "metadata_filter": 'audience = "readers"'}
