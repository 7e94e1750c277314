import type { Sample, SensorKind } from "./sample.js";
import { type Reaction, type SensorEvent, SensorMonitor, type SensorState } from "./sensorState.js";
import { sensorKinds } from "./settings.js";
import { expectedSign, type Sign, SignEvidence } from "./sign.js";

/** Why no motion can be read. */
export type NoMotionReason =
  /** The page is neither https:// nor localhost. */
  | "insecure"
  /** The browser has no motion events. */
  | "unsupported"
  /** The person, the system's settings or the page's permissions policy said no. */
  | "denied";

/** No motion can be read; `reason` says why. */
export class NoMotion extends Error {
  readonly reason: NoMotionReason;

  constructor(reason: NoMotionReason, message: string) {
    super(message);
    this.name = "NoMotion";
    this.reason = reason;
  }
}

interface Asking {
  requestPermission?: () => Promise<"granted" | "denied">;
}

/**
 * Asks for permission where a browser wants that. Call it from a click, or Safari refuses.
 *
 * @throws NoMotion where the page is not secure, the browser has no motion, or the user says no
 */
export async function requestMotion(): Promise<void> {
  if (!window.isSecureContext) throw new NoMotion("insecure", "motion needs https:// or localhost");
  if (typeof DeviceMotionEvent === "undefined") {
    throw new NoMotion("unsupported", "this browser gives pages no motion");
  }
  const asking = DeviceMotionEvent as unknown as Asking;
  if (!asking.requestPermission) return;
  let answer: "granted" | "denied";
  try {
    answer = await asking.requestPermission();
  } catch (error) {
    // Safari refuses so where it was not asked in a click.
    throw new NoMotion("denied", `the browser refused to ask for motion: ${String(error)}`);
  }
  if (answer !== "granted") {
    throw new NoMotion("denied", "motion was not allowed: the browser's settings can change that");
  }
}

/** What takes samples: a `Recognizer`, or an app's own. */
export interface MotionTarget {
  push(sample: Sample): void;
  restart(): void;
  /** Whether a sensor delivers too slowly; left out, none does. */
  isSlow?(sensor: SensorKind): boolean;
}

export interface MotionOptions {
  /** Hears each state that a sensor comes to. */
  readonly onState?: (state: SensorState, sensor: SensorKind) => void;
  /** The browser's sign; left out, it is told by platform, and corrected once by evidence. */
  readonly sign?: Sign;
  /** After how much silence a sensor counts as silent; 2000 where it is left out. */
  readonly patienceMilliseconds?: number;
}

const LOOK_EVERY = 1000; // ms

interface Axes {
  readonly x: number | null;
  readonly y: number | null;
  readonly z: number | null;
}

/** What an event says of a sensor, in the browser's own unit and sign; null: nothing. */
function reading(event: DeviceMotionEvent, kind: SensorKind): Axes | null {
  const { acceleration, accelerationIncludingGravity: whole, rotationRate } = event;
  switch (kind) {
    case "accelerometer":
      return whole;
    case "linear-acceleration":
      return acceleration;
    case "gravity":
      return whole && acceleration && difference(whole, acceleration);
    case "gyroscope":
      // Every browser has alpha around x, beta around y and gamma around z, whatever older pages
      // say: https://github.com/w3c/deviceorientation/issues/44
      return rotationRate && { x: rotationRate.alpha, y: rotationRate.beta, z: rotationRate.gamma };
  }
}

function difference(a: Axes, b: Axes): Axes {
  const minus = (one: number | null, other: number | null) =>
    one === null || other === null ? null : one - other;
  return { x: minus(a.x, b.x), y: minus(a.y, b.y), z: minus(a.z, b.z) };
}

/** Reads the sensors that the model takes, from `start` until `stop`. */
export class Motion {
  readonly #target: MotionTarget;
  readonly #onState: (state: SensorState, sensor: SensorKind) => void;
  readonly #monitors: ReadonlyMap<SensorKind, SensorMonitor>;
  #sign: Sign;
  readonly #evidence: SignEvidence | null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param target gets accelerations in m/s^2 and W3C's sign, whatever the browser's, and rotation
   *   in deg/s; it is restarted where the sign turns out to be another, and when the page comes back
   */
  constructor(target: MotionTarget, options: MotionOptions = {}) {
    const { onState, patienceMilliseconds, sign } = options;
    this.#target = target;
    this.#onState = onState ?? (() => undefined);
    this.#monitors = new Map(
      sensorKinds.map((sensor) => [sensor, new SensorMonitor(patienceMilliseconds)]),
    );
    this.#sign = sign ?? expectedSign();
    this.#evidence = sign ? null : new SignEvidence();
  }

  /** The browser's sign, as far as it is known. */
  get sign(): Sign {
    return this.#sign;
  }

  /** What a sensor does at present. */
  state(sensor: SensorKind): SensorState {
    return this.#monitors.get(sensor)?.state ?? "missing";
  }

  /**
   * Asks for permission where a browser wants that, and listens. Call it from a click, or Safari
   * refuses.
   *
   * @throws NoMotion where the page is not secure, the browser has no motion, or the user says no;
   *   the sensors are `missing` or `denied` then
   */
  async start(): Promise<void> {
    try {
      await requestMotion();
    } catch (error) {
      const denied = error instanceof NoMotion && error.reason === "denied";
      this.#all(denied ? "denied" : "missing");
      throw error;
    }
    this.#unlisten();
    window.addEventListener("devicemotion", this.#onMotion);
    if (this.#evidence) window.addEventListener("deviceorientation", this.#onOrientation);
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#timer = setInterval(() => this.#all("check"), LOOK_EVERY);
    this.#all("start");
    if (document.visibilityState === "hidden") this.#all("suspend");
  }

  stop(): void {
    this.#unlisten();
    this.#all("stop");
  }

  #unlisten(): void {
    clearInterval(this.#timer);
    window.removeEventListener("devicemotion", this.#onMotion);
    window.removeEventListener("deviceorientation", this.#onOrientation);
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  /** The same event for every sensor; the target is restarted once. */
  #all(event: SensorEvent): void {
    const restarts = sensorKinds.filter((sensor) => this.#take(event, sensor).restart);
    if (restarts.length > 0) this.#target.restart();
  }

  #take(event: SensorEvent, sensor: SensorKind): Reaction {
    const before = this.state(sensor);
    const slow = event === "sample" && (this.#target.isSlow?.(sensor) ?? false);
    const monitor = this.#monitors.get(sensor) as SensorMonitor;
    const reaction = monitor.take(event, performance.now(), slow);
    if (reaction.state !== before) this.#onState(reaction.state, sensor);
    return reaction;
  }

  readonly #onVisibility = (): void => {
    this.#all(document.visibilityState === "hidden" ? "suspend" : "resume");
  };

  readonly #onOrientation = ({ beta, gamma }: DeviceOrientationEvent): void => {
    this.#evidence?.orientation(beta, gamma);
  };

  readonly #onMotion = (event: DeviceMotionEvent): void => {
    this.#judge(event.accelerationIncludingGravity);
    for (const sensor of sensorKinds) {
      const axes = reading(event, sensor);
      if (!axes) continue;
      const { x, y, z } = axes;
      if (x === null || y === null || z === null) continue; // as where there is no such sensor
      if (!this.#take("sample", sensor).useSample) continue;
      // Both systems have the same right-handed axes: rotation has one sign.
      const factor = this.#sign === "ios" && sensor !== "gyroscope" ? -1 : 1;
      const { timeStamp: milliseconds } = event;
      this.#target.push({ milliseconds, sensor, x: x * factor, y: y * factor, z: z * factor });
    }
  };

  /** Corrects the sign, at most once. */
  #judge(whole: Axes | null): void {
    const evidence = this.#evidence;
    if (!evidence || evidence.verdict || !whole) return;
    const { x, y, z } = whole;
    if (x === null || y === null || z === null) return;
    evidence.acceleration({ x, y, z });
    if (!evidence.verdict) return;
    window.removeEventListener("deviceorientation", this.#onOrientation);
    if (evidence.verdict === this.#sign) return;
    this.#sign = evidence.verdict;
    this.#target.restart(); // the samples so far had the wrong sign
  }
}

/**
 * Keeps the screen on, where the browser can: a phone that locks gives no motion any more.
 *
 * @returns a function that ends it
 */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let ended = false;
  const ask = async () => {
    if (document.visibilityState === "hidden") return;
    try {
      const granted = await navigator.wakeLock?.request("screen"); // a hidden page loses it
      if (ended) await granted?.release();
      else lock = granted;
    } catch {
      // In power-saving mode there is none: the screen goes off as always, and Motion says so.
    }
  };
  document.addEventListener("visibilitychange", ask);
  ask();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", ask);
    lock?.release();
  };
}
