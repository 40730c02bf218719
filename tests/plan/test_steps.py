"""Each step as a whole: its id, its call, and all that is to be remembered of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from plan_cases import KINDS, TAG, at, like, record
from values import START

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call
from gemctl.core.change import Action, Change, FieldChange, Reason
from gemctl.core.mark import Mark, address_tag, attempt_tag, read, read_id, write
from gemctl.core.plan import Step
from gemctl.core.record import Generation, Op, Origin, Record
from gemctl.core.resource import Harvest, Lifecycle, Receipt, Run, Ttl
from gemctl.plan import steps as make

CACHE, CLERK, HOOK, NIGHT, JOB = map(
    at, ("handbook", "FakeAgent/clerk", "FakeWebhook/hook", "FakeRun/night", "BatchJob/night")
)
FIVE = timedelta(minutes=5)
RULES = Lifecycle(prevent_destroy=True, retire=FIVE)


def declared(address: Address, **given):
    """With rules that are nobody's defaults."""
    return replace(like(str(address), given), lifecycle=RULES)


def mark_of(call: Call) -> Mark | None:
    return read(call.body["batch"]["displayName"])[1]


def told(resource, name="", marked=None, spec=None, **more) -> Record:
    """What is to be remembered of the resource, made as it is declared."""
    form = resource.declared
    return Record(
        name,
        spec or resource.spec_tag,
        Origin.CREATED,
        address_tag(resource.address) if marked is None else marked,
        form.fields,
        form.expiry,
        prevent_destroy=True,
        retire=FIVE,
        **more,
    )


def test_a_create_of_what_the_user_names():
    one = declared(CLERK)
    assert make.create(one, KINDS["FakeAgent"], TAG, 1) == Step(
        "FakeAgent/clerk:create",
        CLERK,
        Op.CREATE,
        "FakeAgent",
        Call("POST", "fakeAgents", body={"id": "clerk", "model": "m"}, repeatable=False),
        record=told(one, marked=""),
        shows={"id": "clerk", "model": "m"},
        chosen="fakeAgents/clerk",
    )


def test_a_create_of_what_the_service_names():
    """The mark is in the display name. What is shown is what can be read back and never changes."""
    one, kind = declared(CACHE), KINDS["CachedContent"]
    mark = Mark(TAG, address_tag(CACHE), one.spec_tag)
    assert make.create(one, kind, TAG, 1) == Step(
        "CachedContent/handbook:create",
        CACHE,
        Op.CREATE,
        "CachedContent",
        kind.remote.create(one, mark, 1),
        record=told(one),
        shows={"model": "models/gemini-2.5-flash"},
    )
    assert told(one).expiry == Ttl(timedelta(hours=24))
    hook = make.create(declared(HOOK), KINDS["FakeWebhook"], TAG, 1)
    assert (hook.shows, hook.chosen) == ({}, "")


def test_an_id_has_the_number_of_the_attempt():
    one = declared(at("File/handbook"))
    step = make.create(one, KINDS["File"], TAG, 3)
    mark, attempt = read_id(step.call.body["file"]["name"].removeprefix("files/"))
    assert (mark.owner, mark.address_tag, attempt) == (TAG, address_tag(one.address), 3)
    assert mark.of(one.spec_tag)


def test_a_run():
    one, kind = replace(declared(NIGHT), run=None), KINDS["FakeRun"]
    call = Call("POST", "fakeRuns", body={"model": "m", "input": "do it", "background": True}, repeatable=False)
    step = Step("FakeRun/night:create", NIGHT, Op.CREATE, "FakeRun", call, shows={"model": "m"})
    assert make.run(one, kind, TAG, 1) == replace(step, record=told(one, marked="", run=Run()))
    rules = Run(results="out", max_resubmits=3)
    again = told(one, marked="", spec=attempt_tag(one.spec_tag, 2), run=rules, attempt=2)
    assert make.run(replace(one, run=rules), kind, TAG, 2) == replace(step, record=again)
    receipt = Receipt(one.spec_tag, 1, "fakeRuns/r", Harvest("sha256:0", START, 0, 1), ("answer",))
    one = replace(one, run=rules, receipt=receipt)
    assert make.run(one, kind, TAG, 2) == replace(step, record=again)  # a part of it can't be run


def test_only_what_lacks_a_response_is_run_again():
    requests = [{"key": key, "request": {"contents": "some text"}} for key in ("one", "two")]
    one, kind = declared(JOB, like={"requests": requests}), KINDS["BatchJob"]
    receipt = Receipt(one.spec_tag, 1, "batches/b", Harvest("sha256:0", START, 1, 1), ("two",))

    def keys(resource, attempt):
        call = make.run(resource, kind, TAG, attempt).call
        assert mark_of(call) == Mark(TAG, address_tag(JOB), attempt_tag(one.spec_tag, attempt))
        rows = call.body["batch"]["inputConfig"]["requests"]["requests"]
        return [row["metadata"]["key"] for row in rows]

    assert keys(replace(one, receipt=receipt), 1) == ["one", "two"]
    assert keys(replace(one, receipt=receipt), 2) == ["two"]
    assert keys(replace(one, receipt=replace(receipt, without=())), 2) == ["one", "two"]
    assert keys(one, 2) == ["one", "two"]


def test_what_is_only_recorded():
    one, kind = declared(at("TokenPolicy/voice"), like={"uses": 1}), KINDS["TokenPolicy"]
    voice = one.address
    new = told(one, "TokenPolicy/voice")

    def step(action, resource):
        return make.record_only(Change(voice, action, Reason.DECLARED), resource, kind, TAG)

    def expected(op, record):
        ident = f"TokenPolicy/voice:{op.value}"
        return Step(ident, voice, op, "TokenPolicy", None, "TokenPolicy/voice", record=record)

    assert step(Action.CREATE, one) == expected(Op.CREATE, new)
    assert step(Action.UPDATE, one) == expected(Op.UPDATE, new)
    assert step(Action.DELETE, None) == expected(Op.DELETE, None)


def test_a_patch_names_the_fields_that_differ_and_keeps_the_mark():
    one, kind = declared(HOOK, like={"uri": "https://y.invalid"}), KINDS["FakeWebhook"]
    bound = record(
        "FakeWebhook/hook", {"name": "h", "shown": {"uri": "x", "else": 1}, "marked as": "FakeWebhook/old"}, START
    )
    fields = (FieldChange(("uri",), "https://x.invalid", "https://y.invalid"), FieldChange(("state",), None, None))
    change = Change(HOOK, Action.UPDATE, Reason.EDITED, "fakeWebhooks/h", fields)

    def patched(record, tag):
        body = {"uri": "https://y.invalid", "state": "enabled", "name": write("hook", Mark(TAG, tag, one.spec_tag))}
        new = replace(
            record,
            spec_tag=one.spec_tag,
            fields=one.declared.fields,
            prevent_destroy=True,
            retire=FIVE,
            shown={"else": 1},
        )
        return Step(
            "FakeWebhook/hook:update",
            HOOK,
            Op.UPDATE,
            "FakeWebhook",
            Call("PATCH", "fakeWebhooks/h", query=(("updateMask", "name,state,uri"),), body=body),
            "fakeWebhooks/h",
            record=new,
            shows={"uri": "https://y.invalid"},
        )

    step = make.patch(one, kind, change, bound, TAG)
    assert step == patched(bound, address_tag(at("FakeWebhook/old")))
    assert make.patch(one, kind, change, replace(bound, shown=None), TAG).record.shown is None
    every = replace(
        change, fields=tuple(FieldChange((name,), 0, 1) for name in sorted(one.declared.fields, reverse=True))
    )
    assert list(make.patch(one, kind, every, bound, TAG).shows) == ["subscribedEvents", "uri"]
    assert step.record.created == bound.created
    unmarked = replace(bound, address_tag="")
    assert make.patch(one, kind, change, unmarked, TAG) == patched(unmarked, address_tag(HOOK))
    with pytest.raises(TypeError, match="A FakeAgent can't be patched"):
        make.patch(declared(CLERK), KINDS["FakeAgent"], change, bound, TAG)


def test_the_end_is_moved():
    kind, bound = KINDS["CachedContent"], record("handbook", {"name": "a"}, START)
    call = Call("PATCH", "cachedContents/a", body={}, deadline=("expireTime",))
    moved = Step("?", CACHE, Op.UPDATE, "CachedContent", call, "cachedContents/a")
    assert make.renewal(CACHE, kind, "cachedContents/a", bound) == replace(
        moved, id="CachedContent/handbook:update", expiry=bound.expiry, record=bound
    )
    older = Generation(CACHE, "tag")
    assert make.retire(CACHE, kind, "cachedContents/a", older, Ttl(FIVE), START) == replace(
        moved, id="CachedContent/handbook:update:cachedContents/a", expiry=Ttl(FIVE), ceiling=START, older=older
    )
    with pytest.raises(TypeError):
        make.renewal(at("File/x"), KINDS["File"], "files/x", bound)


def test_what_goes_is_stopped_or_is_saved():
    name, bound = "batches/b", record("BatchJob/night", {"name": "b"}, START)
    kind = KINDS["BatchJob"]
    delete = Call("DELETE", name, answer=Answer.NOTHING)
    cancel = Call("POST", f"{name}:cancel", body={}, answer=Answer.NOTHING)
    ends = (
        (make.delete(JOB, kind, name), Op.DELETE, delete, name, None),
        (make.cancel(JOB, kind, name), Op.CANCEL, cancel, name, None),
        (make.save(JOB, kind, name, bound), Op.HARVEST, Call("GET", name), name, bound),
    )
    for step, op, call, of, kept in ends:
        ident = f"BatchJob/night:{op.value}:{name}"
        assert step == Step(ident, JOB, op, "BatchJob", call, of, record=kept)
    forgotten = Step("BatchJob/night:forget", JOB, Op.FORGET, "BatchJob", None, name)
    assert make.forget(JOB, kind, name) == forgotten
    lifetime = replace(kind.lifetime, cancel=None)
    with pytest.raises(TypeError, match="A BatchJob can't be stopped"):
        make.cancel(JOB, replace(kind, lifetime=lifetime), name)


def test_what_else_can_be_done():
    hook, bound = declared(HOOK), record("FakeWebhook/hook", {"name": "h"}, START)
    call = Call("POST", "fakeWebhooks/h:rotateSigningSecret", body={}, repeatable=False)
    rotated = make.act(hook, KINDS["FakeWebhook"], "rotate", "fakeWebhooks/h", bound, "@2")
    assert rotated == Step(
        "FakeWebhook/hook:rotate@2",
        HOOK,
        Op.ACT,
        "FakeWebhook",
        call,
        "fakeWebhooks/h",
        record=bound,
        act="rotate",
    )
    assert make.act(hook, KINDS["FakeWebhook"], "rotate", "fakeWebhooks/h", None).id == "FakeWebhook/hook:rotate"
    voice = like("TokenPolicy/voice", {"like": {"uses": 1}})
    minted = make.act(voice, KINDS["TokenPolicy"], "mint", None, None)
    assert (minted.op, minted.id, minted.name) == (Op.MINT, "TokenPolicy/voice:mint", None)
