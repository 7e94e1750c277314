import { contract } from "./contract.js";
import { oversampling } from "./lowPass.js";
import type { SensorKind } from "./sample.js";

/** A sensor that a stream takes samples of. */
export interface SensorSettings {
  /** The rate that the sensor is expected to have; what it really does may differ. */
  readonly sensorHz: number;
  /** The model's unit and sign for one of the sensor's. */
  readonly factor: number;
}

/** What a stream has to know of the model and of its sensors. */
export interface StreamSettings extends SensorSettings {
  /** Steps a second, in one window, and between the starts of two windows. */
  readonly rateHz: number;
  readonly window: number;
  readonly step: number;
  /**
   * The sensors after the first, whose rate and factor stand above, in the order of
   * `contract.sensors`; left out, those of the model in this package.
   */
  readonly further?: readonly SensorSettings[];
}

/** The sensors that the model takes, in their order. */
export const sensorKinds: readonly SensorKind[] = contract.sensors.map(({ kind }) => kind);

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
/** How far one sensor may be behind another, in ns; twice the longest pause where that is more. */
const SILENCE = 1e9;

/** What follows from a sensor's settings; times are in nanoseconds. */
export interface DerivedSensor {
  readonly sensorHz: number;
  readonly factor: number;
  readonly maxGap: number;
  readonly closest: number;
}

/** What follows from settings; times are in nanoseconds. */
export interface Derived {
  readonly oversampling: number;
  readonly spacing: number;
  readonly silence: number;
  readonly sensors: readonly DerivedSensor[];
}

/** @throws RangeError where a setting makes no sense. */
export function derive(settings: StreamSettings): Derived {
  const { rateHz, window, step } = settings;
  const positive = [rateHz, window, step].every((n) => Number.isFinite(n) && n > 0);
  if (!positive || !Number.isInteger(window) || !Number.isInteger(step)) {
    throw new RangeError("rates, window and step of a stream must be above 0");
  }
  const furtherOfContract = contract.sensors.slice(1).map(({ factor }) => ({
    sensorHz: contract.sensorHz,
    factor,
  }));
  const everySensor: SensorSettings[] = [settings, ...(settings.further ?? furtherOfContract)];
  if (everySensor.length !== sensorKinds.length) {
    throw new RangeError(
      `the model takes ${sensorKinds.length} sensors, not ${everySensor.length}`,
    );
  }
  const sensors = everySensor.map(deriveSensor);
  const points = Math.max(...everySensor.map(({ sensorHz }) => oversampling(sensorHz, rateHz)));
  return {
    oversampling: points,
    spacing: 1e9 / (rateHz * points),
    silence: Math.max(SILENCE, ...sensors.map(({ maxGap }) => 2 * maxGap)),
    sensors,
  };
}

function deriveSensor({ sensorHz, factor }: SensorSettings): DerivedSensor {
  if (!Number.isFinite(sensorHz) || sensorHz <= 0) {
    throw new RangeError(`the rate of a sensor is ${sensorHz}`);
  }
  if (!Number.isFinite(factor) || factor === 0) {
    throw new RangeError(`the factor of a stream is ${factor}`);
  }
  return {
    sensorHz,
    factor,
    maxGap: Math.floor((GAP_INTERVALS * 1e9) / sensorHz + 0.5),
    closest: Math.floor((CLOSEST_INTERVALS * 1e9) / sensorHz + 0.5),
  };
}
