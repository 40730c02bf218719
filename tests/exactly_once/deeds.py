"""Who may write to what in a shared world: known from what the service did and from what was asked for."""

from __future__ import annotations

from gemctl.emulator.app import App
from gemctl.emulator.records import fingerprint
from gemctl.emulator.world import World


class Watched(App):
    """Tells of each request that may have changed something, with what was remembered when it was sent."""

    def __init__(self, world: World, seen) -> None:
        super().__init__(world, min_cache_tokens=1)
        self.seen = seen
        self.remembered: dict[int, dict] = {}

    def handle(self, request):
        response = super().handle(request)
        if request.method != "GET":
            self.seen(self.remembered.pop(id(request), None))
        return response


class Deeds:
    """Who may write to which object: whoever made it, or was given it since. `rights` are fingerprints of keys."""

    def __init__(self, keys: dict[str, str]) -> None:
        self.rights: dict[str, frozenset[str]] = {}
        self.receivers: dict[str, str] = {}  # name → who gets it, while a handover is not finished
        self.names = {fingerprint(key): who for who, key in keys.items()}
        self.prints = {who: mark for mark, who in self.names.items()}
        self.problems: list[str] = []
        self._read = 0

    def give(self, name: str, *who: str) -> None:
        self.rights[name] = frozenset(self.prints[one] for one in who)

    def owners(self, name: str) -> set[str]:
        return {self.names[one] for one in self.rights.get(name, ())}

    def read(self, effects, then: dict | None) -> None:
        """The effects that are new. `then` are those when it was sent: what was on its way is no fault."""
        for effect in effects[self._read :]:
            mine = effect.key in self.names
            if effect.kind == "created":
                self.rights[effect.name] = frozenset({effect.key} if mine else ())
            elif effect.kind in ("patched", "deleted") and mine:
                allowed = self.rights.get(effect.name, frozenset()) | (then or {}).get(effect.name, frozenset())
                if effect.key not in allowed:
                    owners = ", ".join(sorted(self.owners(effect.name))) or "a stranger"
                    said = f"{self.names[effect.key]} {effect.kind} {effect.name}, which belongs to {owners}"
                    self.problems.append(said)
                if effect.key == self.receivers.get(effect.name):
                    self.rights[effect.name] = frozenset({effect.key})  # from now on nobody else's
        self._read = len(effects)
