"""orphans, import --from-live, --take-over and handover, as far as the journeys don't show them."""

from __future__ import annotations

import json

import pytest
from cli_world import TEXT, cache, here

from gemctl.core.address import Address
from gemctl.core.mark import Mark, address_tag, owner_tag, write
from gemctl.emulator.app import App, Request
from gemctl.emulator.server import running
from gemctl.emulator.world import World

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: dev
stacks: {dev: {}, prod: {}, other: {apiKey: {env: GEMINI_API_KEY_OTHER}}}
defaults:
  CachedContent: {spec: {model: gemini-3.8-flash, ttl: 24h}}
timing: {requestDeadline: 5s, settle: 1s}
"""
BODY = {"model": "models/gemini-3.8-flash", "contents": [{"role": "user", "parts": [{"text": TEXT}]}]}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project of several stacks on a served emulator, which other hands reach as well."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "gemctl.yaml").write_text(PROJECT, encoding="utf-8")
    app = App(World())
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        for name in ("GEMINI_API_KEY", "GEMINI_API_KEY_OTHER"):
            monkeypatch.setenv(name, "any-word")
        monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
        yield folder, app
    assert not app.bugs


def call(app, method, path, body=None):
    data = json.dumps(body).encode() if body is not None else b""
    reply = app.handle(Request(method, f"/v1beta/{path}", (), {"x-goog-api-key": "hand"}, data))
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def made_by_hand(app, display):
    return call(app, "POST", "cachedContents", {**BODY, "displayName": display})["name"]


def marked(project, stack, address, spec="a" * 13):
    return write("theirs", Mark(owner_tag(project, stack), address_tag(Address.parse(address)), spec))


def documents(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def codes(done):
    return [one["code"] for one in json.loads(done.stdout)["diagnostics"]]


def test_names_are_made_of_display_names(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("price-list").removesuffix("---\n"), encoding="utf-8")
    displays = ["Price list", "price/LIST!", "", "…", "x" * 100, "${var.secret} $${x}"]
    names = [made_by_hand(app, display) for display in displays]
    found = documents(here(folder, "import", "--from-live", "CachedContent", "--all", "--json"))
    by_name = {name: address.partition("/")[2] for address, name in found["imports"].items()}
    assert by_name[names[0]] == "price-list-2"
    assert by_name[names[1]] == "price-list-3"
    assert by_name[names[2]].startswith("cachedcontent-") and by_name[names[3]].startswith("cachedcontent-")
    assert by_name[names[4]] == "x" * 64
    assert by_name[names[5]] == "var-secret-x"
    shown = {one["metadata"]["name"]: one["spec"].get("displayName") for one in found["documents"]}
    assert shown["var-secret-x"] == "$${var.secret} $$${x}" and shown[by_name[names[2]]] is None


def test_what_was_written_is_read_once_it_is_filled_in(shop):
    folder, app = shop
    made_by_hand(app, '${var.secret}\u202e "quoted": yes')
    job = call(
        app,
        "POST",
        "models/gemini-3.8-flash:batchGenerateContent",
        {"batch": {"displayName": "nightly", "inputConfig": {"requests": {"requests": [
            {"request": {"contents": [{"parts": [{"text": "x"}]}]}, "metadata": {"key": "a"}}]}}}},
    )["name"]  # fmt: skip
    for kind, file in (("CachedContent", "caches.yaml"), ("BatchJob", "jobs.yaml")):
        done = here(folder, "import", "--from-live", kind, "--all", "--write", file)
        assert done.returncode == 0 and "stacks:\n  dev:\n    imports:\n" in done.stdout, done.stderr
    broken = here(folder, "validate", "--json")
    assert broken.returncode == 1 and codes(broken) == ["E561", "E561"]
    lines = "imports:\n"
    for file, by in (
        ("caches.yaml", '[{parts: [{text: "what it was"}]}]'),
        ("jobs.yaml", "[{key: a, request: {contents: x}}]"),
    ):
        text = (folder / file).read_text(encoding="utf-8")
        before, after = text.split('"${fill: ')
        (folder / file).write_text(before + by + after.partition('}"')[2], encoding="utf-8")
        lines += text.partition("#     imports:\n")[2].splitlines()[0].replace("#       ", "  ") + "\n"
    project = PROJECT.replace("stacks: {dev: {}, prod", "stacks: {dev: {" + lines.replace("\n", " ").replace(
        "imports: ", "imports: {", 1).replace("   B", ", B") + "}}, prod")  # fmt: skip
    (folder / "gemctl.yaml").write_text(project, encoding="utf-8")
    plan = documents(here(folder, "plan", "--json"))
    assert {change["action"] for change in plan["changes"]} == {"keep"}, plan
    assert {change["name"] for change in plan["changes"]} >= {job}
    assert all("assumed" in change["note"] for change in plan["changes"])
    assert documents(here(folder, "orphans", "--json"))["orphans"] == []


def test_files_are_written_by_their_digest(shop):
    folder, _ = shop
    (folder / "a.txt").write_text("hello", encoding="utf-8")
    manifest = (
        "apiVersion: gemctl/v1\nkind: File\nmetadata: {name: a}\nspec: {source: a.txt}\nlifecycle: {keep: always}\n"
    )
    (folder / "file.yaml").write_text(manifest, encoding="utf-8")
    assert here(folder, "apply", "--yes").returncode == 0
    (folder / ".gemctl/dev/state.json").unlink()
    (folder / ".gemctl/dev/journal").unlink()
    (folder / "file.yaml").unlink()
    done = here(folder, "import", "--from-live", "File", "--all", "--take-over")
    assert done.returncode == 0 and "it has the digest sha256:2cf24dba5fb0a30e" in done.stdout
    assert "mimeType: text/plain" in done.stdout and "expireTime" not in done.stdout


@pytest.mark.parametrize("file", ["x.txt", "gemctl.yaml", "../x.yaml", "/tmp/x.yaml", "link/x.yaml"])
def test_manifests_go_into_files_of_the_project(shop, file):
    folder, app = shop
    made_by_hand(app, "x")
    (folder / "link").symlink_to(folder.parent)
    done = here(folder, "import", "--from-live", "CachedContent", "--all", "--write", file, "--json")
    assert done.returncode != 0 and codes(done) == ["E562"]
    assert (folder / "gemctl.yaml").read_text(encoding="utf-8") == PROJECT


def test_an_existing_file_stays_unless_it_is_said(shop):
    folder, app = shop
    made_by_hand(app, "x")
    (folder / "x.yaml").write_text("# mine\n", encoding="utf-8")
    words = ("import", "--from-live", "CachedContent", "--all", "--write", "x.yaml", "--json")
    done = here(folder, *words)
    assert (done.returncode, codes(done)) == (64, ["E566"])
    assert (folder / "x.yaml").read_text(encoding="utf-8") == "# mine\n"
    assert documents(here(folder, *words, "--overwrite"))["file"] == "x.yaml"
    assert "kind: CachedContent" in (folder / "x.yaml").read_text(encoding="utf-8")


def test_nothing_to_import_is_said_and_nothing_is_written(shop):
    folder, _ = shop
    done = here(folder, "import", "--from-live", "CachedContent", "--all", "--write", "x.yaml")
    assert (done.returncode, done.stdout) == (0, "There is nothing to import.\n")
    assert not (folder / "x.yaml").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("import", "E009"),
        ("import a b c", "E009"),
        ("import a b --overwrite", "E009"),
        ("import --from-live CachedContent --all x", "E009"),
        ("import --from-live CachedContent --all --overwrite", "E009"),
        ("import --from-live CachedContent", "E009"),
        ("import --from-live Cache --all", "E004"),
        ("import --from-live TokenPolicy --all", "E562"),
        ("import --from-live CachedContent cachedContents/nowhere", "E562"),
        ("orphans Cache", "E004"),
        ("handover CachedContent/x", "E009"),
        ("handover CachedContent/x --to dev", "E009"),
        ("handover CachedContent/x --to nowhere", "E017"),
        ("handover nothing --to prod", "E009"),
    ],
)
def test_what_can_not_be_asked_for(shop, words, code):
    folder, _ = shop
    done = here(folder, *words.split(), "--json")
    assert (done.returncode, codes(done)) == (64, [code])


def test_orphans_say_whose_they_may_be_and_what_to_do(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    assert here(folder, "apply", "--yes").returncode == 0
    wanted = {
        made_by_hand(app, marked("abcd1234", "dev", "CachedContent/one")): (
            "this stack", "CachedContent/one", "gemctl import --take-over --stack dev CachedContent/one ",
        ),
        made_by_hand(app, marked("abcd1234", "dev", "CachedContent/lost")): (
            "this stack", "this stack (address not known)", "gemctl state rebuild --stack dev, and the next",
        ),
        made_by_hand(app, marked("abcd1234", "prod", "CachedContent/one")): (
            "another stack", "stack prod: CachedContent/one", "gemctl apply --stack prod takes it in",
        ),
        made_by_hand(app, marked("abcd1234", "prod", "CachedContent/lost")): (
            "another stack", "stack prod (address not known)", "gemctl state rebuild --stack prod",
        ),
        made_by_hand(app, marked("else", "dev", "CachedContent/one")): (
            "another project", f"another gemctl project ({owner_tag('else', 'dev')})", "leave it",
        ),
        made_by_hand(app, "hand-made"): ("stranger", None, "gemctl import --from-live CachedContent "),
    }  # fmt: skip
    found = documents(here(folder, "orphans", "--json"))["orphans"]
    assert {one["name"] for one in found} == set(wanted)
    for one in found:
        guess, owner, advice = wanted[one["name"]]
        assert (one["guess"], one["owner"]) == (guess, owner)
        assert one["advice"].startswith(advice), one["advice"]
    hours = [one["tokenHours"] for one in found]
    assert hours == sorted(hours, reverse=True) and min(hours) > 0
    assert all(one["ageSeconds"] >= 0 for one in found)


def test_what_was_declared_once_is_still_known_by_the_ledger(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    assert here(folder, "apply", "--yes").returncode == 0
    (folder / "one.yaml").unlink()
    made_by_hand(app, marked("abcd1234", "dev", "CachedContent/one"))
    (one,) = documents(here(folder, "orphans", "--json"))["orphans"]
    assert one["owner"] == "CachedContent/one" and one["advice"].startswith("declare it again, or gemctl state rebuild")


def test_broken_manifests_are_no_reason_not_to_look(shop):
    folder, app = shop
    name = made_by_hand(app, marked("abcd1234", "dev", "CachedContent/one"))
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n") + "  contens: x\n", encoding="utf-8")
    (one,) = documents(here(folder, "orphans", "--json"))["orphans"]
    assert (one["name"], one["owner"]) == (name, "CachedContent/one")


def test_import_asks_every_stack_and_gemctl_yaml(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    name = made_by_hand(app, "by hand")
    assert here(folder, "import", "CachedContent/one", name, "--stack", "prod").returncode == 0
    for words in (("import", "CachedContent/one", name), ("import", "CachedContent/one", name, "--take-over")):
        done = here(folder, *words, "--json")
        assert (done.returncode, codes(done)) == (64, ["E564"])
    assert "handover --stack prod CachedContent/one --to dev" in json.loads(done.stdout)["diagnostics"][0]["hint"]
    second = made_by_hand(app, "by hand too")
    line = f"prod: {{imports: {{CachedContent/one: {second}}}}}"
    (folder / "gemctl.yaml").write_text(PROJECT.replace("prod: {}", line), encoding="utf-8")
    done = here(folder, "import", "CachedContent/one", second, "--json")
    assert codes(done) == ["E564"] and "Edit imports" in json.loads(done.stdout)["diagnostics"][0]["hint"]


def test_import_takes_nothing_back_that_gemctl_yaml_gives_to_another_stack(shop):
    folder, _ = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    assert here(folder, "apply", "--yes").returncode == 0
    name = documents(here(folder, "output", "--json"))["outputs"]["CachedContent/one"]["name"]
    (folder / "one.yaml").write_text(cache("two").removesuffix("---\n"), encoding="utf-8")
    line = f"prod: {{imports: {{CachedContent/one: {name}}}}}"
    (folder / "gemctl.yaml").write_text(PROJECT.replace("prod: {}", line), encoding="utf-8")
    done = here(folder, "import", "CachedContent/two", name, "--json")
    assert (done.returncode, codes(done)) == (64, ["E564"]), done.stdout
    assert json.loads(done.stdout)["diagnostics"][0]["detail"].endswith("belongs to stack prod, as CachedContent/one.")


class TestHandover:
    """One cache of dev, declared by prod as well."""

    @pytest.fixture
    def cache_of_dev(self, shop):
        folder, app = shop
        (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
        assert here(folder, "apply", "--yes").returncode == 0
        self.folder, self.app = folder, app
        return documents(here(folder, "output", "--json"))["outputs"]["CachedContent/one"]["name"]

    def hand_over(self, *words, source="dev", to="prod"):
        return here(self.folder, "handover", "CachedContent/one", *words, "--stack", source, "--to", to, "--json")

    def refused(self, *words):
        done = self.hand_over(*words)
        assert (done.returncode, codes(done)) == (64, ["E565"]), done.stdout
        return json.loads(done.stdout)["diagnostics"][0]["detail"]

    def names(self, stack):
        return {
            r["address"]: r["name"]
            for r in documents(here(self.folder, "state", "list", "--stack", stack, "--json"))["records"]
        }

    def test_there_and_back_again(self, cache_of_dev):
        given = {"CachedContent/one": cache_of_dev}
        assert documents(self.hand_over()) == {"formatVersion": "1", "to": "prod", "handedOver": given}
        assert (self.names("dev"), self.names("prod")) == ({}, {"CachedContent/one": cache_of_dev})
        made = documents(here(self.folder, "plan", "--stack", "dev", "--json"))
        assert [(c["action"], c["name"]) for c in made["changes"]] == [("create", None)]
        assert documents(self.hand_over(source="prod", to="dev"))["handedOver"] == {"CachedContent/one": cache_of_dev}
        kept = documents(here(self.folder, "plan", "--stack", "dev", "--json"))
        assert [(c["action"], c["name"], c["note"]) for c in kept["changes"]] == [("keep", cache_of_dev, None)]
        assert here(self.folder, "destroy", "--yes", "--stack", "prod").returncode == 0
        assert here(self.folder, "destroy", "--yes", "--stack", "dev").returncode == 0
        assert [effect.kind for effect in self.app.effects] == ["created", "deleted"]

    def test_lines_are_printed_for_whose_mark_it_is(self, cache_of_dev):
        def told(source, to):
            return here(self.folder, "handover", "CachedContent/one", "--stack", source, "--to", to).stdout

        assert "It carries the mark of stack dev." in told("dev", "prod")
        assert "It carries the mark of stack dev." in told("prod", "other")
        assert "gemctl.yaml" not in told("other", "dev")
        assert self.names("dev") == {"CachedContent/one": cache_of_dev}

    def test_what_the_other_stack_has_lost_is_handed_over_again(self, cache_of_dev):
        assert self.hand_over().returncode == 0
        for file in ("state.json", "journal"):
            (self.folder / ".gemctl/prod" / file).unlink()
        (one,) = documents(here(self.folder, "orphans", "--json"))["orphans"]
        assert one["owner"] == "CachedContent/one, handed to prod"
        assert one["advice"] == "gemctl handover --stack dev CachedContent/one --to prod"
        assert here(self.folder, *one["advice"].split()[1:]).returncode == 0
        assert self.names("prod") == {"CachedContent/one": cache_of_dev}

    def test_what_the_other_stack_made_itself_stays(self, cache_of_dev):
        assert here(self.folder, "apply", "--yes", "--stack", "prod").returncode == 0
        assert "is bound already" in self.refused()

    def test_another_declaration(self, cache_of_dev):
        (self.folder / "one.yaml").write_text(cache("one", "New. " + TEXT).removesuffix("---\n"), encoding="utf-8")
        assert "is declared otherwise" in self.refused()

    def test_what_is_gone(self, cache_of_dev):
        call(self.app, "DELETE", cache_of_dev)
        assert "doesn't see" in self.refused()

    def test_what_is_only_recorded(self, shop):
        self.folder, self.app = shop
        manifest = "apiVersion: gemctl/v1\nkind: TokenPolicy\nmetadata: {name: x}\nspec: {uses: 1}\n"
        (self.folder / "policy.yaml").write_text(manifest, encoding="utf-8")
        assert here(self.folder, "apply", "--yes").returncode == 0
        done = here(self.folder, "handover", "TokenPolicy/x", "--to", "prod", "--json")
        assert codes(done) == ["E565"] and "only recorded" in done.stdout

    def test_what_gemctl_yaml_gives_to_the_first(self, cache_of_dev):
        line = f"dev: {{imports: {{CachedContent/one: {cache_of_dev}}}}}"
        (self.folder / "gemctl.yaml").write_text(PROJECT.replace("dev: {}", line), encoding="utf-8")
        assert "gemctl.yaml gives" in self.refused()

    def test_one_refusal_leaves_all_where_they_are(self, cache_of_dev):
        assert "CachedContent/two is not bound" in self.refused("CachedContent/two")
        assert self.names("dev") == {"CachedContent/one": cache_of_dev}

    def test_embedded_emulators_share_nothing(self, shop):
        self.folder, self.app = shop
        project = PROJECT.replace("{dev: {}, prod: {}", "{dev: {endpoint: emulator}, prod: {endpoint: emulator}")
        (self.folder / "gemctl.yaml").write_text(project, encoding="utf-8")
        (self.folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
        assert here(self.folder, "apply", "--yes").returncode == 0
        assert "Stack prod doesn't see" in self.refused()

    def test_a_running_job_comes_with_what_it_refers_to(self, cache_of_dev):
        job = (
            "---\napiVersion: gemctl/v1\nkind: BatchJob\nmetadata: {name: night}\nspec:\n  model: gemini-3.8-flash\n"
            "  requests: [{key: a, request: {contents: x, cachedContentRef: {name: one}}}]\n"
        )
        with (self.folder / "one.yaml").open("a", encoding="utf-8") as file:
            file.write(job)
        assert here(self.folder, "apply", "--yes").returncode == 0
        done = here(self.folder, "handover", "BatchJob/night", "--to", "prod", "--json")
        assert codes(done) == ["E565"] and "refers to CachedContent/one of stack dev" in done.stdout
        found = documents(self.hand_over("BatchJob/night"))["handedOver"]
        assert found == self.names("prod") and set(found) == {"BatchJob/night", "CachedContent/one"}
        kept = documents(here(self.folder, "plan", "--stack", "prod", "--json"))["changes"]
        assert {change["action"] for change in kept} == {"keep"}

    def test_rebuild_keeps_what_was_given_away(self, cache_of_dev):
        assert self.hand_over().returncode == 0
        assert here(self.folder, "state", "rebuild", "--stack", "dev").returncode == 0
        assert self.names("dev") == {}
        assert documents(here(self.folder, "state", "list", "--json"))["handedOver"] == [
            {"address": "CachedContent/one", "name": cache_of_dev, "to": "prod"}
        ]

    def test_a_job_that_is_being_given_is_not_stopped(self, shop, monkeypatch):
        from gemctl.workflows import handover

        self.folder, self.app = shop
        job = "apiVersion: gemctl/v1\nkind: BatchJob\nmetadata: {name: night}\nspec:\n  model: gemini-3.8-flash\n"
        (self.folder / "job.yaml").write_text(f"{job}  requests: [{{key: a, request: {{contents: x}}}}]\n", "utf-8")
        assert here(self.folder, "apply", "--yes").returncode == 0
        with monkeypatch.context() as patch:
            patch.setattr(handover, "write_found", lambda *_: {}["killed"])
            assert codes(here(self.folder, "handover", "BatchJob/night", "--to", "prod", "--json")) == ["E099"]
        done = here(self.folder, "cancel", "BatchJob/night", "--yes", "--json")
        assert done.returncode == 64 and "E007" in done.stdout
        assert [effect.kind for effect in self.app.effects if effect.kind in ("created", "ended")] == ["created"]

    def test_what_is_being_given_is_neither_renamed_nor_forgotten(self, cache_of_dev, monkeypatch):
        from gemctl.workflows import handover

        def dies(*_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(handover, "write_found", dies)
            assert codes(self.hand_over()) == ["E090"]
        for words in (("state", "rm", "CachedContent/one"), ("state", "mv", "CachedContent/one", "CachedContent/two")):
            done = here(self.folder, *words, "--json")
            assert codes(done) == ["E007"] and "handover CachedContent/one --to prod" in done.stdout
        made = documents(here(self.folder, "plan", "--json"))
        assert [(c["action"], c["note"]) for c in made["changes"]] == [("keep", "it is being given to stack prod")]
        assert [one["code"] for one in made["diagnostics"]] == ["W565"]
        assert self.hand_over().returncode == 0
        assert (self.names("dev"), self.names("prod")) == ({}, {"CachedContent/one": cache_of_dev})


def test_get_names_the_stacks_of_the_project(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    assert here(folder, "apply", "--yes", "--stack", "prod").returncode == 0
    made_by_hand(app, marked("else", "prod", "CachedContent/one"))
    assert here(folder, "apply", "--yes").returncode == 0
    made_by_hand(app, marked("abcd1234", "dev", "CachedContent/one"))
    made_by_hand(app, marked("abcd1234", "dev", "CachedContent/gone"))
    made_by_hand(app, "by hand")
    shown = documents(here(folder, "get", "--json"))
    assert {(one["owner"], one["relation"], one["address"], one["stack"]) for one in shown["objects"]} == {
        ("CachedContent/one", "bound", "CachedContent/one", None),
        ("CachedContent/one (not bound)", "unbound", "CachedContent/one", None),
        ("this stack (not known)", "unknown", None, None),
        ("stack prod", "otherStack", None, "prod"),
        ("another project", "otherProject", None, None),
        (None, "unmarked", None, None),
    }


def test_what_another_stack_finds_again_is_not_taken_over(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    name = made_by_hand(app, marked("abcd1234", "prod", "CachedContent/one"))
    done = here(folder, "import", "CachedContent/one", name, "--take-over", "--json")
    assert codes(done) == ["E564"] and "gemctl apply --stack prod" in done.stdout
    done = here(folder, "import", "--from-live", "CachedContent", name, "--take-over", "--json")
    assert codes(done) == ["E564"] and "gemctl apply --stack prod" in done.stdout
    found = documents(here(folder, "import", "--from-live", "CachedContent", "--all", "--take-over", "--json"))
    assert found["documents"] == [] and "gemctl apply --stack prod" in found["leftOut"][name]


def test_what_another_stack_has_let_go_is_taken_over(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    name = made_by_hand(app, marked("abcd1234", "prod", "CachedContent/two"))
    done = here(folder, "import", "CachedContent/one", name, "--take-over")
    assert done.returncode == 0 and "It carries the mark of stack prod." in done.stdout


def test_the_stack_that_has_let_go_is_told(shop):
    """It never takes back by its mark what was taken over, also before gemctl.yaml says so."""
    folder, app = shop
    both = cache("one") + cache("two").removesuffix("---\n")
    (folder / "all.yaml").write_text(both, encoding="utf-8")
    assert here(folder, "apply", "--yes", "--stack", "prod").returncode == 0
    name = documents(here(folder, "output", "--json", "--stack", "prod"))["outputs"]["CachedContent/two"]["name"]
    assert here(folder, "state", "rm", "CachedContent/two", "--stack", "prod").returncode == 0
    (folder / "all.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    assert here(folder, "import", "CachedContent/one", name, "--take-over").returncode == 0
    (folder / "all.yaml").write_text(both, encoding="utf-8")
    made = documents(here(folder, "plan", "--json", "--stack", "prod"))["changes"]
    assert [(c["address"], c["action"]) for c in made] == [
        ("CachedContent/one", "keep"),
        ("CachedContent/two", "create"),
    ]
    listed = documents(here(folder, "state", "list", "--json", "--stack", "prod"))["handedOver"]
    assert listed == [{"address": "CachedContent/one", "name": name, "to": "dev"}]
    assert not app.bugs


def test_what_a_stack_that_can_not_be_asked_may_hold_is_not_taken_over(shop):
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    name, other = made_by_hand(app, marked("abcd1234", "prod", "CachedContent/two")), made_by_hand(app, "by hand")
    (folder / ".gemctl/prod").mkdir(parents=True)
    (folder / ".gemctl/prod/state.json").write_text("{", encoding="utf-8")
    done = here(folder, "import", "CachedContent/one", name, "--take-over", "--json")
    assert codes(done) == ["E564"]
    done = here(folder, "import", "CachedContent/one", other)
    assert done.returncode == 0 and "W562" in done.stderr and "Stack prod" in done.stderr


def test_an_object_of_another_stack_does_not_become_an_older_generation(shop):
    """It carries the mark of what is bound here, and was handed over since."""
    folder, app = shop
    (folder / "one.yaml").write_text(cache("one").removesuffix("---\n"), encoding="utf-8")
    assert here(folder, "apply", "--yes").returncode == 0
    name = documents(here(folder, "output", "--json"))["outputs"]["CachedContent/one"]["name"]
    assert here(folder, "handover", "CachedContent/one", "--to", "prod").returncode == 0
    (folder / "one.yaml").write_text(cache("one", "New. " + TEXT).removesuffix("---\n"), encoding="utf-8")
    assert here(folder, "apply", "--yes").returncode == 0
    done = here(folder, "import", "CachedContent/one", name, "--take-over", "--json")
    assert codes(done) == ["E564"]
    assert [effect.kind for effect in app.effects] == ["created", "created"]
