import { readFileSync } from "node:fs";

/** What the reference made of the test streams, with the model of this package. */
export const vectors = JSON.parse(readFileSync(new URL("stream.json", import.meta.url), "utf8"));

/** Settings of a recorded stream, for a model's own window and step. */
export function settingsOf(recorded, defaults) {
  const further = (recorded.sensors ?? [])
    .slice(1)
    .map(({ hz, factor }) => ({ sensorHz: hz, factor }));
  return { ...defaults, sensorHz: recorded.sensor_hz, factor: recorded.factor, further };
}

/** The samples in the order in which the sensors gave them. JSON has no NaN: null stands for it. */
export function samplesOf({ samples }) {
  const number = (value) => value ?? Number.NaN;
  return samples.t_ns.map((time, i) => ({
    milliseconds: time / 1e6,
    ...(samples.sensor ? { sensor: vectors.contract.sensors[samples.sensor[i]] } : {}),
    x: number(samples.x[i]),
    y: number(samples.y[i]),
    z: number(samples.z[i]),
  }));
}

/** The largest difference of two lists; infinite where they differ in length or one holds a NaN. */
export function distance(found, wanted) {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const differences = wanted.map((value, i) => Math.abs(found[i] - value));
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(0, ...differences);
}
