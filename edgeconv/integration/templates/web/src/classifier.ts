import {
  type CompiledModel,
  getGlobalLiteRtPromise,
  loadAndCompile,
  loadLiteRt,
  Tensor,
} from "@litertjs/core";
import { contract } from "./contract.js";
import type { Window } from "./sensorStream.js";

/** LiteRT prints its progress as errors; only its errors are kept as such. */
function hush(): void {
  const print = (text: string) =>
    /\bERROR\b/.test(text) ? console.error(text) : console.debug(text);
  // Where LiteRT's WebAssembly looks for what prints.
  Object.assign(globalThis, { Module: { print, printErr: print } });
}

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
   * @throws Error where the file does not take and give what the contract says
   */
  static async load(model: string | URL | Uint8Array, wasm: string): Promise<Classifier> {
    hush();
    await (getGlobalLiteRtPromise() ?? loadLiteRt(wasm)); // it is loaded once a page
    const file = model instanceof URL ? model.href : model;
    const compiled = await loadAndCompile(file, { accelerator: "wasm" });
    const takes = Array.from(compiled.getInputDetails()[0]?.shape ?? []);
    const gives = Array.from(compiled.getOutputDetails()[0]?.shape ?? []);
    const wanted = [
      [1, contract.window * contract.channels.length],
      [1, contract.labels.length],
    ];
    if (JSON.stringify([takes, gives]) !== JSON.stringify(wanted)) {
      throw new Error(`the model maps ${takes} to ${gives}, not ${wanted[0]} to ${wanted[1]}`);
    }
    return new Classifier(compiled);
  }

  /** The outputs for one window, in the order of the labels. */
  async outputs(window: Window): Promise<readonly number[]> {
    const input = new Tensor(window.values, [1, window.values.length]);
    try {
      const found = await this.#model.run([input]);
      try {
        const [output] = found;
        if (!output) throw new Error("the model gave no output");
        return Array.from(await output.data());
      } finally {
        for (const output of found) output.delete();
      }
    } finally {
      input.delete();
    }
  }
}
