// The official JavaScript SDK against a served emulator, whose address is the first argument.
// Prints one line a check; the last one says how many. Ends with 1 if one of them failed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GoogleGenAI, DocumentState, JobState, FileState, FileSource } from "@google/genai";
import { generation } from "./generation.mjs";
import { interactions } from "./interactions.mjs";

const url = process.argv[2];
const here = new URL(".", import.meta.url);
const data = (name) => JSON.parse(readFileSync(new URL(`../${name}`, here), "utf-8"));
const KEY = "any-word";
const MODEL = "gemini-2.5-flash";
const EMBEDDING = "gemini-embedding-001";
const LIVE = "gemini-3.8-live";
const TEXT = "word ".repeat(1000);
const NOW = Date.parse("2026-01-01T00:00:00Z");

// The emulator's admin door.
async function door(method, path = "", body = undefined) {
  const answer = await fetch(`${url}/emulator${path}`, { method, body: body && JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}
const turn = (knobs) => door("PATCH", "", knobs);
const advance = (seconds) => door("POST", "/clock", { advance: seconds });
const effects = async () => (await door("GET", "/effects?last=1000")).effects;
const requests = async (last) => (await door("GET", `/requests?last=${last}`)).requests;

function client(apiVersion = undefined, apiKey = KEY) {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url, ...(apiVersion && { apiVersion }) } });
}
function call(ai, name, params) {
  const path = name.split(".");
  const method = path.pop();
  return path.reduce((root, word) => root[word], ai)[method](params);
}
async function all(pager) {
  const items = [];
  for await (const item of await pager) items.push(item);
  return items;
}
async function refused(promise, code, stem) {
  const error = await promise.then(() => assert.fail("it was not refused"), (error) => error);
  assert.equal(error.status, code, String(error.stack));
  assert.ok(error.message.includes(JSON.stringify(stem).slice(1, -1)), error.message);
  return error;
}

const checks = [];
const check = (name, run) => checks.push([name, run]);
for (const version of ["v1", undefined, "v1alpha"]) {
  const ai = client(version);
  const where = version ?? "as it comes";

  generation({ ai, where, check, turn, refused });
  interactions({ ai, where, check, url, KEY, advance, requests, effects, turn, refused });

  check(`${where}: the life of a cache`, async () => {
    const contents = [{ role: "user", parts: [{ text: TEXT }, { inlineData: { data: "cG5n", mimeType: "image/png" } }] }];
    const tools = [{ functionDeclarations: [{ name: "look_up", parameters: { type: "OBJECT", properties: { key: { type: "STRING", maxLength: "9" } } } }] }];
    const made = await ai.caches.create({
      model: MODEL,
      config: { displayName: "handbook", ttl: "300s", systemInstruction: "Be short.", contents, tools,
        toolConfig: { functionCallingConfig: { mode: "AUTO" } } },
    });
    assert.equal(made.displayName, "handbook");
    assert.equal(made.model, `models/${MODEL}`);
    assert.equal(Date.parse(made.expireTime) - NOW, 300_000);
    assert.ok(made.usageMetadata.totalTokenCount > 1024);
    assert.deepEqual(await ai.caches.get({ name: made.name }), made);
    assert.deepEqual(await all(ai.caches.list()), [made]);
    const longer = await ai.caches.update({ name: made.name, config: { ttl: "7200s" } });
    assert.equal(Date.parse(longer.expireTime) - NOW, 7_200_000);
    const until = await ai.caches.update({ name: made.name, config: { expireTime: "2099-01-02T03:04:05Z" } });
    assert.equal(Date.parse(until.expireTime), Date.parse("2099-01-02T03:04:05Z"));
    await ai.caches.delete({ name: made.name });
    await refused(ai.caches.get({ name: made.name }), 403, "CachedContent not found (or permission denied)");
  });

  check(`${where}: the life of a file`, async () => {
    const made = await ai.files.upload({ file: new Blob(["words"]), config: { name: "my-words", mimeType: "text/plain", displayName: "Words" } });
    assert.equal(made.name, "files/my-words");
    assert.equal(made.state, FileState.ACTIVE);
    assert.equal(made.sizeBytes, "5");
    assert.deepEqual(await ai.files.get({ name: "my-words" }), made);
    await advance(1);
    const large = await ai.files.upload({ file: new Blob([new Uint8Array(version ? 10 : 10 * 1024 * 1024)]), config: { mimeType: "video/mp4" } });
    assert.equal(large.state, FileState.PROCESSING);
    await advance(2);
    assert.equal((await ai.files.get({ name: large.name })).state, FileState.ACTIVE);
    assert.deepEqual((await all(ai.files.list({ config: { pageSize: 1 } }))).map((file) => file.name), [large.name, made.name]);
    await ai.files.delete({ name: made.name });
    await refused(ai.files.get({ name: made.name }), 403, "You do not have permission to access the File my-words or it may not exist.");
    await refused(ai.files.registerFiles({ auth: { getRequestHeaders: async () => new Headers({ authorization: "Bearer t" }) }, uris: ["gs://a/b"] }), 401, "OAuth token");
  });

  check(`${where}: the life of a store and its documents`, async () => {
    const store = await ai.fileSearchStores.create({ config: { displayName: "My Handbook", embeddingModel: `models/${EMBEDDING}` } });
    assert.match(store.name, /^fileSearchStores\/my-handbook-[a-z0-9]{12}$/);
    assert.deepEqual(await ai.fileSearchStores.get({ name: store.name }), store);
    assert.deepEqual(await all(await ai.fileSearchStores.list()), [store]);
    const customMetadata = [{ key: "k", stringValue: "v" }, { key: "n", numericValue: 3 }, { key: "l", stringListValue: { values: ["a", "b"] } }];
    const chunkingConfig = { whiteSpaceConfig: { maxTokensPerChunk: 200, maxOverlapTokens: 20 } };
    const bytes = version ? "words" : "words ".repeat(2 * 1024 * 1024); // two chunks
    let upload = await ai.fileSearchStores.uploadToFileSearchStore({
      file: new Blob([bytes]), fileSearchStoreName: store.name,
      config: { mimeType: "text/plain", displayName: "words.txt", customMetadata, chunkingConfig },
    });
    assert.equal(upload.done, undefined);
    const file = await ai.files.upload({ file: new Blob(["[[emulator: document fails 3]]"]), config: { name: "bad-words", mimeType: "text/plain" } });
    let imported = await ai.fileSearchStores.importFile({ fileSearchStoreName: store.name, fileName: file.name, config: { customMetadata, chunkingConfig } });
    assert.equal((await ai.fileSearchStores.get({ name: store.name })).pendingDocumentsCount, "2");
    await advance(2);
    upload = await ai.operations.get({ operation: upload });
    imported = await ai.operations.get({ operation: imported });
    assert.equal(upload.done && imported.done, true);
    assert.equal(imported.error.code, 3);
    const document = await ai.fileSearchStores.documents.get({ name: upload.response.documentName });
    assert.equal(document.state, DocumentState.STATE_ACTIVE);
    assert.deepEqual([document.displayName, document.mimeType, document.sizeBytes], ["words.txt", "text/plain", String(bytes.length)]);
    assert.deepEqual(document.customMetadata, customMetadata);
    const listed = await all(await ai.fileSearchStores.documents.list({ parent: store.name, config: { pageSize: 1 } }));
    assert.deepEqual(listed.map((each) => [each.displayName, each.state]), [["words.txt", "STATE_ACTIVE"], ["bad-words", "STATE_FAILED"]]);
    await refused(ai.fileSearchStores.documents.delete({ name: document.name }), 400, "Cannot delete non-empty Document");
    await ai.fileSearchStores.documents.delete({ name: document.name, config: { force: true } });
    await refused(ai.fileSearchStores.documents.get({ name: document.name }), 404, "Documents does not exist");
    await refused(ai.fileSearchStores.delete({ name: store.name }), 400, "Cannot delete non-empty FileSearchStore");
    await ai.fileSearchStores.delete({ name: store.name, config: { force: true } });
    await refused(ai.fileSearchStores.get({ name: store.name }), 403, "You do not have permission to access the FileSearchStore");
  });

  check(`${where}: batches, inline and of files`, async () => {
    const src = ["a", "b"].map((key) => ({ contents: [{ role: "user", parts: [{ text: key }] }], metadata: { key }, config: { temperature: 0.1, systemInstruction: "Be short." } }));
    const job = await ai.batches.create({ model: MODEL, src, config: { displayName: "bd" } });
    assert.equal(job.state, JobState.JOB_STATE_PENDING);
    await advance(1);
    assert.equal((await ai.batches.get({ name: job.name })).state, JobState.JOB_STATE_RUNNING);
    await advance(2);
    const ended = await ai.batches.get({ name: job.name });
    assert.equal(ended.state, JobState.JOB_STATE_SUCCEEDED);
    assert.equal(ended.displayName, "bd");
    assert.deepEqual(ended.dest.inlinedResponses.map((each) => each.response.candidates[0].content.parts[0].text.at(-1)), ["a", "b"]);

    const lines = ["a", "b"].map((key) => JSON.stringify({ key, request: { contents: [{ parts: [{ text: key }] }] } }));
    const file = await ai.files.upload({ file: new Blob([lines.join("\n")]), config: { mimeType: "jsonl" } });
    const second = await ai.batches.create({ model: MODEL, src: file.name });
    await advance(3);
    const output = (await ai.batches.get({ name: second.name })).dest.fileName;
    const folder = await mkdtemp(join(tmpdir(), "conformance-"));
    try {
      await ai.files.download({ file: output, downloadPath: join(folder, "results") });
      // The SDK returns before its stream has ended: the file is there a moment later.
      for (let turn = 0; turn < 1000 && !(await readFile(join(folder, "results"), "utf-8").catch(() => "")).endsWith("\n"); turn += 1) {
        await new Promise((next) => setImmediate(next));
      }
      const results = (await readFile(join(folder, "results"), "utf-8")).trim().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(results.map((each) => each.key).sort(), ["a", "b"]);
    } finally {
      await rm(folder, { recursive: true });
    }
    const listed = await all(ai.batches.list({ config: { pageSize: 1 } }));
    assert.deepEqual(listed.map((each) => each.name), [second.name, job.name]);
  });

  check(`${where}: batches of embeddings, cancel and delete`, async () => {
    const config = { taskType: "RETRIEVAL_DOCUMENT", outputDimensionality: 64 };
    const job = await ai.batches.createEmbeddings({ model: EMBEDDING, src: { inlinedRequests: { contents: ["a", "b"], config } } });
    await advance(3);
    const ended = await ai.batches.get({ name: job.name });
    assert.deepEqual(ended.dest.inlinedEmbedContentResponses.map((each) => each.response.embedding.values.length), [64, 64]);
    const file = await ai.files.upload({ file: new Blob([JSON.stringify({ key: "a", request: { content: { parts: [{ text: "a" }] } } })]), config: { mimeType: "jsonl" } });
    const second = await ai.batches.createEmbeddings({ model: EMBEDDING, src: { fileName: file.name } });
    await ai.batches.cancel({ name: second.name });
    assert.equal((await ai.batches.get({ name: second.name })).state, JobState.JOB_STATE_CANCELLED);
    for (const name of [job.name, second.name]) {
      await ai.batches.delete({ name });
      await refused(ai.batches.get({ name }), 404, "Requested entity was not found.");
    }
    assert.deepEqual(await all(ai.batches.list()), []);
  });

  check(`${where}: tokens with each lock`, async () => {
    const open = { responseModalities: ["AUDIO"], temperature: 0.7, sessionResumption: {}, outputAudioTranscription: {},
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Kore" } } } };
    const config = { ...open, systemInstruction: "Be short.", tools: [{ googleSearch: {} }],
      realtimeInputConfig: { turnCoverage: "TURN_INCLUDES_ALL_INPUT" }, contextWindowCompression: { triggerTokens: "25600", slidingWindow: { targetTokens: "12800" } } };
    const liveConnectConstraints = { model: LIVE, config };
    const some = { model: LIVE, config: open };
    for (const [asked, sent] of [
      [{ uses: 1, expireTime: "2026-01-01T03:00:00Z" }, ["expireTime", "uses"]],
      [{ liveConnectConstraints }, ["bidiGenerateContentSetup"]],
      [{ liveConnectConstraints: some, lockAdditionalFields: [] }, ["bidiGenerateContentSetup", "fieldMask"]],
      [{ liveConnectConstraints: some, lockAdditionalFields: ["topP", "proactivity"] }, ["bidiGenerateContentSetup", "fieldMask"]],
    ]) {
      const token = await ai.authTokens.create({ config: asked });
      assert.match(token.name, /^auth_tokens\/[0-9a-f]{64}$/);
      const [seen] = await requests(1);
      assert.deepEqual(Object.keys(seen.body).sort(), sent);
    }
    const inner = ai.authTokens.create({ config: { liveConnectConstraints, lockAdditionalFields: [] } }); // systemInstruction.parts
    await refused(inner, 400, "field_mask is invalid for BidiGenerateContentSetup");
  });

  check(`${where}: the life of a webhook`, async () => {
    const uri = "https://example.com/h";
    const events = ["batch.succeeded", "batch.failed"];
    const made = await ai.webhooks.create({ uri, subscribed_events: events, name: "alerts" });
    assert.match(made.id, /^[a-z0-9]{36}$/);
    assert.match(made.new_signing_secret, /^whsec_/);
    const { new_signing_secret: secret, sdkHttpResponse: _made, ...shown } = made;
    const { sdkHttpResponse: _got, ...got } = await ai.webhooks.get(made.id);
    assert.deepEqual(got, shown);
    const more = await ai.webhooks.create({ uri, subscribed_events: events });
    const first = await ai.webhooks.list({ page_size: 1 });
    const second = await ai.webhooks.list({ page_size: 1, page_token: first.next_page_token });
    assert.deepEqual([...first.webhooks, ...second.webhooks].map((each) => each.id), [more.id, made.id]);
    assert.equal((await ai.webhooks.update(made.id, { state: "disabled", update_mask: "state" })).state, "disabled");
    await ai.webhooks.ping(made.id);
    const one = (await ai.webhooks.rotateSigningSecret(made.id)).secret;
    assert.equal((await ai.webhooks.get(made.id)).signing_secrets.length, 2);
    const two = (await ai.webhooks.rotateSigningSecret(made.id, { revocation_behavior: "revoke_previous_secrets_immediately" })).secret;
    assert.equal((await ai.webhooks.get(made.id)).signing_secrets.length, 1);
    assert.equal(new Set([secret, one, two]).size, 3);
    for (const each of [made, more]) await ai.webhooks.delete(each.id);
    assert.equal((await ai.webhooks.list()).webhooks, undefined);
    for (const [asked, code, stem] of [
      [() => ai.webhooks.get(made.id), 404, "Webhook not found."],
      [() => ai.webhooks.create({ uri: "http://example.com", subscribed_events: events }), 400, "it must be an https address"],
      [() => ai.webhooks.create({ uri, subscribed_events: ["batch.cancelled"] }), 400, "batch.succeeded, batch.expired, batch.failed"],
    ]) {
      await refused(asked(), code, stem);
    }
  });

  check(`${where}: the life of an agent`, async () => {
    const base_agent = "antigravity-preview-05-2026";
    const whole = {
      base_agent, description: "Reads changes.", system_instruction: "Be brief.",
      agent_config: { type: "antigravity", model: "gemini-3.8-flash", max_total_tokens: "1000" },
      base_environment: {
        type: "remote", sources: [{ type: "inline", content: "x", target: "a.py" }],
        network: { allowlist: [{ domain: "*", transform: { "X-Team": "a" } }] }, env: { A: "b" },
      },
      tools: [{ type: "code_execution" }, { type: "google_search", search_types: ["web_search"] },
        { type: "function", name: "f", parameters: { type: "object" } }],
    };
    const { sdkHttpResponse: _made, ...made } = await ai.agents.create({ id: "reviewer", ...whole });
    const { sdkHttpResponse: _got, ...got } = await ai.agents.get("reviewer");
    assert.deepEqual(got, made);
    for (const name of Object.keys(whole)) assert.equal(String(JSON.stringify(made[name])).replaceAll('"', ""), JSON.stringify(whole[name]).replaceAll('"', ""));
    await ai.agents.create({ id: "strict", base_agent: "reviewer", base_environment: "remote" });
    const first = await ai.agents.list({ page_size: 1 });
    const second = await ai.agents.list({ page_size: 1, page_token: first.next_page_token });
    assert.deepEqual([...first.agents, ...second.agents].map((each) => each.id), ["strict", "reviewer"]);
    await refused(ai.agents.create({ id: "reviewer", base_agent }, { maxRetries: 0 }), 409, "already exists");
    for (const each of ["reviewer", "strict"]) await ai.agents.delete(each);
    assert.equal((await ai.agents.list()).agents, undefined);
    for (const [asked, code, stem] of [
      [() => ai.agents.get("reviewer"), 404, "Result not found."],
      [() => ai.agents.create({ id: "a" }), 400, "Request contains an invalid argument."],
      [() => ai.agents.create({ id: "a", base_agent: "nobody" }), 404, "Agent 'nobody' not found."],
      [() => ai.agents.create({ id: "a", base_agent, baseEnvironment: "remote" }), 400, "Did you mean 'base_environment'?"],
    ]) {
      await refused(asked(), code, stem);
    }
  });

  check(`${where}: the life of a credential`, async () => {
    for (const [type, sent, changes] of [
      ["bearer_token", { token: "t" }, { token: "t2", prefix: "" }],
      ["oauth2", { client_id: "c", client_secret: "s", refresh_token: "r", token_url: "https://a.example/t" }, { scopes: ["read"] }],
      ["environment_variable", { value: "v", injection_location: "header" }, { injection_location: ["body"], trusted_domains: ["a.example"] }],
    ]) {
      const { sdkHttpResponse: _made, ...made } = await ai.credentials.create({ id: "one", type, ...sent });
      assert.deepEqual([made.id, made.type, made.status], ["one", type, "active"]);
      assert.deepEqual(Object.keys(made).sort(), ["create_time", "id", "status", "type", "update_time"]);
      const { sdkHttpResponse: _got, ...got } = await ai.credentials.get("one");
      assert.deepEqual(got, made);
      await ai.credentials.create({ id: "two", type, ...sent });
      const first = await ai.credentials.list({ page_size: 1 });
      const second = await ai.credentials.list({ page_size: 1, page_token: first.next_page_token });
      assert.deepEqual([...first.credentials, ...second.credentials].map((each) => each.id), ["two", "one"]);
      assert.equal((await ai.credentials.update("one", { type, ...changes, update_mask: Object.keys(changes).join() })).id, "one");
      for (const each of ["one", "two"]) await ai.credentials.delete(each);
      assert.equal((await ai.credentials.list()).credentials, undefined);
      await refused(ai.credentials.get("one"), 404, "Result not found.; GetCredential call failed");
    }
    await refused(ai.credentials.create({ id: "CRM", type: "bearer_token", token: "t" }), 400, "Invalid parameter 'id'");
  });

  check(`${where}: the life of a trigger`, async () => {
    const interaction = { agent: "antigravity-preview-09-2026", input: "Look what has changed." };
    const how = { schedule: "0 3 * * *", time_zone: "Europe/Berlin", interaction };
    const made = await ai.triggers.create({ ...how, display_name: "nightly" });
    assert.deepEqual([made.status, made.display_name, made.next_run_time], ["active", "nightly", "2026-01-01T02:00:00.000000000Z"]);
    const { sdkHttpResponse: _made, ...shown } = made;
    const { sdkHttpResponse: _got, ...got } = await ai.triggers.get(made.id);
    assert.deepEqual(got, shown);
    const more = await ai.triggers.create({ ...how, max_consecutive_failures: 2 });
    const first = await ai.triggers.list({ page_size: 1 });
    const second = await ai.triggers.list({ page_size: 1, page_token: first.next_page_token });
    assert.deepEqual([...first.triggers, ...second.triggers].map((each) => each.id), [more.id, made.id]);
    assert.equal((await ai.triggers.update(made.id, { status: "paused" })).status, "paused");
    const run = await ai.triggers.run(made.id);
    assert.deepEqual([run.trigger_id, run.status], [made.id, "in_progress"]);
    await advance(60);
    const [ended] = (await ai.triggers.listExecutions(made.id, { page_size: 5 })).trigger_executions;
    assert.deepEqual([ended.id, ended.status, ended.interaction_id], [run.id, "completed", run.interaction_id]);
    for (const each of [made, more]) await ai.triggers.delete(each.id);
    assert.equal((await ai.triggers.list()).triggers, undefined);
    for (const [asked, code, stem] of [
      [() => ai.triggers.get(made.id), 404, "Trigger not found."],
      [() => ai.triggers.create({ ...how, schedule: "@daily" }), 400, "a schedule has five fields"],
      [() => ai.triggers.create({ ...how, interaction: { model: MODEL, input: "go" } }), 400, "Agent '' is invalid or not found"],
    ]) {
      await refused(asked(), code, stem);
    }
  });

  check(`${where}: models`, async () => {
    const names = (await all(ai.models.list({ config: { pageSize: 5 } }))).map((model) => model.name);
    assert.ok(names.includes(`models/${MODEL}`) && names.length > 10 && new Set(names).size === names.length);
    const model = await ai.models.get({ model: MODEL });
    assert.ok(model.supportedActions.includes("createCachedContent"));
    assert.equal((await ai.models.countTokens({ model: MODEL, contents: "x".repeat(40) })).totalTokens, 10);
    assert.ok((await ai.models.generateContent({ model: MODEL, contents: "hello" })).text.endsWith("hello"));
    const vectors = await ai.models.embedContent({ model: EMBEDDING, contents: ["a", "b"], config: { outputDimensionality: 8 } });
    assert.deepEqual(vectors.embeddings.map((each) => each.values.length), [8, 8]);
  });
}

check("pages of 250", async () => {
  const ai = client();
  await turn({ batches_at_once: 250 });
  const kinds = {
    caches: () => ai.caches.create({ model: MODEL, config: { contents: TEXT } }),
    files: () => fetch(`${url}/v1beta/files?key=${KEY}`, { method: "POST" }).then(async (made) => (await made.json()).file),
    batches: () => ai.batches.create({ model: MODEL, src: [{ contents: [{ parts: [{ text: "a" }] }] }] }),
  };
  for (const [surface, make] of Object.entries(kinds)) {
    const made = [];
    for (let turn = 0; turn < 25; turn += 1) made.push(...(await Promise.all(Array.from({ length: 10 }, make))));
    const listed = await all(ai[surface].list({ config: { pageSize: 70 } }));
    assert.deepEqual(new Set(listed.map((each) => each.name)), new Set(made.map((each) => each.name)));
    assert.equal(listed.length, 250);
  }
});

const filled = (value, made) => {
  if (Array.isArray(value)) return value.map((inner) => filled(inner, made));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filled(inner, made)]));
  if (value === "$bytes") return new Blob(["bytes"]);
  return { $text: TEXT, $long: "x".repeat(129), $made: made }[value] ?? value;
};
const errors = data("errors.json");
for (const each of errors) {
  check(`told: ${each.name}`, async () => {
    await turn(each.knobs ?? {});
    let made;
    for (const before of each.before ?? []) made = (await call(client(undefined, before.key), before.call, filled(before.with, made))).name;
    const error = await refused(call(client(), each.call, filled(each.with, made)), each.code, each.message);
    const body = JSON.parse(error.message.slice(error.message.indexOf("{"))).error;
    assert.equal(body.status, each.status);
    const types = (body.details ?? []).map((detail) => detail["@type"].replace("type.googleapis.com/google.rpc.", ""));
    assert.deepEqual(types, each.details ?? []);
  });
}

check("every call of the SDK is made here or is not served", async () => {
  // What is public is said by the package's types; at run time everything is.
  const types = readFileSync(new URL("node_modules/@google/genai/dist/genai.d.ts", here), "utf-8");
  const classes = { interactions: "GeminiNextGenInteractions", caches: "Caches", files: "Files", batches: "Batches", authTokens: "Tokens", models: "Models",
    fileSearchStores: "FileSearchStores", "fileSearchStores.documents": "Documents", operations: "Operations",
    webhooks: "GeminiNextGenWebhooks", agents: "GeminiNextGenAgents", triggers: "GeminiNextGenTriggers",
    credentials: "GeminiNextGenCredentials" };
  const there = new Set();
  for (const [surface, name] of Object.entries(classes)) {
    const [body] = types.match(new RegExp(`^(?:export )?declare class ${name} [^]*?^}`, "m"));
    for (const [, method] of body.matchAll(/^ {4}(\w+)(?:\(|: \()/gm)) there.add(`${surface}.${method}`);
    there.delete(`${surface}.constructor`);
  }
  const text = ["suite.mjs", "generation.mjs", "interactions.mjs"].map((name) => readFileSync(new URL(name, here), "utf-8")).join("");
  for (const [, name] of text.matchAll(/\bai\.(\w+(?:\.\w+)+)\(/g)) there.delete(name);
  assert.deepEqual([...there].sort(), data("not_served.json").javascript);
});

let failed = 0;
for (const [name, run] of checks) {
  await door("POST", "/reset");
  const began = performance.now();
  try {
    await run();
    console.log(`ok ${name} ${Math.round(performance.now() - began)} ms`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n${error.stack}`);
  }
}
console.log(`${checks.length - failed} of ${checks.length} checks hold`);
process.exit(failed ? 1 : 0);
