import { contract, type Inputs, type Prediction, toPrediction, toTensors } from "./contract.js";
import { type Engine, LiteRtEngine } from "./engine.js";
import { ModelError } from "./modelError.js";
import { type ModelFiles, type Proof, proveModel } from "./proof.js";
import type { OpenModel, SelfTestRecord } from "./selfTest.js";
import { checkOutputs, type Outputs, packed, sizeOf, type Tensors } from "./tensors.js";

/** An engine as a self-test sees it, with all tensors flat and in the contract's order. */
export class TestedEngine implements OpenModel {
  readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /**
   * The numbers of all outputs for those of all inputs.
   *
   * @throws ModelError where they are not as many as the model takes
   */
  async outputs(values: Float32Array<ArrayBuffer>): Promise<readonly number[]> {
    const tensors = new Map<string, ArrayLike<number>>();
    let begin = 0;
    for (const spec of contract.inputs) {
      const end = begin + sizeOf(spec);
      tensors.set(spec.name, values.subarray(begin, end));
      packed(spec, tensors); // that it is what the model takes
      begin = end;
    }
    if (begin !== values.length) {
      throw new ModelError("wrong-size", `the model takes ${begin} numbers, not ${values.length}`);
    }
    const outputs = await this.engine.run(tensors);
    return contract.outputs.flatMap(({ name }) => [...(outputs.get(name) ?? [])]);
  }

  close(): void {
    this.engine.close();
  }
}

/** The model: one sample in, a prediction out. */
export class ModelRunner {
  readonly #engine: Engine;
  #queue: Promise<unknown> = Promise.resolve();

  /** With another engine than LiteRT.js, for tests of an app. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Loads LiteRT.js and the model, and lets it prove itself here: on the golden vectors of its
   * self-test it has to compute what it computed when it was tested.
   *
   * @throws NoUnitPassed where it does not
   * @throws ModelError where a file does not arrive, or is not the model of the contract
   */
  static async prove(
    files: ModelFiles,
    proof: Proof,
  ): Promise<{ readonly runner: ModelRunner; readonly record: SelfTestRecord }> {
    const { model, record } = await proveModel(files, proof, async (bytes, unit) => {
      return new TestedEngine(await LiteRtEngine.open(bytes, unit, contract));
    });
    return { runner: new ModelRunner(model.engine), record };
  }

  /**
   * Loads LiteRT.js and the model of this package on the processor, without a self-test: for tests,
   * and for pages that run it themselves.
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
