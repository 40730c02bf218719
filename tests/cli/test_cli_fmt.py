"""`gemctl fmt`: which files it looks at, what it prints, and that it writes only what it should."""

from __future__ import annotations

import json

from cli_world import cache, here, make_project

MESSY = "kind: File\napiVersion: gemctl/v1\n# its name\nmetadata:\n    name:  a   # A\nspec: {source: a.txt}\n"
NEAT = "apiVersion: gemctl/v1\nkind: File\n# its name\nmetadata:\n  name: a   # A\nspec: {source: a.txt}\n"


def project(folder):
    make_project(folder)
    (folder / "below").mkdir()
    (folder / "below/file.yml").write_text(MESSY)
    (folder / "a.txt").write_text("a")
    return folder


def test_it_writes_once_and_says_which(tmp_path):
    shop = project(tmp_path)
    shop.joinpath("below/file.yml").chmod(0o640)
    for words in (["--check"], ["--diff"], ["--check", "--diff"], ["--check", "below"], ["--check", "below/file.yml"]):
        done = here(shop, "fmt", *words)
        assert done.returncode == int("--check" in words) and "below/file.yml" in done.stdout
        assert ("-    name:  a   # A\n+  name: a   # A" in done.stdout) == ("--diff" in words)
        assert (shop / "below/file.yml").read_text() == MESSY
    assert here(shop, "fmt", "--check", "caches.yaml", "gemctl.yaml").returncode == 0
    done = here(shop, "fmt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "below/file.yml\n", "")
    assert (shop / "below/file.yml").read_text() == NEAT
    assert (shop / "below/file.yml").stat().st_mode & 0o777 == 0o640
    before = (shop / "below/file.yml").stat().st_mtime_ns
    assert here(shop, "fmt").stdout == here(shop, "fmt", "--check").stdout == ""
    assert (shop / "below/file.yml").stat().st_mtime_ns == before


def test_gemctl_yaml_and_overlays_are_laid_out_and_what_is_not_ours_is_left_alone(tmp_path):
    shop = project(tmp_path)
    (shop / "gemctl.yaml").write_text(
        "stacks:\n    local:   {endpoint: emulator, overlays: [env]}\nkind: Project\napiVersion: gemctl/v1\n"
        "metadata: {name: shop, id: abcd1234}\n"
    )
    (shop / "env").mkdir()
    (shop / "env/file.yaml").write_text(MESSY)
    other = "services:\n    web:   {image: x}\n"
    (shop / "compose.yaml").write_text(other)
    done = here(shop, "fmt", "--json")
    assert json.loads(done.stdout) == {
        "formatVersion": "1",
        "files": ["gemctl.yaml", "below/file.yml", "env/file.yaml"],
        "written": True,
        "diagnostics": [],
    }
    assert (shop / "gemctl.yaml").read_text().startswith("apiVersion: gemctl/v1\nkind: Project\nmetadata:")
    assert (shop / "compose.yaml").read_text() == other


def test_a_file_that_can_not_be_read_is_reported_and_the_others_are_laid_out(tmp_path):
    shop = project(tmp_path)
    (shop / "broken.yaml").write_text("kind:   File\nspec: [\n")
    done = here(shop, "fmt")
    assert done.returncode == 1 and done.stdout == "below/file.yml\n"
    assert "broken.yaml:2:7: error[E101]" in done.stderr
    assert (shop / "broken.yaml").read_text() == "kind:   File\nspec: [\n"
    assert (shop / "below/file.yml").read_text() == NEAT
    done = here(shop, "fmt", "--check", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["diagnostics"][0]["code"] == "E101"


def test_a_path_that_leads_nowhere_and_a_folder_without_a_project(tmp_path):
    shop = project(tmp_path)
    assert "E120" in here(shop, "fmt", "nothing.yaml").stderr
    (tmp_path.parent / f"{tmp_path.name}-empty").mkdir()
    assert "E018" in here(tmp_path.parent / f"{tmp_path.name}-empty", "fmt").stderr


def test_what_was_laid_out_is_the_same_plan(tmp_path):
    shop = make_project(tmp_path)
    assert here(shop, "apply", "--yes").returncode == 0
    text = cache("one").removesuffix("---\n").replace("metadata: {name: one}\n", "")
    (shop / "caches.yaml").write_text(f"{text}metadata:\n     name: one\n")
    assert here(shop, "fmt").stdout == "caches.yaml\n"
    assert here(shop, "plan", "--detailed-exitcode").returncode == 0
