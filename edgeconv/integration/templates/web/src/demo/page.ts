import { Classifier } from "../classifier.js";
import { contract } from "../contract.js";
import { keepAwake, Motion } from "../motion.js";
import { type Recognition, Recognizer } from "../recognizer.js";
import type { Sample, SensorKind } from "../sample.js";
import {
  NoUnitPassed,
  recordsIn,
  type SelfTestRecord,
  type SelfTestVectors,
  type Unit,
} from "../selfTest.js";
import { SensorStream } from "../sensorStream.js";
import { sensorKinds } from "../settings.js";
import { Chart } from "./chart.js";
import { offerInstallation, workOffline } from "./offline.js";
import {
  agreement,
  loadJson,
  type Recorded,
  type Recordings,
  samplesOf,
  settingsOf,
} from "./recordings.js";
import { Teaching } from "./teaching.js";
import { element, View } from "./view.js";

const ALL = sensorKinds.map((kind) => kind.replace("-", " ")).join(" and the ");
const STANDARD = { accelerations: [20, 40, 80, 160], rotations: [250, 500, 1000, 2000] };

const view = new View();
const liveButton = element<HTMLButtonElement>("live");
const replayButton = element<HTMLButtonElement>("replay");
const checkButton = element<HTMLButtonElement>("check");
const recordingChoice = element<HTMLSelectElement>("recording");
const charts = new Map(sensorKinds.map((kind) => [kind, newChart(kind)]));

/** Where the model gives an embedding, a person can teach it. */
const teaching = contract.embedding > 0 ? new Teaching() : null;

/** What is under way; starting something else ends it. */
let stop: () => void = () => undefined;

function newChart(kind: SensorKind): Chart {
  const [figure, caption] = [
    document.createElement("figure"),
    document.createElement("figcaption"),
  ];
  const canvas = document.createElement("canvas");
  const unit = kind === "gyroscope" ? "deg/s" : "m/s²";
  caption.textContent = `${kind.charAt(0).toUpperCase()}${kind.slice(1).replace("-", " ")}, ${unit}`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `x, y and z of the ${kind}, the latest 8 seconds`);
  figure.append(caption, canvas);
  element("charts").append(figure);
  return new Chart(canvas, kind === "gyroscope" ? STANDARD.rotations : STANDARD.accelerations);
}

function tell(error: unknown): void {
  stop();
  view.status("bad", "Stopped");
  view.problem(error instanceof Error ? error.message : String(error));
}

/** A recognizer whose answers the page shows, and what makes it show a sample. */
function begin(classifier: Classifier, stream: SensorStream, isLive: boolean) {
  stop();
  view.clear();
  for (const chart of charts.values()) {
    chart.clear();
    chart.run(true);
  }
  view.headline("Watching…", "");
  const answers: Recognition[] = [];
  const personal = (isLive && teaching?.options(classifier)) || null;
  const recognizer = new Recognizer(
    personal?.model ?? ((window) => classifier.outputs(window)),
    (each) => {
      answers.push(each);
      view.recognized(each);
    },
    {
      ...personal?.options,
      stream,
      onFailure(error) {
        view.failed(recognizer.failures);
        view.problem(error instanceof Error ? error.message : String(error));
      },
    },
  );
  let [segment, start] = [-1, 0];
  const show = (sample: Sample) => {
    if (sample.sensor !== sensorKinds[0]) return;
    if (segment !== stream.segment) [segment, start] = [stream.segment, sample.milliseconds];
    const seconds = (sample.milliseconds - start) / 1000;
    if (answers.length === 0) {
      const left = Math.max(1, Math.ceil(contract.firstAnswerSeconds - seconds));
      view.headline("Watching…", `The first answer comes in ${left} s.`);
      view.filled(Math.min(0.99, Math.max(0, seconds / contract.firstAnswerSeconds)));
    }
    view.counted(stream.counts, answers.length, stream.deliveredHz());
  };
  return { recognizer, answers, show };
}

function idle(): void {
  stop = () => undefined;
  liveButton.textContent = "Start";
  replayButton.textContent = "Play a recording";
  for (const chart of charts.values()) chart.run(false);
}

function live(classifier: Classifier): void {
  const { recognizer, show } = begin(classifier, new SensorStream(), true);
  const target = {
    push(sample: Sample) {
      charts
        .get(sample.sensor as SensorKind)
        ?.add(sample.milliseconds, sample.x, sample.y, sample.z);
      recognizer.push(sample);
      show(sample);
    },
    restart() {
      recognizer.restart();
      say();
    },
    isSlow: (sensor: SensorKind) => recognizer.isSlow(sensor),
  };
  const say = () => tellState(motion, recognizer.stream);
  const motion = new Motion(target, { onState: say });
  const sleep = keepAwake();
  stop = () => {
    motion.stop();
    sleep();
    idle();
    view.status("idle", "Stopped");
  };
  liveButton.textContent = "Stop";
  motion.start().catch(tell);
}

/** What the sensors do, in words; the one that is worst off. */
function tellState(motion: Motion, stream: SensorStream): void {
  const states = sensorKinds.map((kind) => ({
    name: kind.replace("-", " "),
    is: motion.state(kind),
  }));
  const named = (state: string) => states.filter(({ is }) => is === state).map(({ name }) => name);
  const silent = named("silent").join(" and the ");
  const slow = named("slow").join(" and the ");
  if (silent) {
    view.status("bad", `Nothing comes from the ${silent}`);
    view.headline(
      "No motion",
      `This device has no ${silent}, or the browser does not give it to pages. On a phone, look whether ` +
        "motion sensors are allowed in its site settings; on a desktop, play a recording.",
    );
  } else if (named("suspended").length > 0) {
    view.status("warn", "Paused while the page is not visible");
  } else if (slow) {
    const hertz = stream.deliveredHz()?.toFixed(0) ?? "?";
    const expected = `${contract.sensorHz} Hz are expected: answers may be wrong`;
    view.status("warn", `The ${slow} gives ${hertz} samples a second; ${expected}`);
  } else if (named("waiting").length > 0) {
    view.status("idle", `Waiting for the ${named("waiting").join(" and the ")}: no sample yet`);
  } else if (named("receiving").length > 0) {
    view.status(
      "live",
      `Live from the ${ALL}${motion.sign === "ios" ? ", Apple's sign turned" : ""}`,
    );
  }
}

async function replay(classifier: Classifier, recorded: Recorded): Promise<void> {
  const stream = new SensorStream(settingsOf(recorded));
  const { recognizer, show } = begin(classifier, stream, false);
  view.status("live", `A recording: ${recorded.about}`);
  replayButton.textContent = "Stop";
  let isRunning = true;
  stop = () => {
    isRunning = false;
    idle();
    view.status("idle", "Stopped");
  };
  const samples = samplesOf(recorded);
  const zero = performance.now() - (samples[0]?.milliseconds ?? 0);
  let latest = Number.NEGATIVE_INFINITY;
  for (const [position, sample] of samples.entries()) {
    // A clock that was set back, or a late sample, is no reason to wait.
    latest = Math.max(latest, sample.milliseconds);
    while (isRunning && performance.now() - zero < latest) await nextFrame();
    if (!isRunning) return;
    if (recorded.restart_before.includes(position)) stream.restart();
    const factor = shown(recorded, sample);
    const { milliseconds, x, y, z } = sample;
    charts.get(sample.sensor as SensorKind)?.add(milliseconds, x * factor, y * factor, z * factor);
    recognizer.push(sample);
    show(sample);
  }
  await recognizer.settled();
  if (!isRunning) return;
  idle();
  view.status("idle", "The recording has ended");
}

/** What makes a sample of any source one of a browser: m/s^2 and W3C's sign, or deg/s. */
function shown(recorded: Recorded, { sensor }: Sample): number {
  const place = Math.max(0, sensorKinds.indexOf(sensor as SensorKind));
  const factor = place === 0 ? recorded.factor : (recorded.sensors?.[place]?.factor ?? 1);
  return factor / (contract.sensors[place]?.factor ?? 1);
}

/** Plays every recording without waiting, and compares each window with Python's. */
async function check(classifier: Classifier, { streams, tolerance }: Recordings): Promise<void> {
  stop();
  const total = { right: 0, of: 0 };
  const wrong: string[] = [];
  const verdict = element("agreement");
  verdict.dataset.kind = "";
  checkButton.disabled = true;
  for (const [i, recorded] of streams.entries()) {
    view.say("agreement", `Recording ${i + 1} of ${streams.length}: ${recorded.about}`);
    const answers: Recognition[] = [];
    const stream = new SensorStream(settingsOf(recorded));
    const recognizer = new Recognizer(
      (window) => classifier.outputs(window),
      (each) => answers.push(each),
      { stream, onFailure: (error) => wrong.push(`${recorded.name}: ${String(error)}`) },
    );
    for (const [position, sample] of samplesOf(recorded).entries()) {
      if (recorded.restart_before.includes(position)) stream.restart();
      recognizer.push(sample);
    }
    await recognizer.settled();
    const { right, of } = agreement(recorded, answers, tolerance.probability);
    total.right += right;
    total.of += of;
    if (right < of) wrong.push(`${recorded.name}: ${right} of ${of}`);
    await nextFrame();
  }
  checkButton.disabled = false;
  const isRight = wrong.length === 0 && total.of > 0;
  verdict.dataset.kind = isRight ? "good" : "bad";
  const counted = `${total.right} of ${total.of} windows of ${streams.length} recordings`;
  const sentence = `${isRight ? "✓" : "✗"} ${counted} answered as in Python`;
  view.say("agreement", isRight ? sentence : `${sentence} (${wrong.join("; ")})`);
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}

/** The recorded windows of people first: they are the ones to look at. */
function offer(recordings: Recordings): void {
  const rank = ({ name }: Recorded) => (name === "golden" ? 0 : 1);
  const streams = [...recordings.streams].sort((a, b) => rank(a) - rank(b));
  for (const { name, about } of streams) recordingChoice.append(new Option(about, name));
}

/** The model, if it computes here what it computed when it was tested. */
async function prove(): Promise<Classifier> {
  const place = (name: string) => new URL(name, document.baseURI);
  const files = { model: place(contract.model), wasm: place("litert/").href };
  const vectors = await loadJson<SelfTestVectors>(place(contract.selfTest));
  const units: Unit[] = "gpu" in navigator ? ["wasm", "webgpu"] : ["wasm"];
  const store = recordsIn(() => localStorage, contract.name);
  const appVersion = String(contract.modelVersion);
  try {
    const { classifier, record } = await Classifier.prove(files, {
      vectors,
      store,
      appVersion,
      units,
    });
    offerRecord(record);
    return classifier;
  } catch (error) {
    if (error instanceof NoUnitPassed) offerRecord(error.record);
    throw error;
  }
}

/** What the self-test gave: `edgeconv golden check BUNDLE FILE` takes the file. */
function offerRecord(record: SelfTestRecord): void {
  view.proven(record);
  const button = element<HTMLButtonElement>("save");
  button.disabled = false;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(record)]));
    link.download = `${contract.name}-results.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

async function main(): Promise<void> {
  const [classifier, recordings] = await Promise.all([
    prove(),
    loadJson<Recordings>(new URL("recordings.json", document.baseURI)),
  ]);
  offer(recordings);
  const toggle = (button: HTMLButtonElement, start: () => void) => () => {
    if (button.textContent === "Stop") stop();
    else start();
  };
  liveButton.addEventListener(
    "click",
    toggle(liveButton, () => live(classifier)),
  );
  replayButton.addEventListener(
    "click",
    toggle(replayButton, () => {
      const chosen = recordings.streams.find(({ name }) => name === recordingChoice.value);
      if (chosen) replay(classifier, chosen).catch(tell);
    }),
  );
  checkButton.addEventListener("click", () => check(classifier, recordings).catch(tell));
  for (const each of [liveButton, replayButton, checkButton, recordingChoice])
    each.disabled = false;
  view.status("idle", "Ready");
  view.headline(
    "What are you doing?",
    `Tap Start, put the phone where you carry it, and move: ${contract.labels.join(", ")}.`,
  );
  offerInstallation();
  await workOffline();
}

view.clear();
main().catch(tell);
