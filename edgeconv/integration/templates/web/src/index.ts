export { Classifier } from "./classifier.js";
export { contract } from "./contract.js";
export { Decider, type DeciderSettings, type Decision } from "./decider.js";
export {
  expectedSign,
  NoMotion,
  requestMotion,
  type Sign,
  signAtRest,
  watchMotion,
} from "./motion.js";
export { type Model, type Recognition, Recognizer } from "./recognizer.js";
export type { Sample, SensorKind } from "./sample.js";
export { type Counts, SensorStream, type Window } from "./sensorStream.js";
export {
  defaultSettings,
  type SensorSettings,
  type StreamSettings,
  sensorKinds,
} from "./settings.js";
