import { contract, type Inputs, type Prediction, toPrediction, toTensors } from "./contract.js";
import { type Engine, LiteRtEngine } from "./engine.js";
import { checkOutputs, type Outputs, packed, type Tensors } from "./tensors.js";

/** The model: one sample in, a prediction out. */
export class ModelRunner {
  readonly #engine: Engine;
  #queue: Promise<unknown> = Promise.resolve();

  /** With another engine than LiteRT.js, for tests of an app. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Loads LiteRT.js and the model of this package.
   *
   * @param model the `.tflite` file, as a place or as bytes
   * @param wasm the folder of LiteRT.js that holds its `.wasm` files
   * @throws ModelError where it does not arrive, or is not the model of the contract
   */
  static async load(
    model: string | URL | Uint8Array<ArrayBuffer>,
    wasm: string,
  ): Promise<ModelRunner> {
    return new ModelRunner(await LiteRtEngine.load(model, wasm, contract));
  }

  /**
   * What the model says of one sample.
   *
   * @throws ModelError where the sample does not fit, or the model gives what is not finite
   */
  async predict(inputs: Inputs): Promise<Prediction> {
    return toPrediction(await this.run(toTensors(inputs)));
  }

  /** The same under the model's own names. Calls wait for each other. */
  run(tensors: Tensors): Promise<Outputs> {
    const outputs = this.#queue.then(() => this.#runNow(tensors));
    this.#queue = outputs.catch(() => undefined);
    return outputs;
  }

  async #runNow(tensors: Tensors): Promise<Outputs> {
    for (const spec of contract.inputs) packed(spec, tensors);
    const outputs = await this.#engine.run(tensors);
    checkOutputs(contract.outputs, outputs);
    return outputs;
  }

  /** Frees the model's memory. Nothing can be predicted after that. */
  close(): void {
    this.#engine.close();
  }
}
