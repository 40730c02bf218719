"""Which clients there are, where the environment of each is, and the variables that its programs are run with.

A client is a folder with a file `requirements.txt`, or one below `node` with a `package.json`; its environment is
`.clients/<the same name>`, in a folder that git ignores. Made by install.py, used by the tests; apart from both, since
one runs without pytest, and the other without pip. The tools of tests/distribution are installed in the same way.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

DAY = "2026-11-28T09:00:00Z"  # of the emulator: which models answer, and for which others, changes on dates
HERE = Path(__file__).parent
ROOM = HERE.parent.parent / ".clients"
INSTALL = "python tests/clients/install.py"
TOOLS = "distribution"
NODE = 22  # the oldest version of Node that all clients of JavaScript run on
SYSTEM_CERTS = {"UV_SYSTEM_CERTS": "1"}  # uv brings its own, which know of no private index
NOWHERE = "http://127.0.0.1:9"  # a proxy that is not there: a call to outside fails, and says so


def clients() -> list[str]:
    """By name, such as `openai`, `google-genai/3.4.0` where two versions run the same examples, or `node/openai`."""
    files = [*HERE.rglob("requirements.txt"), *(HERE / "node").glob("*/package.json")]
    return [*sorted(str(file.parent.relative_to(HERE)) for file in files), TOOLS]


def in_javascript(client: str) -> bool:
    return client.startswith("node/")


def environment(client: str) -> Path:
    return ROOM / client


def program(client: str) -> Path:
    """Its examples: in its folder, or in the one above, which versions of a client share."""
    own = HERE / client / ("examples.mjs" if in_javascript(client) else "examples.py")
    return own if own.is_file() else own.parent.parent / "examples.py"


def python(client: str) -> Path:
    return environment(client) / "bin" / "python"


def requirements(client: str) -> Path:
    if client == TOOLS:
        return HERE.parent / TOOLS / "requirements.txt"
    return HERE / client / ("package.json" if in_javascript(client) else "requirements.txt")


def wanted(client: str) -> str:
    """What stands in the environment's stamp when it has what its requirements ask for."""
    return hashlib.sha256(requirements(client).read_bytes()).hexdigest()


@cache
def node() -> str:
    """The path of a Node that is new enough: this machine's, or the one that install.py got; nothing without one."""
    own = ROOM / "nodejs" / "node_modules" / ".bin" / "node"
    return next((str(path) for path in (shutil.which("node"), own) if path and _is_new_enough(path)), "")


def _is_new_enough(node: object) -> bool:
    try:
        said = subprocess.run([str(node), "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    return (found := re.match(r"v(\d+)", said)) is not None and int(found[1]) >= NODE


def stamp(client: str) -> Path:
    return environment(client) / "installed"


def installed(client: str) -> bool:
    return stamp(client).is_file() and stamp(client).read_text() == wanted(client)


def variables(url: str, home: Path) -> dict[str, str]:
    """What a program is run with: where the emulator is, nothing of the developer's own, and no way out."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONWARNINGS": "ignore",
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": "any-word",
        **proxies,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        # What clients would tell others, or ask of them, when they start.
        "DO_NOT_TRACK": "1",
        "OTEL_SDK_DISABLED": "true",
        "LANGSMITH_TRACING": "false",
        "LITELLM_TELEMETRY": "False",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HF_HUB_OFFLINE": "1",
        "NO_GCE_CHECK": "true",
        "GENKIT_ENV": "prod",
        "NODE_USE_ENV_PROXY": "1",
        "NODE_NO_WARNINGS": "1",
    }
