// The page's service worker. `npm run build` writes it as site/sw.js, with the digest of each file.
//
// Every file is kept by its SHA-256, so one that did not change is not fetched again, and one that
// is not as it was built is never kept: then the new version is not installed, and the old one
// stays. A new version takes over when no page of the old one is open, or when a person says so.

const FILES = {};

const CACHE = `edgeconv ${new URL(self.registration.scope).pathname}`;
const HEX = 16;

const placeOf = (path) => new URL(path, self.registration.scope).href;
const keyOf = (sha256) => placeOf(`.kept/${sha256}`);

/** The path of an address among the files of this version. */
function pathOf(address) {
  const { origin, pathname } = new URL(address);
  const scope = new URL(self.registration.scope);
  if (origin !== scope.origin || !pathname.startsWith(scope.pathname)) return null;
  const path = decodeURIComponent(pathname.slice(scope.pathname.length)) || "index.html";
  return Object.hasOwn(FILES, path) ? path : null;
}

async function digestOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(HEX).padStart(2, "0")).join("");
}

/** A file of this version; fetched where it is not kept yet. */
async function answer(path) {
  const { sha256 } = FILES[path];
  const cache = await caches.open(CACHE);
  const before = await cache.match(keyOf(sha256));
  if (before) return before;
  const fetched = await fetch(placeOf(path), { cache: "no-store" });
  if (!fetched.ok) throw new Error(`${path}: ${fetched.status} ${fetched.statusText}`);
  const bytes = await fetched.arrayBuffer();
  if ((await digestOf(bytes)) !== sha256) throw new Error(`${path} is not the file that was built`);
  const headers = { "Content-Type": fetched.headers.get("Content-Type") ?? "" };
  await cache.put(keyOf(sha256), new Response(bytes, { headers }));
  return new Response(bytes, { headers });
}

async function install() {
  const paths = Object.keys(FILES).filter((path) => !FILES[path].later);
  await Promise.all(paths.map(answer));
}

async function activate() {
  const cache = await caches.open(CACHE);
  const keys = new Set(Object.values(FILES).map(({ sha256 }) => keyOf(sha256)));
  for (const request of await cache.keys()) if (!keys.has(request.url)) await cache.delete(request);
  await self.clients.claim();
}

/** Keeps what a page has used, and says so. */
async function keep(addresses, client) {
  await Promise.all(addresses.map(pathOf).filter(Boolean).map(answer));
  client?.postMessage("kept");
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "use") self.skipWaiting();
  else if (event.data?.keep) event.waitUntil(keep(event.data.keep, event.source));
});
self.addEventListener("fetch", (event) => {
  const path = event.request.method === "GET" ? pathOf(event.request.url) : null;
  if (path) event.respondWith(answer(path));
});
