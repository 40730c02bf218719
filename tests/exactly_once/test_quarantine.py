"""How long a create that was not answered is waited for, by the service's own time."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from values import START, ManualClock

from gemctl.api.server_clock import ServerClock
from gemctl.core.address import Address
from gemctl.core.clock import RESOLUTION
from gemctl.core.mark import address_tag
from gemctl.core.record import Intended, Intent, Op, fold
from gemctl.core.resource import Desired
from gemctl.workflows.look import look
from gemctl.workflows.wiring import Settings, connect, identity, open_session

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
stacks: {local: {endpoint: emulator}}
timing: {settle: 30s}
"""


def test_it_ends_when_settle_has_passed_whatever_part_of_a_second_was_not_told(tmp_path):
    (tmp_path / "gemctl.yaml").write_text(PROJECT)
    clock = ManualClock()
    session = open_session(Settings(str(tmp_path), {}, clock))
    line = connect(session)
    at = Address("CachedContent", "one")
    intent = Intent("i", Op.CREATE, at, START, address_tag(at), "a" * 13)
    nothing = session.store.nothing()
    session.store.begin(identity(session, line, None), nothing.ledger)
    session.store.finish(identity(session, line, None), fold(nothing.ledger, [Intended(intent)]))
    for seconds, waits in ((30.0, True), (30.9, True), (31.0, False)):
        clock.advance(START + timedelta(seconds=seconds) - clock.now())
        seen = look(session, line, Desired(), wait=None)
        assert bool(seen.ownership.unresolved) is waits, seconds
        told = [one.detail for one in seen.warnings if one.code == "W501"]
        assert bool(told) is waits and all("09:00:31" in text for text in told), (seconds, told)


@given(st.lists(st.floats(0.001, 40), min_size=1, max_size=12), st.floats(0, 0.999))
def test_what_seems_to_have_lasted_has_lasted_but_for_a_second(pauses, part):
    """The service's clock is `part` of a second off this machine's, and each answer takes no time."""
    clock = ManualClock()
    server = ServerClock(clock)
    seen = []
    for pause in pauses:
        clock.advance(pause)
        truth = clock.now() + timedelta(seconds=part)
        server.observe(truth.strftime("%a, %d %b %Y %H:%M:%S GMT"), clock.monotonic(), clock.monotonic())
        seen.append((truth, server.now()))
    for start, said in seen:
        for end, then in seen:
            assert end < start or end - start > then - said - RESOLUTION
