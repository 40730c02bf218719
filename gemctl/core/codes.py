"""Lists every diagnostic code: what it means, and what to do about it.

The first sentence is the summary that a diagnostic shows: short, fixed, and without anything the user wrote, so that
similar problems can be grouped. The rest is for docs/diagnostics.md. A code keeps its meaning for ever; a retired one
is never given another. Called by every room that makes a diagnostic.

    E0 the command line and the project file     E3 the service
    E1 reading files                             E4 the state
    E2 manifests                                 E5 plans, and what becomes of them      W… warnings of the same
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.help import CodeHelp
from gemctl.core.source import Span

SECTIONS = {  # by the first digit of a code
    "0": "The command line and the project file",
    "1": "Reading files",
    "2": "Manifests",
    "3": "The service",
    "4": "The state",
    "5": "Plans, and what becomes of them",
}
UNQUOTED = frozenset({"E021", "E061", "E062", "E275"})  # the text at their place may be a secret: the line is not shown

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
        "E017": (
            "Unknown stack. The stack is not among the `stacks` of gemctl.yaml. Add it there, or choose one of those "
            "that exist with --stack."
        ),
        "E018": (
            "No project found. There is no gemctl.yaml in the folder or above it. Run `gemctl init`, or say where "
            "the project is with -C."
        ),
        "E026": (
            "Wrong line under moved. `moved` in gemctl.yaml says `from` which address `to` which a resource was "
            "renamed. Both are addresses of one kind, nothing is renamed twice from one address, and not in a circle; "
            "a to b and b to c may stand together."
        ),
        "E027": (
            "Renamed, and still declared. A line under `moved` says that a resource has another address now, and a "
            "manifest declares the old one. Rename it in the manifest, or remove the line."
        ),
        "E028": (
            "Wrong file of facts. The file that `facts` in gemctl.yaml names holds one document with "
            "`apiVersion: gemctl/v1` and `kind: Facts`: models, their dates, methods and prices, in the form that "
            "docs/costs.md shows. Amounts are texts in quotes, and periods stand in their order."
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
            "Too much YAML. A manifest file has at most 64 MiB, 5,000 documents, 64 levels and 5,000,000 keys and "
            "values; and its aliases stand for at most 100,000 values and 20 MiB of text together. Split the file, or "
            "move long texts to files of their own and name them with `textFile`; write out what aliases stand for."
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
        "E124": (
            "File too large. A text or a manifest may have up to 64 MiB, and a file that is uploaded up to 2 GiB, as "
            "the API's Files allow. Split it."
        ),
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
            "no NUL characters. Nothing in them is expanded. Of PATHs, none is in an overlay folder, which holds no "
            "manifests of its own."
        ),
        "E128": "Too many files. A pattern may match up to 10,000 files, in up to 200,000 folders. Make it narrower.",
        "E129": (
            "Path is reserved. The folder .gemctl holds gemctl's own state, .git the repository's; neither is read as "
            "text nor written to."
        ),
        "E130": (
            "Not JSON Lines. A file of requests is UTF-8 text with one JSON object a line, without blank lines and "
            "without a byte order mark, in which no object has a name twice. The message names the line."
        ),
        "E131": (
            "Hidden file. Files that are uploaded, and their folders, have no names that begin with a dot: such files "
            "often hold secrets, and an upload can't be taken back. Copy it under another name if it is meant."
        ),
        "E132": (
            "Line too long. A line of a file that is checked line by line may have up to 64 MiB. Usually it isn't a "
            "file of lines at all."
        ),
        "E133": (
            "File changed while it was read. Its bytes are not those that the plan is about, or it was written to at "
            "that moment. Nothing was made of it. Let whatever writes to it finish, and plan again."
        ),
        "E134": (
            "More of the same. A file has more problems than are listed. Mend what is listed first: the rest is often "
            "one mistake, made again in each line."
        ),
        "E140": (
            "Not a number that all readers agree on. Without quotes, gemctl reads the numbers of YAML 1.2: 7, +7, "
            "-0.5, .5, 1., 1e3, 0x1F and 0o17. What else looks like a number to some YAML reader or programming "
            "language, such as 1_000, 0b101, 012, -0x1F, 0o8 or 1e, is refused instead of being taken for text in "
            "silence. Write the number in one of the forms above, or put it in quotes if it is text. Dates, times of "
            "day (1:30), durations (12h) and versions (1.2.3) are text anyway."
        ),
        "E141": (
            "Not a number in JSON. .inf, -.inf and .nan are numbers in YAML, and JSON, which the API takes, has none "
            "for them. Leave the value out, or put it in quotes if it is text."
        ),
        "E142": (
            "Folders too deep. Manifests, and files that match a pattern, are looked for up to 100 folders below the "
            "project. Move the folder, or give it a name that begins with a dot: such folders are passed over."
        ),
        "E201": (
            "Not a resource. Each document of a manifest is a mapping with apiVersion, kind, metadata and spec. YAML "
            "files that are no manifests belong outside the project, or in a folder whose name begins with a dot."
        ),
        "E202": "Unknown apiVersion. This gemctl reads `apiVersion: gemctl/v1`.",
        "E203": "Unknown kind. The kind is not one that this gemctl manages; the message lists those that it does.",
        "E204": (
            "Kind not available here. `Project` stands in gemctl.yaml only, and gemctl.yaml at the top of a project; "
            "a file of `Facts` is named by `facts` in gemctl.yaml, and is no manifest."
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
            "entry. Add it to each stack, or give it with `--var NAME=value` or the environment variable "
            "GEMCTL_VAR_NAME. Write $${ for a literal ${."
        ),
        "E213": (
            "Unknown expression. In the texts of manifests ${var.NAME}, ${stack} and ${project} are replaced, and "
            "nothing else: environment variables, files and other resources can't be named that way. Where the "
            "characters ${ are meant, as in JavaScript or in a shell script, write $${, or move the text to a file and "
            "name it with `textFile`: nothing is replaced in files."
        ),
        "E214": (
            "Too long with its variables. What variables stand for may have up to 64 MiB in all manifests of a stack. "
            "Move long texts to files and name them with `textFile`."
        ),
        "E215": (
            "Not a duration. Durations are written 90s, 5m, 1h30m or 2d, or as the API does, in seconds: 3600s or 3.5s."
        ),
        "E216": "Not a time. Times are RFC 3339, with a zone: 2027-01-31T18:00:00Z or 2027-01-31T19:00:00+01:00.",
        "E217": (
            "renewBefore doesn't fit. It must be at least a minute and shorter than the ttl, and has a meaning only "
            "where there is a ttl: what ends at a given expireTime is not renewed. For a File it belongs to "
            "`keep: always`, and is shorter than the 48 hours that files live."
        ),
        "E218": (
            "Lives too long. The ttl is above `safety.maxTtl` of gemctl.yaml (7d where nothing is set). Stored "
            "tokens are billed by the hour, and a slip of the pen would be billed for years. Raise the limit if you "
            "mean it; a shorter ttl is renewed as long as the resource is declared."
        ),
        "E219": (
            "Can't publish there. A published file lies in the project, outside .gemctl and .git, and is neither a "
            "manifest nor a text that is sent. The forms are {file, key}, {dotenv, name} and {githubOutput}."
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
        "E225": "Not available yet. gemctl knows the form but can't handle it yet; the message names another way.",
        "E226": (
            "Both ttl and expireTime. The API takes one of the two: `ttl` for something that is kept alive, "
            "`expireTime` for something that ends at a given time."
        ),
        "E227": "Nothing to cache. At least one of contents, systemInstruction and tools must be there.",
        "E228": (
            "Not one kind of data. A part holds exactly one of text, textFile, textFiles, inlineData, fileData, "
            "fileRef, functionCall, functionResponse, executableCode, codeExecutionResult, toolCall and toolResponse."
        ),
        "E229": (
            "Not base64. Bytes, such as inlineData.data and thoughtSignature, are written as base64, as in the API's "
            "JSON. Write what `base64 FILE` prints, or what the service gave."
        ),
        "E230": (
            "Looks like a mark. gemctl marks its own objects with ` ~g1.…` at the end of the display name; a name of "
            "yours may not contain that."
        ),
        "E231": (
            "Set by the service. The field is an output: it can't be declared. Remove it; `gemctl get` and "
            "`gemctl output` show it."
        ),
        "E232": (
            "Refers to something unlike. A resource and what it refers to must have a field alike, such as the model "
            "of a cache and of the job that uses it."
        ),
        "E233": (
            "Nothing to overlay. No manifest declares what this overlay is for, and it is not a whole resource by "
            "itself. Correct its kind or name, or write all that the resource needs."
        ),
        "E234": (
            "Overlay without an address. An overlay says by `apiVersion`, `kind` and `metadata.name` which resource it "
            "belongs to; the file's name and folder mean nothing."
        ),
        "E235": "List within a List. The items of a `kind: List` are resources. Put those of the inner into the outer.",
        "E240": (
            "Same key twice. Each request of a job has a key of its own: results come in any order, and are told "
            "apart by it."
        ),
        "E241": (
            "Not in a file of requests. textFile and textFiles name texts in other files, and a file of requests holds "
            "its texts itself. Write the text into it, or put the requests into the manifest."
        ),
        "E242": (
            "Not one input. A job takes its requests from exactly one place: `requests`, `input: {jsonl: path}` or "
            "`input: {fileRef: {name}}`."
        ),
        "E255": (
            "More than the service takes in one file. With what `request` puts under each line, the file that would be "
            "uploaded has more than 2 GB. Cut it into parts with `split`, or keep what is long in a cache and refer to "
            "that, once for all lines."
        ),
        "E243": (
            "Too large for one call. Requests in a manifest, their texts included, may have up to 20 MiB. Write them "
            "into a file of JSON Lines and name it with `input: {jsonl: path}`."
        ),
        "E244": (
            "Clashes with the cache. A request that uses a cache can't bring a systemInstruction, tools or toolConfig: "
            "those of the cache hold. Move them into the cache, or don't use it."
        ),
        "E245": (
            "Results can't be saved there. Results lie in the project, outside .gemctl and .git, in a file of their "
            "own: no manifest, no text or upload, no published file, and not the results of another job. Beside them "
            "lies their receipt, `<results>.run.json`."
        ),
        "E246": (
            "Has no effect. The setting of `run` only means something together with another one; the message names it. "
            "Add that, or remove this."
        ),
        "E247": (
            "Media type not known. gemctl knows the usual ones by the end of the file's name. Write mimeType: with the "
            "type that the service should take the file for."
        ),
        "E248": (
            "Secret can't be written there. A secret lies in the project, outside .gemctl and .git, in a file of its "
            "own: no manifest, no text or upload, no published file, no results, and no other secret."
        ),
        "E249": (
            "Name chosen twice. The names of such objects are chosen in their specs, and two resources choose the "
            "same. Give one of them another."
        ),
        "E250": (
            "Not a schema of the API. Fields of a schema contradict each other, and the service refuses all that it "
            "stands in: an array has items and nothing else has, an object has properties, an enum is for texts that "
            "are not empty, and what is required is among the properties. What this form can't say, "
            "parametersJsonSchema and responseJsonSchema can, which take JSON Schema as it is."
        ),
        "E251": (
            "Two ways of thinking. A request says with thinkingBudget how many tokens a model may think, or with "
            "thinkingLevel how deeply, and the service refuses both together. Keep the one that the model knows."
        ),
        "E252": (
            "Calls of no function. A functionCallingConfig goes with functionDeclarations of the same request or "
            "cache, and allowedFunctionNames with the modes ANY and VALIDATED; the service refuses the rest. "
            "Declare the functions, or remove what is about them."
        ),
        "E253": (
            "Nothing to embed. No vector can be made of an empty text, and the service refuses the request. Remove "
            "the part, or write something into it; with textFiles, let the pattern leave empty files out."
        ),
        "E254": (
            "Library for Parquet missing. Results in a .parquet file are written with pyarrow, which comes with the "
            "extra: pip install 'gemctl[parquet]'. Nothing is run before it is there. Or name a .jsonl file."
        ),
        "E260": (
            "Not supported by the Live API. The API has this field, but not for sessions of the Live API; the message "
            "says what to do instead. Remove it."
        ),
        "E261": (
            "Not one response modality. A session of the Live API answers with speech or with text, and never with "
            "both: `responseModalities: [AUDIO]` or `[TEXT]`. For speech with its text, ask for "
            "outputAudioTranscription."
        ),
        "E262": (
            "Not a lifetime of tokens. Tokens live for less than 20 hours, and sessions are started while they live: "
            "newSessionExpireAfter is not longer than expireAfter."
        ),
        "E263": (
            "Any number of uses. `uses: 0` means that a token starts as many sessions as somebody likes until it "
            "expires, at your cost. Write a number, or `allowUnlimited: true` beside it if that is meant."
        ),
        "E264": (
            "Can't be locked. lockAdditionalFields names fields of liveConnectConstraints.config, and has a meaning "
            "only where there are constraints. Left out, everything is locked."
        ),
        "E265": (
            "Set twice. A field of the Live API's configuration may stand in generationConfig or beside it. Keep one "
            "of the two."
        ),
        "E287": (
            "Token can't be minted with this lock. The service answers 400 to a token whose mask names such a field "
            '("field_mask is invalid for BidiGenerateContentSetup"). Leave lockAdditionalFields out: then everything '
            "is locked, and no mask is sent."
        ),
        "E288": (
            "Model only speaks. A session with it that is to answer with text is closed by the service before it has "
            "begun. Write `responseModalities: [AUDIO]`, and `outputAudioTranscription: {}` for what it says as text. "
            "Where the service has changed, `refuses: []` for the model in the project's own `facts` lifts this."
        ),
        "E289": (
            "No session can be opened like this. The service was seen to refuse sessions of this model with such a "
            "setting, or without one; the message says which. Where it has changed, `refuses` or `needs` of the model "
            "in the project's own `facts` lifts this."
        ),
        "W576": (
            "Token may not be mintable with this lock. The service was reported to refuse masks with such fields, of "
            "some models. `gemctl token verify` tries it. Left out, lockAdditionalFields locks everything, and no "
            "mask is sent."
        ),
        "W578": (
            "Sessions end early. A connection of the Live API ends after ten minutes to an hour, by model, and a "
            "session goes on only if the client takes it up again: that needs `sessionResumption` in what is locked, "
            "and a token with which sessions can still be started. Taking one up is no use of the token, and is "
            "refused all the same once newSessionExpireAfter has passed."
        ),
        "W579": (
            "Not a setting of this model. By its documentation the model doesn't have this in sessions of the Live "
            "API; the service may refuse it, or take no notice. Remove it. `lacks` of the model in the project's own "
            "`facts` corrects this."
        ),
        "E272": (
            "Agent of the service. Such agents can be the base of others and be run, and are neither made nor changed "
            "by anybody: the service does not even show them. Choose another id."
        ),
        "E273": (
            "Too much for inline sources. What an environment is made with stands in the request itself, and a "
            "megabyte is the most. Put the files into a repository or into Cloud Storage, and name that as a source."
        ),
        "E274": (
            "Value of a secret can't be had. Something with a secret is to be made or changed, and its source has no "
            "value: the variable is not set, or the file is missing or empty. Nothing is sent. `validate` needs no "
            "values, and `plan` only those of secrets that are to be sent. Set the variable where gemctl runs, or name "
            "another source."
        ),
        "E275": (
            "Secret stands in the manifest. A secret is named by where it is read, and never by its value, which would "
            "stand in version control: `valueFrom: {env: NAME}`, `{file: PATH}` or `{keyring: {service: gemctl, "
            "username: NAME}}`. The text is not shown. If it was committed, it is no secret any more: have a new one "
            "made."
        ),
        "E278": (
            "Not a schedule. A schedule has five fields, as cron has them: minute, hour, day of the month, month and "
            "day of the week. Each is *, a number, a range, or a list of these, with /step behind it where not all "
            "count. There is no field for seconds, and no word such as @daily."
        ),
        "E279": (
            "Not a time zone. A schedule is read by the clocks of a place, whose name is one of the IANA's, such as "
            "Europe/Berlin, or UTC. An offset is none: clocks change."
        ),
        "E280": (
            "Nothing that could be started. What is started by the clock is an agent: `agentRef` names an Agent of "
            "this project, `agent` any other by its id, and there is exactly one of the two. A model alone is refused "
            "by the service."
        ),
        "W575": (
            "Halted by the service. What the service was to start by a schedule is started no more, and nobody has "
            "asked for that: most likely too many runs failed in a row. The message says what is known, and how to go "
            "on. A plan starts it again only where the manifest says that it is to be active."
        ),
        "E276": (
            "Not a source of secrets. A manifest may come from a pull request, so that it can't have everything sent: "
            "no API key and no variable of gemctl's own, and of the keyring only entries whose service is `gemctl` or "
            "begins with `gemctl-`. Keep the secret there, or in a variable of another name."
        ),
        "E277": (
            "Does not belong to its type. Which fields such an object has depends on its type, and the service takes "
            "no others; some it can't do without. The message says which. Add or remove the field, or correct the "
            "type."
        ),
        "E271": (
            "Wrong documents. A file can't be a document of the store as it is declared: it is empty, larger than the "
            "service takes, declared twice, or its path is too long to be a document's name. Leave it out of the globs."
        ),
        "E282": (
            "Form of an older API. The Interactions API has changed, and refuses what its first documents and "
            "generateContent have: modalities in capitals, a voice as an object, messages with roles, a schema as a "
            "format, and others. The message has the form of today; write that."
        ),
        "E283": (
            "Doesn't go together. An interaction is answered by exactly one of model, agent and agentRef; settings of "
            "agents go with agents and those of models with models, and each field of a tool with some of the tools."
        ),
        "E284": (
            "Not a label. Keys and values of labels have up to 63 characters of a-z, 0-9, _ and -, and a key begins "
            "with a letter. The service refuses any other."
        ),
        "E285": (
            "Not one piece of input. A text stands in `text` or in a `file`; a picture, recording, document or video "
            "has a uri or a fileRef, and its bytes are those of a File. Results of functions come alone."
        ),
        "E286": (
            "Carries on two interactions. `previousRef` names one of the project, and `previousInteractionId` any "
            "other by its id. Write one of the two."
        ),
        "E270": (
            "Not an event. A webhook subscribes to events by their names, and the service refuses any other. There are "
            "batch.succeeded, batch.expired, batch.failed, interaction.requires_action, interaction.completed, "
            "interaction.failed and video.generated. Write one of these."
        ),
        "W201": (
            "Probably too small to be cached. The service refuses caches below a least number of tokens, which differs "
            "by model. The number of tokens is estimated; the service has the last word."
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
        "W205": (
            "Receipt can't be read. `<results>.run.json` says of the results beside it which run they came from, and "
            "is not what gemctl wrote. It counts for nothing. Put back a copy of it; while the state knows the run, "
            "or the service shows it, nothing is lost by its absence."
        ),
        "W206": (
            "Requests can't be run again. The file with the requests that have no response is not what was saved "
            "beside the results. They count as done. Put it back, or change `run.key` to run all of them again."
        ),
        "W210": (
            "Model is switched off. By the dates that were announced the service no longer has this model: what is "
            "made for it is refused, and a token for it opens no session. Name another one. Announced dates have "
            "moved before, so this is a warning; a plan asks the service, which has the last word."
        ),
        "W240": (
            "Model ends soon. The service has announced when it stops to answer for this model, and that is within "
            "`safety.modelNotice` (30 days by default). A cache works with its own model only, so plan the change of "
            "model together with the programs that use it."
        ),
        "W241": (
            "Another model answers. From the announced day on requests for this model are answered by another one, "
            "and billed at its prices. The name stays valid. What becomes of caches of the old model is not "
            "documented: name the new model when it suits you, rather than on that day."
        ),
        "W242": (
            "Unknown model. The facts about models that gemctl ships, and those of the project, do not have this "
            "name. It may be new, or tuned, or misspelt. The service has the last word; `facts` in gemctl.yaml makes "
            "a model known, with its prices."
        ),
        "W243": (
            "Model can't do this. By the facts about models, this one does not support what the resource is for: "
            "Gemini 4 takes no explicit caches, embedding models answer no questions, and only Live models open "
            "sessions. `gemctl models` shows what each does."
        ),
        "W220": (
            "Two stacks write the same file. Another stack of the project publishes under the same key of the same "
            "file, or saves its results there, so that each overwrites what the other wrote. Put ${stack} into the "
            'path, in quotes where it stands in braces: `{file: "out/${stack}/names.json", key: handbook}`.'
        ),
        "W214": (
            "Text is the name of a file. A text is sent as it stands, and this one is the path of a file of the "
            "project, as seen from the manifest: the path would be sent, and not what is in the file. Name the file "
            "with `textFile`, or several by `textFiles`, where its text is meant."
        ),
        "W211": (
            "Empty text. A part holds an empty text, or a file that is empty. Some models refuse the request, and no "
            "model makes anything of it. Usual causes: a prompt that was not written yet, and a pattern that finds "
            "an empty file. Remove the part, or write something into it."
        ),
        "W212": (
            "Unknown function. allowedFunctionNames has a name that no functionDeclarations of the same request or "
            "cache declare, so that it can't be called. Correct the name, or declare the function."
        ),
        "W213": (
            "Function calling without functions. Models up to Gemini 2.5 refuse a request with a "
            "functionCallingConfig and no functionDeclarations, whatever its mode. Declare functions, or remove it."
        ),
        "E001": "Something went wrong. What exactly is in the message; no more special code fits.",
        "E003": (
            "Not a setting of the embedded emulator. GEMCTL_EMULATOR_CLOCK takes a shift such as `+25h`, or an instant "
            "such as 2027-01-31T18:00:00Z; GEMCTL_EMULATOR_KNOBS a JSON object of knobs."
        ),
        "E004": (
            "No such thing here. An address, target or kind on the command line names nothing that is "
            "declared, recorded or known; the hint lists what there is."
        ),
        "E005": (
            "Publishing through a link. A `publish` path leads out of the project through a symbolic link. "
            "Names are published to plain files of the project only."
        ),
        "E006": (
            "Not a JSON object. `publish: [{file: …}]` sets a key in a JSON object, and what is in the file "
            "is something else. Mend it or remove it; gemctl does not overwrite what it doesn't understand."
        ),
        "E007": (
            "The state can't be edited so. `state rm` and `state mv` take addresses that are recorded, `mv` "
            "one of the same kind that is free."
        ),
        "E008": (
            "Can't be imported. Import binds a live object, which no address has yet, to a declared resource "
            "that has no object yet."
        ),
        "E009": (
            "Not a valid command line. `gemctl COMMAND --help` shows what it takes. Without a terminal, apply"
            " and destroy need --yes."
        ),
        "E019": "There is a project already. `gemctl init` doesn't write into a folder that has a gemctl.yaml.",
        "E020": (
            "An extra is not installed. The served emulator needs some libraries more: install starlette, "
            "uvicorn, websockets and cryptography beside gemctl (docs/install.md); `gemctl token verify` needs "
            "websockets. Stacks with `endpoint: emulator` need none of them."
        ),
        "E021": (
            "Key where its name should be. An API key never stands in a file: `apiKey: {env: NAME}` names the variable "
            "that holds it, GEMINI_API_KEY or GOOGLE_API_KEY with a suffix if need be, and `apiKey: {keyring: "
            "gemctl/NAME}` an entry of the keyring, whose service is gemctl or begins with gemctl-. The line is not "
            "shown."
        ),
        "E022": (
            "Not an overlay folder. `overlays` of a stack names folders of the project: relative to its root, with "
            "forward slashes, and neither the root itself nor a name that begins with a dot."
        ),
        "E023": (
            "Variable that can't be given. `--var name=value` and GEMCTL_VAR_name give a variable its value, as text. "
            "A variable from the command line must be one that a stack declares or a manifest uses: a misspelt one "
            "would otherwise be ignored in silence."
        ),
        "E061": (
            "Password in a file. A DSN in gemctl.yaml, or on a command line, holds a password, which everybody who can "
            "read it would know. Leave the password to PGPASSWORD, ~/.pgpass or PGSERVICE, or keep the whole DSN in an "
            "environment variable: `state: {postgres: {env: GEMCTL_STATE_DSN}}`. Change a password that was in a file."
        ),
        "E062": (
            "Not a place for a state. `state` of a stack is `local`, `{postgres: postgresql://host/db}`, `{postgres: "
            "{env: NAME_DSN}}` or `{object: s3://bucket/prefix}`. A DSN in a file may set host, port, database, user, "
            "`options` and how it is connected, and no files and no services; the environment may set the rest."
        ),
        "E090": (
            "The operating system refused. A file or folder could not be read or written; the message is the "
            "system's own. Nothing is sent to the service unless what is intended was written down first."
        ),
        "E091": (
            "Port can't be used. Another program listens at this port, often another emulator, or it takes rights that "
            "you don't have. `gemctl emulator --port 0` takes a free port and prints it."
        ),
        "E092": (
            "No such emulator there. `gemctl emulator env` asks the emulator that runs at a port of this machine: "
            "nothing answers there, or something else does, or, with --https, one that can't be trusted by TLS. "
            "`gemctl emulator` starts one."
        ),
        "E099": (
            "A bug in gemctl. This should not have happened. The journal holds what was intended, so nothing "
            "is lost; set GEMCTL_DEBUG=1 to see where it came from, and report it."
        ),
        "E301": (
            "Refused by the service. The service refused the request and meant it; sending it again won't "
            "help. Its own words are in the message, with the fields it complains about where it names them. "
            "Change what was asked, or the rights of the key."
        ),
        "W301": (
            "Two different keys. GEMINI_API_KEY and GOOGLE_API_KEY are both set and differ. GEMINI_API_KEY is"
            " used; unset one, or name one in gemctl.yaml."
        ),
        "E302": (
            "Service not reached. The call could not be made now: no connection, no answer, overload, or a "
            "limit on the rate. Calls that may be repeated were already repeated. For a create it means that "
            "nothing was sent. Run it again later; where GOOGLE_GEMINI_BASE_URL is set, look whether that is right."
        ),
        "W302": (
            "Clock differs from the service's. By more than a minute. gemctl goes by the service's clock; "
            "logs and file times mislead until this machine's clock is set."
        ),
        "E303": (
            "Outcome unknown. A create was sent and no trustworthy answer came back. It is never sent again "
            "blindly; the next apply waits, lists, and looks for the mark before it decides."
        ),
        "E304": (
            "Not an answer of the API. A complete answer came, but not one that the API would give. Usually a"
            " proxy or a login page answered, or GOOGLE_GEMINI_BASE_URL is wrong."
        ),
        "E305": (
            "Redirected. The call was answered with a redirect. gemctl follows none, because the API key "
            "would travel to the other host. If the API really is there, set GOOGLE_GEMINI_BASE_URL to it."
        ),
        "E306": (
            "List without an end. A list could not be read to its end: a page token came twice, there are more "
            "than 10,000 pages or a million items, or it takes longer than half an hour. gemctl decides nothing by "
            "half a list."
        ),
        "E307": (
            "Key not accepted. The API key is invalid, expired, deleted or restricted, or did not arrive. The"
            " hint names where the key came from."
        ),
        "E308": (
            "Answer too large. An answer is larger than gemctl is willing to take (32 MiB, 64 MiB for a page "
            "of a list, 512 MiB for a job with its results in it, 2 GiB for a download, 256 MiB for a line of one), or "
            "its values would take more memory than 256 MiB and than ten times its size."
        ),
        "E309": (
            "Not sent. The path, query or body of a call can't be written safely, or the API version isn't "
            "one. Names from manifests, states and lists must not be able to steer a request elsewhere."
        ),
        "E310": (
            "No API key. Set GEMINI_API_KEY (or the variable that the stack names), or let the stack say "
            "`endpoint: emulator`, which needs no key."
        ),
        "E311": (
            "Not a usable key. What was found is empty, has spaces or line breaks in it, is too long or an "
            "ephemeral token, or the stack names a variable that isn't one for keys: GEMINI_API_KEY and "
            "GOOGLE_API_KEY, with a suffix if need be; or an entry of the keyring that isn't gemctl's."
        ),
        "E312": (
            "Key file can't be used. The file named by GEMCTL_API_KEY_FILE is unreadable, not a regular file,"
            " too long, or open to other users. chmod 600 closes it."
        ),
        "E313": (
            "Key command failed. The command in GEMCTL_API_KEY_COMMAND could not be started, failed, took "
            "more than 30 seconds, or wrote more than a key. It runs without a shell and must print only the "
            "key; its standard error is not shown, because it may quote secrets."
        ),
        "E314": (
            "Not a usable base URL. GOOGLE_GEMINI_BASE_URL must be https (http only to a loopback host), "
            "without credentials, query or fragment; a path in front of the version is fine."
        ),
        "E315": (
            "Proxy or certificates can't be used. The proxy in HTTPS_PROXY or ALL_PROXY, or the certificates "
            "in SSL_CERT_FILE or SSL_CERT_DIR, can't be used. Proxies are written "
            "http://[user:password@]host:port; https and SOCKS proxies are not supported."
        ),
        "E316": (
            "Upload leads elsewhere. The service named another host than its own to send a file to. No answer may "
            "steer a file there, so nothing was sent. A gateway between must put its own address into the answer."
        ),
        "E317": (
            "Given up on the way. A file was on its way, and the run was stopped, the service dropped it, or took next "
            "to nothing at a time or in all that time. Nothing was made of what had been sent. Run it again."
        ),
        "E318": (
            "The keyring can't be asked. The stack takes its key from the keyring of this desktop, and the library for "
            "it is missing (install `keyring` beside gemctl), there is no keyring, it is locked, or it did not answer "
            "within 60 seconds. Where there is no desktop, use `apiKey: {env: NAME}`."
        ),
        "E319": (
            "No such entry in the keyring. The stack takes its key from an entry that the keyring doesn't have. "
            "`keyring set gemctl NAME` asks for the key and puts it there. Other keys are not tried: they may belong "
            "to another project."
        ),
        "E399": (
            "Unexpected failure during a call. A bug of gemctl in the middle of a call. A create may have "
            "been sent; the next apply finds out."
        ),
        "E401": (
            "Snapshot missing. The journal of a state is there and its state.json is not. It is not the same "
            "as no state: intents may be in it. Put back a copy, or run `gemctl state rebuild`."
        ),
        "W401": (
            "Journal damaged. Whole lines of the journal can't be read, which is not how a dying process "
            "leaves it. What could be read is used; before anything is created, gemctl waits and looks for "
            "marks. The damaged file is kept aside."
        ),
        "E402": (
            "Snapshot empty. state.json has nothing in it, which is never how gemctl leaves it, and never "
            "taken for `no state`. Put back a copy, or run `gemctl state rebuild`."
        ),
        "W402": "Snapshot could not be written. Everything is in the journal all the same, and the next run folds it.",
        "E403": (
            "Snapshot damaged. The checksum of state.json does not fit, or it can't be read at all. Put back "
            "a copy, or run `gemctl state rebuild`, which keeps the damaged one as state.json.aside."
        ),
        "E404": (
            "Snapshot of a newer gemctl. state.json has a format that this version doesn't know. It was not "
            "touched; upgrade gemctl."
        ),
        "E405": (
            "State of another project. The state in this folder was made for another project id or stack. "
            "Using it would delete the wrong things. Put the id back, or move the folder away."
        ),
        "E406": (
            "State of another endpoint. The state in this folder is about objects at another host. Use one "
            "stack for one endpoint."
        ),
        "E407": (
            "Journal of another state. The journal's lineage is not that of state.json: files of two states "
            "were mixed. Put back what belongs together, or run `gemctl state rebuild`."
        ),
        "E408": (
            "Older than its journal. state.json is an older copy than its journal builds upon. Put back the "
            "newest copy, or run `gemctl state rebuild`."
        ),
        "E410": (
            "Locked by another run. One run at a time may change a stack; the message says who holds it. The lock ends "
            "with that process, however it ends; only in object storage a run that was killed leaves its lock behind, "
            "and the message says how to remove it. --lock-timeout waits."
        ),
        "E411": (
            "State can't be reached. The database or bucket that keeps the state doesn't answer, or doesn't let "
            "this run in; the message is its own. That is not the same as no state, so nothing is done. Mend the way "
            "there, or the credentials, and run the same again."
        ),
        "E412": (
            "State was taken over. This run may no longer write to the state: the session that held its lock has "
            "ended, its lock was removed, or another run has begun since. Nothing is sent on the strength of what "
            "could not be written. Apply again once the other run has ended: what was sent is found."
        ),
        "E413": (
            "A library is missing. State in PostgreSQL needs `psycopg[binary]`, and state in object storage `obstore`, "
            "installed beside gemctl (docs/install.md)."
        ),
        "E414": (
            "State can't be opened. The environment variable that should hold the DSN is not set, or what names the "
            "database or bucket can't be read (what it holds is not shown), or the storage knows no conditional "
            "writes, without which two runs could overwrite each other."
        ),
        "E415": (
            "No such lock. `gemctl state unlock` removes the lock of a dead run from object storage, and only the one "
            "whose id it is given. Other locks end with their process."
        ),
        "E416": (
            "State is not replaced. What `gemctl state push` was given is of another project, stack or endpoint, of "
            "another lineage, or older than what is there. --force allows the last two: what is known only to the "
            "state that is there is forgotten then."
        ),
        "E417": "Not a state. The file is not what `gemctl state pull` has written, or was changed since.",
        "E418": (
            "Nothing to move, or no room for it. `gemctl state migrate` moves a state from where it was to where "
            "gemctl.yaml says it is kept: there must be one there, and none here."
        ),
        "E419": (
            "State has been moved. `gemctl state migrate` has moved this state elsewhere; the message says where. An "
            "old gemctl.yaml still looks for it here. Use the one that says where it is now."
        ),
        "E430": (
            "Link in the way. gemctl goes through no link to files of its own: neither `.gemctl` nor a folder or file "
            "in it may be one, nor the file that is written to; and a folder of the project that is one must not lead "
            "out of it. A link may come with a checkout, and lead anywhere. Nothing was written. Put a folder or a "
            "plain file there; a state that is to lie elsewhere is named by `state` of the stack."
        ),
        "E431": (
            "Not a plain file. Where gemctl keeps or writes a file there is a pipe, a device, a folder, or a file that "
            "has a second name elsewhere. It was not waited for, and nothing was written. Move it away."
        ),
        "E432": (
            "Larger than such a file can be. A state, a plan or a file to publish in is larger than gemctl would ever "
            "write it, and is not read into memory. Put back the file that was there, or move this one away."
        ),
        "E433": (
            "libpq is too old. To a database that gemctl.yaml names, no password is sent in clear, and only libpq 16 "
            "and newer can promise that. Nothing was sent. Install 'psycopg[binary]', which brings its own; or name "
            "the DSN by `{env: …}`, or set PGREQUIREAUTH=password, if the environment is to answer for the server."
        ),
        "E420": (
            "Kind of a newer gemctl. The state records resources of a kind that this version doesn't know, so nothing "
            "is decided; the message names them. Use the newer gemctl again. `gemctl state list`, `show` and `pull` go "
            "on working, and `gemctl state rm` lets go of such a resource: it stays live, and costs what it costs."
        ),
        "E501": (
            "Nothing of ours is visible. The state records live objects and the service shows none of them: "
            "that is how a key of another project, or another endpoint, looks. If they were really deleted, "
            "give --accept-missing."
        ),
        "W501": (
            "Outcome of a create not known yet. A create was sent and never answered, and it may still "
            "appear; or a new secret was asked for, and may still be made. `plan` shows what it knows; `apply` "
            "waits until `timing.settle` has passed, or until it is found."
        ),
        "E502": (
            "Object is protected. lifecycle.preventDestroy is set, and the plan would delete or replace it. "
            "There is no flag: set it to false and apply that first. It is remembered in the state, so that "
            "removing the manifest doesn't remove the object."
        ),
        "W502": (
            "Another key than last time. The API key is another one than that of the last run. If it does "
            "not see what is recorded, gemctl stops (E501); if it does, it is the known one after the next apply."
        ),
        "E503": (
            "Nothing is declared. There are recorded objects and not one declared resource. Usually the wrong"
            " folder; --allow-empty or `gemctl destroy` if it is meant."
        ),
        "W503": (
            "Marked object that the state does not know. A live object carries this project's and stack's "
            "mark, but neither the manifests nor the state know its address. It is left alone; `gemctl state "
            "rebuild` takes it in."
        ),
        "E504": (
            "Another writer is at work. A live object carries this resource's mark but was made from another "
            "declaration, and not by this state. Two states serve one project and stack, or an old copy of "
            "the state was put back. Nothing is done about the resource."
        ),
        "W504": (
            "Mark on something else. A live object shows the very mark of a declared resource, but other "
            "readable fields: the display name was copied. It is not adopted."
        ),
        "W505": (
            "Made by another state. A live object carries this resource's mark, was not made by this state, and is "
            "just what is declared. It is taken over, and what was bound is retired."
        ),
        "E505": (
            "Many deletes. More deletes than `safety.maxDeletes`, or at least two that are more than "
            "`safety.maxDeletePercent` of what is bound. The plan was shown; --allow-deletes N allows it for "
            "one run."
        ),
        "E506": (
            "May have been run before. The state was lost, the service shows no run of this declaration, and there is"
            " no receipt beside the results: it may have been run, and forgotten since, and a second run is billed "
            "again. Put back the receipt or the state if there is a copy; --allow-rerun if it was never run, or is to"
            " be run again."
        ),
        "W506": (
            "Results are not saved anywhere. A job has ended with results, and nothing says where they are to be "
            "saved: the service forgets them about two days after its end. Give `run.results` and apply, which saves "
            "them and runs nothing again; or leave it, if nobody wants them. Or a run is to be deleted, and the file "
            "that its results were saved to is gone: `gemctl results ADDRESS` saves them again before that."
        ),
        "E507": (
            "Job ended without results. It failed, was cancelled, has expired, or the service has forgotten it before"
            " its results were saved; the message says which. `run.onFailed` and `run.onExpired` say whether it is "
            "run again by itself; change `run.key` to run it again."
        ),
        "W508": (
            "Live name of an object of this project. A spec, or a line of a file of requests, uses the name that the "
            "service gave to an object that is declared here. An edit makes a new object with another name, and "
            "requests that name the old one fail, sooner or later. Refer to the resource instead: then gemctl puts the "
            "name in, makes one before the other, and keeps what a run still uses."
        ),
        "W507": (
            "May end before the job that needs it. A job refers to something that is renewed only when gemctl runs, "
            "and that ends, once this plan is applied, before the job can be expected to have ended: a batch may take "
            "a day. Requests that are answered after that fail. Give it a longer `ttl` or a later `expireTime`; or "
            "apply at least every `renewBefore` until the job has ended, which renews it."
        ),
        "E561": (
            "Not filled in. `gemctl import --from-live` writes `${fill: …}` for what the service doesn't show. Put "
            "there what the live object was made of; nothing is planned before that."
        ),
        "W561": (
            "Import that doesn't fit. `imports` in gemctl.yaml gives a live object to a resource, and the object shows "
            "other fields than are declared, such as another model. It is not bound."
        ),
        "E562": (
            "Not to be imported so. `gemctl import --from-live` writes manifests for live objects that nobody claims, "
            "of a kind that the service lists. The message says what stands in the way."
        ),
        "W562": (
            "State of a stack not read. What that stack claims isn't known, so that some of what is shown as claimed "
            "by nobody may be its own."
        ),
        "E563": (
            "Marked by somebody else. The object carries the mark of another stack or of another gemctl project, which "
            "may still hold it, renew it and delete it. If they have let it go, give --take-over."
        ),
        "W563": (
            "One object for several stacks. `imports` at the top of gemctl.yaml holds for every stack. Several stacks "
            "use one key, so that each of them would take the object for its own. Write the line below one stack."
        ),
        "E564": (
            "Belongs to another stack. The state of another stack of this project, or `imports` in gemctl.yaml, says "
            "that the object is that stack's. `gemctl handover` gives it away, and both states learn of it."
        ),
        "W564": (
            "Only the states know whose it is. An object that is bound here carries the mark of another stack of this "
            "project. Should that stack lose its state, it would find the object by its mark, and take it back. Write "
            "it under `imports` of this stack in gemctl.yaml, which goes before marks."
        ),
        "E565": (
            "Can't be handed over. An object is given to another stack as it is: both must see it, and the other must "
            "declare the same and have nothing bound there. The message says what stands in the way."
        ),
        "W565": (
            "Handover not finished. `gemctl handover` was interrupted. Neither stack touches the object until the "
            "command is run again, which goes on where it stopped."
        ),
        "E566": "File exists. `gemctl import --write` writes over a file that is there only where --overwrite says so.",
        "E510": (
            "Plan is stale. Since the plan was made, the state, the manifests, the live objects or the clock "
            "have moved on, and it would no longer be decided the same. Nothing was done. Make a new plan."
        ),
        "E511": (
            "Not a usable plan. The file is not a plan that `gemctl plan --out` wrote, is damaged, was changed "
            "since, or has another format. Nothing was done, and the exit status is 1; a plan that is merely stale "
            "is E510."
        ),
        "E567": (
            "Answer shows another object. What a create was answered with carries another mark, or none and was there "
            "before. It is left alone. What the create made, if anything, is found by its mark at the next apply."
        ),
        "E570": (
            "May have been run. A create was sent and never answered, of something that the service does not list: "
            "whether it runs, and costs, nobody can tell from here. It is not sent again by itself. If you find it, "
            "`gemctl import ADDRESS NAME` binds it; if it may be run once more, give --allow-rerun."
        ),
        "W570": (
            "Live object differs. The service shows other fields than were sent, of something that is not made again "
            "for that: what has been run is not run twice. Change run.key to run it again."
        ),
        "E571": (
            "Name is taken. The user chooses the names of such objects, and one of that name is there which neither "
            "the state nor an open create explains. It is never touched. `gemctl import` takes it over as it is."
        ),
        "W571": (
            "Name has a gap. Nothing of such an object can be changed, and two can't have one name, so the old one is "
            "deleted before the new one is made: calls in between find nothing. The name stays the same, and what "
            "refers to it stays as it is."
        ),
        "W572": (
            "Many inline sources. What an environment is made with stands in the request itself. Published examples "
            "keep to 75 KB in all; the service may refuse more. A repository as a source has no such limit."
        ),
        "E575": (
            "Nothing to carry on. A run refers to another one, and the service shows that no longer, or its name is "
            "not known: it was deleted, the state was lost, or it is too old. Interactions are kept for 55 days, and "
            "for one where nothing is paid. Run the former again, by another `run.key`, or remove what refers to it."
        ),
        "W577": (
            "Not inherited. An interaction that carries on another one has what was said in it, and neither its "
            "systemInstruction nor its tools. Write them again, if they are to hold."
        ),
        "W569": (
            "Secret not delivered. The object was made, and its secret, which the service shows only once, has not "
            "reached its sink, and no call makes a new one."
        ),
        "E572": (
            "Secret could not be delivered. A command is run only if GEMCTL_SECRET_COMMANDS has it as a line: a "
            "manifest alone can't choose what is executed. Where a failure is known before, nothing is sent. Otherwise "
            "the object is there and recorded, and the next apply makes a new secret and delivers it, where the "
            "service can make one."
        ),
        "E573": (
            "Secret has changed since the plan. The value of a secret was read again before it was sent, and is not "
            "the one that the plan was made with, or can't be had any more. It was not sent. Make a new plan."
        ),
        "E574": (
            "Not a secret that can be sent. A secret is text of 64 KiB at most, without NUL characters. Its source has "
            "something else: look whether it is the right one."
        ),
        "W573": (
            "Can't be told whether a secret has changed. Its source has no value here, so it is kept as it was last "
            "sent. Where the value is at hand, the next plan compares it."
        ),
        "W574": ("Others can read the file of a secret. It is readable by other users of the machine: `chmod 600` it."),
        "E568": (
            "Bound to what is not ours. The state binds a resource to an object that does not carry its mark, and was "
            "not imported: the state was edited, or the service gave a wrong answer. Nothing is changed or deleted, "
            "and nothing is made of it. `gemctl import` binds it if it is right; `gemctl state rm` forgets the binding."
        ),
        "W568": (
            "Binding put right. The state bound a resource to an object that is not ours. Its own was found by its "
            "mark and is bound again, or, of a file, is made when it is needed; the other one is left alone."
        ),
        "E569": (
            "Renamed, and both are there. A line under `moved` says that one resource is called as another one now, "
            "and the state binds each of them to an object. Nothing is done about the two. Remove the line, and the "
            "old one is deleted as undeclared, or let go of one with `gemctl state rm`."
        ),
        "W566": (
            "Renamed, it seems. A resource is no longer declared, and one of another name is declared as the very "
            "same. It is made anew, or run again, and the old one is given up after it. If it was renamed, `gemctl "
            "state mv` or a line under `moved` in gemctl.yaml keeps what there is."
        ),
        "E580": (
            "The service does not have this model. Before anything is made with a model, gemctl asks the service for "
            "its list of models, and this one is not in it. Nothing was made, and nothing of the plan is carried out: "
            "correct the model first, or leave this resource out with --target."
        ),
        "E581": (
            "The model does not support this. The service lists the model, and what the resource needs is not among "
            "its `supportedGenerationMethods`. Nothing was made. Name a model that supports it."
        ),
        "W580": (
            "The facts are old. The service's own list says something else of a model than the facts that gemctl "
            "ships. The list holds. A newer gemctl has newer facts; `facts` in gemctl.yaml puts your own over them."
        ),
        "W581": (
            "More than the service lets a tier spend. What is planned is over a ceiling that the service has for "
            "projects of this tier (`billing.tier` of the stack): above that in ten minutes requests are refused with "
            "429, above that in a month all are. Spread it, or raise the tier."
        ),
        "E585": (
            "More than `safety.maxCost`. The highest amount that this plan may cost is above the limit in "
            "gemctl.yaml. It counts what is made and run, and what is kept until the deadlines that the plan sets. "
            "If you mean it, give --allow-cost with an amount for this run."
        ),
        "E586": (
            "More than `safety.maxMonthlyCost`. Keeping what this plan leaves behind costs more a month than the "
            "limit in gemctl.yaml, at the prices of now or of a date within the next month. Keep less, or raise the "
            "limit; --allow-cost with an amount allows it for this run."
        ),
        "W582": (
            "More than `safety.maxMonthlyCost` soon. What this plan leaves behind is within the limit in gemctl.yaml "
            "at the prices of now, and above it from a date in the month after next on. Nothing is stopped yet."
        ),
        "W583": (
            "The project's own facts can't be read. This plan goes by those that come with gemctl, and its money is "
            "compared with no limit. A plan that makes something is stopped instead; what keeps objects alive, or "
            "deletes them, never is."
        ),
        "E587": (
            "Not priced. The project has a limit of money, and for a part of this plan no highest amount is known: a "
            "price is not known, or a quantity is not. The message names it. Put prices over the facts with `facts`, "
            "count with --count, say what answers to expect with `expect`, or give --allow-unpriced."
        ),
        "E588": (
            "More requests than are run without asking. Each request is paid for, and a run can't be taken back. "
            "`safety.maxRequests` in gemctl.yaml is how many a plan may run, 10,000 where nothing is said; what is run "
            "again by the rules of its manifest doesn't count. --allow-requests lets a number through for once."
        ),
        "E592": (
            "Not all is up to date. Some of the many objects that come with a resource, such as documents of a store, "
            "could not be made or deleted. What is done is recorded, and the failures are listed. Apply again to go on."
        ),
        "E593": (
            "Documents would be lost. The plan deletes a store that holds documents, or many of those in one at once. "
            "To index them again takes time and money, and those of others can't be brought back. Give "
            "--allow-documents with their number, if you mean it."
        ),
        "W592": (
            "Documents could not be indexed. The service took them and failed to index them; they are kept, and not "
            "sent again, since the same would fail again and cost again. Edit the file, or what is declared of it; or "
            "apply without it, and then with it, to send it again as it is."
        ),
        "E590": (
            "Too many tokens for one job. A job has more tokens than may be in the service at a time: by `limits` in "
            "gemctl.yaml, or by what the service lets a project of its tier have of this model. It would wait for "
            "ever. Cut it into parts with `split`, or raise the limit."
        ),
        "E589": (
            "Cut otherwise while it runs. A job that is run in parts was cut into others than those that were run: all "
            "of its requests would be run, and paid for, once more. Put `split` back until it has ended and its "
            "results are saved; then any cut counts as done. To run all of it again, change `run.key`."
        ),
        "E520": (
            "Name could not be published. The object exists and is recorded, but a file that its readers look"
            " at could not be written. The old generation is kept. Mend the file or folder, and apply again."
        ),
        "E533": (
            "Could not be processed. The service took a file and failed to process it. What refers to it is not made. "
            "Change the file, or try again: what failed is uploaded anew when it is needed."
        ),
        "E534": (
            "Refers to what is not live. What a resource refers to is not there, or does not show what is needed of "
            "it. Apply again; if it stays so, look at what it refers to with `gemctl get`."
        ),
        "E535": (
            "Still being processed. The service is not done with what a resource refers to. Apply again later: nothing "
            "is uploaded twice."
        ),
        "E536": (
            "Results could not be saved. The disk is full, or the file or its folder can't be written; the message is"
            " the system's own. What was saved before is as it was. Make room, and apply again: the service keeps "
            "results for about two days."
        ),
        "E537": (
            "Results are gone. The service no longer has the results of a run; it keeps them for about two days. "
            "There is nothing to save. Remove `run.results` to go without them; then another `run.key` runs it again,"
            " which costs as much as the first time."
        ),
        "E538": (
            "Results not there yet. The service says that the run has ended, and shows no results of it; or what came "
            "does not add up: fewer responses than the service counts, requests of which nothing came, lines that are "
            "no results. Nothing is saved, deleted or run again for that. What came is kept beside the results, as "
            "`….doubtful`. Apply again. If nothing better comes, `gemctl results ADDRESS --as-is` saves what there is."
        ),
        "E539": (
            "Still running. The time that --timeout gives is over. Nothing was changed: what runs goes on, and the "
            "next `gemctl wait` or `gemctl apply` finds it."
        ),
        "E540": (
            "Policy is not applied. Tokens are minted by a policy that was applied and not changed since, so that "
            "somebody has seen a plan of it. Run `gemctl apply`; --unapplied mints by what is declared."
        ),
        "W540": (
            "Unknown token may be in use. A mint was sent and never answered. If a token came of it, it can neither "
            "be found nor revoked, and lives until the time in the message; then this warning ends."
        ),
        "E541": (
            "Token can't be taken. The file or command that is to get the token can't be used, so none was minted: "
            "a token that nobody got lives all the same. The message says why."
        ),
        "E542": (
            "Token was not handed over. It was minted, and writing it or the command that was to take it failed. It "
            "lives until the time in the message, and can't be revoked. Mend that, and mint another."
        ),
        "E543": (
            "Mint without an answer. The request was sent and no trustworthy answer came: one token that nobody knows "
            "may live until the time in the message. It is never sent again by itself; to mint again is to make "
            "another token."
        ),
        "E545": (
            "Token doesn't do what its policy says. A token was minted by the policy and tried, and something that the "
            "policy promises was seen not to hold; the message says what, with the service's own words where there are "
            "any. Don't hand out such tokens."
        ),
        "E546": (
            "Token could not be tried. It was minted, and then the Live API was not reached, failed, or sent what "
            "is no message of it. Nothing is known of what the token does; it lives until its end, and nobody has it."
        ),
        "E544": (
            "Upload did not arrive as it was sent. The answer to an upload shows another digest, size or name than "
            "those of the file. It is not used: nothing refers to it. Apply again, which uploads the file once more; "
            "what is there ends by itself within 48 hours."
        ),
        "E551": (
            "Metrics are not installed. `gemctl watch --metrics-port` counts with prometheus-client: install it beside "
            "gemctl (docs/install.md)."
        ),
        "E552": (
            "Port can't be had. The port of --metrics-port is taken, or takes more rights than gemctl has. Give "
            "another one; 0 picks a free one."
        ),
        "W520": (
            "Not tried. A step that had to come before did not succeed, or the run was stopped. The next "
            "apply goes on with it."
        ),
        "E521": (
            "Journal could not be written. The disk is full, the folder can't be written, or a shared state is out of "
            "reach or was taken over by another run; the message says which. Nothing is sent that was not written down "
            "before; nothing new is started. Mend that and apply again."
        ),
        "W521": (
            "Display name was changed by the service. What was made shows another display name than was sent."
            " It is bound by its name; marks are not relied upon at this endpoint."
        ),
        "W523": (
            "No room in the service. The service has no room for a job now (429): it waits, and is sent by the next "
            "apply, by `apply --wait`, or by `watch` where it is a part of a job that has begun. Nothing was made, and "
            "nothing is lost. Room comes when other jobs end; `limits` in gemctl.yaml keeps a stack below what the "
            "service takes."
        ),
        "E522": (
            "Outcome can't be decided. A create was sent without an answer, and at this endpoint display "
            "names are not kept, so the mark can't tell. Look with `gemctl get`, then import the object or "
            "`gemctl state rm` the address."
        ),
    }
)


def summary(code: str) -> str:
    """The fixed wording of a code. Raises KeyError for one that doesn't exist."""
    return CODES[code].split(". ", 1)[0].removesuffix(".")


def explained(code: str) -> CodeHelp:
    """What a code means, and what to do about it. Raises KeyError for one that doesn't exist."""
    _, _, rest = CODES[code].partition(". ")
    return CodeHelp(code, summary(code), SECTIONS[code[1]], rest)


def problem(
    code: str, detail: str, *, span: Span | None = None, address: Address | None = None, hint: str | None = None
) -> Diagnostic:
    """A diagnostic with the code's own summary."""
    return Diagnostic(code, summary(code), detail, span, address, hint)
