import {
  type CompiledModel,
  getGlobalLiteRtPromise,
  loadAndCompile,
  loadLiteRt,
  Tensor,
} from "@litertjs/core";
import { ModelError } from "./modelError.js";
import { type Outputs, packed, type TensorSpec, type Tensors } from "./tensors.js";

/** What runs the model: by name, the order of inputs and outputs does not matter. */
export interface Engine {
  run(tensors: Tensors): Promise<Outputs>;
  close(): void;
}

/** What LiteRT.js printed as an error since this was last emptied: it tells some failures only so. */
const troubles: string[] = [];

function listen(): void {
  const print = (text: string) => {
    if (/\bERROR\b/.test(text)) troubles.push(text.trim());
    else console.debug(text);
  };
  // Where LiteRT's WebAssembly looks for what prints.
  Object.assign(globalThis, { Module: { print, printErr: print } });
}

/** The `.tflite` file in LiteRT.js, on the processor. */
export class LiteRtEngine implements Engine {
  readonly #model: CompiledModel;
  readonly #inputs: readonly TensorSpec[];

  private constructor(model: CompiledModel, inputs: readonly TensorSpec[]) {
    this.#model = model;
    this.#inputs = inputs;
  }

  /**
   * Loads LiteRT.js and the model.
   *
   * @param file the `.tflite` file, as a place or as bytes
   * @param wasm the folder of LiteRT.js that holds its `.wasm` files
   * @throws ModelError where it cannot be loaded, or is not the model of the contract
   */
  static async load(
    file: string | URL | Uint8Array,
    wasm: string,
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
  ): Promise<LiteRtEngine> {
    listen();
    troubles.length = 0;
    let model: CompiledModel;
    try {
      await (getGlobalLiteRtPromise() ?? loadLiteRt(wasm)); // it is loaded once a page
      const place = file instanceof URL ? file.href : file;
      model = await loadAndCompile(place, { accelerator: "wasm" });
    } catch (error) {
      throw new ModelError("failed", troubles.join("; ") || String(error));
    }
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
  const told = (name: string, dtype: string, shape: ArrayLike<number>) =>
    `${name} (${Array.from(shape).join(" × ")}, ${dtype})`;
  const ours = wanted.map((one) => told(one.name, one.dtype, one.shape)).sort();
  const theirs = found.map((one) => told(one.name, one.dtype, one.shape)).sort();
  if (ours.join() !== theirs.join()) {
    const message = `the model's ${side} are ${theirs.join(", ")}, not ${ours.join(", ")}`;
    throw new ModelError("wrong-model", message);
  }
}
