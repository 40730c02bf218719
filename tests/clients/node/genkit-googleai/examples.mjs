// genkit 1.28 and @genkit-ai/googleai, the plugin before @genkit-ai/google-genai: what its README and Genkit's guide show.
//
// It takes the address only together with the version of the API, as the address is left out where `apiVersion` is not
// given. Its embedders and its pictures of Imagen take none: they ask Google's host, whatever is set.

import assert from "node:assert/strict";
import { gemini, googleAI } from "@genkit-ai/googleai";
import { genkit, z } from "genkit";

const ai = genkit({
  plugins: [googleAI({ apiKey: "any-word", baseUrl: process.env.GOOGLE_GEMINI_BASE_URL, apiVersion: "v1beta" })],
  model: gemini("gemini-2.5-flash-lite"),
});

export async function text() {
  const { text, usage } = await ai.generate("hi Gemini!");
  assert.ok(text);
  assert.ok(usage.outputTokens > 0);
}

export async function aStream() {
  const { stream, response } = ai.generateStream("Suggest a complete menu for a pirate themed restaurant.");
  let said = "";
  for await (const chunk of stream) said += chunk.text;
  assert.equal(said, (await response).text);
}

export async function structuredOutput() {
  const MenuItem = z.object({ name: z.string(), calories: z.number(), allergens: z.array(z.string()) });
  const { output } = await ai.generate({ prompt: "Suggest a menu item.", output: { schema: MenuItem } });
  MenuItem.parse(output);
}

const getWeather = ai.defineTool(
  {
    name: "getWeather",
    description: "Gets the current weather in a given location",
    inputSchema: z.object({ location: z.string() }),
    outputSchema: z.string(),
  },
  async ({ location }) => `The current weather in ${location} is 63°F and sunny.`,
);

export async function aTool() {
  const { text } = await ai.generate({ prompt: "What is the weather in Baltimore?", tools: [getWeather] });
  assert.match(text, /63°F and sunny/);
}

export async function aPictureInTheQuestion() {
  const prompt = [{ media: { url: "data:image/png;base64,iVBORw0KGgo=" } }, { text: "Describe this picture." }];
  assert.ok((await ai.generate({ prompt })).text);
}

export async function codeThatIsExecuted() {
  const prompt = "Calculate the 20th fibonacci number with code.";
  assert.ok((await ai.generate({ prompt, config: { codeExecution: true } })).text);
}

export async function thoughts() {
  const prompt = "What is heavier, one kilo of steel or one kilo of feathers";
  const config = { thinkingConfig: { thinkingBudget: 1024, includeThoughts: true } };
  const { reasoning, text } = await ai.generate({ prompt, config });
  assert.ok(reasoning);
  assert.ok(text);
}
