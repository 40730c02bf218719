"""Lists how the service ends a session of the Live API: codes of close frames, and their reasons.

Raised by the other modules of this package, and turned into a Close by `session`. Separate because the reason is the
only place where a client of the Live API reads what is wrong (no frame has an error), and because it is data: the
sentences are those that users of the live service published, cut where a close frame ends. In short: what is wrong with
an argument or the form of a credential is 1007, with a permission or a state 1008; quotas, faults of the service and
the life of a token are 1011.

Assumptions: which code and reason a bad order of messages within a session has, an empty model, a handle for another
model, and a token that the service does not know; that a refusal of the model ends the session by the same rule.
"""

from gemctl.emulator.live.channel import LONGEST_REASON, Close
from gemctl.emulator.wire import Refusal

BAD_FRAME, POLICY, FAULT = 1007, 1008, 1011
BROKEN = 1006

ORDER = (BAD_FRAME, "setup must be the first message and only the first")
INVALID = (BAD_FRAME, "Request contains an invalid argument.")
NO_TEXT = (BAD_FRAME, "The requested combination of response modalities (TEXT) is not supported by the model.")
NO_TEXT_NATIVE = (BAD_FRAME, "Text output is not supported for native audio output model.")
MEDIA_CHUNKS = (BAD_FRAME, "realtime_input.media_chunks is deprecated. Use audio, video, or text instead.")
VOICE = (BAD_FRAME, "No matching speaker voice found for name: {name}")
THINKING = (BAD_FRAME, "Thinking level must be specified for this model")
SCHEDULING = (BAD_FRAME, "Function response scheduling is not supported for this model")
BAD_HANDLE = (BAD_FRAME, "Invalid session handle")
TOKEN_MODEL = (BAD_FRAME, "token-based requests cannot use project-scoped features such as tuned models")
UNKNOWN_FIELD = (BAD_FRAME, "Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")
NO_SESSION = (POLICY, "BidiGenerateContent session not found")
NO_MODEL = (
    POLICY,
    "{name} is not found for API version {version}, or is not supported for bidiGenerateContent. Call ListModels to see"
    " the list of available models and their supported methods.",
)
NO_CALLER = (
    POLICY,
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form"
    " of API consumer identity to call this API.",
)
NO_SUCH_CREDENTIAL = (
    POLICY,
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
    " authentication credential.",
)
NOT_NOW = (POLICY, "Operation is not implemented, or supported, or enabled.")
IGNORED_GO_AWAY = (
    POLICY,
    "Connection aborted because the client failed to close the connection after receiving a GoAway signal once the"
    " session duration limit was reached.",
)
TOO_MANY = (FAULT, "Resource has been exhausted (e.g. check quota).")
TOO_LATE = (FAULT, "Deadline expired before operation could complete.")
INTERNAL = (FAULT, "Internal error encountered.")
TOKEN_SPENT = (FAULT, "Token has been used too many times")
TOKEN_CLOSED = (FAULT, "new_session_expire_time deadline exceeded")
TOKEN_EXPIRED = (FAULT, "Token has expired")
TOKEN_EXPIRES = (FAULT, "auth token has expired")

_BY_STATUS = {400: BAD_FRAME, 401: POLICY, 403: POLICY, 404: POLICY, 409: POLICY, 412: POLICY, 413: BAD_FRAME}


class Closing(Exception):
    """The service ends the session: `Closing(*VOICE, name="X")`."""

    def __init__(self, code: int, reason: str, **words: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.format(**words) if words else reason

    def close(self) -> Close:
        """The close frame, whose reason is cut as the service cuts it."""
        return Close(self.code, cut(self.reason))


def cut(reason: str) -> str:
    """As much of a reason as a close frame holds, in whole characters."""
    return reason.encode("utf-8", "replace")[:LONGEST_REASON].decode("utf-8", "ignore")


def of(refusal: Refusal) -> Closing:
    """How a session ends when a request within it is refused, as one over HTTP would be."""
    return Closing(_BY_STATUS.get(refusal.code, FAULT), refusal.message)
