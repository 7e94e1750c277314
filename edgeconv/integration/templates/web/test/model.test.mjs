import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { Classifier } from "../dist/classifier.js";
import { contract } from "../dist/contract.js";
import { EnergySaver } from "../dist/energy.js";
import { Recognizer } from "../dist/recognizer.js";
import { NoUnitPassed } from "../dist/selfTest.js";
import { SensorStream } from "../dist/sensorStream.js";
import { defaultSettings } from "../dist/settings.js";
import { browserForLiteRt, bytesOf } from "./liteRt.mjs";
import { distance, samplesOf, settingsOf, vectors } from "./vectors.mjs";

/** Everything of one recorded stream, and what a model's failures did to it. */
async function recognized(recorded, model) {
  const answers = [];
  const failures = [];
  const stream = new SensorStream(settingsOf(recorded, defaultSettings));
  const onFailure = (error, window) => failures.push([error, window.number]);
  const recognizer = new Recognizer(model, (each) => answers.push(each), { stream, onFailure });
  for (const sample of samplesOf(recorded)) recognizer.push(sample);
  await recognizer.settled();
  assert.equal(recognizer.failures, failures.length);
  return { answers, failures };
}

// Of windows that follow another one of their segment, it has the most.
const followers = ({ expected: { windows } }) =>
  windows.length - new Set(windows.map(({ segment }) => segment)).size;
const longest = vectors.streams.reduce((one, other) =>
  followers(other) > followers(one) ? other : one,
);
const { windows } = longest.expected;
const outputsOf = (window) => windows[window.number].outputs;

test("one failing inference does not end recognition", async () => {
  const { answers, failures } = await recognized(longest, async (window) => {
    if (window.number === 1) throw new Error("transient");
    return outputsOf(window);
  });
  assert.equal(answers.length, windows.length - 1);
  assert.deepEqual(
    failures.map(([error, number]) => [error.message, number]),
    [["transient", 1]],
  );
});

test("what is no answer is not told as one", async () => {
  const wrong = (window) =>
    window.number === 0 ? contract.labels.map(() => Number.NaN) : [...outputsOf(window), 0];
  const { answers, failures } = await recognized(longest, async (window) =>
    window.number < 2 ? wrong(window) : outputsOf(window),
  );
  assert.equal(answers.length, windows.length - 2);
  assert.deepEqual(
    failures.map(([error]) => error.kind),
    ["output-not-finite", "wrong-output"],
  );
});

test("an app's own error does not end recognition either", async () => {
  const failures = [];
  const stream = new SensorStream(settingsOf(longest, defaultSettings));
  const broken = () => {
    throw new Error("the app's");
  };
  const onFailure = (error) => failures.push(error.message);
  const model = async (window) => outputsOf(window);
  const recognizer = new Recognizer(model, broken, { stream, onFailure });
  for (const sample of samplesOf(longest)) recognizer.push(sample);
  await recognizer.settled();
  assert.deepEqual(
    failures,
    windows.map(() => "the app's"),
  );
});

test("windows from before a restart get no answer", async () => {
  const answers = [];
  const stream = new SensorStream(settingsOf(longest, defaultSettings));
  const model = async (window) => outputsOf(window);
  const recognizer = new Recognizer(model, (each) => answers.push(each), { stream });
  for (const sample of samplesOf(longest)) recognizer.push(sample);
  recognizer.restart();
  await recognizer.settled();
  assert.deepEqual(answers, []);
});

test("the model in LiteRT.js answers as in Python, and the page keeps its own Module", async () => {
  const mine = { mine: true };
  globalThis.Module = mine;
  const wasm = browserForLiteRt();
  const classifier = await Classifier.load(bytesOf(contract.model), wasm);
  assert.equal(globalThis.Module, mine);
  delete globalThis.Module;
  const { answers, failures } = await recognized(longest, (window) => classifier.outputs(window));
  assert.deepEqual(failures, []);
  windows.forEach(({ outputs }, i) => {
    assert.ok(distance(answers[i].outputs, outputs) <= vectors.tolerance.probability);
  });
  classifier.close();
});

test("the model proves itself, and a wrong one has no decisions", async () => {
  Object.defineProperty(globalThis, "navigator", {
    value: { userAgent: `Node ${process.version}` },
    configurable: true,
  });
  const files = { model: bytesOf(contract.model), wasm: browserForLiteRt() };
  const vectors = JSON.parse(new TextDecoder().decode(bytesOf(contract.selfTest)));
  assert.equal(vectors.artifact.sha256, contract.sha256);
  let text = null;
  const store = {
    read: async () => text,
    write: async (next) => {
      text = next;
    },
  };
  // There is no graphics card here: the processor has to do.
  const proof = { vectors, store, appVersion: "1.0", units: ["wasm", "webgpu"] };
  const { classifier, record } = await Classifier.prove(files, proof);
  // `edgeconv golden check BUNDLE selftest-results.json` judges the same.
  writeFileSync("selftest-results.json", text);
  assert.deepEqual(JSON.parse(text), record);
  assert.equal(record.chosen, "wasm");
  assert.deepEqual(
    record.results.map(({ unit, status }) => [unit, status]),
    [
      ["wasm", "passed"],
      ["webgpu", "error"],
    ],
  );
  assert.ok(record.results[0].median_ms > 0);
  const [{ input, expected }] = vectors.vectors;
  const outputs = await classifier.outputs(Float32Array.from(input));
  assert.ok(distance(outputs, expected) <= vectors.tolerance);
  classifier.close();

  const shifted = vectors.vectors.map((each) => ({
    ...each,
    expected: each.expected.map(() => 9),
  }));
  text = null;
  const wrong = { ...proof, vectors: { ...vectors, vectors: shifted } };
  await assert.rejects(Classifier.prove(files, wrong), NoUnitPassed);
});

test("while nothing moves fewer windows are recognized", async () => {
  const stream = new SensorStream(settingsOf(longest, defaultSettings));
  const energy = new EnergySaver({ stillBelow: 1e9, after: 0, factor: 1e9 });
  const answers = [];
  const model = async (window) => outputsOf(window);
  const recognizer = new Recognizer(model, (each) => answers.push(each), { stream, energy });
  for (const sample of samplesOf(longest)) recognizer.push(sample);
  await recognizer.settled();
  const segments = new Set(windows.map(({ segment }) => segment)).size; // the first of each is run
  assert.deepEqual([answers.length, recognizer.skipped], [segments, windows.length - segments]);
});

test("a model that does not arrive is told by its place and status", async (t) => {
  const wasm = browserForLiteRt();
  const answers = {
    "model/gone.tflite": new Response("", { status: 404, statusText: "Not Found" }),
  };
  t.mock.method(globalThis, "fetch", async (place) => {
    if (!answers[place]) throw new TypeError("Failed to fetch");
    return answers[place];
  });
  const gone = { name: "ModelError", kind: "not-found", message: /gone\.tflite.*404 Not Found/ };
  await assert.rejects(Classifier.load("model/gone.tflite", wasm), gone);
  const offline = {
    name: "ModelError",
    kind: "not-found",
    message: /off\.tflite.*Failed to fetch/,
  };
  await assert.rejects(Classifier.load("model/off.tflite", wasm), offline);
});

test("a file that was not tested is refused before it is used", async (t) => {
  const wasm = browserForLiteRt();
  t.mock.method(globalThis, "fetch", async () => new Response("<html>404</html>"));
  const wrong = { name: "ModelError", kind: "wrong-digest", message: /m\.tflite.*16 bytes/ };
  await assert.rejects(Classifier.load("m.tflite", wasm), wrong);
  const changed = bytesOf(contract.model);
  changed[changed.length >> 1] ^= 1;
  await assert.rejects(Classifier.load(changed, wasm), { kind: "wrong-digest" });
  const digest = createHash("sha256").update(bytesOf(contract.model)).digest("hex");
  assert.equal(digest, contract.sha256);
});
