"""Takes real-time input: audio, frames of video, text, and what a client says of who speaks.

Called by `session`. Separate because this is a stream without borders: what is one thing that a user says is found out
here, by the loudness of samples (`speech`), by the client's word where detection is disabled, or by a script that says
what audio means after how many seconds.

Nobody understands speech here. What was said is what the script says (`Terms.speech`), or that somebody spoke for so
long. Assumptions: a second without any audio ends what is being said, as the guide lets a client pause a second at
most without audioStreamEnd; audio of another type than PCM is a bad value; 258 tokens a frame of video.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gemctl.emulator import chunks, times
from gemctl.emulator.live import closes, conversation, speech
from gemctl.emulator.live.closes import Closing
from gemctl.emulator.live.dialogue import Dialogue
from gemctl.emulator.live.line import Line
from gemctl.emulator.live.setup import Setup
from gemctl.emulator.live.speech import Hearing, Patience, Started
from gemctl.emulator.live.terms import Terms, Utterance
from gemctl.emulator.live.turns import content

_PAUSE = "pause"
_FRAME = 258


class Ears:
    """`terms` gives the terms as they are now."""

    def __init__(self, line: Line, setup: Setup, dialogue: Dialogue, terms: Callable[[], Terms]) -> None:
        self.seen = 0  # frames of video
        self.heard = 0  # nanoseconds of audio
        self._line, self._setup, self._dialogue, self._terms = line, setup, dialogue, terms
        self._hearing = Hearing()
        self._since = 0  # of it since the last turn of the user
        self._active: int | None = None  # of it since the client said that somebody speaks
        self._frames = 0
        self._number = 0  # of things said

    def take(self, given: Mapping[str, Any]) -> None:
        """Take one message of real-time input. Raises Closing."""
        if given.keys() & {"activityStart", "activityEnd"} and not self._setup.manual:
            raise Closing(*closes.INVALID)
        if given.get("audioStreamEnd") and self._setup.manual:
            raise Closing(*closes.INVALID)
        if "mediaChunks" in given and not self._setup.profile.media_chunks:
            raise Closing(*closes.MEDIA_CHUNKS)
        if self._dialogue.waiting and self._setup.profile.native:
            raise Closing(*closes.NOT_NOW)
        if "activityStart" in given:
            self._begin()
        for blob in (*given.get("mediaChunks", ()), *(given[name] for name in ("audio", "video") if name in given)):
            if blob.get("mimeType", "").lower().startswith("audio/"):
                self._audio(blob)
            else:
                self._video(blob)
        if given.get("text"):
            self._dialogue.hear(conversation.user(given["text"]))
        if given.get("audioStreamEnd"):
            self._pause()
        if "activityEnd" in given:
            self._end()

    def _audio(self, blob: Mapping[str, Any]) -> None:
        rate = speech.rate(blob.get("mimeType", ""))
        if rate is None:
            raise Closing(*closes.INVALID)
        pcm = speech.decoded(blob.get("data", ""))
        took = speech.length(pcm, rate)
        self.heard += took
        self._since += took
        if self._active is not None:
            self._active += took
        script = self._script()
        if script is not None and script.after is not None:
            if self._since >= script.after * times.SECOND:
                self._begin()
                self._said(self._since)
            return
        if self._setup.manual:
            return
        self._hearing, events = speech.listen(self._hearing, pcm, rate, Patience.of(self._setup.detection))
        for event in events:
            if isinstance(event, Started):
                self._begin()
            else:
                self._said(event.spoken)
        self._line.drop(_PAUSE)
        if self._hearing.speaking:
            self._line.at(self._line.now + times.SECOND, _PAUSE, self._pause)

    def _video(self, blob: Mapping[str, Any]) -> None:
        if not blob.get("mimeType", "").lower().startswith(("image/", "video/")):
            raise Closing(*closes.INVALID)
        self.seen += 1
        if self._setup.counts_video or self._hearing.speaking or self._active is not None:
            self._frames += 1

    def _begin(self) -> None:
        """Somebody begins to speak."""
        self._active = 0 if self._setup.manual else None
        if self._setup.interrupts:
            self._dialogue.interrupt()

    def _pause(self) -> None:
        """No audio comes for a while: what is being said is over."""
        self._line.drop(_PAUSE)
        if self._hearing.speaking:
            spoken = self._hearing.spoken - self._hearing.silent
            self._hearing = Hearing()
            self._said(spoken)

    def _end(self) -> None:
        """The client says that nobody speaks any more. Without a beginning there is nothing to end."""
        if self._active is not None:
            self._said(self._active)

    def _script(self) -> Utterance | None:
        script = self._terms().speech
        return script[self._number] if self._number < len(script) else None

    def _said(self, spoken: int) -> None:
        """Somebody has spoken for that long: it is written down, and answered."""
        script = self._script()
        text = f"(speech of {spoken / times.SECOND:.1f} s)" if script is None else script.says
        counts = {"AUDIO": speech.tokens(self._since if self._setup.counts_all else spoken)}
        if self._frames:
            counts["VIDEO"] = self._frames * _FRAME
        self._number += 1
        self._since, self._frames, self._active = 0, 0, None
        if self._setup.hears:
            for piece in [text] if self._setup.profile.whole_transcripts else chunks.pieces(text):
                self._line.send(content(inputTranscription={"text": piece}))
        self._dialogue.hear(conversation.user(text, counts))
