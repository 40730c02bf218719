// @langchain/google-genai: what its README and the documentation of its classes show.
//
// The address is `baseUrl`, of the chat model and of the embeddings alike; no variable of the environment has it.

import assert from "node:assert/strict";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { tool } from "@langchain/core/tools";
import { concat } from "@langchain/core/utils/stream";
import { ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings } from "@langchain/google-genai";
import { z } from "zod";

const at = { baseUrl: process.env.GOOGLE_GEMINI_BASE_URL, apiKey: "any-word" };
const llm = new ChatGoogleGenerativeAI({ ...at, model: "gemini-3.8-flash", temperature: 0, maxRetries: 0 });
const INPUT = 'Translate "I love programming" into French.';

export async function aMessage() {
  const model = new ChatGoogleGenerativeAI({ ...at, model: "gemini-3.8-flash", maxOutputTokens: 2048 });
  assert.ok((await model.invoke([new HumanMessage("Hello world!")])).content);
  assert.ok((await model.invoke(INPUT)).content);
}

export async function aPrompt() {
  const prompt = ChatPromptTemplate.fromMessages([
    ["system", "You are a helpful assistant that translates {from} to {to}."],
    ["human", "{input}"],
  ]);
  const answer = await prompt.pipe(llm).invoke({ from: "English", to: "German", input: "I love programming." });
  assert.ok(answer.content);
}

export async function aStream() {
  let full;
  for await (const chunk of await llm.stream(INPUT)) full = full ? concat(full, chunk) : chunk;
  assert.equal(full.content, (await llm.invoke(INPUT)).content);
}

export async function severalAtOnce() {
  const answers = await llm.batch(["Hello", "Good morning"]);
  assert.equal(answers.filter((answer) => answer.content).length, 2);
}

const GetWeather = {
  name: "GetWeather",
  description: "Get the current weather in a given location",
  schema: z.object({ location: z.string().describe("The city and state, e.g. San Francisco, CA") }),
};
const GetPopulation = {
  name: "GetPopulation",
  description: "Get the current population in a given location",
  schema: z.object({ location: z.string().describe("The city and state, e.g. San Francisco, CA") }),
};

export async function tools() {
  const answer = await llm
    .bindTools([GetWeather, GetPopulation])
    .invoke("What is the current weather in San Francisco?");
  assert.equal(answer.tool_calls[0].name, "GetWeather");
  assert.equal(typeof answer.tool_calls[0].args.location, "string");
}

export async function aToolAndItsResult() {
  const weather = tool(async ({ location }) => `It is sunny in ${location}.`, GetWeather);
  const bound = llm.bindTools([weather]);
  const messages = [new HumanMessage("What is the current weather in San Francisco?")];
  const asked = await bound.invoke(messages);
  const result = await weather.invoke(asked.tool_calls[0]);
  assert.ok(result instanceof ToolMessage);
  assert.match((await bound.invoke([...messages, asked, result])).content, /sunny/);
}

export async function aToolThatIsChosen() {
  for (const tool_choice of ["any", "GetPopulation"]) {
    const answer = await llm.bindTools([GetPopulation], { tool_choice }).invoke("Hello");
    assert.equal(answer.tool_calls[0].name, "GetPopulation");
  }
}

export async function aToolInAStream() {
  let full;
  const stream = await llm.bindTools([GetWeather]).stream("What is the current weather in San Francisco?");
  for await (const chunk of stream) full = full ? concat(full, chunk) : chunk;
  assert.equal(full.tool_calls[0].name, "GetWeather");
}

const Joke = z
  .object({
    setup: z.string().describe("The setup of the joke"),
    punchline: z.string().describe("The punchline to the joke"),
    rating: z.number().optional().describe("How funny the joke is, from 1 to 10"),
  })
  .describe("Joke to tell user.");

export async function structuredOutput() {
  for (const how of [undefined, "functionCalling", "jsonSchema"]) {
    const structured = llm.withStructuredOutput(Joke, { name: "Joke", ...(how && { method: how }) });
    Joke.parse(await structured.invoke("Tell me a joke about cats"));
  }
}

export async function aPictureInTheQuestion() {
  const message = new HumanMessage({
    content: [
      { type: "text", text: "Describe the following image." },
      { type: "image_url", image_url: "data:image/png;base64,iVBORw0KGgo=" },
    ],
  });
  assert.ok((await llm.invoke([message])).content);
}

export async function aPdfInTheQuestion() {
  const pdf = Buffer.from("%PDF-1.4\n%%EOF\n").toString("base64");
  const answer = await llm.invoke([
    ["system", "Use the provided documents to answer the question"],
    [
      "user",
      [
        { type: "application/pdf", data: pdf },
        { type: "text", text: "Summarize the contents of this PDF" },
      ],
    ],
  ]);
  assert.ok(answer.content);
}

export async function usageAndMetadata() {
  const { usage_metadata, response_metadata } = await llm.invoke(INPUT);
  assert.ok(usage_metadata.input_tokens > 0 && usage_metadata.output_tokens > 0);
  assert.equal(response_metadata.finishReason, "STOP");
}

export async function thoughts() {
  const model = new ChatGoogleGenerativeAI({
    ...at,
    model: "gemini-3.8-flash",
    thinkingConfig: { thinkingLevel: "HIGH", includeThoughts: true },
  });
  const { content } = await model.invoke("What is the sum of the first 10 prime numbers?");
  assert.ok(content.length > 0);
}

export async function codeThatIsExecuted() {
  const { content } = await llm
    .bindTools([{ codeExecution: {} }])
    .invoke("Use code execution to find the sum of the first 100 primes");
  assert.ok(content.some((block) => block.type === "executableCode"));
}

export async function anAnswerFromASearch() {
  const { response_metadata } = await llm.bindTools([{ googleSearch: {} }]).invoke("Who won the last Super Bowl?");
  assert.ok(response_metadata.groundingMetadata);
}

// The chat model takes a cache that others have made.
export async function aCache() {
  const made = await fetch(`${at.baseUrl}/v1beta/cachedContents`, {
    method: "POST",
    headers: { "x-goog-api-key": at.apiKey, "Content-Type": "application/json" },
    body: JSON.stringify({
      model: "models/gemini-3.8-flash",
      contents: [{ role: "user", parts: [{ text: "A sentence of a long handbook. ".repeat(800) }] }],
      ttl: "300s",
    }),
  });
  const model = new ChatGoogleGenerativeAI({ ...at, model: "gemini-3.8-flash" });
  model.useCachedContent(await made.json());
  assert.ok((await model.invoke("Summarize the handbook")).content);
}

export async function embeddings() {
  const embedder = new GoogleGenerativeAIEmbeddings({
    ...at,
    model: "gemini-embedding-001",
    taskType: "RETRIEVAL_DOCUMENT",
    title: "Document title",
  });
  assert.equal((await embedder.embedQuery("OK Google")).length, 3072);
  assert.equal((await embedder.embedDocuments(["OK Google", "Good morning"])).length, 2);
}

export async function errorsOfTheService() {
  const model = new ChatGoogleGenerativeAI({ ...at, model: "invalid-model-name", maxRetries: 0 });
  await assert.rejects(model.invoke("Hello"), /404/);
}
