import {
  type CompiledModel,
  getGlobalLiteRtPromise,
  loadAndCompile,
  loadLiteRt,
} from "@litertjs/core";
import { ModelError } from "./modelError.js";

/** What LiteRT.js printed as an error since this was last emptied: it tells some failures only so. */
export const troubles: string[] = [];

/**
 * Loads LiteRT.js, once a page.
 *
 * @param wasm the folder that holds its `.js` and `.wasm` files
 * @throws ModelError where one of them does not arrive
 */
export async function loadRuntime(wasm: string): Promise<void> {
  const running = getGlobalLiteRtPromise();
  if (running) {
    await running;
    return;
  }
  const print = (text: string) => {
    if (/\bERROR\b/.test(text)) troubles.push(text.trim());
    else console.debug(text);
  };
  // LiteRT's WebAssembly looks for what prints in a global, which other libraries have too; it
  // leaves it undefined. The page gets its own back.
  const page = globalThis as { Module?: unknown };
  const before = Object.getOwnPropertyDescriptor(page, "Module");
  page.Module = { print, printErr: print };
  try {
    await loadLiteRt(wasm);
  } catch (error) {
    // A script that does not arrive is told by an event that says nothing.
    const reason = error instanceof Error ? error.message : "a file of it did not arrive";
    const folder = `its .js and .wasm files are expected in ${wasm}`;
    throw new ModelError("not-found", `LiteRT.js could not be loaded (${reason}): ${folder}`);
  } finally {
    if (before) Object.defineProperty(page, "Module", before);
    else delete page.Module;
  }
}

/**
 * The bytes of a model's file, if they are those that were tested.
 *
 * @param sha256 of the file, in hexadecimal digits
 * @throws ModelError where it does not arrive, or is another file
 */
export async function readModel(
  model: string | URL | Uint8Array<ArrayBuffer>,
  sha256: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = model instanceof Uint8Array ? model : await fetched(String(model));
  const name = model instanceof Uint8Array ? "the model" : String(model);
  const digest = await digestOf(bytes);
  if (digest === sha256) return bytes;
  const message = `${name} is not the tested file: its SHA-256 is ${digest}, not ${sha256}`;
  throw new ModelError("wrong-digest", `${message} (${bytes.length} bytes)`);
}

async function fetched(place: string): Promise<Uint8Array<ArrayBuffer>> {
  let answer: Response;
  try {
    answer = await fetch(place);
  } catch (error) {
    throw new ModelError("not-found", `${place} did not arrive: ${String(error)}`);
  }
  if (!answer.ok) {
    const status = `${answer.status} ${answer.statusText}`.trim();
    throw new ModelError("not-found", `${place} did not arrive: the server says ${status}`);
  }
  return new Uint8Array(await answer.arrayBuffer());
}

/**
 * The browser's cryptography.
 *
 * @throws ModelError where the page is not in a secure context: browsers have none there
 */
export function cryptography(): SubtleCrypto {
  const subtle = globalThis.crypto?.subtle;
  if (subtle) return subtle;
  const message =
    "this page is not served over https:// (or from localhost), so the browser cannot check that " +
    "the model is the tested file; serve the page and its files over https";
  throw new ModelError("not-secure", message);
}

/**
 * SHA-256 in hexadecimal digits.
 *
 * @throws ModelError where the page is not in a secure context
 */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await cryptography().digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @throws ModelError where LiteRT.js does not take the file, or runs it with something else. */
export async function compileModel(
  bytes: Uint8Array,
  accelerator: "wasm" | "webgpu" = "wasm",
): Promise<CompiledModel> {
  troubles.length = 0;
  let model: CompiledModel;
  try {
    model = await loadAndCompile(bytes, { accelerator });
  } catch (error) {
    throw new ModelError("failed", troubles.join("; ") || String(error));
  }
  // Where a graphics card cannot run a model in full, LiteRT.js takes the processor without a word.
  const used = model.options.accelerator;
  if (used === accelerator && (used === "wasm" || model.isFullyAccelerated)) return model;
  model.delete();
  throw new ModelError("failed", `LiteRT.js does not run all of the model with ${accelerator}`);
}
