import type { Classifier } from "./classifier.js";
import { contract } from "./contract.js";
import { Decider, softmax } from "./decider.js";
import type { Model } from "./recognizer.js";

const RIDGE = 0.03; // how far the prototypes need not be met
const STRENGTH = 2; // by how much an answer that is wrong altogether is moved, in a logarithm
const FLOOR = 1e-6; // a smaller probability counts as this one
const CLOSE = 0.9; // a class with this share of the largest probability is nearly the answer
const MOST_WINDOWS = 32; // of one activity; the oldest one gives way to a further one
const EQUAL = 1e-9; // shares of right windows that differ by less are equal

/** The file whose answers are personalized; windows of another one are worth nothing. */
export interface PersonalModel {
  readonly sha256: string;
  readonly labels: readonly string[];
  /** Size of the file's output `embedding`. */
  readonly embedding: number;
  /** Whether its outputs go through softmax first. */
  readonly logits: boolean;
}

/** Why a layer changes answers, or why it does not. */
export type PersonalState =
  | "on"
  /** Nothing is enrolled. */
  | "empty"
  /** There is nothing to tell the one activity from. */
  | "one_activity"
  /** The model is right as often on what is enrolled, or more often on one activity of it. */
  | "no_gain";

/** The result for one window. */
export interface PersonalAnswer {
  readonly probabilities: readonly number[];
  /** The most probable class; null where it is not probable enough. */
  readonly label: number | null;
  /** Whether the layer took part. */
  readonly personal: boolean;
}

/** What an app stores and exports: embeddings, not readings, yet as private. */
export interface PersonalDocument {
  readonly format: "edgeconv-personal";
  readonly schema_version: 1;
  readonly model_sha256: string;
  readonly labels: readonly string[];
  readonly embedding: number;
  readonly windows: readonly {
    readonly label: string;
    readonly outputs: readonly number[];
    readonly embedding: readonly number[];
  }[];
}

/** A document is no personal layer of this model. */
export class WrongPersonalDocument extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WrongPersonalDocument";
  }
}

interface EnrolledWindow {
  readonly label: number;
  readonly outputs: readonly number[];
  readonly embedding: readonly number[];
}

/** Prototypes, their common scale, and the coefficients of each, one a class. */
interface Fitted {
  /** [a][c] whether the model nearly answered class a for a window of class c. */
  readonly mistaken: readonly (readonly boolean[])[];
  readonly prototypes: readonly (readonly number[])[];
  readonly scale: number;
  readonly coefficients: readonly (readonly number[])[];
}

/** Enrolled windows of one user, and the answers that they give. No network, no training. */
export class PersonalLayer {
  readonly model: PersonalModel;
  #windows: readonly EnrolledWindow[] = [];
  #judged: { readonly state: PersonalState; readonly fitted: Fitted | null } | null = null;

  /** @throws RangeError where the model has no labels or no embedding */
  constructor(model: PersonalModel) {
    if (model.labels.length === 0 || !(model.embedding >= 1)) {
      throw new RangeError("a personal layer needs class names and an embedding");
    }
    this.model = model;
  }

  /** How many windows of each class are enrolled. */
  get counts(): readonly number[] {
    return this.model.labels.map((_, label) => this.#of(label, this.#windows).length);
  }

  /**
   * Adds a window of an activity that the user told; false, and nothing changes, where a number is
   * not finite.
   *
   * @throws RangeError where there is no such class, or as many numbers as another file gives
   */
  enroll(label: number, outputs: readonly number[], embedding: readonly number[]): boolean {
    this.#check(outputs, embedding);
    if (this.model.labels[label] === undefined) throw new RangeError(`there is no class ${label}`);
    if (![...outputs, ...embedding].every(Number.isFinite)) return false;
    const same = this.#of(label, this.#windows);
    const oldest = same.length >= MOST_WINDOWS ? same[0] : undefined;
    const kept = this.#windows.filter((window) => window !== oldest);
    this.#windows = [...kept, { label, outputs: [...outputs], embedding: [...embedding] }];
    this.#judged = null;
    return true;
  }

  /** Drops the windows of one class; left out, of all. */
  forget(label?: number): void {
    this.#windows = this.#windows.filter((each) => label !== undefined && each.label !== label);
    this.#judged = null;
  }

  /** Whether the layer changes answers: it must be right more often, and on no activity less. */
  get state(): PersonalState {
    return this.#judgment().state;
  }

  /**
   * The answer for one window: the model's own, unless the layer is on.
   *
   * @throws RangeError where there are as many numbers as another file gives
   */
  answer(
    outputs: readonly number[],
    embedding: readonly number[],
    unsureBelow = 0.5,
  ): PersonalAnswer {
    this.#check(outputs, embedding);
    if (!outputs.every(Number.isFinite)) {
      return { probabilities: outputs, label: null, personal: false };
    }
    const { fitted } = this.#judgment();
    const own = this.#probabilities(outputs);
    const personal = fitted !== null && embedding.every(Number.isFinite);
    const probabilities = personal ? corrected(fitted, own, embedding) : own;
    const label = largest(probabilities);
    const isSure = at(probabilities, label) >= unsureBelow;
    return { probabilities, label: isSure ? label : null, personal };
  }

  toDocument(): PersonalDocument {
    const { sha256, labels, embedding } = this.model;
    return {
      format: "edgeconv-personal",
      schema_version: 1,
      model_sha256: sha256,
      labels,
      embedding,
      windows: this.#windows.map(({ label, ...rest }) => ({ label: labels[label] ?? "", ...rest })),
    };
  }

  /**
   * Reads what `toDocument` gave, for the same file.
   *
   * @throws WrongPersonalDocument where it is no such document, one of another file, or damaged
   */
  static fromDocument(document: unknown, model: PersonalModel): PersonalLayer {
    const layer = new PersonalLayer(model);
    for (const { label, outputs, embedding } of windowsOf(document, model)) {
      const place = model.labels.indexOf(label);
      if (place < 0 || !isNumbers(outputs, model.labels.length)) throw damaged();
      if (!isNumbers(embedding, model.embedding)) throw damaged();
      if (!layer.enroll(place, outputs, embedding)) throw damaged();
    }
    return layer;
  }

  #judgment(): { readonly state: PersonalState; readonly fitted: Fitted | null } {
    this.#judged ??= this.#judge();
    return this.#judged;
  }

  #judge(): { readonly state: PersonalState; readonly fitted: Fitted | null } {
    const classes = new Set(this.#windows.map(({ label }) => label)).size;
    if (classes < 2) return { state: classes === 0 ? "empty" : "one_activity", fitted: null };
    const fitted = this.#fit(this.#windows);
    const personal = this.#sharesRight(
      this.#windows.map((window) => this.#predicted(window, fitted)),
    );
    const own = this.#sharesRight(
      this.#windows.map(({ outputs }) => largest(this.#probabilities(outputs))),
    );
    const loses = personal.some((share, i) => share < at(own, i));
    const helps = !loses && mean(personal) > mean(own) + EQUAL;
    return helps ? { state: "on", fitted } : { state: "no_gain", fitted: null };
  }

  /** The class of an enrolled window, by a layer that has not seen it where that can be. */
  #predicted(window: EnrolledWindow, all: Fitted): number {
    const isAlone = this.#of(window.label, this.#windows).length === 1;
    const fitted = isAlone ? all : this.#fit(this.#windows.filter((other) => other !== window));
    return largest(corrected(fitted, this.#probabilities(window.outputs), window.embedding));
  }

  /** The share of windows that are right, of each enrolled activity. */
  #sharesRight(guesses: readonly number[]): readonly number[] {
    const shares: number[] = [];
    for (let label = 0; label < this.model.labels.length; label++) {
      const mine = guesses.filter((_, i) => this.#windows[i]?.label === label);
      const right = mine.filter((guess) => guess === label);
      if (mine.length > 0) shares.push(right.length / mine.length);
    }
    return shares;
  }

  /** The prototypes and coefficients of some windows, of two activities or more. */
  #fit(windows: readonly EnrolledWindow[]): Fitted {
    const prototypes: number[][] = [];
    const residuals: number[][] = [];
    const { labels } = this.model;
    const mistaken = labels.map(() => labels.map(() => false));
    for (let label = 0; label < labels.length; label++) {
      const mine = this.#of(label, windows);
      if (mine.length === 0) continue;
      prototypes.push(means(mine.map(({ embedding }) => embedding)));
      const answers = mine.map(({ outputs }) => this.#probabilities(outputs));
      for (const answer of answers) {
        const close = CLOSE * Math.max(...answer);
        answer.forEach((p, k) => {
          if (p >= close) (mistaken[k] as boolean[])[label] = true;
        });
      }
      const probabilities = means(answers);
      residuals.push(probabilities.map((p, k) => (k === label ? 1 : 0) - p));
    }
    const scale = mean(prototypes.map((prototype) => product(prototype, prototype))) || 1;
    const gram = prototypes.map((a, i) =>
      prototypes.map((b, k) => product(a, b) / scale + 1 + (i === k ? RIDGE : 0)),
    );
    return { prototypes, scale, coefficients: solved(gram, residuals), mistaken };
  }

  #of(label: number, windows: readonly EnrolledWindow[]): readonly EnrolledWindow[] {
    return windows.filter((window) => window.label === label);
  }

  #probabilities(outputs: readonly number[]): readonly number[] {
    return this.model.logits ? softmax(outputs) : outputs;
  }

  #check(outputs: readonly number[], embedding: readonly number[]): void {
    const { labels, embedding: size } = this.model;
    if (outputs.length === labels.length && embedding.length === size) return;
    const wanted = `${labels.length} outputs and an embedding of ${size}`;
    throw new RangeError(
      `the model gives ${wanted}, not ${outputs.length} and ${embedding.length}`,
    );
  }
}

/** That of this package; another file's digest where an update runs. */
export function personalModel(sha256: string = contract.sha256): PersonalModel {
  const { embedding, labels, logits } = contract;
  return { sha256, labels, embedding, logits };
}

/** What a recognizer needs to give a person's own answers: the model, and the decider for it. */
export function personalized(
  classifier: Pick<Classifier, "answer">,
  layer: PersonalLayer,
): { readonly model: Model; readonly decider: Decider } {
  const model: Model = async (window) => {
    const { outputs, embedding } = await classifier.answer(window);
    return layer.answer(outputs, embedding).probabilities;
  };
  return { model, decider: new Decider({ ...contract, logits: false }) }; // softmax is done
}

/**
 * Softmax of the logarithms and of what the prototypes add to them; the probabilities as they are
 * where that would be a change that no enrolled window backs.
 */
function corrected(
  { prototypes, scale, coefficients, mistaken }: Fitted,
  probabilities: readonly number[],
  embedding: readonly number[],
): readonly number[] {
  const logits = probabilities.map((p) => Math.log(Math.max(p, FLOOR)));
  prototypes.forEach((prototype, i) => {
    const alike = product(prototype, embedding) / scale + 1;
    logits.forEach((_, k) => {
      logits[k] = at(logits, k) + alike * at(coefficients[i] ?? [], k);
    });
  });
  const moved = softmax(logits);
  const before = largest(probabilities);
  const after = largest(moved);
  return before === after || mistaken[before]?.[after] ? moved : probabilities;
}

/** A with `gram · A = STRENGTH · residuals`, by Cholesky's decomposition. */
function solved(
  gram: readonly (readonly number[])[],
  residuals: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const n = gram.length;
  const lower = gram.map(() => new Array<number>(n).fill(0));
  const low = (i: number, k: number) => at(lower[i] ?? [], k);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = at(gram[i] ?? [], j);
      for (let k = 0; k < j; k++) rest -= low(i, k) * low(j, k);
      (lower[i] as number[])[j] = i === j ? Math.sqrt(rest) : rest / low(j, j);
    }
  }
  const solution = residuals.map((row) => row.map(() => 0));
  const answer = (i: number, column: number) => at(solution[i] ?? [], column);
  for (let column = 0; column < (residuals[0]?.length ?? 0); column++) {
    for (let i = 0; i < n; i++) {
      let rest = STRENGTH * at(residuals[i] ?? [], column);
      for (let k = 0; k < i; k++) rest -= low(i, k) * answer(k, column);
      (solution[i] as number[])[column] = rest / low(i, i);
    }
    for (let i = n - 1; i >= 0; i--) {
      let rest = answer(i, column);
      for (let k = i + 1; k < n; k++) rest -= low(k, i) * answer(k, column);
      (solution[i] as number[])[column] = rest / low(i, i);
    }
  }
  return solution;
}

function means(rows: readonly (readonly number[])[]): number[] {
  return (rows[0] ?? []).map((_, column) => mean(rows.map((row) => at(row, column))));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * at(b, i), 0);
}

/** The first of the largest. */
function largest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}

function damaged(reason = "a window is not one of this file"): WrongPersonalDocument {
  return new WrongPersonalDocument(`the personal layer is damaged: ${reason}; enroll again`);
}

function isNumbers(values: unknown, length: number): values is number[] {
  const isList = Array.isArray(values) && values.length === length;
  return isList && values.every((value) => typeof value === "number");
}

function windowsOf(document: unknown, model: PersonalModel): PersonalDocument["windows"] {
  const { format, schema_version, model_sha256, labels, embedding, windows } = (document ??
    {}) as Partial<PersonalDocument>;
  if (format !== "edgeconv-personal" || schema_version !== 1) {
    throw new WrongPersonalDocument("this is no personal layer, or one of a later version");
  }
  if (model_sha256 !== model.sha256) {
    const other = `of another file (${String(model_sha256).slice(0, 12)}…)`;
    const why = "embeddings of two files do not compare: enroll again";
    throw new WrongPersonalDocument(`the personal layer is ${other}; ${why}`);
  }
  const isSame = JSON.stringify(labels) === JSON.stringify(model.labels);
  if (!isSame || embedding !== model.embedding || !Array.isArray(windows)) {
    throw damaged("its class names or its size are not those of the file");
  }
  if (windows.some((window) => typeof window !== "object" || window === null)) throw damaged();
  return windows;
}
