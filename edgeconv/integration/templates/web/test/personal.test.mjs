import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { contract } from "../dist/contract.js";
import {
  PersonalLayer,
  personalized,
  personalModel,
  WrongPersonalDocument,
} from "../dist/personal.js";
import { distance } from "./vectors.mjs";

/** What the reference makes of enrolled windows. */
const personal = JSON.parse(readFileSync(new URL("personal.json", import.meta.url), "utf8"));
const numbers = (values) => values.map((value) => value ?? Number.NaN);

for (const { name, model, steps, document } of personal.layers) {
  test(`personal layer: ${name}`, () => {
    const layer = new PersonalLayer(model);
    for (const { enroll, accepted, forget, answer, expected, state } of steps) {
      if (enroll) {
        const { label, outputs, embedding } = enroll;
        assert.equal(layer.enroll(label, numbers(outputs), numbers(embedding)), accepted);
      } else if (answer) {
        const { outputs, embedding, unsure_below } = answer;
        const got = layer.answer(numbers(outputs), numbers(embedding), unsure_below);
        assert.deepEqual([got.label, got.personal], [expected.label, expected.personal]);
        expected.probabilities.forEach((p, k) => {
          if (p === null) assert.ok(!Number.isFinite(got.probabilities[k]));
          else assert.ok(Math.abs(got.probabilities[k] - p) <= personal.tolerance);
        });
      } else layer.forget(forget ?? undefined);
      assert.equal(layer.state, state);
    }
    assert.deepEqual(layer.toDocument(), document);
    const again = PersonalLayer.fromDocument(JSON.parse(JSON.stringify(document)), model);
    assert.equal(again.state, layer.state);
    assert.deepEqual(again.counts, layer.counts);
  });
}

for (const { name, model, document, state } of personal.stored) {
  test(`stored layer: ${name}`, () => {
    const read = () => PersonalLayer.fromDocument(document, model);
    if (state === null) assert.throws(read, WrongPersonalDocument);
    else assert.equal(read().state, state);
  });
}

test("what the caller got wrong", () => {
  const model = { sha256: "", labels: ["a", "b"], embedding: 2, logits: false };
  assert.throws(() => new PersonalLayer({ ...model, labels: [] }), RangeError);
  assert.throws(() => new PersonalLayer({ ...model, embedding: 0 }), RangeError);
  const layer = new PersonalLayer(model);
  assert.throws(() => layer.enroll(2, [1, 0], [1, 1]), RangeError);
  assert.throws(() => layer.enroll(0, [1, 0, 0], [1, 1]), RangeError);
  assert.throws(() => layer.answer([1, 0], [1]), RangeError);
  assert.ok(distance(layer.answer([1, 0], [1, 1]).probabilities, [1, 0]) === 0);
});

test("a recognizer gives a person's own answers", async () => {
  const { labels } = contract;
  const model = { ...personalModel(), embedding: 2 };
  assert.equal(model.sha256, contract.sha256);
  const layer = new PersonalLayer(model);
  // The model takes the second activity for the first, but its embedding tells them apart.
  const shares = labels.map((_, k) => [0.55, 0.45][k] ?? 0);
  const own = model.logits ? shares.map((p) => Math.log(Math.max(p, 1e-9))) : shares;
  for (let i = 0; i < 3; i++) {
    assert.ok(layer.enroll(0, own, [1, 0]));
    assert.ok(layer.enroll(1, own, [0, 1]));
  }
  const answer = async () => ({ outputs: own, embedding: [0, 1] });
  const { model: ask, decider } = personalized({ answer }, layer);
  assert.equal(layer.state, "on");
  const probabilities = await ask({});
  assert.ok(Math.abs(probabilities.reduce((sum, p) => sum + p, 0) - 1) < 1e-9);
  const { label, probabilities: smoothed } = decider.update(0, probabilities);
  assert.equal(label, 1);
  assert.deepEqual(smoothed, probabilities); // no softmax of a softmax
});
