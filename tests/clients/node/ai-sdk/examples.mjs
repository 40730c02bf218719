// ai and @ai-sdk/google, Vercel's SDK: what the page of its provider shows.
//
// The address is `createGoogle({ baseURL: "http://127.0.0.1:8085/v1beta", apiKey: "any-word" })`, with the version of the
// API; no variable of the environment has it.

import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { createGoogle } from "@ai-sdk/google";
import {
  APICallError,
  cosineSimilarity,
  embed,
  embedMany,
  experimental_extract as extract,
  experimental_getBatchResults as getBatchResults,
  experimental_getBatchStatus as getBatchStatus,
  experimental_startBatch as startBatch,
  experimental_streamTranscribe as streamTranscribe,
  experimental_streamTranslate as streamTranslate,
  generateImage,
  generateObject,
  generateSpeech,
  generateText,
  isStepCount,
  Output,
  streamObject,
  streamText,
  tool,
  ToolLoopAgent,
  transcribe,
  uploadFile,
} from "ai";
import { z } from "zod";

const MODEL = "gemini-3.8-flash";
const PAINTER = "gemini-3.1-flash-lite-image";
const google = createGoogle({ baseURL: `${process.env.GOOGLE_GEMINI_BASE_URL}/v1beta`, apiKey: "any-word" });
const LASAGNA = "Write a vegetarian lasagna recipe for 4 people.";
const RED_PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
  "base64",
);

export async function text() {
  const { text, usage, finishReason } = await generateText({ model: google(MODEL), prompt: LASAGNA });
  assert.ok(text);
  assert.ok(usage.totalTokens > 0);
  assert.equal(finishReason, "stop");
}

export async function aStream() {
  const { textStream } = streamText({ model: google(MODEL), prompt: LASAGNA });
  let said = "";
  for await (const delta of textStream) said += delta;
  assert.equal(said, (await generateText({ model: google(MODEL), prompt: LASAGNA })).text);
}

export async function settings() {
  const { text, finishReason } = await generateText({
    model: google(MODEL),
    instructions: "You are a cook.",
    prompt: LASAGNA,
    maxOutputTokens: 5,
    temperature: 0.3,
    providerOptions: {
      google: { safetySettings: [{ category: "HARM_CATEGORY_HATE_SPEECH", threshold: "BLOCK_LOW_AND_ABOVE" }] },
    },
  });
  assert.ok(text);
  assert.equal(finishReason, "length");
}

export async function aTextThatStops() {
  const { text } = await generateText({ model: google(MODEL), prompt: "one two three", stopSequences: ["two"] });
  assert.doesNotMatch(text, /two/);
}

export async function thoughts() {
  const { text, reasoningText, usage } = await generateText({
    model: google(MODEL),
    prompt: "What is the sum of the first 10 prime numbers?",
    providerOptions: { google: { thinkingConfig: { thinkingLevel: "high", includeThoughts: true } } },
  });
  assert.ok(text);
  assert.ok(reasoningText);
  assert.ok(usage.outputTokenDetails.reasoningTokens > 0);
}

export async function thoughtsOfOlderModels() {
  const { reasoningText } = await generateText({
    model: google("gemini-2.5-flash-lite"),
    prompt: "What is the sum of the first 10 prime numbers?",
    providerOptions: { google: { thinkingConfig: { thinkingBudget: 8192, includeThoughts: true } } },
  });
  assert.ok(reasoningText);
}

const weather = tool({
  description: "Get the weather for a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `It is sunny in ${city}.`,
});
const WEATHER = "What is the weather in San Francisco right now?";

export async function aTool() {
  const { text, steps } = await generateText({
    model: google(MODEL),
    tools: { weather },
    stopWhen: isStepCount(5),
    prompt: WEATHER,
  });
  assert.equal(steps[0].toolCalls[0].toolName, "weather");
  assert.match(text, /sunny/);
}

export async function aToolInAStream() {
  const { fullStream } = streamText({
    model: google(MODEL),
    tools: { weather },
    stopWhen: isStepCount(5),
    prompt: WEATHER,
  });
  const types = [];
  for await (const part of fullStream) types.push(part.type);
  for (const type of ["tool-call", "tool-result", "text-delta", "finish"]) assert.ok(types.includes(type), type);
}

export async function aToolThatIsChosen() {
  for (const toolChoice of ["required", { type: "tool", toolName: "weather" }]) {
    const { toolCalls } = await generateText({ model: google(MODEL), tools: { weather }, toolChoice, prompt: "Hello" });
    assert.equal(toolCalls[0].toolName, "weather");
    assert.equal(typeof toolCalls[0].input.city, "string");
  }
}

export async function anAgent() {
  const agent = new ToolLoopAgent({ model: google(MODEL), instructions: "You know the weather.", tools: { weather } });
  const { text } = await agent.generate({ prompt: WEATHER });
  assert.match(text, /sunny/);
}

const recipe = z.object({
  recipe: z.object({
    name: z.string(),
    ingredients: z.array(z.object({ name: z.string(), amount: z.string() })),
    steps: z.array(z.string()),
  }),
});

export async function structuredOutput() {
  const { output } = await generateText({
    model: google(MODEL),
    output: Output.object({ schema: recipe }),
    prompt: "Generate a lasagna recipe.",
  });
  recipe.parse(output);
}

export async function structuredOutputInAStream() {
  const { partialOutputStream } = streamText({
    model: google(MODEL),
    output: Output.object({ schema: recipe }),
    prompt: "Generate a lasagna recipe.",
  });
  let last;
  for await (const partial of partialOutputStream) last = partial;
  recipe.parse(last);
}

export async function objects() {
  const { object } = await generateObject({
    model: google(MODEL),
    schema: recipe,
    prompt: "Generate a lasagna recipe.",
  });
  recipe.parse(object);
  const { partialObjectStream } = streamObject({
    model: google(MODEL),
    schema: recipe,
    prompt: "Generate a lasagna recipe.",
  });
  let last;
  for await (const partial of partialObjectStream) last = partial;
  assert.deepEqual(last, object);
}

export async function oneOfSeveral() {
  const { output } = await generateText({
    model: google(MODEL),
    output: Output.choice({ options: ["action", "comedy", "drama"] }),
    prompt: "Classify the genre of this movie plot: a group of astronauts travel through a wormhole.",
  });
  assert.ok(["action", "comedy", "drama"].includes(output));
}

export async function aUnion() {
  const contact = z.union([
    z.object({ type: z.literal("email"), value: z.string() }),
    z.object({ type: z.literal("phone"), value: z.string() }),
  ]);
  const { output } = await generateText({
    model: google(MODEL),
    output: Output.object({ schema: z.object({ name: z.string(), contact }) }),
    prompt: "Generate an example person for testing.",
  });
  assert.ok(["email", "phone"].includes(output.contact.type));
}

export async function fieldsThatAreExtracted() {
  const { answers } = await extract({
    model: google.extractionModel(MODEL),
    referenceDate: "2026-11-11",
    state: "Invoice INV-2041. Total due $1,250.00 by March 3.",
    fields: { invoiceNumber: { type: "text", instructions: "The invoice number" } },
  });
  assert.ok("invoiceNumber" in answers);
}

export async function aPdfInTheQuestion() {
  const content = [
    { type: "text", text: "What is an embedding model according to this document?" },
    { type: "file", data: Buffer.from("%PDF-1.4\n%%EOF\n"), mediaType: "application/pdf" },
  ];
  assert.ok((await generateText({ model: google(MODEL), messages: [{ role: "user", content }] })).text);
}

export async function aVideoByItsAddress() {
  const content = [
    { type: "text", text: "Summarize this part of the video" },
    {
      type: "file",
      data: "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
      mediaType: "video/mp4",
      providerOptions: { google: { videoMetadata: { startOffset: "60s", endOffset: "600s", fps: 1 } } },
    },
  ];
  assert.ok((await generateText({ model: google(MODEL), messages: [{ role: "user", content }] })).text);
}

export async function aFileThatIsUploaded() {
  const data = Buffer.from("The transcript of a flight.");
  const { providerReference } = await uploadFile({ api: google, data, mediaType: "text/plain", filename: "a11.txt" });
  const content = [
    { type: "text", text: "Summarize this document." },
    { type: "file", data: providerReference, mediaType: "text/plain" },
  ];
  assert.ok((await generateText({ model: google(MODEL), messages: [{ role: "user", content }] })).text);
}

// The page makes the cache with @google/genai.
export async function aCache() {
  const made = await fetch(`${process.env.GOOGLE_GEMINI_BASE_URL}/v1beta/cachedContents`, {
    method: "POST",
    headers: { "x-goog-api-key": "any-word", "Content-Type": "application/json" },
    body: JSON.stringify({
      model: `models/${MODEL}`,
      contents: [{ role: "user", parts: [{ text: "A recipe of a lasagna. ".repeat(1000) }] }],
      ttl: "300s",
    }),
  });
  const cache = await made.json();
  const { usage } = await generateText({
    model: google(MODEL),
    prompt: LASAGNA,
    providerOptions: { google: { cachedContent: cache.name } },
  });
  assert.equal(usage.inputTokenDetails.cacheReadTokens, cache.usageMetadata.totalTokenCount);
}

export async function googlesTools() {
  for (const [name, made] of [
    ["code_execution", google.tools.codeExecution({})],
    ["google_search", google.tools.googleSearch({})],
    ["url_context", google.tools.urlContext({})],
    ["google_maps", google.tools.googleMaps({})],
  ]) {
    const prompt = "Read https://ai.google.dev/gemini-api/docs and calculate the 20th fibonacci number with python.";
    const { text } = await generateText({ model: google(MODEL), tools: { [name]: made }, prompt });
    assert.ok(text, name);
  }
}

export async function sourcesOfASearch() {
  const { sources, finalStep } = await generateText({
    model: google(MODEL),
    tools: { google_search: google.tools.googleSearch({}) },
    prompt: "List the top 5 San Francisco news from the past week.",
  });
  assert.ok(sources.length > 0);
  assert.ok(finalStep.providerMetadata.google.groundingMetadata);
}

export async function codeThatIsExecuted() {
  const { toolCalls, toolResults } = await generateText({
    model: google(MODEL),
    tools: { code_execution: google.tools.codeExecution({}) },
    prompt: "Use python to calculate the 20th fibonacci number.",
  });
  assert.equal(toolCalls[0].toolName, "code_execution");
  assert.equal(toolResults.length, 1);
}

export async function picturesAsAnswers() {
  const { files } = await generateText({ model: google(PAINTER), prompt: "Create a picture of a nano banana dish" });
  assert.ok(files[0].mediaType.startsWith("image/"));
  const { image } = await generateImage({
    model: google.image(PAINTER),
    prompt: "A cat wearing a hat",
    aspectRatio: "1:1",
  });
  assert.ok(image.uint8Array.length > 0);
  const changed = await generateImage({
    model: google.image(PAINTER),
    prompt: { text: "Add a small wizard hat to this cat", images: [RED_PIXEL] },
  });
  assert.ok(changed.image.uint8Array.length > 0);
}

export async function speechAsTheAnswer() {
  const { audio } = await generateSpeech({
    model: google.speech("gemini-3.8-flash-tts"),
    text: "Hello, world!",
    voice: "Kore",
  });
  assert.ok(audio.uint8Array.length > 0);
}

export async function speechOfTwo() {
  const speakerVoiceConfigs = [
    ["Joe", "Kore"],
    ["Jane", "Puck"],
  ].map(([speaker, voiceName]) => ({
    speaker,
    voiceConfig: { prebuiltVoiceConfig: { voiceName } },
  }));
  const { audio } = await generateSpeech({
    model: google.speech("gemini-3.8-flash-lite-tts"),
    text: "",
    providerOptions: {
      google: {
        multiSpeakerVoiceConfig: { speakerVoiceConfigs },
        turns: [
          { text: "How are you?", speechMetadata: { speaker: "Joe", style: "curious" } },
          { text: "<laugh> Doing great, thanks!", speechMetadata: { speaker: "Jane", style: "cheerful" } },
        ],
      },
    },
  });
  assert.ok(audio.uint8Array.length > 0);
}

export async function embeddings() {
  const one = await embed({
    model: google.embedding("gemini-embedding-001"),
    value: "sunny day at the beach",
    providerOptions: { google: { outputDimensionality: 512, taskType: "SEMANTIC_SIMILARITY" } },
  });
  assert.equal(one.embedding.length, 512);
  const { embeddings } = await embedMany({
    model: google.embedding("gemini-embedding-2"),
    values: ["sunny day at the beach", "rainy afternoon in the city"],
    providerOptions: {
      google: { content: [[{ inlineData: { mimeType: "image/png", data: RED_PIXEL.toString("base64") } }], null] },
    },
  });
  assert.ok(Math.abs(cosineSimilarity(embeddings[0], embeddings[1])) <= 1);
}

export async function aBatch() {
  const requests = ["France", "Germany"].map((country) => ({
    id: `capital-${country}`,
    type: "text",
    model: MODEL,
    prompt: `What is the capital of ${country}?`,
  }));
  const batch = await startBatch({ provider: google, requests });
  let { status } = batch;
  while (status === "pending") {
    await wait(100);
    ({ status } = await getBatchStatus({ provider: google, batch }));
  }
  assert.equal(status, "completed");
  const said = {};
  for await (const item of getBatchResults({ provider: google, batch })) said[item.id] = item.text;
  assert.ok(said["capital-France"] && said["capital-Germany"]);
}

export async function anInteraction() {
  const { text } = await generateText({ model: google.interactions(MODEL), prompt: "Hello, how are you?" });
  assert.ok(text);
}

export async function anInteractionAsAStream() {
  let said = "";
  for await (const delta of streamText({ model: google.interactions(MODEL), prompt: "Hello" }).textStream)
    said += delta;
  assert.ok(said);
}

export async function interactionsThatFollowOneAnother() {
  const model = google.interactions(MODEL);
  const first = await generateText({ model, prompt: "What are the three largest cities in Spain?" });
  const previousInteractionId = first.finalStep.providerMetadata.google.interactionId;
  assert.ok(previousInteractionId);
  const prompt = "What is the most famous landmark in the second one?";
  assert.ok((await generateText({ model, prompt, providerOptions: { google: { previousInteractionId } } })).text);
}

export async function anInteractionWithATool() {
  const { text } = await generateText({
    model: google.interactions(MODEL),
    tools: { weather },
    stopWhen: isStepCount(5),
    prompt: WEATHER,
  });
  assert.match(text, /sunny/);
}

export async function anInteractionThatAnswersWithAPicture() {
  const { files } = await generateText({
    model: google.interactions(PAINTER),
    prompt: "Generate an image of a comic cat in a spaceship.",
    providerOptions: { google: { responseFormat: [{ type: "image" }] } },
  });
  assert.ok(files[0].uint8Array.length > 0);
}

export async function anInteractionWithAnAgent() {
  const { text } = await generateText({
    model: google.interactions({ agent: "deep-research-preview-04-2026" }),
    prompt: "Briefly summarize the most-cited papers on retrieval-augmented generation since 2024.",
    providerOptions: { google: { background: true, pollingTimeoutMs: 60_000 } },
  });
  assert.ok(text);
}

// A turn of a Live session: the provider makes the address and the messages, the socket is Node's. Gives the types of the
// events that came.
async function _turn(model, socket) {
  const send = async (event) => {
    const message = await model.serializeClientEvent(event);
    if (message) socket.send(JSON.stringify(message));
  };
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const ended = new Promise((resolve, reject) => {
    const types = new Set();
    socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
    socket.onmessage = async ({ data }) => {
      const events = await model.parseServerEvent(JSON.parse(typeof data === "string" ? data : await data.text()));
      for (const { type } of [events].flat()) types.add(type);
      if (types.has("response-done")) resolve(types);
    };
  });
  await send({ type: "session-update", config: { outputModalities: ["audio"], outputAudioTranscription: {} } });
  await send({ type: "conversation-item-create", item: { type: "text-message", role: "user", text: "Hello" } });
  await send({ type: "response-create" });
  const types = await ended;
  socket.onclose = undefined;
  socket.close();
  return types;
}

export async function aLiveSessionOfAServer() {
  const model = google.experimental_realtime("gemini-3.8-live");
  const { url, headers } = await model.getServerWebSocketConfig({ intent: "conversation" });
  const types = await _turn(model, new WebSocket(url, { headers }));
  assert.ok(types.has("audio-delta"));
}

export async function aLiveSessionOfAToken() {
  const { token, url } = await google.experimental_realtime.getToken({
    model: "gemini-3.8-live",
    sessionConfig: { outputModalities: ["audio"], outputAudioTranscription: {} },
  });
  assert.match(token, /^auth_tokens\//);
  const model = google.experimental_realtime("gemini-3.8-live");
  const types = await _turn(model, new WebSocket(model.getWebSocketConfig({ token, url }).url));
  assert.ok(types.has("audio-transcript-delta"));
}

const SPEECH = { type: "audio/pcm", rate: 16000 };

function _speech() {
  const tenths = [0, 8000, 8000, 8000, 0, 0, 0, 0, 0, 0, 0, 0].map((loudness) => new Int16Array(1600).fill(loudness));
  return ReadableStream.from(tenths.map((tenth) => new Uint8Array(tenth.buffer)));
}

export async function speechThatIsTranscribed() {
  const audio = Buffer.concat([Buffer.from("RIFF\0\0\0\0WAVEfmt "), Buffer.alloc(3200)]);
  assert.ok((await transcribe({ model: google.transcription("gemini-3.5-transcribe"), audio })).text);
}

export async function speechThatIsTranscribedWhileItComes() {
  const model = google.transcription("gemini-3.5-transcribe-live");
  assert.ok(await streamTranscribe({ model, audio: _speech(), inputAudioFormat: SPEECH }).text);
}

export async function speechThatIsTranslatedWhileItComes() {
  const model = google.translation("gemini-3.5-live-translate-preview");
  const { fullStream } = streamTranslate({ model, audio: _speech(), inputAudioFormat: SPEECH, targetLanguage: "es" });
  const types = new Set();
  for await (const { type } of fullStream) types.add(type);
  for (const type of ["source-transcript-final", "output-text-final", "audio"]) assert.ok(types.has(type), type);
}

export async function errorsOfTheService() {
  const error = await generateText({ model: google("invalid-model-name"), prompt: LASAGNA, maxRetries: 0 }).catch(
    (thrown) => thrown,
  );
  assert.ok(APICallError.isInstance(error));
  assert.equal(error.statusCode, 404);
}
