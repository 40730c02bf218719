"""Lists the messages of ephemeral tokens, of the Live setup that a token may lock, and of what the client of a session
sends, as tables.

Read by `shapes`; named by the surface of auth_tokens and by `live`. Separate as `messages` is. The field names follow
the REST reference on ai.google.dev ("Live API") and the types of the official Python SDK; fields that exist only on
Vertex AI (`explicitVadSignal`, the session resumption's `transparent`) are unknown here.
"""

from gemctl.emulator.generation_messages import AUDIO_TRANSCRIPTION, GENERATION_CONFIG, SAFETY_SETTING
from gemctl.emulator.messages import BLOB, CONTENT, FUNCTION_RESPONSE
from gemctl.emulator.scalars import BOOL, BYTES, INT32, INT64, STRING, TIMESTAMP, enum
from gemctl.emulator.shapes import ListOf, MapOf, Message
from gemctl.emulator.tool_messages import TOOL

_START = enum("StartSensitivity", "START_SENSITIVITY_UNSPECIFIED START_SENSITIVITY_HIGH START_SENSITIVITY_LOW")
_END = enum("EndSensitivity", "END_SENSITIVITY_UNSPECIFIED END_SENSITIVITY_HIGH END_SENSITIVITY_LOW")
_HANDLING = enum("ActivityHandling", "ACTIVITY_HANDLING_UNSPECIFIED START_OF_ACTIVITY_INTERRUPTS NO_INTERRUPTION")
_COVERAGE = enum(
    "TurnCoverage",
    "TURN_COVERAGE_UNSPECIFIED TURN_INCLUDES_ONLY_ACTIVITY TURN_INCLUDES_ALL_INPUT"
    " TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
)

_DETECTION = Message(
    "AutomaticActivityDetection",
    lambda: {
        "disabled": BOOL,
        "startOfSpeechSensitivity": _START,
        "endOfSpeechSensitivity": _END,
        "prefixPaddingMs": INT32,
        "silenceDurationMs": INT32,
    },
)
_REALTIME = Message(
    "RealtimeInputConfig",
    lambda: {
        "automaticActivityDetection": _DETECTION,
        "activityHandling": _HANDLING,
        "turnCoverage": _COVERAGE,
        "interimTranscriptTimestampEnabled": BOOL,
    },
)
_COMPRESSION = Message(
    "ContextWindowCompressionConfig",
    lambda: {
        "triggerTokens": INT64,
        "slidingWindow": Message("SlidingWindow", lambda: {"targetTokens": INT64}),
    },
)
_AVATAR = Message(
    "AvatarConfig",
    lambda: {
        "avatarName": STRING,
        "customizedAvatar": Message("CustomizedAvatar", lambda: {"imageMimeType": STRING, "imageData": BYTES}),
        "audioBitrateBps": INT32,
        "videoBitrateBps": INT32,
    },
)
SETUP = Message(
    "BidiGenerateContentSetup",
    lambda: {
        "model": STRING,
        "generationConfig": GENERATION_CONFIG,
        "systemInstruction": CONTENT,
        "tools": ListOf(TOOL),
        "realtimeInputConfig": _REALTIME,
        "sessionResumption": Message("SessionResumptionConfig", lambda: {"handle": STRING}),
        "contextWindowCompression": _COMPRESSION,
        "inputAudioTranscription": AUDIO_TRANSCRIPTION,
        "outputAudioTranscription": AUDIO_TRANSCRIPTION,
        "proactivity": Message("ProactivityConfig", lambda: {"proactiveAudio": BOOL, "proactiveVideo": BOOL}),
        "historyConfig": Message("HistoryConfig", lambda: {"initialHistoryInClientContent": BOOL}),
        "avatarConfig": _AVATAR,
        "safetySettings": ListOf(SAFETY_SETTING),
        "labels": MapOf(STRING),
    },
)

_EMPTY = Message("Empty", dict)

CLIENT_MESSAGE = Message(
    "BidiGenerateContentClientMessage",
    lambda: {
        "setup": SETUP,
        "clientContent": Message(
            "BidiGenerateContentClientContent", lambda: {"turns": ListOf(CONTENT), "turnComplete": BOOL}
        ),
        "realtimeInput": Message(
            "BidiGenerateContentRealtimeInput",
            lambda: {
                "mediaChunks": ListOf(BLOB),
                "audio": BLOB,
                "video": BLOB,
                "text": STRING,
                "activityStart": _EMPTY,
                "activityEnd": _EMPTY,
                "audioStreamEnd": BOOL,
            },
        ),
        "toolResponse": Message(
            "BidiGenerateContentToolResponse", lambda: {"functionResponses": ListOf(FUNCTION_RESPONSE)}
        ),
        "contextUpdate": Message(
            "BidiGenerateContentContextUpdate",
            lambda: {
                "systemInstruction": CONTENT,
                "tools": Message("ContextUpdateTools", lambda: {"tools": ListOf(TOOL)}),
            },
        ),
    },
    message_type=("setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"),
)
"""One frame of a client: exactly one of these."""

AUTH_TOKEN = Message(
    "AuthToken",
    lambda: {
        "name": STRING,
        "expireTime": TIMESTAMP,
        "newSessionExpireTime": TIMESTAMP,
        "uses": INT32,
        "bidiGenerateContentSetup": SETUP,
        "fieldMask": STRING,
    },
)
"""The body of a mint: the token itself, without a wrapper."""
