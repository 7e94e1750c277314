/**
 * Runs one .tflite file in LiteRT.js for the Python process that started this one.
 *
 *   node serve.mjs FOLDER FILE
 *
 * FOLDER holds node_modules with @litertjs/core, FILE is the model. Standard output carries nothing
 * but answers, each a line of JSON, followed by as many bytes as its `bytes` says. Requests on
 * standard input have the same form.
 *
 * First answer, unasked:   {"inputs": [{"name", "dtype", "shape"}], "outputs": [...], "version"}
 * {"run": n, "bytes": …}   n inferences; the bytes are those of the first input, n times its
 *                          tensor, then those of the next. The answer's bytes are the outputs alike.
 * {"again": true}          one inference of the inputs that are in place; an answer without bytes.
 * {"outputs": true}        the answer's bytes are the outputs of the last "again".
 * Any answer may be {"error": "…", "kind": "lacking" | "refused" | "failed"} instead. All numbers are
 * little-endian. The process ends when its input does.
 */

import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { compileFunction } from "node:vm";

const STANDARD_OUTPUT = 1;
const NEW_LINE = 10;
const ARRAYS = { float32: Float32Array, int32: Int32Array };

/** What LiteRT said of its troubles since this was last emptied. */
const troubles = [];

/** The engine itself does not start. */
class Lacking extends Error {}

/** The engine works, but not with this file. */
class Refused extends Error {}

function note(text) {
  if (/\bERROR\b/.test(text)) troubles.push(text.replace(/^ERROR: /, "").trim());
}

/** LiteRT.js is made for browsers; this is what it looks for there. */
function pretendToBeABrowser(require) {
  globalThis.self = globalThis;
  globalThis.Module = { print: note, printErr: note };
  globalThis.importScripts = (file) => {
    const names = ["module", "exports", "require", "__filename", "__dirname"];
    const script = compileFunction(readFileSync(file, "utf8"), names, { filename: file });
    const holder = { exports: {} };
    script(holder, holder.exports, require, file, path.dirname(file));
    globalThis.ModuleFactory = holder.exports;
  };
  // Standard output is for answers. That there is no WebGPU here is no news.
  for (const name of ["log", "info", "debug", "warn", "error"]) {
    console[name] = (...words) => note(words.join(" "));
  }
}

async function loadEngine(folder) {
  const require = createRequire(path.join(folder, "package.json"));
  pretendToBeABrowser(require);
  const main = require.resolve("@litertjs/core");
  const home = path.dirname(path.dirname(main));
  const litert = await import(pathToFileURL(main).href);
  await litert.loadLiteRt(path.join(home, "wasm") + path.sep);
  const { version } = JSON.parse(readFileSync(path.join(home, "package.json"), "utf8"));
  return { litert, version };
}

function details(found) {
  return found.map(({ name, dtype, shape }) => ({ name, dtype, shape: Array.from(shape) }));
}

function size(tensor) {
  return tensor.shape.reduce((product, length) => product * length, 1);
}

/** One opened file. */
class Session {
  constructor(litert, model) {
    this.litert = litert;
    this.model = model;
    this.inputs = details(model.getInputDetails());
    this.outputs = details(model.getOutputDetails());
    for (const { name, dtype, shape } of [...this.inputs, ...this.outputs]) {
      if (!(dtype in ARRAYS)) throw new Refused(`'${name}' is ${dtype}`);
      if (shape.some((length) => length < 1)) throw new Refused(`'${name}' has no fixed shape`);
    }
    this.placed = this.inputs.map((one) => this.tensor(one, new ARRAYS[one.dtype](size(one))));
    this.latest = [];
  }

  tensor({ shape }, values) {
    return new this.litert.Tensor(values, shape);
  }

  /** Puts `values`, an array for each input, in place of what was there. */
  place(values) {
    for (const tensor of this.placed) tensor.delete();
    this.placed = this.inputs.map((one, i) => this.tensor(one, values[i]));
  }

  /** The output tensors of one inference; LiteRT.js tells a failure in its log alone. */
  async infer() {
    troubles.length = 0;
    const found = await this.model.run(this.placed);
    if (troubles.length > 0) throw new Error(troubles.join("; "));
    return found;
  }

  async run(count, bytes) {
    const fed = split(this.inputs, count, bytes);
    const room = Buffer.alloc(this.outputs.reduce((sum, one) => sum + 4 * size(one), 0) * count);
    const made = split(this.outputs, count, room);
    for (let step = 0; step < count; step += 1) {
      this.place(this.inputs.map((one, i) => part(one, fed[i], step)));
      const found = await this.infer();
      this.outputs.forEach((one, i) => {
        part(one, made[i], step).set(found[i].toTypedArray());
        found[i].delete();
      });
    }
    return room;
  }

  async again() {
    for (const tensor of this.latest) tensor.delete();
    this.latest = [];
    this.latest = await this.infer();
  }

  /** The outputs of the last `again`. */
  async read() {
    if (this.latest.length === 0) throw new Error("no inference was run yet");
    const room = Buffer.alloc(this.outputs.reduce((sum, one) => sum + 4 * size(one), 0));
    const views = split(this.outputs, 1, room);
    this.latest.forEach((tensor, i) => {
      views[i].set(tensor.toTypedArray());
    });
    return room;
  }
}

/** A typed view for each tensor, of `count` of them one behind the other. */
function split(tensors, count, bytes) {
  let at = bytes.byteOffset;
  return tensors.map((one) => {
    const view = new ARRAYS[one.dtype](bytes.buffer, at, count * size(one));
    at += view.byteLength;
    return view;
  });
}

function part(tensor, view, step) {
  return view.subarray(step * size(tensor), (step + 1) * size(tensor));
}

/** Waits for a slow reader: a pipe that is full is no error. */
function writeAll(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STANDARD_OUTPUT, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function answer(head, bytes = Buffer.alloc(0)) {
  writeAll(Buffer.from(`${JSON.stringify({ ...head, bytes: bytes.length })}\n`));
  writeAll(bytes);
}

/** The requests on standard input, one after the other, as [head, bytes]. */
async function* requests() {
  let waiting = Buffer.alloc(0);
  let pieces = [];
  let lacking = 1; // bytes until there can be something new
  for await (const piece of process.stdin) {
    pieces.push(piece);
    lacking -= piece.length;
    if (lacking > 0) continue;
    waiting = Buffer.concat([waiting, ...pieces]);
    pieces = [];
    for (;;) {
      const end = waiting.indexOf(NEW_LINE);
      if (end < 0) break;
      const head = JSON.parse(waiting.toString("utf8", 0, end));
      const last = end + 1 + head.bytes;
      lacking = last - waiting.length;
      if (lacking > 0) break;
      // A copy starts at a multiple of 8 bytes, which typed arrays need.
      yield [head, Buffer.from(new Uint8Array(waiting.subarray(end + 1, last)).buffer)];
      waiting = waiting.subarray(last);
    }
    lacking = Math.max(lacking, 1);
  }
}

async function open(folder, file) {
  const { litert, version } = await loadEngine(folder).catch((error) => {
    throw new Lacking(error.message.split("\n")[0]);
  });
  troubles.length = 0;
  let model;
  try {
    model = await litert.loadAndCompile(readFileSync(file), { accelerator: "wasm" });
  } catch (error) {
    throw new Refused(troubles.join("; ") || error.message.split("\n")[0]);
  }
  return { session: new Session(litert, model), version };
}

function tell(error) {
  let kind = "failed";
  if (error instanceof Lacking) kind = "lacking";
  if (error instanceof Refused) kind = "refused";
  answer({ error: error.message, kind });
}

async function serve(folder, file) {
  let session;
  try {
    const opened = await open(folder, file);
    session = opened.session;
    answer({ inputs: session.inputs, outputs: session.outputs, version: opened.version });
  } catch (error) {
    tell(error);
    return;
  }
  for await (const [head, bytes] of requests()) {
    try {
      if (head.again) {
        await session.again();
        answer({});
      } else if (head.outputs) {
        answer({}, await session.read());
      } else {
        answer({}, await session.run(head.run, bytes));
      }
    } catch (error) {
      tell(error);
    }
  }
}

process.on("SIGINT", () => {}); // Ctrl-C is the parent's; this process ends with its input
await serve(...process.argv.slice(2));
process.exit(0);
