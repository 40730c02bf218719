"""Says in what the models of the Live API differ, as data.

Read by `setup` and `session`. Separate because it ages with the models. The facts are those of the Live guides on
ai.google.dev and of what users of each model reported (close reasons, recorded frames); what a model that is not in the
table does is taken to be what the newest stable one does.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from gemctl.emulator import times

_TEN_MINUTES = times.span(timedelta(minutes=10))


@dataclass(frozen=True)
class Profile:
    """What a model does, in the order of the fields.

    text               it can answer in text
    native             it is one of the first that speak by themselves, which say so in a refusal and take no input
                       while they wait for a function
    affective          it has affective dialog
    proactive, always  it can answer only what is meant for it; it does so in any case
    media_chunks       the old field of real-time input is taken
    late_history       clientContent may come after the first real-time input
    needs_level        a setup without a thinking level is refused
    waits, only_apart  it waits for functions whose declaration does not say; it can't wait for any
    schedules          a result may say when it is spoken of
    handles_unasked    it sends handles to those who did not ask
    whole_transcripts  what was heard comes in one piece
    all_video          all frames of video count, not only those that come while somebody speaks
    updates            its context can be updated
    empty_first        a turn begins with an empty message, and its transcription is in the messages with audio
    statuses           it says whether it goes on by itself when a turn ends
    call_id            how ids of calls begin
    connection         how long a connection lasts
    deadline           it ends then by a deadline, and not for want of an answer to goAway
    """

    text: bool = False
    native: bool = False
    affective: bool = False
    proactive: bool = False
    always: bool = False
    media_chunks: bool = True
    late_history: bool = True
    needs_level: bool = False
    waits: bool = True
    only_apart: bool = False
    schedules: bool = True
    handles_unasked: bool = False
    whole_transcripts: bool = False
    all_video: bool = False
    updates: bool = False
    empty_first: bool = False
    statuses: bool = False
    call_id: str = "function-call-"
    connection: int = _TEN_MINUTES
    deadline: bool = False


_NATIVE = Profile(native=True, affective=True, proactive=True)
_FIRST = Profile(text=True)
_THREE = Profile(
    media_chunks=False,
    late_history=False,
    schedules=False,
    handles_unasked=True,
    whole_transcripts=True,
    all_video=True,
    empty_first=True,
    call_id="fc_",
)
_NEWEST = Profile(
    proactive=True,
    always=True,
    media_chunks=False,
    waits=False,
    updates=True,
    whole_transcripts=True,
    all_video=True,
    call_id="fc_",
    connection=times.span(timedelta(minutes=58)),
    deadline=True,
)
_THINKS = replace(_NEWEST, needs_level=True, only_apart=True, statuses=True)
_TRANSCRIBES = Profile(text=True, media_chunks=False, whole_transcripts=True, call_id="fc_")

_BY_PREFIX = (
    ("gemini-2.5-flash-native-audio", _NATIVE),
    ("gemini-live-2.5-flash", _FIRST),
    ("gemini-2.0-flash-live", _FIRST),
    ("gemini-2.0-flash-exp", _FIRST),
    ("gemini-3.1-flash-live", _THREE),
    ("gemini-3.5-transcribe-live", _TRANSCRIBES),
    ("gemini-3.8-live-extended-thinking", _THINKS),
)

_NAMES = (
    "zephyr puck charon kore fenrir leda orus aoede callirrhoe autonoe enceladus iapetus umbriel algieba despina"
    " erinome algenib rasalgethi laomedeia achernar alnilam schedar gacrux pulcherrima achird zubenelgenubi"
    " vindemiatrix sadachbia sadaltager sulafat"
)
VOICES = frozenset(_NAMES.split())
"""The names of voices, of the guide on speech; that the case of their letters does not matter is an assumption."""


def of(model: str) -> Profile:
    """The profile of a model; `model` is its name without `models/`."""
    return next((profile for prefix, profile in _BY_PREFIX if model.startswith(prefix)), _NEWEST)
