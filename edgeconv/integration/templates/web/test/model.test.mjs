import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Classifier } from "../dist/classifier.js";
import { contract } from "../dist/contract.js";
import { Recognizer } from "../dist/recognizer.js";
import { SensorStream } from "../dist/sensorStream.js";
import { defaultSettings, sensorKinds } from "../dist/settings.js";
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

const longest = vectors.streams.reduce((one, other) =>
  other.expected.windows.length > one.expected.windows.length ? other : one,
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

test("a restart in the window's own callback invents nothing", () => {
  // Samples that lie two steps apart complete two windows each; the second one must not come.
  const { rateHz } = contract;
  const settings = { ...defaultSettings, sensorHz: rateHz, window: 9, step: 1 };
  const further = sensorKinds.slice(1).map(() => ({ sensorHz: rateHz, factor: 1 }));
  const stream = new SensorStream({ ...settings, further });
  const numbers = [];
  for (let i = 0; i < 30 * rateHz; i++) {
    for (const sensor of sensorKinds) {
      const milliseconds = (2000 * i) / rateHz;
      const [x, y, z] = [Math.sin(i), Math.cos(i), 9];
      stream.push({ milliseconds, sensor, x, y, z }, ({ number, segment, values }) => {
        numbers.push(number);
        assert.equal(segment, stream.segment);
        assert.ok(values.every((value) => Math.abs(value) < 200));
        stream.restart();
      });
    }
  }
  assert.ok(numbers.length > 2);
  assert.deepEqual(numbers, [...numbers.keys()]);
});

test("a push in the window's own callback is an error, and changes nothing", () => {
  const stream = new SensorStream(settingsOf(longest, defaultSettings));
  let refused = 0;
  for (const sample of samplesOf(longest)) {
    stream.push(sample, () => {
      assert.throws(() => stream.push(sample, () => assert.fail()), /while a window/);
      refused++;
    });
  }
  assert.equal(refused, windows.length);
  assert.equal(stream.counts.accepted, longest.expected.counts.accepted);
});

test("an error in the window's own callback spoils no later window", () => {
  const windowsOf = (fails) => {
    const settings = settingsOf(longest, { ...defaultSettings, window: 10, step: 1 });
    const stream = new SensorStream(settings);
    const all = [];
    for (const sample of samplesOf(longest)) {
      try {
        stream.push(sample, (window) => {
          all.push(window);
          if (fails) throw new Error("the app's");
        });
      } catch {}
    }
    return new Map(all.map(({ endNanoseconds, values }) => [endNanoseconds, values]));
  };
  const right = windowsOf(false);
  for (const [time, values] of windowsOf(true)) assert.deepEqual(values, right.get(time));
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
