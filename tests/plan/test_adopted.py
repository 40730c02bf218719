"""Records for what gemctl did not see being made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from plan_cases import KINDS, TAG, at, item, like
from values import START

from gemctl.core.mark import Mark, address_tag, attempt_tag
from gemctl.core.record import Generation, Intent, Op, Origin, Record, Retiring
from gemctl.core.resource import Lifecycle, Run, Ttl
from gemctl.plan.adopted import adopt, attempt_of, attempts, found_by, import_as, older

JOB, CACHE, CLERK = at("BatchJob/night"), at("handbook"), at("FakeAgent/clerk")
FIVE = timedelta(minutes=5)
RULES = Lifecycle(prevent_destroy=True, retire=FIVE)
RUN = Run(max_resubmits=2)


def live(address, **given):
    return item({"of": str(address), "name": "a", **given}, START)


def shown(one, **more) -> Record:
    """What the live object tells by itself."""
    told = {"created": one.created, "deadline": one.deadline, "tokens": one.tokens, "outputs": one.outputs}
    told["model"] = one.model
    return Record(one.name, origin=Origin.ADOPTED, **told, **more)


def test_what_is_as_declared_is_known():
    one, wanted = live(CACHE), replace(like("handbook", {}), lifecycle=RULES)
    known = {"fields": wanted.declared.fields, "expiry": wanted.declared.expiry}
    rules = {"prevent_destroy": True, "retire": FIVE}
    tag = address_tag(CACHE)
    assert adopt(one, wanted) == shown(one, spec_tag=wanted.spec_tag, address_tag=tag, **known, **rules)
    other = live(CACHE, like={"contents": "other"})
    assert adopt(other, wanted) == shown(other, spec_tag=other.mark.spec_tag, address_tag=tag, **rules)
    none = {"spec_tag": one.mark.spec_tag, "retire": timedelta(0)}
    assert adopt(one, None) == shown(one, address_tag=tag, **none)
    bare = replace(one, mark=None)
    assert adopt(bare, wanted) == shown(bare, spec_tag="", address_tag="", **rules)
    assert adopt(bare, None) == shown(bare, spec_tag="", address_tag="", retire=timedelta(0))


def test_what_carries_no_mark_is_known_by_the_create_that_made_it():
    one, wanted = live(CLERK), replace(like("FakeAgent/clerk", {}), lifecycle=RULES)
    known = {"fields": wanted.declared.fields, "prevent_destroy": True, "retire": FIVE}

    def made(by, wanted):
        return found_by(Intent("1", Op.CREATE, CLERK, START, spec_tag=by), one, wanted)

    assert made(wanted.spec_tag, wanted) == shown(one, spec_tag=wanted.spec_tag, address_tag="", **known)
    other = shown(one, spec_tag="other", address_tag="", prevent_destroy=True, retire=FIVE)
    assert made("other", wanted) == other
    assert made("other", None) == replace(other, prevent_destroy=False, retire=timedelta(0))
    ending = replace(wanted, declared=replace(wanted.declared, expiry=Ttl(FIVE)))
    assert made(wanted.spec_tag, ending).expiry == Ttl(FIVE)


def test_which_attempt_it_is():
    wanted = replace(like(str(JOB), {}), run=RUN)
    for attempt in (1, 2, 3):
        one = live(JOB, attempt=attempt)
        assert attempt_of(one, wanted) == attempt
        record = adopt(one, wanted)
        assert (record.attempt, record.spec_tag, record.run) == (attempt, attempt_tag(wanted.spec_tag, attempt), RUN)
        assert record.fields == wanted.declared.fields
    assert attempt_of(live(JOB, attempt=4), wanted) is None
    assert adopt(live(JOB, attempt=4), wanted).attempt == 1
    assert attempt_of(replace(one, mark=None), wanted) is None
    assert (attempts(None), attempts(replace(wanted, run=None)), attempts(wanted)) == (1, 1, 3)
    assert attempts(replace(wanted, run=Run(max_resubmits=0))) == 1


def test_an_older_generation():
    """Of what is run, what it was bound as goes along: its results may have to be saved."""
    one, job = live(CACHE), live(JOB)
    tag = address_tag(CACHE)
    assert older(CACHE, one, None, KINDS["CachedContent"]) == Retiring(
        one.name, Generation(CACHE, tag, one.deadline, one.tokens, created=one.created, model="gemini-2.5-flash")
    )
    bare = replace(one, mark=None)
    assert older(CACHE, bare, None, KINDS["CachedContent"]).generation.address_tag == ""
    wanted = like(str(JOB), {})
    assert older(JOB, job, wanted, KINDS["BatchJob"]) == Retiring(
        job.name,
        Generation(
            JOB,
            address_tag(JOB),
            job.deadline,
            job.tokens,
            adopt(job, wanted),
            created=job.created,
            model=job.model,
        ),
    )


def test_an_import_is_taken_to_be_as_declared():
    wanted = like("handbook", {})
    one = live(CACHE, like={"contents": "other"})
    given = replace(adopt(one, wanted), origin=Origin.IMPORTED, spec_tag=wanted.spec_tag, fields=wanted.declared.fields)
    assert import_as(one, wanted, TAG) == given
    theirs = replace(one, mark=Mark("q" * 10, one.mark.address_tag, one.mark.spec_tag))
    assert import_as(theirs, wanted, TAG) == replace(given, address_tag="")
    assert import_as(replace(one, mark=None), wanted, TAG) == replace(given, address_tag="")
    again = replace(like(str(JOB), {}), run=RUN)
    assert import_as(live(JOB, attempt=2), again, TAG).spec_tag == attempt_tag(again.spec_tag, 2)


def test_an_id_holds_a_part_of_the_spec_tag_and_the_record_all_of_it():
    wanted = like("File/handbook", {})
    one = live(at("File/handbook"))
    assert one.mark.spec_tag != wanted.spec_tag
    assert adopt(one, wanted).spec_tag == wanted.spec_tag
    assert adopt(one, wanted).prevent_destroy is False
