import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { contract } from "../dist/contract.js";
import { deviations, goldenResults } from "../dist/golden.js";
import { ModelRunner, TestedEngine } from "../dist/modelRunner.js";
import { NoUnitPassed, SelfTest } from "../dist/selfTest.js";
import { browserForLiteRt, bytesOf } from "./liteRt.mjs";
import { RecordedEngine, vectors } from "./vectors.mjs";

const selfTest = JSON.parse(new TextDecoder().decode(bytesOf(contract.selfTest)));
const device = { model: "this machine", system: "Node", app_version: "1.0" };

/** A device whose units add this to the last number of an output, and a store of records. */
function deviceOf(off, text = null) {
  const seen = { runs: 0, opened: [], text };
  const store = {
    read: async () => seen.text,
    write: async (next) => {
      seen.text = next;
    },
  };
  const open = async (unit) => {
    seen.opened.push(unit);
    const engine = new RecordedEngine((outputs) => {
      seen.runs++;
      for (const [name, by] of Object.entries(off[unit] ?? {})) {
        const row = outputs.get(name);
        outputs.set(name, [...row.slice(0, -1), row.at(-1) + by]);
      }
      return outputs;
    });
    return new TestedEngine(engine);
  };
  const setup = { units: ["wasm", "webgpu"], vectors: selfTest, device, store, open };
  return { seen, run: () => SelfTest.run(setup) };
}

test("the model is tested once, in under 50 inferences", async () => {
  const { seen, run } = deviceOf({});
  const { record } = await run();
  assert.equal(record.chosen, "wasm");
  const tested = seen.runs - 2 * 8; // besides the measurement
  assert.equal(tested, 2 * selfTest.vectors.length);
  assert.ok(tested < 50);
  const { runs } = seen;
  await run();
  assert.equal(seen.runs, runs);
});

for (const { name, dtype } of contract.outputs) {
  test(`output ${name}: a unit that is wrong is not used`, async () => {
    const by = 1.1 * vectors.tolerance[name] + (dtype === "int32" ? 1 : 0);
    const { seen, run } = deviceOf({ webgpu: { [name]: by } });
    const { record } = await run();
    assert.deepEqual(
      record.results.map(({ unit, status }) => [unit, status]),
      [
        ["wasm", "passed"],
        ["webgpu", "failed"],
      ],
    );
    assert.ok(record.results[1].largest > selfTest.tolerance);
    seen.opened = [];
    await run();
    assert.deepEqual(seen.opened, ["wasm"]);
  });
}

test("a small difference passes", async () => {
  const small = contract.outputs.filter(({ dtype }) => dtype === "float32");
  const off = Object.fromEntries(small.map(({ name }) => [name, vectors.tolerance[name] / 2]));
  const { record } = await deviceOf({ webgpu: off }).run();
  assert.deepEqual(new Set(record.results.map(({ status }) => status)), new Set(["passed"]));
});

test("a model that is wrong everywhere is no model", async () => {
  const { name } = contract.outputs[0];
  const { run } = deviceOf({ wasm: { [name]: 9e9 }, webgpu: { [name]: Number.NaN } });
  await assert.rejects(run(), (error) => {
    assert.ok(error instanceof NoUnitPassed);
    assert.deepEqual(
      error.record.results.map(({ status }) => status),
      ["failed", "failed"],
    );
    return true;
  });
});

test("a unit that throws is an error, and so is a vector of another size", async () => {
  const { record } = await deviceOf({ webgpu: { "no such output": 0 } }).run();
  assert.equal(record.results[1].status, "error");
  const engine = new TestedEngine(new RecordedEngine());
  const [{ input, expected }] = selfTest.vectors;
  assert.deepEqual(await engine.outputs(Float32Array.from(input)), expected);
  for (const wrong of [[...input, 0], input.slice(1)]) {
    const refused = { name: "ModelError" };
    await assert.rejects(engine.outputs(Float32Array.from(wrong)), refused);
  }
});

test("the model in LiteRT.js proves itself", async () => {
  Object.defineProperty(globalThis, "navigator", {
    value: { userAgent: `Node ${process.version}` },
    configurable: true,
  });
  const files = { model: bytesOf(contract.model), wasm: browserForLiteRt() };
  const { seen } = deviceOf({});
  const store = {
    read: async () => seen.text,
    write: async (next) => {
      seen.text = next;
    },
  };
  // There is no graphics card here: the processor has to do.
  const proof = { vectors: selfTest, store, appVersion: "1.0", units: ["wasm", "webgpu"] };
  const { runner, record } = await ModelRunner.prove(files, proof);
  // `edgeconv golden check BUNDLE selftest-results.json` judges the same.
  writeFileSync("selftest-results.json", seen.text);
  assert.equal(record.chosen, "wasm");
  assert.equal(record.results[1].status, "error");
  assert.deepEqual(deviations(vectors, await goldenResults(runner, vectors, device)), []);
  runner.close();
});
