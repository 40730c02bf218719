"""Lists everything that the emulator serves, one line a kind. Called by `app`.

To add a kind: write a file beside this one that ends in a `SURFACE`, and name it here, under the first words of its
paths. A surface is opened when the first request for it comes: most runs need one or two.
"""

from importlib import import_module

from gemctl.emulator.routing import Surface

_BY_WORD = {
    "": ("openai_chat",),
    "agents": ("agents",),
    "auth_tokens": ("auth_tokens",),
    "batches": ("batches",),
    "cachedContents": ("cached_contents",),
    "chat": ("openai_chat",),
    "credentials": ("credentials",),
    "embeddings": ("openai_embeddings",),
    "fileSearchStores": ("file_search_stores", "file_search_documents", "uploads"),
    "files": ("files", "uploads"),
    "interactions": ("interactions",),
    "models": ("models", "batches", "generation"),
    "openai": ("openai_batches", "openai_chat", "openai_embeddings", "openai_images", "openai_models"),
    "tunedModels": ("models",),
    "triggers": ("triggers", "trigger_executions"),
    "uploads": ("uploads",),
    "webhooks": ("webhooks",),
}


def serving(word: str) -> tuple[Surface, ...]:
    """The surfaces that have paths with this first word behind the version, or collections that begin with it."""
    return tuple(_surface(module) for module in _BY_WORD.get(word, ()))


def everything() -> tuple[Surface, ...]:
    """All surfaces."""
    return tuple(_surface(module) for module in sorted({each for modules in _BY_WORD.values() for each in modules}))


def _surface(module: str) -> Surface:
    found: Surface = import_module(f"{__name__}.{module}").SURFACE
    return found
