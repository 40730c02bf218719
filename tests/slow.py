"""A service that answers creates late, for those who want to be amid one."""

from __future__ import annotations

import threading

from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault


class Slow(App):
    """Says when so many creates have arrived: they have then taken effect, and are answered `delay` seconds later."""

    def __init__(self, creates: int, delay: float) -> None:
        super().__init__(faults=[Fault("slow", method="POST", delay=delay)])
        self.arrived = threading.Event()
        self._left = creates

    def handle(self, request):
        response = super().handle(request)
        self._left -= request.method == "POST"
        if self._left <= 0:
            self.arrived.set()
        return response

    def created(self):
        return [effect.display_name for effect in self.effects if effect.kind == "created"]
