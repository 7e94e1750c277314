import type { Sample } from "../sample.js";

const SECONDS = 8;
const LARGEST = 25; // m/s^2 at the edges
const AXES = ["x", "y", "z"] as const;

/** Draws the latest samples, as often as the screen is. */
export class Traces {
  readonly #canvas: HTMLCanvasElement;
  #samples: Sample[] = [];
  #waiting = false;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  clear(): void {
    this.#samples = [];
    this.#later();
  }

  /** @param sample in m/s^2 */
  add(sample: Sample): void {
    this.#samples.push(sample);
    const oldest = sample.milliseconds - 1000 * SECONDS;
    const kept = this.#samples.findIndex((s) => s.milliseconds >= oldest);
    if (kept > 0) this.#samples.splice(0, kept);
    this.#later();
  }

  #later(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.#draw();
    });
  }

  #draw(): void {
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    const { width, height } = this.#canvas;
    const style = getComputedStyle(this.#canvas);
    context.clearRect(0, 0, width, height);
    context.lineWidth = 2;
    const end = this.#samples.at(-1)?.milliseconds ?? 0;
    for (const axis of AXES) {
      context.strokeStyle = style.getPropertyValue(`--${axis}`);
      context.beginPath();
      for (const sample of this.#samples) {
        const x = width * (1 - (end - sample.milliseconds) / (1000 * SECONDS));
        const y = (height / 2) * (1 - sample[axis] / LARGEST);
        context.lineTo(x, y);
      }
      context.stroke();
    }
  }
}
