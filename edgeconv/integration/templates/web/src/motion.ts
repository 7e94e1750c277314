import type { Sample } from "./sample.js";

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

/**
 * Reads the accelerometer, gravity included, from now on.
 *
 * @param onSample gets m/s^2 in W3C's sign, whatever the browser's
 * @param sign the browser's
 * @returns a function that stops it
 */
export function watchMotion(onSample: (sample: Sample) => void, sign = expectedSign()): () => void {
  const factor = sign === "ios" ? -1 : 1;
  const listen = (event: DeviceMotionEvent) => {
    const { x, y, z } = event.accelerationIncludingGravity ?? { x: null, y: null, z: null };
    if (x === null || y === null || z === null) return;
    onSample({ milliseconds: event.timeStamp, x: x * factor, y: y * factor, z: z * factor });
  };
  window.addEventListener("devicemotion", listen);
  return () => window.removeEventListener("devicemotion", listen);
}
