import { contract } from "./contract.js";
import type { Window } from "./sensorStream.js";

/** When a window needs no inference. */
export interface EnergySettings {
  /** A window whose readings deviate less is still; in the contract's unit. */
  readonly stillBelow: number;
  /** How many still windows in a row are given to the model all the same. */
  readonly after: number;
  /** Of the further ones, every how many-th is. */
  readonly factor: number;
}

export const defaultEnergy: EnergySettings = { stillBelow: 0.1, after: 2, factor: 4 };

/** Leaves out windows while nothing moves; the first with movement is always run. */
export class EnergySaver {
  readonly #settings: EnergySettings;
  readonly #channels: readonly number[];
  readonly #width: number;
  #segment = -1;
  #calm = 0;
  #skipped = 0;

  /**
   * @param channels places in a step of those that are looked at; left out, the first sensor's
   * @param width channels of a step
   * @throws RangeError where a setting makes no sense
   */
  constructor(
    settings: EnergySettings = defaultEnergy,
    channels: readonly number[] = ofFirstSensor(),
    width: number = contract.channels.length,
  ) {
    const { stillBelow, after, factor } = settings;
    if (!(stillBelow >= 0 && after >= 0 && factor >= 1)) {
      throw new RangeError(`stillBelow is ${stillBelow}, after ${after}, factor ${factor}`);
    }
    this.#settings = settings;
    this.#channels = channels;
    this.#width = width;
  }

  /** The largest standard deviation of a channel over a window. */
  deviation(values: ArrayLike<number>): number {
    return Math.max(...this.#channels.map((channel) => this.#deviation(values, channel)));
  }

  /** Whether this window is given to the model. */
  runs({ segment, values }: Pick<Window, "segment"> & { values: ArrayLike<number> }): boolean {
    const { stillBelow, after, factor } = this.#settings;
    const begins = segment !== this.#segment;
    this.#segment = segment;
    if (begins || this.deviation(values) >= stillBelow) {
      this.#calm = 0;
      this.#skipped = 0;
      return true;
    }
    this.#calm++;
    if (this.#calm <= after) return true;
    this.#skipped = (this.#skipped + 1) % factor;
    return this.#skipped === 0;
  }

  #deviation(values: ArrayLike<number>, channel: number): number {
    const steps = values.length / this.#width;
    let mean = 0;
    for (let i = channel; i < values.length; i += this.#width)
      mean += (values[i] as number) / steps;
    let squares = 0;
    for (let i = channel; i < values.length; i += this.#width) {
      squares += ((values[i] as number) - mean) ** 2;
    }
    return Math.sqrt(squares / steps);
  }
}

function ofFirstSensor(): number[] {
  return contract.sources.flatMap(({ sensor }, channel) => (sensor === 0 ? [channel] : []));
}
