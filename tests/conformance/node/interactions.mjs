// The checks of interactions: the founding examples in the form that works today, the old forms refused, tools, streams
// and their resumption, and work in the background.

import assert from "node:assert/strict";

const MODEL = "gemini-3-flash-preview";
const IMAGES = "gemini-3-pro-image";
const SPEECH = "gemini-3.8-flash-tts";
const RESEARCH = "deep-research-pro-preview-12-2025";
const WEATHER = {
  type: "function", name: "weather", description: "Looks it up.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const BOTH = 'In [[emulator: call weather {"city": "Rome"}]] and [[emulator: call weather {"city": "Oslo"}]]?';

async function events(stream, heard = () => undefined) {
  const found = [];
  for await (const event of await stream) {
    found.push(event);
    await heard(event);
  }
  return found;
}
const names = (found) => found.map((event) => event.event_type);
const types = (made) => made.steps.map((step) => step.type);
const textOf = (made) => made.steps.at(-1).content.at(-1).text;
const spoken = (found) =>
  found.filter((event) => event.delta?.type === "text").map((event) => event.delta.text).join("");

/** Registers the checks for one client. */
export function interactions({ ai, where, check, url, KEY, advance, requests, effects, turn, refused }) {
  const create = (body) => ai.interactions.create({ model: MODEL, ...body });
  const sent = async () => (await requests(1))[0].body;

  check(`${where}: two turns, and what was said`, async () => {
    const first = await create({ input: "Hi, my name is Phil." });
    assert.deepEqual(await sent(), { model: MODEL, input: "Hi, my name is Phil." });
    assert.equal(first.status, "completed");
    assert.match(first.id, /^v1_/);
    const second = await create({ input: "What is my name?", previous_interaction_id: first.id });
    assert.ok(textOf(second).includes("read 3 parts") && textOf(second).endsWith("What is my name?"));
    const got = await ai.interactions.get(second.id, { include_input: true });
    assert.deepEqual((await requests(1))[0].query, [["include_input", "true"], ["stream", "false"]]);
    assert.deepEqual(types(got), ["user_input", "thought", "model_output"]);
    assert.equal(textOf(got), textOf(second));
  });

  check(`${where}: a picture and a text, in each form of input`, async () => {
    const text = { type: "text", text: "What is in it?" };
    const image = { type: "image", data: "cG5n", mime_type: "image/png" };
    const step = { type: "user_input", content: [text, image] };
    for (const input of [[text, image], [step], step]) {
      const made = await create({ input });
      assert.deepEqual((await sent()).input, input);
      assert.deepEqual(made.usage.input_tokens_by_modality.map((each) => each.modality), ["image", "text"]);
    }
    assert.equal((await create({ input: text })).status, "completed");
  });

  check(`${where}: pictures and speech are made`, async () => {
    const response_format = { type: "image", aspect_ratio: "16:9", image_size: "4K" };
    const [image] = (await create({ model: IMAGES, input: "A cat.", response_format })).steps.at(-1).content;
    assert.equal(image.mime_type, "image/jpeg");
    assert.equal(Buffer.from(image.data, "base64").subarray(0, 2).toString("hex"), "ffd8");
    const generation_config = { speech_config: [{ language: "en-us", voice: "kore" }] };
    const said = await create({ model: SPEECH, input: "Say hello.", response_format: { type: "audio" }, generation_config });
    const [audio] = said.steps.at(-1).content;
    assert.deepEqual([audio.mime_type, audio.sample_rate], ["audio/l16", 24000]);
    assert.ok(Buffer.from(audio.data, "base64").every((byte) => byte === 0));
  });

  check(`${where}: research in the background`, async () => {
    const input = "Research the history of Google TPUs.";
    let made = await ai.interactions.create({ agent: RESEARCH, input, background: true });
    assert.deepEqual(await sent(), { agent: RESEARCH, input, background: true });
    assert.deepEqual([made.status, made.agent], ["in_progress", RESEARCH]);
    for (let turn = 0; turn < 10 && made.status === "in_progress"; turn += 1) {
      await advance(1);
      made = await ai.interactions.get(made.id);
    }
    assert.equal(made.status, "completed");
    assert.ok(textOf(made).startsWith(`# ${input}`));
    const states = (await effects()).map((effect) => [effect.kind, effect.state]);
    assert.deepEqual(states, [["created", "in_progress"], ["ended", "completed"]]);
  });

  check(`${where}: interactions are cancelled and deleted while they run`, async () => {
    const [first, second] = [await create({ input: "a", background: true }), await create({ input: "b", background: true })];
    await advance(1);
    assert.equal((await ai.interactions.cancel(first.id)).status, "cancelled");
    await refused(ai.interactions.cancel(first.id), 400, "it is cancelled");
    await ai.interactions.delete(second.id);
    for (const method of ["get", "cancel", "delete"]) await refused(ai.interactions[method](second.id), 404, "Interaction not found.");
  });

  check(`${where}: the forms of before are refused`, async () => {
    const image_config = { aspect_ratio: "16:9", image_size: "4k" };
    const speech_config = { language: "en-us", voice: "kore" };
    for (const [body, stem] of [
      [{ response_modalities: ["IMAGE"] }, "The value 'IMAGE' is not supported for 'response_modalities[0]'. Supported values: 'text', 'image', 'audio', 'video', 'document'."],
      [{ generation_config: { image_config } }, "The value '4k' is not supported for 'generation_config.image_config.image_size'."],
      [{ generation_config: { speech_config } }, "The value is invalid for 'generation_config.speech_config'. Expected an array, got object."],
      [{ generation_config: { speech_config: [{ voiceConfig: {} }] } }, "no such field: 'voiceConfig'"],
      [{ response_format: { type: "audio", mime_type: "audio/mp3" } }, "Audio mime_type is not supported in response_format."],
      [{ response_mime_type: "application/json" }, "responseFormat must be set when responseMimeType is set"],
      [{ cached_content: "cachedContents/a" }, "Unknown parameter 'cached_content'"],
      [{ previousInteractionId: "v1_a" }, "Unknown parameter 'previousInteractionId'. Did you mean 'previous_interaction_id'?"],
      [{ input: [{ role: "user", content: "hi" }] }, "The legacy Interactions API schema is no longer supported."],
      [{ background: true, store: false }, "'background' requires 'store' to be true."],
    ]) {
      await refused(create({ input: "hi", ...body }), 400, stem);
    }
    await refused(ai.interactions.create({ agent: RESEARCH, input: "hi" }), 400, "requires 'background' to be true");
    await refused(create({ model: "gemini-1.0-pro", input: "hi" }), 404, "is not found");
    assert.deepEqual(await effects(), []);
  });

  check(`${where}: two calls of functions at once`, async () => {
    const made = await create({ input: BOTH, tools: [WEATHER] });
    assert.equal(made.status, "requires_action");
    const calls = made.steps.filter((step) => step.type === "function_call");
    assert.deepEqual(calls.map((call) => call.arguments), [{ city: "Rome" }, { city: "Oslo" }]);
    const results = calls.map((call) => ({ type: "function_result", call_id: call.id, name: call.name, result: "sunny" }));
    const done = await create({ input: results, previous_interaction_id: made.id, tools: [WEATHER] });
    assert.equal(done.status, "completed");
    const question = { type: "user_input", content: [{ type: "text", text: BOTH }] };
    const again = await create({ input: [question, ...made.steps, ...results], store: false, tools: [WEATHER] });
    assert.equal(again.status, "completed");
  });

  check(`${where}: the events of an answer`, async () => {
    const found = await events(create({ input: "Hi, my name is Phil.", stream: true }));
    assert.deepEqual(names(found).slice(0, 3), ["interaction.created", "interaction.status_update", "step.start"]);
    assert.deepEqual(names(found).slice(-2), ["step.stop", "interaction.completed"]);
    const made = await ai.interactions.get(found[0].interaction.id);
    assert.equal(spoken(found), textOf(made));
    const calls = await events(create({ input: BOTH, tools: [WEATHER], stream: true }));
    assert.equal(calls.at(-1).interaction.status, "requires_action");
  });

  check(`${where}: the SDK puts hops together`, async () => {
    const input = "[[emulator: interaction continues]]";
    assert.equal((await create({ input })).status, "completed");
    assert.deepEqual(Object.keys(await sent()).sort(), ["continuation_token", "model", "previous_interaction_id"]);
    assert.ok(spoken(await events(create({ input, stream: true }))).endsWith(input));
  });

  check(`${where}: a stream goes on after each event`, async () => {
    const agent_config = { type: "deep-research", thinking_summaries: "auto" };
    const body = { agent: RESEARCH, input: "TPUs", background: true, stream: true, agent_config };
    const found = await events(ai.interactions.create(body), () => advance(0.2));
    const { id } = found[0].interaction;
    assert.equal(found.at(-1).interaction.status, "completed");
    assert.equal(found.filter((event) => event.delta?.type === "thought_summary").length, 3);
    const numbered = found.map((event, number) => [event.event_id, number]).filter(([name]) => name);
    assert.equal(numbered.length, found.length - 1);
    for (const [last_event_id, number] of numbered) {
      assert.deepEqual(await events(ai.interactions.get(id, { stream: true, last_event_id })), found.slice(number + 1));
    }
  });

  check(`${where}: streams that go wrong`, async () => {
    await turn({ faults: [{ kind: "stream_ends", at_events: 4 }] });
    assert.equal((await events(create({ input: "a", stream: true }))).length, 4);
    await turn({ faults: [{ kind: "stream_ends", at_events: 4, status: 503 }] });
    assert.equal((await events(create({ input: "a", stream: true }))).length, 4);
    await turn({ faults: [{ kind: "cut", at_bytes: 300 }] });
    await assert.rejects(events(create({ input: "a", stream: true })));
  });

  check(`${where}: a create is sent again`, async () => {
    await turn({ faults: [{ kind: "status_after", method: "POST", nth: 1, status: 429, headers: { "Retry-After": "0" } }] });
    assert.equal((await create({ input: "a" })).status, "completed");
    assert.deepEqual((await requests(9)).map((request) => request.status), [429, 200]);
    assert.equal((await effects()).length, 2);
  });

  check(`${where}: the SDK of before is told to upgrade`, async () => {
    const headers = { "x-goog-api-key": KEY, "user-agent": "google-genai-sdk/1.40.0 gl-node/v20" };
    const body = JSON.stringify({ model: MODEL, input: "hi" });
    const answer = await fetch(`${url}/v1beta/interactions`, { method: "POST", headers, body });
    assert.equal(answer.status, 400);
    assert.match((await answer.json()).error.message, /^The legacy Interactions API schema is no longer supported\./);
  });
}
