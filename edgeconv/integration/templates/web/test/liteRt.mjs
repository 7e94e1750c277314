import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { compileFunction } from "node:vm";

/** A file of this package. */
export function bytesOf(name) {
  return new Uint8Array(readFileSync(new URL(`../${name}`, import.meta.url)));
}

/** LiteRT.js is made for browsers; this is what it looks for there. Returns its `wasm` folder. */
export function browserForLiteRt() {
  const require = createRequire(import.meta.url);
  globalThis.self = globalThis;
  globalThis.importScripts = (file) => {
    const names = ["module", "exports", "require", "__filename", "__dirname"];
    const script = compileFunction(readFileSync(file, "utf8"), names, { filename: file });
    const holder = { exports: {} };
    script(holder, holder.exports, require, file, path.dirname(file));
    globalThis.ModuleFactory = holder.exports;
  };
  for (const name of ["warn", "info", "debug"]) console[name] = () => {};
  return path.join(path.dirname(require.resolve("@litertjs/core")), "..", "wasm") + path.sep;
}
