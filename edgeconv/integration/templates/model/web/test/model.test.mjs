import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { contract } from "../dist/contract.js";
import { LiteRtEngine } from "../dist/engine.js";
import { deviations, goldenResults } from "../dist/golden.js";
import { digestOf } from "../dist/liteRt.js";
import { ModelRunner } from "../dist/modelRunner.js";
import { browserForLiteRt, bytesOf } from "./liteRt.mjs";
import { RecordedEngine, sample, vectors } from "./vectors.mjs";

const HERE = { model: "this machine", system: `Node ${process.version}` };

test("the model in LiteRT.js gives the golden outputs", async () => {
  const runner = await ModelRunner.load(bytesOf(contract.model), browserForLiteRt());
  const results = await goldenResults(runner, vectors, HERE);
  // `edgeconv golden check BUNDLE golden-results.json` judges the same.
  writeFileSync("golden-results.json", `${JSON.stringify(results)}\n`);
  assert.deepEqual(deviations(vectors, results), []);
  runner.close();
});

test("the model's file is the one that was tested", () => {
  const digest = createHash("sha256").update(bytesOf(contract.model)).digest("hex");
  assert.equal(digest, contract.sha256);
});

test("a model that does not arrive is told by its place and status", async (t) => {
  const status = { status: 404, statusText: "Not Found" };
  t.mock.method(globalThis, "fetch", async () => new Response("", status));
  const gone = { name: "ModelError", kind: "not-found", message: /gone\.tflite.*404 Not Found/ };
  await assert.rejects(ModelRunner.load("gone.tflite", browserForLiteRt()), gone);
});

test("a wrong output is noticed", async () => {
  const { name } = contract.outputs[0];
  const wrong = new RecordedEngine((outputs) => {
    const [first, ...rest] = outputs.get(name);
    return outputs.set(name, [first + 3 * vectors.tolerance[name], ...rest]);
  });
  const right = await goldenResults(new ModelRunner(new RecordedEngine()), vectors, HERE);
  assert.deepEqual(deviations(vectors, right), []);
  const found = deviations(vectors, await goldenResults(new ModelRunner(wrong), vectors, HERE));
  assert.equal(found.length, vectors.expected[name].length);
});

test("another model is refused", async () => {
  const wasm = browserForLiteRt();
  const bytes = bytesOf(contract.model);
  const damaged = bytes.slice(0, 64);
  const refused = { name: "ModelError", kind: "wrong-digest" };
  await assert.rejects(ModelRunner.load(damaged, wasm), refused);
  const sha256 = await digestOf(damaged); // what was tested was damaged already
  const failed = { name: "ModelError", kind: "failed" };
  await assert.rejects(LiteRtEngine.load(damaged, wasm, { ...contract, sha256 }), failed);
  const renamed = (specs) => specs.map((spec) => ({ ...spec, name: `${spec.name}_` }));
  const reshaped = (specs) => specs.map((spec) => ({ ...spec, shape: [...spec.shape, 1] }));
  for (const change of [renamed, reshaped]) {
    const wrong = { name: "ModelError", kind: "wrong-model" };
    for (const side of ["inputs", "outputs"]) {
      const other = { ...contract, [side]: change(contract[side]) };
      await assert.rejects(LiteRtEngine.load(bytes, wasm, other), wrong);
    }
  }
  const again = await ModelRunner.load(bytes, wasm); // several may be open at once
  again.close();
});

for (const spec of contract.inputs) {
  const refused = async (change, kind) => {
    const engine = new RecordedEngine();
    const tensors = sample(0);
    change(tensors);
    const expected = { name: "ModelError", kind, tensor: spec.name };
    await assert.rejects(new ModelRunner(engine).run(tensors), expected);
    assert.equal(engine.asked, 0);
  };

  test(`input ${spec.name}: what does not fit is refused`, async () => {
    await refused((tensors) => tensors.delete(spec.name), "wrong-size");
    await refused((tensors) => tensors.get(spec.name).push(0), "wrong-size");
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const kind = "input-not-finite";
      await refused((tensors) => tensors.get(spec.name).splice(0, 1, value), kind);
    }
    if (spec.dtype === "int32") {
      const beyond = spec.limits ? [spec.limits[0] - 1, spec.limits[1] + 1] : [2 ** 31];
      for (const value of [0.5, ...beyond]) {
        const kind = "input-out-of-range";
        await refused((tensors) => tensors.get(spec.name).splice(0, 1, value), kind);
      }
    }
  });
}

for (const { name } of contract.outputs) {
  test(`output ${name}: what is no answer is refused`, async () => {
    const refused = async (change, kind) => {
      const runner = new ModelRunner(new RecordedEngine(change));
      await assert.rejects(runner.run(sample(0)), { name: "ModelError", kind, tensor: name });
    };
    const replaced = (value) => (outputs) =>
      outputs.set(name, [...outputs.get(name).slice(0, -1), value]);
    await refused(replaced(Number.NaN), "output-not-finite");
    await refused(replaced(Number.NEGATIVE_INFINITY), "output-not-finite");
    await refused((outputs) => outputs.set(name, []), "wrong-output");
    await refused((outputs) => outputs.delete(name) && outputs, "wrong-output");
  });
}
