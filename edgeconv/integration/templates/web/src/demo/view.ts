import { contract } from "../contract.js";
import type { Recognition } from "../recognizer.js";
import type { Counts } from "../sensorStream.js";

const KEPT = 500; // latencies

/** An element of the page. */
export function element<Kind extends HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as Kind;
}

/** What the page says. */
export class View {
  readonly #rows: { bar: HTMLElement; text: HTMLElement }[];
  #latencies: number[] = [];

  constructor() {
    this.#rows = contract.labels.map((label) => {
      const name = document.createElement("span");
      name.textContent = label;
      const bar = document.createElement("b");
      const text = document.createElement("span");
      const row = document.createElement("li");
      row.append(name, bar, text);
      element("probabilities").append(row);
      return { bar, text };
    });
    this.clear();
  }

  clear(): void {
    this.#latencies = [];
    this.say("activity", "–");
    this.say("latency", "–");
    this.say("agreement", "–");
    this.#show(contract.labels.map(() => 0));
    this.problem("");
  }

  /** A line above everything else; empty takes it away. */
  problem(text: string): void {
    const line = element("problem");
    line.textContent = text;
    line.hidden = text === "";
  }

  say(id: string, text: string): void {
    element(id).textContent = text;
  }

  recognized(found: Recognition): void {
    this.say("activity", found.label ?? "Not sure");
    this.#show(found.decision.probabilities);
    this.#latencies = [...this.#latencies, found.latencyMilliseconds].slice(-KEPT);
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    const at = (share: number) =>
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(2);
    const n = sorted.length;
    this.say("latency", `${at(0.5)} median, ${at(0.9)} p90, ${at(0.99)} p99 of ${n}`);
  }

  counted(counts: Readonly<Counts>, windows: number): void {
    this.say("samples", String(counts.accepted));
    this.say("windows", String(windows));
    this.say("gaps", String(counts.gaps + counts.clockResets + counts.silent));
  }

  #show(probabilities: readonly number[]): void {
    this.#rows.forEach(({ bar, text }, i) => {
      const share = Math.min(1, Math.max(0, probabilities[i] ?? 0));
      bar.style.width = `${100 * share}%`;
      text.textContent = `${Math.round(100 * share)} %`;
    });
  }
}
