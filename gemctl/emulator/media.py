"""Says how the service treats a file by its MIME type, and how large and how many files may be, as data.

Called by the surfaces of files and documents and by `tokens`; `FileRules` is given to `app`. Separate because all of it
is either a limit of the reference or an assumption, and neither belongs into the protocol. The limits (2 GB a file,
20 GB a project) are in the Files guide on ai.google.dev. Bytes a second are assumptions: nothing here can decode media.
"""

from dataclasses import dataclass
from datetime import timedelta

_KINDS = frozenset({"application", "audio", "image", "text", "video"})
_BARE = frozenset({"jsonl"})  # no proper type, but the batch guide uploads with it
_SLOW = frozenset({"video"})  # Google's samples use what they upload at once, but for videos
_TEXTS = frozenset({"json", "jsonl", "x-ndjson", "xml", "javascript", "x-javascript", "x-python", "x-typescript"})
_BYTES_A_SECOND = {"audio": 16_000, "video": 125_000}  # 128 kbit/s and 1 Mbit/s

FAILS = b"gemctl-emulator: fail processing"
"""A file whose first line is this ends in the state FAILED: for trying out what happens then."""
_INDEXED = (
    "dart ecmascript json ms-java msword pdf sql typescript vnd.curl vnd.dart vnd.jupyter vnd.ms-excel"
    " vnd.oasis.opendocument.text vnd.openxmlformats-officedocument.presentationml.presentation"
    " vnd.openxmlformats-officedocument.spreadsheetml.sheet vnd.openxmlformats-officedocument.wordprocessingml.document"
    " vnd.openxmlformats-officedocument.wordprocessingml.template x-csh x-hwp x-hwp-v5 x-latex x-php x-powershell x-sh"
    " x-shellscript x-tex x-zsh xml zip"
)
_SEEN_BY = "gemini-embedding-2"  # and its previews


@dataclass(frozen=True)
class FileRules:
    """`processing`: how long videos are in the state PROCESSING; all else is usable at once. `largest`:
    the most bytes of a file. `storage`: the most bytes of a project's files together."""

    processing: timedelta = timedelta(seconds=2)
    largest: int = 2 * 1024**3
    storage: int = 20 * 1024**3

    def __post_init__(self) -> None:
        if self.processing < timedelta(0):
            raise ValueError("the processing of a file takes no negative time")
        if self.largest < 0 or self.storage < 0:
            raise ValueError("the limits of files are not negative")


def kind(mime_type: str) -> str:
    """`video` of `video/mp4; codecs=avc1`; empty if it has no such form."""
    major, slash, minor = mime_type.partition(";")[0].strip().lower().partition("/")
    return major if slash and minor else ""


def supported(mime_type: str) -> bool:
    """Whether the service takes a file of that type. It takes types that no model can use (python-genai#744:
    application/cu-seeme) and refuses types of no registered kind (the SDK's own tests: bad/mime_type)."""
    return kind(mime_type) in _KINDS or mime_type in _BARE


def can_be_indexed(mime_type: str, model: str) -> bool:
    """Whether a file search store with that embedding model takes it: texts of all kinds and what the guide on file
    search lists of `application`, images with a model that sees, and neither audio nor video. Users have reported that
    the service refuses many that are listed (gemini-cli-deep-research#1, mscraftsman/generative-ai#228); which ones is
    not known for good."""
    match kind(mime_type):
        case "text":
            return True
        case "image":
            return model.removeprefix("models/").startswith(_SEEN_BY)
        case "application":
            return mime_type.partition(";")[0].strip().lower().partition("/")[2] in _INDEXED.split()
        case _:
            return False


def is_slow(mime_type: str) -> bool:
    """Whether it is processed before it can be used."""
    return kind(mime_type) in _SLOW


def is_text(mime_type: str) -> bool:
    """Whether models read its characters."""
    minor = mime_type.partition(";")[0].strip().lower().rpartition("/")[2]
    return kind(mime_type) == "text" or minor in _TEXTS


def seconds(mime_type: str, size: int) -> int:
    """The seconds that so many bytes of audio or video play, by assumption."""
    return max(1, -(-size // _BYTES_A_SECOND[kind(mime_type)]))
