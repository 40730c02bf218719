"""Every diagnostic code: what it means, and what to do about it.

The first sentence is the summary that a diagnostic shows: short, fixed, and without anything the user wrote, so that
similar problems can be grouped. The rest is for docs/diagnostics.md. A code keeps its meaning for ever; a retired one
is never given to something else. E0: the command line and the project file. E1: reading files. E2: manifests.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.source import Span

CODES: Mapping[str, str] = MappingProxyType(
    {
        "E010": (
            "Not a project file. gemctl.yaml holds exactly one document, with `apiVersion: gemctl/v1` and "
            "`kind: Project`. `gemctl init` writes one that works."
        ),
        "E011": (
            "Unknown key in the project file. gemctl reads no key that it doesn't know, since a misspelt one would "
            "otherwise be ignored in silence. Correct the spelling, or remove the key."
        ),
        "E012": (
            "Missing in the project file. Something that a project can't do without is absent: its name, at least "
            "one stack, or the default stack."
        ),
        "E013": (
            "Wrong value in the project file. The value has the wrong type, or is not one of those that are allowed "
            "there; the message says which are."
        ),
        "E014": (
            "A project file can't set a host. A project file comes from a repository, and whoever can edit it must "
            "not be able to send your key elsewhere. Only the environment variable GOOGLE_GEMINI_BASE_URL, which the "
            "official SDKs read too, chooses another host."
        ),
        "E015": (
            "Not part of the Gemini Developer API. Vertex AI endpoints, projects and locations are not supported; "
            "gemctl talks to the Gemini Developer API with an API key."
        ),
        "E016": (
            "Overlays are not available. This version of gemctl has no overlay folders. Put what differs between "
            "stacks into `vars`, and write ${var.name} where it is needed."
        ),
        "E017": (
            "Unknown stack. The stack is not among the `stacks` of gemctl.yaml. Add it there, or choose one of those "
            "that exist with --stack."
        ),
        "E018": (
            "No project found. There is no gemctl.yaml in the folder or above it. Run `gemctl init`, or say where "
            "the project is with -C."
        ),
        "E101": (
            "Not valid YAML. The text can't be read as YAML at this place. Usual causes: a tab in the indentation, a "
            "quote or bracket that is not closed, a `: ` or a leading @, %, ` or * in text without quotes."
        ),
        "E102": (
            "Duplicate key. A mapping has the same key twice. Many YAML readers silently keep the last one, so that "
            "half of what was written has no effect. Remove one of the two."
        ),
        "E103": (
            "A key must be text. A key is a number, true, false, null, a list or a mapping. Put it in quotes if it is "
            "meant as text."
        ),
        "E104": (
            "Merge keys are not supported. `<<` hides where a value comes from. Use `defaults` in gemctl.yaml for "
            "what many resources share, or an alias for a whole value."
        ),
        "E105": (
            "Tags are not supported. Of YAML's explicit tags only !!str is read. Remove the tag; put the value in "
            "quotes where text is meant."
        ),
        "E106": (
            "YAML directives are not supported. gemctl reads YAML 1.2, whatever a %YAML line says, and knows no %TAG. "
            "Remove the line."
        ),
        "E107": (
            "Unknown anchor. An alias (*name) refers to an anchor (&name) that doesn't come before it in the same "
            "document, or to the value that it stands in."
        ),
        "E108": (
            "Number out of range. Whole numbers have up to 64 bits, fractions those of a double. Put the value in "
            "quotes if it is meant as text."
        ),
        "E109": (
            "Character not allowed. Control characters, byte order marks, lone surrogates and the invisible line "
            "separators U+0085, U+2028 and U+2029 may not stand in a manifest. Delete the character, write it as an "
            'escape in double quotes ("\\u2028"), or move the text to a file and name it with `textFile`.'
        ),
        "E110": ("Not UTF-8. A manifest must be UTF-8 text without a byte order mark. Save the file as UTF-8."),
        "E111": (
            "Too much YAML. A manifest file has at most 1 MiB, 64 levels, 50,000 values, and 100 aliases, counted as "
            "if each alias were written out. Move long texts to files of their own and name them with `textFile`."
        ),
        "E120": "File not found. There is nothing at this path. Paths are relative to the file that names them.",
        "E121": (
            "Path leaves the project. Everything that gemctl reads or writes lies under the folder of gemctl.yaml, "
            "also after links are followed. Copy the file into the project."
        ),
        "E122": (
            "Not a regular file. gemctl reads regular files only: no folders, devices, pipes or sockets. To take every "
            "file of a folder, write `textFiles: folder/*`."
        ),
        "E123": "File can't be read. The system refused to open or read the file; the message says why.",
        "E124": "File too large. A text may have up to 64 MiB, a manifest up to 1 MiB.",
        "E125": (
            "Not a text file. Texts are UTF-8 without NUL characters. Other files belong to the API's Files; convert "
            "texts in another encoding to UTF-8."
        ),
        "E126": (
            "No file matches. A pattern must match at least one file, or a typo would cache nothing. Files and "
            "folders whose names begin with a dot never match."
        ),
        "E127": (
            "Not a usable path. Paths are relative, with forward slashes: no leading /, no ~, no backslashes, no URLs, "
            "no NUL characters. Nothing in them is expanded."
        ),
        "E128": "Too many files. A pattern may match up to 10,000 files. Make it narrower.",
        "E129": (
            "Path is reserved. The folder .gemctl holds gemctl's own state, .git the repository's; neither is read as "
            "text nor written to."
        ),
        "E201": (
            "Not a resource. Each document of a manifest is a mapping with apiVersion, kind, metadata and spec. YAML "
            "files that are no manifests belong outside the project, or in a folder whose name begins with a dot."
        ),
        "E202": "Unknown apiVersion. This gemctl reads `apiVersion: gemctl/v1`.",
        "E203": "Unknown kind. The kind is not one that this gemctl manages; the message lists those that it does.",
        "E204": (
            "Kind not available here. `Project` stands in gemctl.yaml only; `List` is not available in this version: "
            "write several documents, separated by `---`."
        ),
        "E205": (
            "Not a valid name. Names have 1 to 64 characters of a-z, 0-9, - and ., and begin and end with a letter or "
            "digit. They are identities, and are never sent as such; use displayName for what people should read."
        ),
        "E206": (
            "Unknown field. The field doesn't exist here. Fields have the API's own names in camelCase; gemctl reads "
            "none that it doesn't know, since a misspelt one would otherwise be ignored in silence."
        ),
        "E207": "Missing field. Something that can't be left out is absent.",
        "E208": (
            "Wrong type. Text, number, list or mapping: the value is of another type than the field. Text that looks "
            "like a number needs quotes."
        ),
        "E209": "Value not allowed. The value has the right type, but is not one that the field takes.",
        "E210": (
            "Empty value. A key without a value is null, and null has no meaning here. Write a value, or remove the "
            "key."
        ),
        "E211": (
            "Declared twice. Two documents have the same kind and name. Names are unique for each kind in the whole "
            "project, wherever the files lie. Rename one of them."
        ),
        "E212": (
            "Unknown variable. ${var.name} stands for an entry of `vars` of the chosen stack, and this one has no such "
            "entry. Add it to each stack. Write $${ for a literal ${."
        ),
        "E213": (
            "Unknown expression. Only ${var.name} is replaced; environment variables, files and other resources can't "
            "be named that way. Write $${ for a literal ${."
        ),
        "E214": (
            "Too long with its variables. With all variables put in, a document may have up to 8 MiB of text. Move "
            "long texts to files and name them with `textFile`."
        ),
        "E215": (
            "Not a duration. Durations are written 90s, 5m, 1h30m or 2d, or as the API does, in seconds: 3600s or 3.5s."
        ),
        "E216": "Not a time. Times are RFC 3339, with a zone: 2027-01-31T18:00:00Z or 2027-01-31T19:00:00+01:00.",
        "E217": (
            "renewBefore doesn't fit. It must be at least a minute and shorter than the ttl, and has a meaning only "
            "where there is a ttl: what ends at a given expireTime is not renewed."
        ),
        "E218": (
            "Lives too long. The lifetime is above `safety.maxTtl` of gemctl.yaml (7d where nothing is set). Stored "
            "tokens are billed by the hour, and a slip of the pen would be billed for years. Raise the limit if you "
            "mean it; a shorter ttl is renewed as long as the resource is declared."
        ),
        "E219": (
            "Can't publish there. A published file lies in the project, outside .gemctl and .git, and is neither a "
            "manifest nor a text that is cached. The forms are {file, key}, {dotenv, name} and {githubOutput}."
        ),
        "E220": (
            "Published twice. Two entries write the same key of the same file, or one file in two formats; the later "
            "would overwrite the earlier. Give one of them another key or file."
        ),
        "E221": (
            "Can't be ignored. `ignoreChanges` lists fields of spec, such as `tools` or `spec.toolConfig`; this is "
            "none of them."
        ),
        "E222": "Unknown resource. A reference names a resource that is not declared.",
        "E223": "Circular reference. Resources refer to each other in a circle, so that none can be made first.",
        "E224": (
            "Not part of the Gemini Developer API. The field or form belongs to Vertex AI; the message names what to "
            "use instead."
        ),
        "E225": "Not available yet. gemctl knows the form but can't handle it in this version; the message names a way.",
        "E226": (
            "Both ttl and expireTime. The API takes one of the two: `ttl` for something that is kept alive, "
            "`expireTime` for something that ends at a given time."
        ),
        "E227": "Nothing to cache. At least one of contents, systemInstruction and tools must be there.",
        "E228": (
            "Not one kind of data. A part holds exactly one of text, textFile, textFiles, inlineData, fileData, "
            "functionCall, functionResponse, executableCode, codeExecutionResult, toolCall and toolResponse."
        ),
        "E229": "Not base64. inlineData.data holds bytes as standard base64, as in the API's JSON.",
        "E230": (
            "Looks like a mark. gemctl marks its own objects with ` ~g1.…` at the end of the display name; a name of "
            "yours may not contain that."
        ),
        "E231": (
            "Set by the service. The field is an output: it can't be declared. Remove it; `gemctl get` and "
            "`gemctl output` show it."
        ),
        "W201": (
            "Probably too small to be cached. The service refuses caches below a least number of tokens, which differs "
            "by model. The estimate is four bytes a token; the service has the last word."
        ),
        "W202": (
            "Very short ttl. A cache of a minute or less is likely to be gone before anyone uses it, and can hardly be "
            "renewed in time."
        ),
        "W203": (
            "Already over. The expireTime is in the past. What is past is never created; a live object is left to end."
        ),
        "W204": (
            "Display name will be cut. 84 characters of it are kept: the API allows 128, and gemctl's mark takes 44."
        ),
    }
)


def summary(code: str) -> str:
    """The fixed wording of a code. Raises KeyError for one that doesn't exist."""
    return CODES[code].split(". ", 1)[0].removesuffix(".")


def problem(
    code: str, detail: str, *, span: Span | None = None, address: Address | None = None, hint: str | None = None
) -> Diagnostic:
    """A diagnostic with the code's own summary."""
    return Diagnostic(code, summary(code), detail, span, address, hint)
