"""Enforces docs/architecture.md: which room may import from which, in which layer of its room a module stands, and
which modules are the doors of a library, the only ones that import it.

Reads the text of the modules, so that a forbidden import inside a function is found as well.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
from collections import Counter
from datetime import timedelta
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from gemctl.kinds import CATALOGUE

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gemctl"

# room → rooms it may import from (and itself)
ROOMS = {
    "core": set(),
    "files": {"core"},
    "schema": {"core"},
    "kinds": {"core", "schema"},
    "manifest": {"core", "files", "schema"},
    "plan": {"core"},
    "facts": {"core", "schema"},
    "cost": {"core"},
    "state": {"core", "files"},
    "api": {"core"},
    "render": {"core"},
    "emulator": set(),
    "outputs": {"core", "files", "api"},
    "engine": {"core", "api"},
    "workflows": {
        "core",
        "files",
        "schema",
        "kinds",
        "manifest",
        "plan",
        "facts",
        "cost",
        "state",
        "api",
        "emulator",
        "outputs",
        "engine",
    },
    "cli": {"core", "render", "workflows", "outputs", "engine"},
}
# room → all its modules, in layers from low to high: of its own room, a module may import from lower layers only.
# A * stands for those that are not named before.
LAYERS = {
    "core": "address clock frozen | execution extras json_text labels moment place scalar secret source"
            " | call diagnostic digest origin project quantities schedule | errors help lines mark money | codes"
            " | book cost live neighbours resource | change lifetime record generated_manifest"
            " | event kind live_session ownership plan | description graph legend members texts watch",
    "files": "git walk | attached disk | whole | kept",
    "schema": "shape spelling walk | cron describe scalars validation",
    "kinds": "api_types parts parts.domains parts.hooks parts.media_types parts.picture parts.protojson parts.recording"
             " parts.replies parts.rules parts.secret_values parts.skeletons parts.token_count"
             " | parts.environments parts.generation parts.line_text parts.live_rules parts.results parts.sent_media"
             " parts.tally | parts.contents parts.cuts parts.interactions | parts.lines | parts.merge | *",
    "manifest": "complaints desired_digest glance measured parts plain spans | alike | yaml"
                " | digests envelope find places refs unedited"
                " | across binary facts layers project remembered shaped stack"
                " | around drafts layout origins read schema"
                " | bind inputs root | load",
    "plan": "adopted diff file held limits moves ownership_words part steps wake | decisions | fields ours"
            " | lifetimes.policy | lifetimes.kept | lifetimes.forever | lifetimes.* members | lifetimes"
            " | chained | admit | asks compare guard order ownership unattended | refresh warn | make",
    "facts": "check read | listed",
    "cost": "media prices ceilings | advice spent spoken started | estimate",
    "state": "codec glance owner | journal store | join | local objects postgres shared",
    "api": "_httpx body dates keyring live reads | auth http1 retry server_clock | errors transport"
           " | _websockets answers | download upload | client | client_factory",
    "render": "fields money paint parts safe shell | texts whole | json human markup"
              " | description graph manifests models outline"
              " | annotations diagnostics help markdown progress generated_manifests trials watch | html sarif",
    "emulator": "expressions"
                " | chunks clock finishing folder logprobs loopback marks media pace patterns protocols reply_names"
                " rows seed_text sockets times usage wire wording"
                " | catalogue cors courier cron encodings faults instances multipart paging prices quota ranges scalars"
                " scripted seeds store tokens"
                " | access blobs calls live.channel live.terms model_changes records shapes thinking tool_use"
                " usage_metadata | answers live.registry partial"
                " | bill embeddings file_search_messages generation_rules knobs messages system_parameters world"
                " | file_search_rules generation_messages markers routing rules"
                " | agents deliveries gaos in_force openai_answers openai_messages openai_shapes struck surfaces"
                " tool_messages"
                " | exact openai_requests"
                " | agent_messages batch_messages live_messages surfaces.file_search_stores surfaces.files"
                " | batch_lines live.locks surfaces.file_search_documents surfaces.models"
                " | surfaces.generation upload_targets | whole_uploads"
                " | batch_work | batch_life interaction_contents"
                " | interaction_events interaction_messages interaction_rules"
                " | interaction_answers | interaction_hops | interaction_life | trigger_work"
                " | surfaces.openai_chat"
                " | surfaces.* | live live.closes live.conversation live.line live.profiles live.speech redaction"
                " | live.door live.handles live.setup seen | live.turns | live.dialogue | live.ears | live.session"
                " | live.guarded | app | certificate local_socket seed_work snapshots transport websocket"
                " | admin | server | testing | pytest_plugin",
    "engine": "explain machine making resolve settle survey | execute | count",
    "outputs": "publish receipts results_account results_keys results_parquet sinks"
               " | results_line results_place secrets | results_document results_shapes results_spool"
               " | results_source | results_files results_parts | results",
    "workflows": "completion declared live_probe naming planfile request sample schedules wiring"
                 " | changes choosing facts schema secrets show | look | money validate | ledger saving | plan"
                 " | act others | adopt apply orphans token | tick | *",
    "cli": "completing exits habits stopping term | layout shells | context | listing main | checking planning"
           " | acting | all_stacks"
           " | commands commands.*",
}  # fmt: skip
# library → the modules through which it comes in
DOORS = {
    "click": {"cli.*"},
    "cronsim": {"schema.cron"},
    "cryptography": {"emulator.certificate"},
    "deepdiff": {"plan.diff"},
    "h11": {"api.http1"},
    "httpx": {"api._httpx", "emulator.transport"},
    "pydantic": {"schema.scalars", "schema.shape", "schema.validation", "kinds.*", "manifest.envelope",
                 "manifest.facts", "manifest.places", "manifest.project", "manifest.shaped", "plan.file",
                 "state.codec"},
    "pydantic_core": {"schema.scalars", "schema.shape"},
    "certifi": {"api.transport", "workflows.serve"},
    "keyring": {"api.keyring"},
    "prometheus_client": {"workflows.metrics"},
    "rich": {"render.progress"},
    "obstore": {"state.objects"},
    "psycopg": {"state.postgres"},
    "pyarrow": {"outputs.results_parquet"},
    "pytest": {"emulator.pytest_plugin"},
    "starlette": {"emulator.server", "emulator.websocket"},
    "websockets": {"api._websockets"},
    "uvicorn": {"emulator.protocols", "emulator.server"},
    "yaml": {"emulator.seed_text", "manifest.yaml"},
}  # fmt: skip
PURE = ("core", "schema", "kinds", "plan", "facts", "cost", "manifest.yaml", "manifest.bind", "manifest.envelope",
        "manifest.across", "manifest.alike", "manifest.around", "manifest.desired_digest", "manifest.complaints",
        "manifest.drafts", "manifest.parts", "manifest.shaped", "manifest.spans",
        "manifest.refs", "manifest.facts", "manifest.layers", "manifest.measured", "manifest.origins",
        "manifest.glance", "manifest.layout", "manifest.plain", "manifest.schema", "manifest.unedited",
        "render.manifests", "render.generated_manifests", "render.human", "render.json", "render.diagnostics",
        "render.safe", "render.annotations", "render.sarif",
        "render.paint", "render.outline", "render.markdown", "render.markup", "render.html", "render.graph",
        "render.help", "render.description", "render.watch", "render.whole", "render.fields", "render.money",
        "render.models",
        "engine.machine", "engine.explain", "outputs.results_account", "state.codec", "state.glance",
        "state.join", "state.journal",
        "api.retry", "api.errors", "api.body")  # fmt: skip
WORLDLY = {"os", "pathlib", "time", "random", "socket", "subprocess", "asyncio", "threading", "tempfile", "shutil",
           "urllib.request", "http", "secrets", "signal", "io", "queue", "concurrent"}  # fmt: skip
NOWISH = {"now", "today", "utcnow"}


PATHS = {".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
         for path in sorted(PACKAGE.rglob("*.py"))}  # fmt: skip


def modules():
    """(name below gemctl, syntax tree) of every module."""
    for name, path in PATHS.items():
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    """Every imported module, or what is imported from it, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _through(name, doors):
    return any(name == door or (door.endswith("*") and name.startswith(door[:-1])) for door in doors)


def _layer(name):
    """The number of a module's layer in its room; None for a room's own __init__."""
    room, _, module = name.partition(".")
    layers = LAYERS.get(room, "").split(" | ")
    return next((number for number, layer in enumerate(layers) if _through(module, layer.split())), None)


def inside(name, tree):
    """The modules of gemctl that this one imports, with the lines."""
    for target, line in imports(tree):
        below = target.removeprefix("gemctl.")
        module = below if below in PATHS else below.rpartition(".")[0]
        if target.startswith("gemctl.") and module in PATHS and module != name:
            yield module, line


def violations(name, tree):
    """What this module imports or calls and its room may not."""
    room = name.partition(".")[0]
    pure = any(name == module or name.startswith(module + ".") for module in PURE)
    for target, line in imports(tree):
        top = target.partition(".")[0]
        if target.startswith("gemctl."):
            other = target.split(".")[1]
            if room in ROOMS and other in ROOMS and other != room and other not in ROOMS[room]:
                yield f"{name}:{line}: {room} may not enter {other}"
            if room == "kinds" and target.count(".") >= 2 and name.count(".") and not target.startswith(
                ("gemctl.kinds.api_types", "gemctl.kinds.parts", "gemctl.core", "gemctl.schema")
            ):  # fmt: skip
                yield f"{name}:{line}: a kind may not know another kind ({target})"
        elif top in DOORS:
            if not _through(name, DOORS[top]):
                yield f"{name}:{line}: {top} comes in through {', '.join(sorted(DOORS[top]))} only"
        elif top not in sys.stdlib_module_names and top != "gemctl":
            yield f"{name}:{line}: {top} has no door"
        if pure and any(target == worldly or target.startswith(worldly + ".") for worldly in WORLDLY):
            yield f"{name}:{line}: a pure module may not import {target}"
    for other, line in inside(name, tree):
        mine, theirs = _layer(name), _layer(other)
        if other.startswith(f"{room}.") and mine is not None and theirs is not None and mine <= theirs:
            yield f"{name}:{line}: {other} is in no lower layer of {room}"
    for node in ast.walk(tree):
        if pure and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NOWISH:
            yield f"{name}:{node.lineno}: a pure module may not ask what time it is"


def test_every_module_keeps_to_its_room():
    assert [line for name, tree in modules() for line in violations(name, tree)] == []


def test_every_module_is_in_a_room():
    rooms = {name.partition(".")[0] for name, _ in modules()} - {"", "__init__", "__main__"}
    assert rooms == set(ROOMS)


def test_every_module_is_in_one_layer():
    named = Counter(f"{room}.{module}" for room, layers in LAYERS.items() for module in layers.replace("|", "").split())
    assert set(named.values()) == {1}
    assert {name for name in named if name not in PATHS and not name.endswith("*")} == set()
    assert {name for name in PATHS if "." in name and _layer(name) is None} == set()


def circle(trees):
    """Modules that import each other, in a circle; None where there is none. Imports for types alone count as well."""
    try:
        TopologicalSorter({name: {other for other, _ in inside(name, tree)} for name, tree in trees}).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def test_no_modules_import_each_other():
    assert circle(modules()) is None


def test_a_circle_is_caught():
    lines = {"plan.diff": "import gemctl.plan.part", "plan.part": "from gemctl.plan import diff"}
    assert set(circle((name, ast.parse(line)) for name, line in lines.items())) == set(lines)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core.address", "from gemctl.plan import diff"),
        ("plan.compare", "import gemctl.kinds.cached_content"),
        ("plan.compare", "from gemctl.state.codec import Identity"),
        ("plan.compare", "import deepdiff"),
        ("plan.guard", "from datetime import datetime\ndatetime.now()"),
        ("plan.order", "import os"),
        ("plan.order", "def f():\n    import random"),
        ("kinds.cached_content", "from gemctl.kinds.file import FileKind"),
        ("kinds.parts.contents", "from gemctl.kinds.file import FileKind"),
        ("kinds.cached_content", "import httpx"),
        ("manifest.bind", "import yaml"),
        ("manifest.bind", "from gemctl.kinds import CATALOGUE"),
        ("render.human", "from gemctl.workflows.plan import Planned"),
        ("render.human", "import rich.text"),
        ("emulator.world", "from gemctl.core.moment import parse_instant"),
        ("emulator.world", "import httpx"),
        ("engine.machine", "import threading"),
        ("engine.execute", "from gemctl.cli.term import Terminal"),
        ("outputs.results", "from gemctl.engine.machine import Reap"),
        ("manifest.load", "from gemctl.outputs.receipts import with_receipts"),
        ("workflows.apply", "from gemctl.render import human"),
        ("workflows.apply", "import click"),
        ("cli.main", "from gemctl.plan.make import make"),
        ("cli.main", "import requests"),
        ("api.client", "import httpx"),
        ("plan.diff", "from gemctl.plan.compare import compare"),
        ("plan.compare", "from gemctl.plan import order"),
        ("plan.decisions", "import gemctl.plan.ours"),
        ("engine.machine", "if TYPE_CHECKING:\n    from gemctl.engine.execute import Inputs"),
        ("workflows.wiring", "def f():\n    from gemctl.workflows.look import look"),
        ("emulator.surfaces.files", "from gemctl.emulator.surfaces import batches"),
        ("kinds.parts.contents", "from gemctl.kinds.parts import lines"),
        ("cli.context", "from gemctl.cli.commands.plan import plan"),
    ],
)
def test_a_violation_is_caught(module, line):
    assert list(violations(module, ast.parse(line)))


def test_the_architecture_page_shows_this_table():
    """docs/architecture.md has one row a room: | `plan` | core | deepdiff (`diff.py`), … |"""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for room, allowed in ROOMS.items():
        row = re.search(rf"^\| `{room}` \| ([^|]*) \| ([^|]*) \|$", page, re.MULTILINE)
        assert row, f"no row for {room}"
        assert set(re.findall(r"[a-z]+", row.group(1))) - {"nothing"} == allowed, room
        libraries = {library for library, doors in DOORS.items() if any(d.startswith(room + ".") for d in doors)}
        assert {library for library in DOORS if re.search(rf"\b{library}\b", row.group(2))} == libraries, room


def test_frozen_values_are_made_by_core():
    """Which does it quickly. The emulator imports no other room, `--help` nothing of core, and one class is ordered."""
    slow = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
        if any(alias.name == "dataclass" for alias in node.names)
        if not name.startswith("emulator") and "frozen=True" in PATHS[name].read_text(encoding="utf-8")
    }
    assert slow == {"core.address", "render.paint"}


def test_a_public_class_has_a_name_of_its_own():
    """Outside of the emulator, whose words are those of the service."""
    public = Counter(
        node.name
        for name, tree in modules()
        if not name.startswith("emulator")
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in public.items() if count > 1} == set()


# A kind is known in kinds/, in the emulator, and in texts about it. Elsewhere it is a value that is handed over.
FACTS = {"failedRequestCount", "resultsInline", "endTime", "responsesFile"}
HOURS = {timedelta(hours=24), timedelta(hours=25), timedelta(hours=48)}
KNOWN_ALL_THE_SAME = {
    ("api.auth", "auth_tokens"): "what is given for a key and is none, whatever has minted it",
    ("core.address", "CachedContent"): "an example of an address, for people",
    ("manifest.project", "CachedContent"): "an example of an address, for people",
    ("manifest.project", "cachedContents"): "an example of a live name, for people",
    ("plan.ownership", "2 days, 0:00:00"): "how long any request may be on its way",
    ("workflows.init", "CachedContent"): "the project that `gemctl init` writes",
}


def docstrings(tree):
    for node in ast.walk(tree):
        first = node.body[0] if isinstance(getattr(node, "body", None), list) and node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            yield first.value


def knowledge(tree):
    """What this module's code knows of kinds: names, collections, facts, and the hours of lifetimes."""
    names = {*CATALOGUE, *FACTS, *(kind.collection for kind in CATALOGUE.values())}
    names -= {"files", "credentials"}  # common words: `files/` only as the beginning of a live name
    prose = {id(text) for text in docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from sorted(names & set(re.findall(r"\w+", node.value)))
            yield from (word for word in ("files/",) if node.value.startswith(word))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "timedelta":
            with contextlib.suppress(ValueError):  # not made of numbers alone
                given = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
                if (span := timedelta(*map(ast.literal_eval, node.args), **given)) in HOURS:
                    yield str(span)


def test_no_common_room_knows_a_kind():
    found = {
        (name, what)
        for name, tree in modules()
        if name.partition(".")[0] not in ("kinds", "emulator") and name != "core.codes"
        for what in knowledge(tree)
    }
    assert found == set(KNOWN_ALL_THE_SAME)


@pytest.mark.parametrize(
    "line",
    [
        "if kind == 'CachedContent': pass",
        "def f():\n    return 'batches/x'",
        "path = f'files/{name}'",
        "entry.get('failedRequestCount')",
        "LIFE = timedelta(hours=48)",
        "LIFE = timedelta(2)",
        "x = timedelta(days=1, hours=1)",
    ],
)
def test_knowledge_of_a_kind_is_found(line):
    assert list(knowledge(ast.parse(line)))


def test_prose_and_other_times_are_no_knowledge():
    assert not list(knowledge(ast.parse('"""About a BatchJob."""\ntimedelta(minutes=10)\ntimedelta(hours=n)')))
