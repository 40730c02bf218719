import pytest

from gemctl.api._httpx import httpx
from gemctl.api.http1 import MOST_HEAD, Http1

CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


def said(*pieces):
    """A connection that brings these pieces and is closed then, on which something was asked."""
    left = list(pieces)
    conversation = Http1(lambda: left.pop(0) if left else b"", lambda _: None)
    ask(conversation)
    return conversation


def ask(conversation):
    conversation.ask(b"GET", b"/", [(b"host", b"api.test")])


def read(*pieces):
    conversation = said(*pieces)
    head = conversation.head()
    body = b"".join(conversation.body())
    return head, body, conversation.again(), conversation.ahead


@pytest.mark.parametrize(
    ("text", "status", "body", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", True),
        (b"HTTP/1.1 200\r\nCONTENT-LENGTH:2 \r\n\r\n{}", 200, b"{}", True),
        (b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", 200, b"{}", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", True),
        (b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", 200, b"{}", False),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", 200, b"{}", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n", 200, b"{}", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n" + CHUNKED + b"2 \r\n{}\r\n0\r\na: b\r\n\r\n", 200, b"{}", True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0a\r\n0123456789\r\n000\r\n\r\n",
            200,
            b"0123456789",
            True,
        ),
    ],
)
def test_answers_in_pieces_of_any_size(text, status, body, keeps):
    for size in (1, 2, 3, 7, len(text)):
        head, got, kept, ahead = read(*(text[at : at + size] for at in range(0, len(text), size)))
        assert (head.status, got, kept, ahead) == (status, body, keeps, False)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"\r\n\r\nHTTP/1.1 204 OK\r\n\r\n",
        b"HTTP/1.1 204 OK\r\na b: c\r\n\r\n",
        b"HTTP/1.1 204 OK\r\na : c\r\n\r\n",
        b"HTTP/1.1 204 OK\r\na: \0\r\n\r\n",
        b"HTTP/1.1 204 OK\r\na: b\rc\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 204 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 101 + b"HTTP/1.1 204 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\n{}}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"2\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"2\r\n{}\r\n0\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 2 * MOST_HEAD + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"2;" + b"b" * 2 * MOST_HEAD + b"\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"0\r\n" + b"a: b\r\n" * MOST_HEAD + b"\r\n",
    ],
    ids=lambda text: str(text)[:60],
)
def test_what_could_be_read_in_two_ways_or_is_cut_is_no_answer(text):
    for size in (100, 64 * 1024):
        with pytest.raises(httpx.RemoteProtocolError):
            read(*(text[at : at + size] for at in range(0, len(text), size)))


def test_a_line_that_is_folded_and_what_comes_too_early():
    head, body, _, ahead = read(b"HTTP/1.1 200 OK\r\na: b\r\n  c\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200")
    assert (head.headers[0], body, ahead) == ((b"a", b"b c"), b"{}", True)


def test_answers_follow_each_other():
    conversation = said(b"HTTP/1.1 204 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n", b"1")
    assert (conversation.head().status, list(conversation.body())) == (204, [])
    assert conversation.again() and not conversation.ahead
    ask(conversation)
    assert (conversation.head().status, list(conversation.body())) == (200, [b"1"])


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        (b"GET /", b"/", (b"a", b"b")),
        (b"GET", b"/ HTTP/1.1\r\n", (b"a", b"b")),
        (b"GET", b"", (b"a", b"b")),
        (b"GET", b"/", (b"a\r\nb", b"c")),
        (b"GET", b"/", (b"a", b"b\r\nc: d")),
        (b"GET", b"/", (b"a", b"b\nc: d")),
    ],
)
def test_a_request_stays_within_its_lines(method, target, header):
    sent = []
    with pytest.raises(httpx.LocalProtocolError):
        Http1(bytes, sent.append).ask(method, target, [(b"host", b"api.test"), header])
    assert sent == []


def test_a_head_goes_with_the_first_piece_of_its_body():
    sent = []
    headers = [(b"host", b"api.test"), (b"content-length", b"5")]
    Http1(bytes, sent.append).ask(b"POST", b"/x?y", headers, [b"abc", b"de"])
    assert sent == [b"POST /x?y HTTP/1.1\r\nhost: api.test\r\ncontent-length: 5\r\n\r\nabc", b"de"]
