import { contract } from "./contract.js";
import { Decider, type Decision } from "./decider.js";
import type { Sample } from "./sample.js";
import { SensorStream, type Window } from "./sensorStream.js";

/** What was recognized in one window. */
export interface Recognition {
  readonly decision: Decision;
  /** The class of the decision. */
  readonly label: string;
  /** The model's own outputs for this window, before smoothing. */
  readonly outputs: readonly number[];
  /** Time of the window's last sample, on the sensor's clock. */
  readonly endNanoseconds: number;
  /** How long the model took. */
  readonly latencyMilliseconds: number;
}

/** A window in, an output for each class. */
export type Model = (window: Window) => Promise<readonly number[]>;

/** From samples to decisions, in the order of the windows, however long the model takes. */
export class Recognizer {
  readonly stream: SensorStream;
  readonly #model: Model;
  readonly #decider: Decider;
  readonly #onRecognition: (found: Recognition) => void;
  #queue: Promise<void> = Promise.resolve();

  constructor(
    model: Model,
    onRecognition: (found: Recognition) => void,
    stream = new SensorStream(),
    decider = new Decider(),
  ) {
    this.#model = model;
    this.#onRecognition = onRecognition;
    this.stream = stream;
    this.#decider = decider;
  }

  /** Takes one sample. */
  push(sample: Sample): void {
    this.stream.push(sample, (window) => {
      this.#queue = this.#queue.then(() => this.#recognize(window));
    });
  }

  /**
   * Resolves when all windows so far are recognized.
   *
   * @throws what the model threw; nothing is recognized after that.
   */
  settled(): Promise<void> {
    return this.#queue;
  }

  async #recognize(window: Window): Promise<void> {
    const begin = performance.now();
    const outputs = await this.#model(window);
    const latencyMilliseconds = performance.now() - begin;
    const decision = this.#decider.update(window.segment, outputs);
    if (!decision) return;
    const label = contract.labels[decision.index] as string;
    const { endNanoseconds } = window;
    this.#onRecognition({ decision, label, outputs, endNanoseconds, latencyMilliseconds });
  }
}
