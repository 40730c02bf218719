// What every answer can be asked, by @google/genai; and an upload in one request, by fetch. Called with the base URL.
import assert from "node:assert/strict";
import { GoogleGenAI } from "@google/genai";

const url = process.argv[2];
const ai = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: url } });

const form = new FormData();
form.append("metadata", new Blob([JSON.stringify({ file: { displayName: "notes" } })], { type: "application/json" }));
form.append("file", new Blob(["A day of rain."], { type: "text/plain" }));
const sent = await fetch(`${url}/upload/v1beta/files?uploadType=multipart&key=k`, { method: "POST", body: form });
const { file } = await sent.json();
assert.deepEqual([file.displayName, file.mimeType, file.sizeBytes], ["notes", "text/plain", "14"]);

const shown = await ai.files.get({ name: file.name, config: { httpOptions: { headers: { "X-Goog-FieldMask": "state" } } } });
assert.deepEqual([shown.state, shown.name, shown.displayName], ["ACTIVE", undefined, undefined]);

const request = { model: "gemini-2.5-flash", contents: "hello" };
const config = { httpOptions: { headers: { "X-Goog-FieldMask": "candidates(content(parts,nonsense))" } } };
await assert.rejects(ai.models.generateContent({ ...request, config }), { status: 400 });
console.log("all of it holds");
