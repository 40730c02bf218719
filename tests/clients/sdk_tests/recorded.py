"""For each object of Google's that the SDK's tests name an object of the emulator, made when it is asked for.

Used by sdk_plugin. The tests were recorded against a project of Google's and name what was there then. Names are chosen
by the service, so what stands for them has others: `as_made` puts these in their place. Each test has its own.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

_GENERATING, _EMBEDDING = "gemini-2.5-flash:batchGenerateContent", "gemini-embedding-001:asyncBatchEmbedContent"
_GENERATE = {"key": "one", "request": {"contents": [{"parts": [{"text": "Hello!"}]}]}}
_EMBED = {"key": "one", "request": {"content": {"parts": [{"text": "Hello!"}]}}}
_FILES = {
    "files/0o9iyit198g1": "audio/mp4",
    "files/1g583ke2xdsn": "text/plain",
    "files/22xab9a8jp0v": "image/jpeg",
    "files/864z7ft4m14h": "image/png",
    "files/8q6j6weg80ey": "text/plain",
    "files/9tnpjy0re13a": "application/pdf",
    "files/az606f58k7zj": "image/png",
    "files/fq9r5ftyqrho": "video/mp4",
    "files/i2ojhd8z99uk": "video/mp4",
    "files/kje1wewvo85z": "image/jpeg",
    "files/mk4h34zkv33d": "text/plain",
    "files/mq9e3mg3u2y5": "application/jsonl",
    "files/n1gls7dyh90q": "text/plain",
    "files/s0pa54alni6w": "application/jsonl",
    "files/tyvaih24jwje": "video/mp4",
    "files/v200dhvn15h7": "application/pdf",
    "files/vjvu9fwk2qj8": "text/plain",
}
_STORES = (
    "5en07ei3kojo-yo8sjqgvx2xf",
    "7igesc9r2zw9-0mpxpsqubv7s",
    "acxjj7m366ln-aw6xyp94icll",
    "fr3l0ri2so25-a3r1ump9x821",
    "gzn7kdl2wpxl-4z2yqvuxbcxw",
    "my-file-search-store-l65kcyel9lkz",
    "my-file-search-store-vjtrjw6re8oz",
    "my-store-37cbhu1nw16r",
)


class Recorded:
    def __init__(self, url: str) -> None:
        self._url = url
        self._made: dict[str, str] = {}
        self._makers: dict[str, Callable[[], str]] = {
            "cachedContents/idv6zldt3p2f1lbm31vn41tx2ld42qngpcnka2s3": self._cache,
            "cachedContents/o239k1gxzz0juy9wqstndhncr85krehehf551hqh": self._cache,
            "batches/0yew7plxupyybd7appsrq5vw7w0lp3l79lab": lambda: self._batch(_GENERATING),
            "batches/70h2jo0ic2t1zejyl0p4jgi8mk1gj0wvjusv": lambda: self._ended(self._batch(_GENERATING)),
            "batches/z2p8ksus4lyxt25rntl3fpd67p2niw4hfij5": lambda: self._ended(self._batch(_GENERATING)),
            "batches/wdx71o8cgbzoa6gg3be1mg7g8ulrhapcjgo3": lambda: self._ended(self._batch(_EMBEDDING)),
            "batches/507oatd242het8ox60pwsmn7tcmtkrj8itff": lambda: self._ended(
                self._batch(_EMBEDDING, of_a_file=True)
            ),
        }
        for name, kind in _FILES.items():
            self._makers[name] = lambda kind=kind, name=name: self._file(kind, name)
        for store in _STORES:
            self._makers[f"fileSearchStores/{store}"] = self._store
        for document in ("01zyb2rig5gu", "uvmqjtmkm1h2"):
            name = f"fileSearchStores/fr3l0ri2so25-a3r1ump9x821/documents/asurveyofmodernistpoetrytxt-{document}"
            self._makers[name] = self._document
        # The longest first: a document's name begins with that of its store. Caches are named without their collection,
        # too.
        names = sorted(self._makers, key=len, reverse=True)
        short = {name.rpartition("/")[2]: name for name in names if name.startswith("cachedContents/")}
        self._names = re.compile("|".join(re.escape(name) for name in (*names, *short)))
        self._short = short

    def forget(self) -> None:
        """Another test begins."""
        self._made.clear()

    def as_made(self, text: str) -> str:
        return self._names.sub(lambda found: self._name(found[0]), text)

    def _name(self, recorded: str) -> str:
        if whole := self._short.get(recorded):
            return self._name(whole).rpartition("/")[2]
        if recorded not in self._made:
            self._made[recorded] = self._makers[recorded]()
        return self._made[recorded]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, kind: str = "") -> Any:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"x-goog-api-key": "any-word", "Content-Type": kind or "application/json"}
        if kind:
            headers["X-Goog-Upload-Protocol"] = "raw"
        request = urllib.request.Request(f"{self._url}/{path}", data, headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.load(answer)

    def _cache(self) -> str:
        words = [{"role": "user", "parts": [{"text": "word " * 40000}]}]
        return self._ask("POST", "v1beta/cachedContents", {"model": "models/gemini-2.5-flash", "contents": words})[
            "name"
        ]

    def _file(self, kind: str, name: str) -> str:
        line = _EMBED if name == "files/mq9e3mg3u2y5" else _GENERATE
        words = json.dumps(line) if kind == "application/jsonl" else "The words of a file. " * 1000
        file = self._ask("POST", "upload/v1beta/files?uploadType=media", words.encode(), kind)["file"]
        while file["state"] == "PROCESSING":
            time.sleep(0.05)
            file = self._ask("GET", f"v1beta/{file['name']}")
        return file["name"]

    def _batch(self, method: str, *, of_a_file: bool = False) -> str:
        line = _EMBED if method == _EMBEDDING else _GENERATE
        requests = {"requests": [{"request": line["request"], "metadata": {"key": "one"}}]}
        of = {"fileName": self._name("files/mq9e3mg3u2y5")} if of_a_file else {"requests": requests}
        return self._ask("POST", f"v1beta/models/{method}", {"batch": {"displayName": "one", "inputConfig": of}})[
            "name"
        ]

    def _ended(self, name: str) -> str:
        while not self._ask("GET", f"v1beta/{name}").get("done"):
            time.sleep(0.05)
        return name

    def _store(self) -> str:
        return self._ask("POST", "v1beta/fileSearchStores", {"displayName": "a store"})["name"]

    def _document(self) -> str:
        store = self._name("fileSearchStores/fr3l0ri2so25-a3r1ump9x821")
        path = f"upload/v1beta/{store}:uploadToFileSearchStore?uploadType=media"
        operation = self._ask("POST", path, b"A survey of modernist poetry. " * 100, "text/plain")
        while not operation.get("done"):
            time.sleep(0.05)
            operation = self._ask("GET", f"v1beta/{operation['name']}")
        return operation["response"]["documentName"]
