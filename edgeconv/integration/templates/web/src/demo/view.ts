import { contract } from "../contract.js";
import type { Recognition } from "../recognizer.js";
import type { SelfTestRecord } from "../selfTest.js";
import type { Counts } from "../sensorStream.js";

const LATENCIES = 256; // of which the median is shown
const ANSWERS = 30; // in the row of the latest ones
const STEP_SECONDS = contract.step / contract.rateHz;

/** An element of the page. */
export function element<Kind extends HTMLElement>(id: string): Kind {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node as Kind;
}

/** The color of the dot before the page's first line. */
export type StatusKind = "idle" | "live" | "warn" | "bad";

/** The hue of a class: as far from the others as can be. */
function hue(label: number): string {
  return String(Math.round((265 + (360 * label) / contract.labels.length) % 360));
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

interface Row {
  readonly item: HTMLElement;
  readonly bar: HTMLElement;
  readonly text: HTMLElement;
}

/** What the page says. */
export class View {
  readonly #rows: readonly Row[] = contract.labels.map(newRow);
  readonly #cells: readonly HTMLElement[];
  readonly #latencies = new Float64Array(LATENCIES);
  readonly #sorted = new Float64Array(LATENCIES);
  #measured = 0;
  #answers: (string | null)[] = [];
  #since = 0; // when the present answer began, on the sensor's clock

  constructor() {
    this.#cells = Array.from({ length: ANSWERS }, () => document.createElement("li"));
    element("history").append(...this.#cells);
    this.say("history-begin", `${Math.round(ANSWERS * STEP_SECONDS)} s ago`);
    element("probabilities").style.setProperty("--sure", String(contract.unsureBelow));
    element("probabilities").append(...this.#rows.map(({ item }) => item));
  }

  /** Nothing was recognized yet. */
  clear(): void {
    this.#measured = 0;
    this.#answers = [];
    for (const id of ["latency", "rate"]) this.say(id, "–");
    for (const cell of this.#cells) paint(cell, null);
    paint(element("answer"), null);
    element("history").setAttribute("aria-label", "No answers yet");
    this.#show(contract.labels.map(() => 0));
    this.filled(0);
    this.problem("");
    this.failed(0);
  }

  say(id: string, text: string): void {
    const node = element(id);
    if (node.textContent !== text) node.textContent = text;
  }

  /** The line above everything else. */
  status(kind: StatusKind, text: string): void {
    element("answer").dataset.kind = kind;
    this.say("sensor", text);
  }

  /** The largest words of the page, and what explains them. */
  headline(text: string, detail: string): void {
    this.say("activity", text);
    this.say("detail", detail);
  }

  /** What went wrong; empty takes it away. */
  problem(text: string): void {
    this.say("problem", text);
    element("problem").hidden = text === "";
  }

  /** How much of the first window is there, from 0 to 1. */
  filled(share: number): void {
    element("filling").style.width = share < 1 ? percent(share) : "0";
  }

  recognized(recognition: Recognition): void {
    const { decision, label, endNanoseconds, latencyMilliseconds } = recognition;
    if (this.#answers.length === 0 || this.#answers.at(-1) !== label) {
      this.#since = endNanoseconds;
      this.say("spoken", label ?? "Not sure"); // once for each change, not for each window
    }
    this.#answers = [...this.#answers, label].slice(-ANSWERS);
    const seconds = Math.round((endNanoseconds - this.#since) / 1e9);
    const lasting = seconds > 0 ? `, for ${seconds} s` : "";
    if (label === null) this.headline("Not sure", guesses(decision.probabilities));
    else {
      const share = decision.probabilities[decision.candidate] ?? 0;
      this.headline(label, `${percent(share)}${lasting}`);
    }
    this.filled(1);
    this.#show(decision.probabilities, decision.candidate);
    paint(element("answer"), decision.label);
    this.#remember();
    this.#latencies[this.#measured++ % LATENCIES] = latencyMilliseconds;
    this.say("latency", `${this.#median().toFixed(2)} ms`);
  }

  /** What the self-test of each unit gave. */
  proven({ results, chosen }: SelfTestRecord): void {
    const items = results.map(({ unit, status, largest, tolerance, median_ms, reason }) => {
      const item = document.createElement("li");
      const name = unit === "wasm" ? "Processor" : "Graphics card";
      const time = median_ms === null ? "" : `, ${median_ms.toFixed(2)} ms`;
      const worst = largest ? largest.toPrecision(2) : "0";
      const off = `off by ${worst} at most, ${tolerance} allowed${time}`;
      item.dataset.kind = status;
      item.textContent = `${name}: ${status === "passed" ? off : `not used (${reason})`}`;
      if (unit === chosen) item.textContent += "; it is used";
      return item;
    });
    element("proof").replaceChildren(...items);
  }

  failed(times: number): void {
    this.say("failures", String(times));
  }

  counted(counts: Readonly<Counts>, windows: number, hertz: number | null): void {
    this.say("samples", String(counts.accepted));
    this.say("windows", String(windows));
    this.say("gaps", String(counts.gaps + counts.clockResets + counts.silent));
    this.say("rate", hertz === null ? "–" : hertz.toFixed(0));
  }

  #remember(): void {
    const first = ANSWERS - this.#answers.length;
    this.#answers.forEach((label, i) => {
      const cell = this.#cells[first + i] as HTMLElement;
      paint(cell, label === null ? null : contract.labels.indexOf(label as never));
      cell.toggleAttribute("data-unsure", label === null);
      cell.title = label ?? "Not sure";
    });
    const latest = this.#answers.slice(-5).map((label) => label ?? "not sure");
    element("history").setAttribute("aria-label", `The latest answers: ${latest.join(", ")}`);
  }

  #median(): number {
    const count = Math.min(this.#measured, LATENCIES);
    this.#sorted.set(this.#latencies);
    return this.#sorted.subarray(0, count).sort()[count >> 1] ?? 0;
  }

  #show(probabilities: readonly number[], candidate = -1): void {
    this.#rows.forEach(({ item, bar, text }, i) => {
      const share = Math.min(1, Math.max(0, probabilities[i] ?? 0));
      bar.style.width = `${100 * share}%`;
      text.textContent = percent(share);
      if (i === candidate) item.setAttribute("aria-current", "true");
      else item.removeAttribute("aria-current");
    });
  }
}

function newRow(label: string, place: number): Row {
  const [item, track] = [document.createElement("li"), document.createElement("span")];
  const [name, bar, text] = ["span", "i", "span"].map((tag) => document.createElement(tag)) as [
    HTMLElement,
    HTMLElement,
    HTMLElement,
  ];
  name.textContent = label;
  track.className = "bar";
  track.setAttribute("aria-hidden", "true");
  track.append(bar);
  item.style.setProperty("--hue", hue(place));
  item.append(name, track, text);
  return { item, bar, text };
}

/** Gives something the color of a class; null: none. */
function paint(node: HTMLElement, label: number | null): void {
  node.toggleAttribute("data-hue", label !== null);
  node.removeAttribute("data-unsure");
  if (label !== null) node.style.setProperty("--hue", hue(label));
}

/** The two likeliest classes, in words. */
function guesses(probabilities: readonly number[]): string {
  const order = probabilities.map((share, i) => ({ share, label: contract.labels[i] ?? "" }));
  order.sort((a, b) => b.share - a.share);
  const leaders = order.slice(0, 2).map(({ share, label }) => `${label} (${percent(share)})`);
  return `Perhaps ${leaders.join(" or ")}: no class is probable enough.`;
}
