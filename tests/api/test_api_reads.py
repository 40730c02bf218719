import pytest

from gemctl.api.reads import Reads
from gemctl.core.call import Call

LIST = Call("GET", "things", query=(("pageSize", "1000"),))
OLD, NEW = [{"things": [1, "a"]}, {"things": []}], [{"things": [2]}]


@pytest.mark.parametrize(("state", "expected"), [("first", OLD), ("second", NEW)])
def test_what_was_read_ahead_counts_only_where_no_state_came_after_it(state, expected):
    reads = Reads()
    digest = reads.ahead(LIST, iter(OLD), "first")
    reads.upon(state)
    assert list(reads.pages(LIST, lambda: iter(NEW))) == expected
    assert (reads.lists[LIST.path, LIST.query] == digest) is (expected is OLD)


def test_it_counts_once_and_what_is_asked_twice_is_told():
    reads = Reads()
    reads.ahead(LIST, iter(OLD), "first")
    reads.upon("first")
    assert list(reads.pages(LIST, lambda: iter(NEW))) == OLD
    assert list(reads.pages(LIST, lambda: iter(NEW))) == NEW
    assert reads.lists is None


def test_a_list_has_one_digest_whether_it_was_read_ahead_or_not():
    digests = []
    for ahead in (True, False):
        reads = Reads()
        if ahead:
            reads.ahead(LIST, iter(OLD), "")
        assert list(reads.pages(LIST, lambda: iter(OLD))) == OLD
        digests.append(reads.lists)
    assert digests[0] == digests[1]


def test_a_request_that_is_no_list_is_told():
    reads = Reads()
    list(reads.pages(LIST, lambda: iter(OLD)))
    assert reads.lists
    reads.other()
    assert reads.lists is None
