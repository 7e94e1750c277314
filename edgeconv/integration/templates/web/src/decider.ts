import { contract } from "./contract.js";

/** What is said after one window. */
export interface Decision {
  /** Place in `contract.labels` of the class that smoothing and hysteresis arrive at. */
  readonly candidate: number;
  /** What an app shows: the candidate, or null while its probability is too low. */
  readonly label: number | null;
  /** Smoothed probabilities, in the order of the labels. */
  readonly probabilities: readonly number[];
}

/** How decisions are made. */
export interface DeciderSettings {
  /** Whether the model gives logits, which go through softmax first. */
  readonly logits: boolean;
  /** Weight of the newest window, above 0; 1 takes every window for itself. */
  readonly alpha: number;
  /** By how much another class must lead the present one, from 0 to below 1. */
  readonly hysteresis: number;
  /** The smoothed probability that a decision needs, from 0 (every one will do) to 1. */
  readonly unsureBelow: number;
}

/**
 * Makes decisions that do not flicker: an exponential mean of the probabilities, and a class that
 * changes only for a clear lead. A class that is not probable enough is no decision.
 */
export class Decider {
  readonly #settings: DeciderSettings;
  #segment = -1;
  #latest: Decision | null = null;

  /** @throws RangeError where a setting makes no sense. */
  constructor(settings: DeciderSettings = contract) {
    const { alpha, hysteresis, unsureBelow } = settings;
    const smooths = alpha > 0 && alpha <= 1 && hysteresis >= 0 && hysteresis < 1;
    if (!(smooths && unsureBelow >= 0 && unsureBelow <= 1)) {
      const values = `alpha is ${alpha}, hysteresis ${hysteresis}, unsureBelow ${unsureBelow}`;
      throw new RangeError(values);
    }
    this.#settings = settings;
  }

  /**
   * The decision after the outputs for a window of `segment`.
   *
   * A new segment forgets what was before. Outputs that are not finite are no answer: the decision
   * stays as it was, null at the beginning.
   */
  update(segment: number, outputs: readonly number[]): Decision | null {
    if (segment !== this.#segment) {
      this.#segment = segment;
      this.#latest = null;
    }
    if (!outputs.every(Number.isFinite)) return this.#latest;
    const now = this.#settings.logits ? softmax(outputs) : outputs;
    this.#latest = this.#latest
      ? this.#follow(this.#latest, now)
      : this.#decided(largest(now), now);
    return this.#latest;
  }

  #follow(old: Decision, now: readonly number[]): Decision {
    const { alpha, hysteresis } = this.#settings;
    const smoothed = old.probabilities.map((before, i) => before + alpha * (at(now, i) - before));
    const challenger = largest(smoothed);
    const lead = at(smoothed, challenger) - at(smoothed, old.candidate);
    return this.#decided(lead > hysteresis ? challenger : old.candidate, smoothed);
  }

  #decided(candidate: number, probabilities: readonly number[]): Decision {
    const isUnsure = at(probabilities, candidate) < this.#settings.unsureBelow;
    return { candidate, label: isUnsure ? null : candidate, probabilities };
  }
}

/** Probabilities of logits, without overflow. */
export function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** The first of the largest. */
function largest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}
