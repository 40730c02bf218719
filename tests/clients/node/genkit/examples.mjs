// genkit and @genkit-ai/google-genai: what the README of its plugin and Genkit's guide show.
//
// The address is `googleAI({ apiKey: "any-word", baseUrl: "http://127.0.0.1:8085" })`, the option of the plugin; no variable
// of the environment has it.

import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { googleAI } from "@genkit-ai/google-genai";
import { genkit, z } from "genkit";

const ai = genkit({
  plugins: [googleAI({ apiKey: "any-word", baseUrl: process.env.GOOGLE_GEMINI_BASE_URL })],
  model: googleAI.model("gemini-3.8-flash"),
});

export async function text() {
  const { text, usage, finishReason } = await ai.generate({
    model: googleAI.model("gemini-flash-latest"),
    prompt: "Tell me something interesting about Google AI.",
  });
  assert.ok(text);
  assert.ok(usage.totalTokens > 0);
  assert.equal(finishReason, "stop");
}

export async function settings() {
  const { text, finishReason } = await ai.generate({
    system: "Talk like a pirate.",
    prompt: "Invent a menu item for a restaurant with a pirate theme.",
    config: { maxOutputTokens: 5, temperature: 1.0, topP: 0.95, topK: 40 },
  });
  assert.ok(text);
  assert.equal(finishReason, "length");
}

export async function aStream() {
  const { stream, response } = ai.generateStream("Suggest a complete menu for a pirate themed restaurant.");
  let said = "";
  for await (const chunk of stream) said += chunk.text;
  assert.equal(said, (await response).text);
}

const MenuItem = z.object({
  name: z.string().describe("The name of the menu item."),
  calories: z.number().describe("The estimated number of calories."),
  allergens: z.array(z.string()).describe("Any known allergens."),
});

export async function structuredOutput() {
  const { output } = await ai.generate({ prompt: "Suggest a menu item.", output: { schema: MenuItem } });
  MenuItem.parse(output);
}

export async function structuredOutputInAStream() {
  const { stream, response } = ai.generateStream({
    prompt: "Suggest three menu items.",
    output: { schema: z.array(MenuItem) },
  });
  for await (const chunk of stream) assert.ok(chunk.output === null || Array.isArray(chunk.output));
  z.array(MenuItem).parse((await response).output);
}

const getWeather = ai.defineTool(
  {
    name: "getWeather",
    description: "Gets the current weather in a given location",
    inputSchema: z.object({ location: z.string().describe("The location to get the current weather for") }),
    outputSchema: z.string(),
  },
  async ({ location }) => `The current weather in ${location} is 63°F and sunny.`,
);

export async function aTool() {
  const { text } = await ai.generate({ prompt: "What is the weather in Baltimore?", tools: [getWeather] });
  assert.match(text, /63°F and sunny/);
}

export async function aToolInAStream() {
  const { stream, response } = ai.generateStream({ prompt: "What is the weather in Baltimore?", tools: [getWeather] });
  const requests = [];
  for await (const chunk of stream) requests.push(...chunk.toolRequests);
  assert.equal(requests[0].toolRequest.name, "getWeather");
  assert.match((await response).text, /sunny/);
}

export async function aToolThatIsNotCalledByItself() {
  const asked = await ai.generate({
    prompt: "What is the weather in Baltimore?",
    tools: [getWeather],
    returnToolRequests: true,
  });
  assert.equal(asked.toolRequests[0].toolRequest.name, "getWeather");
}

export async function aChat() {
  const first = await ai.generate({ system: "You are a friendly assistant.", prompt: "Hi, my name is Pavel." });
  const second = await ai.generate({ messages: first.messages, prompt: "What is my name?" });
  assert.ok(second.text);
  assert.equal(second.messages.filter((message) => message.role === "model").length, 2);
}

export async function aFlow() {
  const menu = ai.defineFlow({ name: "menu", inputSchema: z.string(), outputSchema: MenuItem }, async (theme) => {
    const { output } = await ai.generate({
      prompt: `Invent a menu item for a ${theme} restaurant.`,
      output: { schema: MenuItem },
    });
    return output;
  });
  MenuItem.parse(await menu("pirate"));
}

export async function aPictureInTheQuestion() {
  const { text } = await ai.generate({
    prompt: [{ media: { url: "data:image/png;base64,iVBORw0KGgo=" } }, { text: "Compose a poem about this picture." }],
  });
  assert.ok(text);
}

export async function thoughts() {
  const { reasoning, text } = await ai.generate({
    prompt: "What is heavier, one kilo of steel or one kilo of feathers",
    config: { thinkingConfig: { thinkingLevel: "HIGH", includeThoughts: true } },
  });
  assert.ok(reasoning);
  assert.ok(text);
}

export async function googlesTools() {
  for (const config of [{ googleSearchRetrieval: {} }, { codeExecution: true }, { tools: [{ urlContext: {} }] }]) {
    assert.ok((await ai.generate({ prompt: "What are the top tech news stories this week?", config })).text);
  }
}

export async function aFileSearchStore() {
  const headers = { "x-goog-api-key": "any-word", "Content-Type": "application/json" };
  const made = await fetch(`${process.env.GOOGLE_GEMINI_BASE_URL}/v1beta/fileSearchStores`, {
    method: "POST",
    headers,
    body: "{}",
  });
  const { name } = await made.json();
  const { text } = await ai.generate({
    prompt: "What is in the handbook?",
    config: { fileSearch: { fileSearchStoreNames: [name] } },
  });
  assert.ok(text);
}

export async function aPictureAsTheAnswer() {
  const { media } = await ai.generate({
    model: googleAI.model("gemini-3.1-flash-lite-image"),
    prompt: "A beautiful watercolor painting of a castle in the mountains.",
    config: { imageConfig: { aspectRatio: "1:1" } },
  });
  assert.match(media.url, /^data:image/);
}

export async function speechAsTheAnswer() {
  const { media } = await ai.generate({
    model: googleAI.model("gemini-3.8-flash-tts"),
    prompt: "Say that Genkit is an amazing framework.",
    config: { speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Algenib" } } } },
  });
  assert.match(media.url, /^data:audio/);
}

export async function embeddings() {
  for (const name of ["gemini-embedding-2", "gemini-embedding-001"]) {
    const [{ embedding }] = await ai.embed({ embedder: googleAI.embedder(name), content: "Embed this text." });
    assert.equal(embedding.length, 3072);
  }
  const embedder = googleAI.embedder("gemini-embedding-001", { outputDimensionality: 768 });
  assert.equal((await ai.embed({ embedder, content: "Embed this text." }))[0].embedding.length, 768);
}

export async function anAgentForResearch() {
  let { operation } = await ai.generate({
    model: googleAI.model("deep-research-preview-04-2026"),
    prompt: "Analyze global semiconductor market trends.",
  });
  while (!operation.done) {
    await wait(200);
    operation = await ai.checkOperation(operation);
  }
  assert.ok(operation.output.message.content.length > 0);
}

export async function anAgentThatAnswersAtOnce() {
  const { text } = await ai.generate({
    model: googleAI.model("antigravity-preview-05-2026"),
    prompt: "Read Hacker News, summarize the top 10 stories.",
  });
  assert.ok(text);
}

export async function errorsOfTheService() {
  const asked = ai.generate({ model: googleAI.model("gemini-invalid-name"), prompt: "Hello" });
  await assert.rejects(asked, /404 Not Found/);
}
