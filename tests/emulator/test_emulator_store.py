"""What a folder remembers: after a kill at any byte, between processes, and in the long run."""

import json
import random
import stat
import subprocess
import sys
import threading
import time

import pytest

from gemctl.emulator import world as world_module
from gemctl.emulator.app import App, Request
from gemctl.emulator.folder import StoreDamaged
from gemctl.emulator.store import FileStore, MemoryStore
from gemctl.emulator.world import World

BODY = json.dumps(
    {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "x" * 5000}]}], "displayName": "ü"}
).encode()
HEADERS = {"x-goog-api-key": "k"}


def ask(app, method, path, body=b""):
    return app.handle(Request(method, f"/v1beta/{path}", (), HEADERS, body))


def create(app):
    response = ask(app, "POST", "cachedContents", BODY)
    assert response.status == 200, response.body
    return json.loads(response.body)["name"]


def listed(app):
    caches = json.loads(ask(app, "GET", "cachedContents").body).get("cachedContents", [])
    return [cache["name"] for cache in caches]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "emulator"


def test_a_new_process_sees_the_same_world(store, clock):
    first = App(World(store, now=clock))
    a, b = create(first), create(first)
    clock.advance(10)
    ask(first, "PATCH", a, b'{"ttl":"5000s"}')
    ask(first, "DELETE", b)
    second = App(World(store, now=clock))
    assert ask(second, "GET", a).body == ask(first, "GET", a).body
    assert second.effects == first.effects
    clock.advance(5000)
    assert listed(second) == []
    assert first.effects == second.effects
    assert [effect.kind for effect in first.effects] == ["created", "created", "patched", "deleted", "expired"]


def test_two_processes_at_once(folder, clock):
    one, two = (App(World(FileStore(folder), now=clock)) for _ in range(2))
    names = []
    for _ in range(10):
        names += [create(one), create(two)]
    ask(two, "DELETE", names[0])
    assert listed(one) == listed(two) == names[:0:-1]
    assert [effect.seq for effect in one.effects] == list(range(1, 22))


def test_threads_of_many_processes(folder):
    def work():
        app = App(World(FileStore(folder)))
        for _ in range(20):
            create(app)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    effects = App(World(FileStore(folder))).effects
    assert [effect.seq for effect in effects] == list(range(1, 161))
    assert len({effect.name for effect in effects}) == 160


def test_a_kill_at_every_byte_of_the_last_line(folder, clock):
    app = App(World(FileStore(folder), now=clock))
    kept = [create(app), create(app)]
    create(app)
    log = folder / "world.jsonl"
    data = log.read_bytes()
    last = data.rindex(b"\n", 0, len(data) - 1) + 1
    for end in range(last, len(data)):
        log.write_bytes(data[:end])
        survivor = App(World(FileStore(folder), now=clock))
        assert listed(survivor) == kept[::-1]
        name = create(survivor)
        assert listed(App(World(FileStore(folder), now=clock))) == [name, *kept[::-1]]
        assert len(log.read_bytes().splitlines()) == 4


def test_a_kill_at_every_byte_of_the_first_line(folder):
    App(World(FileStore(folder))).effects  # noqa: B018  writes the header
    log = folder / "world.jsonl"
    data = log.read_bytes()
    for end in range(len(data)):
        log.write_bytes(data[:end])
        assert len(listed(App(World(FileStore(folder))))) == 0
        assert log.read_bytes() == data


def test_a_torn_line_of_another_process_is_cut_off_by_one_that_knows_the_file(folder):
    app = App(World(FileStore(folder)))
    names = [create(app)]
    with (folder / "world.jsonl").open("ab") as log:
        log.write(b'{"seq":2,"torn')
    names.append(create(app))
    assert listed(App(World(FileStore(folder)))) == names[::-1]


def test_only_the_user_can_read_it(folder):
    create(App(World(FileStore(folder))))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_folder_that_is_removed_is_an_empty_world(folder):
    app = App(World(FileStore(folder)))
    create(app)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert listed(app) == []
    name = create(app)
    assert listed(App(World(FileStore(folder)))) == [name]


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"seq":9}\n', b'{"seq":9,"kind":"created"}\n', b"\x00\n"])
def test_damage_is_said_and_not_hidden(folder, line, caplog):
    app = App(World(FileStore(folder)))
    create(app)
    with (folder / "world.jsonl").open("ab") as log:
        log.write(line)
    for _ in range(2):
        response = ask(app, "GET", "cachedContents")
        assert response.status == 500
        assert b"delete" in response.body
        assert ask(App(World(FileStore(folder))), "GET", "cachedContents").status == 500
    assert not app.bugs
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_a_newer_format_is_refused(folder):
    folder.mkdir(parents=True)
    (folder / "world.jsonl").write_text('{"emulator":2}\n')
    with pytest.raises(StoreDamaged, match="format"), FileStore(folder).exclusive():
        FileStore(folder).read(None)


def test_a_full_disk_changes_nothing(store, clock, monkeypatch, caplog):
    app = App(World(store, now=clock))
    name = create(app)

    def full(record):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", full)
        assert ask(app, "DELETE", name).status == 500
    assert listed(app) == [name]
    assert len(app.effects) == 1


def test_a_long_log_is_compacted(folder, clock, monkeypatch):
    monkeypatch.setattr(world_module, "_MANY_DEAD", 40)
    app, other = (App(World(FileStore(folder), now=clock)) for _ in range(2))
    old = create(other)
    for _ in range(100):
        name = create(app)
        ask(app, "PATCH", old, b'{"ttl":"3600s"}')
        ask(app, "DELETE", name)
    assert len((folder / "world.jsonl").read_bytes().splitlines()) < 60
    assert len(app.effects) == 301  # the process that did it all still knows it all
    assert listed(other) == listed(app) == [old]
    new = create(other)
    assert listed(app) == [new, old]
    assert len({effect.seq for effect in other.effects}) == len(other.effects)
    assert app.effects[-1].seq == 302


def test_names_are_not_used_again(folder, clock):
    names = set()
    for _ in range(3):  # three processes that got the same seed
        names.add(create(App(World(FileStore(folder), now=clock, ids=random.Random(5)))))
    assert len(names) == 3


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_thousand_creates_are_not_quadratic(folder, kind):
    app = App(World(MemoryStore() if kind == "memory" else FileStore(folder)))

    def cost():
        """Of fifty, when nothing else took the processor's time meanwhile: the least of five goes."""
        taken = []
        for _ in range(5):
            start = time.process_time()
            for _ in range(50):
                create(app)
            taken.append(time.process_time() - start)
        return min(taken)

    first = cost()
    for _ in range(1000):
        create(app)
    assert cost() < 4 * first + 0.01


def test_processes_that_are_killed_lose_nothing_that_was_answered(folder):
    program = (
        "import json, sys\n"
        "from gemctl.emulator.app import App, Request\n"
        "from gemctl.emulator.store import FileStore\n"
        "from gemctl.emulator.world import World\n"
        "app = App(World(FileStore(sys.argv[1])))\n"
        "body = sys.argv[2].encode()\n"
        "while True:\n"
        "    answer = app.handle(Request('POST', '/v1/cachedContents', (), {'x-goog-api-key': 'k'}, body))\n"
        "    print(json.loads(answer.body)['name'], flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(folder), BODY.decode()]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answered = set()
    for worker in workers:
        answered |= {worker.stdout.readline().strip() for _ in range(50)}
    for worker in workers:
        worker.kill()
        # The last line may be torn by the kill: it was not answered then.
        answered |= {line.strip() for line in worker.communicate()[0].splitlines(True) if line.endswith("\n")}
    survivor = App(World(FileStore(folder)))
    effects = survivor.effects
    assert answered <= {effect.name for effect in effects}
    assert len(effects) - len(answered) <= 2  # at most one answer of each was not heard
    assert [effect.seq for effect in effects] == list(range(1, len(effects) + 1))
