import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Decider } from "../dist/decider.js";
import { EnergySaver } from "../dist/energy.js";
import { digestOf } from "../dist/liteRt.js";
import { ModelError } from "../dist/modelError.js";
import { chooseUnit, NoUnitPassed, recordsIn, SelfTest } from "../dist/selfTest.js";
import { SensorMonitor } from "../dist/sensorState.js";
import { SensorStream } from "../dist/sensorStream.js";
import { defaultSettings, sensorKinds } from "../dist/settings.js";
import { compareVersions, isSafePath, readFiles, readUpdate, Updates } from "../dist/updates.js";
import { distance } from "./vectors.mjs";

/** What the reference does on a device. */
const device = JSON.parse(readFileSync(new URL("device.json", import.meta.url), "utf8"));
const HERE = { model: "this machine", system: device.self_test.tests[0].key.system };
const NUMBER = (value) => value ?? Number.NaN;

/** A store of records in memory. */
function records(text = null) {
  return {
    text,
    async read() {
      return this.text;
    },
    async write(text) {
      this.text = text;
    },
  };
}

const vectorsOf = ({ key, tolerance, vectors }) => ({
  artifact: { name: "m.tflite", sha256: key.model_sha256 },
  golden: "of the bundle",
  tolerance,
  vectors,
});

for (const each of device.self_test.tests) {
  test(`self-test: ${each.name}`, async () => {
    const envelope = { format: "edgeconv-golden-results", schema_version: 1, device: HERE };
    const store = records(each.record && JSON.stringify({ ...envelope, ...each.record }));
    const counted = { runs: 0, opened: [] };
    const isTested = (unit) => JSON.parse(store.text).testing === unit;
    const open = async (unit) => {
      if (isTested(unit)) counted.opened.push(unit);
      const { error, outputs } = each.stubs[unit];
      if (error) throw new Error(error);
      let place = 0;
      return {
        async outputs() {
          if (isTested(unit)) counted.runs++;
          return outputs[place++ % outputs.length].map(NUMBER);
        },
        close() {},
      };
    };
    const setup = {
      units: each.units,
      vectors: vectorsOf(each),
      device: { ...HERE, app_version: each.key.app_version },
      store,
      open,
    };
    const { expected } = each;
    if (expected.error) await assert.rejects(SelfTest.run(setup), NoUnitPassed);
    else await SelfTest.run(setup);
    const record = JSON.parse(store.text);
    assert.equal(record.testing, null);
    assert.deepEqual(counted, { runs: expected.runs, opened: expected.opened });
    assert.ok(counted.runs < 50);
    assert.deepEqual(record.key, each.key);
    const verdicts = record.results.map(({ unit, status, largest, errors }) => [
      unit,
      { status, largest, errors },
    ]);
    assert.deepEqual(Object.fromEntries(verdicts), expected.units);
    const passing = each.units.filter((unit) => expected.units[unit]?.status === "passed");
    assert.deepEqual(passing, expected.passing);
    assert.equal(expected.passing.includes(record.chosen), passing.length > 0);
    for (const { outputs, status, reason } of record.results) {
      assert.equal(outputs === null, status === "error");
      if (outputs?.flat().includes(null)) assert.match(reason, /not finite/); // null is NaN in JSON
    }
    if (expected.error) return;
    const again = each.units.filter((unit) => {
      const { status, errors } = expected.units[unit];
      return status === "error" && errors < 3;
    });
    counted.opened = [];
    await SelfTest.run(setup);
    assert.deepEqual(counted.opened, again); // nothing but an error is tested again
  });
}

test("a record that cannot be read counts as none", async () => {
  const [each] = device.self_test.tests;
  const open = async () => ({ outputs: async () => each.vectors[0].expected, close() {} });
  const vectors = { ...vectorsOf(each), vectors: each.vectors.slice(0, 1) };
  for (const text of ["", "{", "[]", "7", '{"format":"edgeconv-golden-results"}']) {
    const store = records(text);
    const setup = { units: ["wasm"], vectors, device: HERE, store, open };
    assert.equal((await SelfTest.run(setup)).record.results.length, 1);
  }
  const texts = new Map();
  const storage = {
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, text) => texts.set(key, text),
  };
  const store = recordsIn(() => storage, "gait");
  await store.write("x");
  assert.equal(await store.read(), "x");
  assert.equal(await recordsIn(() => storage, "fall-alarm").read(), null);
  const forbidden = () => {
    throw new Error("SecurityError");
  };
  const nowhere = recordsIn(forbidden, "gait"); // kept as long as the page is open
  assert.equal(await nowhere.read(), null);
  await nowhere.write("x");
  assert.equal(await nowhere.read(), "x");
});

test("a self-test without a tolerance lets nothing pass", async () => {
  const [each] = device.self_test.tests;
  const open = async () => ({ outputs: async () => each.vectors[0].expected, close() {} });
  const vectors = { ...vectorsOf(each), vectors: each.vectors.slice(0, 1), tolerance: undefined };
  const setup = { units: ["wasm"], vectors, device: HERE, store: records(), open };
  await assert.rejects(SelfTest.run(setup), NoUnitPassed);
});

test("every model but the chosen one is closed", async () => {
  const each =
    device.self_test.tests.find(
      ({ units, expected }) => units.length === 2 && expected.passing.length === 2,
    ) ?? device.self_test.tests.find(({ units }) => units.length === 2);
  const closed = [];
  const open = async (unit) => ({
    outputs: async () => each.vectors[0].expected,
    close: () => closed.push(unit),
  });
  const vectors = { ...vectorsOf(each), vectors: each.vectors.slice(0, 1) };
  const setup = { units: ["wasm", "webgpu"], vectors, device: HERE, store: records(), open };
  const { record } = await SelfTest.run(setup);
  assert.equal(record.chosen, "wasm");
  assert.deepEqual(closed, ["webgpu"]);
});

test("a unit that could not be opened is tried again, and chosen then", async () => {
  const [each] = device.self_test.tests;
  const vectors = { ...vectorsOf(each), vectors: each.vectors.slice(0, 1) };
  const store = records();
  let broken = true;
  const opened = [];
  const open = async (unit) => {
    opened.push(unit);
    if (broken && unit === "webgpu") throw new Error("out of memory");
    const outputs = async () => {
      const until = performance.now() + (unit === "wasm" ? 4 : 0);
      while (performance.now() < until);
      return each.vectors[0].expected;
    };
    return { outputs, close() {} };
  };
  const setup = { units: ["wasm", "webgpu"], vectors, device: HERE, store, open };
  const run = async () => (await SelfTest.run(setup)).record;
  const errors = ({ results }) => results.find(({ unit }) => unit === "webgpu").errors;
  const first = await run();
  assert.deepEqual([first.chosen, errors(first)], ["wasm", 1]);
  broken = false;
  assert.equal((await run()).chosen, "webgpu");
  broken = true; // the chosen one, of which nothing is tested any more
  const third = await run();
  assert.deepEqual([third.chosen, errors(third)], ["wasm", 2]);
  await run();
  opened.length = 0;
  await run();
  assert.deepEqual(opened, ["wasm"]); // three errors were enough
});

test("a store that fails costs a test, not the model", async () => {
  const [each] = device.self_test.tests;
  const vectors = { ...vectorsOf(each), vectors: each.vectors.slice(0, 1) };
  const open = async () => ({ outputs: async () => each.vectors[0].expected, close() {} });
  const fails = async () => {
    throw new Error("quota exceeded");
  };
  const setup = { units: ["wasm"], vectors, device: HERE, store: { read: fails, write: fails } };
  assert.equal((await SelfTest.run({ ...setup, open })).record.chosen, "wasm");
});

for (const each of device.choice.tests) {
  test(`choice of the unit: ${each.name}`, () => {
    const times = new Map(Object.entries(each.times_ms));
    const { chosen, medians } = chooseUnit(each.units, each.passing, times);
    assert.equal(chosen, each.expected.chosen);
    assert.deepEqual(Object.fromEntries(medians), each.expected.median_ms);
  });
}

test("the first round warms up and does not count", () => {
  const { medians } = chooseUnit(["wasm"], ["wasm"], new Map([["wasm", [9, 1, 2, 3, 4, 5, 6, 7]]]));
  assert.equal(medians.get("wasm"), 4);
});

/** A store of updates in memory; `broken` names the step that fails. */
function updateStore(state = null) {
  const versions = new Map();
  const store = {
    state,
    versions,
    broken: "",
    read: async () => {
      if (store.broken === "read") throw new Error("no storage now");
      return store.state;
    },
    file: async (version, path) => {
      if (store.broken === "file") throw new Error("no storage now");
      return versions.get(version)?.get(path) ?? null;
    },
    async put(version, files) {
      if (store.broken === "put") throw new Error("quota exceeded");
      versions.set(version, new Map(files));
    },
    async swap(next) {
      if (store.broken === "swap") throw new Error("aborted");
      store.state = next;
    },
    async clean(version) {
      for (const each of versions.keys()) if (each !== version) versions.delete(each);
    },
  };
  return store;
}

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const reader = (files) => async (path) => (Object.hasOwn(files, path) ? bytes(files[path]) : null);
const appOf = ({ floor, ...app }) => ({ ...app, model_version: floor });

/** That an app uses its own model. */
const ownModel = (more = {}) => ({ update: null, rolledBack: false, postponed: null, ...more });

/** What a self-test of the update's model says. */
function proving(passes) {
  return async () => {
    if (!passes) throw new NoUnitPassed({ results: [{ status: "failed" }] });
  };
}

for (const each of device.updates.tests) {
  test(`update: ${each.name}`, async () => {
    const { accepted, reason, version, floor } = each.expected;
    const read = reader(each.files);
    const store = updateStore();
    const updates = new Updates(appOf(each.installed), store, proving(each.self_test_passes));
    const isFolder = Object.keys(each.files).some((path) => path.startsWith("m.mlpackage/"));
    const outcome = await updates.install(read);
    if (isFolder) {
      // A browser runs no such model; what is checked before its self-test is the same.
      const manifest = await readUpdate(read, each.installed);
      assert.equal((await readFiles(read, manifest)).size, manifest.files.length);
      assert.equal(outcome.reason, "self_test_failed");
      return;
    }
    assert.deepEqual([outcome.accepted, outcome.reason ?? null], [accepted, reason]);
    if (accepted) {
      assert.deepEqual([outcome.version, store.state.floor], [version, floor]);
      assert.deepEqual([...store.versions.keys()], [version]);
    } else {
      assert.equal(store.state, null);
      assert.equal(store.versions.size, 0);
    }
  });
}

const [valid] = device.updates.tests;

test("an update is used from the next start, and goes back where it fails", async () => {
  const store = updateStore();
  const app = appOf(valid.installed);
  const updates = new Updates(app, store, proving(true));
  assert.deepEqual(await updates.current(), ownModel());
  const { version } = await updates.install(reader(valid.files));
  const { update, rolledBack } = await updates.current();
  assert.equal(rolledBack, false);
  assert.deepEqual(update.model, bytes(valid.files["m.tflite"]));
  const replayed = await updates.install(reader(valid.files));
  assert.equal(replayed.reason, "not_newer");

  const installed = structuredClone({ state: store.state, versions: store.versions });
  const again = () => {
    const copy = updateStore(structuredClone(installed.state));
    for (const [each, files] of structuredClone(installed.versions)) copy.versions.set(each, files);
    return copy;
  };
  const damaged = again();
  damaged.versions.get(version).get("m.tflite")[0] ^= 1;
  for (const [other, proof] of [
    [damaged, proving(true)],
    [again(), proving(false)],
  ]) {
    const back = new Updates(app, other, proof);
    assert.deepEqual(await back.current(), ownModel({ rolledBack: true }));
    assert.equal(other.versions.size, 0);
    assert.deepEqual(await back.current(), ownModel());
    assert.equal((await back.install(reader(valid.files))).reason, "not_newer"); // the floor stays
  }
  const updated = again(); // the app was updated, and brings what is newer
  const newer = new Updates({ ...app, model_version: version }, updated, proving(true));
  assert.deepEqual(await newer.current(), ownModel());
  assert.equal(updated.versions.size, 0);

  const distrusted = again(); // the app was updated, and has another key: this one was stolen
  const rekeyed = new Updates({ ...app, public_key: "another" }, distrusted, proving(true));
  assert.deepEqual(await rekeyed.current(), ownModel({ rolledBack: true }));
  assert.equal(distrusted.versions.size, 0);
});

test("an update that cannot be read or opened now is kept", async () => {
  const app = appOf(valid.installed);
  const store = updateStore();
  const updates = new Updates(app, store, proving(true));
  const { version } = await updates.install(reader(valid.files));
  const failing = (error) =>
    new Updates(app, store, async () => {
      throw error;
    });
  const transient = new NoUnitPassed({ results: [{ status: "error", reason: "out of memory" }] });
  for (const error of [transient, new ModelError("failed", "out of memory")]) {
    const { update, rolledBack, postponed } = await failing(error).current();
    assert.deepEqual([update, rolledBack], [null, false]);
    assert.match(postponed, /out of memory|does not compute/);
  }
  for (const broken of ["read", "file"]) {
    store.broken = broken;
    const { update, rolledBack, postponed } = await updates.current();
    assert.deepEqual([update, rolledBack, postponed], [null, false, "no storage now"]);
  }
  store.broken = "read"; // nobody knows the floor: nothing is taken
  assert.equal((await updates.install(reader(valid.files))).reason, "storage_failed");
  store.broken = "";
  assert.notEqual((await updates.current()).update, null);
  assert.equal(store.state.floor, version);
  const wrong = failing(new ModelError("wrong-model", "it takes other windows"));
  assert.deepEqual(await wrong.current(), ownModel({ rolledBack: true }));
});

test("a stolen key blocks nothing once the app has another one", async () => {
  const app = appOf(valid.installed);
  const manifest = JSON.parse(Buffer.from(valid.files["update.json"], "base64"));
  const raised = { ...manifest, version: 2 ** 31 - 1 };
  const state = { manifest: raised, floor: raised.version, public_key: app.public_key };
  const blocked = new Updates(app, updateStore(state), proving(true));
  assert.equal((await blocked.install(reader(valid.files))).reason, "not_newer");
  const store = updateStore({ ...state, public_key: "stolen" });
  const updates = new Updates(app, store, proving(true));
  assert.deepEqual(await updates.current(), ownModel({ rolledBack: true }));
  assert.deepEqual([store.state.floor, store.state.public_key], [raised.version, "stolen"]);
  assert.equal((await updates.install(reader(valid.files))).accepted, true);
  assert.equal(store.state.floor, manifest.version);
});

test("a page without https says so, and gives nothing up", async () => {
  const store = updateStore();
  const updates = new Updates(appOf(valid.installed), store, proving(true));
  await updates.install(reader(valid.files));
  const before = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    const says = { name: "ModelError", kind: "not-secure", message: /https/ };
    await assert.rejects(updates.install(reader(valid.files)), says);
    await assert.rejects(updates.current(), says);
    await assert.rejects(digestOf(new Uint8Array(1)), says);
  } finally {
    Object.defineProperty(globalThis, "crypto", before);
  }
  assert.notEqual((await updates.current()).update, null);
});

test("what interrupts an update leaves the old model", async () => {
  for (const broken of ["put", "swap"]) {
    const store = updateStore();
    store.broken = broken;
    const updates = new Updates(appOf(valid.installed), store, proving(true));
    assert.equal((await updates.install(reader(valid.files))).reason, "storage_failed");
    store.broken = "";
    assert.equal((await updates.current()).update, null);
    assert.equal(store.versions.size, 0); // what nobody names is removed at start
  }
});

test("versions of an app", () => {
  for (const { a, b, order } of device.app_versions) {
    assert.equal(compareVersions(a, b), order, `${a} ${b}`);
    assert.equal(compareVersions(b, a), 0 - order, `${b} ${a}`);
  }
  assert.ok(isSafePath("a/b.tflite"));
});

for (const each of device.decisions) {
  test(`unsure: ${each.name}`, () => {
    const decider = new Decider({ ...each, unsureBelow: each.unsure_below });
    for (const update of each.updates) {
      const decision = decider.update(update.segment, update.outputs.map(NUMBER));
      assert.equal(decision?.candidate ?? null, update.candidate);
      assert.equal(decision?.label ?? null, update.label);
      const probabilities = update.probabilities ?? [];
      assert.ok(distance(decision?.probabilities ?? [], probabilities) < 1e-9);
    }
  });
}

for (const each of device.streams) {
  test(`stream ${each.name}: ${each.about}`, () => {
    const { sensor_hz: sensorHz, factor, expected, samples } = each;
    const further = sensorKinds.slice(1).map(() => ({ sensorHz, factor }));
    const stream = new SensorStream({ ...defaultSettings, sensorHz, factor, further });
    const windows = [];
    samples.t_ns.forEach((time, i) => {
      for (const sensor of sensorKinds) {
        const [x, y, z] = ["x", "y", "z"].map((axis) => samples[axis][i]);
        stream.push({ milliseconds: time / 1e6, sensor, x, y, z }, (window) => {
          windows.push(window);
          if (each.restart_in_handler.includes(window.number)) stream.restart();
        });
      }
    });
    assert.equal(stream.segment, expected.segment);
    const { accepted, gaps, clockResets } = stream.counts;
    const { counts } = expected;
    assert.deepEqual(
      [accepted, gaps, clockResets],
      [counts.accepted, counts.gaps, counts.clock_resets],
    );
    const rates = sensorKinds.map((kind) => [stream.deliveredHz(kind), stream.isSlow(kind)]);
    expected.rates.forEach(({ delivered_hz, slow }, i) => {
      assert.equal(rates[i][1], slow);
      assert.equal(rates[i][0] === null, delivered_hz === null);
      assert.ok(Math.abs((rates[i][0] ?? 0) - (delivered_hz ?? 0)) < 1e-9);
    });
    const facts = (number, segment, end) => ({ number, segment, end });
    assert.deepEqual(
      windows.map((w) => facts(w.number, w.segment, w.endNanoseconds)),
      expected.windows.map((w) => facts(w.number, w.segment, w.end_ns)),
    );
    expected.windows.forEach(({ first, last }, i) => {
      const { values } = windows[i];
      assert.ok(distance([...values.slice(0, first.length)], first) < 1e-4);
      assert.ok(distance([...values.slice(-last.length)], last) < 1e-4);
    });
  });
}

for (const { name, patience_ns, events } of device.sensor_states) {
  test(`state of a sensor: ${name}`, () => {
    const monitor = new SensorMonitor(patience_ns);
    for (const { event, at_ns, slow, state, restart, use_sample } of events) {
      const reaction = monitor.take(event, at_ns, slow);
      assert.deepEqual(reaction, { state, restart, useSample: use_sample }, `${event} at ${at_ns}`);
      assert.equal(monitor.state, state);
    }
  });
}

for (const each of device.energy) {
  test(`energy: ${each.name}`, () => {
    const { still_below: stillBelow, after, factor, channels, width } = each;
    const saver = new EnergySaver({ stillBelow, after, factor }, channels, width);
    for (const { segment, values, deviation, run } of each.windows) {
      assert.ok(Math.abs(saver.deviation(values) - deviation) < 1e-12);
      assert.equal(saver.runs({ segment, values }), run);
    }
  });
}
