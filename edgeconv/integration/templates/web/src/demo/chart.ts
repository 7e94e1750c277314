const SECONDS = 8;
const CAPACITY = 4096; // samples: 8 s at 500 Hz
const AXES = 3;
const NAMES = ["x", "y", "z"] as const;
const TICKS = [-1, -0.5, 0, 0.5, 1] as const; // of the range
const MARGIN = { left: 40, right: 18, top: 10, bottom: 22 } as const;
const PAUSE = 300; // ms without a sample: no line is drawn across
const NAME_HEIGHT = 13; // px
const AHEAD = 250; // ms for which the picture goes on without a sample

/**
 * The latest seconds of a sensor as three lines, drawn as often as the screen is.
 *
 * Its memory is taken once: neither a sample nor a picture makes anything that has to be collected.
 */
export class Chart {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #ranges: readonly number[];
  readonly #times = new Float64Array(CAPACITY);
  readonly #values = new Float32Array(CAPACITY * AXES);
  readonly #colors = ["", "", ""];
  readonly #labels: string[] = TICKS.map(() => "");
  readonly #ends = new Float64Array(AXES);
  #line = "";
  #quiet = "";
  #count = 0; // of all samples; the newest of them are kept
  #arrived = 0; // when the newest came, on the page's clock
  #range = 0;
  #isRunning = false;
  #isWaiting = false;

  /** @param ranges what the edges may stand for, rising; the smallest that holds the lines is used */
  constructor(canvas: HTMLCanvasElement, ranges: readonly number[]) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#ranges = ranges;
    this.#take(ranges[0] ?? 1);
    new ResizeObserver(this.#resize).observe(canvas);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", this.#recolor);
    this.#recolor();
  }

  /** Draws again and again, or only where something changes. */
  run(isRunning: boolean): void {
    this.#isRunning = isRunning;
    this.#later();
  }

  clear(): void {
    this.#count = 0;
    this.#take(this.#ranges[0] ?? 1);
    this.#later();
  }

  add(milliseconds: number, x: number, y: number, z: number): void {
    if (milliseconds < this.#time(this.#count - 1)) this.#count = 0; // the clock was set back
    const place = this.#count++ % CAPACITY;
    this.#times[place] = milliseconds;
    this.#values[place * AXES] = x;
    this.#values[place * AXES + 1] = y;
    this.#values[place * AXES + 2] = z;
    this.#arrived = performance.now();
    this.#later();
  }

  #time(index: number): number {
    return index < 0 ? Number.NEGATIVE_INFINITY : (this.#times[index % CAPACITY] as number);
  }

  #take(range: number): void {
    this.#range = range;
    TICKS.forEach((tick, i) => {
      this.#labels[i] = String(range * tick).replace("-", "−");
    });
  }

  readonly #recolor = (): void => {
    const style = getComputedStyle(this.#canvas);
    // A canvas does not know light-dark(): the style of an element that uses it has the color.
    NAMES.forEach((name, axis) => {
      this.#canvas.style.color = `var(--${name})`;
      this.#colors[axis] = style.color;
    });
    this.#canvas.style.color = "var(--line)";
    this.#line = style.color;
    this.#canvas.style.color = "var(--quiet)";
    this.#quiet = style.color;
    this.#later();
  };

  readonly #resize = (): void => {
    const scale = Math.min(devicePixelRatio, 2);
    this.#canvas.width = Math.round(this.#canvas.clientWidth * scale);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * scale);
    this.#context?.setTransform(scale, 0, 0, scale, 0, 0);
    this.#later();
  };

  #later(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    requestAnimationFrame(this.#frame);
  }

  readonly #frame = (): void => {
    this.#isWaiting = false;
    this.#draw();
    if (this.#isRunning) this.#later();
  };

  #draw(): void {
    const context = this.#context;
    if (!context) return;
    const width = this.#canvas.clientWidth;
    const height = this.#canvas.clientHeight;
    context.clearRect(0, 0, width, height);
    this.#drawGrid(context, width, height);
    const newest = this.#count - 1;
    if (newest < 0) return;
    const ahead = this.#isRunning ? Math.min(AHEAD, performance.now() - this.#arrived) : 0;
    const end = this.#time(newest) + ahead;
    let first = newest;
    const oldest = Math.max(0, this.#count - CAPACITY);
    while (first > oldest && this.#time(first) > end - 1000 * SECONDS) first--;
    const right = width - MARGIN.right;
    const perMillisecond = (right - MARGIN.left) / (1000 * SECONDS);
    const middle = (MARGIN.top + height - MARGIN.bottom) / 2;
    const perUnit = (height - MARGIN.bottom - MARGIN.top) / 2 / this.#range;
    let largest = 0;
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, 0, width, height);
    context.clip();
    context.lineWidth = 2;
    context.lineJoin = "round";
    for (let axis = 0; axis < AXES; axis++) {
      context.strokeStyle = this.#colors[axis] as string;
      context.beginPath();
      let before = Number.NEGATIVE_INFINITY;
      let y = 0;
      for (let i = first; i <= newest; i++) {
        const time = this.#time(i);
        const value = this.#values[(i % CAPACITY) * AXES + axis] as number;
        if (!Number.isFinite(value)) continue;
        largest = Math.max(largest, Math.abs(value));
        const x = right - (end - time) * perMillisecond;
        y = middle - value * perUnit;
        if (time - before > PAUSE) context.moveTo(x, y);
        else context.lineTo(x, y);
        before = time;
      }
      context.stroke();
      this.#ends[axis] = y;
    }
    context.restore();
    this.#drawNames(context, right + 5);
    this.#adapt(largest);
  }

  /** The names at the ends of the lines, one below the other where they would overlap. */
  #drawNames(context: CanvasRenderingContext2D, x: number): void {
    const ends = this.#ends;
    for (let pass = 0; pass < AXES; pass++) {
      for (let i = 0; i < AXES; i++) {
        for (let k = 0; k < AXES; k++) {
          const apart = (ends[k] as number) - (ends[i] as number);
          if (k === i || apart < 0 || apart >= NAME_HEIGHT || (apart === 0 && k < i)) continue;
          ends[k] = (ends[i] as number) + NAME_HEIGHT;
        }
      }
    }
    for (let axis = 0; axis < AXES; axis++) {
      context.fillStyle = this.#colors[axis] as string;
      context.fillText(NAMES[axis] as string, x, ends[axis] as number);
    }
  }

  #drawGrid(context: CanvasRenderingContext2D, width: number, height: number): void {
    const right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillStyle = this.#quiet;
    context.strokeStyle = this.#line;
    context.lineWidth = 1;
    context.textAlign = "right";
    context.beginPath();
    for (let i = 0; i < TICKS.length; i++) {
      const y =
        Math.round(MARGIN.top + ((1 - (TICKS[i] as number)) / 2) * (bottom - MARGIN.top)) + 0.5;
      context.moveTo(MARGIN.left, y);
      context.lineTo(right, y);
      context.fillText(this.#labels[i] as string, MARGIN.left - 8, y);
    }
    context.stroke();
    context.textAlign = "left";
    context.fillText("8 s ago", MARGIN.left, height - 8);
    context.textAlign = "center";
    context.fillText("4 s", (MARGIN.left + right) / 2, height - 8);
    context.textAlign = "right";
    context.fillText("now", right, height - 8);
    context.textAlign = "left";
  }

  /** The smallest range that holds the lines; it shrinks only where they are far inside. */
  #adapt(largest: number): void {
    for (const range of this.#ranges) {
      if (range < largest && range !== this.#ranges.at(-1)) continue;
      if (range > this.#range || largest < 0.8 * range) {
        if (range !== this.#range) this.#take(range);
      }
      return;
    }
  }
}
