import { lowPass } from "./lowPass.js";
import { CHANNELS, Ring } from "./ring.js";
import type { Sample } from "./sample.js";
import { type Derived, defaultSettings, derive, type StreamSettings } from "./settings.js";

/** One input of the model. */
export interface Window {
  /** Counts from 0 over the stream's whole life. */
  readonly number: number;
  /** How often the stream had restarted; decisions are smoothed within one segment. */
  readonly segment: number;
  /** Time of the last step, in nanoseconds. */
  readonly endNanoseconds: number;
  /** x0 y0 z0 x1 …, in the model's unit and sign. */
  readonly values: Float32Array;
}

/** What became of the samples, since the beginning. */
export interface Counts {
  accepted: number;
  /** Dropped: a value or the time is not finite. */
  notFinite: number;
  /** Dropped: at (nearly) the time of the last one. */
  duplicate: number;
  /** Dropped: older than the last one. */
  late: number;
  /** Restarts because nothing came for too long. */
  gaps: number;
  /** Restarts because the time stamp went back. */
  clockResets: number;
}

const RECENT = 4;
const ENOUGH = 3;

/**
 * Turns samples with time stamps into the model's windows.
 *
 * A phone's sensor delivers when it pleases. The stream converts unit and sign, drops what cannot be
 * used, interpolates onto an even grid, filters as the training recordings were filtered, and cuts
 * windows. A gap restarts it: nothing is invented. Nothing is allocated but for a window.
 */
export class SensorStream {
  readonly counts: Counts = {
    accepted: 0,
    notFinite: 0,
    duplicate: 0,
    late: 0,
    gaps: 0,
    clockResets: 0,
  };

  readonly #settings: StreamSettings;
  readonly #derived: Derived;
  readonly #taps: Float64Array;
  readonly #half: number;
  #segment = 0;
  #number = 0;

  // The last four samples, oldest first; `held` of them are there.
  readonly #times = new Float64Array(RECENT);
  readonly #recent = new Float64Array(RECENT * CHANNELS);
  #held = 0;

  // Since the last restart.
  #start = 0;
  #next = 0; // the first point of the fine grid that has no value yet
  readonly #fine: Ring;
  readonly #steps: Ring;
  #made = 0;
  readonly #point = new Float64Array(CHANNELS);

  constructor(settings: StreamSettings = defaultSettings) {
    this.#settings = settings;
    this.#derived = derive(settings);
    this.#taps = lowPass(this.#derived.oversampling);
    this.#half = (this.#taps.length - 1) / 2;
    this.#fine = new Ring(this.#taps.length);
    this.#steps = new Ring(settings.window);
  }

  /** How often the stream has restarted. */
  get segment(): number {
    return this.#segment;
  }

  /**
   * Takes one sample and hands each window that it completes to `onWindow`.
   *
   * A sample completes the interval between the two before it: the curve there needs one neighbour
   * on each side.
   */
  push({ milliseconds, x, y, z }: Sample, onWindow: (window: Window) => void): void {
    const time = Math.round(milliseconds * 1e6);
    if (![time, x, y, z].every(Number.isFinite)) {
      this.counts.notFinite++;
      return;
    }
    if (this.#held > 0 && !this.#isInOrder(time - this.#time(this.#held - 1))) return;
    this.counts.accepted++;
    if (this.#held === 0) this.#start = time;
    this.#hold(time, x, y, z);
    if (this.#held >= ENOUGH) this.#evaluate(onWindow);
  }

  /** Forgets all samples, as after a gap. Counts and window numbers go on. */
  restart(): void {
    this.#segment++;
    this.#held = 0;
    this.#next = 0;
    this.#made = 0;
    this.#fine.clear();
    this.#steps.clear();
  }

  /** Whether a sample that comes this much after the last one is used; may restart the stream. */
  #isInOrder(elapsed: number): boolean {
    if (Math.abs(elapsed) > this.#derived.maxGap) {
      if (elapsed > 0) this.counts.gaps++;
      else this.counts.clockResets++;
      this.restart();
    } else if (elapsed < 0) {
      this.counts.late++;
      return false;
    } else if (elapsed < this.#derived.closest) {
      this.counts.duplicate++;
      return false;
    }
    return true;
  }

  #hold(time: number, x: number, y: number, z: number): void {
    if (this.#held === RECENT) {
      this.#times.copyWithin(0, 1);
      this.#recent.copyWithin(0, CHANNELS);
      this.#held--;
    }
    const { factor } = this.#settings;
    const at = this.#held * CHANNELS;
    this.#times[this.#held] = time;
    this.#recent[at] = x * factor;
    this.#recent[at + 1] = y * factor;
    this.#recent[at + 2] = z * factor;
    this.#held++;
  }

  /** Every point of the fine grid from the last sample but two up to the last but one. */
  #evaluate(onWindow: (window: Window) => void): void {
    const from = this.#time(this.#held - 3);
    const to = this.#time(this.#held - 2);
    for (let time = this.#gridTime(this.#next); time < to; time = this.#gridTime(this.#next)) {
      const u = (time - from) / (to - from);
      for (let c = 0; c < CHANNELS; c++) this.#point[c] = this.#curve(c, u);
      this.#filter(onWindow);
      this.#next++;
    }
  }

  /** A cubic between two samples, through their neighbours too; `u` is from 0 to below 1. */
  #curve(channel: number, u: number): number {
    const first = this.#held - 3;
    const length = this.#time(first + 1) - this.#time(first);
    const value = this.#value(first, channel);
    const rise = this.#value(first + 1, channel) - value;
    const after = this.#value(first + 2, channel) - this.#value(first + 1, channel);
    const end = slope(rise, after, length / (this.#time(first + 2) - this.#time(first + 1)));
    let begin = 2 * rise - end; // the parabola through the first three samples
    if (first > 0) {
      const before = value - this.#value(first - 1, channel);
      begin = slope(rise, before, length / (this.#time(first) - this.#time(first - 1)));
    }
    const bend = 3 * rise - 2 * begin - end;
    return value + u * (begin + u * (bend + u * (begin + end - 2 * rise)));
  }

  #time(index: number): number {
    return this.#times[index] as number;
  }

  #value(index: number, channel: number): number {
    return this.#recent[index * CHANNELS + channel] as number;
  }

  /** Never accumulated, so that no error grows. */
  #gridTime(index: number): number {
    return this.#start + Math.floor(index * this.#derived.spacing + 0.5);
  }

  /** Keeps a point of the fine grid; where it completes a step, makes that step. */
  #filter(onWindow: (window: Window) => void): void {
    this.#fine.add(this.#point);
    const middle = this.#next - this.#half;
    if (!this.#fine.isFull || middle % this.#derived.oversampling !== 0) return;
    for (let c = 0; c < CHANNELS; c++) {
      // The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
      const centre = this.#fine.get(this.#half, c);
      let sum = 0;
      this.#taps.forEach((tap, i) => {
        sum += tap * (this.#fine.get(i, c) - centre);
      });
      this.#point[c] = centre + sum;
    }
    this.#steps.add(this.#point);
    this.#made++;
    const beyond = this.#made - this.#settings.window;
    if (beyond >= 0 && beyond % this.#settings.step === 0) {
      onWindow(this.#window(this.#gridTime(middle)));
    }
  }

  #window(endNanoseconds: number): Window {
    const values = Float32Array.from({ length: this.#settings.window * CHANNELS }, (_, i) =>
      this.#steps.get(Math.floor(i / CHANNELS), i % CHANNELS),
    );
    return { number: this.#number++, segment: this.#segment, endNanoseconds, values };
  }
}

/**
 * Slope of the parabola through three samples at the middle one, times this interval's length.
 * `other` is the difference over the neighbouring interval, `ratio` this length by that one's.
 */
function slope(rise: number, other: number, ratio: number): number {
  return (rise + ratio * ratio * other) / (1 + ratio);
}
