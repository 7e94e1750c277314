/** How long a rate is measured before it is known, in ns. */
const MEASURED = 5e9;
/** A sensor that gives less than this share of the rate asked for is slow. */
const SLOW = 0.8;
/** A sensor that gives nothing for this long is silent, in ms. */
export const PATIENCE = 2000;

/** The rate that a sensor delivers, by its time stamps; times are in nanoseconds. */
export class DeliveredRate {
  readonly #askedHz: number;
  readonly #longest: number;
  #begin: number | null = null;
  #last = 0;
  #samples = 0;
  #hertz: number | null = null;

  /**
   * @param silence of the stream; a pause longer than this and than a monitor's patience is not part
   *   of a rate: the sensor is silent then, or the page was suspended
   */
  constructor(askedHz: number, silence: number) {
    this.#askedHz = askedHz;
    this.#longest = Math.max(PATIENCE * 1e6, silence);
  }

  /** Samples a second over the latest 5 s that were measured; null before. */
  get hertz(): number | null {
    return this.#hertz;
  }

  get isSlow(): boolean {
    return this.#hertz !== null && this.#hertz < SLOW * this.#askedHz;
  }

  /** Counts a sample that the stream accepted. */
  take(time: number): void {
    const elapsed = time - this.#last;
    this.#last = time;
    if (this.#begin === null || elapsed < 0 || elapsed > this.#longest) {
      this.#begin = time;
      this.#samples = 0;
      return;
    }
    this.#samples++;
    if (time - this.#begin < MEASURED) return;
    this.#hertz = (this.#samples * 1e9) / (time - this.#begin);
    this.#begin = time;
    this.#samples = 0;
  }
}

/** What an app shows of a sensor. */
export type SensorState =
  /** Not asked for. */
  | "stopped"
  /** Asked for; no sample yet. */
  | "waiting"
  /** Samples come. */
  | "receiving"
  /** They come at less than 0.8 of the rate asked for. */
  | "slow"
  /** No sample for too long. */
  | "silent"
  /** The page is hidden, or the screen is off. */
  | "suspended"
  /** This device or browser has no such sensor. */
  | "missing"
  /** The user or the system does not allow it. */
  | "denied";

/** What an adapter reports. */
export type SensorEvent =
  | "start"
  | "sample"
  | "check"
  | "suspend"
  | "resume"
  | "missing"
  | "denied"
  | "stop";

/** What follows from an event. */
export interface Reaction {
  readonly state: SensorState;
  /** Whether the stream has to be restarted. */
  readonly restart: boolean;
  /** Whether the stream gets the sample; false for every other event. */
  readonly useSample: boolean;
}

/** The state of one sensor, from what its adapter reports. It knows no browser. */
export class SensorMonitor {
  readonly #patience: number;
  #since = 0;
  #isFresh = true;
  #state: SensorState = "stopped";

  /**
   * @param patience in the unit of the times that `take` gets
   * @throws RangeError where it is not above 0
   */
  constructor(patience: number = PATIENCE) {
    if (!(patience > 0)) throw new RangeError(`patience is ${patience}`);
    this.#patience = patience;
  }

  get state(): SensorState {
    return this.#state;
  }

  /**
   * @param time of a monotonic clock
   * @param slow of a sample: whether the stream finds the sensor slow, this sample included
   */
  take(event: SensorEvent, time: number, slow = false): Reaction {
    const listens = ["waiting", "receiving", "slow", "silent"].includes(this.#state);
    switch (event) {
      case "missing":
      case "denied":
        return this.#become(event);
      case "stop":
        return this.#become("stopped");
      case "start":
        return this.#begin(time);
      case "resume":
        return this.#state === "suspended" ? this.#begin(time) : this.#become(this.#state);
      case "suspend":
        return this.#become(listens ? "suspended" : this.#state);
      case "sample":
        if (!listens) return this.#become(this.#state);
        this.#since = time;
        return { ...this.#become(slow ? "slow" : "receiving"), useSample: true };
      case "check": {
        const late = listens && time - this.#since >= this.#patience;
        return this.#become(late ? "silent" : this.#state);
      }
    }
  }

  #become(state: SensorState): Reaction {
    this.#state = state;
    return { state, restart: false, useSample: false };
  }

  #begin(time: number): Reaction {
    const restart = !this.#isFresh;
    this.#isFresh = false;
    this.#since = time;
    return { ...this.#become("waiting"), restart };
  }
}
