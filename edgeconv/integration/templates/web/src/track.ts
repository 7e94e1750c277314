import { AXES } from "./ring.js";
import type { DerivedSensor } from "./settings.js";

const RECENT = 4;
const ENOUGH = 3;

/** One sensor: its latest samples, and points of the fine grid that wait for the other sensors. */
export class Track {
  readonly settings: DerivedSensor;
  /** The first point of the fine grid that has no value yet. */
  next = 0;

  // The last four samples, oldest first; `held` of them are there.
  readonly #times = new Float64Array(RECENT);
  readonly #recent = new Float64Array(RECENT * AXES);
  #held = 0;
  readonly #points: Float64Array;

  /** @param pending how many points may wait for the other sensors */
  constructor(settings: DerivedSensor, pending: number) {
    this.settings = settings;
    this.#points = new Float64Array(pending * AXES);
  }

  get isEmpty(): boolean {
    return this.#held === 0;
  }

  /** Whether a curve can be drawn: it needs one neighbour on each side. */
  get hasCurve(): boolean {
    return this.#held >= ENOUGH;
  }

  /** Time of the latest sample. */
  get newest(): number {
    return this.#time(this.#held - 1);
  }

  /** Time of the latest sample but one, up to which the curve reaches. */
  get until(): number {
    return this.#time(this.#held - 2);
  }

  clear(): void {
    this.#held = 0;
    this.next = 0;
  }

  hold(time: number, x: number, y: number, z: number): void {
    if (this.#held === RECENT) {
      this.#times.copyWithin(0, 1);
      this.#recent.copyWithin(0, AXES);
      this.#held--;
    }
    const { factor } = this.settings;
    const at = this.#held * AXES;
    this.#times[this.#held] = time;
    this.#recent[at] = x * factor;
    this.#recent[at + 1] = y * factor;
    this.#recent[at + 2] = z * factor;
    this.#held++;
  }

  /** Keeps the next point of the fine grid, which stands at `time`. */
  add(time: number): void {
    const from = this.#time(this.#held - 3);
    const u = (time - from) / (this.until - from);
    const place = this.#place(this.next++);
    for (let axis = 0; axis < AXES; axis++) this.#points[place + axis] = this.#curve(axis, u);
  }

  /** Writes a point that was kept into `row`, from `column` on. */
  copy(index: number, row: Float64Array, column: number): void {
    const place = this.#place(index);
    row.set(this.#points.subarray(place, place + AXES), column);
  }

  #place(index: number): number {
    return (index * AXES) % this.#points.length;
  }

  /** A cubic between two samples, through their neighbours too; `u` is from 0 to below 1. */
  #curve(axis: number, u: number): number {
    const first = this.#held - 3;
    const length = this.#time(first + 1) - this.#time(first);
    const value = this.#value(first, axis);
    const rise = this.#value(first + 1, axis) - value;
    const after = this.#value(first + 2, axis) - this.#value(first + 1, axis);
    const end = slope(rise, after, length / (this.#time(first + 2) - this.#time(first + 1)));
    let begin = 2 * rise - end; // the parabola through the first three samples
    if (first > 0) {
      const before = value - this.#value(first - 1, axis);
      begin = slope(rise, before, length / (this.#time(first) - this.#time(first - 1)));
    }
    const bend = 3 * rise - 2 * begin - end;
    return value + u * (begin + u * (bend + u * (begin + end - 2 * rise)));
  }

  #time(index: number): number {
    return this.#times[index] as number;
  }

  #value(index: number, axis: number): number {
    return this.#recent[index * AXES + axis] as number;
  }
}

/**
 * Slope of the parabola through three samples at the middle one, times this interval's length.
 * `other` is the difference over the neighbouring interval, `ratio` this length by that one's.
 */
function slope(rise: number, other: number, ratio: number): number {
  return (rise + ratio * ratio * other) / (1 + ratio);
}
