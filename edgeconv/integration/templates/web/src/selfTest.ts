/** What can run the model in a browser. The first that an app allows is the fallback. */
export type Unit = "wasm" | "webgpu";

/** `selftest.json`: golden windows with what the file gave for them when it was tested. */
export interface SelfTestVectors {
  readonly artifact: { readonly name: string; readonly sha256: string };
  readonly golden: string;
  /** The largest difference of one output. */
  readonly tolerance: number;
  /** Of a model with several outputs: how many of the numbers belong to one. */
  readonly outputs?: readonly { readonly size: number; readonly tolerance: number }[];
  readonly vectors: readonly SelfTestVector[];
}

export interface SelfTestVector {
  /** Its position in the bundle's golden set. */
  readonly vector: number;
  readonly input: readonly number[];
  readonly expected: readonly number[];
}

/** What a verdict holds for: with another one everything is tested again. */
export interface RecordKey {
  readonly app_version: string;
  readonly model_sha256: string;
  readonly system: string;
}

/** The verdict of one unit. */
export interface UnitResult {
  readonly artifact: string;
  readonly sha256: string;
  readonly runtime: string;
  readonly unit: string;
  readonly vectors: readonly number[];
  /** NaN and infinity are null; null after an error. */
  readonly outputs: readonly (readonly (number | null)[])[] | null;
  readonly status: "passed" | "failed" | "error";
  readonly largest: number | null;
  readonly tolerance: number;
  readonly reason: string;
  /** Of an inference; null where it was not measured. */
  readonly median_ms: number | null;
  /** How often it ended in an error under this key. */
  readonly errors: number;
}

/** What a device keeps: `edgeconv golden check BUNDLE FILE` judges it again. */
export interface SelfTestRecord {
  readonly format: "edgeconv-golden-results";
  readonly schema_version: 1;
  readonly golden: string;
  readonly device: {
    readonly model: string;
    readonly system: string;
    readonly app_version: string;
  };
  readonly key: RecordKey;
  /** The unit whose test has begun and not ended. */
  readonly testing: string | null;
  /** The unit that runs the model. */
  readonly chosen: string | null;
  readonly results: readonly UnitResult[];
}

/** Where a record is kept; the app says where. */
export interface RecordStore {
  read(): Promise<string | null>;
  write(text: string): Promise<void>;
}

/**
 * In `localStorage`, or another `Storage`. Where that is full or not allowed nothing is kept: the
 * test runs at every start then.
 */
export function recordsIn(storage: () => Storage, name: string): RecordStore {
  const key = `edgeconv.${name}.selfTest`;
  let latest: string | null = null; // in this page's memory
  return {
    read: async () => {
      try {
        return storage().getItem(key);
      } catch {
        return latest;
      }
    },
    write: async (text) => {
      latest = text;
      try {
        storage().setItem(key, text);
      } catch {
        // As in a browser that lets no page keep anything.
      }
    },
  };
}

/** A model that a unit has opened. */
export interface OpenModel {
  outputs(values: Float32Array<ArrayBuffer>): Promise<readonly number[]>;
  close(): void;
}

export interface SelfTestSetup<Model extends OpenModel> {
  /** Those that the app allows, in order; the first is the fallback. */
  readonly units: readonly string[];
  readonly vectors: SelfTestVectors;
  readonly device: SelfTestRecord["device"];
  readonly store: RecordStore;
  readonly open: (unit: string) => Promise<Model>;
}

/** No unit computes what was tested: the app has no model. `record` says what each gave. */
export class NoUnitPassed extends Error {
  readonly record: SelfTestRecord;

  constructor(record: SelfTestRecord) {
    const reasons = record.results.map(({ unit, reason }) => `${unit}: ${reason}`).join("; ");
    super(`the model does not compute here as it was tested (${reasons})`);
    this.name = "NoUnitPassed";
    this.record = record;
  }
}

const INFERENCES = 49; // in all, over all units of one test
const ROUNDS = 8; // of the measurement; the first one warms up
const MARGIN = 0.3;
const LEAST_GAIN = 1; // ms
const MOST_ERRORS = 3; // of one unit under one key: after them it is not opened again
const INTERRUPTED = "the app ended while it was tested";

/** Tests what the app allows, chooses what runs the model, and keeps what came out. */
export class SelfTest<Model extends OpenModel> {
  readonly #setup: SelfTestSetup<Model>;
  readonly #vectors: readonly SelfTestVector[];
  readonly #opened = new Map<string, Model>();
  #record: SelfTestRecord;

  private constructor(setup: SelfTestSetup<Model>, record: SelfTestRecord) {
    const { units, vectors } = setup;
    this.#setup = setup;
    const each = Math.floor(INFERENCES / units.length);
    const count = Math.max(1, Math.min(vectors.vectors.length, each));
    this.#vectors = vectors.vectors.slice(0, count);
    this.#record = record;
  }

  /**
   * The model on the unit that was chosen, and the record. With the key of the record that is kept
   * nothing runs again, except what ended in an error.
   *
   * @throws NoUnitPassed where no unit computes as it was tested
   * @throws RangeError where no unit is allowed, or there is no vector
   */
  static async run<Model extends OpenModel>(
    setup: SelfTestSetup<Model>,
  ): Promise<{ readonly model: Model; readonly record: SelfTestRecord }> {
    const { units, vectors, device, store } = setup;
    if (units.length === 0 || vectors.vectors.length === 0) {
      throw new RangeError("a self-test needs a unit and a vector");
    }
    const key: RecordKey = {
      app_version: device.app_version,
      model_sha256: vectors.artifact.sha256,
      system: device.system,
    };
    const before = parsed(await store.read().catch(() => null));
    const record: SelfTestRecord =
      before && sameKey(before.key, key)
        ? before
        : {
            format: "edgeconv-golden-results",
            schema_version: 1,
            golden: vectors.golden,
            device,
            key,
            testing: null,
            chosen: null,
            results: [],
          };
    return new SelfTest(setup, record).#run();
  }

  async #run(): Promise<{ model: Model; record: SelfTestRecord }> {
    const { units } = this.#setup;
    const { testing } = this.#record;
    if (testing !== null) {
      // The fallback is simply tested again: without it there is no model.
      if (testing !== units[0]) {
        this.#add({ ...this.#result(testing, "error", INTERRUPTED), errors: MOST_ERRORS });
      }
      await this.#keep({ testing: null });
    }
    try {
      for (const unit of units) if (this.#isDue(unit)) await this.#test(unit);
      for (;;) {
        if (!this.#isChosen()) await this.#choose();
        const unit = this.#record.chosen;
        if (unit === null) throw new NoUnitPassed(this.#record);
        try {
          const model = await this.#open(unit);
          this.#opened.delete(unit);
          return { model, record: this.#record };
        } catch (error) {
          this.#addError(unit, error); // it passed once, but cannot be opened now
          await this.#keep({ chosen: null });
        }
      }
    } finally {
      for (const model of this.#opened.values()) model.close();
    }
  }

  /** Whether a unit is to be tested: a wrong answer is final, an error may pass by itself. */
  #isDue(unit: string): boolean {
    const before = this.#resultOf(unit);
    if (!before) return true;
    const mayFail = unit === this.#setup.units[0] || before.errors < MOST_ERRORS;
    return before.status === "error" && mayFail;
  }

  /** Whether the choice of the last time still stands: every unit that passes was measured. */
  #isChosen(): boolean {
    const { chosen, results } = this.#record;
    const passing = this.#passing();
    const isMeasured = ({ unit, median_ms }: UnitResult) =>
      median_ms !== null || !passing.includes(unit);
    return chosen !== null && passing.includes(chosen) && results.every(isMeasured);
  }

  async #open(unit: string): Promise<Model> {
    const before = this.#opened.get(unit);
    if (before) return before;
    const model = await this.#setup.open(unit);
    this.#opened.set(unit, model);
    return model;
  }

  /** One unit, from its opening to its verdict; both are kept, so that a crash is seen. */
  async #test(unit: string): Promise<void> {
    await this.#keep({ testing: unit });
    const outputs: (readonly number[])[] = [];
    try {
      const model = await this.#open(unit);
      for (const { input } of this.#vectors) {
        outputs.push([...(await model.outputs(Float32Array.from(input ?? [])))]);
      }
      this.#add(this.#judge(unit, outputs));
    } catch (error) {
      this.#addError(unit, error);
    }
    await this.#keep({ testing: null });
  }

  #judge(unit: string, outputs: readonly (readonly number[])[]): UnitResult {
    const { tolerance, outputs: parts } = this.#setup.vectors;
    // A difference counts more where an output's own tolerance is smaller.
    const weights = parts?.flatMap((part) => Array(part.size).fill(tolerance / part.tolerance));
    const finite = (value: number) => (Number.isFinite(value) ? value : null);
    const failed = (reason: string, largest: number | null = null): UnitResult => ({
      ...this.#result(unit, "failed", reason),
      largest,
      outputs: outputs.map((row) => row.map(finite)),
    });
    let largest = 0;
    for (const [i, { vector, expected }] of this.#vectors.entries()) {
      const row = outputs[i] ?? [];
      if (row.length !== expected.length || row.length !== (weights ?? expected).length) {
        return failed(`vector ${vector}: ${row.length} outputs instead of ${expected.length}`);
      }
      if (!row.every(Number.isFinite)) return failed(`vector ${vector}: an output is not finite`);
      row.forEach((value, k) => {
        const difference = Math.abs(value - (expected[k] as number));
        largest = Math.max(largest, difference * (weights?.[k] ?? 1));
      });
    }
    if (!(largest <= tolerance)) {
      return failed(`off by ${largest.toPrecision(4)}, at most ${tolerance}`, largest);
    }
    return { ...failed("", largest), status: "passed" };
  }

  #result(unit: string, status: UnitResult["status"], reason: string): UnitResult {
    const { artifact, tolerance } = this.#setup.vectors;
    return {
      artifact: artifact.name,
      sha256: artifact.sha256,
      runtime: `LiteRT.js, ${unit}`,
      unit,
      vectors: this.#vectors.map(({ vector }) => vector),
      outputs: null,
      status,
      largest: null,
      tolerance,
      reason,
      median_ms: null,
      errors: this.#resultOf(unit)?.errors ?? 0,
    };
  }

  #addError(unit: string, error: unknown): void {
    const result = this.#result(unit, "error", messageOf(error));
    this.#add({ ...result, errors: result.errors + 1 });
  }

  /** Measures every unit that passed, in turns, and chooses. */
  async #choose(): Promise<void> {
    const { units } = this.#setup;
    const times = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const unit of this.#passing()) {
        const { input } = this.#vectors[round % this.#vectors.length] as SelfTestVector;
        try {
          const model = await this.#open(unit);
          const values = Float32Array.from(input ?? []);
          const begin = performance.now();
          await model.outputs(values);
          const taken = performance.now() - begin;
          times.set(unit, [...(times.get(unit) ?? []), taken]);
        } catch (error) {
          this.#addError(unit, error);
        }
      }
    }
    const { chosen, medians } = chooseUnit(units, this.#passing(), times);
    for (const [unit, median_ms] of medians) {
      const result = this.#resultOf(unit);
      if (result) this.#add({ ...result, median_ms });
    }
    await this.#keep({ chosen });
  }

  #passing(): string[] {
    return this.#setup.units.filter((unit) => this.#resultOf(unit)?.status === "passed");
  }

  #resultOf(unit: string): UnitResult | undefined {
    return this.#record.results.find((each) => each.unit === unit);
  }

  #add(result: UnitResult): void {
    const { results } = this.#record;
    const place = results.findIndex(({ unit }) => unit === result.unit);
    const changed =
      place < 0 ? [...results, result] : results.map((each, i) => (i === place ? result : each));
    this.#record = { ...this.#record, results: changed };
  }

  async #keep(change: Partial<SelfTestRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change };
    // A record that cannot be stored costs another test at the next start, not the model.
    await this.#setup.store.write(JSON.stringify(this.#record)).catch(() => undefined);
  }
}

/**
 * The unit that runs the model, and the median of each: the fallback, unless another is clearly
 * faster.
 *
 * @param times one for each round, the first round's too
 */
export function chooseUnit(
  units: readonly string[],
  passing: readonly string[],
  times: ReadonlyMap<string, readonly number[]>,
): { readonly chosen: string | null; readonly medians: ReadonlyMap<string, number> } {
  const medians = new Map(passing.map((unit) => [unit, median(times.get(unit)?.slice(1) ?? [])]));
  let fastest: string | null = null;
  for (const [unit, time] of medians) {
    if (fastest === null || time < (medians.get(fastest) as number)) fastest = unit;
  }
  const fallback = medians.get(units[0] ?? "");
  if (fallback === undefined || fastest === null) return { chosen: fastest, medians };
  const gain = fallback - (medians.get(fastest) as number);
  const isWorth = gain > Math.max(MARGIN * fallback, LEAST_GAIN);
  return { chosen: isWorth ? fastest : (units[0] as string), medians };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.POSITIVE_INFINITY;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sameKey(a: RecordKey, b: RecordKey): boolean {
  const { app_version, model_sha256, system } = a;
  return app_version === b.app_version && model_sha256 === b.model_sha256 && system === b.system;
}

/** A record that cannot be read counts as none. */
function parsed(text: string | null): SelfTestRecord | null {
  try {
    const record = JSON.parse(text ?? "null") as SelfTestRecord | null;
    const isOne = record?.format === "edgeconv-golden-results" && Array.isArray(record.results);
    return isOne && typeof record.key === "object" && record.key !== null ? record : null;
  } catch {
    return null;
  }
}
