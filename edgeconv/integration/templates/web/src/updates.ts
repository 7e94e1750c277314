import { contract } from "./contract.js";
import { cryptography, digestOf } from "./liteRt.js";
import { ModelError, type ModelErrorKind } from "./modelError.js";
import { NoUnitPassed, type SelfTestRecord, type SelfTestVectors } from "./selfTest.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Why an update was not taken; the model that was there stays. */
export type Refusal =
  | "no_key"
  | "unreadable"
  | "wrong_signature"
  | "unknown_format"
  | "other_model"
  | "other_contract"
  | "not_newer"
  | "app_too_old"
  | "damaged_file"
  | "self_test_failed"
  | "storage_failed";

interface UpdateFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What `update.json` says. */
export interface UpdateManifest {
  readonly format: "edgeconv-update";
  readonly schema_version: 1;
  readonly name: string;
  readonly version: number;
  readonly min_app_version: string;
  readonly contract_sha256: string;
  readonly artifact: { readonly name: string; readonly sha256: string };
  /** The path of `selftest.json`. */
  readonly self_test: string;
  readonly files: readonly UpdateFile[];
}

/** What an app has when an update comes. */
export interface Installed {
  readonly name: string;
  readonly contract_sha256: string;
  /** The highest version that was ever installed. */
  readonly floor: number;
  readonly app_version: string;
  /** Base64 of the SubjectPublicKeyInfo; empty: the app takes no updates. */
  readonly public_key: string;
}

/** What an app is to the updates of its model. */
export type AppFacts = Omit<Installed, "floor"> & { readonly model_version: number };

/** Those of this package in an app of some version. */
export function factsOfPackage(appVersion: string): AppFacts {
  return {
    name: contract.name,
    contract_sha256: contract.contractSha256,
    public_key: contract.updateKey,
    model_version: contract.modelVersion,
    app_version: appVersion,
  };
}

/** Where an update comes from; a path that is not there is null. */
export type ReadFile = (path: string) => Promise<Bytes | null>;

/** The files below an address. A server's "not found" is a file that is not there. */
export function filesAt(address: string | URL): ReadFile {
  const base = String(address).replace(/\/*$/, "/");
  return async (path) => {
    const answer = await fetch(base + path.split("/").map(encodeURIComponent).join("/"), {
      cache: "no-store",
    }).catch(() => null);
    return answer?.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
  };
}

/**
 * The manifest, if it is signed and meant for this app; otherwise why not.
 *
 * @throws ModelError where the page is not in a secure context
 */
export async function readUpdate(
  read: ReadFile,
  installed: Installed,
): Promise<UpdateManifest | Refusal> {
  if (installed.public_key === "") return "no_key";
  const [content, signature] = [await read("update.json"), await read("update.sig")];
  if (!content || !signature) return "unreadable";
  // Before anything in it is read.
  if (!(await isSigned(content, signature, installed.public_key))) return "wrong_signature";
  const manifest = parsed(content);
  if (!manifest) return "unknown_format";
  if (manifest.name !== installed.name) return "other_model";
  if (manifest.contract_sha256 !== installed.contract_sha256) return "other_contract";
  if (manifest.version <= installed.floor) return "not_newer";
  if (compareVersions(manifest.min_app_version, installed.app_version) > 0) return "app_too_old";
  return manifest;
}

async function isSigned(content: Bytes, signature: Bytes, publicKey: string): Promise<boolean> {
  const raw = fromBase64(new TextDecoder().decode(signature).trim());
  const der = fromBase64(publicKey);
  if (raw?.length !== 64 || !der) return false;
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const subtle = cryptography();
  const key = await subtle.importKey("spki", der, curve, false, ["verify"]).catch(() => null);
  if (!key) return false;
  return subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, raw, content);
}

function fromBase64(text: string): Bytes | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

function parsed(content: Bytes): UpdateManifest | null {
  const manifest = json(content) as UpdateManifest | null;
  return manifest !== null && hasItsTypes(manifest) ? manifest : null;
}

/** What a file says; null where it is no JSON of an object. */
function json(content: Bytes): unknown {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const value: unknown = JSON.parse(decoder.decode(content));
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function hasItsTypes(manifest: UpdateManifest): boolean {
  const { artifact, files } = manifest;
  if (manifest.format !== "edgeconv-update" || manifest.schema_version !== 1) return false;
  if (typeof artifact !== "object" || artifact === null || !Array.isArray(files)) return false;
  if (files.some((file) => typeof file !== "object" || file === null)) return false;
  const texts = [manifest.name, manifest.min_app_version, manifest.self_test, artifact.name];
  const digests = [manifest.contract_sha256, artifact.sha256, ...files.map((file) => file.sha256)];
  const sizes = [manifest.version, ...files.map((file) => file.bytes)];
  return (
    [...texts, ...files.map((file) => file.path)].every((text) => typeof text === "string") &&
    digests.every((digest) => typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest)) &&
    sizes.every((size) => Number.isSafeInteger(size) && size >= 0) &&
    manifest.version >= 1
  );
}

/** Every file of an update, if each is the one that was signed; otherwise null. */
export async function readFiles(
  read: ReadFile,
  manifest: UpdateManifest,
): Promise<ReadonlyMap<string, Bytes> | null> {
  const paths = manifest.files.map(({ path }) => path);
  const { artifact, self_test } = manifest;
  const isThere = (name: string) =>
    paths.some((path) => path === name || path.startsWith(`${name}/`));
  if (new Set(paths).size < paths.length || !paths.every(isSafePath)) return null;
  const files = new Map<string, Bytes>();
  for (const { path, bytes, sha256 } of manifest.files) {
    const content = await read(path);
    if (content?.length !== bytes || (await digestOf(content)) !== sha256) return null;
    files.set(path, content);
  }
  const test = files.get(self_test);
  if (!isThere(artifact.name) || !test) return null;
  return vectorsOf(test)?.artifact?.sha256 === artifact.sha256 ? files : null;
}

/** What `selftest.json` says; null where it is none. */
export function vectorsOf(content: Bytes): SelfTestVectors | null {
  const test = json(content) as
    | (SelfTestVectors & { format: string; schema_version: number })
    | null;
  const isOne = test?.format === "edgeconv-self-test" && test.schema_version === 1;
  return isOne && Array.isArray(test.vectors) && test.vectors.length > 0 ? test : null;
}

/** Whether a path stays in the update's folder on every system. */
export function isSafePath(path: string): boolean {
  if (/[\\:\0]/.test(path)) return false;
  return path.split("/").every((part) => !["", ".", ".."].includes(part));
}

/** −1, 0 or 1: the order of two versions of an app; what follows the numbers is not read. */
export function compareVersions(a: string, b: string): number {
  const numbers = (text: string) => /^\d+(\.\d+)*/.exec(text)?.[0].split(".").map(Number) ?? [];
  const [ours, theirs] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    const difference = (ours[i] ?? 0) - (theirs[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

/** What is kept of the installed update; it is replaced in one step. */
export interface UpdateState {
  /** Null: the app's own model. */
  readonly manifest: UpdateManifest | null;
  readonly floor: number;
  /** That of the app which verified it: an app with another key does not trust it any more. */
  readonly public_key: string;
}

/** Where updates are kept; the app says where. */
export interface UpdateStore {
  read(): Promise<UpdateState | null>;
  /** A file of a version; null where it is not there. */
  file(version: number, path: string): Promise<Bytes | null>;
  /** Puts the files of a version beside what is there. */
  put(version: number, files: ReadonlyMap<string, Bytes>): Promise<void>;
  /** Replaces the state, in one step. */
  swap(state: UpdateState): Promise<void>;
  /** Removes the files of every version but this one; null: of all. */
  clean(version: number | null): Promise<void>;
}

/** What became of an update. */
export type UpdateOutcome =
  | { readonly accepted: true; readonly version: number }
  | { readonly accepted: false; readonly reason: Refusal; readonly record: SelfTestRecord | null };

/** The model that an app is to use. */
export interface CurrentModel {
  /** Its file and self-test; null: the package's own. */
  readonly update: { readonly model: Bytes; readonly vectors: SelfTestVectors } | null;
  /** Whether an installed update is given up: it is damaged, fails here, or is not trusted now. */
  readonly rolledBack: boolean;
  /**
   * Why an installed update is not used this time: it could not be read or opened now. It stays, and
   * the next start tries it again. Null: nothing was in the way.
   */
  readonly postponed: string | null;
}

const OWN: CurrentModel = { update: null, rolledBack: false, postponed: null };

/** What a model's file is that cannot become right by itself. */
const WRONG: readonly ModelErrorKind[] = ["wrong-digest", "wrong-model"];

/** Takes updates that are signed, whole and right, one at a time. */
export class Updates {
  readonly #app: AppFacts;
  readonly #store: UpdateStore;
  readonly #prove: (model: Bytes, vectors: SelfTestVectors) => Promise<unknown>;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param prove opens a model and runs its self-test; throws `NoUnitPassed` where it fails
   */
  constructor(
    app: AppFacts,
    store: UpdateStore,
    prove: (model: Bytes, vectors: SelfTestVectors) => Promise<unknown>,
  ) {
    this.#app = app;
    this.#store = store;
    this.#prove = prove;
  }

  /**
   * Takes an update, or says why not; the model in use changes at the app's next start.
   *
   * @throws ModelError where the page is not in a secure context
   */
  install(read: ReadFile): Promise<UpdateOutcome> {
    const outcome = this.#queue.then(() => this.#install(read));
    this.#queue = outcome.catch(() => undefined);
    return outcome;
  }

  async #install(source: ReadFile): Promise<UpdateOutcome> {
    const read: ReadFile = (path) => source(path).catch(() => null); // what fails is not there
    const refused = (reason: Refusal, record: SelfTestRecord | null = null): UpdateOutcome => ({
      accepted: false,
      reason,
      record,
    });
    let floor: number;
    try {
      floor = await this.#floor();
    } catch {
      return refused("storage_failed");
    }
    const manifest = await readUpdate(read, { ...this.#app, floor });
    if (typeof manifest === "string") return refused(manifest);
    const files = await readFiles(read, manifest);
    const model = files?.get(manifest.artifact.name);
    const vectors = files && vectorsOf(files.get(manifest.self_test) as Bytes);
    if (!files || !vectors) return refused("damaged_file");
    try {
      // A browser's model is one file.
      if (!model) throw new TypeError(`${manifest.artifact.name} is no file`);
      await this.#prove(model, vectors);
    } catch (error) {
      return refused("self_test_failed", error instanceof NoUnitPassed ? error.record : null);
    }
    const { version } = manifest;
    try {
      await this.#store.put(version, files);
      const { public_key } = this.#app;
      await this.#store.swap({ manifest, floor: version, public_key });
    } catch {
      return refused("storage_failed");
    }
    await this.#store.clean(version).catch(() => undefined); // it is tried again at the next start
    return { accepted: true, version };
  }

  /**
   * The model to use, at an app's start: the installed update while it is whole and newer than the
   * package's own, and passes its self-test. One that is damaged or answers wrongly is given up; one
   * that cannot be read or opened now is kept for the next time.
   *
   * @throws ModelError where the page is not in a secure context
   */
  async current(): Promise<CurrentModel> {
    try {
      return await this.#current();
    } catch (error) {
      if (error instanceof ModelError && error.kind === "not-secure") throw error;
      return { ...OWN, postponed: error instanceof Error ? error.message : String(error) };
    }
  }

  async #current(): Promise<CurrentModel> {
    const state = await this.#store.read();
    if (!state?.manifest) {
      await this.#store.clean(null).catch(() => undefined);
      return OWN;
    }
    const { manifest, public_key } = state;
    const { name, contract_sha256, model_version } = this.#app;
    const isOurs =
      manifest.name === name &&
      manifest.contract_sha256 === contract_sha256 &&
      public_key === this.#app.public_key;
    if (isOurs && manifest.version > model_version) {
      const files = await readFiles((path) => this.#store.file(manifest.version, path), manifest);
      const model = files?.get(manifest.artifact.name);
      const vectors = files && vectorsOf(files.get(manifest.self_test) as Bytes);
      if (model && vectors && (await this.#passes(model, vectors))) {
        await this.#store.clean(manifest.version).catch(() => undefined);
        return { ...OWN, update: { model, vectors } };
      }
    }
    // The floor stays with the key that it belongs to.
    try {
      await this.#store.swap({ ...state, manifest: null });
      await this.#store.clean(null);
    } catch {
      // The old state is whole, and the next start gives the update up again.
    }
    return { ...OWN, rolledBack: manifest.version > model_version };
  }

  /** Whether it answers as it must; throws where that could not be found out. */
  async #passes(model: Bytes, vectors: SelfTestVectors): Promise<boolean> {
    try {
      await this.#prove(model, vectors);
      return true;
    } catch (error) {
      const isWrong =
        error instanceof NoUnitPassed
          ? error.record.results.some(({ status }) => status === "failed")
          : error instanceof ModelError && WRONG.includes(error.kind);
      if (!isWrong) throw error;
      return false;
    }
  }

  /** The floor for an update that comes now: what a thief of another key installed is no part. */
  async #floor(): Promise<number> {
    const state = await this.#store.read();
    const { model_version, public_key } = this.#app;
    return state?.public_key === public_key ? Math.max(model_version, state.floor) : model_version;
  }
}

/** Updates in IndexedDB. */
export function updatesIn(factory: IDBFactory, name: string): UpdateStore {
  const opened = new Promise<IDBDatabase>((resolve, reject) => {
    const request = factory.open(`edgeconv.${name}.updates`, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("state");
      request.result.createObjectStore("files");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  /** One transaction: all of it, or nothing. */
  const inStore = async <Value>(
    store: "state" | "files",
    mode: IDBTransactionMode,
    work: (objects: IDBObjectStore) => IDBRequest<Value> | undefined,
  ): Promise<Value | undefined> => {
    const database = await opened;
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(store, mode, { durability: "strict" });
      const request = work(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  };
  return {
    read: async () => (await inStore("state", "readonly", (all) => all.get("state"))) ?? null,
    file: async (version, path) =>
      (await inStore("files", "readonly", (all) => all.get([version, path]))) ?? null,
    put: async (version, files) => {
      await inStore("files", "readwrite", (all) => {
        for (const [path, content] of files) all.put(content, [version, path]);
        return undefined;
      });
    },
    swap: async (state) => {
      await inStore("state", "readwrite", (all) => all.put(state, "state"));
    },
    clean: async (version) => {
      await inStore("files", "readwrite", (all) => {
        // An array is above every number: [v] to [v, []] holds each path of version v.
        if (version === null) return all.clear();
        all.delete(IDBKeyRange.upperBound([version], true));
        return all.delete(IDBKeyRange.lowerBound([version, []], true));
      });
    },
  };
}
