import { type CompiledModel, Tensor } from "@litertjs/core";
import { contract } from "./contract.js";
import { compileModel, loadRuntime, readModel, troubles } from "./liteRt.js";
import { ModelError } from "./modelError.js";
import type { Window } from "./sensorStream.js";

/** The TFLite model in LiteRT.js: a window in, an output for each class. */
export class Classifier {
  readonly #model: CompiledModel;

  private constructor(model: CompiledModel) {
    this.#model = model;
  }

  /**
   * Loads LiteRT.js and the model.
   *
   * @param model the `.tflite` file, as a place or as bytes
   * @param wasm the folder of LiteRT.js that holds its `.wasm` files
   * @throws ModelError where one of them does not arrive, or the model is not that of the contract
   */
  static async load(
    model: string | URL | Uint8Array<ArrayBuffer>,
    wasm: string,
  ): Promise<Classifier> {
    const [bytes] = await Promise.all([readModel(model, contract.sha256), loadRuntime(wasm)]);
    const compiled = await compileModel(bytes);
    const takes = Array.from(compiled.getInputDetails()[0]?.shape ?? []);
    const gives = Array.from(compiled.getOutputDetails()[0]?.shape ?? []);
    const wanted = [
      [1, contract.window * contract.channels.length],
      [1, contract.labels.length],
    ];
    if (JSON.stringify([takes, gives]) !== JSON.stringify(wanted)) {
      compiled.delete();
      const message = `the model maps ${takes} to ${gives}, not ${wanted[0]} to ${wanted[1]}`;
      throw new ModelError("wrong-model", message);
    }
    return new Classifier(compiled);
  }

  /**
   * The outputs for one window, in the order of the labels.
   *
   * @throws ModelError where LiteRT.js fails
   */
  async outputs(window: Window): Promise<readonly number[]> {
    const input = new Tensor(window.values, [1, window.values.length]);
    let given: Tensor[] = [];
    try {
      troubles.length = 0;
      given = await this.#model.run([input]);
      const [output] = given;
      if (!output || troubles.length > 0) {
        throw new ModelError("failed", troubles.join("; ") || "the model gave no output");
      }
      return Array.from(await output.data());
    } finally {
      for (const tensor of [input, ...given]) tensor.delete();
    }
  }

  /** Frees the model's memory. Nothing can be recognized after that. */
  close(): void {
    this.#model.delete();
  }
}
