import { contract } from "./contract.js";
import { Decider, type Decision } from "./decider.js";
import type { EnergySaver } from "./energy.js";
import { ModelError } from "./modelError.js";
import type { Sample, SensorKind } from "./sample.js";
import { SensorStream, type Window } from "./sensorStream.js";

/** What was recognized in one window. */
export interface Recognition {
  readonly decision: Decision;
  /** The class of the decision; null while it is unsure. */
  readonly label: string | null;
  /** The model's own outputs for this window, before smoothing. */
  readonly outputs: readonly number[];
  /** Time of the window's last sample, on the sensor's clock. */
  readonly endNanoseconds: number;
  /** How long the model took. */
  readonly latencyMilliseconds: number;
}

/** A window in, an output for each class. */
export type Model = (window: Window) => Promise<readonly number[]>;

/** What a recognizer can do without. */
export interface RecognizerOptions {
  /**
   * Hears why a window got no answer: what the model threw, outputs that are not finite, or what
   * `onRecognition` threw. Recognition goes on. Left out, the console hears it.
   */
  readonly onFailure?: (error: unknown, window: Window) => void;
  readonly stream?: SensorStream;
  readonly decider?: Decider;
  /** Leaves out windows while nothing moves; left out, every window is recognized. */
  readonly energy?: EnergySaver;
}

/** From samples to decisions, in the order of the windows, however long the model takes. */
export class Recognizer {
  readonly stream: SensorStream;
  readonly #model: Model;
  readonly #decider: Decider;
  readonly #energy: EnergySaver | undefined;
  readonly #onRecognition: (recognition: Recognition) => void;
  readonly #onFailure: (error: unknown, window: Window) => void;
  #queue: Promise<void> = Promise.resolve();
  #runs = 0; // how often it was restarted: windows from before get no answer any more
  #failures = 0;
  #skipped = 0;
  #notFiniteOutputs = 0;

  constructor(
    model: Model,
    onRecognition: (recognition: Recognition) => void,
    options: RecognizerOptions = {},
  ) {
    const { onFailure, stream = new SensorStream(), decider = new Decider(), energy } = options;
    this.#model = model;
    this.#onRecognition = onRecognition;
    this.#onFailure = onFailure ?? ((error) => console.error(error));
    this.stream = stream;
    this.#decider = decider;
    this.#energy = energy;
  }

  /** How many windows got no answer, since the beginning. */
  get failures(): number {
    return this.#failures;
  }

  /** How many windows were left out because nothing moved. */
  get skipped(): number {
    return this.#skipped;
  }

  /** How often the model gave a NaN or an infinity: these windows are among the failures. */
  get notFiniteOutputs(): number {
    return this.#notFiniteOutputs;
  }

  /** Takes one sample. A window that it completes is recognized later, after those before it. */
  push(sample: Sample): void {
    this.stream.push(sample, (window) => {
      if (this.#energy && !this.#energy.runs(window)) {
        this.#skipped++;
        return;
      }
      const run = this.#runs;
      this.#queue = this.#queue.then(() => this.#recognize(window, run));
    });
  }

  /** Whether a sensor delivers less than 0.8 of the rate that the stream expects. */
  isSlow(sensor: SensorKind): boolean {
    return this.stream.isSlow(sensor);
  }

  /** Forgets all samples; windows that wait for the model get no answer any more. */
  restart(): void {
    this.#runs++;
    this.stream.restart();
  }

  /** Resolves when all windows so far are recognized, or have failed. It never rejects. */
  settled(): Promise<void> {
    return this.#queue;
  }

  async #recognize(window: Window, run: number): Promise<void> {
    if (run !== this.#runs) return;
    try {
      const begin = performance.now();
      const outputs = await this.#model(window);
      const latencyMilliseconds = performance.now() - begin;
      if (run !== this.#runs) return;
      check(outputs);
      const decision = this.#decider.update(window.segment, outputs);
      if (!decision) return;
      const label = decision.label === null ? null : (contract.labels[decision.label] ?? null);
      const { endNanoseconds } = window;
      this.#onRecognition({ decision, label, outputs, endNanoseconds, latencyMilliseconds });
    } catch (error) {
      this.#failures++;
      if (error instanceof ModelError && error.kind === "output-not-finite") {
        this.#notFiniteOutputs++;
      }
      this.#onFailure(error, window);
    }
  }
}

/** What is no answer is not told as one: the decision before it stands. */
function check(outputs: readonly number[]): void {
  const { labels, output } = contract;
  if (outputs.length !== labels.length) {
    const message = `the model gave ${outputs.length} numbers for ${labels.length} classes`;
    throw new ModelError("wrong-output", message, output);
  }
  const place = outputs.findIndex((value) => !Number.isFinite(value));
  if (place >= 0) {
    const message = `the model gave ${outputs[place]} for ${labels[place]}`;
    throw new ModelError("output-not-finite", message, output);
  }
}
