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
    const answers = [];
    const model = async (window) => windows[window.number].outputs;
    const stream = new SensorStream(settingsOf(recorded, defaultSettings));
    const recognizer = new Recognizer(model, (each) => answers.push(each), { stream });
    samplesOf(recorded).forEach((sample, position) => {
      if (recorded.restart_before.includes(position)) stream.restart();
      recognizer.push(sample);
    });
    await recognizer.settled();
    assert.deepEqual(
      answers.map((each) => each.decision.candidate),
      windows.map((window) => window.decision),
    );
    windows.forEach(({ smoothed }, i) => {
      const { probabilities } = answers[i].decision;
      assert.ok(distance(probabilities, smoothed) <= vectors.tolerance.smoothed);
    });
  });
}

for (const recorded of vectors.decisions) {
  test(`decisions: ${recorded.name}`, () => {
    const decider = new Decider({ ...recorded, unsureBelow: 0 });
    for (const update of recorded.updates) {
      const outputs = update.outputs.map((value) => value ?? Number.NaN);
      const decision = decider.update(update.segment, outputs);
      assert.equal(decision?.candidate ?? null, update.label);
      const probabilities = update.probabilities ?? [];
      assert.ok(
        distance(decision?.probabilities ?? [], probabilities) <= vectors.tolerance.smoothed,
      );
    }
  });
}

test("a sensor that the model does not take", () => {
  const sample = { milliseconds: 0, x: 0, y: 0, z: 0, sensor: "barometer" };
  assert.throws(() => new SensorStream().push(sample, () => {}), /no barometer/);
  const further = Array.from({ length: sensorKinds.length }, () => defaultSettings);
  assert.throws(() => new SensorStream({ ...defaultSettings, further }), RangeError);
});

const longest = vectors.streams.reduce((one, other) =>
  other.expected.windows.length > one.expected.windows.length ? other : one,
);

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
  assert.equal(refused, longest.expected.windows.length);
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
