/** Whose sign a browser uses: W3C's (Android) or the opposite (WebKit on an iPhone or iPad). */
export type Sign = "android" | "ios";

/** What `navigator` says of a browser. */
export interface BrowserFacts {
  readonly userAgent: string;
  readonly vendor: string;
  readonly maxTouchPoints: number;
}

/**
 * The sign that this browser is expected to have.
 *
 * WebKit on iOS and iPadOS has the opposite of W3C's, in whichever app. Its vendor tells it from
 * other engines, whatever the user agent says; an iPad calls itself a Macintosh, but has a touch
 * screen, which no Macintosh has.
 */
export function expectedSign(browser: BrowserFacts = navigator): Sign {
  const { userAgent, vendor, maxTouchPoints } = browser;
  const mobile = /iPhone|iPad|iPod/.test(userAgent) || maxTouchPoints > 1;
  return vendor.startsWith("Apple") && mobile ? "ios" : "android";
}

interface Axes {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

const GRAVITY = 9.80665; // m/s^2
const RADIANS = Math.PI / 180;
/** A reading counts where it points this clearly along, or against, the way up; of gravity. */
const CLEAR = 0.6;
const ENOUGH = 60;
/** This share of them has to agree. */
const AGREEMENT = 0.9;

/**
 * Tells a browser's sign from what it measures, however the phone is held.
 *
 * Every browser gives the phone's orientation with the same sign: from it follows which way is up.
 * An acceleration with gravity that points there, on average of a second or more, has W3C's sign.
 * A pose alone proves nothing: a phone with its screen down looks like one with the opposite sign.
 */
export class SignEvidence {
  #up: Axes | null = null;
  #along = 0;
  #against = 0;
  #verdict: Sign | null = null;

  /** The browser's sign, once it is known for sure; it does not change any more. */
  get verdict(): Sign | null {
    return this.#verdict;
  }

  /** Takes `beta` and `gamma` of a `DeviceOrientationEvent`, in degrees. */
  orientation(beta: number | null, gamma: number | null): void {
    if (beta === null || gamma === null) {
      this.#up = null;
      return;
    }
    const [b, g] = [beta * RADIANS, gamma * RADIANS];
    this.#up = { x: -Math.cos(b) * Math.sin(g), y: Math.sin(b), z: Math.cos(b) * Math.cos(g) };
  }

  /** Takes an acceleration with gravity, in m/s^2, as the browser gives it. */
  acceleration({ x, y, z }: Axes): void {
    const up = this.#up;
    if (!up || this.#verdict) return;
    const share = (x * up.x + y * up.y + z * up.z) / GRAVITY;
    if (share > CLEAR) this.#along++;
    else if (share < -CLEAR) this.#against++;
    const all = this.#along + this.#against;
    if (all < ENOUGH) return;
    if (this.#along >= AGREEMENT * all) this.#verdict = "android";
    else if (this.#against >= AGREEMENT * all) this.#verdict = "ios";
  }
}
