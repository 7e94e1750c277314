import { AXES } from "./ring.js";

/** Cutoff of the low-pass whose output is gravity. */
const CUTOFF_HZ = 0.3;
/** Of the cutoff: how long it settles before its output is used. */
const SETTLING_PERIODS = 2;
const STATES = 2;

/**
 * Tells gravity from motion: a Butterworth low-pass of order 3 over the three axes of an
 * accelerometer, step by step.
 *
 * It sees the distance from the first step, as if that had always been there: a phone at rest gives
 * its gravity without any rounding.
 */
export class Gravity {
  readonly #sections: readonly (readonly number[])[];
  readonly #settling: number;
  readonly #first = new Float64Array(AXES);
  readonly #state: Float64Array;
  #begun = false;
  /** Steps that are for the filter only, as it settles. */
  left = 0;
  /** The slow part of the latest step. */
  readonly slow = new Float64Array(AXES);

  constructor(rateHz: number) {
    const k = Math.tan((Math.PI * CUTOFF_HZ) / rateHz);
    const d = 1 + k + k * k;
    const one = k / (1 + k);
    const two = (k * k) / d;
    // b0 b1 b2 a1 a2, of the poles of 1 / ((s + 1)(s² + s + 1)) by the bilinear transform.
    this.#sections = [
      [one, one, 0, (k - 1) / (k + 1), 0],
      [two, 2 * two, two, (2 * (k * k - 1)) / d, (1 - k + k * k) / d],
    ];
    this.#settling = Math.ceil((SETTLING_PERIODS * rateHz) / CUTOFF_HZ);
    this.#state = new Float64Array(AXES * this.#sections.length * STATES);
    this.clear();
  }

  clear(): void {
    this.left = this.#settling;
    this.#begun = false;
    this.#state.fill(0);
  }

  /** Takes the first three numbers of a step. */
  update(step: Float64Array): void {
    if (!this.#begun) this.#first.set(step.subarray(0, AXES));
    this.#begun = true;
    for (let axis = 0; axis < AXES; axis++) {
      const first = this.#first[axis] as number;
      let value = (step[axis] as number) - first;
      this.#sections.forEach((section, i) => {
        value = this.#pass(section, (axis * this.#sections.length + i) * STATES, value);
      });
      this.slow[axis] = first + value;
    }
  }

  #pass(section: readonly number[], at: number, value: number): number {
    const [b0, b1, b2, a1, a2] = section as [number, number, number, number, number];
    const out = b0 * value + (this.#state[at] as number);
    this.#state[at] = b1 * value - a1 * out + (this.#state[at + 1] as number);
    this.#state[at + 1] = b2 * value - a2 * out;
    return out;
  }
}
