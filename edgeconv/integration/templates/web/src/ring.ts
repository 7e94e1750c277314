export const CHANNELS = 3;

/** The latest steps of three values, oldest first, in memory that is taken once. */
export class Ring {
  readonly #values: Float64Array;
  readonly #capacity: number;
  #oldest = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#values = new Float64Array(capacity * CHANNELS);
  }

  get isFull(): boolean {
    return this.#count === this.#capacity;
  }

  add(step: Float64Array): void {
    this.#values.set(step, ((this.#oldest + this.#count) % this.#capacity) * CHANNELS);
    if (this.isFull) this.#oldest = (this.#oldest + 1) % this.#capacity;
    else this.#count++;
  }

  clear(): void {
    this.#oldest = 0;
    this.#count = 0;
  }

  /** `index` 0 is the oldest. */
  get(index: number, channel: number): number {
    const place = ((this.#oldest + index) % this.#capacity) * CHANNELS + channel;
    return this.#values[place] as number;
  }
}
