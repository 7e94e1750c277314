import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { contract } from "../dist/contract.js";
import { keepAwake, Motion, NoMotion, requestMotion } from "../dist/motion.js";
import { Recognizer } from "../dist/recognizer.js";
import { SensorStream } from "../dist/sensorStream.js";
import { sensorKinds } from "../dist/settings.js";
import { expectedSign, SignEvidence } from "../dist/sign.js";

const GRAVITY = 9.80665;

/** A browser with a clock and events of one's own. */
function browser({ vendor = "Google Inc.", userAgent = "", maxTouchPoints = 5 } = {}) {
  const listeners = new Map();
  const target = {
    addEventListener: (type, listener) => listeners.set(type, listener),
    removeEventListener: (type, listener) =>
      listeners.get(type) === listener && listeners.delete(type),
  };
  let now = 1000;
  mock.timers.enable({ apis: ["setInterval"] });
  mock.method(performance, "now", () => now);
  globalThis.window = { ...target, isSecureContext: true };
  globalThis.DeviceMotionEvent = class {};
  globalThis.document = { ...target, visibilityState: "visible" };
  const navigator = { vendor, userAgent, maxTouchPoints };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  const fire = (type, event) => listeners.get(type)?.(event);
  return {
    listeners,
    fire,
    navigator,
    pass(milliseconds) {
      now += milliseconds;
      mock.timers.tick(milliseconds);
    },
    /** A second of a phone that lies still, in m/s^2 as this browser gives it. */
    second(z, { hertz = 60, orientation, rest } = {}) {
      for (let i = 0; i < hertz; i++) {
        if (orientation) fire("deviceorientation", orientation);
        fire("devicemotion", motion(now, { x: 0, y: 0, z }, rest));
        this.pass(1000 / hertz);
      }
    },
    look(visibilityState) {
      globalThis.document.visibilityState = visibilityState;
      fire("visibilitychange");
    },
  };
}

function motion(timeStamp, accelerationIncludingGravity, rest = {}) {
  const still = { x: 0, y: 0, z: 0 };
  const rotationRate = { alpha: 0, beta: 0, gamma: 0 };
  return { timeStamp, accelerationIncludingGravity, acceleration: still, rotationRate, ...rest };
}

/** What a motion's target was told. */
function listener() {
  const samples = [];
  const states = [];
  const target = {
    restarts: 0,
    push: (sample) => samples.push(sample),
    restart() {
      this.restarts++;
    },
  };
  return { samples, states, target, onState: (...state) => states.push(state) };
}

afterEach(() => {
  mock.reset();
  mock.timers.reset();
  for (const name of ["window", "document", "DeviceMotionEvent"]) delete globalThis[name];
});

test("what a browser's event says of each sensor", async () => {
  const page = browser();
  const event = {
    timeStamp: 7,
    accelerationIncludingGravity: { x: 1, y: 2, z: 3 },
    acceleration: { x: 0.5, y: 0.25, z: 0.125 },
    rotationRate: { alpha: 10, beta: 20, gamma: 30 },
  };
  const wanted = {
    accelerometer: [1, 2, 3],
    gyroscope: [10, 20, 30],
    "linear-acceleration": [0.5, 0.25, 0.125],
    gravity: [0.5, 1.75, 2.875],
  };
  for (const sign of ["android", "ios"]) {
    const { samples, target } = listener();
    const motion = new Motion(target, { sign });
    await motion.start();
    page.fire("devicemotion", event);
    page.fire("devicemotion", { timeStamp: 8, accelerationIncludingGravity: null });
    motion.stop();
    assert.deepEqual(
      samples.map(({ sensor }) => sensor),
      sensorKinds,
    );
    for (const { milliseconds, sensor, x, y, z } of samples) {
      const turned = sign === "ios" && sensor !== "gyroscope" ? -1 : 1;
      assert.equal(milliseconds, 7);
      assert.deepEqual(
        [x, y, z],
        wanted[sensor].map((value) => value * turned),
      );
    }
    assert.equal(page.listeners.size, 0);
  }
});

test("the sign that a browser is expected to have", () => {
  const apple = "Apple Computer, Inc.";
  const macintosh = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15";
  const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15";
  const android = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140";
  const sign = (vendor, userAgent, maxTouchPoints) =>
    expectedSign({ vendor, userAgent, maxTouchPoints });
  assert.equal(sign(apple, iphone, 5), "ios");
  assert.equal(sign(apple, macintosh, 5), "ios"); // an iPad
  assert.equal(sign(apple, macintosh, 0), "android"); // a Macintosh: it has no motion
  assert.equal(sign("Google Inc.", android, 5), "android");
  assert.equal(sign("", android, 5), "android"); // Firefox
  assert.equal(sign("Google Inc.", iphone, 1), "android"); // Chrome's tools play an iPhone
});

test("a phone with its screen down keeps its sign", async () => {
  const down = { beta: 180, gamma: 0 };
  for (const orientation of [undefined, down, { beta: null, gamma: null }]) {
    const page = browser();
    const { samples, target } = listener();
    const motion = new Motion(target);
    await motion.start();
    for (let i = 0; i < 3; i++) page.second(-GRAVITY, { orientation });
    motion.stop();
    assert.equal(motion.sign, "android");
    assert.equal(target.restarts, 0);
    assert.ok(samples.every(({ sensor, z }) => sensor !== "accelerometer" || z < 0));
    mock.reset();
    mock.timers.reset();
  }
});

test("a sign that was not expected is corrected once, in any pose", async () => {
  const rotated = { beta: 180, gamma: 0 };
  for (const [z, orientation] of [
    [-GRAVITY, { beta: 0, gamma: 0 }],
    [GRAVITY, rotated],
  ]) {
    const page = browser({ vendor: "", userAgent: "a browser that nobody knows" });
    const { target } = listener();
    const motion = new Motion(target);
    await motion.start();
    page.second(z, { orientation });
    page.second(z, { orientation });
    assert.equal(motion.sign, "ios");
    assert.equal(target.restarts, 1);
    page.second(-z, { orientation }); // never again
    page.second(-z, { orientation });
    motion.stop();
    assert.equal(motion.sign, "ios");
    assert.equal(target.restarts, 1);
    mock.reset();
    mock.timers.reset();
  }
});

test("evidence of the sign needs a clear majority", () => {
  const evidence = new SignEvidence();
  evidence.acceleration({ x: 0, y: 0, z: -GRAVITY }); // nobody knows which way is up
  evidence.orientation(90, 0); // upright: y is up
  for (let i = 0; i < 200; i++) evidence.acceleration({ x: 0, y: i % 2 ? 12 : -12, z: 0 });
  for (let i = 0; i < 200; i++) evidence.acceleration({ x: 9, y: 1, z: 3 });
  assert.equal(evidence.verdict, null);
  evidence.orientation(0, 90); // on its right side: x is down
  const other = new SignEvidence();
  other.orientation(0, 90);
  for (let i = 0; i < 60; i++) other.acceleration({ x: -GRAVITY, y: 0, z: 0 });
  assert.equal(other.verdict, "android");
});

test("a sensor that gives nothing is told, and named", async () => {
  const page = browser();
  const { states, target, onState } = listener();
  const motion = new Motion(target, { onState });
  const all = (state) => sensorKinds.map((sensor) => [state, sensor]);
  await motion.start();
  page.pass(3000);
  assert.deepEqual(states.splice(0), [...all("waiting"), ...all("silent")]);
  page.second(GRAVITY);
  assert.deepEqual(states.splice(0), all("receiving"));
  page.pass(3000); // it stops
  assert.deepEqual(states.splice(0), all("silent"));
  motion.stop();
  page.pass(5000);
  assert.deepEqual(states.splice(0), all("stopped"));
  assert.equal(page.listeners.size, 0);
});

test("a sensor that this device lacks is told alone", async (t) => {
  if (!sensorKinds.includes("gyroscope")) return t.diagnostic("the model takes no gyroscope");
  const page = browser();
  const { target } = listener();
  const motion = new Motion(target);
  await motion.start();
  page.second(GRAVITY, { rest: { rotationRate: null } });
  page.pass(2500);
  page.second(GRAVITY, { rest: { rotationRate: { alpha: null, beta: null, gamma: null } } });
  assert.equal(motion.state("gyroscope"), "silent");
  assert.equal(motion.state("accelerometer"), "receiving");
  motion.stop();
});

test("a rate below the one that was asked for is told", async () => {
  const page = browser();
  const stream = new SensorStream();
  const recognizer = new Recognizer(
    async () => contract.labels.map(() => 0),
    () => {},
    { stream },
  );
  const motion = new Motion(recognizer);
  await motion.start();
  const hertz = Math.floor(contract.sensorHz / 2);
  for (let i = 0; i < 7; i++) page.second(GRAVITY, { hertz });
  assert.equal(motion.state(sensorKinds[0]), "slow");
  assert.ok(Math.abs(stream.deliveredHz() - hertz) < 1, `${stream.deliveredHz()}`);
  for (let i = 0; i < 12; i++) page.second(GRAVITY, { hertz: contract.sensorHz });
  assert.equal(motion.state(sensorKinds[0]), "receiving");
  motion.stop();
});

test("a page that was hidden begins anew", async () => {
  const page = browser();
  const { samples, target } = listener();
  const motion = new Motion(target);
  await motion.start();
  page.second(GRAVITY);
  page.look("hidden");
  const before = samples.length;
  page.second(GRAVITY); // what still comes is not used
  page.pass(60_000);
  assert.equal(samples.length, before);
  assert.equal(motion.state(sensorKinds[0]), "suspended"); // no false alarm
  assert.equal(target.restarts, 0);
  page.look("visible");
  assert.equal(target.restarts, 1);
  assert.equal(motion.state(sensorKinds[0]), "waiting");
  motion.stop();
  await motion.start();
  assert.equal(target.restarts, 2);
  motion.stop();
});

test("why there is no motion", async () => {
  browser();
  const refused = (reason) => (error) => error instanceof NoMotion && error.reason === reason;
  delete globalThis.DeviceMotionEvent;
  const motion = new Motion(listener().target);
  await assert.rejects(motion.start(), refused("unsupported"));
  assert.equal(motion.state(sensorKinds[0]), "missing");
  globalThis.DeviceMotionEvent = class {};
  await requestMotion();
  globalThis.DeviceMotionEvent.requestPermission = async () => "denied";
  await assert.rejects(motion.start(), refused("denied"));
  assert.equal(motion.state(sensorKinds[0]), "denied");
  globalThis.DeviceMotionEvent.requestPermission = async () => {
    throw new Error("NotAllowedError");
  };
  await assert.rejects(requestMotion(), refused("denied"));
  globalThis.DeviceMotionEvent.requestPermission = async () => "granted";
  await requestMotion();
  globalThis.window.isSecureContext = false;
  await assert.rejects(requestMotion(), refused("insecure"));
});

test("the screen stays on until it may go off", async () => {
  const { navigator, look, listeners } = browser();
  keepAwake()(); // a browser that cannot
  const locks = [];
  const request = async (kind) => {
    locks.push(kind);
    return { release: async () => locks.push("released") };
  };
  navigator.wakeLock = { request };
  const end = keepAwake();
  await Promise.resolve();
  look("hidden");
  look("visible"); // the browser took it back meanwhile
  await Promise.resolve();
  end();
  assert.deepEqual(locks, ["screen", "screen", "released"]);
  assert.equal(listeners.size, 0);
  navigator.wakeLock.request = async () => {
    throw new Error("battery is low");
  };
  keepAwake()();
});
