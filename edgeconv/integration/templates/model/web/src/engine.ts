import { type CompiledModel, Tensor } from "@litertjs/core";
import { compileModel, loadRuntime, readModel, troubles } from "./liteRt.js";
import { ModelError } from "./modelError.js";
import type { Unit } from "./selfTest.js";
import { type Outputs, packed, type TensorSpec, type Tensors } from "./tensors.js";

/** What runs the model: by name, the order of inputs and outputs does not matter. */
export interface Engine {
  run(tensors: Tensors): Promise<Outputs>;
  close(): void;
}

/** What a file has to be. */
export interface ModelContract {
  /** Of the file that was tested, in hexadecimal digits. */
  readonly sha256: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** The `.tflite` file in LiteRT.js. */
export class LiteRtEngine implements Engine {
  readonly #model: CompiledModel;
  readonly #inputs: readonly TensorSpec[];

  private constructor(model: CompiledModel, inputs: readonly TensorSpec[]) {
    this.#model = model;
    this.#inputs = inputs;
  }

  /**
   * Loads LiteRT.js and the model, on the processor.
   *
   * @param file the `.tflite` file, as a place or as bytes
   * @param wasm the folder of LiteRT.js that holds its `.wasm` files
   * @param contract what the file has to be
   * @throws ModelError where it does not arrive, or is not the model of the contract
   */
  static async load(
    file: string | URL | Uint8Array<ArrayBuffer>,
    wasm: string,
    contract: ModelContract,
  ): Promise<LiteRtEngine> {
    const [bytes] = await Promise.all([readModel(file, contract.sha256), loadRuntime(wasm)]);
    return LiteRtEngine.open(bytes, "wasm", contract);
  }

  /**
   * Opens a model's bytes on a unit; LiteRT.js is loaded.
   *
   * @throws ModelError where it cannot be opened there, or is not the model of the contract
   */
  static async open(
    bytes: Uint8Array<ArrayBuffer>,
    unit: Unit,
    contract: ModelContract,
  ): Promise<LiteRtEngine> {
    const model = await compileModel(bytes, unit);
    const { inputs, outputs } = contract;
    try {
      compare("inputs", inputs, model.getInputDetails());
      compare("outputs", outputs, model.getOutputDetails());
    } catch (error) {
      model.delete();
      throw error;
    }
    return new LiteRtEngine(model, inputs);
  }

  async run(tensors: Tensors): Promise<Outputs> {
    const fed: Record<string, Tensor> = {};
    let found: Record<string, Tensor> = {};
    try {
      for (const spec of this.#inputs) {
        fed[spec.name] = new Tensor(packed(spec, tensors), [...spec.shape]);
      }
      troubles.length = 0;
      found = await this.#model.run(fed);
      if (troubles.length > 0) throw new ModelError("failed", troubles.join("; "));
      const outputs = new Map<string, readonly number[]>();
      for (const [name, tensor] of Object.entries(found)) {
        outputs.set(name, Array.from(await tensor.data()));
      }
      return outputs;
    } finally {
      for (const tensor of [...Object.values(fed), ...Object.values(found)]) tensor.delete();
    }
  }

  close(): void {
    this.#model.delete();
  }
}

interface Details {
  readonly name: string;
  readonly dtype: string;
  readonly shape: Int32Array;
}

function compare(side: string, wanted: readonly TensorSpec[], found: readonly Details[]): void {
  const described = (name: string, dtype: string, shape: ArrayLike<number>) =>
    `${name} (${Array.from(shape).join(" × ")}, ${dtype})`;
  const ours = wanted.map((one) => described(one.name, one.dtype, one.shape)).sort();
  const theirs = found.map((one) => described(one.name, one.dtype, one.shape)).sort();
  if (ours.join() !== theirs.join()) {
    const message = `the model's ${side} are ${theirs.join(", ")}, not ${ours.join(", ")}`;
    throw new ModelError("wrong-model", message);
  }
}
