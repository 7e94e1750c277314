import { Classifier } from "../classifier.js";
import { contract } from "../contract.js";
import { keepAwake, Motion } from "../motion.js";
import { type Recognition, Recognizer } from "../recognizer.js";
import type { Sample, SensorKind } from "../sample.js";
import { SensorStream } from "../sensorStream.js";
import { defaultSettings, sensorKinds } from "../settings.js";
import {
  agreement,
  loadRecordings,
  type Recorded,
  type Recordings,
  samplesOf,
  settingsOf,
} from "./recordings.js";
import { Traces } from "./traces.js";
import { element, View } from "./view.js";

/** The sensor whose samples are drawn. */
const [drawn] = sensorKinds;
const view = new View();
const traces = new Traces(element<HTMLCanvasElement>("traces"));
const liveButton = element<HTMLButtonElement>("live");
const replayButton = element<HTMLButtonElement>("replay");
const recordingChoice = element<HTMLSelectElement>("recording");

/** What is under way; starting something else ends it. */
let stop: () => void = () => undefined;

function tell(error: unknown): void {
  stop();
  view.problem(error instanceof Error ? error.message : String(error));
}

function begin(classifier: Classifier, stream: SensorStream) {
  stop();
  view.clear();
  traces.clear();
  const found: Recognition[] = [];
  const recognizer = new Recognizer(
    (window) => classifier.outputs(window),
    (each) => {
      found.push(each);
      view.recognized(each);
      view.counted(stream.counts, found.length);
    },
    { stream, onFailure: (error) => view.problem(String(error)) },
  );
  return { recognizer, found };
}

async function live(classifier: Classifier): Promise<void> {
  const { recognizer, found } = begin(classifier, new SensorStream());
  const target = {
    push(sample: Sample) {
      if (sample.sensor === drawn) traces.add(sample);
      recognizer.push(sample);
      view.counted(recognizer.stream.counts, found.length);
    },
    restart() {
      recognizer.restart();
      say();
    },
    isSlow: (sensor: SensorKind) => recognizer.isSlow(sensor),
  };
  const say = () => view.say("sensor", sensorKinds.map((kind) => told(kind, motion)).join("; "));
  const motion = new Motion(target, { onState: say });
  const sleep = keepAwake();
  stop = () => {
    motion.stop();
    sleep();
  };
  await motion.start();
}

/** What a sensor does, in words. */
function told(sensor: SensorKind, motion: Motion): string {
  switch (motion.state(sensor)) {
    case "waiting":
      return "no sample yet";
    case "receiving":
      return `${motion.sign} sign`;
    case "slow":
      return `${sensor}: slower than expected`;
    case "silent":
      return `nothing from the ${sensor}`;
    case "suspended":
      return "paused: the page is not visible";
    case "missing":
      return `no ${sensor}`;
    case "denied":
      return `the ${sensor} is not allowed`;
    case "stopped":
      return "–";
  }
}

async function replay(
  classifier: Classifier,
  recorded: Recorded,
  tolerance: number,
  quick: boolean,
): Promise<void> {
  const stream = new SensorStream(settingsOf(recorded));
  const { recognizer, found } = begin(classifier, stream);
  view.say("sensor", `${recorded.about}, recorded`);
  let running = true;
  stop = () => {
    running = false;
  };
  const samples = samplesOf(recorded);
  const zero = performance.now() - (samples[0]?.milliseconds ?? 0);
  let latest = Number.NEGATIVE_INFINITY;
  for (const [position, sample] of samples.entries()) {
    // A clock that was set back, or a late sample, is no reason to wait.
    latest = Math.max(latest, sample.milliseconds);
    while (running && !quick && performance.now() - zero < latest) await nextFrame();
    if (!running) return;
    if (recorded.restart_before.includes(position)) stream.restart();
    if (sample.sensor === drawn) {
      traces.add(scaled(sample, recorded.factor / contract.factor));
    }
    recognizer.push(sample);
  }
  await recognizer.settled();
  view.counted(stream.counts, found.length);
  const { right, of } = agreement(recorded, found, tolerance);
  view.say("agreement", `${right} of ${of} windows answered as in Python`);
}

/** A sample of any source in m/s^2 and W3C's sign. */
function scaled({ milliseconds, x, y, z }: Sample, factor: number): Sample {
  return { milliseconds, x: x * factor, y: y * factor, z: z * factor };
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}

function offer(recordings: Recordings): void {
  for (const { name, about } of recordings.streams) {
    recordingChoice.append(new Option(`${name}: ${about}`, name));
  }
}

async function main(): Promise<void> {
  const place = (name: string) => new URL(name, document.baseURI);
  const wasm = place("node_modules/@litertjs/core/wasm/").href;
  const [classifier, recordings] = await Promise.all([
    Classifier.load(place(contract.model), wasm),
    loadRecordings(place("test/stream.json")),
  ]);
  offer(recordings);
  liveButton.addEventListener("click", () => live(classifier).catch(tell));
  replayButton.addEventListener("click", () => {
    const chosen = recordings.streams.find(({ name }) => name === recordingChoice.value);
    const { checked } = element<HTMLInputElement>("quick");
    if (chosen) {
      replay(classifier, chosen, recordings.tolerance.probability, checked).catch(tell);
    }
  });
  liveButton.disabled = false;
  replayButton.disabled = false;
  view.say("sensor", `about ${defaultSettings.sensorHz} Hz expected`);
}

main().catch(tell);
