// @google/genai, Google's SDK for JavaScript: what its README shows, and a call of each kind.
//
// It finds the emulator by GOOGLE_GEMINI_BASE_URL, and takes any key. In code, that is
// `new GoogleGenAI({ apiKey: "any-word", httpOptions: { baseUrl: "http://127.0.0.1:8085" } })`. Live sessions follow:
// `ws:` where the address begins with http, `wss:` where with https.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import {
  ApiError,
  createPartFromUri,
  createUserContent,
  FunctionCallingConfigMode,
  GoogleGenAI,
  JobState,
  mcpToTool,
  Modality,
  Type,
} from "@google/genai";
import { Client as McpClient } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";

const MODEL = "gemini-3.8-flash";
const LIVE = "gemini-3.8-live";
const RED_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

export async function text() {
  const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
  const response = await ai.models.generateContent({ model: MODEL, contents: "Why is the sky blue?" });
  assert.ok(response.text);
  assert.ok(response.usageMetadata.totalTokenCount > 0);
}

export async function anAddressInCode() {
  const ai = new GoogleGenAI({ apiKey: "any-word", httpOptions: { baseUrl: process.env.GOOGLE_GEMINI_BASE_URL } });
  assert.ok((await ai.models.generateContent({ model: MODEL, contents: "Why is the sky blue?" })).text);
}

export async function versionsOfTheApi() {
  for (const apiVersion of ["v1", "v1beta", "v1alpha"]) {
    const ai = new GoogleGenAI({ apiVersion });
    assert.ok((await ai.models.generateContent({ model: MODEL, contents: "Hello" })).text);
  }
}

export async function aStream() {
  const ai = new GoogleGenAI({});
  let said = "";
  for await (const chunk of await ai.models.generateContentStream({
    model: MODEL,
    contents: "Write a 100-word poem.",
  })) {
    said += chunk.text ?? "";
  }
  assert.equal(said, (await ai.models.generateContent({ model: MODEL, contents: "Write a 100-word poem." })).text);
}

export async function aFunctionCall() {
  const controlLight = {
    name: "controlLight",
    parametersJsonSchema: {
      type: "object",
      properties: { brightness: { type: "number" }, colorTemperature: { type: "string" } },
      required: ["brightness", "colorTemperature"],
    },
  };
  const ai = new GoogleGenAI({});
  const response = await ai.models.generateContent({
    model: MODEL,
    contents: "Dim the lights so the room feels cozy and warm.",
    config: {
      toolConfig: {
        functionCallingConfig: { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: ["controlLight"] },
      },
      tools: [{ functionDeclarations: [controlLight] }],
    },
  });
  const [call] = response.functionCalls;
  assert.equal(call.name, "controlLight");
  assert.equal(typeof call.args.brightness, "number");
  assert.equal(typeof call.args.colorTemperature, "string");
}

export async function aFunctionCallAndItsResult() {
  const weather = {
    name: "get_weather",
    description: "The weather of a place",
    parameters: { type: Type.OBJECT, properties: { location: { type: Type.STRING } }, required: ["location"] },
  };
  const chat = new GoogleGenAI({}).chats.create({
    model: MODEL,
    config: { tools: [{ functionDeclarations: [weather] }] },
  });
  const {
    functionCalls: [call],
  } = await chat.sendMessage({ message: "What is the weather in Boston?" });
  assert.equal(typeof call.args.location, "string");
  const functionResponse = { id: call.id, name: call.name, response: { output: "Snow, at 20 degrees below zero" } };
  assert.match((await chat.sendMessage({ message: { functionResponse } })).text, /Snow/);
}

export async function functionsThatTheSdkCalls() {
  const asked = [];
  const weather = {
    tool: async () => ({
      functionDeclarations: [
        {
          name: "get_weather",
          parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ["city"] },
        },
      ],
    }),
    callTool: async (calls) => {
      asked.push(...calls);
      return calls.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: "sunny" } } }));
    },
  };
  const ai = new GoogleGenAI({});
  const response = await ai.models.generateContent({
    model: MODEL,
    contents: "What is the weather in London?",
    config: { tools: [weather] },
  });
  assert.deepEqual(
    asked.map((call) => call.name),
    ["get_weather"],
  );
  assert.match(response.text, /sunny/);
}

export async function toolsOfAnMcpServer() {
  const server = new McpServer({ name: "weather", version: "1.0.0" });
  const schema = { description: "The weather of a city", inputSchema: { city: z.string() } };
  server.registerTool("get_weather", schema, async ({ city }) => ({
    content: [{ type: "text", text: `Sunny in ${city}` }],
  }));
  const [near, far] = InMemoryTransport.createLinkedPair();
  const mcpClient = new McpClient({ name: "example-client", version: "1.0.0" });
  await Promise.all([server.connect(far), mcpClient.connect(near)]);
  const ai = new GoogleGenAI({});
  const response = await ai.models.generateContent({
    model: MODEL,
    contents: "What is the weather in London?",
    config: { tools: [mcpToTool(mcpClient)] },
  });
  assert.match(response.text, /Sunny in London/);
  await mcpClient.close();
}

export async function formsOfContents() {
  const ai = new GoogleGenAI({});
  const part = { text: "Why is the sky blue?" };
  for (const contents of [
    { role: "user", parts: [part] },
    [{ role: "user", parts: [part] }],
    part,
    [part, "And the sea?"],
  ]) {
    assert.ok((await ai.models.generateContent({ model: MODEL, contents })).text);
  }
}

export async function aContinuationThatIsNotNeeded() {
  const ai = new GoogleGenAI({});
  for (const automaticContinuation of [true, false]) {
    const contents = "Write a comprehensive multi-chapter guide on compiler design.";
    assert.ok((await ai.models.generateContent({ model: MODEL, contents, config: { automaticContinuation } })).text);
  }
}

export async function errorsOfTheService() {
  const ai = new GoogleGenAI({});
  const error = await ai.models
    .generateContent({ model: "non-existent-model", contents: "Hello" })
    .catch((thrown) => thrown);
  assert.ok(error instanceof ApiError);
  assert.equal(error.name, "ApiError");
  assert.equal(error.status, 404);
  assert.match(error.message, /non-existent-model/);
}

export async function settingsOfAnAnswer() {
  const ai = new GoogleGenAI({});
  const response = await ai.models.generateContent({
    model: "gemini-2.5-flash-lite",
    contents: "Tell me a story about a magic backpack.",
    config: {
      systemInstruction: "You are a cat. Your name is Neko.",
      candidateCount: 2,
      maxOutputTokens: 8,
      temperature: 1.0,
      safetySettings: [{ category: "HARM_CATEGORY_HATE_SPEECH", threshold: "BLOCK_ONLY_HIGH" }],
    },
  });
  assert.deepEqual(
    response.candidates.map((each) => each.finishReason),
    ["MAX_TOKENS", "MAX_TOKENS"],
  );
}

export async function structuredOutput() {
  const recipe = z.object({ name: z.string(), minutes: z.number().int(), ingredients: z.array(z.string()) });
  const ai = new GoogleGenAI({});
  const response = await ai.models.generateContent({
    model: MODEL,
    contents: "A recipe of cookies, please.",
    config: { responseMimeType: "application/json", responseJsonSchema: z.toJSONSchema(recipe) },
  });
  recipe.parse(JSON.parse(response.text));
}

export async function structuredOutputOfASchema() {
  const ai = new GoogleGenAI({});
  const response = await ai.models.generateContent({
    model: MODEL,
    contents: "List a few popular cookie recipes.",
    config: {
      responseMimeType: "application/json",
      responseSchema: {
        type: Type.ARRAY,
        minItems: 2,
        items: { type: Type.OBJECT, properties: { name: { type: Type.STRING } }, required: ["name"] },
      },
    },
  });
  const recipes = JSON.parse(response.text);
  assert.ok(recipes.length >= 2);
  assert.equal(typeof recipes[0].name, "string");
}

export async function thoughts() {
  const ai = new GoogleGenAI({});
  const response = await ai.models.generateContent({
    model: MODEL,
    contents: "What is the sum of the first 50 prime numbers?",
    config: { thinkingConfig: { thinkingLevel: "HIGH", includeThoughts: true } },
  });
  const [thought, answer] = response.candidates[0].content.parts;
  assert.ok(thought.thought && thought.text);
  assert.equal(answer.text, response.text);
  assert.ok(response.usageMetadata.thoughtsTokenCount > 0);
}

export async function codeThatIsExecuted() {
  const ai = new GoogleGenAI({});
  const contents = "What is the sum of the first 50 prime numbers? Generate and run code for the calculation.";
  const response = await ai.models.generateContent({
    model: MODEL,
    contents,
    config: { tools: [{ codeExecution: {} }] },
  });
  assert.ok(response.executableCode);
  assert.ok(response.codeExecutionResult);
}

export async function anAnswerFromASearch() {
  const ai = new GoogleGenAI({});
  const config = { tools: [{ googleSearch: {} }] };
  const response = await ai.models.generateContent({ model: MODEL, contents: "Who won the Euro 2024?", config });
  assert.ok(response.candidates[0].groundingMetadata.groundingChunks.length > 0);
}

export async function aPictureInTheQuestion() {
  const ai = new GoogleGenAI({});
  const picture = { inlineData: { data: RED_PIXEL, mimeType: "image/png" } };
  const contents = [createUserContent(["Tell me about this picture", picture])];
  assert.ok((await ai.models.generateContent({ model: MODEL, contents })).text);
}

export async function picturesAndSpeechAsAnswers() {
  const ai = new GoogleGenAI({});
  const picture = await ai.models.generateContent({
    model: "gemini-3.1-flash-lite-image",
    contents: "A cartoon infographic for flying sneakers",
    config: { responseModalities: [Modality.IMAGE] },
  });
  assert.ok(picture.data);
  const speech = await ai.models.generateContent({
    model: "gemini-3.8-flash-tts",
    contents: "Say cheerfully: have a wonderful day!",
    config: {
      responseModalities: [Modality.AUDIO],
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Kore" } } },
    },
  });
  assert.ok(speech.data);
}

export async function aChat() {
  const chat = new GoogleGenAI({}).chats.create({
    model: MODEL,
    history: [
      { role: "user", parts: [{ text: "Hello" }] },
      { role: "model", parts: [{ text: "Great to meet you. What would you like to know?" }] },
    ],
  });
  assert.ok((await chat.sendMessage({ message: "I have 2 dogs in my house." })).text);
  let said = "";
  for await (const chunk of await chat.sendMessageStream({ message: "How many paws are in my house?" }))
    said += chunk.text ?? "";
  assert.ok(said);
  assert.deepEqual([...new Set(chat.getHistory().map((content) => content.role))], ["user", "model"]);
}

export async function tokensThatAreCounted() {
  const ai = new GoogleGenAI({});
  const contents = "The quick brown fox jumps over the lazy dog.";
  const { totalTokens } = await ai.models.countTokens({ model: MODEL, contents });
  const response = await ai.models.generateContent({ model: MODEL, contents });
  assert.equal(response.usageMetadata.promptTokenCount, totalTokens);
}

export async function embeddings() {
  const ai = new GoogleGenAI({});
  const { embeddings } = await ai.models.embedContent({
    model: "gemini-embedding-001",
    contents: ["What is the meaning of life?", "How does the brain work?"],
    config: { outputDimensionality: 768 },
  });
  assert.deepEqual(
    embeddings.map((each) => each.values.length),
    [768, 768],
  );
}

export async function models() {
  const ai = new GoogleGenAI({});
  const names = [];
  for await (const model of await ai.models.list({ config: { pageSize: 10 } })) names.push(model.name);
  assert.ok(names.includes(`models/${MODEL}`));
  assert.ok((await ai.models.get({ model: MODEL })).inputTokenLimit > 0);
}

export async function files() {
  const ai = new GoogleGenAI({});
  await writeFile("a11.txt", "The transcript of a flight. ".repeat(20));
  const file = await ai.files.upload({ file: "a11.txt", config: { mimeType: "text/plain", displayName: "A flight" } });
  assert.equal((await ai.files.get({ name: file.name })).displayName, "A flight");
  const contents = createUserContent([createPartFromUri(file.uri, file.mimeType), "Could you summarize this file?"]);
  assert.ok((await ai.models.generateContent({ model: MODEL, contents })).text);
  const names = [];
  for await (const each of await ai.files.list()) names.push(each.name);
  assert.deepEqual(names, [file.name]);
  await ai.files.delete({ name: file.name });
}

export async function aVideoThatIsProcessed() {
  const ai = new GoogleGenAI({});
  const video = new Blob([new Uint8Array(20_000)], { type: "video/mp4" });
  let file = await ai.files.upload({ file: video });
  while (file.state === "PROCESSING") {
    await wait(100);
    file = await ai.files.get({ name: file.name });
  }
  assert.equal(file.state, "ACTIVE");
}

export async function aCache() {
  const ai = new GoogleGenAI({});
  const cache = await ai.caches.create({
    model: MODEL,
    config: {
      contents: [createUserContent("A sentence of a long handbook. ".repeat(800))],
      systemInstruction: "You are an expert on handbooks.",
      displayName: "handbook",
      ttl: "300s",
    },
  });
  const config = { cachedContent: cache.name };
  const response = await ai.models.generateContent({ model: MODEL, contents: "Summarize the handbook", config });
  assert.equal(response.usageMetadata.cachedContentTokenCount, cache.usageMetadata.totalTokenCount);
  const longer = await ai.caches.update({ name: cache.name, config: { ttl: "7200s" } });
  assert.ok(longer.expireTime > cache.expireTime);
  await ai.caches.delete({ name: cache.name });
  await assert.rejects(ai.caches.get({ name: cache.name }), { status: 403 });
}

const ENDED = [
  JobState.JOB_STATE_SUCCEEDED,
  JobState.JOB_STATE_FAILED,
  JobState.JOB_STATE_CANCELLED,
  JobState.JOB_STATE_EXPIRED,
];

async function _untilItEnded(ai, job) {
  while (!ENDED.includes(job.state)) {
    await wait(100);
    job = await ai.batches.get({ name: job.name });
  }
  return job;
}

export async function aBatch() {
  const ai = new GoogleGenAI({});
  const src = ["Tell me a one-sentence joke.", "Why is the sky blue?"].map((text) => ({
    contents: [{ role: "user", parts: [{ text }] }],
  }));
  const job = await _untilItEnded(ai, await ai.batches.create({ model: MODEL, src, config: { displayName: "jokes" } }));
  assert.equal(job.state, JobState.JOB_STATE_SUCCEEDED);
  for (const { response } of job.dest.inlinedResponses) assert.ok(response.candidates[0].content.parts[0].text);
}

export async function aBatchOfAFile() {
  const ai = new GoogleGenAI({});
  const lines = ["one", "two"].map((key) =>
    JSON.stringify({ key, request: { contents: [{ parts: [{ text: key }] }] } }),
  );
  const file = await ai.files.upload({ file: new Blob([lines.join("\n")]), config: { mimeType: "application/jsonl" } });
  const job = await _untilItEnded(ai, await ai.batches.create({ model: MODEL, src: file.name }));
  await ai.files.download({ file: job.dest.fileName, downloadPath: "answers.jsonl" });
  const answers = (await readFile("answers.jsonl", "utf-8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(answers.map((each) => each.key).sort(), ["one", "two"]);
}

export async function aBatchOfEmbeddings() {
  const ai = new GoogleGenAI({});
  const src = { inlinedRequests: { contents: ["How does the brain work?", "What is life?"] } };
  const job = await _untilItEnded(ai, await ai.batches.createEmbeddings({ model: "gemini-embedding-001", src }));
  assert.equal(job.dest.inlinedEmbedContentResponses.length, 2);
}

export async function aStoreThatIsSearched() {
  const ai = new GoogleGenAI({});
  const store = await ai.fileSearchStores.create({ config: { displayName: "Handbook" } });
  let operation = await ai.fileSearchStores.uploadToFileSearchStore({
    fileSearchStoreName: store.name,
    file: new Blob(["A sentence of a handbook."]),
    config: { mimeType: "text/plain", displayName: "handbook.txt" },
  });
  while (!operation.done) {
    await wait(100);
    operation = await ai.operations.get({ operation });
  }
  const config = { tools: [{ fileSearch: { fileSearchStoreNames: [store.name] } }] };
  assert.ok((await ai.models.generateContent({ model: MODEL, contents: "What does the handbook say?", config })).text);
  await ai.fileSearchStores.delete({ name: store.name, config: { force: true } });
}

export async function anInteraction() {
  const ai = new GoogleGenAI({});
  const interaction = await ai.interactions.create({ model: MODEL, input: "Hello, how are you?" });
  assert.ok(interaction.output_text);
}

export async function interactionsThatFollowOneAnother() {
  const ai = new GoogleGenAI({});
  const first = await ai.interactions.create({ model: MODEL, input: "Hi, my name is Amir." });
  const second = await ai.interactions.create({
    model: MODEL,
    input: "What is my name?",
    previous_interaction_id: first.id,
  });
  assert.ok(second.output_text);
}

export async function anInteractionAsAStream() {
  const ai = new GoogleGenAI({});
  const events = [];
  for await (const event of await ai.interactions.create({ model: MODEL, input: "Hello", stream: true }))
    events.push(event.event_type);
  assert.equal(events.at(-1), "interaction.completed");
}

export async function anInteractionWithAnAgent() {
  const ai = new GoogleGenAI({});
  const input = "Research the history of the Google TPUs with a focus on 2025 and 2026.";
  let interaction = await ai.interactions.create({ input, agent: "deep-research-preview-04-2026", background: true });
  while (interaction.status === "in_progress") {
    await wait(200);
    interaction = await ai.interactions.get(interaction.id);
  }
  assert.equal(interaction.status, "completed");
}

export async function anInteractionAboutAPicture() {
  const ai = new GoogleGenAI({});
  const input = [
    { type: "text", text: "Describe the image." },
    { type: "image", data: RED_PIXEL, mime_type: "image/png" },
  ];
  assert.ok((await ai.interactions.create({ model: MODEL, input })).output_text);
}

export async function anInteractionWithAFunction() {
  const ai = new GoogleGenAI({});
  const weather = {
    type: "function",
    name: "get_weather",
    description: "Gets the weather for a given location.",
    parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
  };
  const input = "What is the weather in Mountain View, CA?";
  const asked = await ai.interactions.create({ model: MODEL, input, tools: [weather] });
  const [call] = asked.steps.filter((step) => step.type === "function_call");
  assert.equal(typeof call.arguments.location, "string");
  const result = { type: "function_result", name: call.name, call_id: call.id, result: "sunny" };
  const told = await ai.interactions.create({ model: MODEL, previous_interaction_id: asked.id, input: [result] });
  assert.ok(told.output_text);
}

export async function anInteractionWithGooglesTools() {
  const ai = new GoogleGenAI({});
  for (const type of ["google_search", "code_execution"]) {
    const input = "Calculate the 50th Fibonacci number.";
    assert.ok((await ai.interactions.create({ model: MODEL, input, tools: [{ type }] })).output_text);
  }
}

export async function anInteractionThatAnswersWithAPicture() {
  const ai = new GoogleGenAI({});
  const interaction = await ai.interactions.create({
    model: "gemini-3.1-flash-lite-image",
    input: "Generate an image of a futuristic city.",
    response_modalities: ["image"],
  });
  const contents = interaction.steps.flatMap((step) => step.content ?? []);
  assert.ok(contents.some((content) => content.type === "image" && content.data));
}

// A Live session, and a way to wait for the end of what the model says: its messages.
async function _session(ai, config, model = LIVE) {
  const messages = [];
  let arrived = () => {};
  const session = await ai.live.connect({
    model,
    config,
    callbacks: {
      onmessage: (message) => (messages.push(message), arrived()),
      onclose: (event) => (messages.push({ closed: event.reason }), arrived()),
    },
  });
  const until = async (isIt) => {
    while (!messages.some((message) => isIt(message))) {
      assert.ok(!messages.some((message) => "closed" in message), JSON.stringify(messages.at(-1)));
      await new Promise((resolve) => (arrived = resolve));
    }
    return messages.splice(0);
  };
  return { session, until, turn: () => until((message) => message.serverContent?.turnComplete) };
}

const _written = (messages) => messages.map((each) => each.serverContent?.outputTranscription?.text ?? "").join("");
const SPOKEN = { responseModalities: [Modality.AUDIO], outputAudioTranscription: {}, inputAudioTranscription: {} };

export async function aLiveSession() {
  const { session, turn } = await _session(new GoogleGenAI({}), SPOKEN);
  session.sendClientContent({ turns: "Hello, how are you?" });
  const messages = await turn();
  assert.ok(_written(messages));
  assert.ok(messages.some((message) => message.data));
  session.close();
}

export async function aLiveSessionWithAMicrophone() {
  const { session, turn } = await _session(new GoogleGenAI({}), SPOKEN);
  const chunk = (loudness) => Buffer.from(new Int16Array(1600).fill(loudness).buffer).toString("base64");
  for (const loudness of [0, 8000, 8000, 8000, 0, 0, 0, 0, 0, 0]) {
    session.sendRealtimeInput({ audio: { data: chunk(loudness), mimeType: "audio/pcm;rate=16000" } });
  }
  const messages = await turn();
  assert.ok(messages.some((message) => message.serverContent?.inputTranscription?.text));
  assert.ok(_written(messages));
  session.close();
}

export async function aLiveSessionWithAFunction() {
  const tools = [{ functionDeclarations: [{ name: "turn_on_the_lights" }] }];
  const { session, until } = await _session(new GoogleGenAI({}), { ...SPOKEN, tools });
  session.sendClientContent({ turns: "Turn on the lights please" });
  const messages = await until((message) => message.toolCall);
  const [{ id, name }] = messages.find((message) => message.toolCall).toolCall.functionCalls;
  session.sendToolResponse({ functionResponses: { id, name, response: { result: "ok" } } });
  await until((message) => message.serverContent?.outputTranscription); // in a turn of its own: it did not wait for it
  session.close();
}

export async function aLiveSessionOfAToken() {
  const server = new GoogleGenAI({ apiVersion: "v1alpha" });
  const constraints = { model: LIVE, config: SPOKEN };
  const token = await server.authTokens.create({ config: { uses: 1, liveConnectConstraints: constraints } });
  const page = new GoogleGenAI({ apiKey: token.name, apiVersion: "v1alpha" });
  const { session, turn } = await _session(page, {});
  session.sendClientContent({ turns: "Hello" });
  assert.ok(_written(await turn()));
  session.close();
}

// With a certificate that Node trusts: NODE_EXTRA_CA_CERTS, which `gemctl emulator env` exports.
export async function aLiveSessionByTls() {
  const baseUrl = process.env.GOOGLE_GEMINI_BASE_URL.replace("http:", "https:");
  const ai = new GoogleGenAI({ httpOptions: { baseUrl } });
  assert.ok((await ai.models.generateContent({ model: MODEL, contents: "Hello" })).text);
  const { session, turn } = await _session(ai, SPOKEN);
  session.sendClientContent({ turns: "Hello" });
  assert.ok(_written(await turn()));
  session.close();
}
