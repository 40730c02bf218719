"""Which fields are patched, and which make a new object: the three values of each, and its rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from plan_cases import KINDS, item, like, record
from values import START

from gemctl.core.change import FieldChange
from gemctl.core.kind import Rule
from gemctl.core.resource import Lifecycle
from gemctl.plan.decisions import UNKNOWN_SPEC
from gemctl.plan.fields import CHANGED_UNSEEN, Differences, differences, drifted

HOOK = KINDS["FakeWebhook"]
RULES = {
    "uri": Rule.UPDATABLE,
    "alias": Rule.UPDATABLE,
    "subscribedEvents": Rule.IMMUTABLE,
    "hidden": Rule.INPUT_ONLY,
    "secret": Rule.SENSITIVE,
    "aside": Rule.UNCOMPARED,
}
KIND = replace(HOOK, rules=MappingProxyType(RULES))
FIXED = replace(KIND, remote=replace(HOOK.remote, patch=None))
NOWHERE = replace(KIND, remote=None)
SENT = {"uri": "u", "subscribedEvents": ["e"], "hidden": "h", "secret": "s"}
RESOURCE, RECORD = like("FakeWebhook/hook", {}), record("FakeWebhook/hook", {"name": "h"}, START)
ITEM = item({"of": "FakeWebhook/hook", "name": "h"}, START)
SHOWN = {"uri": "u", "subscribedEvents": ["e"]}


def found(declared=SENT, sent=SENT, live=SHOWN, *, shown=None, kind=KIND, ignored=()):
    """The differences; `sent` is None where nobody knows what was sent."""
    resource = replace(RESOURCE, declared=replace(RESOURCE.declared, fields=declared), lifecycle=ignoring(*ignored))
    known = resource if sent is None or sent == declared else RESOURCE
    spec = "unknown" if sent is None else known.spec_tag
    bound = replace(RECORD, fields=sent, spec_tag=spec, shown=shown)
    return differences(kind, resource, bound, replace(ITEM, fields=live))


def ignoring(*names):
    return Lifecycle(ignore_changes=tuple((name,) for name in names))


def change(name, before, after):
    return FieldChange((name,), before, after)


URI, EVENTS = change("uri", "u", "v"), change("subscribedEvents", ["e"], ["f"])
HIDDEN, SECRET = change("hidden", "h", "i"), change("secret", "(secret)", "(secret) changed")


def test_nothing_differs():
    assert found() == Differences()
    assert Differences().all == ()
    assert Differences().edited is False


def test_what_was_edited():
    assert found({**SENT, "uri": "v"}) == Differences((URI,), (), True)
    assert found({**SENT, "secret": "t"}) == Differences((SECRET,), (), True)
    assert found({**SENT, "hidden": "i"}) == Differences((), (HIDDEN,), True)
    both = found({**SENT, "hidden": "i", "uri": "v", "subscribedEvents": ["f"]})
    assert (both.patch, set(both.anew), both.edited) == (
        (URI,),
        {change("hidden", "h", "i"), FieldChange(("subscribedEvents", 0), "e", "f")},
        True,
    )
    assert [one.path[0] for one in both.all] == ["hidden", "subscribedEvents", "uri"]
    assert found({**SENT, "uri": "v"}, kind=FIXED) == Differences((), (URI,), True)
    assert found({**SENT, "uri": "v"}, kind=NOWHERE) == Differences((), (URI,), True)
    assert found({**SENT, "uri": "v"}, ignored=["uri"]) == Differences()


def test_what_somebody_changed():
    """Shown otherwise than it was sent, and than it was shown then."""
    drift = {"uri": "w", "subscribedEvents": ["g"]}
    uri, events = change("uri", "w", "u"), change("subscribedEvents", ["g"], ["e"])
    assert found(live=drift, shown={}) == Differences((uri,), (events,), False)
    assert found(live=drift, shown=None) == Differences((uri,), (), False)
    assert found(live=drift, shown=drift) == Differences()
    assert found(live=drift, shown={"uri": "w"}) == Differences((), (events,), False)
    assert found(live=drift, shown={"uri": "x"}) == Differences((uri,), (events,), False)
    assert found(live=drift, shown={}, kind=FIXED) == Differences((), (events, uri), False)
    assert found(live=drift, shown=None, kind=FIXED) == Differences()
    assert found(live=drift, shown={}, ignored=["uri"]) == Differences((), (events,), False)
    assert found(live={"hidden": "x", "aside": "x"}, shown={}) == Differences()
    unseen = found(live=drift, shown={"subscribedEvents": None, "uri": None})
    assert unseen == Differences((uri,), (), False)  # what was not shown at first may always have been so


def test_what_carries_the_mark_of_what_is_declared_was_made_so():
    """After a state was lost nobody knows what was sent, and the object may have been patched since it was marked."""
    resource = replace(RESOURCE, declared=replace(RESOURCE.declared, fields=SENT))
    bound = replace(RECORD, fields=None, shown=None, spec_tag=resource.spec_tag)
    patched = replace(ITEM, fields={"uri": "w", "subscribedEvents": ["g"]})
    assert differences(KIND, resource, bound, patched) == Differences((change("uri", "w", "u"),), (), False)
    assert differences(KIND, resource, bound, replace(ITEM, fields=SHOWN)) == Differences()
    assert drifted(KIND, replace(bound, spec_tag="other"), patched, resource) == ()


def test_what_was_edited_counts_for_more_than_what_somebody_changed():
    drift = {"uri": "w", "subscribedEvents": ["g"]}
    events = change("subscribedEvents", ["g"], ["e"])
    assert found({**SENT, "uri": "v"}, live=drift, shown={}) == Differences((URI,), (events,), True)
    deep = FieldChange(("subscribedEvents", 0), "e", "f")
    uri = change("uri", "w", "u")
    assert found({**SENT, "subscribedEvents": ["f"]}, live=drift, shown={}) == Differences((uri,), (deep,), True)


def test_what_was_sent_is_not_known():
    """Then what is live is compared with what is declared; what can't be seen may be as it was."""
    alike = found(sent=None)
    hidden, secret = change("hidden", None, "h"), FieldChange(("secret",), None, "(secret)")
    assert alike == Differences((secret,), (FieldChange((), None, UNKNOWN_SPEC),), True)
    assert found({"uri": "v", "subscribedEvents": ["e"]}, None) == Differences((URI,), (), True)
    assert found({"uri": "u"}, None) == Differences((), (), True)
    assert found({"uri": "u"}, None, {}) == Differences((change("uri", None, "u"),), (), True)
    anew = found({**SENT, "subscribedEvents": ["f"]}, None)
    assert anew == Differences((secret,), (EVENTS, hidden), True)
    assert found({**SENT, "subscribedEvents": ["f"]}, None, ignored=["hidden", "secret"]) == Differences(
        (), (EVENTS,), True
    )
    other = found({"aside": 1}, None, {"aside": 1})
    assert other == Differences((), (change("aside", 1, 1),), True)
    unknown = (FieldChange((), None, UNKNOWN_SPEC),)
    assert found({**SENT, "uri": "v"}, None, kind=FIXED) == Differences((), unknown, True)
    assert found(sent=None, kind=NOWHERE) == Differences((), unknown, True)
    assert found({"subscribedEvents": ["e"]}, None, {"uri": "u"}) == Differences((), unknown, True)


def test_drift_of_what_was_sent():
    drift = replace(ITEM, fields={"uri": "w", "subscribedEvents": ["g"]})
    bound = replace(RECORD, fields=SENT, shown={})
    fields = (change("subscribedEvents", ["g"], ["e"]), change("uri", "w", "u"))
    assert drifted(KIND, bound, drift) == fields
    assert drifted(KIND, replace(bound, fields=None), drift) == ()
    named = replace(drift, fields={**drift.fields, "alias": "b"})
    alias = change("alias", "b", "a")
    assert drifted(KIND, replace(bound, fields={**SENT, "alias": "a"}), named) == (alias, *fields)
    ignores = replace(RESOURCE, lifecycle=ignoring("uri"))
    assert drifted(KIND, bound, drift, ignores) == fields[:1]
    deep = replace(RESOURCE, lifecycle=Lifecycle(ignore_changes=(("uri", "port"),)))
    ports = replace(ITEM, fields={"uri": {"port": 1, "host": "a"}})
    sent = replace(bound, fields={"uri": {"port": 2, "host": "a"}})
    assert drifted(KIND, sent, ports, deep) == ()
    assert drifted(KIND, replace(sent, fields={"uri": {"port": 2, "host": "b"}}), ports, deep) == (
        change("uri", {"port": 1, "host": "a"}, {"port": 2, "host": "b"}),
    )


def test_what_is_ignored_within_a_field():
    """Neither what the service fills in, nor how it has always shown another part, makes drift of what is ignored."""
    ignores = replace(RESOURCE, lifecycle=Lifecycle(ignore_changes=(("uri", "port"),)))

    def drift(live, shown):
        bound = replace(RECORD, fields={"uri": {"port": 1, "host": "a"}}, shown=shown)
        return drifted(KIND, bound, replace(ITEM, fields={"uri": live}), ignores)

    assert drift({"port": 2, "host": "a", "filled": True}, {}) == ()
    assert drift({"port": 2, "host": "A"}, {"uri": {"port": 1, "host": "A"}}) == ()
    found = {"port": 1, "host": "b"}
    assert drift(found, {}) == (change("uri", found, {"port": 1, "host": "a"}),)


def test_a_later_change_than_ours_may_be_of_all_that_is_not_shown():
    """Whoever made it: what can be patched is sent again, what is shown is compared as ever."""
    fields = {"uri": "u", "alias": "a", "secret": "s", "hidden": "h"}
    resource = replace(RESOURCE, declared=replace(RESOURCE.declared, fields=fields))
    bound = replace(RECORD, fields=fields, spec_tag=resource.spec_tag, shown={}, updated=START)
    later = replace(ITEM, fields={"uri": "u"}, updated=START + timedelta(seconds=1))
    secret = FieldChange(("secret",), "(secret)", "(secret) changed")
    alias = change("alias", CHANGED_UNSEEN, "a")
    assert differences(KIND, resource, bound, later) == Differences((alias, secret), (), False)
    assert differences(FIXED, resource, bound, later) == Differences()
    heeding = replace(resource, lifecycle=ignoring("secret", "alias"))
    assert differences(KIND, heeding, bound, later) == Differences()
    for item_, record_ in [(replace(later, updated=START), bound), (later, replace(bound, updated=None))]:
        assert differences(KIND, resource, record_, item_) == Differences()
    assert differences(KIND, resource, bound, replace(later, updated=None)) == Differences()
