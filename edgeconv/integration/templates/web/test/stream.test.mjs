import assert from "node:assert/strict";
import { test } from "node:test";
import { contract } from "../dist/contract.js";
import { Decider } from "../dist/decider.js";
import { lowPass, oversampling } from "../dist/lowPass.js";
import { Recognizer } from "../dist/recognizer.js";
import { SensorStream } from "../dist/sensorStream.js";
import { defaultSettings, sensorKinds } from "../dist/settings.js";
import { distance, samplesOf, settingsOf, vectors } from "./vectors.mjs";

test("filters", () => {
  for (const filter of vectors.filters) {
    const factor = oversampling(filter.sensor_hz, contract.rateHz);
    assert.equal(factor, filter.oversampling);
    assert.ok(distance(lowPass(factor), filter.taps) < 1e-12);
  }
});

for (const recorded of vectors.streams) {
  test(`stream ${recorded.name}: ${recorded.about}`, () => {
    const stream = new SensorStream(settingsOf(recorded, defaultSettings));
    const windows = [];
    samplesOf(recorded).forEach((sample, position) => {
      if (recorded.restart_before.includes(position)) stream.restart();
      stream.push(sample, (window) => windows.push(window));
    });
    const { expected } = recorded;
    assert.equal(stream.segment, expected.segment);
    assert.deepEqual(stream.counts, {
      accepted: expected.counts.accepted,
      notFinite: expected.counts.not_finite,
      duplicate: expected.counts.duplicate,
      late: expected.counts.late,
      gaps: expected.counts.gaps,
      clockResets: expected.counts.clock_resets,
      silent: expected.counts.silent ?? 0,
    });
    const waiting = (expected.waiting ?? []).map((place) => sensorKinds[place]);
    assert.deepEqual(stream.waitingFor, waiting);
    const facts = (number, segment, end) => ({ number, segment, end });
    assert.deepEqual(
      windows.map((w) => facts(w.number, w.segment, w.endNanoseconds)),
      expected.windows.map((w) => facts(w.number, w.segment, w.end_ns)),
    );
    expected.windows.forEach((window, i) => {
      assert.ok(distance(windows[i].values, window.values) <= vectors.tolerance.value);
    });
  });

  test(`decisions on stream ${recorded.name}`, async () => {
    const { windows } = recorded.expected;
    const found = [];
    const model = async (window) => windows[window.number].outputs;
    const stream = new SensorStream(settingsOf(recorded, defaultSettings));
    const recognizer = new Recognizer(model, (each) => found.push(each), { stream });
    samplesOf(recorded).forEach((sample, position) => {
      if (recorded.restart_before.includes(position)) stream.restart();
      recognizer.push(sample);
    });
    await recognizer.settled();
    assert.deepEqual(
      found.map((each) => each.decision.candidate),
      windows.map((window) => window.decision),
    );
    windows.forEach(({ smoothed }, i) => {
      const { probabilities } = found[i].decision;
      assert.ok(distance(probabilities, smoothed) <= vectors.tolerance.smoothed);
    });
  });
}

for (const recorded of vectors.decisions) {
  test(`decisions: ${recorded.name}`, () => {
    const decider = new Decider({ ...recorded, unsureBelow: recorded.unsure_below ?? 0 });
    for (const update of recorded.updates) {
      const outputs = update.outputs.map((value) => value ?? Number.NaN);
      const found = decider.update(update.segment, outputs);
      assert.equal(found?.candidate ?? null, update.candidate ?? update.label);
      assert.equal(found?.label ?? null, update.label);
      const probabilities = update.probabilities ?? [];
      assert.ok(distance(found?.probabilities ?? [], probabilities) <= vectors.tolerance.smoothed);
    }
  });
}

test("a sensor that the model does not take", () => {
  const sample = { milliseconds: 0, x: 0, y: 0, z: 0, sensor: "barometer" };
  assert.throws(() => new SensorStream().push(sample, () => {}), /no barometer/);
  const further = Array.from({ length: sensorKinds.length }, () => defaultSettings);
  assert.throws(() => new SensorStream({ ...defaultSettings, further }), RangeError);
});
