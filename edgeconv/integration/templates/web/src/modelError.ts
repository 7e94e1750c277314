/** What went wrong. */
export type ModelErrorKind =
  /** The model's file, or LiteRT.js, did not arrive: no network, or a server's status. */
  | "not-found"
  /** The file is not the one that was tested. */
  | "wrong-digest"
  /** The page is not served over https, so the browser can check neither files nor signatures. */
  | "not-secure"
  /** The file does not take and give what the contract says. */
  | "wrong-model"
  /** An input has another number of values than the model takes. */
  | "wrong-size"
  /** An input holds a NaN or an infinity. */
  | "input-not-finite"
  /** A whole number was expected, or one within the limits that the model takes. */
  | "input-out-of-range"
  /** The model gave a NaN or an infinity. */
  | "output-not-finite"
  /** The model gave no such output, or one of another size. */
  | "wrong-output"
  /** LiteRT.js could not load or run the model. */
  | "failed";

/** Why there is no prediction. `tensor` is the model's own name of the input or output. */
export class ModelError extends Error {
  readonly kind: ModelErrorKind;
  readonly tensor: string | null;

  constructor(kind: ModelErrorKind, message: string, tensor: string | null = null) {
    super(message);
    this.name = "ModelError";
    this.kind = kind;
    this.tensor = tensor;
  }
}
