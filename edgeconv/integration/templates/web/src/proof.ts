import { loadRuntime, readModel } from "./liteRt.js";
import {
  type OpenModel,
  type RecordStore,
  SelfTest,
  type SelfTestRecord,
  type SelfTestVectors,
  type Unit,
} from "./selfTest.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** What a model's file is read from. */
export interface ModelFiles {
  /** The `.tflite` file, as a place or as bytes. */
  readonly model: string | URL | Bytes;
  /** The folder of LiteRT.js that holds its `.wasm` files. */
  readonly wasm: string;
}

/** Where a model proves itself before it is used. */
export interface Proof {
  /** `selftest.json`, read. */
  readonly vectors: SelfTestVectors;
  readonly store: RecordStore;
  /** Of the app; another one tests again. */
  readonly appVersion: string;
  /** What may run the model, in order; the first is the fallback. Left out: the processor alone. */
  readonly units?: readonly Unit[];
}

/**
 * Loads LiteRT.js and the model, and lets it prove itself here: on the vectors of its self-test it
 * has to compute what it computed when it was tested.
 *
 * @param open opens the file's bytes on a unit
 * @throws NoUnitPassed where it does not
 * @throws ModelError where a file does not arrive
 */
export async function proveModel<Model extends OpenModel>(
  { model, wasm }: ModelFiles,
  { vectors, store, appVersion, units = ["wasm"] }: Proof,
  open: (bytes: Bytes, unit: Unit) => Promise<Model>,
): Promise<{ readonly model: Model; readonly record: SelfTestRecord }> {
  const [bytes] = await Promise.all([readModel(model, vectors.artifact.sha256), loadRuntime(wasm)]);
  // The browser and its version, without what changes from visit to visit.
  const browser = navigator.userAgent;
  const device = { model: browser, system: browser, app_version: appVersion };
  const openUnit = (unit: string) => open(bytes, unit as Unit);
  return SelfTest.run({ units, vectors, device, store, open: openUnit });
}
