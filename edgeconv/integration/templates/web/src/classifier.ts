import { type CompiledModel, Tensor } from "@litertjs/core";
import { contract } from "./contract.js";
import { compileModel, loadRuntime, readModel, troubles } from "./liteRt.js";
import { ModelError } from "./modelError.js";
import { type ModelFiles, type Proof, proveModel } from "./proof.js";
import type { SelfTestRecord, Unit } from "./selfTest.js";
import type { Window } from "./sensorStream.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** What the model gives for one window. */
export interface RawAnswer {
  /** In the order of the labels. */
  readonly outputs: readonly number[];
  /** What its last layer reads. */
  readonly embedding: readonly number[];
}

/** The TFLite model in LiteRT.js: a window in, an output for each class. */
export class Classifier {
  readonly #model: CompiledModel;

  private constructor(model: CompiledModel) {
    this.#model = model;
  }

  /**
   * Loads LiteRT.js and the model, and lets it prove itself here: on the windows of its self-test
   * it has to compute what it computed when it was tested.
   *
   * @throws NoUnitPassed where it does not
   * @throws ModelError where a file does not arrive, or the model is not that of the contract
   */
  static async prove(
    files: ModelFiles,
    proof: Proof,
  ): Promise<{ readonly classifier: Classifier; readonly record: SelfTestRecord }> {
    const proven = await proveModel(files, proof, Classifier.#open);
    return { classifier: proven.model, record: proven.record };
  }

  /**
   * Loads LiteRT.js and the model of this package, without a self-test: for tests, and for pages
   * that run it themselves.
   *
   * @throws ModelError where a file does not arrive, or the model is not that of the contract
   */
  static async load(model: string | URL | Bytes, wasm: string): Promise<Classifier> {
    const [bytes] = await Promise.all([readModel(model, contract.sha256), loadRuntime(wasm)]);
    return Classifier.#open(bytes, "wasm");
  }

  static async #open(bytes: Bytes, unit: Unit): Promise<Classifier> {
    const compiled = await compileModel(bytes, unit);
    const shapeOf = ({ shape }: { shape: ArrayLike<number> }) => Array.from(shape).join(" × ");
    const takes = compiled.getInputDetails().map(shapeOf).join(", ");
    const gives = compiled.getOutputDetails().map(shapeOf);
    const wanted = [`1 × ${contract.labels.length}`];
    if (contract.embedding > 0) wanted.push(`1 × ${contract.embedding}`);
    const size = `1 × ${contract.window * contract.channels.length}`;
    if (takes !== size || [...gives].sort().join() !== [...wanted].sort().join()) {
      compiled.delete();
      const message = `the model maps ${takes} to ${gives.join(", ")}, not ${size} to ${wanted.join(", ")}`;
      throw new ModelError("wrong-model", message);
    }
    return new Classifier(compiled);
  }

  /**
   * The outputs for one window, or for its values, in the order of the labels.
   *
   * @throws ModelError where LiteRT.js fails
   */
  async outputs(window: Window | Float32Array<ArrayBuffer>): Promise<readonly number[]> {
    return (await this.answer(window)).outputs;
  }

  /**
   * The same with the embedding, for a personal layer; empty where the file gives none.
   *
   * @throws ModelError where LiteRT.js fails
   */
  async answer(window: Window | Float32Array<ArrayBuffer>): Promise<RawAnswer> {
    const values = window instanceof Float32Array ? window : window.values;
    const input = new Tensor(values, [1, values.length]);
    let tensors: Record<string, Tensor> = {};
    try {
      troubles.length = 0;
      tensors = await this.#model.run({ [contract.input]: input });
      const [outputs, embedding] = [tensors[contract.output], tensors.embedding];
      if (!outputs || troubles.length > 0) {
        throw new ModelError("failed", troubles.join("; ") || "the model gave no output");
      }
      return {
        outputs: Array.from(await outputs.data()),
        embedding: embedding ? Array.from(await embedding.data()) : [],
      };
    } finally {
      for (const tensor of [input, ...Object.values(tensors)]) tensor.delete();
    }
  }

  /** Frees the model's memory. Nothing can be recognized after that. */
  close(): void {
    this.#model.delete();
  }
}
