/* Runs every test stream through the core, on the host: `make test`.
 *
 * With the argument --inputs it prints each window as the model's int8 input instead, one a line,
 * so that an interpreter elsewhere can answer it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "model_data.h"
#include "stream_vectors.h"

typedef struct {
  const test_stream *expected;
  int seen;
  float largest;
  edgeconv_decider decider;
} run;

static void check_window(const edgeconv_window *window, void *context) {
  run *r = context;
  const char *name = r->expected->name;
  const int number = r->seen++;
  if (number >= r->expected->window_count) {
    return; /* the count is checked at the end */
  }
  const expected_window *expected = &r->expected->windows[number];
  CHECK(window->number == expected->number, "%s %d: number", name, number);
  CHECK(window->segment == expected->segment, "%s %d: segment", name, number);
  CHECK(window->end_ns == expected->end_ns, "%s %d: ends at %" PRId64, name, number,
        window->end_ns);
  float largest = 0.0f;
  for (int i = 0; i < EDGECONV_INPUT_SIZE; i++) {
    largest = fmaxf(largest, fabsf(window->values[i] - expected->values[i]));
  }
  CHECK(largest <= test_value_tolerance, "%s %d: values off by %g", name, number, (double)largest);
  r->largest = fmaxf(r->largest, largest);

  const int label = edgeconv_decider_update(&r->decider, window->segment, expected->outputs);
  CHECK(r->decider.candidate == expected->decision, "%s %d: decides %d", name, number,
        r->decider.candidate);
  CHECK(label == (expected->unsure ? EDGECONV_UNSURE : expected->decision), "%s %d: shows %d", name,
        number, label);
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    CHECK(near(r->decider.probabilities[i], expected->smoothed[i], test_smoothed_tolerance),
          "%s %d: smoothed probability of %s", name, number, edgeconv_labels[i]);
  }
}

static void print_input(const edgeconv_window *window, void *context) {
  int8_t input[EDGECONV_INPUT_SIZE];
  (void)context;
  edgeconv_quantize(window->values, input);
  for (int i = 0; i < EDGECONV_INPUT_SIZE; i++) {
    printf(i ? " %d" : "%d", input[i]);
  }
  printf("\n");
}

static void feed(edgeconv_stream *stream, const test_stream *from) {
  for (int i = 0; i < from->sample_count; i++) {
    const edgeconv_sample *sample = &from->samples[i];
    if (i == from->restart_before) {
      edgeconv_stream_restart(stream);
    }
    const float *v = sample->values;
    if (from->sensors == NULL) {
      edgeconv_stream_push(stream, sample->t_ns, v[0], v[1], v[2]);
    } else {
      CHECK(edgeconv_stream_push_from(stream, from->sensors[i], sample->t_ns, v[0], v[1], v[2]),
            "%s, sample %d: sensor", from->name, i);
    }
  }
}

static void run_stream(const test_stream *expected) {
  static edgeconv_stream stream; /* too large for some stacks */
  run r = {expected, 0, 0.0f, {0}};
  edgeconv_decider_init(&r.decider);
  if (!edgeconv_stream_init(&stream, &expected->settings, check_window, &r)) {
    CHECK(false, "%s: settings", expected->name);
    return;
  }
  feed(&stream, expected);
  CHECK(r.seen == expected->window_count, "%s: %d windows", expected->name, r.seen);
  CHECK(stream.segment == expected->segment, "%s: segment", expected->name);
  CHECK(memcmp(&stream.counts, &expected->counts, sizeof stream.counts) == 0, "%s: counts",
        expected->name);
  for (unsigned i = 0; i < EDGECONV_SENSORS; i++) {
    CHECK(edgeconv_stream_waits_for(&stream, i) == ((expected->waiting >> i & 1u) != 0),
          "%s: waits for sensor %u", expected->name, i);
  }
  CHECK(!edgeconv_stream_push_from(&stream, EDGECONV_SENSORS, 0, 0.0f, 0.0f, 0.0f),
        "%s: a sensor that is none is taken", expected->name);
  printf("%-12s %d samples, %d windows, largest difference %.2g\n", expected->name,
         expected->sample_count, r.seen, (double)r.largest);
}

#if EDGECONV_CLASSES >= 3
static void run_decisions(const test_decisions *expected) {
  edgeconv_decider decider;
  edgeconv_decider_init(&decider);
  decider.logits = expected->logits;
  decider.alpha = expected->alpha;
  decider.hysteresis = expected->hysteresis;
  decider.unsure_below = 0.0f; /* device.json has cases with a threshold */
  for (int i = 0; i < expected->update_count; i++) {
    float outputs[EDGECONV_CLASSES];
    for (int c = 0; c < EDGECONV_CLASSES; c++) { /* further classes never have a chance */
      outputs[c] = c < 3 ? expected->updates[i].outputs[c] : expected->logits ? -5000.0f : 0.0f;
    }
    int label = edgeconv_decider_update(&decider, expected->updates[i].segment, outputs);
    CHECK(label == expected->updates[i].label, "%s, update %d: decides %d", expected->name, i,
          label);
    for (int c = 0; c < 3 && label >= 0; c++) {
      CHECK(near(decider.probabilities[c], expected->updates[i].probabilities[c],
                 test_smoothed_tolerance),
            "%s, update %d: probability %d", expected->name, i, c);
    }
  }
}
#endif

/* The contract's own settings are those of the test streams of the same sensor rate and factor. */
static void check_settings(void) {
  const edgeconv_settings *own = &edgeconv_default_settings;
  for (int i = 0; i < test_stream_count; i++) {
    const edgeconv_settings *other = &test_streams[i].settings;
    if (memcmp(own->max_gap_ns, other->max_gap_ns, sizeof own->max_gap_ns) == 0) {
      CHECK(own->spacing_ns == other->spacing_ns && own->silence_ns == other->silence_ns &&
                memcmp(own->closest_ns, other->closest_ns, sizeof own->closest_ns) == 0 &&
                own->oversampling == other->oversampling && own->tap_count == other->tap_count &&
                memcmp(own->taps, other->taps, own->tap_count * sizeof *own->taps) == 0,
            "default settings differ from those of %s", test_streams[i].name);
    }
  }
}

static void check_quantization(void) {
  float values[EDGECONV_INPUT_SIZE] = {0.0f, 1e9f, -1e9f};
  int8_t input[EDGECONV_INPUT_SIZE], output[EDGECONV_CLASSES] = {-128, 127};
  float outputs[EDGECONV_CLASSES];
  if (EDGECONV_INPUT_SIZE < 3 || EDGECONV_CLASSES < 2) {
    return;
  }
  edgeconv_quantize(values, input);
  CHECK(input[0] == EDGECONV_INPUT_ZERO_POINT, "zero is stored as %d", input[0]);
  CHECK(input[1] == 127 && input[2] == -128, "what is out of range is clipped");
  edgeconv_dequantize(output, outputs);
  CHECK(near(outputs[1] - outputs[0], 255.0f * EDGECONV_OUTPUT_SCALE, 1e-6f),
        "the output's range is %g", (double)(outputs[1] - outputs[0]));
}

static int print_inputs(void) {
  static edgeconv_stream stream;
  for (int i = 0; i < test_stream_count; i++) {
    if (!edgeconv_stream_init(&stream, &test_streams[i].settings, print_input, NULL)) {
      return 1;
    }
    feed(&stream, &test_streams[i]);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--inputs") == 0) {
    return print_inputs();
  }
  for (int i = 0; i < test_stream_count; i++) {
    run_stream(&test_streams[i]);
  }
#if EDGECONV_CLASSES >= 3
  for (int i = 0; i < test_decision_count; i++) {
    run_decisions(&test_decision_cases[i]);
  }
#endif
  check_settings();
  check_quantization();
  CHECK(memcmp(model_data + 4, "TFL3", 4) == 0, "model_data is no .tflite file");
  CHECK((uintptr_t)model_data % 16 == 0, "model_data is not aligned");
  printf("state of a stream: %u bytes; model: %u bytes\n", (unsigned)sizeof(edgeconv_stream),
         model_data_size);
  printf(failures ? "%d checks FAILED\n" : "all checks passed\n", failures);
  return failures ? 1 : 0;
}
