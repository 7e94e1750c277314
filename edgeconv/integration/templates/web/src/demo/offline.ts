import { element } from "./view.js";

/**
 * Keeps everything on this device, and offers a new version when it is there in full.
 *
 * The worker in `sw.js` knows each file by its digest. A new version is used when the page is opened
 * anew, or when the person says so: a page never mixes two.
 */
export async function workOffline(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const workers = navigator.serviceWorker;
  let isControlled = workers.controller !== null;
  workers.addEventListener("message", ({ data }) => {
    if (data === "kept") element("offline").hidden = false;
  });
  workers.addEventListener("controllerchange", () => {
    if (isControlled) location.reload(); // another version has taken over
    isControlled = true;
  });
  const registration = await workers.register("sw.js").catch(() => null); // as in a private window
  if (!registration) return;
  offerUpdate(registration);
  registration.addEventListener("updatefound", () => {
    const installing = registration.installing;
    installing?.addEventListener("statechange", () => offerUpdate(registration));
  });
  // What this browser needs of files that not every browser does, such as its build of LiteRT.js.
  const used = performance.getEntriesByType("resource").map(({ name }) => name);
  (await workers.ready).active?.postMessage({ keep: used });
}

function offerUpdate({ waiting }: ServiceWorkerRegistration): void {
  if (!waiting || !navigator.serviceWorker.controller) return;
  element("update").hidden = false;
  element("reload").onclick = () => waiting.postMessage("use");
}

interface InstallEvent extends Event {
  prompt(): Promise<unknown>;
}

/** Shows a button where the browser would install the page as an app. */
export function offerInstallation(): void {
  const button = element("install");
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    button.hidden = false;
    button.onclick = () => {
      button.hidden = true;
      (event as InstallEvent).prompt();
    };
  });
  window.addEventListener("appinstalled", () => {
    button.hidden = true;
  });
}
