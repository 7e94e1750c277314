/** Axes of a sensor. */
export const AXES = 3;

/** The latest rows of numbers, oldest first, in memory that is taken once. */
export class Ring {
  readonly #values: Float64Array;
  readonly #capacity: number;
  readonly #width: number;
  #oldest = 0;
  #count = 0;

  constructor(capacity: number, width: number) {
    this.#capacity = capacity;
    this.#width = width;
    this.#values = new Float64Array(capacity * width);
  }

  get isFull(): boolean {
    return this.#count === this.#capacity;
  }

  add(row: Float64Array): void {
    this.#values.set(row, ((this.#oldest + this.#count) % this.#capacity) * this.#width);
    if (this.isFull) this.#oldest = (this.#oldest + 1) % this.#capacity;
    else this.#count++;
  }

  clear(): void {
    this.#oldest = 0;
    this.#count = 0;
  }

  /** `index` 0 is the oldest. */
  get(index: number, column: number): number {
    const place = ((this.#oldest + index) % this.#capacity) * this.#width + column;
    return this.#values[place] as number;
  }
}
