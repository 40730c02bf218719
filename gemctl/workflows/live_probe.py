"""Decides what to ask for with a token so that its locks show, and what follows from what is seen. Called by verify.py.

Pure, and apart from the connects: which answer proves what is best read as a table. No call tells what a token locks:
fields that are locked are replaced without a word. So a client asks for what the policy does not allow, and looks at
what it gets:

  a model that does not exist   comes up only if the token's own takes its place
  the other modality            what answers shows which one holds
  a transcript, or none         is sent with the speech, or not

What was published of these comes from users who tried them in 2026; all else that can be locked can't be seen at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gemctl.api.live import End, meaning
from gemctl.core.frozen import dataclass
from gemctl.core.live_session import Checked, Finding, LiveAnswer, Tried
from gemctl.core.source import JsonObject, Path

ELSEWHERE = "models/gemctl-verify-no-such-model"
MODEL, TRANSCRIPT = "model", "outputAudioTranscription"
MODALITIES, THINKING = "generationConfig.responseModalities", "generationConfig.thinkingConfig"
_SECOND = 48_000  # bytes of speech: 16-bit mono at 24 kHz (Live API guide, audio formats)
_ARGUMENT = 1007  # the code with which the service ends a session for what a setup has in it
_SPENT = "too many times"
_SEEN = frozenset({MODEL, MODALITIES, TRANSCRIPT})


@dataclass(frozen=True, slots=True)
class Promise:
    """What tokens of a policy promise, as it is minted: the setup (None for any), the mask, and the uses (0: any)."""

    setup: JsonObject | None
    mask: tuple[str, ...]
    uses: int

    @classmethod
    def of(cls, body: JsonObject) -> Promise:
        """Of the body of a mint."""
        mask = body.get("fieldMask", "")
        return cls(body.get("bidiGenerateContentSetup"), tuple(mask.split(",")) if mask else (), body["uses"])

    @property
    def model(self) -> str:
        return str((self.setup or {}).get(MODEL, ""))

    def locks(self, path: str) -> bool:
        """Whether a client can't change this field of the setup."""
        if self.setup is None:
            return False
        return not self.mask or path in self.mask or path.partition(".")[0] in self.mask

    @property
    def modality(self) -> str:
        """The modality of answers; AUDIO where nothing is said."""
        config = (self.setup or {}).get("generationConfig", {})
        return str((config.get("responseModalities") or ["AUDIO"])[0])

    @property
    def transcript(self) -> bool:
        return TRANSCRIPT in (self.setup or {})

    @property
    def unseen(self) -> tuple[str, ...]:
        """The locked fields that nothing shows from outside."""
        if self.setup is None:
            return ()
        config = self.setup.get("generationConfig", {})
        fields = (*(f"generationConfig.{name}" for name in config), *(set(self.setup) - {"generationConfig"}))
        below = {path for path in self.mask or fields if path not in _SEEN}
        return tuple(sorted({path.removeprefix("generationConfig.").partition(".")[0] for path in below}))


def setup_for(promise: Promise, tried: Tried, *, level: bool) -> JsonObject:
    """The setup that a client sends. `level`: the model opens no session without a thinking level."""
    setup: dict[str, object] = {MODEL: tried.model if tried.model.startswith("models/") else f"models/{tried.model}"}
    generation: dict[str, object] = {}
    if tried.contrary and promise.locks(MODALITIES):
        generation["responseModalities"] = ["AUDIO" if promise.modality == "TEXT" else "TEXT"]
    if level and not promise.locks(THINKING):
        generation["thinkingConfig"] = {"thinkingLevel": "LOW"}
    if generation:
        setup["generationConfig"] = generation
    if not promise.locks(TRANSCRIPT) or (tried.contrary and not promise.transcript):
        setup[TRANSCRIPT] = {}
    return setup


def turn(text: str) -> JsonObject:
    """What a client sends so that the model answers."""
    return {"clientContent": {"turns": [{"role": "user", "parts": [{"text": text}]}], "turnComplete": True}}


def heard(answer: LiveAnswer, message: JsonObject) -> LiveAnswer:
    """The answer with one more message of the service."""
    content = message.get("serverContent") or {}
    for part in (content.get("modelTurn") or {}).get("parts") or ():
        if part.get("thought"):
            continue
        data = (part.get("inlineData") or {}).get("data", "")
        answer = replace(
            answer,
            text=answer.text + (part.get("text") or ""),
            speech=answer.speech + len(data) * 3 / 4 / _SECOND,
        )
    transcript = (content.get("outputTranscription") or {}).get("text") or ""
    asked = (message.get("toolCall") or {}).get("functionCalls") or ()
    calls = tuple(str(one.get("name", "")) for one in asked)
    usage = message.get("usageMetadata") or {}
    return replace(
        answer,
        said=answer.said + transcript,
        calls=answer.calls + calls,
        whole=answer.whole or bool(content.get("turnComplete")) or bool(calls),
        sent=_tokens(usage.get("promptTokensDetails")) or answer.sent,
        made=_tokens(usage.get("responseTokensDetails")) or answer.made,
    )


def _tokens(details: Iterable[JsonObject] | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in details or ():
        modality = str(one.get("modality", "TEXT"))
        found[modality] = found.get(modality, 0) + int(one.get("tokenCount", 0))
    return found


def checks(promise: Promise, tried: tuple[Tried, ...], *, asked: bool) -> tuple[Checked, ...]:
    """What is known of each promise after these connects. `asked`: the model was to answer."""
    taken = tuple(one for one in tried if one.in_url) or tried  # the others only show that it is not taken otherwise
    return tuple(_checks(promise, taken, asked))


def _checks(promise: Promise, tried: tuple[Tried, ...], asked: bool) -> Iterator[Checked]:
    yield _opens(tried)
    if not any(one.opened for one in tried):
        return
    yield _model(promise, tried)
    answer = next((one.answer for one in tried if one.answer and one.answer.anything), None)
    if asked:
        yield _answers(tried, answer)
    refused = next((one for one in tried if one.contrary and one.code == _ARGUMENT and not _about_model(one)), None)
    yield _modality(promise, answer, refused)
    yield _transcript(promise, answer)
    if refused and not _about_modality(refused):
        said = f"a setup that contradicts the policy is refused instead of ignored: {_end(refused)[0]}"
        yield Checked("locks", Finding.BROKEN, said, _end(refused)[1])
    yield _uses(promise, tried)
    if promise.setup is None:
        yield Checked("configuration", Finding.OPEN, "whoever holds a token chooses it")
        return
    if named := promise.unseen:
        yield Checked("other locks", Finding.UNSEEN, f"nothing shows them from outside: {', '.join(named)}")


def _opens(tried: tuple[Tried, ...]) -> Checked:
    opened = next((one for one in tried if one.opened), None)
    if opened is None:
        spent = len(tried) > 1 and _SPENT in tried[-1].reason
        said, hint = _end(tried[0] if spent else tried[-1])
        said += "; and that this was refused has spent the use" if spent else ""
        return Checked("opens", Finding.BROKEN, f"no session came up: {said}", hint)
    how = ", with the token in the URL only: in a header it was refused" if opened.in_url else ""
    return Checked("opens", Finding.HELD, f"a session came up{how}")


def _model(promise: Promise, tried: tuple[Tried, ...]) -> Checked:
    if not promise.locks(MODEL):
        return Checked(MODEL, Finding.OPEN, "a client names any model")
    probe = next((one for one in tried if one.elsewhere), None)
    if probe is None:
        why = "the only use went to the session that was to answer; verify without --say tries it"
        return Checked(MODEL, Finding.UNSEEN, f"not tried: {why}")
    if probe.opened:
        return Checked(MODEL, Finding.HELD, "a session came up, though a model was named that doesn't exist")
    said, _ = _end(probe)
    if _about_model(probe):
        hint = "Clients choose the model for themselves: see what the policy locks."
        return Checked(MODEL, Finding.BROKEN, "the model that a client names counts, and not that of the policy", hint)
    return Checked(MODEL, Finding.UNSEEN, f"not seen: {said}")


def _answers(tried: tuple[Tried, ...], answer: LiveAnswer | None) -> Checked:
    if answer is not None:
        return Checked("answers", Finding.HELD, _told(answer))
    ended = next((one for one in tried if one.answer is not None and one.code), None)
    if ended:
        said, hint = _end(ended)
        return Checked("answers", Finding.BROKEN, f"the session ended before an answer: {said}", hint)
    return Checked("answers", Finding.BROKEN, "nothing was answered in time", "Give it longer with --timeout.")


def _told(answer: LiveAnswer) -> str:
    parts = [f"{answer.speech:.1f} s of speech" if answer.speech else ""]
    parts += [f'"{" ".join((answer.said or answer.text).split())}"' if answer.said or answer.text else ""]
    parts += [f"it asks for {', '.join(answer.calls)}" if answer.calls else ""]
    parts += ["" if answer.whole else "and the turn had not ended in time"]
    return ", ".join(part for part in parts if part)


def _modality(promise: Promise, answer: LiveAnswer | None, refused: Tried | None) -> Checked:
    what = "modality"
    if not promise.locks(MODALITIES):
        return Checked(what, Finding.OPEN, "a client chooses how it is answered")
    if refused and _about_modality(refused):
        said = "the one that a client asks for counts: a session with another one was refused"
        return Checked(what, Finding.BROKEN, said, "See what the policy locks.")
    if answer is None or not (answer.speech or answer.text):
        return Checked(what, Finding.UNSEEN, "only an answer shows it: give --say")
    got = "AUDIO" if answer.speech else "TEXT"
    if got == promise.modality:
        return Checked(what, Finding.HELD, f"{got} was answered, though the client asked for another one")
    return Checked(what, Finding.BROKEN, f"{got} was answered, as the client asked", "See what the policy locks.")


def _transcript(promise: Promise, answer: LiveAnswer | None) -> Checked:
    what = "transcript"
    if not promise.locks(TRANSCRIPT):
        return Checked(what, Finding.OPEN, "a client asks for one or not")
    if answer is None or not answer.speech or not answer.whole:
        return Checked(what, Finding.UNSEEN, "only a spoken answer shows it: give --say")
    if bool(answer.said) == promise.transcript:
        said = "came, though the client did not ask" if promise.transcript else "none came, though the client asked"
        return Checked(what, Finding.HELD, said)
    said = "none came, though the policy has it" if promise.transcript else "came, as the client asked"
    return Checked(what, Finding.BROKEN, said, "See what the policy locks.")


def _uses(promise: Promise, tried: tuple[Tried, ...]) -> Checked:
    if promise.uses == 0:
        return Checked("uses", Finding.OPEN, "any number of sessions")
    opened = sum(one.opened for one in tried)
    if opened > promise.uses:
        return Checked("uses", Finding.BROKEN, f"{opened} sessions came up, and the policy has {promise.uses}")
    if opened == promise.uses and _SPENT in tried[-1].reason:
        return Checked("uses", Finding.HELD, f"after {opened} the service refused another session")
    if opened == promise.uses and not tried[-1].opened:
        return Checked("uses", Finding.UNSEEN, f"not seen: {_end(tried[-1])[0]}")
    return Checked("uses", Finding.UNSEEN, f"{promise.uses} sessions; {opened} began, the others were not tried")


def _about_model(tried: Tried) -> bool:
    return "token-based" in tried.reason or "not found" in tried.reason


def _about_modality(tried: Tried) -> bool:
    said = tried.reason.lower()
    return "response modalities" in said or "text output" in said


def _end(tried: Tried) -> tuple[str, str]:
    """How it ended, and what to do about that."""
    if not tried.code:
        return "the service said nothing in time", "Give it longer with --timeout."
    said, hint = meaning(End(tried.code, tried.reason))
    words = f' "{tried.reason}"' if tried.reason else ""
    return f"{said} ({tried.code}{words})", hint


def places(checked: Checked) -> Path:
    """The field of the spec to which a broken promise points."""
    if checked.what == "uses":
        return ("uses",)
    return ("liveConnectConstraints",)
