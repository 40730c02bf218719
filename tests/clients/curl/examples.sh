# The REST forms of Google's guides, with curl and jq. A function is an example; each is run by bash -euo pipefail.
# The address of the emulator is in GOOGLE_GEMINI_BASE_URL, any key in GEMINI_API_KEY.

URL=$GOOGLE_GEMINI_BASE_URL
MODEL=gemini-3.8-flash

ask() { # METHOD PATH [more options of curl]: the answer, or a failure
  curl --silent --show-error --fail-with-body -X "$1" "$URL/$2" -H "x-goog-api-key: $GEMINI_API_KEY" -H 'Content-Type: application/json' "${@:3}"
}

text() {
  ask POST "v1beta/models/$MODEL:generateContent" -d '{"contents": [{"parts": [{"text": "How does AI work?"}]}]}' |
    jq -e '.candidates[0].content.parts[0].text'
}

the_key_in_the_address() {
  curl --silent --fail-with-body "$URL/v1beta/models/$MODEL:generateContent?key=$GEMINI_API_KEY" \
    -H 'Content-Type: application/json' -X POST -d '{"contents": [{"parts": [{"text": "How does AI work?"}]}]}' |
    jq -e '.usageMetadata.totalTokenCount > 0'
}

a_stream_of_events() {
  ask POST "v1beta/models/$MODEL:streamGenerateContent?alt=sse" --no-buffer \
    -d '{"contents": [{"parts": [{"text": "How does AI work?"}]}]}' |
    sed -n 's/^data: //p' | jq -es 'length > 1 and .[-1].candidates[0].finishReason == "STOP"'
}

a_stream_as_an_array() {
  ask POST "v1beta/models/$MODEL:streamGenerateContent" -d '{"contents": [{"parts": [{"text": "How does AI work?"}]}]}' |
    jq -e 'length > 1 and .[-1].candidates[0].finishReason == "STOP"'
}

instructions_and_settings() {
  ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "system_instruction": {"parts": [{"text": "You are a cat. Your name is Neko."}]},
    "contents": [{"parts": [{"text": "Hello there"}]}],
    "safetySettings": [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "threshold": "BLOCK_ONLY_HIGH"}],
    "generationConfig": {"stopSequences": ["Title"], "temperature": 1.0, "maxOutputTokens": 800, "topP": 0.8, "topK": 10}
  }' | jq -e '.candidates[0].content.parts[0].text'
}

a_chat() {
  ask POST "v1beta/models/$MODEL:generateContent" -d '{"contents": [
    {"role": "user", "parts": [{"text": "Hello"}]},
    {"role": "model", "parts": [{"text": "Great to meet you. What would you like to know?"}]},
    {"role": "user", "parts": [{"text": "I have two dogs in my house. How many paws are in my house?"}]}
  ]}' | jq -e '.candidates[0].content.role == "model"'
}

a_picture() {
  printf '\x89PNG\r\n\x1a\n' >picture.png
  ask POST "v1beta/models/$MODEL:generateContent" -d @- <<END | jq -e '.candidates[0].content.parts[0].text'
{"contents": [{"parts": [
  {"inline_data": {"mime_type": "image/png", "data": "$(base64 <picture.png | tr -d '\n')"}},
  {"text": "Caption this image."}
]}]}
END
}

a_function() {
  local tools answer
  tools='[{"functionDeclarations": [{
    "name": "get_current_temperature",
    "description": "Gets the current temperature for a given location.",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
  }]}]'
  answer=$(ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "contents": [{"role": "user", "parts": [{"text": "What is the temperature in London?"}]}], "tools": '"$tools"'}')
  jq -e '.candidates[0].content.parts[].functionCall.name == "get_current_temperature"' <<<"$answer"
  jq --argjson tools "$tools" '{
    contents: [
      {role: "user", parts: [{text: "What is the temperature in London?"}]},
      .candidates[0].content,
      {role: "user", parts: [{functionResponse: {name: "get_current_temperature", response: {result: "15 degrees"}}}]}
    ],
    tools: $tools
  }' <<<"$answer" | ask POST "v1beta/models/$MODEL:generateContent" -d @- | jq -e '.candidates[0].content.parts[0].text'
}

a_function_that_must_be_called() {
  ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "contents": {"role": "user", "parts": {"text": "Turn on the lights."}},
    "tools": [{"function_declarations": [{"name": "enable_lights"}, {"name": "stop_lights"}]}],
    "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["enable_lights"]}}
  }' | jq -e '.candidates[0].content.parts[0].functionCall.name == "enable_lights"'
}

json_output() {
  ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "contents": [{"parts": [{"text": "List a few popular cookie recipes."}]}],
    "generationConfig": {
      "responseMimeType": "application/json",
      "responseSchema": {"type": "ARRAY", "items": {"type": "OBJECT", "properties": {"recipe": {"type": "STRING"}}}}
    }
  }' | jq -e '.candidates[0].content.parts[0].text | fromjson | type == "array"'
}

thoughts() {
  ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "contents": [{"parts": [{"text": "What is the sum of the first 50 primes?"}]}],
    "generationConfig": {"thinkingConfig": {"thinkingLevel": "low", "includeThoughts": true}}
  }' | jq -e '.candidates[0].content.parts[0].thought and .usageMetadata.thoughtsTokenCount > 0'
}

googles_tools() {
  ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "contents": [{"parts": [{"text": "Who won the euro 2024?"}]}], "tools": [{"google_search": {}}]
  }' | jq -e '.candidates[0].groundingMetadata'
  ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "contents": {"parts": [{"text": "What is the sum of the first 50 primes?"}]}, "tools": [{"code_execution": {}}]
  }' | jq -e '.candidates[0].content.parts | any(has("executableCode"))'
}

a_file() {
  local there
  echo 'A long text' >text.txt
  there=$(curl --silent --fail-with-body "$URL/upload/v1beta/files?key=$GEMINI_API_KEY" -D - -o /dev/null \
    -H 'X-Goog-Upload-Protocol: resumable' -H 'X-Goog-Upload-Command: start' \
    -H "X-Goog-Upload-Header-Content-Length: $(wc -c <text.txt)" -H 'X-Goog-Upload-Header-Content-Type: text/plain' \
    -H 'Content-Type: application/json' -d "{'file': {'display_name': 'TEXT'}}" | tr -d '\r' | sed -n 's/^x-goog-upload-url: //Ip')
  curl --silent --fail-with-body "$there" -H 'X-Goog-Upload-Offset: 0' -H 'X-Goog-Upload-Command: upload, finalize' \
    --data-binary @text.txt >file.json
  ask POST "v1beta/models/$MODEL:generateContent" -d '{"contents": [{"parts": [
    {"text": "Summarize it"}, {"file_data": {"mime_type": "text/plain", "file_uri": '"$(jq .file.uri file.json)"'}}
  ]}]}' | jq -e '.candidates[0].content.parts[0].text'
  ask GET v1beta/files | jq -e '.files | length == 1'
  ask DELETE "v1beta/$(jq -r .file.name file.json)"
}

a_cache() {
  local words name
  words=$(printf 'word %.0s' {1..16000})
  name=$(ask POST v1beta/cachedContents -d @- <<END | jq -r .name
{"model": "models/$MODEL", "contents": [{"role": "user", "parts": [{"text": "$words"}]}], "ttl": "300s"}
END
  )
  ask POST "v1beta/models/$MODEL:generateContent" -d '{
    "contents": [{"role": "user", "parts": [{"text": "Summarize it"}]}], "cachedContent": "'"$name"'"
  }' | jq -e '.usageMetadata.cachedContentTokenCount > 10000'
  ask PATCH "v1beta/$name" -d '{"ttl": "600s"}' | jq -e .expireTime
  ask DELETE "v1beta/$name"
}

tokens_and_embeddings() {
  ask POST "v1beta/models/$MODEL:countTokens" -d '{"contents": [{"parts": [{"text": "The quick brown fox"}]}]}' |
    jq -e '.totalTokens > 0'
  ask POST v1beta/models/gemini-embedding-001:embedContent -d '{
    "model": "models/gemini-embedding-001", "content": {"parts": [{"text": "What is the meaning of life?"}]}
  }' | jq -e '.embedding.values | length == 3072'
  ask POST v1beta/models/gemini-embedding-001:batchEmbedContents -d '{"requests": [
    {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "One"}]}, "output_dimensionality": 768},
    {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "Two"}]}, "output_dimensionality": 768}
  ]}' | jq -e '[.embeddings[].values | length] == [768, 768]'
}

models() {
  ask GET v1beta/models | jq -e '.models | length > 3'
  ask GET "v1beta/models/$MODEL" | jq -e '.inputTokenLimit > 0'
}

a_batch() {
  local name state=
  name=$(ask POST "v1beta/models/$MODEL:batchGenerateContent" -d '{"batch": {
    "display_name": "my-batch-requests",
    "input_config": {"requests": {"requests": [
      {"request": {"contents": [{"parts": [{"text": "Describe the process of photosynthesis."}]}]}, "metadata": {"key": "one"}}
    ]}}
  }}' | jq -r .name)
  until [ "$state" = BATCH_STATE_SUCCEEDED ]; do
    state=$(ask GET "v1beta/$name" | jq -r .metadata.state)
  done
  ask GET "v1beta/$name" | jq -e '.response.inlinedResponses.inlinedResponses[0].response.candidates'
}

an_interaction() {
  ask POST v1beta/interactions -d '{"model": "'$MODEL'", "input": "Tell me a short joke about programming."}' |
    jq -e '.status == "completed"'
}

system_parameters() {
  ask GET "v1beta/models/$MODEL?fields=name,inputTokenLimit" | jq -e 'keys == ["inputTokenLimit", "name"]'
  [ "$(ask GET "v1beta/models/$MODEL?prettyPrint=false" | wc -l)" -le 1 ]
  ask POST "v1beta/models/$MODEL" -H 'X-HTTP-Method-Override: GET' | jq -e .name
  ask GET "v1beta/models/$MODEL" --compressed | jq -e .name
}

openais_form() {
  curl --silent --fail-with-body "$URL/v1beta/openai/chat/completions" -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $GEMINI_API_KEY" -d '{
      "model": "'$MODEL'",
      "messages": [{"role": "user", "content": "Explain to me how AI works"}]
    }' | jq -e '.choices[0].message.content'
}

an_error() {
  [ "$(curl --silent -o error.json -w '%{http_code}' "$URL/v1beta/models/no-such-model" -H "x-goog-api-key: any-word")" = 404 ]
  jq -e '.error.status == "NOT_FOUND"' error.json
}
