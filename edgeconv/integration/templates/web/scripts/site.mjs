// Puts the page and all that it needs into `site`: a folder for any server of static files. Its
// service worker gets the digest of each file.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const site = path.join(root, "site");
const require = createRequire(import.meta.url);
const BUILDS = ["litert_wasm_internal", "litert_wasm_compat_internal"];

/** Copies a file or folder of this package, or one at an absolute place. */
function copy(from, to = from) {
  const options = { recursive: true, filter: (source) => !/\.(map|d\.ts)$/.test(source) };
  cpSync(path.resolve(root, from), path.join(site, to), options);
}

rmSync(site, { recursive: true, force: true });
mkdirSync(site);
const PLAIN = ["index.html", "style.css", "manifest.webmanifest", "icon.svg"];
for (const name of [...PLAIN, "icon-180.png", "icon-512.png", "model"]) copy(name);
copy("dist", "app");
copy("test/stream.json", "recordings.json");
const core = require.resolve("@litertjs/core");
copy(core, "litert/core.js");
copy(createRequire(core).resolve("@litertjs/wasm-utils"), "litert/wasm-utils.js");
for (const name of BUILDS.flatMap((build) => [`${build}.js`, `${build}.wasm`])) {
  copy(path.join(path.dirname(core), "..", "wasm", name), `litert/${name}`);
}

const files = {};
const names = readdirSync(site, { recursive: true, withFileTypes: true });
for (const entry of names.filter((each) => each.isFile())) {
  const place = path.join(entry.parentPath ?? entry.path, entry.name);
  const sha256 = createHash("sha256").update(readFileSync(place)).digest("hex");
  // A browser uses one of the two builds: it is kept once it was used.
  const later = BUILDS.some((build) => entry.name.startsWith(`${build}.`));
  files[path.relative(site, place).split(path.sep).join("/")] = { sha256, ...(later && { later }) };
}
const worker = readFileSync(path.join(root, "scripts/service-worker.js"), "utf8");
const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(
  path.join(site, "sw.js"),
  worker.replace("const FILES = {};", `const FILES = ${JSON.stringify(sorted, null, 2)};`),
);
console.log(`${site}: ${Object.keys(files).length} files, to be served over https or on localhost`);
