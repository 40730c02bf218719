// Answers of a model by the official JavaScript SDK: streams, chats, functions, thoughts, tools of the service.

import assert from "node:assert/strict";

const OLD = "gemini-2.5-flash";
const NEW = "gemini-3.8-flash";
const LONG = "Tell me a story of a brave little toaster that went far away.";
const WEATHER = { name: "get_weather", parameters: { type: "OBJECT", properties: { city: { type: "STRING" } } } };

async function chunksOf(stream) {
  const chunks = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return chunks;
}
const textOf = (chunks) => chunks.map((chunk) => chunk.text ?? "").join("");

export function generation({ ai, where, check, turn, refused }) {
  check(`${where}: a stream says what an answer says`, async () => {
    const whole = await ai.models.generateContent({ model: NEW, contents: LONG });
    const chunks = await chunksOf(ai.models.generateContentStream({ model: NEW, contents: LONG }));
    assert.ok(chunks.length > 2);
    assert.equal(textOf(chunks), whole.text);
    assert.equal(chunks.at(-1).candidates[0].finishReason, "STOP");
    assert.deepEqual(chunks.at(-1).usageMetadata, whole.usageMetadata);
    await refused(ai.models.generateContentStream({ model: NEW, contents: "[[emulator: fail 503]]" }), 503, "asked for");
  });

  check(`${where}: a chat goes on`, async () => {
    const chat = ai.chats.create({ model: NEW });
    assert.match((await chat.sendMessage({ message: "hello" })).text, /read 1 part/);
    assert.match(textOf(await chunksOf(chat.sendMessageStream({ message: "again" }))), /read 3 parts/);
    assert.deepEqual(chat.getHistory().map((content) => content.role).filter((role, at) => at < 2), ["user", "model"]);
  });

  check(`${where}: functions`, async () => {
    const config = { tools: [{ functionDeclarations: [WEATHER] }] };
    const asked = { role: "user", parts: [{ text: "the weather in Boston" }] };
    const called = await ai.models.generateContent({ model: NEW, contents: [asked], config });
    assert.deepEqual(called.functionCalls.map(({ name, args }) => [name, args]), [["get_weather", { city: "Boston" }]]);
    const result = { functionResponse: { id: called.functionCalls[0].id, name: "get_weather", response: { result: "sunny" } } };
    const contents = [asked, called.candidates[0].content, { role: "user", parts: [result] }];
    assert.match((await ai.models.generateContent({ model: NEW, contents, config })).text, /sunny/);
    const forced = { ...config, toolConfig: { functionCallingConfig: { mode: "ANY" } } };
    assert.equal((await ai.models.generateContent({ model: OLD, contents: "hello", config: forced })).functionCalls.length, 1);
  });

  check(`${where}: thoughts and tools`, async () => {
    const thinking = { thinkingConfig: { includeThoughts: true } };
    const answer = await ai.models.generateContent({ model: NEW, contents: "hello", config: thinking });
    assert.ok(answer.candidates[0].content.parts[0].thought && answer.usageMetadata.thoughtsTokenCount > 0);
    const ran = await ai.models.generateContent({ model: OLD, contents: "sums", config: { tools: [{ codeExecution: {} }] } });
    assert.ok(ran.executableCode && ran.codeExecutionResult);
    const found = await ai.models.generateContent({ model: OLD, contents: "news", config: { tools: [{ googleSearch: {} }] } });
    assert.ok(found.candidates[0].groundingMetadata.groundingChunks[0].web.uri);
  });

  check(`${where}: scripted answers`, async () => {
    await turn({ answers: [{ prompt: "rain", text: "It rains.", times: 1 }, { json: { a: 1 } }] });
    assert.equal((await ai.models.generateContent({ model: NEW, contents: "rain?" })).text, "It rains.");
    assert.deepEqual(JSON.parse((await ai.models.generateContent({ model: NEW, contents: "rain?" })).text), { a: 1 });
  });
}
