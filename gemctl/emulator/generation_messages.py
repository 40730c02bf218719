"""Lists the messages with settings of a model's answer, as tables: the third part of `messages`.

Read by `shapes`; used by the tables of requests, of batches and of Live setups. Separate because all three hold
them. The field names follow the REST reference on ai.google.dev and what the official Python SDK sends to the
Gemini Developer API; fields of Vertex AI (routingConfig, audioTimestamp, a safety setting's method) are unknown.
"""

from gemctl.emulator.messages import SCHEMA
from gemctl.emulator.scalars import BOOL, BYTES, FLOAT, INT32, STRING, STRUCT, VALUE, enum
from gemctl.emulator.shapes import STRINGS, ListOf, Message

_MODALITY = enum("GenerationConfig.Modality", "MODALITY_UNSPECIFIED TEXT IMAGE AUDIO VIDEO")
_THINKING_LEVEL = enum("ThinkingConfig.ThinkingLevel", "THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH XHIGH")
_MEDIA_RESOLUTION = enum(
    "GenerationConfig.MediaResolution",
    "MEDIA_RESOLUTION_UNSPECIFIED MEDIA_RESOLUTION_LOW MEDIA_RESOLUTION_MEDIUM MEDIA_RESOLUTION_HIGH",
)
_HARM = enum(
    "HarmCategory",
    "HARM_CATEGORY_UNSPECIFIED HARM_CATEGORY_DEROGATORY HARM_CATEGORY_TOXICITY HARM_CATEGORY_VIOLENCE"
    " HARM_CATEGORY_SEXUAL HARM_CATEGORY_MEDICAL HARM_CATEGORY_DANGEROUS HARM_CATEGORY_HARASSMENT"
    " HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT HARM_CATEGORY_DANGEROUS_CONTENT"
    " HARM_CATEGORY_CIVIC_INTEGRITY HARM_CATEGORY_JAILBREAK",
)
_THRESHOLD = enum(
    "SafetySetting.HarmBlockThreshold",
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED BLOCK_LOW_AND_ABOVE BLOCK_MEDIUM_AND_ABOVE BLOCK_ONLY_HIGH BLOCK_NONE OFF",
)
_TRANSCRIPTION_MODE = enum("AudioTranscriptionConfig.Mode", "MODE_UNSPECIFIED VERBATIM SMART")

EMBED_TASK = enum(
    "TaskType",
    "TASK_TYPE_UNSPECIFIED RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING"
    " QUESTION_ANSWERING FACT_VERIFICATION CODE_RETRIEVAL_QUERY",
)
"""The purpose of a vector."""

_VOICE = Message(
    "VoiceConfig",
    lambda: {
        "prebuiltVoiceConfig": Message("PrebuiltVoiceConfig", lambda: {"voiceName": STRING}),
        "replicatedVoiceConfig": Message(
            "ReplicatedVoiceConfig",
            lambda: {
                "mimeType": STRING,
                "voiceSampleAudio": BYTES,
                "consentAudio": BYTES,
                "voiceConsentSignature": Message("VoiceConsentSignature", lambda: {"signature": STRING}),
            },
        ),
        "voice": STRING,
    },
    voice_config=("prebuiltVoiceConfig", "replicatedVoiceConfig", "voice"),
)
_SPEAKER = Message("SpeakerVoiceConfig", lambda: {"speaker": STRING, "voiceConfig": _VOICE})
_SPEECH = Message(
    "SpeechConfig",
    lambda: {
        "voiceConfig": _VOICE,
        "multiSpeakerVoiceConfig": Message(
            "MultiSpeakerVoiceConfig", lambda: {"speakerVoiceConfigs": ListOf(_SPEAKER)}
        ),
        "languageCode": STRING,
    },
)
_THINKING = Message(
    "ThinkingConfig",
    lambda: {"includeThoughts": BOOL, "thinkingBudget": INT32, "thinkingLevel": _THINKING_LEVEL},
)

AUDIO_TRANSCRIPTION = Message(
    "AudioTranscriptionConfig",
    lambda: {
        "languageCodes": STRINGS,
        "languageAuto": Message("LanguageAuto", dict),
        "languageHints": Message("LanguageHints", lambda: {"languageCodes": STRINGS}),
        "customVocabulary": STRINGS,
        "adaptationPhrases": STRINGS,
        "wordTimestamp": BOOL,
        "diarization": BOOL,
        "mode": _TRANSCRIPTION_MODE,
        "sourceText": STRING,
    },
)
"""Settings for turning speech into text."""

SAFETY_SETTING = Message("SafetySetting", lambda: {"category": _HARM, "threshold": _THRESHOLD})
"""From where on an answer is withheld."""

GENERATION_CONFIG = Message(
    "GenerationConfig",
    lambda: {
        "stopSequences": STRINGS,
        "responseMimeType": STRING,
        "responseSchema": SCHEMA,
        "responseJsonSchema": VALUE,
        "responseModalities": ListOf(_MODALITY),
        "responseFormat": ListOf(STRUCT),
        "candidateCount": INT32,
        "maxOutputTokens": INT32,
        "temperature": FLOAT,
        "topP": FLOAT,
        "topK": INT32,
        "seed": INT32,
        "presencePenalty": FLOAT,
        "frequencyPenalty": FLOAT,
        "responseLogprobs": BOOL,
        "logprobs": INT32,
        "enableEnhancedCivicAnswers": BOOL,
        "speechConfig": _SPEECH,
        "thinkingConfig": _THINKING,
        "imageConfig": Message("ImageConfig", lambda: {"aspectRatio": STRING, "imageSize": STRING}),
        "mediaResolution": _MEDIA_RESOLUTION,
        "enableAffectiveDialog": BOOL,
        "translationConfig": Message(
            "TranslationConfig", lambda: {"echoTargetLanguage": BOOL, "targetLanguageCode": STRING}
        ),
        "audioTranscriptionConfig": AUDIO_TRANSCRIPTION,
    },
)
"""The settings of the answer in a request, and in a Live setup."""
