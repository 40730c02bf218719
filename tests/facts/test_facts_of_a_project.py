"""The project's own file of facts through the command line: it counts, it is checked, and a wrong one is never in the
way of keeping what is live, of deleting it, or of looking at it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.cli_world import cache, here, make_project
from watch.watch_world import PROJECT, Place

HEAD = "apiVersion: gemctl/v1\nkind: Facts\n"
WRONG = f"{HEAD}models: {{gemini-3.8-flash: {{prices: [{{input: 0.10}}]}}}}\n"


def project(folder: Path, facts: str | None, more: str = "") -> Path:
    make_project(folder)
    with (folder / "gemctl.yaml").open("a") as file:
        file.write(f"facts: facts.yaml\n{more}")
    if facts is not None:
        (folder / "facts.yaml").write_text(facts)
    return folder


@pytest.mark.parametrize(
    ("facts", "place", "said"),
    [
        ("models: {gemini-3.8-flash: {instead: gemini-9}}", "3:38", "Nothing is known of gemini-9"),
        ("models: {a: {redirect: {to: b, at: '2027-01-01'}}}", "3:29", "Nothing is known of b"),
        (
            "models:\n  a: {redirect: {to: b, at: '2027-01-01'}}\n  b: {redirect: {to: a, at: '2027-02-01'}}",
            "4:22",
            "a is answered by itself in the end",
        ),
        ("models: {a: {media: gemini9}}", "3:21", "There is no such table; there are gemini"),
        ("aliases: {gemini-3.8-flash: gemini-3.6-flash}", "3:29", "gemini-3.8-flash is a model of its own"),
        ("aliases: {ours: theirs}", "3:17", "Nothing is known of theirs"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_place(tmp_path, facts, place, said) -> None:
    done = here(project(tmp_path, f"{HEAD}{facts}\n"), "validate")
    assert done.returncode == 1
    assert f"facts.yaml:{place}: error[E028]" in done.stderr
    assert said in done.stderr


def test_a_model_may_be_replaced_by_one_that_the_file_itself_has(tmp_path) -> None:
    facts = f"{HEAD}models:\n  a: {{instead: b, redirect: {{to: b, at: '2027-01-01'}}}}\n  b: {{}}\naliases: {{c: b}}\n"
    assert here(project(tmp_path, facts), "validate").returncode == 0


def test_a_file_that_is_missing_is_said_where_it_is_named(tmp_path) -> None:
    folder = project(tmp_path, None)
    line = (folder / "gemctl.yaml").read_text().splitlines().index("facts: facts.yaml") + 1
    for command in (("validate",), ("plan",), ("models",)):  # the plan makes a cache
        done = here(folder, *command)
        assert (done.returncode, f"gemctl.yaml:{line}:8: error[E120]" in done.stderr) == (1, True), command


@pytest.mark.parametrize("file", ["caches.yaml", "facts.yaml"])
def test_a_wrong_file_is_the_only_thing_that_is_said_of_its_models(tmp_path, file) -> None:
    """A model that only the project's own facts have is not said to be unknown because they can't be read."""
    folder = project(tmp_path, f"{HEAD}models: {{gemini-mine: {{methods: [createCachedContent]}}}}\n")
    manifest = folder / "caches.yaml"
    manifest.write_text(manifest.read_text().replace("spec:\n", "spec:\n  model: gemini-mine\n"))
    assert "W242" not in here(folder, "plan").stderr
    if file == "facts.yaml":
        (folder / file).write_text("models: [\n")
        said = here(folder, "plan").stderr
        assert said.count("error[E101]") == 1
        assert "W242" not in said


def test_a_file_that_nothing_names_is_no_manifest(tmp_path) -> None:
    folder = make_project(tmp_path)
    (folder / "facts.yaml").write_text(f"{HEAD}aliases: {{ours: gemini-3.8-flash}}\n")
    done = here(folder, "validate")
    assert done.returncode == 1
    assert done.stderr.count("error[") == 1
    assert "facts.yaml:2:7: error[E204]" in done.stderr
    assert "name it with `facts: FILE` in gemctl.yaml" in done.stderr


def test_it_is_checked_where_nothing_has_a_model_too(tmp_path) -> None:
    folder = project(tmp_path, WRONG)
    (folder / "caches.yaml").unlink()
    done = here(folder, "plan")
    assert (done.returncode, "facts.yaml:3:46: warning[W583]" in done.stderr) == (0, True)
    assert here(folder, "validate").returncode == 1


@pytest.mark.parametrize("facts", [WRONG, None])
def test_a_wrong_file_stops_what_is_made_and_nothing_else(tmp_path, facts) -> None:
    """Also with limits of money: what is renewed or deleted is compared with none then."""
    folder = project(tmp_path, f"{HEAD}aliases: {{ours: gemini-3.8-flash}}\n")
    assert here(folder, "apply", "--yes").returncode == 0
    (folder / "facts.yaml").unlink()
    if facts:
        (folder / "facts.yaml").write_text(facts)
    code = "E028" if facts else "E120"
    for command in (("plan",), ("apply", "--yes"), ("plan", "--destroy")):
        done = here(folder, *command)
        assert (done.returncode, done.stderr.count("warning[W583]")) == (0, 1), command
    assert here(folder, "apply", "--yes", "--refresh-only").returncode == 0
    manifest = folder / "caches.yaml"
    manifest.write_text(
        manifest.read_text() + cache("two").replace("apiVersion", "---\napiVersion", 1).removesuffix("---\n")
    )
    before = here(folder, "state", "show").stdout
    done = here(folder, "apply", "--yes")
    assert (done.returncode, done.stderr.count(f"error[{code}]")) == (1, 1)
    assert here(folder, "state", "show").stdout == before
    looked = here(folder, "cost", "--json")
    told = json.loads(looked.stdout)
    assert looked.returncode == 0
    assert [one["code"] for one in told["diagnostics"]] == [code]
    assert told["objects"][0]["hourly"]["low"] != "0"
    assert here(folder, "get", "CachedContent").returncode == 0
    assert here(folder, "destroy", "--yes").returncode == 0
    assert json.loads(here(folder, "get", "CachedContent", "--json").stdout)["objects"] == []


@pytest.mark.parametrize("limits", ["", "safety: {maxCost: 0.00001, maxMonthlyCost: 0.00001}\n"])
def test_a_wrong_file_lets_no_cache_end(tmp_path, limits) -> None:
    place = Place(tmp_path / "shop").applied()
    place.write("gemctl.yaml", f"{PROJECT}{limits}facts: facts.yaml\n")
    place.write("facts.yaml", WRONG)
    place.watch(until="3h")
    renewed = [line for line in place.lines if line.get("operation") == "update" and line.get("status") == "done"]
    assert len(renewed) >= 3
    told = [found["code"] for line in place.told("notice") for found in line["diagnostics"]]
    assert told == ["W583"]  # once, and not at each tick
    assert place.told("error") == []


def test_limits_name_their_place_and_those_of_a_flag_none(tmp_path) -> None:
    folder = project(tmp_path, f"{HEAD}aliases: {{ours: gemini-3.8-flash}}\n", "safety: {maxCost: 0.00001}\n")
    line = (folder / "gemctl.yaml").read_text().splitlines().index("safety: {maxCost: 0.00001}") + 1
    assert f"gemctl.yaml:{line}:19: error[E585]" in here(folder, "plan").stderr
    assert (
        "\nerror[E585]" in f"\n{here(folder, 'plan', '--allow-cost', '0.00001').stderr.split('embedded emulator')[-1]}"
    )


def test_what_costs_is_shown_whatever_the_manifests_say(tmp_path) -> None:
    folder = make_project(tmp_path)
    assert here(folder, "apply", "--yes").returncode == 0
    (folder / "caches.yaml").write_text("kind: [\n")
    done = here(folder, "cost", "--advice")
    assert done.returncode == 0
    assert "CachedContent/one" in done.stdout
    assert "There is no advice: the manifests can't be read." in done.stdout
    assert "caches.yaml:1:7: error[E101]" in done.stderr


def test_what_is_kept_alive_is_so_in_a_plan_of_another_part_too(tmp_path) -> None:
    """A plan that is not about a cache with a ttl still counts it for all months to come."""
    folder = make_project(tmp_path, "one", "two")
    first, second = (folder / "caches.yaml").read_text().split("---\n")
    (folder / "caches.yaml").write_text(first)
    (folder / "others.yaml").write_text(second)
    assert here(folder, "apply", "--yes").returncode == 0
    part = json.loads(here(folder, "plan", "others.yaml", "--json").stdout)["cost"]
    whole = json.loads(here(folder, "plan", "--json").stdout)["cost"]
    assert part["monthlyAfter"] == whole["monthlyAfter"]
