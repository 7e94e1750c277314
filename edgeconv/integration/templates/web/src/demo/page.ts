import { Classifier } from "../classifier.js";
import { contract } from "../contract.js";
import { expectedSign, requestMotion, signAtRest, watchMotion } from "../motion.js";
import { type Recognition, Recognizer } from "../recognizer.js";
import type { Sample } from "../sample.js";
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
const REST_MILLISECONDS = 1000; // of stillness tell the browser's sign
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
    stream,
  );
  return { recognizer, found };
}

async function live(classifier: Classifier): Promise<void> {
  await requestMotion();
  let sign = expectedSign();
  let recent: Sample[] = [];
  const { recognizer, found } = begin(classifier, new SensorStream());
  const listen = () =>
    watchMotion((sample) => {
      if (sample.sensor !== drawn) {
        recognizer.push(sample);
        return;
      }
      recent = [...recent, sample].filter(
        (each) => each.milliseconds > sample.milliseconds - REST_MILLISECONDS,
      );
      // What comes here should have W3C's sign already; at rest gravity tells whether it has.
      if (recent.length > 10 && signAtRest(recent) === "ios") {
        sign = sign === "ios" ? "android" : "ios";
        stop();
        recent = [];
        recognizer.stream.restart();
        stop = listen();
        return;
      }
      traces.add(sample);
      recognizer.push(sample);
      const missing = recognizer.stream.waitingFor;
      const lack = missing.length > 0 ? `, nothing from the ${missing.join(" and ")}` : "";
      view.say("sensor", `${rate(recent)} Hz, ${sign} sign${lack}`);
      view.counted(recognizer.stream.counts, found.length);
      recognizer.settled().catch(tell);
    }, sign);
  stop = listen();
  view.say("sensor", "no sample yet");
}

function rate(samples: readonly Sample[]): string {
  const seconds = ((samples.at(-1)?.milliseconds ?? 0) - (samples[0]?.milliseconds ?? 0)) / 1000;
  return seconds > 0 ? ((samples.length - 1) / seconds).toFixed(0) : "–";
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
