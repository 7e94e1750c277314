#!/usr/bin/env node
// Copies what a browser loads of LiteRT.js into a folder that your server serves:
//   npx copy-litert-wasm public/litert
// Of its four builds two are used: one for browsers with relaxed SIMD, and one for all others.
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const BUILDS = ["litert_wasm_internal", "litert_wasm_compat_internal"];

const [folder, ...rest] = process.argv.slice(2);
if (!folder || rest.length > 0 || folder.startsWith("-")) {
  console.error("usage: copy-litert-wasm FOLDER, such as public/litert");
  process.exit(2);
}
const entry = createRequire(import.meta.url).resolve("@litertjs/core");
const source = path.join(path.dirname(entry), "..", "wasm");
mkdirSync(folder, { recursive: true });
for (const build of BUILDS) {
  for (const name of [`${build}.js`, `${build}.wasm`]) {
    copyFileSync(path.join(source, name), path.join(folder, name));
    const megabytes = statSync(path.join(folder, name)).size / 1e6;
    console.log(`${path.join(folder, name)} (${megabytes.toFixed(1)} MB)`);
  }
}
console.log("A browser loads one of the two builds. Compress them on your server: 2.9 MB of gzip.");
