/**
 * The filter that keeps what is too fast for the model's rate from turning up as something slower.
 *
 * It is the one that the training recordings went through: flat to 0.8 of the Nyquist frequency of
 * the model's rate, at least 60 dB down from 1.1 of it (Kaiser's method; Oppenheim and Schafer,
 * Discrete-Time Signal Processing, 7.5.3).
 */

const PASS_EDGE = 0.8;
const STOP_EDGE = 1.1;
const DESIGN_DECIBELS = 65;
const NOMINAL_TOLERANCE = 0.03;

/** Points of the fine grid that make one step of the model; 1 means that no filter is needed. */
export function oversampling(sensorHz: number, rateHz: number): number {
  return Math.max(1, Math.ceil(sensorHz / rateHz - NOMINAL_TOLERANCE));
}

/** An odd number of taps, symmetric, with sum 1, so that gravity passes unchanged. */
export function lowPass(factor: number): Float64Array {
  if (factor === 1) return Float64Array.of(1);
  const width = (STOP_EDGE - PASS_EDGE) / factor;
  const cutoff = (STOP_EDGE + PASS_EDGE) / 2 / factor;
  const beta = 0.1102 * (DESIGN_DECIBELS - 8.7);
  const length = Math.ceil((DESIGN_DECIBELS - 7.95) / 2.285 / (Math.PI * width) + 1) | 1;
  const half = (length - 1) / 2;
  const raw = Float64Array.from({ length }, (_, i) => {
    const n = i - half;
    return sinc(cutoff * n) * besselI0(beta * Math.sqrt(1 - (n / half) ** 2));
  });
  const total = raw.reduce((sum, tap) => sum + tap, 0);
  return raw.map((tap) => tap / total);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The modified Bessel function of order 0, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let total = 1;
  for (let k = 1; term > 1e-17 * total; k++) {
    term *= (x / (2 * k)) ** 2;
    total += term;
  }
  return total;
}
