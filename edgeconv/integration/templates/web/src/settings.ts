import { contract } from "./contract.js";
import { oversampling } from "./lowPass.js";

/** What a stream has to know of the model and of the sensor. */
export interface StreamSettings {
  /** Steps a second, in one window, and between the starts of two windows. */
  readonly rateHz: number;
  readonly window: number;
  readonly step: number;
  /** The rate that the sensor is expected to have; what it really does may differ. */
  readonly sensorHz: number;
  /** The model's unit and sign for one of the sensor's. */
  readonly factor: number;
}

/** Those of the model in this package. */
export const defaultSettings: StreamSettings = {
  rateHz: contract.rateHz,
  window: contract.window,
  step: contract.step,
  sensorHz: contract.sensorHz,
  factor: contract.factor,
};

/** A pause, or a step back in time, above this many nominal intervals restarts the stream. */
const GAP_INTERVALS = 5;
/** Samples nearer to the last one than this share of an interval are doubled ones. */
const CLOSEST_INTERVALS = 0.1;

/** What follows from settings; times are in nanoseconds. */
export interface Derived {
  readonly oversampling: number;
  readonly spacing: number;
  readonly maxGap: number;
  readonly closest: number;
}

/** @throws RangeError where a setting makes no sense. */
export function derive(settings: StreamSettings): Derived {
  const { rateHz, window, step, sensorHz, factor } = settings;
  const positive = [rateHz, window, step, sensorHz].every((n) => Number.isFinite(n) && n > 0);
  if (!positive || !Number.isInteger(window) || !Number.isInteger(step)) {
    throw new RangeError("rates, window and step of a stream must be above 0");
  }
  if (!Number.isFinite(factor) || factor === 0) {
    throw new RangeError(`the factor of a stream is ${factor}`);
  }
  const points = oversampling(sensorHz, rateHz);
  return {
    oversampling: points,
    spacing: 1e9 / (rateHz * points),
    maxGap: Math.floor((GAP_INTERVALS * 1e9) / sensorHz + 0.5),
    closest: Math.floor((CLOSEST_INTERVALS * 1e9) / sensorHz + 0.5),
  };
}
