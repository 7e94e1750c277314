import type { Classifier } from "../classifier.js";
import { contract } from "../contract.js";
import { PersonalLayer, personalized, personalModel, WrongPersonalDocument } from "../personal.js";
import type { RecognizerOptions } from "../recognizer.js";
import { element } from "./view.js";

const KEPT = `edgeconv.${contract.name}.personal`;

/** Lets a person teach the page how they move: while they say what they do, windows are enrolled. */
export class Teaching {
  #layer = load();
  #label: number | null = null; // what the person says they do now

  constructor() {
    const choice = element<HTMLSelectElement>("taught-activity");
    contract.labels.forEach((label, i) => {
      choice.append(new Option(label, String(i)));
    });
    const button = element("teach");
    button.addEventListener("click", () => {
      this.#label = this.#label === null ? Number(choice.value) : null;
      this.#tell();
    });
    element("forget").addEventListener("click", () => {
      this.#layer.forget();
      this.#label = null;
      this.#keep();
    });
    this.#tell();
  }

  /** What a recognizer needs: it learns what the person teaches, and gives their answers. */
  options(classifier: Classifier) {
    const { model, decider } = personalized(
      {
        answer: async (window) => {
          const raw = await classifier.answer(window);
          if (this.#label !== null && this.#layer.enroll(this.#label, raw.outputs, raw.embedding)) {
            this.#keep();
          }
          return raw;
        },
      },
      this.#layer,
    );
    return { model, options: { decider } satisfies RecognizerOptions };
  }

  #keep(): void {
    localStorage.setItem(KEPT, JSON.stringify(this.#layer.toDocument()));
    this.#tell();
  }

  #tell(): void {
    const { counts, state } = this.#layer;
    const taught = counts.flatMap((n, i) => (n > 0 ? [`${contract.labels[i]} (${n})`] : []));
    const says = {
      empty: "Nothing is taught yet.",
      one_activity: "Teach a second activity: there is nothing yet to tell it from.",
      no_gain: "It would not help: the model's own answers stay.",
      on: "Your own answers are used.",
    }[state];
    element("taught").textContent = [says, taught.join(", ")].filter(Boolean).join(" ");
    element("teach").textContent = this.#label === null ? "I do this now" : "Done";
  }
}

/** What was taught before; nothing where it was of another model. */
function load(): PersonalLayer {
  const model = personalModel();
  try {
    return PersonalLayer.fromDocument(JSON.parse(localStorage.getItem(KEPT) ?? "null"), model);
  } catch (error) {
    if (error instanceof WrongPersonalDocument || error instanceof SyntaxError) {
      return new PersonalLayer(model);
    }
    throw error;
  }
}
