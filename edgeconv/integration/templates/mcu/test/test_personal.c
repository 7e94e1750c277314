/* Runs every case of personal.json through the personal layer, on the host: `make test`.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "personal_vectors.h"

#define CAPACITY 128

static edgeconv_personal layer;
static edgeconv_personal_window windows[CAPACITY];

static void run_step(const test_personal_layer *expected, const test_personal_step *step, int i) {
  double probabilities[EDGECONV_PERSONAL_CLASSES];
  const char *name = expected->name;
  bool personal = false;
  int label;
  switch (step->kind) {
    case TEST_ENROLL:
      CHECK(edgeconv_personal_enroll(&layer, step->label, step->outputs, step->embedding) ==
                step->yes,
            "%s, step %d: accepted", name, i);
      break;
    case TEST_FORGET:
      edgeconv_personal_forget(&layer, step->label);
      break;
    case TEST_ANSWER:
      label = edgeconv_personal_answer(&layer, step->outputs, step->embedding, step->unsure_below,
                                       probabilities, &personal);
      CHECK(label == step->label, "%s, step %d: answers %d", name, i, label);
      CHECK(personal == step->yes, "%s, step %d: took part", name, i);
      for (int k = 0; k < layer.classes; k++) {
        const double wanted = step->probabilities[k];
        CHECK(isnan(wanted) ? isnan(probabilities[k])
                            : fabs(probabilities[k] - wanted) <= test_personal_tolerance,
              "%s, step %d: probability %d is %.17g", name, i, k, probabilities[k]);
      }
      break;
  }
  CHECK(edgeconv_personal_judge(&layer) == step->state, "%s, step %d: state", name, i);
}

static void run_store(const test_personal_layer *expected) {
  edgeconv_personal_header header;
  const edgeconv_personal_state state = edgeconv_personal_judge(&layer);
  const int count = layer.count;
  edgeconv_personal_store(&layer, expected->sha256, &header);
  CHECK(edgeconv_personal_restore(&layer, expected->sha256, &header), "%s: restored",
        expected->name);
  CHECK(layer.count == count && edgeconv_personal_judge(&layer) == state, "%s: as before",
        expected->name);
  CHECK(!edgeconv_personal_restore(&layer, "another file", &header) && layer.count == 0,
        "%s: windows of another file", expected->name);
  CHECK(edgeconv_personal_judge(&layer) == EDGECONV_PERSONAL_EMPTY, "%s: refused", expected->name);
  header.count = CAPACITY + 1;
  CHECK(!edgeconv_personal_restore(&layer, expected->sha256, &header), "%s: too many windows",
        expected->name);
  header.count = 1;
  windows[0].label = expected->classes;
  CHECK(!edgeconv_personal_restore(&layer, expected->sha256, &header), "%s: no such class",
        expected->name);
  windows[0].label = 0;
  windows[0].embedding[0] = NAN;
  CHECK(!edgeconv_personal_restore(&layer, expected->sha256, &header), "%s: damaged",
        expected->name);
}

static void run_room(void) {
  const float outputs[EDGECONV_PERSONAL_CLASSES] = {1.0f};
  const float embedding[EDGECONV_PERSONAL_EMBEDDING] = {1.0f};
  CHECK(edgeconv_personal_init(&layer, 2, 2, false, windows, 2), "room");
  CHECK(edgeconv_personal_enroll(&layer, 0, outputs, embedding), "the first window");
  CHECK(edgeconv_personal_enroll(&layer, 0, outputs, embedding), "the second window");
  CHECK(edgeconv_personal_enroll(&layer, 0, outputs, embedding), "the oldest gives way");
  CHECK(layer.count == 2, "as many as there is room for");
  CHECK(!edgeconv_personal_enroll(&layer, 1, outputs, embedding), "no room for another activity");
  CHECK(!edgeconv_personal_enroll(&layer, 2, outputs, embedding), "no such class");
  CHECK(!edgeconv_personal_enroll(&layer, -1, outputs, embedding), "no such class");
  CHECK(!edgeconv_personal_init(&layer, EDGECONV_PERSONAL_CLASSES + 1, 2, false, windows, 2),
        "more classes than it was compiled for");
  CHECK(!edgeconv_personal_init(&layer, 2, EDGECONV_PERSONAL_EMBEDDING + 1, false, windows, 2),
        "a longer embedding than it was compiled for");
}

int main(void) {
  for (int c = 0; c < test_personal_layer_count; c++) {
    const test_personal_layer *expected = &test_personal_layers[c];
    CHECK(edgeconv_personal_init(&layer, expected->classes, expected->embedding, expected->logits,
                                 windows, CAPACITY),
          "%s: sizes", expected->name);
    for (int i = 0; i < expected->step_count; i++) {
      run_step(expected, &expected->steps[i], i);
    }
    run_store(expected);
  }
  run_room();
  CHECK(alive > 0, "nothing was called while layers were judged");
  printf("%d personal layers: %s\n", test_personal_layer_count,
         failures == 0 ? "all checks passed" : "some checks FAILED");
  return failures == 0 ? 0 : 1;
}
