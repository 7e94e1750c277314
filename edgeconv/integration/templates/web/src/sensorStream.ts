import { contract } from "./contract.js";
import { Gravity } from "./gravity.js";
import { lowPass } from "./lowPass.js";
import { AXES, Ring } from "./ring.js";
import type { Sample, SensorKind } from "./sample.js";
import { DeliveredRate } from "./sensorState.js";
import {
  type Derived,
  defaultSettings,
  derive,
  type StreamSettings,
  sensorKinds,
} from "./settings.js";
import { Track } from "./track.js";

const CHANNELS = contract.channels.length;

/** One input of the model. */
export interface Window {
  /** Counts from 0 over the stream's whole life. */
  readonly number: number;
  /** How often the stream had restarted; decisions are smoothed within one segment. */
  readonly segment: number;
  /** Time of the last step, in nanoseconds. */
  readonly endNanoseconds: number;
  /** All channels of the first step, then of the second …, in the model's units and sign. */
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
  /** Restarts because one sensor gave nothing while another went on. */
  silent: number;
}

/**
 * Turns samples with time stamps into the model's windows.
 *
 * A phone's sensors deliver when they please. The stream converts units and sign, drops what cannot
 * be used, interpolates all sensors onto one even grid, filters as the training recordings were
 * filtered, and cuts windows. A gap restarts it: nothing is invented, and no sensor is ever
 * replaced by zeros. Nothing is allocated but for a window.
 */
export class SensorStream {
  readonly counts: Counts = {
    accepted: 0,
    notFinite: 0,
    duplicate: 0,
    late: 0,
    gaps: 0,
    clockResets: 0,
    silent: 0,
  };

  readonly #settings: StreamSettings;
  readonly #derived: Derived;
  readonly #taps: Float64Array;
  readonly #half: number;
  readonly #tracks: readonly Track[];
  readonly #rates: readonly DeliveredRate[];
  readonly #gravity: Gravity | null;
  #segment = 0;
  #number = 0;

  // Since the last restart.
  #start: number | null = null; // where the grid begins, once every sensor is there
  #next = 0; // the first point of the fine grid that a sensor has not reached
  readonly #fine: Ring;
  readonly #steps: Ring;
  #made = 0;
  readonly #point: Float64Array; // of all sensors
  readonly #channels = new Float64Array(CHANNELS);
  #completed: Omit<Window, "number">[] = []; // by the sample that is being taken
  #isHandingOver = false;

  /** @throws RangeError where a setting makes no sense. */
  constructor(settings: StreamSettings = defaultSettings) {
    this.#settings = settings;
    this.#derived = derive(settings);
    const { oversampling, sensors, silence, spacing } = this.#derived;
    const hertz = sensors.map(({ sensorHz }) => sensorHz);
    this.#taps = lowPass(oversampling);
    this.#half = (this.#taps.length - 1) / 2;
    // One sensor may be this far ahead of another.
    const ahead = silence + Math.max(...sensors.map(({ maxGap }) => maxGap));
    const pending = sensors.length > 1 ? Math.ceil(ahead / spacing + 1) : 1;
    this.#tracks = sensors.map((sensor) => new Track(sensor, pending));
    this.#rates = hertz.map((each) => new DeliveredRate(each, silence));
    const splits = contract.sources.some(({ part }) => part !== "whole");
    this.#gravity = splits ? new Gravity(settings.rateHz) : null;
    this.#point = new Float64Array(AXES * sensors.length);
    this.#fine = new Ring(this.#taps.length, this.#point.length);
    this.#steps = new Ring(settings.window, CHANNELS);
  }

  /** How often the stream has restarted. */
  get segment(): number {
    return this.#segment;
  }

  /** The sensors without a sample since the last restart: no window comes without them. */
  get waitingFor(): readonly SensorKind[] {
    return sensorKinds.filter((_, i) => this.#tracks[i]?.isEmpty);
  }

  /** Samples a second that a sensor really delivers; null until that was measured, for 5 s. */
  deliveredHz(sensor?: SensorKind): number | null {
    return this.#rates[placeOf(sensor)]?.hertz ?? null;
  }

  /** Whether it delivers less than 0.8 of the rate that the settings expect. */
  isSlow(sensor?: SensorKind): boolean {
    return this.#rates[placeOf(sensor)]?.isSlow ?? false;
  }

  /**
   * Takes one sample and hands each window that it completes to `onWindow`.
   *
   * A sample completes the interval between the two before it: the curve there needs one neighbour
   * on each side. `onWindow` may call `restart`: nothing more comes of this sample then.
   *
   * @throws RangeError where it is of a sensor that the model does not take.
   * @throws Error where `onWindow` of another sample calls it.
   */
  push(sample: Sample, onWindow: (window: Window) => void): void {
    if (this.#isHandingOver) throw new Error("a sample was pushed while a window is handed over");
    const { milliseconds, x, y, z } = sample;
    const place = placeOf(sample.sensor);
    const track = this.#tracks[place] as Track;
    const time = Math.round(milliseconds * 1e6);
    if (![time, x, y, z].every(Number.isFinite)) {
      this.counts.notFinite++;
      return;
    }
    if (!track.isEmpty && !this.#isInOrder(track, time - track.newest)) return;
    if (this.#isSilent(time)) {
      this.counts.silent++;
      this.restart();
    }
    this.counts.accepted++;
    this.#rates[place]?.take(time);
    track.hold(time, x, y, z);
    if (this.#start === null && this.#tracks.every(({ isEmpty }) => !isEmpty)) {
      this.#start = Math.max(...this.#tracks.map(({ newest }) => newest));
    }
    if (this.#start !== null && track.hasCurve) this.#evaluate(track, this.#start);
    if (this.#completed.length > 0) this.#handOver(onWindow);
  }

  /** Only now, when the stream is at rest again: `onWindow` may restart it, or throw. */
  #handOver(onWindow: (window: Window) => void): void {
    const completed = this.#completed;
    this.#completed = [];
    this.#isHandingOver = true;
    try {
      for (const window of completed) {
        if (window.segment === this.#segment) onWindow({ number: this.#number++, ...window });
      }
    } finally {
      this.#isHandingOver = false;
    }
  }

  /** Forgets all samples, as after a gap. Counts and window numbers go on. */
  restart(): void {
    this.#segment++;
    this.#start = null;
    this.#next = 0;
    this.#made = 0;
    for (const track of this.#tracks) track.clear();
    this.#gravity?.clear();
    this.#fine.clear();
    this.#steps.clear();
  }

  /** Whether a sample that comes this much after the last one is used; may restart the stream. */
  #isInOrder({ settings }: Track, elapsed: number): boolean {
    if (Math.abs(elapsed) > settings.maxGap) {
      if (elapsed > 0) this.counts.gaps++;
      else this.counts.clockResets++;
      this.restart();
    } else if (elapsed < 0) {
      this.counts.late++;
      return false;
    } else if (elapsed < settings.closest) {
      this.counts.duplicate++;
      return false;
    }
    return true;
  }

  /** Whether another sensor has given nothing for too long when this time comes. */
  #isSilent(time: number): boolean {
    const { silence } = this.#derived;
    return this.#tracks.some((track) => !track.isEmpty && time - track.newest > silence);
  }

  /** Every point of the fine grid that the sensor's curve reaches, and those that all reach. */
  #evaluate(track: Track, start: number): void {
    for (let at = this.#time(start, track.next); at < track.until; ) {
      track.add(at);
      if (this.#tracks.every(({ next }) => next > this.#next)) this.#join(start);
      at = this.#time(start, track.next);
    }
  }

  /** Never accumulated, so that no error grows. */
  #time(start: number, index: number): number {
    return start + Math.floor(index * this.#derived.spacing + 0.5);
  }

  /** Keeps a point of the fine grid; where it completes a step, makes that step. */
  #join(start: number): void {
    this.#tracks.forEach((track, i) => {
      track.copy(this.#next, this.#point, AXES * i);
    });
    this.#fine.add(this.#point);
    const middle = this.#next++ - this.#half;
    if (!this.#fine.isFull || middle % this.#derived.oversampling !== 0) return;
    for (let c = 0; c < this.#point.length; c++) {
      // The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
      const centre = this.#fine.get(this.#half, c);
      let sum = 0;
      this.#taps.forEach((tap, i) => {
        sum += tap * (this.#fine.get(i, c) - centre);
      });
      this.#point[c] = centre + sum;
    }
    this.#add(this.#time(start, middle));
  }

  /** Keeps the channels of the step in `#point`; none while gravity settles. */
  #add(time: number): void {
    this.#gravity?.update(this.#point);
    if (this.#gravity && this.#gravity.left > 0) {
      this.#gravity.left--;
      return;
    }
    contract.sources.forEach(({ sensor, axis, part }, c) => {
      const value = this.#point[AXES * sensor + axis] as number;
      const slow = this.#gravity?.slow[axis] ?? 0;
      this.#channels[c] = part === "gravity" ? slow : part === "rest" ? value - slow : value;
    });
    this.#steps.add(this.#channels);
    this.#made++;
    const beyond = this.#made - this.#settings.window;
    if (beyond >= 0 && beyond % this.#settings.step === 0) {
      this.#completed.push(this.#window(time));
    }
  }

  #window(endNanoseconds: number): Omit<Window, "number"> {
    const values = Float32Array.from({ length: this.#settings.window * CHANNELS }, (_, i) =>
      this.#steps.get(Math.floor(i / CHANNELS), i % CHANNELS),
    );
    return { segment: this.#segment, endNanoseconds, values };
  }
}

/** Of a sensor among those that the model takes; the first where none is named. */
function placeOf(sensor: SensorKind | undefined): number {
  const place = sensor === undefined ? 0 : sensorKinds.indexOf(sensor);
  if (place < 0) throw new RangeError(`the model takes ${sensorKinds.join(", ")}, no ${sensor}`);
  return place;
}
