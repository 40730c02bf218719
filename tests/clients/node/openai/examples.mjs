// openai, with Google's address for it: what Google's guide to OpenAI's libraries shows, and its own README of chats.
//
// The address is `<emulator>/v1beta/openai/`, in code or in OPENAI_BASE_URL.

import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import OpenAI, { toFile } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const MODEL = "gemini-3.8-flash";
const URL = `${process.env.GOOGLE_GEMINI_BASE_URL}/v1beta/openai/`;
const HELLO = [
  { role: "system", content: "You are a helpful assistant." },
  { role: "user", content: "Explain to me how AI works" },
];
const openai = new OpenAI({ apiKey: process.env.GEMINI_API_KEY, baseURL: URL });

export async function aMessage() {
  const response = await openai.chat.completions.create({ model: MODEL, messages: HELLO });
  assert.ok(response.choices[0].message.content);
  assert.equal(response.choices[0].finish_reason, "stop");
  assert.ok(response.usage.total_tokens > 0);
}

export async function anAddressInTheEnvironment() {
  Object.assign(process.env, { OPENAI_BASE_URL: URL, OPENAI_API_KEY: "any-word" });
  const messages = [
    { role: "developer", content: "Talk like a pirate." },
    { role: "user", content: "Are semicolons optional in JavaScript?" },
  ];
  assert.ok((await new OpenAI().chat.completions.create({ model: MODEL, messages })).choices[0].message.content);
}

export async function reasoning() {
  for (const reasoning_effort of ["low", "medium", "high"]) {
    const response = await openai.chat.completions.create({ model: MODEL, reasoning_effort, messages: HELLO });
    assert.ok(response.choices[0].message.content);
  }
}

export async function reasoningThatIsShown() {
  const response = await openai.chat.completions.create({
    model: MODEL,
    messages: HELLO,
    extra_body: { google: { thinking_config: { thinking_level: "low", include_thoughts: true } } },
  });
  assert.match(response.choices[0].message.content, /<thought>/);
}

export async function aStream() {
  let said = "";
  for await (const chunk of await openai.chat.completions.create({ model: MODEL, messages: HELLO, stream: true })) {
    said += chunk.choices[0].delta.content ?? "";
  }
  const whole = await openai.chat.completions.create({ model: MODEL, messages: HELLO });
  assert.equal(said, whole.choices[0].message.content);
}

export async function aStreamThatIsPutTogether() {
  const stream = openai.chat.completions.stream({
    model: MODEL,
    messages: HELLO,
    stream_options: { include_usage: true },
  });
  const completion = await stream.finalChatCompletion();
  assert.ok(completion.choices[0].message.content);
  assert.ok(completion.usage.total_tokens > 0);
}

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Get the weather in a given location",
    parameters: {
      type: "object",
      properties: {
        location: { type: "string", description: "The city and state, e.g. Chicago, IL" },
        unit: { type: "string", enum: ["celsius", "fahrenheit"] },
      },
      required: ["location"],
    },
  },
};

export async function aTool() {
  const messages = [{ role: "user", content: "What's the weather like in Chicago today?" }];
  const asked = await openai.chat.completions.create({ model: MODEL, messages, tools: [WEATHER], tool_choice: "auto" });
  const [call] = asked.choices[0].message.tool_calls;
  assert.equal(asked.choices[0].finish_reason, "tool_calls");
  assert.equal(typeof JSON.parse(call.function.arguments).location, "string");
  messages.push(asked.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" });
  const told = await openai.chat.completions.create({ model: MODEL, messages, tools: [WEATHER] });
  assert.match(told.choices[0].message.content, /sunny/);
}

function _tools(model, function_) {
  const weather = { ...WEATHER.function, parse: JSON.parse, function: function_ };
  const messages = [{ role: "user", content: "What's the weather like in Chicago today?" }];
  return openai.chat.completions.runTools({ model, messages, tools: [{ type: "function", function: weather }] });
}

export async function toolsThatTheLibraryCalls() {
  const asked = [];
  const told = _tools("gemini-2.5-flash-lite", ({ location }) => (asked.push(location), "sunny"));
  assert.match(await told.finalContent(), /sunny/);
  assert.equal(asked.length, 1);
}

// It does not send the signatures back that calls of Gemini 3 come with, and the service wants them.
export async function toolsThatTheLibraryCallsWithoutTheirSignatures() {
  const error = await _tools(MODEL, () => "sunny")
    .finalContent()
    .catch((thrown) => thrown);
  assert.match(error.message, /^400 .*Function call is missing a thought_signature/);
}

export async function aToolInAStream() {
  const messages = [{ role: "user", content: "What's the weather like in Chicago today?" }];
  const how = { model: MODEL, messages, tools: [WEATHER], tool_choice: "required", stream: true };
  let said = "";
  for await (const chunk of await openai.chat.completions.create(how)) {
    for (const call of chunk.choices[0].delta.tool_calls ?? []) said += call.function.arguments ?? "";
  }
  assert.equal(typeof JSON.parse(said).location, "string");
}

export async function aPictureInTheQuestion() {
  const content = [
    { type: "text", text: "What is in this image?" },
    { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
  ];
  const response = await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content }] });
  assert.ok(response.choices[0].message.content);
}

export async function aPictureAsTheAnswer() {
  const response = await openai.images.generate({
    model: "gemini-3.1-flash-lite-image",
    prompt: "a portrait of a sheepadoodle wearing a cape",
    response_format: "b64_json",
    n: 1,
  });
  assert.ok(response.data[0].b64_json);
}

export async function soundInTheQuestion() {
  const content = [
    { type: "text", text: "Transcribe this audio" },
    { type: "input_audio", input_audio: { data: "UklGRiQAAABXQVZF", format: "wav" } },
  ];
  const response = await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content }] });
  assert.ok(response.choices[0].message.content);
}

export async function structuredOutput() {
  const CalendarEvent = z.object({ name: z.string(), date: z.string(), participants: z.array(z.string()) });
  const completion = await openai.chat.completions.parse({
    model: MODEL,
    messages: [
      { role: "system", content: "Extract the event information." },
      { role: "user", content: "John and Susan are going to an AI conference on Friday" },
    ],
    response_format: zodResponseFormat(CalendarEvent, "event"),
  });
  CalendarEvent.parse(completion.choices[0].message.parsed);
}

export async function embeddings() {
  const input = "Your text string goes here";
  for (const encoding_format of ["float", undefined]) {
    const response = await openai.embeddings.create({ model: "gemini-embedding-001", input, encoding_format });
    assert.equal(response.data[0].embedding.length, 3072);
  }
}

export async function models() {
  const names = [];
  for await (const model of await openai.models.list()) names.push(model.id);
  assert.ok(names.includes(`models/${MODEL}`));
  assert.ok((await openai.models.retrieve(MODEL)).id.endsWith(MODEL));
}

// Files of OpenAI's libraries go to an address that the service does not have: they are sent and fetched as Google's own.
export async function aBatch() {
  const line = {
    custom_id: "one",
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: MODEL, messages: HELLO },
  };
  const native = process.env.GOOGLE_GEMINI_BASE_URL;
  const key = { "x-goog-api-key": process.env.GEMINI_API_KEY };
  const headers = { ...key, "X-Goog-Upload-Protocol": "raw", "Content-Type": "application/jsonl" };
  const sent = await fetch(`${native}/upload/v1beta/files`, { method: "POST", headers, body: JSON.stringify(line) });
  const { file } = await sent.json();
  let batch = await openai.batches.create({
    input_file_id: file.name,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
  });
  while (!["completed", "failed", "cancelled", "expired"].includes(batch.status)) {
    await wait(100);
    batch = await openai.batches.retrieve(batch.id);
  }
  assert.equal(batch.status, "completed");
  const got = await fetch(`${native}/download/v1beta/${batch.output_file_id}:download?alt=media`, { headers: key });
  const answer = JSON.parse((await got.text()).split("\n")[0]);
  assert.equal(answer.custom_id, "one");
  assert.ok(answer.response.body.choices[0].message.content);
}

export async function errorsOfTheService() {
  const error = await openai.chat.completions
    .create({ model: "invalid-model-name", messages: HELLO })
    .catch((thrown) => thrown);
  assert.ok(error instanceof OpenAI.NotFoundError);
  assert.equal(error.status, 404);
}
