"""Jobs whose lines share a cache: one edge more, and no request that is lost or paid for twice by an edit of it."""

from __future__ import annotations

import json

import pytest
from test_jobs_in_parts import asks, declare, paid, rows


def edit(shop) -> None:
    path = shop.folder / "handbook.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("All there is to know.", "All that is new.", 1), encoding="utf-8")


def caches(shop) -> set[str]:
    return {one["name"] for one in shop.call("GET", "cachedContents").get("cachedContents", [])}


def used(shop, file="out/nightly.jsonl") -> list[int]:
    """The tokens of the cache that each answer has used."""
    lines = (shop.folder / file).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["response"]["usageMetadata"].get("cachedContentTokenCount", 0) for line in lines]


@pytest.fixture
def nightly(shop):
    shop.cache()
    shop.write("rows.jsonl", rows(6))
    declare(shop, split=None, request={"cachedContentRef": {"name": "handbook"}})
    return shop


def test_the_cache_is_made_first_and_its_name_is_in_what_is_uploaded_only(nightly):
    said = nightly.apply("--wait", "--parallelism", "1").out
    assert said.index("✓ create  CachedContent/handbook") < said.index("✓ create  File/nightly.input")
    assert min(used(nightly)) > 1000
    (name,) = caches(nightly)
    assert name not in json.dumps(nightly.gemctl("plan", "--json").document["changes"][0]["fields"])
    assert nightly.is_quiet()


def test_an_edit_while_it_runs_loses_nothing_and_pays_for_nothing(nightly):
    nightly.apply()
    (old,) = caches(nightly)
    nightly.clock.advance(2)  # it is being answered
    edit(nightly)
    assert [line for line in nightly.plan() if not line.startswith("keep File")] == [
        "keep BatchJob/nightly · running",
        "replace CachedContent/handbook · edited",
    ]
    said = nightly.gemctl("plan").out
    assert "edited since it was run: CachedContent/handbook" in said and "run.onEdit.references" in said
    nightly.apply()
    assert old in caches(nightly), "the job still uses it"
    assert "keep CachedContent/handbook · in_use" in nightly.plan()
    nightly.later()
    nightly.apply()
    assert nightly.answered() == "rrrrrr" and min(used(nightly)) > 1000
    assert set(paid(nightly).values()) == {1}
    assert nightly.receipt()["references"].keys() == {"CachedContent/handbook"}
    nightly.clock.advance(3600)
    nightly.apply()
    assert old not in caches(nightly)
    assert nightly.is_quiet()


def test_the_next_night_is_another_key(nightly):
    nightly.apply("--wait")
    edit(nightly)
    nightly.apply()
    declare(nightly, split=None, request={"cachedContentRef": {"name": "handbook"}}, key="second")
    nightly.apply("--wait")
    assert nightly.answered() == "rrrrrr"
    assert len([name for name in nightly.files() if name.endswith(".jsonl")]) == 2, "the first night's lie beside them"
    assert set(paid(nightly).values()) == {2}, "two nights"


def test_a_fresh_checkout_knows_by_the_receipt(nightly):
    nightly.apply("--wait")
    edit(nightly)
    nightly.apply()
    nightly.lose_state()
    nightly.forget_jobs()
    assert "keep BatchJob/nightly · done" in nightly.plan()
    assert "edited since it was run: CachedContent/handbook" in nightly.gemctl("plan").out


def test_who_wants_it_run_again_says_so(nightly):
    nightly.apply("--wait")
    edit(nightly)
    request = {"cachedContentRef": {"name": "handbook"}}
    declare(nightly, split=None, request=request, onEdit={"references": "rerun"})
    assert "create BatchJob/nightly · references" in nightly.plan()
    said = nightly.gemctl("plan").out
    assert "input.request.cachedContent  an earlier one → CachedContent/handbook" in said and "6 requests" in said
    nightly.apply("--wait")
    assert set(paid(nightly).values()) == {2} and nightly.is_quiet()


def test_an_edit_of_the_lines_is_its_own(nightly):
    nightly.apply("--wait")
    nightly.write("rows.jsonl", rows(6, "And now?"))
    assert "create BatchJob/nightly · edited" in nightly.plan()
    request = {"cachedContentRef": {"name": "handbook"}}
    declare(nightly, split=None, request=request, onEdit={"own": "report"})
    assert "keep BatchJob/nightly · done" in nightly.plan()
    assert "edited since it was run: its own spec" in nightly.gemctl("plan").out


def test_a_line_may_name_a_cache_of_its_own_and_wins(nightly):
    text = (nightly.folder / "handbook.yaml").read_text(encoding="utf-8")
    nightly.write("other.yaml", text.replace('"handbook"', '"other"').replace("All there is", "Not all there is"))
    lines = [{"key": str(n), "request": asks("x")} for n in range(4)]
    lines[1]["request"]["cachedContentRef"] = {"name": "other"}
    lines[2]["request"]["generationConfig"] = {"maxOutputTokens": 5}
    nightly.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    request = {"cachedContentRef": {"name": "handbook"}, "generationConfig": {"maxOutputTokens": 900}}
    declare(nightly, split=None, request=request)
    nightly.apply("--wait")
    first, other, short, last = used(nightly)
    assert first == short == last != other
    (job,) = nightly.live()
    world = nightly.app.world
    with world.turn():
        (blob,) = [row.body["blob"] for row in world.objects("files") if row.name == job["inputConfig"]["fileName"]]
        sent = [json.loads(line)["request"] for line in world.blobs.lines(blob)]
    assert [one["generationConfig"]["maxOutputTokens"] for one in sent] == [900, 900, 5, 900]
    assert len({one["cachedContent"] for one in sent}) == 2
    nightly.gemctl("plan", "--detailed-exitcode")


def test_files_by_reference_in_lines_and_around_them(nightly):
    nightly.write("film.txt", "A film, in words. " * 50)
    nightly.write("film.yaml", json.dumps({
        "apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": "film"}, "spec": {"source": "film.txt"},
    }))  # fmt: skip
    line = {"key": "a", "request": {"contents": [{"parts": [{"fileRef": {"name": "film"}}]}]}}
    nightly.write("rows.jsonl", json.dumps(line) + "\n")
    declare(nightly, split=None, request={"partsBefore": [{"text": "Look:"}], "partsAfter": [{"text": "What is it?"}]})
    nightly.apply("--wait")
    (job,) = nightly.live()
    world = nightly.app.world
    with world.turn():
        (blob,) = [row.body["blob"] for row in world.objects("files") if row.name == job["inputConfig"]["fileName"]]
        (sent,) = [json.loads(line)["request"] for line in world.blobs.lines(blob)]
    before, film, after = sent["contents"][0]["parts"]
    assert (before, after) == ({"text": "Look:"}, {"text": "What is it?"})
    (there,) = [one for one in nightly.call("GET", "files")["files"] if one["displayName"] == "film"]
    assert film["fileData"]["fileUri"] == there["uri"]
    assert film["fileData"]["mimeType"] == "text/plain"
    nightly.write("film.txt", "Another film. " * 50)
    assert "keep BatchJob/nightly · done" in nightly.plan()


def test_a_file_that_is_written_to_after_the_plan_is_not_sent(nightly):
    nightly.gemctl("plan", "--out", str(nightly.folder / "p.plan"))
    text = (nightly.folder / "rows.jsonl").read_text(encoding="utf-8")
    nightly.write("rows.jsonl", text.replace("What", "When"))
    nightly.apply(str(nightly.folder / "p.plan"), status=4)
    assert not nightly.live()


def test_an_earlier_key_again_runs_nothing(nightly):
    """A variable that was forgotten asks for a night that was run, with a handbook that was edited since."""
    request = {"cachedContentRef": {"name": "handbook"}}
    declare(nightly, split=None, request=request, key="first")
    nightly.apply("--wait")
    edit(nightly)
    declare(nightly, split=None, request=request, key="second")
    nightly.apply()
    declare(nightly, split=None, request=request, key="first")
    assert not [line for line in nightly.plan() if line.startswith("create")]
