import { ModelError } from "./modelError.js";

/** One input or output of the model's file, with the batch axis. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
  /** The lowest and highest whole number that an input takes. */
  readonly limits: readonly [number, number] | null;
}

/** Flat values by the model's own names. */
export type Tensors = ReadonlyMap<string, ArrayLike<number>>;
export type Outputs = ReadonlyMap<string, readonly number[]>;

/** How many numbers a tensor holds. */
export function sizeOf(spec: TensorSpec): number {
  return spec.shape.reduce((product, length) => product * length, 1);
}

/** The values of one input in the type that the model takes. */
export function packed(spec: TensorSpec, tensors: Tensors): Float32Array | Int32Array {
  const values = tensors.get(spec.name);
  const size = sizeOf(spec);
  if (values?.length !== size) {
    const found = values ? `${values.length} values` : "no values";
    const message = `${spec.name} takes ${size} values, not ${found}`;
    throw new ModelError("wrong-size", message, spec.name);
  }
  const array = spec.dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values);
  for (let i = 0; i < size; i++) check(spec, i, values[i] as number, array[i] as number);
  return array;
}

function check(spec: TensorSpec, place: number, value: number, stored: number): void {
  const where = `${spec.name}[${place}] is ${value}`;
  if (!Number.isFinite(stored) || !Number.isFinite(value)) {
    throw new ModelError("input-not-finite", where, spec.name);
  }
  if (spec.dtype === "float32") return;
  if (stored !== value) {
    throw new ModelError("input-out-of-range", `${where}, not a whole number`, spec.name);
  }
  if (spec.limits && (value < spec.limits[0] || value > spec.limits[1])) {
    const [low, high] = spec.limits;
    throw new ModelError("input-out-of-range", `${where}, not ${low} to ${high}`, spec.name);
  }
}

/** Throws where the model did not give every output in full, or one that is not finite. */
export function checkOutputs(specs: readonly TensorSpec[], outputs: Outputs): void {
  for (const spec of specs) {
    const values = outputs.get(spec.name);
    if (values?.length !== sizeOf(spec)) {
      const found = values ? `${values.length} values` : "nothing";
      throw new ModelError("wrong-output", `the model gave ${found} for ${spec.name}`, spec.name);
    }
    const place = values.findIndex((value) => !Number.isFinite(value));
    if (place >= 0) {
      const message = `the model gave ${values[place]} for ${spec.name}[${place}]`;
      throw new ModelError("output-not-finite", message, spec.name);
    }
  }
}

export function numbersOf(outputs: Outputs, name: string): readonly number[] {
  const values = outputs.get(name);
  if (!values) throw new ModelError("wrong-output", `the model gave nothing for ${name}`, name);
  return values;
}

export function singleOf(outputs: Outputs, name: string): number {
  return numbersOf(outputs, name)[0] as number;
}

/** The class with the largest number; the first of them where several are the largest. */
export function labelOf(outputs: Outputs, name: string, labels: readonly string[]): string {
  const values = numbersOf(outputs, name);
  return labels[values.indexOf(Math.max(...values))] as string;
}
