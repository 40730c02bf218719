// The official JavaScript SDK's Live client against a served emulator, whose address is the first argument.
// Prints one line a check; the last one says how many. Ends with 1 if one of them failed.

import assert from "node:assert/strict";
import { GoogleGenAI, Modality } from "@google/genai";
import Socket from "ws"; // for versions of Node that have no WebSocket

const url = process.argv[2];
const KEY = "any-word";
const LIVE = "gemini-3.8-live";
const NATIVE = "gemini-2.5-flash-native-audio-preview-12-2025";
const CONFIG = { responseModalities: [Modality.AUDIO], outputAudioTranscription: {}, inputAudioTranscription: {} };

async function door(method, path = "", body = undefined) {
  const answer = await fetch(`${url}/emulator${path}`, { method, body: body && JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

function client(apiVersion = undefined, apiKey = KEY) {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url, ...(apiVersion && { apiVersion }) } });
}

// A session, what came, and a way to wait for what will come.
async function open(ai, model, config = CONFIG) {
  const got = [];
  const waiting = [];
  const look = () => waiting.splice(0).forEach((each) => each());
  const session = await ai.live.connect({
    model,
    config,
    callbacks: {
      onopen: () => {},
      onmessage: (message) => (got.push(message), look()),
      onerror: () => {},
      onclose: (event) => (got.push({ closed: [event.code, String(event.reason)] }), look()),
    },
  });
  async function until(found) {
    for (;;) {
      const index = got.findIndex(found);
      if (index >= 0) return got.splice(0, index + 1);
      assert.ok(!got.some((message) => message.closed), JSON.stringify(got.at(-1)));
      await new Promise((resolve) => waiting.push(resolve));
    }
  }
  const turn = () => until((message) => message.serverContent?.turnComplete);
  return { session, until, turn };
}

const written = (messages) => messages.map((each) => each.serverContent?.outputTranscription?.text ?? "").join("");

const checks = [];
const check = (name, run) => checks.push([name, run]);

for (const version of [undefined, "v1", "v1beta", "v1alpha"]) {
  check(`turns of text, ${version ?? "as it comes"}`, async () => {
    const { session, turn } = await open(client(version), LIVE);
    for (const said of ["Hello", "And now?"]) {
      session.sendClientContent({ turns: said });
      const messages = await turn();
      assert.ok(written(messages).endsWith(said), written(messages));
      assert.ok(messages.some((message) => message.data?.length > 0));
    }
    session.close();
  });
}

check("a microphone, with a text beside it", async () => {
  await door("PATCH", "", { live_speech: ["What time is it?"] });
  const { session, turn } = await open(client(), LIVE);
  const chunk = (loud) => Buffer.from(loud ? new Int16Array(1600).fill(8000).buffer : new ArrayBuffer(3200));
  for (const loud of [0, 1, 1, 1, 0, 0, 0, 0, 0, 0]) {
    session.sendRealtimeInput({ audio: { data: chunk(loud).toString("base64"), mimeType: "audio/pcm;rate=16000" } });
  }
  const messages = await turn();
  const said = messages.find((message) => message.serverContent?.inputTranscription);
  assert.equal(said.serverContent.inputTranscription.text, "What time is it?");
  session.sendRealtimeInput({ audio: { data: "", mimeType: "audio/pcm;rate=16000" }, text: "Hello" });
  assert.ok(written(await turn()).endsWith("Hello"));
  session.close();
});

check("functions", async () => {
  const tools = [{ functionDeclarations: [{ name: "f" }] }];
  const { session, until, turn } = await open(client(), NATIVE, { ...CONFIG, tools });
  session.sendClientContent({ turns: "[[emulator: call f {}]]" });
  const [call] = (await until((message) => message.toolCall)).at(-1).toolCall.functionCalls;
  session.sendToolResponse({ functionResponses: { id: call.id, name: call.name, response: { result: "ok" } } });
  assert.match(written(await turn()), /read 3 parts/);
  session.close();
});

check("a token in the query", async () => {
  const constraints = { model: LIVE, config: CONFIG };
  const token = await client("v1alpha").authTokens.create({ config: { uses: 1, liveConnectConstraints: constraints } });
  const { session, turn } = await open(client("v1alpha", token.name), LIVE, {});
  session.sendClientContent({ turns: "Hello" });
  assert.ok(written(await turn()).endsWith("Hello"));
  session.close();
  const { requests } = await door("GET", "/requests?last=1");
  assert.match(requests[0].path, /BidiGenerateContentConstrained$/);
  assert.deepEqual(requests[0].query, []);
});

check("going on", async () => {
  const first = await open(client(), LIVE, { ...CONFIG, sessionResumption: {} });
  first.session.sendClientContent({ turns: "one" });
  const [update] = (await first.until((message) => message.sessionResumptionUpdate?.newHandle)).slice(-1);
  first.session.close();
  const sessionResumption = { handle: update.sessionResumptionUpdate.newHandle };
  const second = await open(client(), LIVE, { ...CONFIG, sessionResumption });
  second.session.sendClientContent({ turns: "two" });
  assert.match(written(await second.turn()), /read 3 parts/);
  second.session.close();
});

check("an end with its code and reason", async () => {
  const { session, until } = await open(client(), LIVE);
  session.sendClientContent({ turns: "[[emulator: close 1011 Internal error encountered.]]" });
  const message = (await until((each) => each.closed)).at(-1);
  assert.deepEqual(message.closed, [1011, "Internal error encountered."]);
});

check("goAway, and the end after it", async () => {
  const { until } = await open(client(), NATIVE);
  await door("POST", "/clock", { advance: 9 * 60 });
  const message = (await until((each) => each.goAway)).at(-1);
  assert.equal(message.goAway.timeLeft, "60s");
  await door("POST", "/clock", { advance: 60 });
  const [end] = await until((each) => each.closed);
  assert.equal(end.closed[0], 1008);
});

check("a page's own WebSocket, as the documentation has it", async () => {
  const method = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
  const socket = new (globalThis.WebSocket ?? Socket)(`${url.replace("http", "ws")}/ws/${method}?key=${KEY}`);
  const came = [];
  await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ setup: { model: `models/${LIVE}` } }));
    socket.onerror = reject;
    socket.onmessage = async (event) => {
      assert.notEqual(typeof event.data, "string");
      came.push(JSON.parse(await new Blob([event.data]).text()));
      if (came.length === 1) socket.send(JSON.stringify({ realtimeInput: { text: "Hello" } }));
      if (came.at(-1).serverContent?.turnComplete) resolve();
    };
  });
  assert.deepEqual(came[0], { setupComplete: {} });
  socket.close();
});

let held = 0;
for (const [name, run] of checks) {
  await door("POST", "/reset", {});
  await door("PATCH", "", { live_pacing: false });
  try {
    await run();
    held += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}\n${error.stack}`);
  }
}
console.log(`${held} of ${checks.length} checks hold`);
process.exit(held === checks.length ? 0 : 1);
