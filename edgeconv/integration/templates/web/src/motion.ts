import type { Sample, SensorKind } from "./sample.js";
import { sensorKinds } from "./settings.js";

const GRAVITY = 9.80665; // m/s^2

/** Whose sign a browser uses: W3C's (Android) or the opposite (Safari on an iPhone). */
export type Sign = "android" | "ios";

/**
 * The browser's sign, told from gravity, while the phone lies still with its screen up; null where
 * that is not how it lies.
 *
 * W3C Device Orientation wants +9.8 on z then; Safari on an iPhone reports −9.8.
 */
export function signAtRest(samples: readonly Sample[]): Sign | null {
  if (samples.length < 2) return null;
  const mean = (pick: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const centre = { x: mean((s) => s.x), y: mean((s) => s.y), z: mean((s) => s.z) };
  const moves = samples.some((s) => Math.hypot(s.x - centre.x, s.y - centre.y, s.z - centre.z) > 1);
  if (moves || Math.abs(Math.abs(centre.z) - GRAVITY) > 1) return null;
  return centre.z > 0 ? "android" : "ios";
}

/** The sign that this browser is expected to have; `signAtRest` tells for sure. */
export function expectedSign(agent: string = navigator.userAgent): Sign {
  return /iPhone|iPad|iPod/.test(agent) ? "ios" : "android";
}

/** Why no motion can be read. */
export class NoMotion extends Error {}

interface Asking {
  requestPermission?: () => Promise<"granted" | "denied">;
}

/**
 * Asks for permission where a browser wants that. Call it from a click, or Safari refuses.
 *
 * @throws NoMotion where the page is not secure, the browser has no motion, or the user says no
 */
export async function requestMotion(): Promise<void> {
  if (!window.isSecureContext) throw new NoMotion("motion needs https:// or localhost");
  if (typeof DeviceMotionEvent === "undefined") {
    throw new NoMotion("this browser gives pages no motion");
  }
  const asking = DeviceMotionEvent as unknown as Asking;
  if (asking.requestPermission && (await asking.requestPermission()) !== "granted") {
    throw new NoMotion("motion was not allowed");
  }
}

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

/**
 * Reads the sensors that the model takes from now on. A sensor that the browser does not give has no
 * samples: `SensorStream.waitingFor` names it.
 *
 * @param onSample gets accelerations in m/s^2 and W3C's sign, whatever the browser's, and rotation
 *   in deg/s
 * @param sign the browser's
 * @returns a function that stops it
 */
export function watchMotion(onSample: (sample: Sample) => void, sign = expectedSign()): () => void {
  const listen = (event: DeviceMotionEvent) => {
    for (const sensor of sensorKinds) {
      const { x, y, z } = reading(event, sensor) ?? { x: null, y: null, z: null };
      if (x === null || y === null || z === null) continue;
      // Both systems have the same right-handed axes: rotation has one sign.
      const factor = sign === "ios" && sensor !== "gyroscope" ? -1 : 1;
      const { timeStamp: milliseconds } = event;
      onSample({ milliseconds, sensor, x: x * factor, y: y * factor, z: z * factor });
    }
  };
  window.addEventListener("devicemotion", listen);
  return () => window.removeEventListener("devicemotion", listen);
}
